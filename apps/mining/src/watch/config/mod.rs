//! The configuration of `watch`: cameras, zones, scenes, rules and outputs, as a TOML file writes them.
//!
//! `config/watch.example.toml` shows every key. Durations are seconds, scores from 0 to 1.

mod load;
mod outputs;
mod zones;

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use load::ConfigError;
pub use outputs::{
    ClipConfig, JournalConfig, MqttConfig, OutputsConfig, SnapshotConfig, WebhookConfig,
};
pub use zones::{Units, ZoneConfig, ZoneShape, Zones};

use super::event::Severity;

/// A whole configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchConfig {
    /// How much is done at once.
    #[serde(default)]
    pub engine: EngineConfig,
    /// Where pictures come from.
    #[serde(default, rename = "camera")]
    pub cameras: Vec<CameraConfig>,
    /// Parts of a picture that rules speak of.
    #[serde(default, rename = "zone")]
    pub zones: Vec<ZoneConfig>,
    /// What looks at which cameras.
    #[serde(default, rename = "scene")]
    pub scenes: Vec<SceneConfig>,
    /// What makes an event.
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleConfig>,
    /// Where events go.
    #[serde(default)]
    pub outputs: OutputsConfig,
}

/// How much is done at once.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Threads that run models.
    pub workers: usize,
    /// Most frames, of different cameras, in one run of a model.
    pub batch: usize,
    /// Seconds after Ctrl-C in which outputs may still deliver.
    pub stop_seconds: f64,
    /// File where zones drawn on the page are kept; they replace those of the same name and camera
    /// here. Beside the configuration: `NAME.zones.toml`.
    pub zones_file: Option<PathBuf>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { workers: 1, batch: 4, stop_seconds: 5.0, zones_file: None }
    }
}

/// A camera, or a recording that stands for one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CameraConfig {
    /// Its name in events and topics: letters, digits, `-` and `_`.
    pub name: String,
    /// `rtsp://…`, a video file, or a folder of pictures.
    pub source: String,
    /// Frames looked at in a second, at most; what the camera sends beyond is thinned.
    #[serde(default = "five")]
    pub fps: f64,
    /// A recording starts again when it is through.
    #[serde(default, rename = "loop")]
    pub repeat: bool,
    /// How an RTSP stream is carried.
    #[serde(default)]
    pub transport: Transport,
    /// Seconds without a frame after which the stream is opened anew.
    #[serde(default = "twenty")]
    pub stall_seconds: f64,
    /// Frames that may wait to be looked at; the oldest is dropped when another comes.
    #[serde(default = "one")]
    pub queue: usize,
}

/// How an RTSP stream is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Within the connection: nothing is lost.
    #[default]
    Tcp,
    /// In packets of its own.
    Udp,
}

/// A model, memory bank or belt measurement, at work on cameras.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneConfig {
    /// Its name in events.
    pub name: String,
    /// The cameras it looks at; all when left out.
    #[serde(default)]
    pub cameras: Vec<String>,
    /// A scenario by name or file: model, thresholds and rules.
    #[serde(default)]
    pub scenario: Option<String>,
    /// A detection model by name.
    #[serde(default)]
    pub model: Option<String>,
    /// A memory bank's file.
    #[serde(default)]
    pub bank: Option<PathBuf>,
    /// Measures the belt: deviation, overflow, tears.
    #[serde(default)]
    pub belt: bool,
    /// Least score of a detection, instead of the card's.
    #[serde(default)]
    pub confidence: Option<f32>,
    /// Edge of the tiles a picture is cut into, in pixels; whole pictures when left out.
    #[serde(default)]
    pub tile: Option<u32>,
    /// Looks at one of so many frames.
    #[serde(default = "one_u32")]
    pub every: u32,
    /// Names of the rules; those of the scenario when left out.
    #[serde(default)]
    pub rules: Option<Vec<String>>,
    /// How things are followed from frame to frame.
    #[serde(default)]
    pub track: TrackConfig,
    /// Further settings, for the scenario to read.
    #[serde(default)]
    pub options: toml::Table,
}

