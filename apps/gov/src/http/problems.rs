//! Errors of government document Q&A as problems. Paths of the server's disk stay in its log.

use std::io::ErrorKind;
use std::time::Duration;

use strata_core::hub::{HubError, ModelState};
use strata_core::runtime::RuntimeError;
use strata_serve::{Kind, Problem};
use strata_text::embed::EmbedError;
use strata_text::index::IndexError;
use strata_text::reader::ReaderError;

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
        DeskError::Runtime(run)
        | DeskError::Embed(EmbedError::Runtime(run))
        | DeskError::Reader(ReaderError::Runtime(run)) => of_run(run),
        other => Problem::internal(other),
    }
}

/// Why a model did not run. One that was stopped, by its deadline or because the client went away, is no fault of ours.
fn of_run(error: &RuntimeError) -> Problem {
    match error {
        RuntimeError::Deadline { .. } | RuntimeError::Cancelled { .. } => {
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
        IndexError::Io { source, .. }
            if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            tracing::error!(%error, "index");
            Problem::new(Kind::Unavailable, "storage-full", "the server's disk is full")
                .with_remedy("ask whoever runs the server; nothing was changed")
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

#[cfg(test)]
mod tests {
    use strata_core::runtime::Stage;

    use super::*;

    #[test]
    fn a_run_that_was_stopped_is_no_internal_error_wherever_it_was() {
        let stopped = || RuntimeError::Cancelled { model: "m".to_owned(), stage: Stage::Waiting };
        for error in [
            DeskError::Runtime(stopped()),
            DeskError::Embed(EmbedError::Runtime(stopped())),
            DeskError::Reader(ReaderError::Runtime(stopped())),
        ] {
            let problem = of_desk(&error);
            assert_eq!(
                (problem.kind.status(), problem.code.as_ref()),
                (503, "deadline"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn a_full_disk_is_said_and_other_troubles_of_the_disk_are_not() {
        let problem = |kind: ErrorKind| {
            let (path, source) = ("index.manifest.tmp".into(), std::io::Error::from(kind));
            of_index(&IndexError::Io { path, source })
        };
        let full = problem(ErrorKind::StorageFull);
        assert_eq!((full.kind.status(), full.code.as_ref()), (503, "storage-full"));
        assert!(!full.detail.contains("manifest"), "paths of the server's disk stay in its log");
        assert_eq!(problem(ErrorKind::PermissionDenied).kind.status(), 500);
    }
}
