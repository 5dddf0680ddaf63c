//! Tracking by detection: ByteTrack (Zhang et al., ECCV 2022, arXiv:2110.06864).
//!
//! Each frame: tracks are moved on by their Kalman filters and matched to sure detections, then those
//! that are still unmatched to unsure ones, both by IoU with an optimal assignment. Time is that of the
//! frames, in seconds, so that dropped frames change neither motion nor patience. The same frames give the same
//! tracks and numbers.

mod assign;
mod associate;
mod kalman;
mod options;

use std::collections::VecDeque;

use serde::Serialize;

pub use options::{TrackError, TrackerOptions};

use crate::geometry::{BBox, Detection};
use kalman::Filter;

/// What is known about a track at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TrackState {
    /// Seen, but not yet often enough to count.
    New,
    /// Seen in the last frame.
    Tracked,
    /// Not seen in the last frame, but not yet for too long.
    Lost,
    /// Ended: never comes back.
    Removed,
}

/// A thing followed over frames.
#[derive(Debug, Clone)]
pub struct Track {
    id: u64,
    state: TrackState,
    filter: Filter,
    last: Detection,
    history: VecDeque<(f32, u32)>,
    hits: u64,
    /// Whether it has been more than new.
    counted: bool,
    first_seen: f64,
    last_seen: f64,
}

impl Track {
    /// Its number: from 1, never used twice by a tracker.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What is known about it.
    #[must_use]
    pub fn state(&self) -> TrackState {
        self.state
    }

    /// Where it is by its filter: smoothed while it is seen, extrapolated while it is lost.
    #[must_use]
    pub fn bbox(&self) -> BBox {
        self.filter.bbox()
    }

    /// The last detection matched to it.
    #[must_use]
    pub fn detection(&self) -> Detection {
        self.last
    }

    /// Median of the scores in its history: one lucky frame does not make a sure track.
    #[must_use]
    pub fn median_score(&self) -> f32 {
        let mut scores: Vec<f32> = self.history.iter().map(|(score, _)| *score).collect();
        scores.sort_unstable_by(f32::total_cmp);
        let middle = scores.len() / 2;
        match (scores.get(middle), scores.get(middle.wrapping_sub(1))) {
            (Some(&upper), Some(&lower)) if scores.len().is_multiple_of(2) => {
                f32::midpoint(lower, upper)
            }
            (Some(&score), _) => score,
            _ => 0.0,
        }
    }

    /// Scores of the detections matched to it, oldest first, as many as the options keep.
    pub fn scores(&self) -> impl Iterator<Item = f32> + '_ {
        self.history.iter().map(|(score, _)| *score)
    }

    /// The class with the greatest sum of scores in its history, the lowest of equals.
    #[must_use]
    pub fn class(&self) -> u32 {
        let mut sums = std::collections::BTreeMap::<u32, f64>::new();
        for &(score, class) in &self.history {
            *sums.entry(class).or_default() += f64::from(score);
        }
        let better = |best: (u32, f64), one: (u32, f64)| if one.1 > best.1 { one } else { best };
        sums.into_iter().reduce(better).map_or(self.last.class, |(class, _)| class)
    }

    /// Frames it was seen in.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Time of the first frame it was seen in, in seconds.
    #[must_use]
    pub fn first_seen(&self) -> f64 {
        self.first_seen
    }

    /// Time of the last frame it was seen in, in seconds.
    #[must_use]
    pub fn last_seen(&self) -> f64 {
        self.last_seen
    }

    /// Pixels a second to the right and down, by its filter.
    #[must_use]
    pub fn velocity(&self, options: &TrackerOptions) -> (f32, f32) {
        let (x, y) = self.filter.velocity();
        ((x * options.frame_rate) as f32, (y * options.frame_rate) as f32)
    }

    fn new(id: u64, time: f64, detection: Detection) -> Self {
        let filter = Filter::new(&detection.bbox);
        let history = VecDeque::from([(detection.score, detection.class)]);
        Self {
            id,
            state: TrackState::New,
            filter,
            last: detection,
            history,
            hits: 1,
            counted: false,
            first_seen: time,
            last_seen: time,
        }
    }

    /// Takes a detection of a frame.
    fn seen(&mut self, time: f64, detection: Detection, options: &TrackerOptions) {
        self.filter.update(&detection.bbox);
        self.last = detection;
        self.last_seen = time;
        self.hits += 1;
        self.history.push_back((detection.score, detection.class));
        while self.history.len() > options.history {
            self.history.pop_front();
        }
        if self.counted || self.hits >= options.min_hits {
            self.confirm();
        }
    }

    fn confirm(&mut self) {
        self.state = TrackState::Tracked;
        self.counted = true;
    }
}

/// What a frame changed.
#[derive(Debug, Clone, Default)]
pub struct TrackUpdate {
    /// Tracks that count from this frame on.
    pub confirmed: Vec<u64>,
    /// Tracks that were lost and are seen again.
    pub found_again: Vec<u64>,
    /// Tracks that counted and are not seen in this frame.
    pub lost: Vec<u64>,
    /// Tracks that counted and have ended.
    pub removed: Vec<Track>,
    /// Detections left out because their numbers were not finite or their box was empty.
    pub unusable: usize,
}

/// Follows the things of one camera.
#[derive(Debug, Clone)]
pub struct Tracker {
    options: TrackerOptions,
    tracks: Vec<Track>,
    next: u64,
    time: Option<f64>,
}

