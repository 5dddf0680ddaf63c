//! Operations every server has: what it is, its metrics.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use strata_core::paths::ORT_VERSION;
use strata_core::provenance::{Provenance, STRATA_VERSION};

use crate::jobs::JobState;
use crate::keys::Scope;
use crate::openapi::{Doc, SchemaOf};
use crate::operation::{BodyKind, Nothing, Operation, Output, Work};
use crate::problem::Problem;
use crate::settings::ServerSettings;
use crate::state::State;
use crate::telemetry::CONTENT_TYPE;

/// What a server is and takes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ServerInfo {
    /// The program.
    pub name: String,
    /// Version of Strata.
    pub version: String,
    /// Version of ONNX Runtime it is built and tested with.
    pub onnx_runtime: String,
    /// Whether requests need a key.
    pub keys: bool,
    /// Whether jobs are offered.
    pub jobs: bool,
    /// Whether the page that documents the API is served, at `/docs`.
    pub docs: bool,
    /// Its limits.
    pub limits: LimitsInfo,
    /// Its models.
    pub models: Vec<ModelInfo>,
}

/// Limits of a server.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct LimitsInfo {
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// Bytes of a file for a job.
    pub upload_bytes: u64,
    /// Rows of a request.
    pub rows: u64,
    /// Seconds for an answer.
    pub request_timeout_s: u64,
}

/// A version of a model.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ModelInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `ready`, `waiting`, `failed`, `absent` or `unloaded`.
    pub state: String,
    /// Why it is not ready, or why its replacement was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What its answers come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Source>,
}

/// Where answers come from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Source {
    /// The model.
    pub model: String,
    /// The version on its card.
    pub version: String,
    /// The ONNX file.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
    /// Number format of its weights.
    pub precision: String,
    /// Version of ONNX Runtime.
    pub onnx_runtime: String,
    /// Execution provider that runs it.
    pub provider: String,
    /// What made its inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub featuriser: Option<FeaturiserInfo>,
    /// Version of Strata.
    pub strata: String,
}

/// What made a model's inputs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FeaturiserInfo {
    /// Its name and parameters.
    pub id: String,
    /// Digest of what it computes.
    pub hash: String,
}

impl From<&Provenance> for Source {
    fn from(p: &Provenance) -> Self {
        let featuriser = p.featuriser.as_ref();
        Self {
            model: p.model.clone(),
            version: p.version.clone(),
            file: p.file.clone(),
            sha256: p.sha256.clone(),
            precision: p.precision.clone(),
            onnx_runtime: p.onnx_runtime.clone(),
            provider: p.provider.clone(),
            featuriser: featuriser
                .map(|f| FeaturiserInfo { id: f.id.clone(), hash: f.hash.clone() }),
            strata: p.strata.clone(),
        }
    }
}

pub(crate) fn operations(
    state: &Arc<State>,
    settings: &ServerSettings,
    name: &'static str,
) -> Vec<Operation> {
    vec![server(state, settings, name), metrics(state)]
}

fn server(state: &Arc<State>, settings: &ServerSettings, name: &'static str) -> Operation {
    let limits = LimitsInfo {
        body_bytes: settings.limits.body_bytes.bytes(),
        upload_bytes: settings.limits.upload_bytes.bytes(),
        rows: settings.limits.rows as u64,
        request_timeout_s: settings.limits.request_timeout_s,
    };
    let (keys, docs) = (settings.auth.keys_file.is_some(), settings.server.docs);
    let state = Arc::clone(state);
    Operation::get("server", "/v1/server")
        .about("Server", "What this server is", "Version, limits, and models with their state.")
        .scope(Scope::Read)
        .computes(move |_, _: Nothing| {
            let models = state.hub.index().into_iter().map(|row| ModelInfo {
                name: row.name,
                version: row.version,
                state: row.state.as_str().to_owned(),
                reason: row.reason,
                provenance: row.provenance.as_deref().map(Source::from),
            });
            Ok(ServerInfo {
                name: name.to_owned(),
                version: STRATA_VERSION.to_owned(),
                onnx_runtime: ORT_VERSION.to_owned(),
                keys,
                jobs: state.jobs.is_some(),
                docs,
                limits,
                models: models.collect(),
            })
        })
}

fn metrics(state: &Arc<State>) -> Operation {
    let state = Arc::clone(state);
    let doc = Doc {
        replies: vec![(200, SchemaOf::bytes("application/openmetrics-text"))],
        ..Doc::default()
    };
    Operation::get("metrics", "/metrics")
        .about("Server", "Metrics for Prometheus", "")
        .scope(Scope::Metrics)
        .raw(BodyKind::None, doc, move |_, _| {
            let state = Arc::clone(&state);
            Ok(Work::Computes(Box::new(move || {
                if let Some(jobs) = &state.jobs {
                    let counts = jobs.counts().map_err(Problem::internal)?;
                    for one in JobState::ALL {
                        state.metrics.jobs(one.name(), counts.of(one) as usize);
                    }
                }
                Ok(Output::Bytes {
                    content_type: CONTENT_TYPE.to_owned(),
                    bytes: state.metrics.render().into(),
                    headers: Vec::new(),
                })
            })))
        })
        .always()
}
