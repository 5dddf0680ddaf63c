//! The metrics of a server. Names and labels are an interface: dashboards and alerts are built on
//! them. Labels take few values: operations, models and states, never what a client writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::process::Process;

/// The `Content-Type` of [`Metrics::render`]: the text format of OpenMetrics, which Prometheus reads.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds of times in seconds, 100 µs to 30 s: close together where answers usually lie.
const SECONDS: [f64; 17] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0,
];
const ROWS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];
const SHARES: [f64; 8] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9];

/// A part of the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waiting for a session and for others to share a run.
    Queue,
    /// From the client's data to tensors.
    Pre,
    /// The model.
    Infer,
    /// From tensors to the answer.
    Post,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Queue, Self::Pre, Self::Infer, Self::Post];

    fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Pre => "pre",
            Self::Infer => "infer",
            Self::Post => "post",
        }
    }
}

impl EncodeLabelValue for Stage {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        self.as_str().encode(encoder)
    }
}

/// A text that comes from the program or from a model's card.
type Label = Arc<str>;

macro_rules! labels {
    ($($name:ident { $($field:ident: $ty:ty),+ })+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
        struct $name { $($field: $ty),+ }
    )+};
}
labels! {
    ByRequest { operation: Label, method: &'static str, status: u16 }
    ByOperation { operation: Label }
    ByProblem { operation: Label, code: Label }
    ByModel { model: Label }
    ByStage { model: Label, stage: Stage }
    ByReason { model: Label, reason: Label }
    ByResult { model: Label, result: &'static str }
    ByState { state: Label }
    Info {
        model: Label,
        version: Label,
        sha256: Label,
        provider: Label,
        onnx_runtime: Label,
        state: Label
    }
}

/// A version of a model as `strata_model_info` tells it. What is not known is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelRow<'a> {
    /// The model.
    pub model: &'a str,
    /// Its version.
    pub version: &'a str,
    /// SHA-256 of the file that runs.
    pub sha256: &'a str,
    /// The execution provider that runs it.
    pub provider: &'a str,
    /// Version of ONNX Runtime.
    pub onnx_runtime: &'a str,
    /// Its state, in a word.
    pub state: &'a str,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

/// All metrics of a server. To be made when the program starts, and shared.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// The application's own.
    pub(super) apps: Mutex<Registry>,
    requests: Family<ByRequest, Counter>,
    request_seconds: Histograms<ByOperation>,
    problems: Family<ByProblem, Counter>,
    stage_seconds: Histograms<ByStage>,
    batch_rows: Histograms<ByModel>,
    batch_padding: Histograms<ByModel>,
    queue_depth: Family<ByModel, Gauge>,
    rejected: Family<ByReason, Counter>,
    cancelled: Family<ByModel, Counter>,
    in_flight: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    streams: Gauge,
    jobs: Family<ByState, Gauge>,
    reloads: Family<ByResult, Counter>,
    info: Family<Info, Gauge>,
    /// Held while the models are listed anew, so that no reader sees half a list.
    listing: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            apps: Mutex::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            problems: Family::default(),
            stage_seconds: Family::new_with_constructor(seconds),
            batch_rows: Family::new_with_constructor(|| Histogram::new(ROWS)),
            batch_padding: Family::new_with_constructor(|| Histogram::new(SHARES)),
            queue_depth: Family::default(),
            rejected: Family::default(),
            cancelled: Family::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            streams: Gauge::default(),
            jobs: Family::default(),
            reloads: Family::default(),
            info: Family::default(),
            listing: Mutex::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        // Counters get `_total` behind their names.
        r.register("strata_requests", "Requests answered", self.requests.clone());
        r.register(
            "strata_request_seconds",
            "Time from a request's head to its answer",
            self.request_seconds.clone(),
        );
        r.register(
            "strata_problems",
            "Requests refused or failed, by the code in the answer",
            self.problems.clone(),
        );
        r.register(
            "strata_stage_seconds",
            "Time in each part of an inference",
            self.stage_seconds.clone(),
        );
        r.register("strata_batch_rows", "Rows in a run of a model", self.batch_rows.clone());
        r.register(
            "strata_batch_padding_share",
            "Share of a run that was padding",
            self.batch_padding.clone(),
        );
        r.register("strata_queue_depth", "Requests that wait", self.queue_depth.clone());
        r.register("strata_rejected", "Requests that a queue refused", self.rejected.clone());
        r.register(
            "strata_cancelled",
            "Requests whose client left before the model ran",
            self.cancelled.clone(),
        );
        r.register("strata_in_flight", "Requests being answered", self.in_flight.clone());
        r.register("strata_connections", "Open connections", self.connections.clone());
        r.register(
            "strata_connections_refused",
            "Connections closed because there were too many",
            self.connections_refused.clone(),
        );
        r.register("strata_streams", "Open streams of events or pictures", self.streams.clone());
        r.register("strata_jobs", "Jobs, by state", self.jobs.clone());
        r.register("strata_reloads", "Times a model was loaded anew", self.reloads.clone());
        r.register("strata_model_info", "Models that are served: always 1", self.info.clone());
        r.register_collector(Box::new(Process::new()));
    }

    /// A request was answered. `operation` is the operation's id, never a path.
    pub fn request(&self, operation: &str, method: &str, status: u16, seconds: f64) {
        let operation = Label::from(operation);
        let by = ByRequest { operation: Label::clone(&operation), method: known(method), status };
        self.requests.get_or_create(&by).inc();
        self.request_seconds.get_or_create(&ByOperation { operation }).observe(seconds);
    }

    /// A request was answered with the problem `code`.
    pub fn problem(&self, operation: &str, code: &str) {
        let by = ByProblem { operation: operation.into(), code: code.into() };
        self.problems.get_or_create(&by).inc();
    }

    /// The metrics of a model, to be kept by what runs it.
    #[must_use]
    pub fn model(&self, model: &str) -> ModelMetrics {
        let by = ByModel { model: model.into() };
        let stage = |stage| {
            let by = ByStage { model: Label::clone(&by.model), stage };
            self.stage_seconds.get_or_create_owned(&by)
        };
        ModelMetrics {
            stages: Stage::ALL.map(stage),
            batch_rows: self.batch_rows.get_or_create_owned(&by),
            batch_padding: self.batch_padding.get_or_create_owned(&by),
            queue_depth: self.queue_depth.get_or_create_owned(&by),
            cancelled: self.cancelled.get_or_create_owned(&by),
            rejected: self.rejected.clone(),
            model: by.model,
        }
    }

    /// Requests being answered now.
    pub fn in_flight(&self, count: usize) {
        self.in_flight.set(number(count));
    }

    /// Connections open now.
    pub fn connections(&self, count: usize) {
        self.connections.set(number(count));
    }

    /// A connection was closed because there were too many.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Streams open now.
    pub fn streams(&self, count: usize) {
        self.streams.set(number(count));
    }

    /// Jobs in this state now.
    pub fn jobs(&self, state: &str, count: usize) {
        self.jobs.get_or_create(&ByState { state: state.into() }).set(number(count));
    }

    /// A model was loaded anew, or could not be.
    pub fn reload(&self, model: &str, succeeded: bool) {
        let result = if succeeded { "success" } else { "failure" };
        self.reloads.get_or_create(&ByResult { model: model.into(), result }).inc();
    }

    /// The models that are there now; those of an earlier call are forgotten.
    pub fn model_info<'a>(&self, models: impl IntoIterator<Item = ModelRow<'a>>) {
        let _listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        self.info.clear();
        for row in models {
            let info = Info {
                model: row.model.into(),
                version: row.version.into(),
                sha256: row.sha256.into(),
                provider: row.provider.into(),
                onnx_runtime: row.onnx_runtime.into(),
                state: row.state.into(),
            };
            self.info.get_or_create(&info).set(1);
        }
    }

    /// Everything, in the format of [`CONTENT_TYPE`].
    #[must_use]
    pub fn render(&self) -> String {
        let _listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::with_capacity(16 << 10);
        // Writing to a string does not fail.
        let _ = text::encode_registry(&mut out, &self.registry);
        let apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = text::encode_registry(&mut out, &apps);
        let _ = text::encode_eof(&mut out);
        out
    }
}

