//! Detectors that are ready: each is bound to the server's models once, runs the pictures of all
//! requests in batches, and is made anew when a model was replaced.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use strata_core::batching::{Batcher, BatcherConfig, RecordRows, RecordStages};
use strata_core::hub::{Hub, farewell};
use strata_core::stream::StageTimes;
use strata_serve::telemetry::{ModelMetrics, Stage};
use strata_serve::{Kit, Problem};
use strata_vision::image::DecodeLimits;

use super::problems::of_models;
use super::{HttpError, picture};
use crate::detect::{DetectStages, Detector};
use crate::models::ModelSource;
use crate::picture::Picture;
use crate::scenario::{DetectTask, Loaded, Mode, Tiling};

/// Pictures in one run, as on the command line.
const CHUNK: usize = 4;

/// Detectors with settings of the caller's choice that are kept ready beside the scenarios' own.
const KEPT: usize = 32;

/// Share of a tile that its neighbour covers too, where a request asks for tiles.
const OVERLAP: f32 = 0.2;

/// What a request is answered with. Thresholds are kept as their bits, so that keys can be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) scenario: Option<String>,
    pub(super) model: Option<String>,
    pub(super) confidence: Option<u32>,
    pub(super) iou: Option<u32>,
    pub(super) classes: Option<Vec<String>>,
    pub(super) tile: Option<u32>,
}

impl Key {
    /// A scenario as it is.
    fn of_scenario(name: &str) -> Self {
        Self { scenario: Some(name.to_owned()), ..Self::default() }
    }

    fn is_plain(&self) -> bool {
        self.scenario.as_ref().is_some_and(|name| *self == Self::of_scenario(name))
    }
}

/// A detector that is ready.
pub(super) struct Ready {
    generation: u64,
    pub(super) batcher: Batcher<Vec<Picture>, RecordRows>,
    pub(super) detector: Arc<Detector>,
}

/// The scenarios and detectors of a server.
pub(super) struct Engine {
    hub: Arc<Hub>,
    batching: BatcherConfig,
    stages: ModelMetrics,
    limits: DecodeLimits,
    scenarios: Vec<Loaded>,
    ready: Mutex<HashMap<Key, Arc<Ready>>>,
}

impl Engine {
    /// The built-in scenarios and those of the files; none is bound yet.
    pub(super) fn new(kit: &Kit, files: &[PathBuf]) -> Result<Self, HttpError> {
        let scenarios = strata_core::scenario::all(files)?;
        let mut batching = kit.batching("detect");
        let runs = kit.settings().batching.queue_runs;
        let chunk = CHUNK.min(batching.limits.max_rows);
        batching.limits.max_rows = chunk;
        batching.limits.queue_rows = chunk.saturating_mul(runs);
        // Workers decode pictures as well as run the model: they are busy enough for batches to form.
        batching.limits.max_delay = Duration::ZERO;
        Ok(Self {
            hub: Arc::clone(kit.hub()),
            stages: kit.stages("detect"),
            limits: picture::limits(kit.settings().limits.image_pixels),
            batching,
            scenarios,
            ready: Mutex::default(),
        })
    }

    /// Counts how long the stages of a picture took.
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
    pub(super) fn scenario(&self, name: &str) -> Option<&Loaded> {
        self.scenarios.iter().find(|known| known.scenario.name == name)
    }

    /// A scenario of a mode, for a request that names it.
    pub(super) fn of_mode(&self, name: &str, mode: Mode) -> Result<&Loaded, Problem> {
        let Some(loaded) = self.scenario(name) else {
            let known: Vec<&str> =
                self.scenarios.iter().map(|known| known.scenario.name.as_str()).collect();
            let text =
                format!("there is no scenario {name:?}; this server has {}", known.join(", "));
            return Err(Problem::field("scenario", text).with_remedy("/v1/scenarios lists them"));
        };
        let found = loaded.scenario.mode;
        if found == mode {
            return Ok(loaded);
        }
        let (text, address) = match found {
            Mode::Detect => ("detection", "/v1/detect"),
            Mode::Anomaly => ("anomalies", "/v1/inspect, which takes a bank"),
            Mode::Belt => ("belt geometry", "/v1/belt"),
        };
        let text = format!("the scenario {name:?} is one of {text}: use {address}");
        Err(Problem::field("scenario", text))
    }

