//! Starts and ends a watch.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::camera::{Camera, CameraMeter, Sources, lock};
use super::clock::{Clock, SystemClock};
use super::config::{JournalConfig, WatchConfig, Zones};
use super::engine::Engine;
use super::event::{EndReason, Ids};
use super::floor::Floor;
use super::handle::{Handle, ZonePlan};
use super::health::Health;
use super::journal::{Journal, Retention};
use super::lifecycle::Lifecycle;
use super::media::{ClipRecorder, ClipWriter};
use super::meter::LatencyMeter;
use super::plan::Plan;
use super::rules::{Cooldowns, MediaPlan, SceneSetup};
use super::scene::SceneState;
use super::sinks::{self, Backoff, Running, Surroundings};
use super::status::Summary;
use super::{AnalyserFactory, WatchError};

/// What is not configured, but others may want otherwise: tests above all.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// Waits before a stream is opened anew.
    pub restart: Backoff,
    /// How often the supervisor looks.
    pub tick: Duration,
    /// Waits before an output is tried again, instead of its own.
    pub retry: Option<Backoff>,
}

impl Default for Tuning {
    fn default() -> Self {
        let restart = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
        Self { restart, tick: Duration::from_millis(50), retry: None }
    }
}

/// All that a watch is made of.
pub struct Setup {
    /// The configuration, as [`WatchConfig::read`] gives it.
    pub config: WatchConfig,
    /// Where zones drawn on the page are kept; nowhere when left out.
    pub zones_path: Option<PathBuf>,
    /// Opens streams.
    pub sources: Arc<dyn Sources>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The rest.
    pub tuning: Tuning,
}

impl Setup {
    /// A watch over these streams, by the system's clock.
    #[must_use]
    pub fn new(config: WatchConfig, sources: Arc<dyn Sources>) -> Self {
        Self {
            config,
            zones_path: None,
            sources,
            clock: Arc::new(SystemClock::default()),
            tuning: Tuning::default(),
        }
    }
}

/// A watch that runs. Dropped, it is stopped as [`finish`](Self::finish) does.
pub struct Watcher {
    handle: Handle,
    supervisor: Option<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    sinks: Vec<Running>,
    /// Of the outputs, which go on when the cameras have stopped.
    sink_life: Arc<Lifecycle>,
}

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watcher({:?})", self.handle)
    }
}

/// Watches until it is told to stop or all recordings are through. `started` gets a grip on it.
///
/// # Errors
/// See [`start`].
pub fn run(
    setup: Setup,
    factory: &dyn AnalyserFactory,
    started: impl FnOnce(Handle),
) -> Result<Summary, WatchError> {
    let watcher = start(setup, factory)?;
    started(watcher.handle());
    watcher.wait(Duration::MAX);
    watcher.finish()
}

/// Starts a watch: models are loaded, the journal is put in order after a kill, threads begin.
///
/// # Errors
/// A configuration, model, journal or output that cannot be used.
pub fn start(setup: Setup, factory: &dyn AnalyserFactory) -> Result<Watcher, WatchError> {
    let Setup { config, zones_path, sources, clock, tuning } = setup;
    let config = &config;
    let plan = Plan::new(config, factory)?;
    let passes = plan.load_passes(config, factory)?;
    let outlets = sinks::build(&config.outputs, tuning.retry)?;
    let journal = &config.outputs.journal;
    let routes = sinks::routes(&config.outputs);
    let journal = Arc::new(Journal::open(&journal.path, retention(journal), routes)?);
    let began_ms = clock.now_ms();
    let interrupted = journal.interrupt_open(began_ms)?;
    if !interrupted.is_empty() {
        let events = interrupted.len();
        tracing::warn!(events, "events were open when the program was killed; they have ended");
    }
    let shared = Shared {
        plan: &plan,
        config,
        ids: Arc::new(Ids::default()),
        cooldowns: Arc::new(Cooldowns::new(journal.fired()?)),
        zones: Zones { all: config.zones.clone() },
    };
    let mut cameras = Vec::with_capacity(config.cameras.len());
    for place in 0..config.cameras.len() {
        cameras.push(shared.camera(place, factory, (tuning.restart, began_ms))?);
    }
    let media_failures = Arc::new(AtomicU64::new(0));
    let clips =
        config.outputs.clips.as_ref().map(|_| ClipWriter::start(Arc::clone(&media_failures)));
    let drawn = match &zones_path {
        Some(path) => Zones::read(path)?,
        None => Zones::default(),
    };
    let written = shared.zones.all.iter().filter(|zone| !drawn.all.contains(zone)).cloned();
    let zones =
        ZonePlan { written: Zones { all: written.collect() }, drawn, config: config.clone() };
    let engine = Arc::new(Engine {
        floor: Floor::new(cameras.len()),
        cameras,
        passes,
        journal: Arc::clone(&journal),
        life: Arc::new(Lifecycle::default()),
        clock,
        sources,
        outputs: config.outputs.clone(),
        zones: Mutex::new(zones),
        zones_path,
        batch: config.engine.batch,
        tick: tuning.tick,
        clips: Mutex::new(clips.transpose()?),
        media_failures,
        backlog: Mutex::new(VecDeque::new()),
        changes: AtomicU64::new(interrupted.len() as u64),
    });
    let grace = Duration::from_secs_f64(config.engine.stop_seconds);
    begin(&engine, outlets, (config.engine.workers, grace, began_ms))
}

fn retention(config: &JournalConfig) -> Retention {
    Retention {
        age_ms: (config.keep_days * 86_400_000.0) as i64,
        events: config.keep_events,
        outbox: config.outbox,
    }
}

