//! Scenarios that are ready to run: each is bound to the server's models once, runs the records of all
//! requests in batches, and is made anew when a model was replaced.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strata_core::batching::{Batcher, BatcherConfig, RecordRows, RecordStages};
use strata_core::hub::{Hub, farewell};
use strata_core::stream::StageTimes;
use strata_serve::Kit;
use strata_serve::telemetry::{ModelMetrics, Stage};

use super::HttpError;
use crate::admet::Catalog;
use crate::input::{Column, ColumnKind, Layout, Record};
use crate::output::Schema;
use crate::scenario::Loaded;
use crate::screen::{JobError, ModelChoice, Pipeline, Provenance, Screening};

/// Records inferred at a time: enough for the models to be quick, few enough that no request waits
/// long behind another's.
const CHUNK: usize = 32;

/// Runs that may wait here for each that may wait for a model: pieces of large requests are in the
/// queue beside those of small ones, and a molecule takes longer to prepare than a model to run.
const RUNS_FOR_ONE: usize = 4;

/// Scenarios with models of the caller's choice that are kept ready beside the scenarios' own.
const KEPT: usize = 32;

/// Why a scenario does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No scenario of this name.
    #[error("there is no scenario {name:?}; this server has {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// Names it has.
        known: String,
    },
    /// Its models or its chemistry.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The system refused threads.
    #[error("the system refused worker threads: {0}")]
    Threads(#[from] std::io::Error),
}

/// A scenario that is ready.
pub(super) struct Ready {
    generation: u64,
    pub(super) batcher: Batcher<Vec<Record>, RecordRows>,
    pub(super) schema: Arc<Schema>,
    /// What its models predict, in groups.
    pub(super) catalog: Catalog,
    pub(super) provenance: Provenance,
}

/// What a request is answered with: a scenario and which models.
pub(super) type Key = (String, Option<Vec<String>>);

/// The scenarios of a server.
pub(super) struct Engine {
    hub: Arc<Hub>,
    batching: BatcherConfig,
    stages: ModelMetrics,
    scenarios: Vec<Loaded>,
    ready: Mutex<HashMap<Key, Arc<Ready>>>,
    binding: Mutex<()>,
    /// What is being bound anew beside the requests.
    renewing: Mutex<HashSet<Key>>,
}

impl Engine {
    /// The built-in scenarios and those of the files; none is bound yet.
    pub(super) fn new(kit: &Kit, files: &[PathBuf]) -> Result<Self, HttpError> {
        let scenarios = strata_core::scenario::all(files)?;
        let mut batching = kit.batching("screen");
        let runs = kit.settings().batching.queue_runs.saturating_mul(RUNS_FOR_ONE);
        let chunk = CHUNK.min(batching.limits.max_rows);
        batching.limits.max_rows = chunk;
        batching.limits.queue_rows = chunk.saturating_mul(runs);
        // Workers prepare molecules as well as run models: they are busy enough for batches to form.
        batching.limits.max_delay = Duration::ZERO;
        let (hub, stages) = (Arc::clone(kit.hub()), kit.stages("screen"));
        Ok(Self {
            hub,
            batching,
            stages,
            scenarios,
            ready: Mutex::default(),
            binding: Mutex::default(),
            renewing: Mutex::default(),
        })
    }

    /// Records inferred at a time, and of one piece of a request.
    pub(super) fn chunk(&self) -> usize {
        self.batching.limits.max_rows
    }

    /// Counts how long the stages of a piece of a request took.
    pub(super) fn count(&self, times: &StageTimes) {
        self.stages.stage(Stage::Pre, times.prepare);
        self.stages.stage(Stage::Infer, times.infer);
        self.stages.stage(Stage::Post, times.interpret);
    }

    /// The scenarios.
    pub(super) fn scenarios(&self) -> &[Loaded] {
        &self.scenarios
    }

