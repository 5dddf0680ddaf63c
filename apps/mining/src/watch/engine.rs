//! The engine: readers bring frames, workers look at them, a supervisor watches the cameras. One pass
//! over a frame serves every scene that needs it; frames of cameras that need the same passes go
//! through them together.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strata_vision::image::Image;

use super::camera::{Camera, Desk, Latest, Reader, Sources, lock};
use super::clock::Clock;
use super::config::OutputsConfig;
use super::event::{ChangeKind, EndReason, Transition};
use super::floor::{Floor, Frame, Job};
use super::health::{CameraState, Order, StreamEnd};
use super::journal::Journal;
use super::lifecycle::Lifecycle;
use super::media::{self, ClipWriter};
use super::pass::{Analyser, Findings, PassKey};
use super::scene::SceneState;
use super::status::PassStatus;
use super::{AnalyseError, panic_message};

/// How long a worker waits for a frame before it looks whether it is to go home.
const WAIT: Duration = Duration::from_millis(200);
/// Changes kept while the journal cannot be written.
const MAX_BACKLOG: usize = 10_000;
/// Milliseconds between two clean-ups.
const PRUNE_MS: i64 = 600_000;

/// A pass and what it did.
pub(super) struct Pass {
    pub(super) key: PassKey,
    pub(super) analyser: Arc<dyn Analyser>,
    pub(super) scenes: Vec<String>,
    pub(super) runs: AtomicU64,
    pub(super) frames: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) micros: AtomicU64,
}

/// Everything that threads share.
pub(super) struct Engine {
    pub(super) cameras: Vec<Camera>,
    pub(super) passes: Vec<Pass>,
    pub(super) floor: Floor,
    pub(super) journal: Arc<Journal>,
    pub(super) life: Arc<Lifecycle>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) outputs: OutputsConfig,
    pub(super) zones: Mutex<super::handle::ZonePlan>,
    pub(super) zones_path: Option<PathBuf>,
    pub(super) batch: usize,
    pub(super) tick: Duration,
    pub(super) clips: Mutex<Option<ClipWriter>>,
    pub(super) media_failures: Arc<AtomicU64>,
    /// Changes that the journal has not taken yet.
    pub(super) backlog: Mutex<VecDeque<Transition>>,
    pub(super) changes: AtomicU64,
}

struct FrameDesk<'a> {
    engine: &'a Engine,
    camera: usize,
}

impl Desk for FrameDesk<'_> {
    fn now_ms(&self) -> i64 {
        self.engine.clock.now_ms()
    }

    fn offer(&self, frame: Frame) -> bool {
        let camera = &self.engine.cameras[self.camera];
        let at_ms = frame.at_ms;
        let dropped = self.engine.floor.offer(self.camera, frame, camera.config.queue);
        if dropped > 0 {
            lock(&camera.meter).dropped.add(at_ms, dropped);
        }
        !self.engine.life.is_stopping()
    }
}

