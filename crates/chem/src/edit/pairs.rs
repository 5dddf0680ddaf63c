//! Matched molecular pairs: molecules that differ in one place, found by cutting one or two chain bonds and
//! comparing what stays (Hussain and Rea, J. Chem. Inf. Model. 2010, 50, 339).
//!
//! A cut gives a constant part (one piece, or two with the variable part between them) and a variable part
//! with numbered ends. Molecules with the same constant part are pairs; how often one variable part was
//! exchanged for another, and how properties changed with that, is the transformation.
use std::hash::{Hash, Hasher};

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHasher};

use super::EditMol;
pub use super::pairs_table::{PairTable, Transformation, Variable};
use crate::error::Result;
use crate::mol::{BondOrder, Mol};

/// What is kept of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairLimits {
    /// Heavy atoms of a variable part.
    pub max_variable: usize,
    /// Whether two bonds are cut at once as well.
    pub double_cuts: bool,
    /// Cuts that are kept in memory; what comes after is left out.
    pub max_cuts: usize,
    /// Variable parts compared with each other for one constant part.
    pub max_group: usize,
    /// Transformations that are kept, the most frequent ones.
    pub max_transformations: usize,
}

impl Default for PairLimits {
    fn default() -> Self {
        Self {
            max_variable: 10,
            double_cuts: true,
            max_cuts: 2_000_000,
            max_group: 40,
            max_transformations: 400_000,
        }
    }
}

/// A way to see a molecule as a constant and a variable part.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// The constant part: one SMILES, or two in order.
    pub(super) constant: Vec<String>,
    /// The variable part, its ends numbered as the constant's parts are in order.
    pub(super) variable: String,
    /// The constant part's graph, its points numbered like the variable part's.
    pub(super) rest: EditMol,
}

/// A side of a chain bond.
struct Side {
    /// Which atoms of the molecule are on it.
    atoms: Vec<bool>,
    heavy: usize,
    smiles: String,
}

/// A molecule's chain bonds with both sides of each: that of the begin atom first.
pub(super) struct Cutter {
    edit: EditMol,
    bonds: Vec<(usize, [Side; 2])>,
    total: usize,
}

impl Cutter {
    pub(super) fn new(mol: &Mol) -> Result<Self> {
        let edit = EditMol::from_mol(mol)?;
        let mut bonds = Vec::new();
        for (number, bond) in mol.bonds().iter().enumerate() {
            let carbon = |a: u32| mol.atoms()[a as usize].element == 6;
            if bond.in_ring
                || bond.order != BondOrder::Single
                || !(carbon(bond.begin) || carbon(bond.end))
            {
                continue;
            }
            let mut cut = edit.clone();
            let points = cut.cut(number, [(0, 0), (0, 0)])?;
            let side = |point: u32| -> Result<Side> {
                let all = cut.component(point);
                let smiles = cut.part(&all).smiles()?;
                let atoms: Vec<bool> = all[..mol.num_atoms()].to_vec();
                let heavy = atoms.iter().filter(|a| **a).count();
                Ok(Side { atoms, heavy, smiles })
            };
            bonds.push((number, [side(points[0])?, side(points[1])?]));
        }
        Ok(Self { edit, bonds, total: mol.num_atoms() })
    }

    /// Number of chain bonds.
    pub(super) fn len(&self) -> usize {
        self.bonds.len()
    }

    /// The cut at one bond whose variable part is on the `side` (0: of the begin atom).
    pub(super) fn single(&self, bond: usize, side: usize, max: usize) -> Option<Cut> {
        let (number, sides) = self.bonds.get(bond)?;
        if sides[side].heavy > max || sides[side].heavy > sides[1 - side].heavy {
            return None;
        }
        let mut cut = self.edit.clone();
        let points = cut.cut(*number, [(0, 1), (0, 1)]).ok()?;
        let variable = cut.part(&cut.component(points[side])).smiles().ok()?;
        let rest = cut.part(&cut.component(points[1 - side]));
        Some(Cut { constant: vec![sides[1 - side].smiles.clone()], variable, rest })
    }

    /// The cut at two bonds with the variable part between them.
    pub(super) fn double(&self, first: usize, second: usize, max: usize) -> Option<Cut> {
        let ((one, one_sides), (two, two_sides)) =
            (self.bonds.get(first)?, self.bonds.get(second)?);
        // Of each bond, the side without the other bond is constant.
        let end = |number: usize| self.edit.bonds()[number].begin as usize;
        let outer_one = usize::from(one_sides[0].atoms[end(*two)]);
        let outer_two = usize::from(two_sides[0].atoms[end(*one)]);
        let (a, b) = (&one_sides[outer_one], &two_sides[outer_two]);
        let middle = self.total.checked_sub(a.heavy + b.heavy)?;
        if middle == 0 || middle > max || a.heavy + b.heavy < middle {
            return None;
        }
        let build = |numbers: [u32; 2]| -> Option<(String, EditMol)> {
            let mut cut = self.edit.clone();
            // The later bond first: a cut moves the bonds behind it.
            let mut points = [[0; 2]; 2];
            let mut jobs = [(*one, numbers[0], 0), (*two, numbers[1], 1)];
            jobs.sort_by_key(|job| std::cmp::Reverse(job.0));
            for (bond, number, place) in jobs {
                points[place] = cut.cut(bond, [(0, number), (0, number)]).ok()?;
            }
            let middle = cut.component(points[0][1 - outer_one]);
            let rest: Vec<bool> = middle.iter().map(|inside| !inside).collect();
            Some((cut.part(&middle).smiles().ok()?, cut.part(&rest)))
        };
        let (variable, rest) = match a.smiles.cmp(&b.smiles) {
            std::cmp::Ordering::Less => build([1, 2])?,
            std::cmp::Ordering::Greater => build([2, 1])?,
            // Two equal constants: the smaller name of the two.
            std::cmp::Ordering::Equal => build([1, 2])?.min_by_name(build([2, 1])?),
        };
        let mut constant = vec![a.smiles.clone(), b.smiles.clone()];
        constant.sort();
        Some(Cut { constant, variable, rest })
    }
}

