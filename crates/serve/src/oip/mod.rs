//! The Open Inference Protocol, version 2: health, metadata, inference, and the repository's index.

mod datatype;
mod decode;
mod encode;
mod infer;
mod numbers;
mod repository;

pub use decode::inputs as oip_inputs;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::card::Dim;
use strata_core::hub::{HubError, ModelState, Served};
use strata_core::provenance::STRATA_VERSION;
use strata_core::runtime::TensorPort;

use crate::call::Call;
use crate::keys::Scope;
use crate::openapi::{Doc, SchemaOf};
use crate::operation::{Answer, BodyKind, Describe, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};
use crate::state::State;

const TAG: &str = "Open Inference Protocol v2";

/// Every operation of the protocol. Loading and unloading are offered only where `control` is on.
pub(crate) fn operations(state: &Arc<State>, name: &'static str, control: bool) -> Vec<Operation> {
    let mut all = vec![server(name), live(), ready(state), repository::index(state)];
    for (versioned, ids) in [
        (false, ["model_metadata", "model_ready", "model_infer"]),
        (true, ["model_version_metadata", "model_version_ready", "model_version_infer"]),
    ] {
        all.extend([
            metadata(state, ids[0], versioned),
            model_ready(state, ids[1], versioned),
            infer::operation(state, ids[2], versioned),
        ]);
    }
    if control {
        all.extend(repository::control(state));
    }
    all
}

fn describe(id: &'static str, post: bool, path: &'static str, summary: &'static str) -> Describe {
    let describe = if post { Operation::post(id, path) } else { Operation::get(id, path) };
    describe.about(TAG, summary, "")
}

/// An operation that answers at once.
fn at_once(
    describe: Describe,
    doc: Doc,
    answer: impl Fn(&Call, &Request) -> Answer + Send + Sync + 'static,
) -> Operation {
    let work = move |call: Call, request: Request| {
        let answer = answer(&call, &request);
        Ok(Work::Waits(Box::pin(std::future::ready(answer))))
    };
    describe.raw(BodyKind::None, doc, work).oip()
}

fn reply<T: JsonSchema>() -> Doc {
    Doc { replies: vec![(200, SchemaOf::reply::<T>("application/json"))], ..Doc::default() }
}

/// The server, as the protocol describes it.
#[derive(Serialize, JsonSchema)]
struct ServerMetadata {
    name: String,
    version: String,
    extensions: Vec<String>,
}

fn server(name: &'static str) -> Operation {
    let describe = describe("server_metadata", false, "/v2", "Name, version and extensions");
    at_once(describe.scope(Scope::Read), reply::<ServerMetadata>(), move |_, _| {
        let extensions = ["binary_tensor_data", "model_repository", "schedule_policy"];
        Output::json(&ServerMetadata {
            name: name.to_owned(),
            version: STRATA_VERSION.to_owned(),
            extensions: extensions.map(str::to_owned).to_vec(),
        })
    })
}

/// Whether the server lives.
#[derive(Serialize, JsonSchema)]
struct Live {
    live: bool,
}

fn live() -> Operation {
    let describe = describe("server_live", false, "/v2/health/live", "Whether the server lives");
    at_once(describe.open(), reply::<Live>(), |_, _| Output::json(&Live { live: true })).always()
}

/// Whether the server is ready, and where its models really run.
#[derive(Serialize, JsonSchema)]
struct Ready {
    ready: bool,
    /// What keeps it from being ready.
    why: Vec<String>,
    /// Models that answer, with the execution provider that runs each.
    models: Vec<ReadyModel>,
}

#[derive(Serialize, JsonSchema)]
struct ReadyModel {
    name: String,
    version: String,
    provider: String,
}

fn ready(state: &Arc<State>) -> Operation {
    let state = Arc::clone(state);
    let describe = describe(
        "server_ready",
        false,
        "/v2/health/ready",
        "Whether every model is loaded, checked and warm",
    );
    let doc = Doc {
        replies: vec![
            (200, SchemaOf::reply::<Ready>("application/json")),
            (503, SchemaOf::reply::<Ready>("application/json")),
        ],
        ..Doc::default()
    };
    let answer = move |_: &Call, _: &Request| {
        let (ready, why) = state.readiness();
        let models = state.hub.index().into_iter().filter_map(|row| {
            let provider = row.provenance?.provider.clone();
            Some(ReadyModel { name: row.name, version: row.version, provider })
        });
        let body = Ready { ready, why, models: models.collect() };
        match ready {
            true => Output::json(&body),
            false => Output::status(503, &body, None),
        }
    };
    at_once(describe.open(), doc, answer).always()
}

