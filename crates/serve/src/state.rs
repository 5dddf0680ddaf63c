//! What all requests of a server share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use strata_core::hub::{Hub, HubError, ModelState};
use tokio::sync::{Notify, watch};

use crate::body::BodyLimits;
use crate::gate::Gate;
use crate::jobs::JobManager;
use crate::keys::{Caller, KeyRing};
use crate::openapi::Doc;
use crate::operation::{Describe, Operation};
use crate::origin::Origins;
use crate::problem::Problem;
use crate::rate::RateLimits;
use crate::service::Services;
use crate::settings::ServerSettings;
use crate::stream::Streams;
use crate::telemetry::trace::Traces;
use crate::telemetry::{Metrics, ModelMetrics, ModelRow};

/// How far a server is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It serves.
    Serving,
    /// It serves, but says that it is not ready, so that others are asked.
    Leaving,
    /// It answers what it has taken and refuses the rest.
    Refusing,
}

/// Parts of a server that are opened when it starts.
pub(crate) struct Parts {
    pub(crate) jobs: Option<Arc<JobManager>>,
    pub(crate) keys: KeyRing,
    pub(crate) traces: Traces,
}

pub(crate) struct State {
    pub(crate) limits: BodyLimits,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) gate: Gate,
    pub(crate) origins: Origins,
    pub(crate) in_flight: AtomicUsize,
    /// Told when a request has left.
    pub(crate) left: Notify,
    pub(crate) access_log: bool,
    pub(crate) hub: Arc<Hub>,
    pub(crate) jobs: Option<Arc<JobManager>>,
    pub(crate) traces: Traces,
    /// Everything is loaded and has run once.
    pub(crate) warm: AtomicBool,
    /// Why warming up failed, where it did.
    pub(crate) trouble: Mutex<Option<String>>,
    /// The metrics of each model that was asked: counting then takes no look-up of labels.
    counted: RwLock<HashMap<String, ModelMetrics>>,
    keys: RwLock<Arc<KeyRing>>,
    rates: Mutex<RateLimits>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) services: Services,
    phase: AtomicU8,
    /// True when streams are to end.
    ending: watch::Sender<bool>,
    others: [Arc<Operation>; 2],
}

impl State {
    pub(crate) fn new(
        settings: &ServerSettings,
        (hub, metrics): (Arc<Hub>, Arc<Metrics>),
        parts: Parts,
    ) -> Self {
        let Parts { jobs, keys, traces } = parts;
        let limits = &settings.limits;
        let seconds = Duration::from_secs;
        let concurrent = limits.concurrent_count();
        Self {
            limits: BodyLimits {
                body: limits.body_bytes.as_usize(),
                decompressed: limits.decompressed_bytes.as_usize(),
                json_depth: limits.json_depth,
                rows: limits.rows,
                pixels: limits.image_pixels,
                body_timeout: seconds(limits.body_timeout_s),
                request_timeout: seconds(limits.request_timeout_s),
            },
            streams: Streams::new(limits.streams, Arc::clone(&metrics)),
            services: Services::default(),
            metrics,
            origins: origins(settings),
            gate: Gate::new(concurrent, settings.batching.queue_items),
            in_flight: AtomicUsize::new(0),
            left: Notify::new(),
            access_log: settings.log.access,
            hub,
            jobs,
            traces,
            warm: AtomicBool::new(false),
            trouble: Mutex::default(),
            counted: RwLock::default(),
            keys: RwLock::new(Arc::new(keys)),
            rates: Mutex::new(RateLimits::default()),
            phase: AtomicU8::new(0),
            ending: watch::Sender::new(false),
            others: [other(false), other(true)],
        }
    }

    pub(crate) fn keys(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_keys(&self, keys: KeyRing) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// The metrics of a model that is served.
    pub(crate) fn counted(&self, model: &str) -> ModelMetrics {
        let known = self.counted.read().unwrap_or_else(PoisonError::into_inner).get(model).cloned();
        known.unwrap_or_else(|| {
            let made = self.metrics.model(model);
            let mut counted = self.counted.write().unwrap_or_else(PoisonError::into_inner);
            counted.entry(model.to_owned()).or_insert(made).clone()
        })
    }

    /// Takes one request from a caller's rate, or says how long to wait.
    pub(crate) fn take_token(&self, caller: &Caller) -> Result<(), Duration> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.take(caller, Instant::now())
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Serving,
            1 => Phase::Leaving,
            _ => Phase::Refusing,
        }
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
        if phase == Phase::Refusing {
            self.ending.send_replace(true);
        }
    }

    /// Becomes true when streams are to end.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// The operation that stands for addresses that are none.
    pub(crate) fn other(&self, oip: bool) -> Arc<Operation> {
        Arc::clone(&self.others[usize::from(oip)])
    }

    /// Whether requests should come here, and if not, why.
    pub(crate) fn readiness(&self) -> (bool, Vec<String>) {
        let mut why = Vec::new();
        if self.phase() != Phase::Serving {
            why.push("the server is stopping".to_owned());
        }
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match trouble {
            Some(trouble) => why.push(trouble),
            None if !self.warm.load(Ordering::Acquire) => {
                why.push("models are being loaded and warmed up".to_owned());
            }
            None => {}
        }
        why.extend(self.services.troubles());
        why.extend(self.hub.readiness().why);
        (why.is_empty(), why)
    }

    /// Opens a model anew; what fails leaves the old one in place and is in the index and the log.
    pub(crate) fn reload_model(&self, name: &str) -> Result<(), HubError> {
        // To a hub it is no error that a model was never fetched; whoever asks for it wants to know.
        let result = self.hub.load(name).and_then(|()| self.hub.get(name, None).map(drop));
        let absent = matches!(&result, Err(HubError::NotReady { state: ModelState::Absent, .. }));
        match &result {
            Ok(()) => tracing::info!(model = name, "model loaded"),
            Err(error) if absent => tracing::info!(model = name, %error, "model not loaded"),
            Err(error) => tracing::error!(model = name, %error, "model not replaced"),
        }
        if !absent {
            self.metrics.reload(name, result.is_ok());
        }
        self.report_models();
        result
    }

    /// Puts the models' state into the metrics.
    pub(crate) fn report_models(&self) {
        let index = self.hub.index();
        self.metrics.model_info(index.iter().map(|row| {
            let from = row.provenance.as_deref();
            ModelRow {
                model: &row.name,
                version: &row.version,
                sha256: from.map_or("", |p| &p.sha256),
                provider: from.map_or("", |p| &p.provider),
                onnx_runtime: from.map_or("", |p| &p.onnx_runtime),
                state: row.state.as_str(),
            }
        }));
    }
}

/// A server that asks for keys, or that others may reach by any name, is told by its key who calls.
fn origins(settings: &ServerSettings) -> Origins {
    let server = &settings.server;
    let private = settings.auth.keys_file.is_none() && server.bind.ip().is_loopback();
    Origins { allowed: server.cors_origins.clone(), names: private.then(|| server.hosts.clone()) }
}

fn other(oip: bool) -> Arc<Operation> {
    let none = Operation::get(crate::door::OTHER, "/").open();
    let none = Describe::raw(none, crate::operation::BodyKind::None, Doc::default(), |_, _| {
        Err(Problem::not_found("no-address", "there is nothing at this address"))
    });
    Arc::new(if oip { none.oip() } else { none })
}