trait MinByName {
    fn min_by_name(self, other: Self) -> Self;
}

impl MinByName for (String, EditMol) {
    fn min_by_name(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}

/// Constant part as a number: 64 bits, so that millions of cuts fit into memory.
fn key(constant: &[String]) -> u64 {
    let mut hasher = FxHasher::default();
    constant.hash(&mut hasher);
    // FxHash leaves the low bits poor.
    let mut mixed = hasher.finish();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 31)
}

/// The cuts of one molecule: constant part and variable part.
fn cuts_of(mol: &Mol, limits: &PairLimits) -> Vec<(u64, String)> {
    let Ok(cutter) = Cutter::new(mol) else { return Vec::new() };
    let mut found = Vec::new();
    for bond in 0..cutter.len() {
        for side in 0..2 {
            found.extend(cutter.single(bond, side, limits.max_variable));
        }
        if limits.double_cuts {
            for other in bond + 1..cutter.len() {
                found.extend(cutter.double(bond, other, limits.max_variable));
            }
        }
    }
    found.into_iter().map(|cut| (key(&cut.constant), cut.variable)).collect()
}

/// How often an exchange was seen, and for each property the sum of its changes and how many are known.
type Seen = (u32, Vec<(f64, u32)>);

/// The number of a variable part, given on first sight.
fn number_of(numbers: &mut FxHashMap<String, u32>, names: &mut Vec<String>, name: String) -> u32 {
    if let Some(&known) = numbers.get(&name) {
        return known;
    }
    let new = names.len() as u32;
    names.push(name.clone());
    numbers.insert(name, new);
    new
}

/// Finds the pairs of a library. `properties` are each molecule's values in the order of `names` (NaN
/// where one is unknown); transformations carry their mean changes.
#[must_use]
pub fn mine(
    library: &[Mol],
    (names, properties): (&[String], &[Vec<f64>]),
    limits: &PairLimits,
) -> PairTable {
    let (mut numbers, mut variables) = (FxHashMap::default(), Vec::new());
    // Constant part, variable part, molecule.
    let mut cuts: Vec<(u64, u32, u32)> = Vec::new();
    let mut complete = true;
    for (start, chunk) in (0..).step_by(1024).zip(library.chunks(1024)) {
        let found: Vec<Vec<(u64, String)>> =
            chunk.par_iter().map(|mol| cuts_of(mol, limits)).collect();
        for (mol, list) in found.into_iter().enumerate() {
            for (constant, variable) in list {
                let variable = number_of(&mut numbers, &mut variables, variable);
                cuts.push((constant, variable, (start + mol) as u32));
            }
        }
        if cuts.len() >= limits.max_cuts {
            complete = start + chunk.len() >= library.len();
            break;
        }
    }
    cuts.sort_unstable();
    // A molecule may give the same cut twice by symmetry.
    cuts.dedup();
    let mut table: FxHashMap<(u32, u32), Seen> = FxHashMap::default();
    for group in cuts.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let group = &group[..group.len().min(limits.max_group)];
        for from in group {
            for to in group.iter().filter(|to| to.1 != from.1 && to.2 != from.2) {
                let entry =
                    table.entry((from.1, to.1)).or_insert_with(|| (0, vec![(0.0, 0); names.len()]));
                entry.0 += 1;
                let values = |mol: u32| properties.get(mol as usize);
                if let (Some(before), Some(after)) = (values(from.2), values(to.2)) {
                    for ((sum, count), (b, a)) in entry.1.iter_mut().zip(before.iter().zip(after)) {
                        if (a - b).is_finite() {
                            *sum += a - b;
                            *count += 1;
                        }
                    }
                }
            }
        }
    }
    let mean = |sums: Vec<(f64, u32)>| -> Vec<f64> {
        sums.into_iter().map(|(sum, n)| if n > 0 { sum / f64::from(n) } else { f64::NAN }).collect()
    };
    let found = table.into_iter().map(|((from, to), (count, sums))| Transformation {
        from,
        to,
        count,
        deltas: mean(sums),
    });
    PairTable::new(&variables, found.collect(), names.to_vec(), (*limits, complete))
}
