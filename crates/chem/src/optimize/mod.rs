//! Better analogues of a molecule: a search that keeps what is wanted and changes the rest.
//!
//! A [`Problem`] says which values are wanted ([`Goal`]), what a product must keep ([`Constraints`]), what
//! moves there are ([`MoveSet`]) and how much may be scored ([`Settings`]). [`run`] walks several islands of
//! molecules; each island's moves are chosen the more often the more often they succeeded there. Values come
//! from a [`Scorer`], in batches. Products are checked molecules ([`crate::edit`]), each scored once, and know
//! the way back to their start. The same problem and seed give the same answer on any number of threads.
//!
//! [`generate`] walks without a scorer: a library around a molecule or scaffold, with the figures of the field.
mod archive;
mod common;
mod constraint;
mod generate;
mod goal;
mod moves;
mod pareto;
mod propose;
mod search;

pub use archive::{Candidate, Step};
pub use constraint::{Constraints, Limit};
pub use generate::{Around, Figures, Generated, GeneratedMolecule, generate};
pub use goal::{Goal, Shape, Wanted};
pub use moves::{Move, MoveSet};
pub use pareto::fronts;
pub use search::{Control, MoveCount, Outcome, Status, Tally, run};

use crate::edit::Product;
use crate::error::ChemError;

/// Most molecules one search may score: each is remembered.
pub const MAX_BUDGET: usize = 1_000_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizeError {
    /// Text that is no goal or limit.
    #[error("{text:?} is no {what}: {remedy}")]
    Goal {
        /// What was given.
        text: String,
        /// What it should be: `goal` or `limit`.
        what: &'static str,
        /// How one is written.
        remedy: &'static str,
    },
    /// A property that is not computed.
    #[error("nothing computes {name:?}: use one of {known}, or add the model that predicts it")]
    Unknown {
        /// The property.
        name: String,
        /// Those that are computed.
        known: String,
    },
    /// A start that cannot be changed.
    #[error("start molecule {number}: {source}")]
    Start {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        source: ChemError,
    },
    /// A parameter out of range, or nothing to do.
    #[error("{0}")]
    Parameter(String),
    /// The scorer gave up.
    #[error("scoring failed: {0}")]
    Scorer(String),
}

/// Values of one molecule, by column; `None` where there is none.
pub type Values = Vec<Option<f64>>;

/// Gives molecules their values.
pub trait Scorer: Sync {
    /// Names of the values, in order.
    fn columns(&self) -> &[String];

    /// The values of each molecule; `None` for one that cannot be scored. The same molecule must get the same
    /// values in every batch.
    ///
    /// # Errors
    /// What keeps it from scoring anything more.
    fn score(&self, molecules: &[&Product]) -> Result<Vec<Option<Values>>, OptimizeError>;
}

/// How a search runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Candidates that may be scored, starts included.
    pub budget: usize,
    /// The random choices.
    pub seed: u64,
    /// Islands.
    pub islands: usize,
    /// Molecules that live on an island.
    pub population: usize,
    /// Candidates scored at once, over all islands.
    pub batch: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { budget: 5_000, seed: 0, islands: 4, population: 24, batch: 64 }
    }
}

/// What is asked for.
#[derive(Debug)]
pub struct Problem<'a> {
    /// What is wanted.
    pub goals: Vec<Goal>,
    /// What a product must keep.
    pub constraints: Constraints,
    /// How molecules are changed.
    pub moves: &'a MoveSet,
    /// How the search runs.
    pub settings: Settings,
}
