//! How everything is, for people and programs: what the live table and `/v1/cameras` show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health::CameraState;
use super::journal::SinkCounts;
use super::meter::Latency;

/// How everything is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Seconds since the program started to watch.
    pub uptime_seconds: f64,
    /// Cameras, in the order of the configuration.
    pub cameras: Vec<CameraStatus>,
    /// Passes.
    pub passes: Vec<PassStatus>,
    /// Outputs.
    pub sinks: Vec<SinkStatus>,
    /// Number of the last change in the journal.
    pub last_change: u64,
    /// Changes that could not yet be written to the journal, as on a full disk.
    pub unwritten: usize,
    /// Snapshots and clips that could not be written.
    pub media_failures: u64,
}

/// How a camera is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameraStatus {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: CameraState,
    /// Why it is not online.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
    /// Width and height of its pictures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<[u32; 2]>,
    /// Frames a second that came.
    pub received_fps: f64,
    /// Frames a second that were looked at.
    pub analysed_fps: f64,
    /// Frames a second that were dropped because the models were busy.
    pub dropped_fps: f64,
    /// Frames that came.
    pub received: u64,
    /// Frames passed over, because fewer are to be looked at.
    pub thinned: u64,
    /// Frames dropped because the models were busy.
    pub dropped: u64,
    /// Frames looked at.
    pub analysed: u64,
    /// Frames that could not be decoded or analysed.
    pub failed: u64,
    /// Frames that wait.
    pub waiting: usize,
    /// From a frame's arrival to the decision, of the last frames.
    pub latency: Latency,
    /// Times that the stream was opened anew.
    pub restarts: u64,
    /// Times that frames stayed away too long.
    pub stalls: u64,
    /// Milliseconds since the last frame came.
    pub silent_ms: i64,
    /// Events that are open.
    pub open_events: usize,
    /// Events that did not begin because of a cooldown.
    pub suppressed: u64,
}

/// What a pass did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassStatus {
    /// Model and settings.
    pub name: String,
    /// Scenes that share it.
    pub scenes: Vec<String>,
    /// Runs of the model.
    pub runs: u64,
    /// Frames that went through it.
    pub frames: u64,
    /// Runs that failed.
    pub failures: u64,
    /// Milliseconds of a run, averaged.
    pub mean_ms: f64,
}

/// How an output is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SinkStatus {
    /// What became of the changes.
    #[serde(flatten)]
    pub counts: SinkCounts,
    /// Whether it is connected; nothing until it was tried.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub connected: Option<bool>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_error: Option<String>,
}

/// What a run did, when it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// How everything was at the end.
    pub status: Status,
    /// From a frame's arrival to the decision, of all frames of each camera, in the order of the
    /// configuration.
    pub latency: Vec<Latency>,
    /// The same of all cameras together.
    pub overall: Latency,
    /// Changes written in this run.
    pub changes: u64,
    /// Whether every output has everything.
    pub delivered: bool,
}
