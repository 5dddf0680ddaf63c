//! What can go wrong with memory banks on pictures.

use strata_core::runtime::RuntimeError;
use strata_core::stream::StreamError;
use strata_vision::bank::BankError;
use strata_vision::preprocess::PrepareError;

use crate::models::ModelsError;

/// Why there is no bank, or no score.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// The model is none whose features a bank can be made of.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The bank.
    #[error(transparent)]
    Bank(#[from] BankError),
    /// The model's run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The picture does not become the model's input.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The belt.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Nothing to make a bank of.
    #[error("none of the {pictures} pictures could be read; the first error: {first}")]
    NoPictures {
        /// How many there were.
        pictures: u64,
        /// The first error.
        first: String,
    },
}
