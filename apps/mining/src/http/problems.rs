//! Errors of mining vision as problems. Paths of the server's disk stay in its log.

use strata_core::hub::{HubError, ModelState};
use strata_serve::{Kind, Problem};
use strata_vision::bank::BankError;
use strata_vision::image::DecodeError;

use crate::detect::Trouble;
use crate::inspect::InspectError;
use crate::models::ModelsError;

/// What to do about a picture that cannot be read.
const PICTURE: &str =
    "send the picture as JPEG, PNG, BMP, TIFF, WebP or GIF, whole and within limits.image_pixels";

/// A value that is too long.
pub(super) fn too_long(field: &str, bytes: usize) -> Problem {
    Problem::field(field, format!("it is longer than {bytes} bytes"))
}

/// Why a model of pictures is not ready; `field` is what the request named it by.
pub(super) fn of_models(field: &str, error: &ModelsError) -> Problem {
    match error {
        ModelsError::Hub(hub) => match hub {
            HubError::Unknown { .. } => {
                Problem::field(field, hub).with_remedy("/v1/scenarios lists the models")
            }
            HubError::NotReady { state: ModelState::Unloaded | ModelState::Absent, .. } => {
                Problem::new(Kind::Conflict, "model-not-loaded", hub)
            }
            _ => Problem::new(Kind::Unavailable, "model-not-ready", hub),
        },
        ModelsError::Unfit { .. } => Problem::field(field, error),
        other => Problem::internal(other),
    }
}

/// Why a picture cannot be read.
pub(super) fn of_decode(name: &str, error: &DecodeError) -> Problem {
    of_code(error.code(), &format!("{name}: {error}"))
}

/// What was wrong with the picture of a row.
pub(super) fn of_trouble(trouble: &Trouble) -> Problem {
    of_code(&trouble.code, &trouble.message)
}

fn of_code(code: &str, message: &str) -> Problem {
    let kind = match code {
        "too_large" => Kind::TooLarge,
        "internal" | "infer" | "bank" | "save" => return Problem::internal(message),
        "cancelled" | "deadline" => {
            return Problem::new(Kind::Unavailable, code.to_owned(), message)
                .retry(std::time::Duration::from_secs(1));
        }
        _ => Kind::Unprocessable,
    };
    let code = format!("picture-{}", code.replace('_', "-"));
    Problem::new(kind, code, message).with_field("body", message).with_remedy(PICTURE)
}

/// Why a bank has no answer.
pub(super) fn of_inspect(error: &InspectError) -> Problem {
    match error {
        InspectError::Models(models) => of_models("bank", models),
        InspectError::Bank(bank) => of_bank(bank),
        InspectError::Runtime(error) => match error {
            strata_core::runtime::RuntimeError::Deadline { .. }
            | strata_core::runtime::RuntimeError::Cancelled { .. } => {
                Problem::new(Kind::Unavailable, "deadline", error)
                    .retry(std::time::Duration::from_secs(1))
            }
            other => Problem::internal(other),
        },
        other => Problem::internal(other),
    }
}

/// Why a bank does not take or give back a picture.
pub(super) fn of_bank(error: &BankError) -> Problem {
    match error {
        BankError::Duplicate(_) => Problem::new(Kind::Conflict, "normal-known", error),
        BankError::Unknown(_) => Problem::not_found("no-normal", error),
        BankError::Empty => Problem::new(Kind::Conflict, "bank-empty", error),
        BankError::Mismatch { .. } => Problem::new(Kind::Conflict, "bank-mismatch", error),
        other => Problem::internal(other),
    }
}
