//! Ranks of atoms by the Cahn-Ingold-Prelog rules as RDKit's stereo perception works them out, and E or Z
//! of double bonds from them.
use super::{BondOrder, BondStereo, ELEMENTS, Mol};

/// Whether the higher-ranked neighbours of a double bond lie on opposite sides (E) or on the same (Z).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geometry {
    /// Same side.
    Z,
    /// Opposite sides.
    E,
}

impl Mol {
    /// E or Z of every bond; all `None` where no double bond has a geometry.
    #[must_use]
    pub fn double_bond_geometry(&self) -> Vec<Option<Geometry>> {
        let mut found = vec![None; self.bonds.len()];
        if self.bonds.iter().all(|bond| bond.stereo == BondStereo::None) {
            return found;
        }
        let ranks = ranks(self);
        for (at, place) in found.iter_mut().enumerate() {
            *place = self.geometry(at, &ranks);
        }
        found
    }

    fn geometry(&self, at: usize, ranks: &[u32]) -> Option<Geometry> {
        let bond = &self.bonds[at];
        let (begin_ref, end_ref, mut same) = match bond.stereo {
            BondStereo::None => return None,
            BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, true),
            BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, false),
        };
        for (atom, reference) in [(bond.begin, begin_ref), (bond.end, end_ref)] {
            let others = self.neighbors(atom as usize).iter().filter(|n| n.bond as usize != at);
            let highest = others.map(|n| n.atom).max_by_key(|&n| ranks[n as usize])?;
            same ^= highest != reference;
        }
        Some(if same { Geometry::Z } else { Geometry::E })
    }
}

/// Isotopes below the most common one rank below it; this far apart.
const MIDDLE_MASS: i64 = 512;

/// Rank of every atom: higher is senior, equal where the rules as far as RDKit takes them see no difference.
fn ranks(mol: &Mol) -> Vec<u32> {
    let start: Vec<(i64, Vec<i64>)> = mol
        .atoms
        .iter()
        .map(|atom| {
            let mut mass = 0;
            if atom.isotope != 0 {
                let common = ELEMENTS[atom.element as usize].common_isotope_mass.round() as i64;
                mass = i64::from(atom.isotope) - common;
                mass += i64::from(mass >= 0);
            }
            let mass = (mass + MIDDLE_MASS).clamp(0, 2 * MIDDLE_MASS - 1);
            let invariant = (i64::from(atom.element) << 10 | mass) << 10;
            (invariant | i64::from(atom.map_num % 1024), Vec::new())
        })
        .collect();
    let (mut ranks, mut classes) = ranked(&start);
    for _ in 0..=mol.atoms.len() / 2 {
        if classes == mol.atoms.len() {
            break;
        }
        let (next, count) = ranked(&spheres(mol, &ranks));
        if count == classes {
            break;
        }
        (ranks, classes) = (next, count);
    }
    ranks
}

/// Each atom's rank with its neighbours' ranks, seniors first, each as often as half bonds lead to it; hydrogens
/// last.
fn spheres(mol: &Mol, ranks: &[u32]) -> Vec<(i64, Vec<i64>)> {
    let sphere = |atom: usize| {
        let mut around: Vec<(u32, i32)> = mol
            .neighbors(atom)
            .iter()
            .map(|n| {
                let (bond, other) = (&mol.bonds[n.bond as usize], &mol.atoms[n.atom as usize]);
                // A phosphate's double bond counts once: which of its oxygens has it means nothing.
                let phosphate = bond.order == BondOrder::Double
                    && other.element == 15
                    && matches!(other.degree, 3 | 4);
                let times = if phosphate { 1 } else { bond.twice_valence(atom as u32) };
                (ranks[n.atom as usize], times)
            })
            .collect();
        around.sort_by_key(|&(rank, _)| std::cmp::Reverse(rank));
        let mut entry = Vec::new();
        for (rank, times) in around {
            entry.extend((0..times).map(|_| i64::from(rank) + 1));
        }
        entry.extend((0..mol.atoms[atom].total_hs).map(|_| 0));
        (i64::from(ranks[atom]), entry)
    };
    (0..mol.atoms.len()).map(sphere).collect()
}

/// Positions of entries in their order, equal ones sharing one, and how many differ. A shorter list comes before a
/// longer one that begins with it.
fn ranked(entries: &[(i64, Vec<i64>)]) -> (Vec<u32>, usize) {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| entries[a].cmp(&entries[b]));
    let mut ranks = vec![0; entries.len()];
    let mut rank = 0;
    for pair in 1..order.len() {
        rank += u32::from(entries[order[pair]] != entries[order[pair - 1]]);
        ranks[order[pair]] = rank;
    }
    (ranks, if entries.is_empty() { 0 } else { rank as usize + 1 })
}