/// Which model.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read from the address by name; this type is its documentation")]
struct ModelAddress {
    /// The model.
    model: String,
}

/// Which version of a model.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read from the address by name; this type is its documentation")]
struct VersionAddress {
    /// The model.
    model: String,
    /// The version on its card.
    version: String,
}

fn address(versioned: bool) -> Option<SchemaOf> {
    Some(match versioned {
        true => SchemaOf::request::<VersionAddress>(""),
        false => SchemaOf::request::<ModelAddress>(""),
    })
}

fn named<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.path.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

fn find(state: &State, request: &Request) -> Result<Arc<Served>, Problem> {
    let model = named(request, "model").unwrap_or_default();
    state.hub.get(model, named(request, "version")).map_err(|error| problem(&error))
}

pub(crate) fn problem(error: &HubError) -> Problem {
    match error {
        HubError::Unknown { .. } => Problem::not_found("no-model", error),
        HubError::UnknownVersion { .. } => Problem::not_found("no-version", error),
        // Nobody is about to make it ready: asking again does not help.
        HubError::NotReady { state: ModelState::Unloaded | ModelState::Absent, .. } => {
            Problem::not_found("model-not-loaded", error)
        }
        HubError::NotReady { .. } => Problem::new(Kind::Unavailable, "model-not-ready", error),
        other => Problem::new(Kind::Conflict, "model-not-loaded", other),
    }
}

/// A tensor of a model.
#[derive(Serialize, JsonSchema)]
struct PortMetadata {
    name: String,
    datatype: String,
    /// Lengths; -1 where any length will do.
    shape: Vec<i64>,
}

/// A model.
#[derive(Serialize, JsonSchema)]
struct ModelMetadata {
    name: String,
    versions: Vec<String>,
    platform: String,
    inputs: Vec<PortMetadata>,
    outputs: Vec<PortMetadata>,
    /// Where its answers come from.
    parameters: ModelFacts,
}

#[derive(Serialize, JsonSchema)]
struct ModelFacts {
    version: String,
    sha256: String,
    precision: String,
    provider: String,
    onnx_runtime: String,
}

fn metadata(state: &Arc<State>, id: &'static str, versioned: bool) -> Operation {
    let state = Arc::clone(state);
    let path = match versioned {
        true => "/v2/models/{model}/versions/{version}",
        false => "/v2/models/{model}",
    };
    let describe = describe(id, false, path, "Inputs, outputs and versions of a model");
    let doc = Doc { parameters: address(versioned), ..reply::<ModelMetadata>() };
    at_once(describe.scope(Scope::Read), doc, move |_, request| {
        let served = find(&state, request)?;
        let (model, provenance) = (served.model(), served.provenance());
        let signature = model.pool().signature();
        let ports = |ports: &[TensorPort]| ports.iter().map(port).collect::<Vec<_>>();
        Output::json(&ModelMetadata {
            name: signature.model.clone(),
            versions: state.hub.versions(&signature.model),
            platform: "onnxruntime_onnx".to_owned(),
            inputs: ports(&signature.inputs),
            outputs: ports(&signature.outputs),
            parameters: ModelFacts {
                version: provenance.version.clone(),
                sha256: provenance.sha256.clone(),
                precision: provenance.precision.clone(),
                provider: provenance.provider.clone(),
                onnx_runtime: provenance.onnx_runtime.clone(),
            },
        })
    })
}

fn port(port: &TensorPort) -> PortMetadata {
    let length = |dim: &Dim| match dim {
        Dim::Fixed(length) => i64::try_from(*length).unwrap_or(-1),
        Dim::Symbol(_) => -1,
    };
    PortMetadata {
        name: port.name.clone(),
        datatype: datatype::name(port.dtype).to_owned(),
        shape: port.shape.iter().map(length).collect(),
    }
}

/// Whether a model answers.
#[derive(Serialize, JsonSchema)]
struct ModelReady {
    name: String,
    version: String,
    ready: bool,
    provider: String,
}

fn model_ready(state: &Arc<State>, id: &'static str, versioned: bool) -> Operation {
    let state = Arc::clone(state);
    let path = match versioned {
        true => "/v2/models/{model}/versions/{version}/ready",
        false => "/v2/models/{model}/ready",
    };
    let describe = describe(id, false, path, "Whether a model answers");
    let doc = Doc { parameters: address(versioned), ..reply::<ModelReady>() };
    at_once(describe.open(), doc, move |_, request| {
        let served = find(&state, request)?;
        let provenance = served.provenance();
        Output::json(&ModelReady {
            name: provenance.model.clone(),
            version: provenance.version.clone(),
            ready: true,
            provider: provenance.provider.clone(),
        })
    })
    .always()
}
