//! The valence model: allowed valences, implicit hydrogens, radicals.
//!
//! A charged atom follows the valences of the element with as many electrons (N⁺ as C, B⁻ as C),
//! except that P, S, As and Se keep their own higher valences.
use super::{Atom, ELEMENTS, Mol};
use crate::error::{ChemError, Result};

/// Sum of bond orders at an atom times two, bracket hydrogens included.
pub(super) fn twice_bond_sum(mol: &Mol, a: usize) -> i32 {
    let bonds: i32 =
        mol.neighbors(a).iter().map(|n| mol.bonds[n.bond as usize].twice_valence(a as u32)).sum();
    bonds + 2 * i32::from(mol.atoms[a].explicit_hs)
}

fn is_aromatic(mol: &Mol, a: usize) -> bool {
    mol.atoms[a].aromatic || mol.neighbors(a).iter().any(|n| mol.bonds[n.bond as usize].aromatic)
}

/// The element whose valences count; `None` when the charge leaves the periodic table.
fn effective_element(element: u8, charge: i8) -> Option<usize> {
    let own = ELEMENTS[element as usize].valences;
    if own.len() == 1 && own[0] == -1 {
        return Some(element as usize);
    }
    let effective = i32::from(element) - i32::from(charge);
    (0..=118).contains(&effective).then_some(effective as usize)
}

fn keeps_own_valences(element: u8, effective: usize) -> bool {
    (effective > 16 && (element == 15 || element == 16))
        || (effective > 34 && (element == 33 || element == 34))
}

/// Explicit valence of an atom: the rounded bond sum, aromatic atoms taken down to an allowed one.
pub(super) fn explicit_valence(mol: &Mol, a: usize) -> i32 {
    rounded_valence(mol, a, twice_bond_sum(mol, a))
}

fn rounded_valence(mol: &Mol, a: usize, mut sum: i32) -> i32 {
    let atom = &mol.atoms[a];
    let effective = effective_element(atom.element, atom.charge).unwrap_or(atom.element as usize);
    let valences = ELEMENTS[effective].valences;
    let default = i32::from(valences[0]);
    if sum > 2 * default && is_aromatic(mol, a) {
        // Between two aromatic bonds and a third one there may be one π electron too many counted,
        // as in the bridging n of c1cccn1C: a lower allowed valence within 1.5 is meant.
        let mut allowed = default;
        for &v in valences {
            if v == -1 || 2 * i32::from(v) > sum {
                break;
            }
            allowed = i32::from(v);
        }
        if sum - 2 * allowed <= 3 {
            sum = 2 * allowed;
        }
    }
    (sum + 1) / 2
}

fn too_high(mol: &Mol, a: usize, valence: i32) -> ChemError {
    ChemError::Valence { atom: a, symbol: mol.atoms[a].symbol(), valence }
}

/// Checks valences and counts implicit hydrogens.
pub(super) fn assign_hydrogens(mol: &mut Mol) -> Result<()> {
    for a in 0..mol.atoms.len() {
        let explicit = explicit_valence(mol, a);
        check(mol, a, explicit)?;
        let implicit = implicit_hydrogens(mol, a, explicit)?;
        let atom = &mut mol.atoms[a];
        atom.explicit_valence = explicit.clamp(0, 255) as u8;
        let implicit = if atom.no_implicit { 0 } else { implicit };
        atom.total_hs = (i32::from(atom.explicit_hs) + implicit).clamp(0, 255) as u8;
    }
    Ok(())
}

/// Refuses an atom with more bonds and bracket hydrogens than it can have. Aromatic atoms are left
/// to [`settle`], nitrogen with two double bonds or more to the clean-up of functional groups.
pub(super) fn check_bonds(mol: &Mol, a: usize) -> Result<()> {
    let doubles = mol
        .neighbors(a)
        .iter()
        .filter(|n| mol.bonds[n.bond as usize].order == super::BondOrder::Double);
    if is_aromatic(mol, a) || (mol.atoms[a].element == 7 && doubles.count() > 1) {
        return Ok(());
    }
    check(mol, a, explicit_valence(mol, a))
}

fn check(mol: &Mol, a: usize, explicit: i32) -> Result<()> {
    let atom = &mol.atoms[a];
    let own = ELEMENTS[atom.element as usize].valences;
    let Some(effective) = effective_element(atom.element, atom.charge) else {
        return Err(too_high(mol, a, explicit));
    };
    let own_max = i32::from(own[own.len() - 1]);
    let (max, offset) = if keeps_own_valences(atom.element, effective) {
        (own_max, -i32::from(atom.charge))
    } else {
        let valences = ELEMENTS[effective].valences;
        (i32::from(valences[valences.len() - 1]), 0)
    };
    // A hydride may bridge two atoms.
    let max = if atom.element == 1 && atom.charge == -1 { 2 } else { max };
    if max >= 0 && own_max >= 0 && explicit + offset > max {
        return Err(too_high(mol, a, explicit));
    }
    Ok(())
}

