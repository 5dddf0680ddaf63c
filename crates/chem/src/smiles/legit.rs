//! Removing stereo marks that distinguish nothing.
use super::canon::{BOND, Partition};
use crate::mol::{BondStereo, Chirality, Mol};

/// Drops marks on atoms and bonds whose neighbours are equivalent, unless the equivalent
/// neighbours lie in a ring with another such element (as in cis-1,4-dimethylcyclohexane).
pub(crate) fn remove_meaningless(mol: &mut Mol) {
    loop {
        let mut partition = Partition::new(mol, true);
        partition.refine(mol);
        if partition.pending.is_empty() {
            return;
        }
        let meaningless: Vec<u32> = partition
            .pending
            .iter()
            .copied()
            .filter(|&element| !in_stereo_ring(mol, &partition, element))
            .collect();
        if meaningless.is_empty() {
            return;
        }
        for element in meaningless {
            if element & BOND == 0 {
                mol.atoms[element as usize].chirality = Chirality::None;
            } else {
                mol.bonds[(element & !BOND) as usize].stereo = BondStereo::None;
            }
        }
    }
}

/// The atoms an element sits on.
fn ends(mol: &Mol, element: u32) -> [u32; 2] {
    if element & BOND == 0 {
        return [element; 2];
    }
    let bond = &mol.bonds[(element & !BOND) as usize];
    [bond.begin, bond.end]
}

fn in_stereo_ring(mol: &Mol, partition: &Partition, element: u32) -> bool {
    let ends = ends(mol, element);
    for &centre in &ends {
        let neighbours = mol.neighbors(centre as usize);
        for (i, x) in neighbours.iter().enumerate() {
            for y in &neighbours[i + 1..] {
                let tied = partition.class[x.atom as usize] == partition.class[y.atom as usize];
                if tied && !partnered(mol, partition, element, [centre, x.bond, y.bond]) {
                    return false;
                }
            }
        }
    }
    true
}

/// Whether a ring through both tied bonds of a centre holds another undescribed stereo element.
fn partnered(mol: &Mol, partition: &Partition, element: u32, at: [u32; 3]) -> bool {
    let [centre, first, second] = at;
    if !mol.bonds[first as usize].in_ring || !mol.bonds[second as usize].in_ring {
        return false;
    }
    (0..mol.rings.len()).any(|r| {
        let ring = mol.rings.atom_ring(r);
        ring.contains(&centre)
            && partition.pending.iter().any(|&other| {
                other != element
                    && self::ends(mol, other).iter().any(|a| ring.contains(a) && *a != centre)
            })
    })
}
