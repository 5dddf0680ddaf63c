//! Hostile and damaged models: each gives its own error, and none is loaded, panics or hangs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytes;
mod external;
mod files;
mod graphs;
mod real;
mod signatures;

use std::path::Path;

use strata_core::card::{Latency, Machine, ModelCard};
use strata_core::paths::SearchPath;
use strata_core::verify::{Limits, VerifiedModel, VerifyError, WalkKind, verify};
use strata_testkit::onnx::Model;
use strata_testkit::{CardSpec, write_card};

/// Verifies the model under `<models>/m`, as a program would.
fn verify_in(models: &Path) -> Result<VerifiedModel, VerifyError> {
    let search = SearchPath::only(models);
    let card = ModelCard::find("m", &search)?;
    let chosen = card.select(Latency::Balanced, &Machine::new("cpu"))?;
    verify(&card, chosen.variant, &search, &Limits::default())
}

/// Writes the model with a right card and verifies it.
fn verify_model(model: &Model) -> Result<VerifiedModel, VerifyError> {
    verify_spec(&CardSpec::new("m"), model)
}

/// [`verify_model`] with more on the card.
fn verify_spec(spec: &CardSpec, model: &Model) -> Result<VerifiedModel, VerifyError> {
    let models = tempfile::tempdir().unwrap();
    write_card(models.path(), spec, model).unwrap();
    verify_in(models.path())
}

/// What the walk refuses a model for; panics when it is accepted or refused for another reason.
#[track_caller]
fn refused(result: Result<VerifiedModel, VerifyError>) -> WalkKind {
    match result {
        Err(VerifyError::Walk { source, .. }) => source.kind,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("accepted"),
    }
}