    /// The models.
    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// A scenario by name.
    pub(super) fn scenario(&self, name: &str) -> Result<&Loaded, EngineError> {
        let found = self.scenarios.iter().find(|known| known.scenario.name == name);
        found.ok_or_else(|| {
            let known: Vec<&str> =
                self.scenarios.iter().map(|known| known.scenario.name.as_str()).collect();
            EngineError::Unknown { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// A scenario that is bound already. When a model was replaced since, it is bound anew beside the
    /// requests, which are answered by the models they know until that is done.
    pub(super) fn bound(self: &Arc<Self>, key: &Key) -> Option<Arc<Ready>> {
        let generation = self.hub.generation();
        let ready = Arc::clone(lock(&self.ready).get(key)?);
        if ready.generation != generation && lock(&self.renewing).insert(key.clone()) {
            let (engine, key) = (Arc::clone(self), key.clone());
            let renew = move || {
                if let Err(error) = engine.get(&key) {
                    // The next request is told why.
                    tracing::warn!(scenario = key.0, %error, "scenario not bound anew");
                    let old = lock(&engine.ready).remove(&key);
                    old.into_iter().for_each(farewell);
                }
                lock(&engine.renewing).remove(&key);
            };
            let spawned = std::thread::Builder::new().name("strata-renew".to_owned()).spawn(renew);
            if spawned.is_err() {
                lock(&self.renewing).clear();
            }
        }
        Some(ready)
    }

    /// A scenario bound to the models as they are now. Takes a while where it is not bound yet.
    pub(super) fn get(&self, key: &Key) -> Result<Arc<Ready>, EngineError> {
        // One at a time: callers who ask for ever new choices of models wait for each other.
        let _binding = lock(&self.binding);
        let generation = self.hub.generation();
        if let Some(ready) = lock(&self.ready).get(key).filter(|r| r.generation == generation) {
            return Ok(Arc::clone(ready));
        }
        let (name, models) = key;
        let loaded = self.scenario(name)?;
        let choice = models.clone().map_or(ModelChoice::Scenario, ModelChoice::Only);
        let chosen = (loaded, &choice, &*self.hub as _);
        let pipeline = Pipeline::new(layout(), chosen, (Path::new("request"), None))?;
        let Pipeline { screening, provenance, .. } = pipeline;
        let schema = Arc::new(screening.schema().clone());
        let catalog = Catalog::of(screening.predictors());
        let stages: RecordStages<Screening> = RecordStages::new(Arc::new(screening), self.chunk());
        let batcher = Batcher::new(stages, self.batching.clone())?;
        let made = Arc::new(Ready { generation, batcher, schema, catalog, provenance });
        let old = {
            let mut ready = lock(&self.ready);
            let custom = ready.keys().filter(|(_, models)| models.is_some()).count();
            // Any caller can name models: what is kept for that is bounded.
            let full = models.is_some() && custom >= KEPT && !ready.contains_key(key);
            let dropped: Vec<Arc<Ready>> = match full {
                true => ready.extract_if(|(_, models), _| models.is_some()).map(|e| e.1).collect(),
                false => Vec::new(),
            };
            let replaced = ready.insert(key.clone(), Arc::clone(&made));
            dropped.into_iter().chain(replaced).collect::<Vec<_>>()
        };
        old.into_iter().for_each(farewell);
        Ok(made)
    }

    /// Binds every scenario whose models are there, and runs one molecule through each.
    pub(super) fn warm_up(&self) -> Result<(), EngineError> {
        for loaded in &self.scenarios {
            let name = &loaded.scenario.name;
            match self.get(&(name.clone(), None)) {
                Ok(ready) => {
                    let ask = strata_core::batching::Ask::default();
                    let _ =
                        ready.batcher.call(ask, vec![record("CC(=O)Oc1ccccc1C(=O)O", "")], None);
                }
                // The hub says why a model isn't ready; a scenario of absent models is no failure.
                Err(EngineError::Job(JobError::Models(error))) => {
                    tracing::info!(scenario = name, %error, "scenario not ready");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The given columns of a request's molecules.
fn layout() -> Layout {
    let column = |name: &str| Column { name: name.to_owned(), kind: ColumnKind::Text };
    Layout { columns: vec![column("smiles"), column("id")], smiles: Some(0), id: Some(1) }
}

/// A molecule of a request as the readers would give it.
pub(super) fn record(smiles: &str, id: &str) -> Record {
    let mut record = Record::default();
    record.push(smiles);
    record.push(id);
    record
}
