//! Thresholds of a tracker and what can go wrong.

use serde::{Deserialize, Serialize};

/// Thresholds of a tracker. The defaults are ByteTrack's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackerOptions {
    /// Detections from this score on are matched first.
    pub high_score: f32,
    /// Detections from this score on rescue tracks that found no sure one; the rest is left out.
    pub low_score: f32,
    /// An unmatched detection from this score on starts a track.
    pub new_score: f32,
    /// Least IoU, times the detection's score, of a match with a sure detection.
    pub match_iou: f32,
    /// Least IoU of a match with an unsure detection.
    pub low_match_iou: f32,
    /// Least IoU, times the detection's score, of a match of a track that does not count yet.
    pub new_match_iou: f32,
    /// Frames a thing must be seen in, without a gap, before it counts.
    pub min_hits: u64,
    /// Seconds a lost track is waited for.
    pub lost_seconds: f64,
    /// Frames a second of the camera: one step of the filter, whose noise is given by the frame.
    pub frame_rate: f64,
    /// Whether only detections of a track's class are matched to it.
    pub class_aware: bool,
    /// Scores and classes of a track kept, for the median and the vote.
    pub history: usize,
    /// Most tracks at a time.
    pub max_tracks: usize,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self {
            high_score: 0.5,
            low_score: 0.1,
            new_score: 0.6,
            match_iou: 0.2,
            low_match_iou: 0.5,
            new_match_iou: 0.3,
            min_hits: 2,
            lost_seconds: 1.0,
            frame_rate: 30.0,
            class_aware: false,
            history: 64,
            max_tracks: 512,
        }
    }
}

impl TrackerOptions {
    pub(super) fn check(&self) -> Result<(), TrackError> {
        let shares = [
            ("high_score", self.high_score),
            ("low_score", self.low_score),
            ("new_score", self.new_score),
            ("match_iou", self.match_iou),
            ("low_match_iou", self.low_match_iou),
            ("new_match_iou", self.new_match_iou),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(wrong(name, &value, "from 0 to 1"));
            }
        }
        if self.low_score > self.high_score {
            return Err(wrong("low_score", &self.low_score, "at most high_score"));
        }
        if !(0.0..=3600.0).contains(&self.lost_seconds) {
            return Err(wrong("lost_seconds", &self.lost_seconds, "from 0 to 3600"));
        }
        if !(0.01..=1000.0).contains(&self.frame_rate) {
            return Err(wrong("frame_rate", &self.frame_rate, "from 0.01 to 1000"));
        }
        for (name, value) in [("history", self.history), ("max_tracks", self.max_tracks)] {
            if !(1..=100_000).contains(&value) {
                return Err(wrong(name, &value, "from 1 to 100000"));
            }
        }
        Ok(())
    }
}

fn wrong(name: &'static str, value: &dyn ToString, allowed: &'static str) -> TrackError {
    TrackError::Option { name, value: value.to_string(), allowed }
}

/// Why a tracker cannot be made or cannot take a frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrackError {
    /// An option out of range.
    #[error("tracking: {name} is {value}; it must be {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Time that does not go forwards.
    #[error(
        "a frame of {time} s after one of {last} s: frames must come in order; reset the tracker when a stream starts again"
    )]
    Time {
        /// The frame's time.
        time: f64,
        /// The last frame's.
        last: f64,
    },
}
