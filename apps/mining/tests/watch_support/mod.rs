//! What the tests of `watch` share: streams fed by hand, models that read a frame's first pixel, and a
//! clock set by hand.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strata_mining::watch::clock::{Clock, ManualClock};
use strata_mining::watch::config::{CameraConfig, SceneConfig};
use strata_mining::watch::event::{Change, ChangeKind};
use strata_mining::watch::sinks::Backoff;
use strata_mining::watch::{
    AnalyseError, Analyser, AnalyserFactory, Anomaly, Features, Findings, Handle, PassKey, Refiner,
    ScenePlan, Setup, Sources, Tuning, WatchConfig, Watcher, start,
};
use strata_vision::geometry::{BBox, Detection, Size};
use strata_vision::image::Image;
use strata_vision::video::{Frame, FrameSource, VideoError, VideoInfo};

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const SIZE: Size = Size::new(160, 120);

/// What a stream gives next.
pub enum Item {
    Frame(Image),
    Fail(&'static str),
    Panic,
    End,
}

/// A frame in which the models see a thing of class 1 with this score (0 for none) at `x`.
pub fn frame(score: f32, x: u8) -> Image {
    frame_of(SIZE, score, x)
}

pub fn frame_of(size: Size, score: f32, x: u8) -> Image {
    let mut image = Image::filled(size, [90, 90, 90]);
    image.set_pixel(0, 0, [(score * 255.0).round() as u8, x, 0]);
    image
}

type Queue = Arc<Mutex<Receiver<Item>>>;

/// Streams fed by hand: one queue for each camera, which every reader of it takes from.
#[derive(Default)]
pub struct Feeds {
    queues: Mutex<HashMap<String, Queue>>,
    pub opened: AtomicU64,
}

impl Feeds {
    pub fn add(&self, camera: &str) -> Sender<Item> {
        let (sender, receiver) = channel();
        self.queues.lock().unwrap().insert(camera.to_owned(), Arc::new(Mutex::new(receiver)));
        sender
    }
}

impl Sources for Feeds {
    fn open(
        &self,
        camera: &CameraConfig,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn FrameSource>, String> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let queues = self.queues.lock().unwrap();
        let queue = queues.get(&camera.name).ok_or("no such stream")?;
        let info = VideoInfo { size: None, fps: None, frames: None, format: "fed".to_owned() };
        Ok(Box::new(Fed { info, queue: Arc::clone(queue), stop: Arc::clone(stop), index: 0 }))
    }
}

struct Fed {
    info: VideoInfo,
    queue: Queue,
    stop: Arc<AtomicBool>,
    index: u64,
}

impl FrameSource for Fed {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let item = self.queue.lock().unwrap().recv_timeout(Duration::from_millis(2));
            let lost = |reason: &str| VideoError::Lost {
                name: "fed".to_owned(),
                reason: reason.to_owned(),
            };
            return match item {
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) | Ok(Item::End) => Ok(None),
                Ok(Item::Fail(reason)) => Err(lost(reason)),
                Ok(Item::Panic) => panic!("a reader that panics"),
                Ok(Item::Frame(image)) => {
                    self.index += 1;
                    Ok(Some(Frame { image, index: self.index, time: Duration::ZERO }))
                }
            };
        }
    }
}

/// Models: how often they ran, and a gate before them.
#[derive(Default)]
pub struct Models {
    pub runs: AtomicU64,
    pub frames: AtomicU64,
    pub loads: AtomicU64,
    pub panics: AtomicBool,
    pub gate: Arc<Mutex<()>>,
}

struct Eyes {
    models: Arc<Models>,
    features: bool,
}

impl Analyser for Eyes {
    fn analyse(&self, frames: &[&Image]) -> Result<Vec<Findings>, AnalyseError> {
        drop(self.models.gate.lock());
        self.models.runs.fetch_add(1, Ordering::Relaxed);
        self.models.frames.fetch_add(frames.len() as u64, Ordering::Relaxed);
        assert!(!self.models.panics.load(Ordering::Relaxed), "a model that panics");
        let see = |frame: &&Image| {
            let [score, x, _] = frame.pixel(0, 0).unwrap();
            let score = f32::from(score) / 255.0;
            if self.features {
                let region = BBox::new(0.0, 0.0, frame.width() as f32, frame.height() as f32);
                let (rows, columns, dim, values) = (1, 1, 1, vec![score]);
                return Findings::Features(Arc::new(Features {
                    rows,
                    columns,
                    dim,
                    values,
                    region,
                }));
            }
            let bbox = BBox::new(f32::from(x), 20.0, f32::from(x) + 40.0, 80.0);
            let thing = Detection { bbox, score, class: 1 };
            Findings::Detections(if score > 0.0 { vec![thing] } else { Vec::new() })
        };
        Ok(frames.iter().map(see).collect())
    }
}

struct Bank(f32);

impl Refiner for Bank {
    fn refine(&self, _: &Image, findings: &Findings) -> Result<Findings, AnalyseError> {
        let Findings::Features(features) = findings else {
            return Err(AnalyseError("features are needed".to_owned()));
        };
        let score = features.values[0] * self.0;
        Ok(Findings::Anomaly(Anomaly { score, map: None, region: Some(features.region) }))
    }
}