/// The metrics of one model: clones share their counts, and counting takes no look-up.
#[derive(Debug, Clone)]
pub struct ModelMetrics {
    model: Label,
    stages: [Histogram; 4],
    batch_rows: Histogram,
    batch_padding: Histogram,
    queue_depth: Gauge,
    cancelled: Counter,
    rejected: Family<ByReason, Counter>,
}

impl ModelMetrics {
    /// A request was this long in a stage.
    pub fn stage(&self, stage: Stage, time: Duration) {
        self.stages[stage as usize].observe(time.as_secs_f64());
    }

    /// The model ran `rows` rows, and this share (0 to 1) of the run was padding.
    pub fn batch(&self, rows: usize, padding_share: f64) {
        self.batch_rows.observe(rows as f64);
        self.batch_padding.observe(padding_share);
    }

    /// Requests that wait now.
    pub fn queue_depth(&self, count: usize) {
        self.queue_depth.set(number(count));
    }

    /// A request was refused; `reason` is one of few words.
    pub fn rejected(&self, reason: &str) {
        let by = ByReason { model: Label::clone(&self.model), reason: reason.into() };
        self.rejected.get_or_create(&by).inc();
    }

    /// A request's client left before the model ran.
    pub fn cancelled(&self) {
        self.cancelled.inc();
    }
}

/// A method as a label: clients may write any word there.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
