//! The repository of models: its index, loading and unloading.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_core::hub::{HubError, ModelState};

use super::{address, describe, named, problem, reply};
use crate::call::Call;
use crate::input;
use crate::keys::Scope;
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::operation::{BodyKind, Operation, Output, Request, Work};
use crate::state::State;

/// Which models to list.
#[derive(Deserialize, JsonSchema, Default)]
struct IndexAsk {
    /// Only those that are ready.
    #[serde(default)]
    ready: bool,
}

/// A version of a model in the repository.
#[derive(Serialize, JsonSchema)]
struct IndexRow {
    name: String,
    version: String,
    /// `READY`, `LOADING` or `UNAVAILABLE`.
    state: String,
    /// Why it is not ready.
    reason: String,
}

pub(super) fn index(state: &Arc<State>) -> Operation {
    let state = Arc::clone(state);
    let body = Some(BodyDoc {
        schemas: vec![SchemaOf::request::<IndexAsk>("application/json")],
        required: false,
        description: "",
    });
    let doc = Doc { body, ..reply::<Vec<IndexRow>>() };
    let work = move |_: Call, request: Request| {
        let ask = match request.body.is_empty() {
            true => IndexAsk::default(),
            false => input::from_body::<IndexAsk>(&request)?,
        };
        let rows = state.hub.index().into_iter();
        let rows = rows.filter(|row| !ask.ready || row.state == ModelState::Ready);
        let rows = rows.map(|row| IndexRow {
            name: row.name,
            version: row.version,
            state: match row.state {
                ModelState::Ready => "READY",
                ModelState::Waiting => "LOADING",
                _ => "UNAVAILABLE",
            }
            .to_owned(),
            reason: row.reason.unwrap_or_default(),
        });
        let answer = Output::json(&rows.collect::<Vec<_>>());
        Ok(Work::Waits(Box::pin(std::future::ready(answer))))
    };
    describe("repository_index", true, "/v2/repository/index", "Every model and its state")
        .scope(Scope::Read)
        .raw(BodyKind::Whole, doc, work)
        .oip()
}

/// An operation that changes which models run.
fn change(
    state: &Arc<State>,
    (id, path, summary): (&'static str, &'static str, &'static str),
    work: fn(&State, &str) -> Result<(), HubError>,
) -> Operation {
    let state = Arc::clone(state);
    let doc = Doc {
        parameters: address(false),
        replies: vec![(200, SchemaOf::literal("application/json", json!({"type": "object"})))],
        ..Doc::default()
    };
    let answer = move |_: Call, request: Request| {
        let name = named(&request, "model").unwrap_or_default().to_owned();
        let state = Arc::clone(&state);
        Ok(Work::Computes(Box::new(move || {
            work(&state, &name).map_err(|error| problem(&error))?;
            Output::json(&json!({}))
        })))
    };
    describe(id, true, path, summary).scope(Scope::Admin).raw(BodyKind::Whole, doc, answer).oip()
}

/// Loading and unloading.
pub(super) fn control(state: &Arc<State>) -> [Operation; 2] {
    [load(state), unload(state)]
}

fn load(state: &Arc<State>) -> Operation {
    let path = "/v2/repository/models/{model}/load";
    let summary = "Load a model anew; the old one goes on until the new one is checked";
    change(state, ("model_load", path, summary), State::reload_model)
}

fn unload(state: &Arc<State>) -> Operation {
    let path = "/v2/repository/models/{model}/unload";
    let summary = "Take a model out of service";
    change(state, ("model_unload", path, summary), |state, name| {
        state.hub.unload(name)?;
        state.report_models();
        Ok(())
    })
}