/// Starts the threads.
fn begin(
    engine: &Arc<Engine>,
    outlets: Vec<Box<dyn sinks::Sink>>,
    (workers, grace, began_ms): (usize, Duration, i64),
) -> Result<Watcher, WatchError> {
    let sink_life = Arc::new(Lifecycle::default());
    let states = Arc::clone(engine);
    let around = Surroundings {
        journal: Arc::clone(&engine.journal),
        life: Arc::clone(&sink_life),
        clock: Arc::clone(&engine.clock),
        cameras: Arc::new(move || {
            let of = |camera: &Camera| lock(&camera.health).state().as_str();
            states.cameras.iter().map(|camera| (camera.config.name.clone(), of(camera))).collect()
        }),
    };
    let handle = Handle { engine: Arc::clone(engine), sinks: Arc::default(), began_ms, grace };
    // From here on the watcher stops what was started, if the rest cannot be.
    let mut watcher =
        Watcher { handle, supervisor: None, workers: Vec::new(), sinks: Vec::new(), sink_life };
    for outlet in outlets {
        watcher.sinks.push(Running::start(outlet, around.clone())?);
    }
    let states = watcher.sinks.iter().map(|sink| (sink.name.clone(), sink.state.clone()));
    watcher.handle.sinks = Arc::new(states.collect());
    for number in 0..workers {
        let engine = Arc::clone(engine);
        let name = format!("worker {number}");
        watcher.workers.push(std::thread::Builder::new().name(name).spawn(move || engine.work())?);
    }
    let supervised = Arc::clone(engine);
    let supervisor = std::thread::Builder::new().name("supervisor".to_owned());
    watcher.supervisor = Some(supervisor.spawn(move || supervised.supervise(grace))?);
    Ok(watcher)
}

/// What cameras are made from.
struct Shared<'a> {
    plan: &'a Plan,
    config: &'a WatchConfig,
    ids: Arc<Ids>,
    cooldowns: Arc<Cooldowns>,
    zones: Zones,
}

impl Shared<'_> {
    fn camera(
        &self,
        place: usize,
        factory: &dyn AnalyserFactory,
        (restart, now_ms): (Backoff, i64),
    ) -> Result<Camera, WatchError> {
        let config = &self.config.cameras[place];
        let outputs = &self.config.outputs;
        let media =
            MediaPlan { snapshots: outputs.snapshots.is_some(), clips: outputs.clips.is_some() };
        let (mut scenes, mut passes) = (Vec::new(), Vec::new());
        for (scene, planned) in self.config.scenes.iter().zip(&self.plan.scenes) {
            if !planned.cameras.contains(&config.name) {
                continue;
            }
            let setup = SceneSetup {
                camera: config.name.clone(),
                scene: scene.name.clone(),
                model: planned.needs.model.clone(),
                classes: planned.needs.classes.clone(),
                rules: planned.rules.clone(),
                threshold: planned.needs.threshold,
                media,
                ids: Arc::clone(&self.ids),
                cooldowns: Arc::clone(&self.cooldowns),
            };
            let refiner = factory
                .refiner(scene)
                .map_err(|error| WatchError::Scene { scene: scene.name.clone(), error })?;
            let state = SceneState::new(scene, setup, self.zones.clone(), config.fps)
                .map_err(|error| WatchError::Track { scene: scene.name.clone(), error })?;
            scenes.push(state.with_pass(planned.pass, refiner));
            passes.push(planned.pass);
        }
        passes.sort_unstable();
        passes.dedup();
        let stall = Duration::from_secs_f64(config.stall_seconds);
        Ok(Camera {
            config: config.clone(),
            health: Mutex::new(Health::new(stall, restart, now_ms)),
            meter: Mutex::new(CameraMeter::default()),
            scenes: Mutex::new(scenes),
            passes,
            clips: outputs.clips.clone().map(|clips| Mutex::new(ClipRecorder::new(clips))),
            latest: Mutex::new(None),
            stop: Mutex::new(Arc::new(AtomicBool::new(false))),
        })
    }
}

impl Watcher {
    /// A grip on it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits, `most` at the longest, until it is told to stop or all recordings are through; whether
    /// it is.
    pub fn wait(&self, most: Duration) -> bool {
        // A year at a time: a moment beyond the clock's end cannot be waited for.
        let most = most.min(Duration::from_secs(31_536_000));
        self.handle.engine.life.wait(most)
    }

    /// Stops the watch, if it has not stopped: events end, outputs get what waits for them as far as
    /// they can take it in time.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn finish(mut self) -> Result<Summary, WatchError> {
        self.end();
        let status = self.handle.status()?;
        let mut overall = LatencyMeter::default();
        let mut latency = Vec::new();
        for camera in &self.handle.engine.cameras {
            let meter = lock(&camera.meter);
            overall.merge(&meter.latency);
            latency.push(meter.latency.overall());
        }
        let delivered = status.sinks.iter().all(|sink| sink.counts.waiting == 0);
        Ok(Summary {
            delivered,
            latency,
            overall: overall.overall(),
            changes: self.handle.engine.changes.load(Ordering::Relaxed),
            status,
        })
    }

    fn end(&mut self) {
        let engine = &self.handle.engine;
        self.handle.stop();
        if let Some(supervisor) = self.supervisor.take() {
            // Panics end a thread, and were told of.
            let _ = supervisor.join();
        }
        engine.floor.close();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
        let now = engine.clock.now_ms();
        for camera in &engine.cameras {
            engine.close(camera, EndReason::Stopped, now);
        }
        // The clips that are recorded are written now.
        drop(lock(&engine.clips).take());
        self.sink_life.stop(self.handle.grace);
        engine.journal.wake();
        for sink in self.sinks.drain(..) {
            sink.join();
        }
        // Readers that hang hold the engine for as long as they do.
        engine.journal.release();
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.end();
    }
}
