//! Events: what a rule saw, from when to when, and how that is written for people and programs.

use std::sync::{Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::calendar::civil_from_days;

const DAY_MS: i64 = 86_400_000;

/// How much an event matters.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth keeping.
    Detection,
    /// Somebody should look now.
    #[default]
    Alert,
}

impl Severity {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Detection => "detection",
            Self::Alert => "alert",
        }
    }
}

/// What happened to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It began.
    New,
    /// It is seen better, or its clip is ready.
    Update,
    /// It is over.
    End,
}

impl ChangeKind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// Why an event is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndReason {
    /// It is seen no more.
    Gone,
    /// It was a moment, as a line crossed.
    Moment,
    /// The camera stalled, ended or changed its picture's size.
    Camera,
    /// The zones or rules were changed.
    Changed,
    /// The program was stopped.
    Stopped,
    /// The program was killed and found this event open when it started again.
    Interrupted,
}

/// An event as of its last change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Unique and rising with time: a UUID of version 7 (RFC 9562).
    pub id: String,
    /// Name of the camera.
    pub camera: String,
    /// Name of the scene.
    pub scene: String,
    /// Name of the rule.
    pub rule: String,
    /// Name of the zone or line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub zone: Option<String>,
    /// The class seen, or what was measured: `anomaly`, `deviation`, `overflow`, `count`.
    pub class: String,
    /// How much it matters.
    pub severity: Severity,
    /// The tracker's number of the thing, unique for camera, scene and run of the program.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub track: Option<u64>,
    /// When the thing first met the rule, RFC 3339.
    pub started: String,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<String>,
    /// Why it was over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<EndReason>,
    /// Best score, or highest measure.
    pub top_score: f32,
    /// Median score over the history, or median measure.
    pub median_score: f32,
    /// Where it was seen best or last: x1, y1, x2, y2 in pixels.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bbox: Option<[f32; 4]>,
    /// Width and height of the picture that the box is in.
    pub frame: [u32; 2],
    /// The picture of the moment it became an event, a path below the folder of snapshots.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub snapshot: Option<String>,
    /// Seconds before and after, a path below the folder of clips.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clip: Option<String>,
    /// What looked: model, version and preprocessing.
    pub model: String,
}

/// A change that is to be written: the journal gives it its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What happened.
    pub kind: ChangeKind,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The event after it.
    pub event: Event,
}

/// A change in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Name of the journal; `seq` counts within it.
    pub journal: String,
    /// Number of the change, rising without end.
    pub seq: u64,
    /// `EVENT:N`, the same however often the change is delivered: a receiver may drop what it has seen.
    pub key: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: ChangeKind,
    /// Number of the change within its event, from 1.
    pub sequence: u32,
    /// When, RFC 3339.
    pub time: String,
    /// The event after it.
    pub event: Event,
}

/// A moment as RFC 3339 in UTC with milliseconds: `2026-03-01T12:00:00.000Z`.
#[must_use]
pub fn rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    let (seconds, milli) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The day of a moment, as a folder is named: `2026-03-01`.
#[must_use]
pub fn day(ms: i64) -> String {
    let (year, month, day) = civil_from_days(ms.div_euclid(DAY_MS));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Makes identifiers: unique, and rising in the order they were made, also within a millisecond and
/// when the clock goes back.
#[derive(Debug, Default)]
pub struct Ids {
    last: Mutex<(u64, u16)>,
}

impl Ids {
    /// An identifier for a moment in milliseconds since 1970: UUID version 7, its 12 bits after the
    /// time a counter (RFC 9562, section 6.2, method 1).
    #[must_use]
    pub fn next(&self, now_ms: i64) -> String {
        let now = u64::try_from(now_ms).unwrap_or(0) & 0xffff_ffff_ffff;
        let (time, count) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = match *last {
                (time, _) if now > time => (now, 0),
                (time, 0xfff) => (time + 1, 0),
                (time, count) => (time, count + 1),
            };
            *last
        };
        let mut random = [0_u8; 8];
        if getrandom::fill(&mut random).is_err() {
            // Time and counter alone are unique within the program.
            random = (std::process::id() as u64).to_be_bytes();
        }
        let tail = u64::from_be_bytes(random) & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-7{count:03x}-{:04x}-{:012x}",
            time >> 16,
            time & 0xffff,
            tail >> 48,
            tail & 0xffff_ffff_ffff,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_rise_also_when_the_clock_goes_back() {
        let ids = Ids::default();
        let mut last = String::new();
        for step in 0..10_000_i64 {
            let id = ids.next(1_700_000_000_000 + step % 3 - step / 5000);
            assert!(id > last, "{id} after {last}");
            assert_eq!((id.len(), &id[14..15]), (36, "7"));
            assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
            last = id;
        }
        assert!(last.starts_with("018bcfe5-68"));
    }

    #[test]
    fn moments_are_written_as_other_programs_write_them() {
        assert_eq!(rfc3339(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        assert_eq!(day(1_709_210_096_789), "2024-02-29");
    }
}
