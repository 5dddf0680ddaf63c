//! Better analogues of a hit, and focused libraries: what `strata-drug optimize` and `generate` do, as calls.
//!
//! The search is the chemistry kit's ([`strata_chem::optimize`]); its candidates are scored by the stages that
//! `screen` runs, so that a candidate's numbers are those a screening of it would give.

mod control;
mod generate;
mod goals;
mod job;
mod library;
mod result;
mod scorer;
mod table;

pub use generate::{GenerateJob, GeneratedLibrary, generate};
pub use job::{OptimizeJob, Optimized, Start, optimize, optimize_with};
pub use library::{LibraryInfo, read_starts};
pub(crate) use result::said;
pub use result::{Hit, OptimizeProvenance};
pub use table::TableFormat;
pub(crate) use table::way;

use std::path::PathBuf;

use strata_chem::optimize::OptimizeError;

use crate::input::InputError;
use crate::output::OutputError;
use crate::screen::JobError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizeJobError {
    /// The start molecules or the library.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A start that is no molecule.
    #[error("start molecule {name}: {why}")]
    Start {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The models or the scenario.
    #[error(transparent)]
    Models(#[from] JobError),
    /// The search.
    #[error("{0} (a model's endpoints are added with --models NAME)")]
    Search(OptimizeError),
    /// A parameter.
    #[error("{0}")]
    Request(String),
    /// A result.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The result is there already.
    #[error("{} exists already: choose another name, or add --overwrite", path.display())]
    OutExists {
        /// The result.
        path: PathBuf,
    },
}

impl From<OptimizeError> for OptimizeJobError {
    fn from(error: OptimizeError) -> Self {
        match error {
            OptimizeError::Unknown { .. } => Self::Search(error),
            other => Self::Request(other.to_string()),
        }
    }
}
