//! Topological polar surface area: Ertl, Rohde, Selzer (2000), nitrogen and oxygen only, as RDKit
//! computes it by default.

use crate::Mol;
use crate::mol::BondOrder;

/// The surroundings of one atom that the fragment table looks at.
#[derive(Default, Clone, Copy)]
struct Around {
    neighbors: i32,
    hydrogens: i32,
    single: u8,
    double: u8,
    triple: u8,
    aromatic: u8,
    charge: i8,
    three_ring: bool,
}

/// Contribution of every atom, Å².
pub(crate) fn contributions(mol: &Mol) -> Vec<f64> {
    let atoms = mol.atoms();
    let mut three_ring = vec![false; atoms.len()];
    for ring in mol.rings().atom_rings() {
        if ring.len() == 3 {
            ring.iter().for_each(|&a| three_ring[a as usize] = true);
        }
    }
    (0..atoms.len())
        .map(|i| match atoms[i].element {
            7 => nitrogen(&around(mol, i, three_ring[i])),
            8 => oxygen(&around(mol, i, three_ring[i])),
            _ => 0.0,
        })
        .collect()
}

fn around(mol: &Mol, index: usize, three_ring: bool) -> Around {
    let atom = &mol.atoms()[index];
    let mut seen = Around {
        hydrogens: i32::from(atom.total_hs),
        charge: atom.charge,
        three_ring,
        ..Around::default()
    };
    for neighbor in mol.neighbors(index) {
        if mol.atoms()[neighbor.atom as usize].element == 1 {
            seen.hydrogens += 1;
            continue;
        }
        seen.neighbors += 1;
        let bond = &mol.bonds()[neighbor.bond as usize];
        match bond.order {
            _ if bond.aromatic => seen.aromatic += 1,
            BondOrder::Single => seen.single += 1,
            BondOrder::Double => seen.double += 1,
            BondOrder::Triple => seen.triple += 1,
            _ => {}
        }
    }
    seen
}

fn nitrogen(a: &Around) -> f64 {
    let ring = |inside: f64, outside: f64| if a.three_ring { inside } else { outside };
    let known = match (a.neighbors, a.hydrogens, a.charge) {
        (1, 0, 0) if a.triple == 1 => Some(23.79),
        (1, 1, 0) if a.double == 1 => Some(23.85),
        (1, 2, 0) if a.single == 1 => Some(26.02),
        (1, 2, 1) if a.double == 1 => Some(25.59),
        (1, 3, 1) if a.single == 1 => Some(27.64),
        (2, 0, 0) if a.single == 1 && a.double == 1 => Some(12.36),
        (2, 0, 0) if a.triple == 1 && a.double == 1 => Some(13.60),
        (2, 1, 0) if a.single == 2 => Some(ring(21.94, 12.03)),
        (2, 0, 1) if a.triple == 1 && a.single == 1 => Some(4.36),
        (2, 1, 1) if a.double == 1 && a.single == 1 => Some(13.97),
        (2, 2, 1) if a.single == 2 => Some(16.61),
        (2, 0, 0) if a.aromatic == 2 => Some(12.89),
        (2, 1, 0) if a.aromatic == 2 => Some(15.79),
        (2, 1, 1) if a.aromatic == 2 => Some(14.14),
        (3, 0, 0) if a.single == 3 => Some(ring(3.01, 3.24)),
        (3, 0, 0) if a.single == 1 && a.double == 2 => Some(11.68),
        (3, 0, 1) if a.single == 2 && a.double == 1 => Some(3.01),
        (3, 1, 1) if a.single == 3 => Some(4.44),
        (3, 0, 0) if a.aromatic == 3 => Some(4.41),
        (3, 0, 0) if a.single == 1 && a.aromatic == 2 => Some(4.93),
        (3, 0, 0) if a.double == 1 && a.aromatic == 2 => Some(8.39),
        (3, 0, 1) if a.aromatic == 3 => Some(4.10),
        (3, 0, 1) if a.single == 1 && a.aromatic == 2 => Some(3.88),
        (4, 0, 1) if a.single == 4 => Some(0.0),
        _ => None,
    };
    known.unwrap_or_else(|| estimate(30.5, 8.2, a))
}

fn oxygen(a: &Around) -> f64 {
    let known = match (a.neighbors, a.hydrogens, a.charge) {
        (1, 0, 0) if a.double == 1 => Some(17.07),
        (1, 1, 0) if a.single == 1 => Some(20.23),
        (1, 0, -1) if a.single == 1 => Some(23.06),
        (2, 0, 0) if a.single == 2 => Some(if a.three_ring { 12.53 } else { 9.23 }),
        (2, 0, 0) if a.aromatic == 2 => Some(13.14),
        _ => None,
    };
    known.unwrap_or_else(|| estimate(28.5, 8.6, a))
}

/// The paper's linear estimate for surroundings outside the table.
fn estimate(base: f64, per_neighbor: f64, a: &Around) -> f64 {
    (base - f64::from(a.neighbors) * per_neighbor + f64::from(a.hydrogens) * 1.5).max(0.0)
}