impl Tracker {
    /// A tracker without tracks.
    ///
    /// # Errors
    /// An option out of range.
    pub fn new(options: TrackerOptions) -> Result<Self, TrackError> {
        options.check()?;
        Ok(Self { options, tracks: Vec::new(), next: 1, time: None })
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &TrackerOptions {
        &self.options
    }

    /// All tracks that have not ended, by their numbers: also new and lost ones.
    #[must_use]
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// The tracks that count and are seen in the last frame.
    pub fn tracked(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.state == TrackState::Tracked)
    }

    /// Ends all tracks and returns those that counted: for a camera that was moved or changed its
    /// picture's size. Numbers go on.
    pub fn reset(&mut self) -> Vec<Track> {
        self.time = None;
        let ended = std::mem::take(&mut self.tracks);
        ended.into_iter().filter_map(end).collect()
    }

    /// Takes a frame's detections (boxes in pixels, after NMS), at a time in seconds.
    ///
    /// # Errors
    /// A time that is not finite or before the last frame's. Nothing changes then.
    pub fn update(&mut self, time: f64, frame: &[Detection]) -> Result<TrackUpdate, TrackError> {
        let last = self.time.unwrap_or(time);
        if !time.is_finite() || time < last {
            return Err(TrackError::Time { time, last });
        }
        let first_frame = self.time.is_none();
        self.time = Some(time);
        let mut update = TrackUpdate::default();
        let usable: Vec<Detection> = frame.iter().copied().filter(usable).collect();
        update.unusable = frame.len() - usable.len();
        self.expire(time, &mut update);
        let steps = (time - last) * self.options.frame_rate;
        for track in &mut self.tracks {
            track.filter.predict(steps, track.state != TrackState::Lost);
        }
        let before: Vec<(u64, TrackState)> = self.tracks.iter().map(|t| (t.id, t.state)).collect();
        let rest = associate::associate(&mut self.tracks, time, &usable, &self.options);
        for detection in rest {
            let mut track = Track::new(self.next, time, detection);
            self.next += 1;
            // What is there when watching starts counts at once, as in the reference.
            if first_frame || self.options.min_hits <= 1 {
                track.confirm();
                update.confirmed.push(track.id);
            }
            self.tracks.push(track);
        }
        self.remove_duplicates();
        for (id, was) in before {
            let now =
                self.tracks.iter().find(|t| t.id == id).map_or(TrackState::Removed, |t| t.state);
            match (was, now) {
                (TrackState::New, TrackState::Tracked) => update.confirmed.push(id),
                (TrackState::Lost, TrackState::Tracked) => update.found_again.push(id),
                (TrackState::Tracked, TrackState::Lost) => update.lost.push(id),
                _ => {}
            }
        }
        update.confirmed.sort_unstable();
        self.drop_removed(&mut update);
        Ok(update)
    }

    /// Marks what has not been seen for longer than the patience, and what is too much.
    fn expire(&mut self, time: f64, update: &mut TrackUpdate) {
        for track in &mut self.tracks {
            if time - track.last_seen > self.options.lost_seconds {
                track.state = TrackState::Removed;
            }
        }
        self.drop_removed(update);
        if self.tracks.len() > self.options.max_tracks {
            // The longest unseen go; equals by number.
            let mut order: Vec<(f64, u64)> =
                self.tracks.iter().map(|t| (t.last_seen, t.id)).collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let gone: Vec<u64> = order[self.options.max_tracks..].iter().map(|o| o.1).collect();
            for track in self.tracks.iter_mut().filter(|track| gone.contains(&track.id)) {
                track.state = TrackState::Removed;
            }
            self.drop_removed(update);
        }
    }

    fn drop_removed(&mut self, update: &mut TrackUpdate) {
        let is_removed = |track: &mut Track| track.state == TrackState::Removed;
        // A new track that was not seen again never counted.
        update.removed.extend(self.tracks.extract_if(.., is_removed).filter(|t| t.counted));
    }

    /// Of a seen and a lost track in the same place, the one known for longer stays.
    fn remove_duplicates(&mut self) {
        for lost in 0..self.tracks.len() {
            for seen in 0..self.tracks.len() {
                let (a, b) = (&self.tracks[lost], &self.tracks[seen]);
                let kinds = (a.state, b.state) == (TrackState::Lost, TrackState::Tracked);
                if kinds && a.bbox().iou(&b.bbox()) > 0.85 {
                    let known = |track: &Track| track.last_seen - track.first_seen;
                    let gone = if known(a) > known(b) { seen } else { lost };
                    self.tracks[gone].state = TrackState::Removed;
                }
            }
        }
    }
}

/// A track that counted, ended.
fn end(mut track: Track) -> Option<Track> {
    track.state = TrackState::Removed;
    track.counted.then_some(track)
}

/// Boxes larger than this are no pixels of a picture; below it the filter's squares stay finite.
const LARGEST: f32 = 1e9;

fn usable(detection: &Detection) -> bool {
    let BBox { x1, y1, x2, y2 } = detection.bbox;
    let inside = [x1, y1, x2, y2].into_iter().all(|v| v.abs() < LARGEST);
    inside && detection.score.is_finite() && x2 - x1 > 1e-3 && y2 - y1 > 1e-3
}

#[cfg(test)]
mod tests;
