//! Which stereo marks mean something; the others are removed.
use super::{Bond, BondDirection, BondOrder, BondStereo, Chirality, Mol};

/// Turns written bond directions into double-bond geometry and drops marks that cannot be stereo.
pub(crate) fn perceive(mol: &mut Mol) {
    for b in 0..mol.bonds.len() {
        // Lower-case atoms may turn out to be joined by a double bond.
        if !has_direction(mol, b) {
            mol.bonds[b].direction = BondDirection::None;
        }
    }
    let marked = mol.atoms.iter().any(|a| a.chirality != Chirality::None);
    let directed = mol.bonds.iter().any(|b| b.direction != BondDirection::None);
    if marked {
        for a in 0..mol.atoms.len() {
            if mol.atoms[a].chirality != Chirality::None && !can_be_centre(mol, a) {
                mol.atoms[a].chirality = Chirality::None;
            }
        }
    }
    let preset = mol.bonds.iter().any(|b| b.stereo != BondStereo::None);
    if preset {
        for b in 0..mol.bonds.len() {
            let possible = mol.bonds[b].order == BondOrder::Double
                && !in_small_ring(mol, b)
                && can_be_written(mol, b);
            if !possible {
                mol.bonds[b].stereo = BondStereo::None;
            }
        }
    }
    if directed {
        for b in 0..mol.bonds.len() {
            if mol.bonds[b].order == BondOrder::Double && mol.bonds[b].stereo == BondStereo::None {
                mol.bonds[b].stereo = geometry(mol, b);
            }
        }
    }
    if marked || directed || preset {
        crate::smiles::legit::remove_meaningless(mol);
    }
    if directed {
        drop_idle_directions(mol);
    }
}

/// Whether a bond can be written as `/` or `\`: a single one, or one that need not be written between two lower-case atoms.
pub(crate) fn has_direction(mol: &Mol, b: usize) -> bool {
    let bond = &mol.bonds[b];
    let aromatic = |atom: u32| mol.atoms[atom as usize].aromatic;
    match bond.order {
        BondOrder::Single => true,
        BondOrder::Aromatic => aromatic(bond.begin) && aromatic(bond.end),
        _ => false,
    }
}

/// Whether an atom has the neighbours a tetrahedral stereocentre needs.
fn can_be_centre(mol: &Mol, a: usize) -> bool {
    let atom = &mol.atoms[a];
    let (degree, hs) = (atom.degree, atom.total_hs);
    if hs > 1 || degree < 3 || degree + hs > 4 {
        return false;
    }
    if degree + hs == 4 {
        return true;
    }
    match atom.element {
        7 => {
            let three = (0..mol.rings.len()).any(|r| {
                mol.rings.atom_ring(r).len() == 3 && mol.rings.atom_ring(r).contains(&(a as u32))
            });
            three || atom.ring_bonds == 3
        }
        15 | 33 => true,
        16 | 34 => {
            let valence = atom.explicit_valence;
            valence == 4 || (valence == 3 && atom.charge == 1)
        }
        _ => false,
    }
}

/// The side on which `bond` puts its other end, seen from `atom`: true is up.
fn side(bond: &Bond, atom: u32) -> Option<bool> {
    let up = match bond.direction {
        BondDirection::None => return None,
        BondDirection::EndUpRight => true,
        BondDirection::EndDownRight => false,
    };
    Some(up == (bond.begin == atom))
}

/// A neighbour of `atom` whose side is written, and that side; `None` on a contradiction.
fn reference(mol: &Mol, atom: u32, double: usize) -> Option<(u32, bool)> {
    let mut found: Option<(u32, bool)> = None;
    for n in mol.neighbors(atom as usize) {
        if n.bond as usize == double {
            continue;
        }
        let bond = &mol.bonds[n.bond as usize];
        if let Some(up) = side(bond, atom) {
            match found {
                Some((_, before)) if before == up => return None,
                Some(_) => {}
                None => found = Some((n.atom, up)),
            }
        }
    }
    found
}

/// Rings below eight atoms allow one geometry only.
fn in_small_ring(mol: &Mol, b: usize) -> bool {
    mol.bonds[b].in_ring
        && (0..mol.rings.len()).any(|r| {
            mol.rings.atom_ring(r).len() < 8 && mol.rings.bond_ring(r).contains(&(b as u32))
        })
}

/// Whether each end has another bond that can say a direction, as the sulfur of `C=S(=O)=N` has not.
fn can_be_written(mol: &Mol, b: usize) -> bool {
    let bond = &mol.bonds[b];
    [bond.begin, bond.end].into_iter().all(|atom| {
        let mut others = mol.neighbors(atom as usize).iter().filter(|n| n.bond as usize != b);
        others.any(|n| has_direction(mol, n.bond as usize))
    })
}

/// Whether marks at both ends of a double bond would be read as its geometry.
pub(crate) fn could_have_geometry(mol: &Mol, b: usize) -> bool {
    let bond = &mol.bonds[b];
    let ends = [bond.begin, bond.end].map(|a| mol.atoms[a as usize].degree);
    ends.iter().all(|degree| (2..=3).contains(degree)) && !in_small_ring(mol, b)
}

fn geometry(mol: &Mol, b: usize) -> BondStereo {
    let bond = &mol.bonds[b];
    if !could_have_geometry(mol, b) {
        return BondStereo::None;
    }
    let (Some((begin_ref, up)), Some((end_ref, other_up))) =
        (reference(mol, bond.begin, b), reference(mol, bond.end, b))
    else {
        return BondStereo::None;
    };
    if up == other_up {
        BondStereo::Cis { begin_ref, end_ref }
    } else {
        BondStereo::Trans { begin_ref, end_ref }
    }
}

/// Directions that no stereo double bond uses are noise.
fn drop_idle_directions(mol: &mut Mol) {
    for b in 0..mol.bonds.len() {
        if mol.bonds[b].direction == BondDirection::None {
            continue;
        }
        let used = [mol.bonds[b].begin, mol.bonds[b].end].iter().any(|&a| {
            mol.neighbors(a as usize)
                .iter()
                .any(|n| mol.bonds[n.bond as usize].stereo != BondStereo::None)
        });
        if !used {
            mol.bonds[b].direction = BondDirection::None;
        }
    }
}
