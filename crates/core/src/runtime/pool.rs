//! The pool: sessions of one verified model that share their packed weights. A call checks its
//! inputs, waits for a session, runs, and gives the session back before anybody reads the outputs.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ort::session::builder::PrepackedWeights;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynTensorValueType, DynValue};

use super::assignment::Assignment;
use super::device::Device;
use super::graph_cache::{self, CacheOutcome};
use super::library::Runtime;
use super::options::{PoolConfig, RunOptions};
use super::output::{CallFacts, Outputs};
use super::queue::{Lease, Queue};
use super::session::{self, Factory, Loaded, Signature, Source};
use super::stop::Stop;
use super::tensor::Inputs;
use super::{RuntimeError, Stage};
use crate::provenance::Provenance;

/// What a pool is told about its model beside the bytes.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) version: String,
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) precision: String,
    pub(super) featuriser: Option<crate::provenance::Featuriser>,
}

/// Inputs as ONNX Runtime takes them.
type Values<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

/// Sessions of one model.
pub struct SessionPool {
    // Sessions are dropped before the external data, which they may still point into.
    queue: Queue<Session>,
    _external: Vec<Arc<[u8]>>,
    sessions: usize,
    signature: Arc<Signature>,
    provenance: Arc<Provenance>,
    device: Device,
    assignment: Vec<Assignment>,
    /// Numbers of outputs that are inputs passed through: they must not point into the caller's array.
    passed_through: Vec<usize>,
    /// Whether ONNX Runtime takes the processor's memory from an arena, by a plan of earlier calls.
    planned: bool,
    load: LoadReport,
}

/// How loading went.
#[derive(Debug, Clone, Copy)]
pub struct LoadReport {
    /// Time to make the first session.
    pub first: Duration,
    /// Time to make all of them.
    pub all: Duration,
    /// What the cache of optimised graphs did.
    pub cache: CacheOutcome,
}

impl SessionPool {
    pub(super) fn from_source(
        source: &Source<'_>,
        identity: Identity,
        config: &PoolConfig,
    ) -> Result<Self, RuntimeError> {
        config.check()?;
        let runtime = Runtime::global()?;
        let start = Instant::now();
        let prepacked = PrepackedWeights::new();
        let shared = Vec::new();
        let mut factory = Factory { runtime, source, config, prepacked, shared };
        let begun =
            graph_cache::begin(&mut factory, &format!("{}{}", source.made, identity.sha256))?;
        let (Loaded { session, device, assignment }, cache) = (begun.first, begun.cache);
        let first = start.elapsed();
        let signature = Arc::new(session::signature(source.model, &session)?);
        let mut sessions = vec![session];
        while sessions.len() < config.sessions {
            sessions.push(factory.another(device, begun.graph.as_deref())?);
        }
        release_freed_memory();
        let load = LoadReport { first, all: start.elapsed(), cache };
        let passed_through = (0..signature.outputs.len())
            .filter(|&i| signature.inputs.iter().any(|p| p.name == signature.outputs[i].name))
            .collect();
        Ok(Self {
            queue: Queue::new(sessions),
            _external: source.external.iter().map(|(_, bytes)| Arc::clone(bytes)).collect(),
            sessions: config.sessions,
            provenance: Arc::new(provenance(source, identity, (runtime, device))),
            signature,
            device,
            assignment,
            passed_through,
            planned: config.memory_pattern && config.arena && device == Device::Cpu,
            load,
        })
    }

    /// Runs the model. The outputs own their memory; the session is free again when this returns.
    ///
    /// # Errors
    /// When an input is missing, unknown, or of another type or shape; when the deadline passes or
    /// the token is cancelled, be it before, while waiting or while running; when ONNX Runtime fails.
    /// The session is usable after each of them.
    pub fn run(&self, inputs: &Inputs<'_>, options: &RunOptions) -> Result<Outputs, RuntimeError> {
        let start = Instant::now();
        self.signature.check(inputs)?;
        self.stopped_before(options, start)?;
        let mut lease = self.lease(options, start)?;
        self.run_on(&mut lease, inputs, options, start)
    }