impl Engine {
    /// A worker's thread: looks at frames until the floor is closed.
    pub(super) fn work(&self) {
        let same = |a: usize, b: usize| self.cameras[a].passes == self.cameras[b].passes;
        while let Some(job) = self.floor.take(self.batch, &same, WAIT) {
            if job.is_empty() {
                continue;
            }
            let cameras: Vec<usize> = job.iter().map(|(camera, _)| *camera).collect();
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.look(job))) {
                let message = panic_message(panic.as_ref());
                tracing::error!(message, "looking at a frame panicked; the next are tried");
                for camera in &cameras {
                    lock(&self.cameras[*camera].meter).failed += 1;
                }
            }
            self.floor.done(&cameras);
        }
    }

    fn look(&self, job: Job) {
        // Which scenes look at which frames, and through which passes these go.
        let mut due: Vec<Vec<bool>> = Vec::with_capacity(job.len());
        let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, (camera, _)) in job.iter().enumerate() {
            let mut scenes = lock(&self.cameras[*camera].scenes);
            let looks: Vec<bool> = scenes.iter_mut().map(SceneState::is_due).collect();
            for (scene, _) in scenes.iter().zip(&looks).filter(|(_, looks)| **looks) {
                let places = wanted.entry(scene.pass).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            due.push(looks);
        }
        let mut found: BTreeMap<(usize, usize), Arc<Findings>> = BTreeMap::new();
        let mut failed = vec![false; job.len()];
        for (pass, places) in wanted {
            let frames: Vec<&Image> = places.iter().map(|place| &*job[*place].1.image).collect();
            match self.passes[pass].run(&frames) {
                Ok(findings) => {
                    for (place, findings) in places.iter().zip(findings) {
                        found.insert((*place, pass), Arc::new(findings));
                    }
                }
                Err(error) => {
                    tracing::warn!(pass = %self.passes[pass].key, %error, "a pass failed");
                    for place in places {
                        failed[place] = true;
                    }
                }
            }
        }
        for (place, (camera, frame)) in job.into_iter().enumerate() {
            let of = |pass: usize| found.get(&(place, pass)).map(Arc::as_ref);
            self.decide(&self.cameras[camera], &frame, &due[place], &of);
            if failed[place] {
                lock(&self.cameras[camera].meter).failed += 1;
            }
        }
    }

    /// Lets the scenes of a camera decide about a frame.
    fn decide<'a>(
        &self,
        camera: &Camera,
        frame: &Frame,
        due: &[bool],
        of: &dyn Fn(usize) -> Option<&'a Findings>,
    ) {
        let (mut changes, mut overlays) = (Vec::new(), Vec::new());
        let (mut open, mut suppressed, mut failed, mut looked) = (0, 0, 0, false);
        {
            let mut scenes = lock(&camera.scenes);
            for (scene, _) in scenes.iter_mut().zip(due).filter(|(_, due)| **due) {
                let Some(findings) = of(scene.pass) else { continue };
                looked = true;
                match scene.look((&frame.image, frame.at_ms), findings, &mut overlays) {
                    Ok(made) => changes.extend(made),
                    Err(error) => {
                        failed += 1;
                        tracing::warn!(camera = camera.config.name, %error, "a scene failed");
                    }
                }
            }
            for scene in scenes.iter() {
                open += scene.open_events();
                suppressed += scene.suppressed();
            }
            // Within the lock, so that changes of a camera are written in their order.
            self.keep(camera, frame, &changes);
            self.commit(changes.clone());
        }
        {
            let now = self.clock.now_ms();
            let mut meter = lock(&camera.meter);
            meter.latency.push(frame.arrived.elapsed().as_secs_f64() * 1000.0);
            if looked || due.iter().all(|due| !due) {
                meter.analysed.hit(now);
            }
            (meter.open_events, meter.suppressed) = (open, suppressed);
            meter.failed += failed;
        }
        if looked {
            let image = Arc::clone(&frame.image);
            *lock(&camera.latest) = Some(Latest { image, overlays, number: frame.number });
        }
        self.record(camera, frame, &changes);
    }

    /// Writes the snapshots of events that begin, before the journal speaks of them.
    fn keep(&self, camera: &Camera, frame: &Frame, changes: &[Transition]) {
        let Some(config) = &self.outputs.snapshots else { return };
        for change in changes.iter().filter(|change| change.kind == ChangeKind::New) {
            if let Err(error) = media::snapshot(config, &frame.image, &change.event) {
                self.media_failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(camera = camera.config.name, %error, "a snapshot is lost");
            }
        }
    }

    /// Keeps the frame for clips.
    fn record(&self, camera: &Camera, frame: &Frame, changes: &[Transition]) {
        let Some(recorder) = &camera.clips else { return };
        let mut recorder = lock(recorder);
        let done = recorder.push(&frame.image, frame.at_ms);
        for change in changes.iter().filter(|change| change.kind == ChangeKind::New) {
            if !recorder.start(&change.event, frame.at_ms) {
                self.media_failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        match done {
            Ok(clips) => self.write_clips(clips),
            Err(error) => {
                self.media_failures.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(camera = camera.config.name, %error, "a frame is not in the clips");
            }
        }
    }

    fn write_clips(&self, clips: Vec<media::Clip>) {
        if let Some(writer) = lock(&self.clips).as_ref().filter(|_| !clips.is_empty()) {
            writer.write(clips);
        }
    }

    /// Writes changes to the journal; what cannot be written is kept and tried again.
    pub(super) fn commit(&self, changes: Vec<Transition>) {
        let mut backlog = lock(&self.backlog);
        backlog.extend(changes);
        if backlog.is_empty() {
            return;
        }
        let batch: Vec<Transition> = backlog.iter().cloned().collect();
        match self.journal.commit(&batch) {
            Ok(made) => {
                backlog.clear();
                self.changes.fetch_add(made.len() as u64, Ordering::Relaxed);
            }
            Err(error) => {
                let over = backlog.len().saturating_sub(MAX_BACKLOG);
                backlog.drain(..over);
                tracing::error!(%error, waiting = backlog.len(), lost = over, "events wait for the journal");
            }
        }
    }

    /// The supervisor's thread: watches the cameras until the program stops.
    pub(super) fn supervise(self: &Arc<Self>, grace: Duration) {
        let mut pruned = i64::MIN;
        while !self.life.wait(self.tick) {
            let now = self.clock.now_ms();
            for camera in 0..self.cameras.len() {
                let order = lock(&self.cameras[camera].health).tick(now);
                match order {
                    Some(Order::Open(reader)) => self.open(camera, reader),
                    Some(Order::Lost) => self.lost(camera),
                    None => self.settle(camera, now),
                }
            }
            if !lock(&self.backlog).is_empty() {
                self.commit(Vec::new());
            }
            if now.saturating_sub(pruned) >= PRUNE_MS {
                pruned = now;
                self.prune(now);
            }
            let ended = |camera: &Camera| lock(&camera.health).state() == CameraState::Ended;
            if self.cameras.iter().all(ended) && self.floor.is_idle() {
                self.life.stop(grace);
            }
        }
        for camera in &self.cameras {
            lock(&camera.stop).store(true, Ordering::Relaxed);
        }
    }

    /// The events of a recording that is through end with its last frame.
    fn settle(&self, camera: usize, now_ms: i64) {
        let this = &self.cameras[camera];
        let ended = lock(&this.health).state() == CameraState::Ended;
        if ended && self.floor.is_quiet(camera) && lock(&this.meter).open_events > 0 {
            self.close(this, EndReason::Camera, now_ms);
        }
    }

    fn prune(&self, now_ms: i64) {
        match self.journal.prune(now_ms) {
            Ok(gone) => gone.iter().for_each(|event| media::remove(&self.outputs, event)),
            Err(error) => tracing::warn!(%error, "old events are kept for now"),
        }
    }

    /// Starts a reader. One that hangs is left alone: it is told to stop, and what it says is not heard.
    fn open(self: &Arc<Self>, camera: usize, reader: u64) {
        let stop = Arc::new(AtomicBool::new(false));
        let before = std::mem::replace(&mut *lock(&self.cameras[camera].stop), Arc::clone(&stop));
        before.store(true, Ordering::Relaxed);
        let engine = Arc::clone(self);
        let name = format!("camera {}", self.cameras[camera].config.name);
        let spawned = std::thread::Builder::new().name(name).spawn(move || {
            let read = || {
                let this = &engine.cameras[camera];
                let desk = FrameDesk { engine: &engine, camera };
                Reader { camera: this, number: reader, stop: &stop }
                    .run(engine.sources.as_ref(), &desk)
            };
            let end = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
                let message = panic_message(panic.as_ref());
                StreamEnd::Failed(format!("its reader panicked: {message}"))
            });
            engine.returned(camera, reader, end);
        });
        if let Err(error) = spawned {
            self.returned(camera, reader, StreamEnd::Failed(error.to_string()));
        }
    }

    fn returned(&self, camera: usize, reader: u64, end: StreamEnd) {
        let this = &self.cameras[camera];
        if self.life.is_stopping() {
            return;
        }
        let (lost, state) = {
            let mut health = lock(&this.health);
            (health.returned(reader, end.clone(), self.clock.now_ms()), health.state())
        };
        if lost.is_none() {
            return;
        }
        match end {
            StreamEnd::Through => {
                tracing::info!(camera = this.config.name, "the recording is through");
            }
            StreamEnd::Failed(error) => {
                let state = state.as_str();
                tracing::warn!(
                    camera = this.config.name,
                    error,
                    state,
                    "the stream is opened anew"
                );
                self.lost(camera);
            }
        }
    }

    /// A camera went away: its events end.
    fn lost(&self, camera: usize) {
        let this = &self.cameras[camera];
        lock(&this.stop).store(true, Ordering::Relaxed);
        let (now, dropped) = (self.clock.now_ms(), self.floor.clear(camera));
        lock(&this.meter).dropped.add(now, dropped);
        self.close(this, EndReason::Camera, now);
    }

    /// Ends what is open of a camera.
    pub(super) fn close(&self, camera: &Camera, reason: EndReason, now_ms: i64) {
        let mut scenes = lock(&camera.scenes);
        let ended = scenes.iter_mut().flat_map(|scene| scene.close(reason, now_ms)).collect();
        self.commit(ended);
        lock(&camera.meter).open_events = 0;
        if let Some(recorder) = &camera.clips {
            self.write_clips(lock(recorder).finish());
        }
    }
}

impl Pass {
    /// Runs the model over frames; a panic within is an error.
    fn run(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError> {
        let began = Instant::now();
        let found = catch_unwind(AssertUnwindSafe(|| self.analyser.analyse(frames)))
            .unwrap_or_else(|panic| {
                Err(AnalyseError(format!("it panicked: {}", panic_message(panic.as_ref()))))
            })
            .and_then(|found| {
                let (got, asked) = (found.len(), frames.len());
                let message = || format!("it answered for {got} of {asked} frames");
                (got == asked).then_some(found).ok_or_else(|| AnalyseError(message()))
            });
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.frames.fetch_add(frames.len() as u64, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(found.is_err()), Ordering::Relaxed);
        found
    }

    pub(super) fn status(&self) -> PassStatus {
        let runs = self.runs.load(Ordering::Relaxed);
        PassStatus {
            name: self.key.to_string(),
            scenes: self.scenes.clone(),
            runs,
            frames: self.frames.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            mean_ms: self.micros.load(Ordering::Relaxed) as f64 / 1000.0 / runs.max(1) as f64,
        }
    }
}