/// Looks again at an atom that was written aromatic, once its double bonds are known: the bracket
/// hydrogen of a nitrogen or phosphorus is then what its valence leaves (as in RDKit, where
/// `[nH]` with a double bond loses it), and the lenient rounding of aromatic bonds is over.
pub(super) fn settle(mol: &mut Mol, a: usize, lower_case: bool) -> Result<()> {
    let atom = &mut mol.atoms[a];
    let given =
        lower_case && matches!(atom.element, 7 | 15) && atom.charge == 0 && atom.explicit_hs == 1;
    if given {
        atom.explicit_hs = 0;
        atom.no_implicit = false;
    }
    let explicit = explicit_valence(mol, a);
    check(mol, a, explicit)?;
    // An aromatic bond out of a ring has become single, which leaves room for a hydrogen.
    let counted = !lower_case && !mol.atoms[a].no_implicit;
    if given || counted {
        let hydrogens = implicit_hydrogens(mol, a, explicit)?;
        let atom = &mut mol.atoms[a];
        atom.explicit_valence = explicit.clamp(0, 255) as u8;
        atom.total_hs = (i32::from(atom.explicit_hs) + hydrogens).clamp(0, 255) as u8;
    }
    Ok(())
}

/// Hydrogens an atom would get if it were written without brackets; negative when it could not be.
pub(crate) fn implied_hydrogens(mol: &Mol, a: usize) -> i32 {
    let hs = 2 * i32::from(mol.atoms[a].explicit_hs);
    let explicit = rounded_valence(mol, a, twice_bond_sum(mol, a) - hs);
    hydrogens_to_fill(mol, a, explicit, is_aromatic(mol, a)).unwrap_or(-1)
}

/// Hydrogens an atom is read with from a drawing of its Kekulé structure that does not give its valence; `twice_sum` is of
/// the drawn bonds. `None` where it could not be read.
pub(crate) fn hydrogens_of_drawing(mol: &Mol, a: usize, twice_sum: i32) -> Option<i32> {
    hydrogens_to_fill(mol, a, (twice_sum + 1) / 2, false).ok()
}

/// Hydrogens that the valence of an atom leaves beside its bonds and radical electrons; negative where none is left.
pub(crate) fn hydrogens_beside_radicals(atom: &Atom, twice_sum: i32) -> i32 {
    let shifted = i32::from(atom.element) - i32::from(atom.charge);
    let element = usize::try_from(shifted).ok().and_then(|shifted| ELEMENTS.get(shifted));
    let default = element.map_or(0, |element| i32::from(element.valences[0]));
    default - (twice_sum + 1) / 2 - i32::from(atom.radicals)
}

fn implicit_hydrogens(mol: &Mol, a: usize, explicit: i32) -> Result<i32> {
    if mol.atoms[a].no_implicit {
        return Ok(0);
    }
    hydrogens_to_fill(mol, a, explicit, is_aromatic(mol, a))
}

fn hydrogens_to_fill(mol: &Mol, a: usize, explicit: i32, aromatic: bool) -> Result<i32> {
    let atom = &mol.atoms[a];
    if atom.element == 0 {
        return Ok(0);
    }
    if atom.element == 1 && explicit == 0 {
        return match atom.charge {
            1 | -1 => Ok(0),
            0 => Ok(1),
            _ => Err(too_high(mol, a, explicit)),
        };
    }
    let effective = effective_element(atom.element, atom.charge).unwrap_or(atom.element as usize);
    let valences = ELEMENTS[effective].valences;
    let default = i32::from(valences[0]);
    if effective == 0 || default == -1 {
        return Ok(0);
    }
    if aromatic {
        if explicit <= default {
            return Ok(default - explicit);
        }
        if valences.iter().any(|&v| i32::from(v) == explicit) {
            return Ok(0);
        }
        return Err(too_high(mol, a, explicit));
    }
    for &v in valences.iter().take_while(|&&v| v >= 0) {
        if explicit <= i32::from(v) {
            return Ok(i32::from(v) - explicit);
        }
    }
    Ok(0)
}

/// Unpaired electrons of atoms in brackets.
pub(super) fn assign_radicals(mol: &mut Mol) {
    for a in 0..mol.atoms.len() {
        let atom = &mol.atoms[a];
        let element = &ELEMENTS[atom.element as usize];
        if !atom.no_implicit || atom.element == 0 || element.valences == [-1] {
            continue;
        }
        let charge = i32::from(atom.charge);
        let outer = i32::from(element.outer_electrons);
        let valence = twice_bond_sum(mol, a) / 2;
        let shell = if atom.element <= 2 { 2 } else { 8 };
        let mut radicals = shell - outer - valence + charge;
        if radicals < 0 {
            // A hypervalent atom: up to the next allowed valence.
            let next = element.valences.iter().map(|&v| i32::from(v) - valence + charge);
            radicals = next.filter(|&r| r >= 0).min().unwrap_or(0);
        }
        let early = outer - valence - charge;
        if early >= 0 {
            radicals = radicals.min(early);
        }
        mol.atoms[a].radicals = radicals.clamp(0, 255) as u8;
    }
}
