//! Why a hub has no model to give.

use thiserror::Error;

use super::status::ModelState;
use crate::card::CardError;
use crate::runtime::OpenError;
use crate::verify::VerifyError;

/// Why a model isn't served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HubError {
    /// No model of this name.
    #[error("there is no model {name:?}; this server has {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Names it has.
        known: String,
    },
    /// The model has no such version.
    #[error("model {name} has no version {version:?}; it has {known}")]
    UnknownVersion {
        /// The model.
        name: String,
        /// The version asked for.
        version: String,
        /// Versions it has.
        known: String,
    },
    /// The model is known but does not run.
    #[error("model {name} is not ready: {reason}")]
    NotReady {
        /// The model.
        name: String,
        /// Its state.
        state: ModelState,
        /// Why not.
        reason: String,
    },
    /// A card that cannot be read.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A model that does not open.
    #[error(transparent)]
    Open(#[from] Box<OpenError>),
    /// The system refused threads for a batcher.
    #[error("model {name}: the system refused its worker threads: {source}")]
    Threads {
        /// The model.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The file that was never fetched, where that is why a model did not open.
pub(super) fn absent_file(error: &HubError) -> Option<String> {
    let card = match error {
        HubError::Card(card) => card,
        HubError::Open(open) => match open.as_ref() {
            OpenError::Card(card) | OpenError::Verify(VerifyError::Card(card)) => card,
            _ => return None,
        },
        _ => return None,
    };
    match card {
        CardError::FileAbsent { file, .. } => Some(file.clone()),
        _ => None,
    }
}
