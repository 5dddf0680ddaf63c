//! Errors of drug screening as problems. Paths of the server's disk stay in its log.

use strata_core::hub::{HubError, ModelState};
use strata_serve::{Kind, Problem};

use super::EngineError;
use crate::screen::{JobError, ModelsError};
use crate::tools::ToolError;

/// Why a scenario does not run.
pub(super) fn of_engine(error: &EngineError) -> Problem {
    match error {
        EngineError::Unknown { .. } => {
            Problem::field("scenario", error).with_remedy("/v1/scenarios lists them")
        }
        EngineError::Job(job) => of_job(job),
        EngineError::Threads(_) => Problem::internal(error),
    }
}

fn of_job(error: &JobError) -> Problem {
    match error {
        JobError::Models(models) => of_models(models),
        JobError::Scenario(_) => Problem::field("models", error),
        other => Problem::internal(other),
    }
}

/// Why a model does not run.
pub(super) fn of_models(error: &ModelsError) -> Problem {
    match error {
        ModelsError::Hub(hub) => match hub {
            HubError::Unknown { .. } => Problem::field("models", hub),
            HubError::NotReady { state: ModelState::Unloaded | ModelState::Absent, .. } => {
                Problem::new(Kind::Conflict, "model-not-loaded", hub)
            }
            _ => Problem::new(Kind::Unavailable, "model-not-ready", hub),
        },
        ModelsError::Unfit { .. } | ModelsError::SameColumn { .. } => {
            Problem::field("models", error)
        }
        other => Problem::internal(other),
    }
}

/// Why a tool gives no answer; `field` is what the request named it.
pub(super) fn of_tool(field: &str, error: &ToolError) -> Problem {
    match error {
        ToolError::Chem(_) | ToolError::Smarts(_) | ToolError::Arena(_) | ToolError::Request(_) => {
            Problem::field(field, error)
        }
        other => Problem::internal(other),
    }
}

/// A SMILES that is no molecule.
pub(super) fn of_smiles(field: &str, error: &strata_chem::ChemError) -> Problem {
    Problem::field(field, error).with_remedy("check the SMILES")
}
