//! Everything that was scored, with the way back to its start.
use rustc_hash::FxHashSet;

use crate::edit::Product;

use super::Values;
use super::moves::Move;
use super::pareto::Front;

/// How a candidate came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The move.
    pub step: Move,
    /// What was done, in words.
    pub detail: String,
    /// The molecule that was changed.
    pub parent: Option<u32>,
    /// The second molecule of a crossover.
    pub mate: Option<u32>,
}

/// A scored molecule.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its number: place in [`Outcome::candidates`](super::Outcome::candidates).
    pub id: u32,
    /// Canonical SMILES; atoms below are numbered as it writes them.
    pub smiles: String,
    /// The scorer's values.
    pub values: Values,
    /// Desirability of each goal, 0 where the value is missing.
    pub desirability: Vec<f64>,
    /// Weighted geometric mean of the desirabilities, 0 to 1.
    pub fitness: f64,
    /// Tanimoto similarity to the nearest start.
    pub similarity: f64,
    /// Whether every limit on scored values holds.
    pub within_limits: bool,
    /// The start it goes back to, from 0.
    pub start: u32,
    /// How it came about.
    pub step: Step,
    /// Steps from the start.
    pub depth: u32,
    /// Atoms that are new or changed since the start.
    pub changed: Vec<bool>,
    /// Each atom's number in the start, `None` for a new one.
    pub origin: Vec<Option<u32>>,
}

/// Where a product's atoms come from, seen from the start: through its parent's.
pub(super) fn since_start(
    product: &Product,
    parent: (&[Option<u32>], &[bool]),
) -> (Vec<Option<u32>>, Vec<bool>) {
    let (origins, changes) = parent;
    let through = |from: &Option<u32>| from.and_then(|from| *origins.get(from as usize)?);
    let origin: Vec<Option<u32>> = product.origin.iter().map(through).collect();
    let before = |from: &Option<u32>| {
        from.is_none_or(|from| changes.get(from as usize).copied().unwrap_or(true))
    };
    let changed = product.changed.iter().zip(&product.origin);
    (origin, changed.map(|(now, from)| *now || before(from)).collect())
}

/// The scored molecules of a search.
#[derive(Debug, Default)]
pub(super) struct Archive {
    pub(super) candidates: Vec<Candidate>,
    seen: FxHashSet<String>,
    pub(super) front: Front,
}

impl Archive {
    /// Whether a molecule was scored already, or is about to be.
    pub(super) fn knows(&self, smiles: &str) -> bool {
        self.seen.contains(smiles)
    }

    /// Takes note of a molecule; false when it was known.
    pub(super) fn note(&mut self, smiles: &str) -> bool {
        self.seen.insert(smiles.to_owned())
    }

    /// Keeps a scored molecule; its point is on the front's axes where it may be a hit.
    pub(super) fn keep(&mut self, candidate: Candidate, point: Option<&[f64]>) {
        if let Some(point) = point {
            self.front.add(candidate.id, point);
        }
        self.candidates.push(candidate);
    }

    pub(super) fn next_id(&self) -> u32 {
        self.candidates.len() as u32
    }
}
