//! Errors of government document Q&A as problems. Paths of the server's disk stay in its log.

use std::time::Duration;

use strata_core::hub::{HubError, ModelState};
use strata_core::runtime::RuntimeError;
use strata_serve::{Kind, Problem};
use strata_text::index::IndexError;

use crate::desk::DeskError;
use crate::models::ModelsError;

/// Why there is no answer.
pub(super) fn of_desk(error: &DeskError) -> Problem {
    match error {
        DeskError::Question(what) => {
            Problem::field("question", what).with_remedy("send 1 to 2000 characters")
        }
        DeskError::NoDocument(id) => no_document(id),
        DeskError::Models(ModelsError::Hub(hub)) => of_hub(hub),
        DeskError::Index(error) => of_index(error),
        DeskError::OtherModel { .. } => Problem::new(Kind::Conflict, "other-model", error),
        DeskError::Runtime(RuntimeError::Deadline { .. } | RuntimeError::Cancelled { .. }) => {
            Problem::new(Kind::Unavailable, "deadline", error).retry(Duration::from_secs(1))
        }
        other => Problem::internal(other),
    }
}

fn of_hub(error: &HubError) -> Problem {
    match error {
        HubError::Unknown { .. } => {
            Problem::field("scenario", error).with_remedy("/v1/scenarios lists what there is")
        }
        HubError::NotReady { state: ModelState::Unloaded | ModelState::Absent, .. } => {
            Problem::new(Kind::Conflict, "model-not-loaded", error)
        }
        _ => Problem::new(Kind::Unavailable, "model-not-ready", error),
    }
}

/// Why the index does not do what it is asked for.
pub(super) fn of_index(error: &IndexError) -> Problem {
    match error {
        IndexError::Locked(_) => {
            Problem::new(Kind::Conflict, "index-busy", "another program writes the index")
                .with_remedy("wait until it is done")
                .retry(Duration::from_secs(5))
        }
        other => Problem::internal(other),
    }
}

/// A document that is not there, or that the caller may not see: the two are not told apart.
pub(super) fn no_document(id: &str) -> Problem {
    let id: String = id.chars().take(120).collect();
    Problem::not_found("no-document", format!("there is no document {id:?} here"))
        .with_remedy("/v1/documents lists them")
}