/// How things are followed from frame to frame (ByteTrack); what is left out follows from the rules and
/// the camera's frames a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackConfig {
    /// Detections from this score on are matched first; the least `min_score` of the rules.
    pub high_score: Option<f32>,
    /// Detections from this score on go on with a track that is known; 0.1.
    pub low_score: Option<f32>,
    /// Detections from this score on begin a track; as `high_score`.
    pub new_score: Option<f32>,
    /// Frames that a thing must be seen in before it counts; 2.
    pub min_hits: Option<u64>,
    /// Seconds that a thing which is not seen is waited for; ten frames, 1 at least.
    pub lost_seconds: Option<f64>,
}

/// What a rule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// A thing of a class, in the zone.
    #[default]
    Presence,
    /// A thing that stays in the zone for `dwell` seconds.
    Dwell,
    /// A thing whose foot crosses the line.
    Crossing,
    /// A thing that moves in a direction.
    Direction,
    /// So many things in the zone at once.
    Count,
    /// An anomaly score at or above the threshold.
    Anomaly,
    /// A belt beside its rollers by a share of its width.
    Deviation,
    /// A load beyond its bed, as a share.
    Overflow,
}

impl When {
    /// Whether the rule is about the picture as a whole, not about tracked things.
    #[must_use]
    pub fn is_measure(self) -> bool {
        matches!(self, Self::Count | Self::Anomaly | Self::Deviation | Self::Overflow)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Dwell => "dwell",
            Self::Crossing => "crossing",
            Self::Direction => "direction",
            Self::Count => "count",
            Self::Anomaly => "anomaly",
            Self::Deviation => "deviation",
            Self::Overflow => "overflow",
        }
    }
}

/// Which side of a line a thing comes to, looking along the line from its first to its second point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crossing {
    /// From the left to the right.
    In,
    /// From the right to the left.
    Out,
    /// Either.
    #[default]
    Both,
}

/// What makes an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name in events.
    pub name: String,
    /// What it waits for.
    #[serde(default)]
    pub when: When,
    /// Zone (or line, for `crossing`) by name; the whole picture when left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// Classes by name; all when left out.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Least median of a track's scores over its history.
    #[serde(default = "half")]
    pub min_score: f32,
    /// Seconds that it must last before it is an event.
    #[serde(default = "half_second")]
    pub min_duration: f64,
    /// Frames that it must be seen in before it is an event.
    #[serde(default = "three")]
    pub min_frames: u32,
    /// Seconds in the zone, for `dwell`.
    #[serde(default)]
    pub dwell: Option<f64>,
    /// Side of the line, for `crossing`.
    #[serde(default)]
    pub crossing: Crossing,
    /// Degrees for `direction`: 0 to the right, 90 down, 180 to the left, 270 up.
    #[serde(default)]
    pub direction: Option<f32>,
    /// Degrees to either side that still are the direction.
    #[serde(default = "forty_five")]
    pub tolerance: f32,
    /// Way that a thing must have gone, as a share of the picture's diagonal.
    #[serde(default = "tenth")]
    pub min_distance: f32,
    /// Things at once, for `count`.
    #[serde(default)]
    pub count: Option<u32>,
    /// Least measure, for `anomaly` (the bank's own when left out), `deviation` and `overflow`.
    #[serde(default)]
    pub threshold: Option<f32>,
    /// Least area of a box, as a share of the picture.
    #[serde(default)]
    pub min_area: f32,
    /// Greatest area of a box, as a share of the picture.
    #[serde(default = "one_f32")]
    pub max_area: f32,
    /// How much it matters.
    #[serde(default)]
    pub severity: Severity,
    /// Seconds after an event in which the same rule, zone and camera make no other.
    #[serde(default = "thirty")]
    pub cooldown: f64,
    /// Seconds without being seen after which an event is over.
    #[serde(default = "two")]
    pub end_after: f64,
    /// Seconds between updates of an event that lasts; 0 for updates only when it is seen better.
    #[serde(default = "thirty")]
    pub update: f64,
}

fn five() -> f64 {
    5.0
}
fn twenty() -> f64 {
    20.0
}
fn thirty() -> f64 {
    30.0
}
fn two() -> f64 {
    2.0
}
fn half_second() -> f64 {
    0.5
}
fn half() -> f32 {
    0.5
}
fn tenth() -> f32 {
    0.1
}
fn forty_five() -> f32 {
    45.0
}
fn one() -> usize {
    1
}
fn one_u32() -> u32 {
    1
}
fn one_f32() -> f32 {
    1.0
}
fn three() -> u32 {
    3
}
