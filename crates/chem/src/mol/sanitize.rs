//! The order of the steps that turn a raw graph into a molecule, as RDKit takes them.
use super::{
    BondOrder, ELEMENTS, Hybridisation, Mol, aromatic, cleanup, kekulize, rings, stereo, valence,
};
use crate::error::Result;

pub(super) fn sanitize(mol: &mut Mol) -> Result<()> {
    cleanup::functional_groups(mol);
    cleanup::organometallics(mol);
    valence::assign_hydrogens(mol)?;
    mol.rings = rings::perceive(mol)?;
    mark_rings(mol);
    kekulize::kekulize(mol)?;
    valence::assign_radicals(mol);
    aromatic::perceive(mol);
    set_conjugation(mol);
    set_hybridisation(mol);
    stereo::perceive(mol);
    Ok(())
}

fn mark_rings(mol: &mut Mol) {
    for i in 0..mol.rings.len() {
        for &b in mol.rings.bond_ring(i) {
            mol.bonds[b as usize].in_ring = true;
        }
    }
    for bond in &mol.bonds {
        if bond.in_ring {
            for a in [bond.begin, bond.end] {
                let atom = &mut mol.atoms[a as usize];
                atom.in_ring = true;
                atom.ring_bonds = atom.ring_bonds.saturating_add(1);
            }
        }
    }
}

/// Electrons an atom could give to a π system; negative when it can take no part.
pub(super) fn pi_electrons(mol: &Mol, a: usize) -> i32 {
    let atom = &mol.atoms[a];
    let element = &ELEMENTS[atom.element as usize];
    let default = i32::from(element.valences[0]);
    if default <= 1 {
        return -1;
    }
    let mut degree = i32::from(atom.degree) + i32::from(atom.total_hs);
    for n in mol.neighbors(a) {
        if mol.bonds[n.bond as usize].twice_valence(a as u32) == 0 {
            degree -= 1;
        }
    }
    if degree > 3 {
        return -1;
    }
    let lone = (i32::from(element.outer_electrons) - default - i32::from(atom.charge)).max(0);
    let electrons = default - degree + lone - i32::from(atom.radicals);
    if electrons > 1 {
        // A triple bond still gives one electron only.
        let unsaturation = i32::from(atom.explicit_valence) - i32::from(atom.degree);
        if unsaturation > 1 {
            return 1;
        }
    }
    electrons
}

fn can_conjugate(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms[a];
    let element = &ELEMENTS[atom.element as usize];
    let default = i32::from(element.valences[0]);
    if atom.charge == 0 && default >= 0 && i32::from(atom.total_valence()) > default {
        return false;
    }
    let outer = element.outer_electrons;
    (atom.element <= 10 || (outer != 5 && outer != 6) || (outer == 6 && atom.total_degree() < 2))
        && pi_electrons(mol, a) > 0
}

fn set_conjugation(mol: &mut Mol) {
    for bond in &mut mol.bonds {
        bond.conjugated = bond.aromatic;
    }
    if mol.bonds.iter().all(|b| b.order == BondOrder::Single) {
        return;
    }
    let candidate: smallvec::SmallVec<[bool; 64]> =
        (0..mol.atoms.len()).map(|a| can_conjugate(mol, a)).collect();
    for a in 0..mol.atoms.len() {
        let substituents = mol.atoms[a].total_degree();
        if !candidate[a] || !(2..=3).contains(&substituents) {
            continue;
        }
        let (start, end) = (mol.offsets[a] as usize, mol.offsets[a + 1] as usize);
        for i in start..end {
            let first = mol.neighbors[i];
            if mol.bonds[first.bond as usize].twice_valence(a as u32) < 3
                || !candidate[first.atom as usize]
            {
                continue;
            }
            for j in start..end {
                let second = mol.neighbors[j];
                if i == j
                    || mol.atoms[second.atom as usize].total_degree() > 3
                    || !candidate[second.atom as usize]
                {
                    continue;
                }
                mol.bonds[first.bond as usize].conjugated = true;
                mol.bonds[second.bond as usize].conjugated = true;
            }
        }
    }
}

fn set_hybridisation(mol: &mut Mol) {
    for a in 0..mol.atoms.len() {
        mol.atoms[a].hybridisation = hybridisation(mol, a);
    }
}

fn hybridisation(mol: &Mol, a: usize) -> Hybridisation {
    let atom = &mol.atoms[a];
    if atom.element == 0 {
        return Hybridisation::Unspecified;
    }
    let orbitals = if atom.element < 89 {
        bonds_and_lone_pairs(mol, a)
    } else {
        i32::from(atom.total_degree())
    };
    match orbitals {
        0 | 1 => Hybridisation::S,
        2 => Hybridisation::Sp,
        3 => Hybridisation::Sp2,
        4 => {
            let conjugated = mol.neighbors(a).iter().any(|n| mol.bonds[n.bond as usize].conjugated);
            if atom.total_degree() <= 3 && conjugated {
                Hybridisation::Sp2
            } else {
                Hybridisation::Sp3
            }
        }
        5 => Hybridisation::Sp3d,
        6 => Hybridisation::Sp3d2,
        _ => Hybridisation::Unspecified,
    }
}

fn bonds_and_lone_pairs(mol: &Mol, a: usize) -> i32 {
    let atom = &mol.atoms[a];
    let mut degree = i32::from(atom.total_degree());
    for n in mol.neighbors(a) {
        let bond = &mol.bonds[n.bond as usize];
        let dative_out = bond.order == BondOrder::Dative && bond.begin == a as u32;
        degree -= i32::from(bond.order == BondOrder::Zero || dative_out);
    }
    if atom.element <= 1 {
        return degree;
    }
    let outer = i32::from(ELEMENTS[atom.element as usize].outer_electrons);
    let valence = i32::from(atom.total_valence());
    let charge = i32::from(atom.charge);
    let free = outer - (valence + charge);
    if valence + outer - charge < 8 {
        let radicals = i32::from(atom.radicals);
        degree + (free - radicals) / 2 + radicals
    } else {
        degree + free / 2
    }
}
