//! Bemis and Murcko's scaffold: rings and what links them.
use smallvec::SmallVec;

use crate::error::Result;
use crate::mol::{Atom, Bond, BondOrder, Chirality, Mol, MolBuilder};

/// The Murcko scaffold: side chains removed, atoms bound to rings or linkers by double bonds kept
/// (as RDKit does). Empty molecule for one without rings.
///
/// # Errors
/// When the remaining atoms do not make a valid molecule.
pub fn murcko(mol: &Mol) -> Result<Mol> {
    let keep = scaffold_atoms(mol);
    subset(mol, &keep, true)
}

/// Canonical SMILES of the Murcko scaffold without stereo, empty for a molecule without rings.
///
/// # Errors
/// See [`murcko`].
pub fn murcko_smiles(mol: &Mol) -> Result<String> {
    let keep = scaffold_atoms(mol);
    Ok(subset(mol, &keep, false)?.canonical_smiles())
}

/// Which atoms belong to the scaffold.
#[must_use]
pub fn scaffold_atoms(mol: &Mol) -> Vec<bool> {
    let n = mol.num_atoms();
    let mut degree: Vec<usize> = (0..n).map(|a| mol.neighbors(a).len()).collect();
    let mut core = vec![true; n];
    let mut ends: Vec<usize> = (0..n).filter(|&a| degree[a] <= 1).collect();
    while let Some(a) = ends.pop() {
        if !core[a] {
            continue;
        }
        core[a] = false;
        for next in mol.neighbors(a) {
            let b = next.atom as usize;
            degree[b] = degree[b].saturating_sub(1);
            if core[b] && degree[b] <= 1 {
                ends.push(b);
            }
        }
    }
    let mut keep = core.clone();
    for bond in mol.bonds() {
        let (a, b) = (bond.begin as usize, bond.end as usize);
        if bond.order == BondOrder::Double && core[a] != core[b] {
            keep[a] = true;
            keep[b] = true;
        }
    }
    keep
}

/// The molecule made of some atoms; cut bonds become hydrogens.
pub(crate) fn subset(mol: &Mol, keep: &[bool], stereo: bool) -> Result<Mol> {
    let mut builder = MolBuilder::new();
    let mut index = vec![u32::MAX; mol.num_atoms()];
    for a in (0..mol.num_atoms()).filter(|&a| keep[a]) {
        let old = &mol.atoms()[a];
        let cut: i32 = mol
            .neighbors(a)
            .iter()
            .filter(|n| !keep[n.atom as usize])
            .map(|n| kekule_order(&mol.bonds()[n.bond as usize]))
            .sum();
        // A hydrogen in the place of a neighbour comes last in the order around a centre.
        let places: SmallVec<[bool; 4]> =
            mol.neighbors(a).iter().map(|n| keep[n.atom as usize]).collect();
        let gone = places.iter().position(|k| !k);
        let mut chirality = old.chirality;
        if let Some(at) = gone
            && (places.len() - 1 - at) % 2 == 1
        {
            chirality = chirality.inverted();
        }
        let lost = places.iter().filter(|k| !**k).count();
        if !stereo || lost > 1 || (lost == 1 && old.total_hs > 0) {
            chirality = Chirality::None;
        }
        index[a] = builder.add_atom(Atom {
            element: old.element,
            charge: old.charge,
            isotope: old.isotope,
            explicit_hs: (i32::from(old.total_hs) + cut).clamp(0, 255) as u8,
            no_implicit: true,
            chirality,
            map_num: old.map_num,
            ..Atom::default()
        });
    }
    for bond in mol.bonds() {
        if keep[bond.begin as usize] && keep[bond.end as usize] {
            let (begin, end) = (index[bond.begin as usize], index[bond.end as usize]);
            builder.add_bond(begin, end, bond.kekule);
        }
    }
    builder.finish()
}

fn kekule_order(bond: &Bond) -> i32 {
    match bond.kekule {
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic | BondOrder::Dative | BondOrder::Zero => 0,
    }
}
