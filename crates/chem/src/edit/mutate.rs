//! Small changes of a molecule: atoms appended, inserted, deleted, exchanged; bonds of another order; rings
//! closed and opened (the mutations of Jensen, Chemical Science 2019, 10, 3567, with our own choices).
use super::{EditMol, refused};
use crate::error::{ChemError, Result};
use crate::mol::{ELEMENTS, Mol};
use crate::split::Random;

/// Elements with their weights where an atom is added or exchanged.
const ELEMENTS_BY_WEIGHT: [(u8, usize); 8] =
    [(6, 40), (7, 16), (8, 16), (9, 9), (17, 8), (16, 7), (35, 3), (53, 1)];

/// Elements that can stand between two atoms.
const BRIDGES_BY_WEIGHT: [(u8, usize); 4] = [(6, 60), (7, 20), (8, 15), (16, 5)];

fn element(table: &[(u8, usize)], random: &mut Random) -> u8 {
    let total: usize = table.iter().map(|entry| entry.1).sum();
    let mut ticket = random.below(total);
    for &(element, weight) in table {
        if ticket < weight {
            return element;
        }
        ticket -= weight;
    }
    6
}

fn symbol(element: u8) -> &'static str {
    ELEMENTS.get(element as usize).map_or("?", |element| element.symbol)
}

fn nothing() -> ChemError {
    refused("the molecule has no place for this change")
}

fn choose<T: Copy>(list: &[T], random: &mut Random) -> Result<T> {
    list.get(random.below(list.len())).copied().ok_or_else(nothing)
}

fn open_atoms(edit: &EditMol, hydrogens: u8) -> Vec<u32> {
    edit.alive().filter(|&a| edit.atoms()[a as usize].hs >= hydrogens).collect()
}

/// A new atom in the place of hydrogens, now and then by a double or triple bond.
///
/// # Errors
/// No atom has the hydrogens.
pub fn append(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let element = element(&ELEMENTS_BY_WEIGHT, random);
    let most = match element {
        6 | 7 => 3,
        8 | 16 => 2,
        _ => 1,
    };
    let order = match random.below(20) {
        0..16 => 1,
        16..19 => 2,
        _ => 3,
    };
    let order = order.min(most);
    let site = choose(&open_atoms(&edit, order), random)?;
    let added = edit.add_atom(element)?;
    edit.connect(site, added, order)?;
    Ok((edit, format!("{}{}", ["", "=", "#"][usize::from(order - 1)], symbol(element))))
}

/// A new atom between two bonded ones.
///
/// # Errors
/// A molecule without bonds.
pub fn insert(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let single: Vec<usize> =
        (0..edit.bonds().len()).filter(|&b| edit.bonds()[b].order == 1).collect();
    let bond = choose(&single, random)?;
    let (a, b) = (edit.bonds()[bond].begin, edit.bonds()[bond].end);
    let element = element(&BRIDGES_BY_WEIGHT, random);
    let added = edit.add_atom(element)?;
    edit.disconnect(bond)?;
    edit.connect(a, added, 1)?;
    edit.connect(added, b, 1)?;
    Ok((edit, symbol(element).to_owned()))
}

/// Removes an atom with one neighbour, or one between two, which are then bonded.
///
/// # Errors
/// No such atom.
pub fn delete(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let small: Vec<u32> = edit
        .alive()
        .filter(|&a| (1..=2).contains(&mol.neighbors(a as usize).len()) && edit.len() > 2)
        .collect();
    let gone = choose(&small, random)?;
    let name = symbol(edit.atoms()[gone as usize].element).to_owned();
    let ends = mol.neighbors(gone as usize);
    edit.remove_atom(gone)?;
    if let [a, b] = ends {
        edit.connect(a.atom, b.atom, 1)?;
    }
    Ok((edit, name))
}

/// Another element in an atom's place.
///
/// # Errors
/// The element takes fewer bonds.
pub fn exchange(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let neutral: Vec<u32> =
        edit.alive().filter(|&a| edit.atoms()[a as usize].charge == 0).collect();
    let at = choose(&neutral, random)?;
    let (old, new) = (edit.atoms()[at as usize].element, element(&ELEMENTS_BY_WEIGHT, random));
    if old == new {
        return Err(nothing());
    }
    edit.set_element(at, new)?;
    Ok((edit, format!("{} for {}", symbol(old), symbol(new))))
}

/// Another order of a bond.
///
/// # Errors
/// No bond, or ends without the hydrogens.
pub fn bond_order(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let all: Vec<usize> = (0..edit.bonds().len()).collect();
    let bond = choose(&all, random)?;
    let old = edit.bonds()[bond].order;
    let new = match (old, random.below(2)) {
        (2, 0) => 1,
        (2, _) => 3,
        _ => 2,
    };
    edit.set_order(bond, new)?;
    Ok((edit, format!("{old} to {new}")))
}

/// A bond between two atoms that closes a ring of five or six atoms, seldom three, four or seven.
///
/// # Errors
/// No such atoms.
pub fn close_ring(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let size = match random.below(20) {
        0..9 => 6,
        9..17 => 5,
        17 => 3,
        18 => 4,
        _ => 7,
    };
    let open = open_atoms(&edit, 1);
    let start = choose(&open, random)?;
    let far = distances(mol, start);
    let ends: Vec<u32> = open.into_iter().filter(|&a| far[a as usize] == size - 1).collect();
    let end = choose(&ends, random)?;
    edit.connect(start, end, 1)?;
    Ok((edit, format!("of {size}")))
}

/// Removes a ring bond.
///
/// # Errors
/// A molecule without rings.
pub fn open_ring(mol: &Mol, random: &mut Random) -> Result<(EditMol, String)> {
    let mut edit = EditMol::from_mol(mol)?;
    let in_rings: Vec<usize> = (0..mol.bonds().len())
        .filter(|&b| mol.bonds()[b].in_ring && !mol.bonds()[b].aromatic)
        .collect();
    let bond = choose(&in_rings, random)?;
    edit.disconnect(bond)?;
    Ok((edit, String::new()))
}

/// Bonds from one atom to every other; `u32::MAX` where there is no way.
fn distances(mol: &Mol, start: u32) -> Vec<u32> {
    let mut far = vec![u32::MAX; mol.num_atoms()];
    far[start as usize] = 0;
    let mut queue = vec![start];
    let mut head = 0;
    while head < queue.len() {
        let at = queue[head];
        head += 1;
        for next in mol.neighbors(at as usize) {
            if far[next.atom as usize] == u32::MAX {
                far[next.atom as usize] = far[at as usize] + 1;
                queue.push(next.atom);
            }
        }
    }
    far
}