/// Makes the models above: a scene's model is its pass, and all banks share one backbone.
pub struct Factory(pub Arc<Models>);

impl AnalyserFactory for Factory {
    fn plan(&self, scene: &SceneConfig) -> Result<ScenePlan, AnalyseError> {
        let model = match (&scene.model, &scene.bank) {
            (Some(model), _) => model.clone(),
            (None, Some(_)) => "backbone 1".to_owned(),
            _ => return Err(AnalyseError("give model or bank".to_owned())),
        };
        let settings = scene.tile.map_or_else(String::new, |tile| format!("tiles {tile}"));
        Ok(ScenePlan {
            key: PassKey { model: model.clone(), settings },
            model,
            classes: vec!["hole".to_owned(), "person".to_owned()],
            rules: Vec::new(),
            threshold: Some(0.5),
        })
    }

    fn analyser(&self, scene: &SceneConfig) -> Result<Arc<dyn Analyser>, AnalyseError> {
        self.0.loads.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(Eyes { models: Arc::clone(&self.0), features: scene.bank.is_some() }))
    }

    fn refiner(&self, scene: &SceneConfig) -> Result<Option<Arc<dyn Refiner>>, AnalyseError> {
        let scale = |bank: &PathBuf| {
            if bank.ends_with("strict.bank") { Bank(2.0) } else { Bank(0.1) }
        };
        Ok(scene.bank.as_ref().map(scale).map(|bank| Arc::new(bank) as Arc<dyn Refiner>))
    }
}

/// A camera `north`, a rule `person` and a scene; `more` is put behind.
pub fn config(dir: &Path, more: &str) -> WatchConfig {
    let text = format!(
        r#"
[[camera]]
name = "north"
source = "rtsp://fed/north"
fps = 200.0
queue = 16

[[rule]]
name = "person"
classes = ["person"]
min_duration = 0.3
min_frames = 2
cooldown = 0.0
end_after = 0.5
update = 0.0

[[scene]]
name = "people"
model = "eyes"
rules = ["person"]
track = {{ lost_seconds = 0.3 }}

{more}
"#
    );
    let text = text.replace("DIR", &dir.display().to_string());
    let path = dir.join("watch.toml");
    let mut config = WatchConfig::parse(&path, &text).unwrap().checked(&path).unwrap();
    config.outputs.journal.path = dir.join("events.sqlite");
    config
}

/// Waits that are over at once.
pub const QUICK: Backoff =
    Backoff { first: Duration::from_millis(10), most: Duration::from_millis(50) };

/// A watch under test.
pub struct Rig {
    pub watcher: Option<Watcher>,
    pub handle: Handle,
    pub clock: Arc<ManualClock>,
    pub feeds: Arc<Feeds>,
    pub models: Arc<Models>,
    pub north: Sender<Item>,
}

impl Rig {
    pub fn new(config: WatchConfig) -> Self {
        Self::at(config, 1_700_000_000_000)
    }

    pub fn at(config: WatchConfig, now_ms: i64) -> Self {
        Self::with(config, now_ms, (None, QUICK))
    }

    /// With a file of zones, and waits of outputs after failures.
    pub fn with(
        config: WatchConfig,
        now_ms: i64,
        (zones_path, retry): (Option<PathBuf>, Backoff),
    ) -> Self {
        let (feeds, models) = (Arc::new(Feeds::default()), Arc::new(Models::default()));
        let (north, clock) = (feeds.add("north"), Arc::new(ManualClock::at(now_ms)));
        let tuning = Tuning { restart: QUICK, tick: Duration::from_millis(2), retry: Some(retry) };
        let setup = Setup {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            tuning,
            zones_path,
            ..Setup::new(config, Arc::clone(&feeds) as Arc<dyn Sources>)
        };
        let watcher = start(setup, &Factory(Arc::clone(&models))).unwrap();
        let handle = watcher.handle();
        Self { watcher: Some(watcher), handle, clock, feeds, models, north }
    }

    /// Shows a frame of `north`, waits until it was looked at, and goes on by 100 ms.
    pub fn show(&self, score: f32) {
        self.show_image(frame(score, 50));
    }

    pub fn show_image(&self, image: Image) {
        let before = self.analysed();
        self.north.send(Item::Frame(image)).unwrap();
        until("the frame is looked at", || self.analysed() > before);
        self.clock.advance(100);
    }

    pub fn analysed(&self) -> u64 {
        let north = &self.handle.status().unwrap().cameras[0];
        north.analysed + north.failed
    }

    /// All changes so far.
    pub fn changes(&self) -> Vec<Change> {
        self.handle.subscribe(Some(0)).next(Duration::ZERO).unwrap()
    }

    pub fn kinds(&self) -> Vec<ChangeKind> {
        self.changes().iter().map(|change| change.kind).collect()
    }

    pub fn finish(mut self) -> strata_mining::watch::Summary {
        self.watcher.take().unwrap().finish().unwrap()
    }
}

/// Waits for a condition.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The changes in a JSONL file.
pub fn lines(path: &Path) -> Vec<Change> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
