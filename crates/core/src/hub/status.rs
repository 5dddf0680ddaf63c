//! What a hub says about its models.

use std::sync::Arc;

use crate::provenance::Provenance;

/// State of a version of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelState {
    /// It answers.
    Ready,
    /// It has not been opened yet.
    Waiting,
    /// It could not be opened, or failed its golden example.
    Failed,
    /// A file of it was never fetched.
    Absent,
    /// It was taken out of service.
    Unloaded,
}

impl ModelState {
    /// In one lower-case word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Absent => "absent",
            Self::Unloaded => "unloaded",
        }
    }
}

/// A version of a model and its state.
#[derive(Debug, Clone)]
pub struct ModelStatus {
    /// The model.
    pub name: String,
    /// The version on its card.
    pub version: String,
    /// Whether it answers.
    pub state: ModelState,
    /// Why it does not, or why its replacement was not taken.
    pub reason: Option<String>,
    /// What its answers come from, while it answers.
    pub provenance: Option<Arc<Provenance>>,
}

/// Whether everything that should answer does.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Yes or no.
    pub ready: bool,
    /// What keeps it from being ready.
    pub why: Vec<String>,
}