    /// A detector that is bound already, to the models as they are now.
    pub(super) fn bound(&self, key: &Key) -> Option<Arc<Ready>> {
        let generation = self.hub.generation();
        lock(&self.ready).get(key).filter(|ready| ready.generation == generation).cloned()
    }

    /// A detector, bound where it is not yet. No model is loaded for it, but threads are started.
    pub(super) fn get(&self, key: &Key) -> Result<Arc<Ready>, Problem> {
        if let Some(ready) = self.bound(key) {
            return Ok(ready);
        }
        let generation = self.hub.generation();
        let detector = Arc::new(self.detector(key)?);
        let stages = DetectStages::new(Arc::clone(&detector), self.limits, None);
        let stages: RecordStages<DetectStages> =
            RecordStages::new(Arc::new(stages), self.batching.limits.max_rows);
        let batcher = Batcher::new(stages, self.batching.clone()).map_err(Problem::internal)?;
        let made = Arc::new(Ready { generation, batcher, detector });
        let old = {
            let mut ready = lock(&self.ready);
            // Another request may have been as quick.
            if let Some(known) = ready.get(key).filter(|known| known.generation == generation) {
                return Ok(Arc::clone(known));
            }
            let custom = ready.keys().filter(|key| !key.is_plain()).count();
            // Any caller can choose thresholds: what is kept for that is bounded.
            let full = !key.is_plain() && custom >= KEPT && !ready.contains_key(key);
            let mut old: Vec<Arc<Ready>> = match full {
                true => ready.extract_if(|key, _| !key.is_plain()).map(|entry| entry.1).collect(),
                false => Vec::new(),
            };
            old.extend(ready.insert(key.clone(), Arc::clone(&made)));
            old
        };
        old.into_iter().for_each(farewell);
        Ok(made)
    }

    fn detector(&self, key: &Key) -> Result<Detector, Problem> {
        let loaded = match &key.scenario {
            Some(name) => Some(self.of_mode(name, Mode::Detect)?),
            None => None,
        };
        let mut task = loaded.map_or_else(DetectTask::default, |l| l.scenario.detect.clone());
        task.confidence = key.confidence.map(f32::from_bits).or(task.confidence);
        task.iou = key.iou.map(f32::from_bits).or(task.iou);
        if let Some(classes) = &key.classes {
            task.classes.clone_from(classes);
        }
        if let Some(size) = key.tile {
            task.tile = (size > 0).then_some(Tiling { size, overlap: OVERLAP });
        }
        let of_scenario = || loaded.and_then(|loaded| loaded.scenario.model.clone());
        let Some(model) = key.model.clone().or_else(of_scenario) else {
            let text = "neither a scenario nor a model is named";
            return Err(Problem::field("scenario", text).with_remedy("/v1/scenarios lists both"));
        };
        let field = if key.model.is_some() { "model" } else { "scenario" };
        let vision = self.hub.vision(&model).map_err(|error| of_models(field, &error))?;
        let field = if key.classes.is_some() { "classes" } else { field };
        Detector::new(vision, &task).map_err(|error| of_models(field, &error))
    }

    /// Binds every scenario whose model is there.
    pub(super) fn warm_up(&self) {
        for loaded in self.scenarios.iter().filter(|l| l.scenario.mode == Mode::Detect) {
            let name = &loaded.scenario.name;
            // The hub says why a model isn't ready; a scenario of an absent model is no failure.
            if let Err(problem) = self.get(&Key::of_scenario(name)) {
                tracing::info!(scenario = name, why = problem.detail, "scenario not ready");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
