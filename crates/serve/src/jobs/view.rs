//! A job as others see it: what the doors serialise.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a job is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// It ended well: results can be fetched.
    Done,
    /// It ended with an error.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The state's name: `queued`, `running`, `done`, `failed`, `cancelled`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing will change any more.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobProgress {
    /// Records done, those of earlier attempts included.
    pub done: u64,
    /// Records among them that have an error.
    pub failed: u64,
    /// How much of the work is done, from 0 to 1, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// What the job is at, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A result that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobFile {
    /// The name to fetch it by.
    pub name: String,
    /// Its media type, such as `text/csv`.
    pub content_type: String,
    /// What it is, for people.
    pub title: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobError {
    /// For programs: the application's own codes, or `panic`, `crash_loop`, `interrupted`,
    /// `input_missing`, `result_missing`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// The file a job was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobInput {
    /// The name it was sent under, for display only.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobView {
    /// Its name: 128 random bits in hexadecimal.
    pub id: String,
    /// What kind of work it is.
    pub kind: String,
    /// Where it is.
    pub state: JobState,
    /// Who submitted it.
    pub owner: String,
    /// Greater after every change, across restarts too: to ask for news with.
    pub version: u64,
    /// 1 until it is taken up again after a restart; then how often it was taken up.
    pub attempt: u32,
    /// When it was submitted (RFC 3339, UTC).
    pub created: String,
    /// When it was started first (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it ended (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<String>,
    /// Whether it was asked to stop; while it is running it has not noticed yet.
    pub cancelling: bool,
    /// What it was asked to do.
    pub params: Value,
    /// How far it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// What came out, in brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Value>,
    /// What can be fetched.
    pub files: Vec<JobFile>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// The file it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<JobInput>,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JobCounts {
    /// Waiting for a worker.
    pub queued: u64,
    /// With a worker.
    pub running: u64,
    /// Ended well.
    pub done: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
}

impl JobCounts {
    /// The number for one state.
    #[must_use]
    pub fn of(&self, state: JobState) -> u64 {
        match state {
            JobState::Queued => self.queued,
            JobState::Running => self.running,
            JobState::Done => self.done,
            JobState::Failed => self.failed,
            JobState::Cancelled => self.cancelled,
        }
    }

    pub(super) fn set(&mut self, state: JobState, count: u64) {
        *match state {
            JobState::Queued => &mut self.queued,
            JobState::Running => &mut self.running,
            JobState::Done => &mut self.done,
            JobState::Failed => &mut self.failed,
            JobState::Cancelled => &mut self.cancelled,
        } = count;
    }
}