    /// Warms up a pool that nobody uses yet: runs the model once on each session. The first call takes memory bit by bit; from then on
    /// ONNX Runtime takes one planned block a call, so that what the first one took is given back.
    pub(super) fn run_on_each(&self, inputs: &Inputs<'_>) -> Vec<Result<Outputs, RuntimeError>> {
        if let Err(e) = self.signature.check(inputs) {
            return vec![Err(e)];
        }
        let mut leases = self.queue.lease_each();
        let run = |session: &mut Session, values: Values<'_>| {
            let options = self.shrinking().map_err(|e| self.failed(e.message().to_owned()))?;
            let outputs = match &options {
                Some(options) => session.run_with_options(values, options).map(collect),
                None => session.run(values).map(collect),
            };
            outputs.map_err(|e| self.failed(e.message().to_owned()))
        };
        let outputs = leases.iter_mut().map(|lease| self.run_as(lease, inputs, run)).collect();
        release_freed_memory();
        outputs
    }

    /// Options of a call after which the arena gives back what is free, where there is an arena and a plan.
    fn shrinking(&self) -> ort::Result<Option<ort::session::RunOptions>> {
        if !self.planned {
            return Ok(None);
        }
        let mut options = ort::session::RunOptions::new()?;
        options.set("memory.enable_memory_arena_shrinkage", "cpu:0")?;
        Ok(Some(options))
    }

    pub(super) fn lease(
        &self,
        options: &RunOptions,
        start: Instant,
    ) -> Result<Lease<'_, Session>, RuntimeError> {
        self.queue.lease(&self.signature.model, options, start)
    }

    pub(super) fn stopped_before(
        &self,
        options: &RunOptions,
        start: Instant,
    ) -> Result<(), RuntimeError> {
        let (model, stage) = (|| self.signature.model.clone(), Stage::Waiting);
        if options.cancel.as_ref().is_some_and(super::CancelToken::is_cancelled) {
            return Err(RuntimeError::Cancelled { model: model(), stage });
        }
        if options.deadline.is_some_and(|deadline| deadline <= start) {
            return Err(RuntimeError::Deadline { model: model(), stage, waited: Duration::ZERO });
        }
        Ok(())
    }

    fn run_on(
        &self,
        lease: &mut Lease<'_, Session>,
        inputs: &Inputs<'_>,
        options: &RunOptions,
        start: Instant,
    ) -> Result<Outputs, RuntimeError> {
        let failed = |e: &ort::Error| self.failed(e.message().to_owned());
        self.run_as(lease, inputs, |session, values| {
            if options.deadline.is_none() && options.cancel.is_none() {
                return session.run(values).map(collect).map_err(|e| failed(&e));
            }
            let stop = Stop::new().map_err(|e| failed(&e))?;
            let outputs = {
                let _armed = stop.arm(options).ok_or_else(|| {
                    self.failed("the system refused the thread that watches deadlines".to_owned())
                })?;
                session.run_with_options(values, stop.options()).map(collect)
            };
            outputs.map_err(|e| match stop.reason() {
                Some(reason) => reason.error(&self.signature.model, start),
                None => failed(&e),
            })
        })
    }

    /// Runs the model in the way that `run` does.
    fn run_as(
        &self,
        lease: &mut Lease<'_, Session>,
        inputs: &Inputs<'_>,
        run: impl FnOnce(&mut Session, Values<'_>) -> Result<Vec<DynValue>, RuntimeError>,
    ) -> Result<Outputs, RuntimeError> {
        let failed = |e: &ort::Error| self.failed(e.message().to_owned());
        let slot = lease.slot().ok_or_else(|| self.failed("the session is gone".to_owned()))?;
        let mut given: Values<'_> = Vec::new();
        for (name, data) in inputs.entries() {
            let tensor = data.tensor().map_err(|e| failed(&e))?;
            given.push((Cow::Borrowed(*name), tensor));
        }
        let mut values = run(&mut slot.session, given)?;
        self.own(&mut values).map_err(|e| failed(&e))?;
        let facts = CallFacts { copied_inputs: inputs.copied_bytes(), session: slot.index };
        let (signature, provenance) = (Arc::clone(&self.signature), Arc::clone(&self.provenance));
        Ok(Outputs::new(signature, values, provenance, &facts))
    }

    /// An output that is an input passed through would point into the caller's array and outlive it.
    fn own(&self, values: &mut [DynValue]) -> ort::Result<()> {
        for &index in &self.passed_through {
            let tensor = values[index].view().downcast::<DynTensorValueType>()?;
            let owned = (*tensor).clone().into_dyn();
            drop(tensor);
            values[index] = owned;
        }
        Ok(())
    }

    pub(super) fn failed(&self, reason: String) -> RuntimeError {
        RuntimeError::Run { model: self.signature.model.clone(), reason }
    }

    /// Inputs and outputs of the model.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Number of sessions.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// The device of the list that the model runs on.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Providers that really run the model's nodes, with how many each.
    #[must_use]
    pub fn assignment(&self) -> &[Assignment] {
        &self.assignment
    }

    /// What every answer of this pool comes from.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    /// How loading went.
    #[must_use]
    pub fn load_report(&self) -> LoadReport {
        self.load
    }
}

impl std::fmt::Debug for SessionPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionPool")
            .field("model", &self.signature.model)
            .field("sessions", &self.sessions)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// Gives memory that loading freed back to the system. Parsing and optimising leave holes as large as
/// the weights, which glibc's allocator would otherwise keep for as long as the process lives.
#[allow(unsafe_code, reason = "glibc has no safe wrapper for it")]
fn release_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time from any thread, and touches only free memory.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The values, in the order of the model's outputs, independent of the session's borrow.
fn collect(outputs: ort::session::SessionOutputs<'_>) -> Vec<DynValue> {
    outputs.into_iter().map(|(_, value)| value).collect()
}

fn provenance(source: &Source<'_>, id: Identity, on: (&Runtime, Device)) -> Provenance {
    Provenance {
        model: source.model.to_owned(),
        version: id.version,
        file: id.file,
        sha256: id.sha256,
        precision: id.precision,
        onnx_runtime: on.0.version().to_owned(),
        provider: on.1.provider().to_owned(),
        featuriser: id.featuriser,
        strata: crate::provenance::STRATA_VERSION.to_owned(),
    }
}
