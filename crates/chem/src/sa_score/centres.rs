//! Stereocentres, specified or not: atoms with the neighbours a tetrahedral centre needs, no two of
//! them alike.

use rustc_hash::FxHashMap;

use crate::Mol;
use crate::mol::Chirality;

/// Number of tetrahedral stereocentres, counting those a molecule leaves open. Neighbours are alike
/// when refinement over elements, isotopes, hydrogens, bond orders and the marks of other centres
/// cannot tell them apart; the geometry of double bonds is not looked at.
pub fn count_stereocentres(mol: &Mol) -> u32 {
    let candidates: Vec<usize> = (0..mol.num_atoms()).filter(|&atom| has_room(mol, atom)).collect();
    if candidates.is_empty() {
        return 0;
    }
    let mut classes = refine(mol, &elements(mol));
    let mut centres = 0;
    loop {
        let found: Vec<usize> = candidates
            .iter()
            .copied()
            .filter(|&atom| neighbors_differ(mol, &classes, atom))
            .collect();
        if found.len() == centres {
            return centres as u32;
        }
        centres = found.len();
        // Marked centres may tell apart what hangs on a further one (a pseudoasymmetric centre).
        let mut marked: Vec<u32> = classes.iter().map(|class| class * 3).collect();
        for atom in found {
            marked[atom] += mark(mol, &classes, atom);
        }
        classes = refine(mol, &marked);
    }
}

fn neighbors_differ(mol: &Mol, classes: &[u32], atom: usize) -> bool {
    let mut seen: Vec<u32> = mol.neighbors(atom).iter().map(|n| classes[n.atom as usize]).collect();
    seen.sort_unstable();
    seen.windows(2).all(|pair| pair[0] != pair[1])
}

/// 1 or 2 for the two hands of a marked centre, seen by the classes of its neighbours; 0 unmarked.
fn mark(mol: &Mol, classes: &[u32], atom: usize) -> u32 {
    let order: Vec<u32> = mol.neighbors(atom).iter().map(|n| classes[n.atom as usize]).collect();
    let swaps: usize = (0..order.len())
        .map(|i| order[i + 1..].iter().filter(|&&later| later < order[i]).count())
        .sum();
    match mol.atoms()[atom].chirality {
        Chirality::None => 0,
        Chirality::Clockwise => 1 + u32::from(!swaps.is_multiple_of(2)),
        Chirality::CounterClockwise => 1 + u32::from(swaps.is_multiple_of(2)),
    }
}

/// Whether an atom has the right number and kind of neighbours.
fn has_room(mol: &Mol, index: usize) -> bool {
    let atom = &mol.atoms()[index];
    let degree = mol.neighbors(index).len();
    let total = degree + usize::from(atom.total_hs);
    if degree < 3 || total > 4 {
        return false;
    }
    if degree == 4 || atom.total_hs == 1 {
        return true;
    }
    match atom.element {
        7 => {
            let rings = || mol.rings().atom_rings().filter(|r| r.contains(&(index as u32)));
            rings().any(|ring| ring.len() == 3)
                || (atom.ring_bonds == 3 && is_bridgehead(mol, index))
        }
        15 | 33 => true,
        16 | 34 => atom.explicit_valence == 4 || (atom.explicit_valence == 3 && atom.charge == 1),
        _ => false,
    }
}

/// Whether two rings through the atom share more than one bond.
fn is_bridgehead(mol: &Mol, index: usize) -> bool {
    let through: Vec<&[u32]> = mol
        .rings()
        .atom_rings()
        .zip(mol.rings().bond_rings())
        .filter(|(atoms, _)| atoms.contains(&(index as u32)))
        .map(|(_, bonds)| bonds)
        .collect();
    through.iter().enumerate().any(|(i, first)| {
        through[i + 1..]
            .iter()
            .any(|second| first.iter().filter(|b| second.contains(b)).count() > 1)
    })
}

/// First classes: element and isotope.
fn elements(mol: &Mol) -> Vec<u32> {
    mol.atoms().iter().map(|a| u32::from(a.element) << 16 | u32::from(a.isotope)).collect()
}

/// Refines classes by the classes and bonds of neighbours until nothing more is told apart.
fn refine(mol: &Mol, start: &[u32]) -> Vec<u32> {
    let mut names: Vec<u32> = start.to_vec();
    names.sort_unstable();
    names.dedup();
    let mut classes: Vec<u32> =
        start.iter().map(|class| names.binary_search(class).map_or(0, |at| at as u32)).collect();
    let mut count = names.len();
    let mut key: Vec<u32> = Vec::new();
    while count < classes.len() {
        let mut names: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
        let next: Vec<u32> = (0..classes.len())
            .map(|index| {
                key.clear();
                key.extend(mol.neighbors(index).iter().map(|n| {
                    let bond = &mol.bonds()[n.bond as usize];
                    let order = bond.twice_valence(n.atom).max(bond.twice_valence(index as u32));
                    classes[n.atom as usize] * 16 + order as u32
                }));
                key.sort_unstable();
                key.push(u32::from(mol.atoms()[index].total_hs));
                key.push(classes[index]);
                match names.get(&key) {
                    Some(&class) => class,
                    None => {
                        let class = names.len() as u32;
                        names.insert(key.clone(), class);
                        class
                    }
                }
            })
            .collect();
        if names.len() == count {
            break;
        }
        count = names.len();
        classes = next;
    }
    classes
}
