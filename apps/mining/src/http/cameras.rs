//! The cameras of a server: watched by a service beside it, with their live pictures, zones and figures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strata_serve::{Kind, Kit, Problem, Screen, Service, Stop, Topic};

use super::meters::Figures;
use super::picture::JPEG;
use crate::watch::event::Change;
use crate::watch::{self, AnalyserFactory, Handle, Setup, Watcher};

/// Widest live picture, in pixels, and its quality.
const LIVE: (u32, u8) = (960, 80);

/// How often the service looks for events, and films get a picture.
const TURN: Duration = Duration::from_millis(100);

/// How often figures become metrics.
const FIGURES: Duration = Duration::from_secs(1);

/// Events that are kept for those who listen slowly; what is older they get from the journal.
const KEPT: usize = 1024;

/// How far the watch is.
enum Slot {
    /// Models are loaded first.
    Waiting,
    /// Cameras are watched, or were until all recordings were through.
    Running(Handle),
    /// It could not be started.
    Failed(String),
}

/// The live picture of a camera.
struct Eye {
    camera: String,
    screen: Screen,
    /// Number of the frame on the screen.
    shown: Mutex<u64>,
}

/// The cameras of a server.
pub(super) struct Cameras {
    slot: Mutex<Slot>,
    eyes: Vec<Eye>,
    topic: Topic<Change>,
    figures: Figures,
}

impl Cameras {
    /// Cameras of these names, not watched yet.
    pub(super) fn new(kit: &Kit, names: impl IntoIterator<Item = String>) -> Self {
        let eye = |camera| Eye { camera, screen: Screen::new(JPEG), shown: Mutex::default() };
        Self {
            slot: Mutex::new(Slot::Waiting),
            eyes: names.into_iter().map(eye).collect(),
            topic: Topic::new(KEPT),
            figures: Figures::new(kit),
        }
    }

    /// Whether any are configured.
    pub(super) fn is_watching(&self) -> bool {
        !self.eyes.is_empty()
    }

    /// Why nothing is watched although it should be.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*lock(&self.slot) {
            Slot::Failed(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// The watch.
    pub(super) fn handle(&self) -> Result<Handle, Problem> {
        match &*lock(&self.slot) {
            Slot::Running(handle) => Ok(handle.clone()),
            Slot::Failed(why) => Err(Problem::new(Kind::Unavailable, "watch-failed", why)),
            Slot::Waiting if self.eyes.is_empty() => {
                let problem = Problem::not_found("no-cameras", "no cameras are watched");
                Err(problem.with_remedy("start the server with --mining-watch cameras.toml"))
            }
            Slot::Waiting => {
                let text = "the models of the cameras are still being loaded";
                let problem = Problem::new(Kind::Unavailable, "watch-starting", text);
                Err(problem.retry(Duration::from_secs(1)))
            }
        }
    }

    /// What is published of events.
    pub(super) fn topic(&self) -> &Topic<Change> {
        &self.topic
    }

    /// Whether there is a camera of this name.
    pub(super) fn check(&self, camera: &str) -> Result<(), Problem> {
        self.eye(camera).map(drop)
    }

    fn eye(&self, camera: &str) -> Result<&Eye, Problem> {
        self.eyes.iter().find(|eye| eye.camera == camera).ok_or_else(|| {
            let text = format!("there is no camera {camera:?}");
            Problem::not_found("no-camera", text).with_remedy("/v1/cameras lists them")
        })
    }

    /// The screen of a camera, with its newest picture on it.
    pub(super) fn screen(&self, camera: &str) -> Result<Screen, Problem> {
        let eye = self.eye(camera)?;
        eye.refresh(&self.handle()?)?;
        Ok(eye.screen.clone())
    }

    /// Starts the watch, and passes on what comes of it until it is time to stop.
    fn run(&self, setup: Setup, factory: &dyn AnalyserFactory, stop: &Stop) -> Result<(), String> {
        let watcher = watch::start(setup, factory).map_err(|error| {
            let why = error.to_string();
            *lock(&self.slot) = Slot::Failed(why.clone());
            why
        })?;
        let handle = watcher.handle();
        *lock(&self.slot) = Slot::Running(handle.clone());
        let mut changes = handle.subscribe(None);
        let mut figured = Instant::now();
        // When all recordings are through, their events can still be looked at.
        while !stop.is_set() {
            self.publish(&mut changes, TURN);
            self.films(&handle);
            if figured.elapsed() >= FIGURES {
                figured = Instant::now();
                self.figure(&handle);
            }
            if handle.is_stopping() && stop.wait(TURN) {
                break;
            }
        }
        let ended = finish(watcher);
        // What ended with the watch is told of, too.
        while self.publish(&mut changes, Duration::ZERO) {}
        self.figure(&handle);
        ended
    }

    /// Publishes what has come; whether anything has.
    fn publish(&self, changes: &mut watch::Subscription, most: Duration) -> bool {
        let next = changes.next(most).unwrap_or_else(|error| {
            tracing::error!(%error, "events cannot be read");
            Vec::new()
        });
        let any = !next.is_empty();
        for change in next {
            self.figures.event(&change);
            let (kind, seq) = (change.kind.as_str(), change.seq);
            if let Err(problem) = self.topic.publish(kind, Some(seq), change) {
                tracing::error!(why = problem.detail, "event not published");
            }
        }
        any
    }

    /// New pictures for those who watch; who asks for single ones gets them when asking.
    fn films(&self, handle: &Handle) {
        for eye in self.eyes.iter().filter(|eye| eye.screen.watchers() > 0) {
            if let Err(problem) = eye.refresh(handle) {
                tracing::warn!(camera = eye.camera, why = problem.detail, "no live picture");
            }
        }
    }

    fn figure(&self, handle: &Handle) {
        match handle.status() {
            Ok(status) => self.figures.cameras(&status),
            Err(error) => tracing::error!(%error, "the state of the cameras cannot be read"),
        }
    }
}

fn finish(watcher: Watcher) -> Result<(), String> {
    watcher.finish().map(drop).map_err(|error| error.to_string())
}

impl Eye {
    /// Puts the newest picture on the screen, where it is not there yet.
    fn refresh(&self, handle: &Handle) -> Result<(), Problem> {
        // Those who ask at the same time wait for one picture, not for one each.
        let mut shown = lock(&self.shown);
        let live = handle.live(&self.camera, *shown, LIVE).map_err(Problem::internal)?;
        if let Some(live) = live {
            *shown = live.number;
            self.screen.show(live.jpeg);
        }
        Ok(())
    }
}

/// Watches while the server runs.
pub(super) struct Watching<F> {
    pub(super) cameras: Arc<Cameras>,
    pub(super) setup: Setup,
    pub(super) factory: F,
}

impl<F: AnalyserFactory + Send> Service for Watching<F> {
    fn name(&self) -> &'static str {
        "watch"
    }

    fn run(self: Box<Self>, stop: &Stop) -> Result<(), String> {
        let Self { cameras, setup, factory } = *self;
        cameras.run(setup, &factory, stop)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
