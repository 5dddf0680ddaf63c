//! `infer`: tensors in, through the batcher, tensors out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strata_core::batching::{Ask, TensorReply, TensorRequest};
use strata_core::hub::Served;

use super::{TAG, address, decode, describe, encode, find};
use crate::batch;
use crate::call::Call;
use crate::openapi::{BodyDoc, Doc, SchemaOf};
use crate::operation::{BodyKind, Operation, Output, Request, Work};
use crate::problem::{Kind, Problem};
use crate::state::State;
use crate::telemetry::Stage;

pub(super) fn operation(state: &Arc<State>, id: &'static str, versioned: bool) -> Operation {
    let (state, checked) = (Arc::clone(state), Arc::clone(state));
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
    let precheck = move |call: &Call, request: &Request| {
        // What the queue has no room for is not read: under overload that would be most of the work.
        let served = find(&checked, request)?;
        let ask = Ask {
            caller: call.caller.id,
            priority: call.caller.priority,
            deadline: Some(call.deadline),
            ..Ask::default()
        };
        served.batcher().would_take(&ask).map_err(Problem::from)
    };
    describe.raw(BodyKind::Whole, doc, work).precheck(precheck).oip()
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
    let priority = decode::precedence(call.caller.priority, priority);
    let ask = Ask { priority, caller: call.caller.id, deadline: Some(deadline), ..ask };
    let pieces = served.tensors().pieces(request, ask, &served.batcher().limits());
    let done = batch::through_all(served.batcher(), pieces, &call.cancel).await?;
    let started = Instant::now();
    let queued = done.iter().map(|done| done.queued).max().unwrap_or_default();
    let batch_rows = done.iter().map(|done| done.batch_rows).max().unwrap_or_default();
    let reply = TensorReply::joined(done.into_iter().map(|done| done.value).collect());
    let reply = reply.ok_or_else(|| Problem::internal("pieces of an answer do not fit"))?;
    let provenance = served.provenance();
    let facts = encode::Facts {
        model: &provenance.model,
        version: &provenance.version,
        id: id.as_deref(),
        outputs: outputs.as_deref(),
        binary,
        queued_us: u64::try_from(queued.as_micros()).unwrap_or(u64::MAX),
        batch_rows,
    };
    let output = encode::write(&reply, &facts)?;
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
