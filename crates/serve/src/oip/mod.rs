//! The Open Inference Protocol, version 2: health, metadata, inference, and the repository's index.

mod datatype;
mod decode;
mod encode;
mod numbers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strata_core::batching::{Ask, TensorRequest};
use strata_core::card::Dim;
use strata_core::hub::{HubError, ModelState, Served};
use strata_core::provenance::STRATA_VERSION;
use strata_core::runtime::TensorPort;

use crate::batch;
use crate::input;
use crate::keys::Scope;
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::operation::{Answer, BodyKind, Call, Describe, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};
use crate::state::State;
use crate::telemetry::Stage;

const TAG: &str = "Open Inference Protocol v2";

/// Every operation of the protocol. Loading and unloading are offered only where `control` is on.
pub(crate) fn operations(state: &Arc<State>, name: &'static str, control: bool) -> Vec<Operation> {
    let mut all = vec![server(name), live(), ready(state), index(state)];
    for (versioned, ids) in [
        (false, ["model_metadata", "model_ready", "model_infer"]),
        (true, ["model_version_metadata", "model_version_ready", "model_version_infer"]),
    ] {
        all.extend([
            metadata(state, ids[0], versioned),
            model_ready(state, ids[1], versioned),
            infer(state, ids[2], versioned),
        ]);
    }
    if control {
        all.extend([load(state), unload(state)]);
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

fn infer(state: &Arc<State>, id: &'static str, versioned: bool) -> Operation {
    let state = Arc::clone(state);
    let path = match versioned {
        true => "/v2/models/{model}/versions/{version}/infer",
        false => "/v2/models/{model}/infer",
    };
    let describe = describe(id, true, path, "Run a model").about(
        TAG,
        "Run a model",
        "Tensors as JSON, or as bytes behind a JSON head whose length stands in the header \
         `Inference-Header-Content-Length`. Requests of several callers share a batch; no answer \
         depends on that.",
    );
    let doc = Doc {
        parameters: address(versioned),
        body: Some(BodyDoc {
            schemas: vec![
                SchemaOf::literal("application/json", request_schema()),
                SchemaOf::literal("application/octet-stream", json!({"type": "string"})),
            ],
            required: true,
            description: "",
        }),
        replies: vec![(200, SchemaOf::literal("application/json", reply_schema()))],
        ..Doc::default()
    };
    let work = move |call: Call, request: Request| {
        let content = request.content_type.as_str();
        if !matches!(content, "" | "application/json" | "application/octet-stream") {
            let text = format!("the body is {content}; send application/json");
            return Err(Problem::new(Kind::UnsupportedMediaType, "content-type", text));
        }
        let started = Instant::now();
        let served = find(&state, &request)?;
        let infer = decode::read(&request, served.model().pool().signature())?;
        let read = started.elapsed();
        let state = Arc::clone(&state);
        Ok(Work::Waits(Box::pin(async move {
            let answer = run(&served, call, infer).await?;
            let metrics = state.counted(&served.provenance().model);
            metrics.stage(Stage::Pre, read);
            metrics.stage(Stage::Post, answer.1);
            Ok(answer.0)
        })))
    };
    describe.raw(BodyKind::Whole, doc, work).oip()
}

/// Through the batcher, and the reply; with the time it took to write.
async fn run(
    served: &Served,
    call: Call,
    infer: decode::Infer,
) -> Result<(Output, Duration), Problem> {
    let decode::Infer { id, inputs, outputs, binary, priority, timeout } = infer;
    let deadline = timeout.map_or(call.deadline, |t| call.deadline.min(Instant::now() + t));
    let names = outputs.as_ref().map(|all| all.iter().map(|(name, _)| name.clone()).collect());
    let request = TensorRequest { inputs, outputs: names };
    let ask = served.tensors().ask(&request);
    let ask = ask.map_err(|error| Problem::new(Kind::BadRequest, "bad-tensor", error))?;
    let ask = Ask { priority, caller: call.caller.id, deadline: Some(deadline), ..ask };
    let done = batch::through(served.batcher(), ask, request, &call.cancel).await?;
    let started = Instant::now();
    let provenance = served.provenance();
    let facts = encode::Facts {
        model: &provenance.model,
        version: &provenance.version,
        id: id.as_deref(),
        outputs: outputs.as_deref(),
        binary,
        queued_us: u64::try_from(done.queued.as_micros()).unwrap_or(u64::MAX),
        batch_rows: done.batch_rows,
    };
    let output = encode::write(&done.value, &facts)?;
    Ok((output, started.elapsed()))
}

fn request_schema() -> Value {
    let parameters = json!({"type": "object"});
    json!({
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": parameters,
            "inputs": {"type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["name", "shape", "datatype"],
                "properties": {
                    "name": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer", "minimum": 1}},
                    "datatype": {"type": "string"},
                    "parameters": parameters,
                    "data": {"type": "array", "description": "Flat, or nested as the shape."},
                },
            }},
            "outputs": {"type": "array", "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "parameters": parameters},
            }},
        },
    })
}

fn reply_schema() -> Value {
    json!({
        "type": "object",
        "required": ["model_name", "model_version", "parameters", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "parameters": {"type": "object", "description": "Where the answer comes from."},
            "outputs": {"type": "array", "items": {
                "type": "object",
                "required": ["name", "datatype", "shape"],
                "properties": {
                    "name": {"type": "string"},
                    "datatype": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "parameters": {"type": "object"},
                    "data": {"type": "array"},
                },
            }},
        },
    })
}

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

fn index(state: &Arc<State>) -> Operation {
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
fn control(
    state: &Arc<State>,
    (id, path, summary): (&'static str, &'static str, &'static str),
    change: fn(&State, &str) -> Result<(), HubError>,
) -> Operation {
    let state = Arc::clone(state);
    let doc = Doc {
        parameters: address(false),
        replies: vec![(200, SchemaOf::literal("application/json", json!({"type": "object"})))],
        ..Doc::default()
    };
    let work = move |_: Call, request: Request| {
        let name = named(&request, "model").unwrap_or_default().to_owned();
        let state = Arc::clone(&state);
        Ok(Work::Computes(Box::new(move || {
            change(&state, &name).map_err(|error| problem(&error))?;
            Output::json(&json!({}))
        })))
    };
    describe(id, true, path, summary).scope(Scope::Admin).raw(BodyKind::Whole, doc, work).oip()
}

fn load(state: &Arc<State>) -> Operation {
    let path = "/v2/repository/models/{model}/load";
    let summary = "Load a model anew; the old one goes on until the new one is checked";
    control(state, ("model_load", path, summary), State::reload_model)
}

fn unload(state: &Arc<State>) -> Operation {
    let path = "/v2/repository/models/{model}/unload";
    let summary = "Take a model out of service";
    control(state, ("model_unload", path, summary), |state, name| {
        state.hub.unload(name)?;
        state.report_models();
        Ok(())
    })
}
