//! Which detection belongs to which track: the three matchings of ByteTrack.

use super::assign::assign;
use super::{Track, TrackState, TrackerOptions};
use crate::geometry::Detection;

/// Matches a frame's detections to the tracks, which have been moved on to its time, and sets the tracks'
/// states. Returns the detections that start tracks.
pub(super) fn associate(
    tracks: &mut [Track],
    time: f64,
    frame: &[Detection],
    options: &TrackerOptions,
) -> Vec<Detection> {
    let mut sure: Vec<Detection> = Vec::new();
    let mut unsure: Vec<Detection> = Vec::new();
    for &detection in frame {
        if detection.score >= options.high_score {
            sure.push(detection);
        } else if detection.score >= options.low_score {
            unsure.push(detection);
        }
    }
    let places = |state: &dyn Fn(TrackState) -> bool, tracks: &[Track]| -> Vec<usize> {
        (0..tracks.len()).filter(|&at| state(tracks[at].state)).collect()
    };
    let counting = places(&|s| matches!(s, TrackState::Tracked | TrackState::Lost), tracks);
    let new = places(&|s| s == TrackState::New, tracks);
    let mut round = Round { tracks, time, options };

    let first = Rule { least: options.match_iou, times_score: true };
    let unmatched = round.matched(&counting, &mut sure, &first);
    // Only what was seen a frame ago is looked for among unsure detections.
    let (seen, _): (Vec<usize>, Vec<usize>) =
        unmatched.into_iter().partition(|&at| round.tracks[at].state == TrackState::Tracked);
    let second = Rule { least: options.low_match_iou, times_score: false };
    for at in round.matched(&seen, &mut unsure, &second) {
        round.tracks[at].state = TrackState::Lost;
    }
    let third = Rule { least: options.new_match_iou, times_score: true };
    for at in round.matched(&new, &mut sure, &third) {
        round.tracks[at].state = TrackState::Removed;
    }
    sure.retain(|detection| detection.score >= options.new_score);
    sure
}

/// What makes a pair.
struct Rule {
    least: f32,
    /// Whether the IoU is weighed by the detection's score.
    times_score: bool,
}

struct Round<'a> {
    tracks: &'a mut [Track],
    time: f64,
    options: &'a TrackerOptions,
}

impl Round<'_> {
    /// Matches some tracks to detections, which are taken out; returns the tracks left over.
    fn matched(
        &mut self,
        places: &[usize],
        detections: &mut Vec<Detection>,
        rule: &Rule,
    ) -> Vec<usize> {
        let mut costs = Vec::with_capacity(places.len() * detections.len());
        for &at in places {
            let (bbox, class) = (self.tracks[at].bbox(), self.tracks[at].class());
            costs.extend(detections.iter().map(|detection| {
                if self.options.class_aware && detection.class != class {
                    return f64::INFINITY;
                }
                let weight = if rule.times_score { detection.score } else { 1.0 };
                1.0 - f64::from(bbox.iou(&detection.bbox) * weight)
            }));
        }
        let pairs = assign(&costs, detections.len(), 1.0 - f64::from(rule.least));
        let mut taken = vec![false; detections.len()];
        let mut left: Vec<usize> = places.to_vec();
        for (row, column) in pairs {
            taken[column] = true;
            self.tracks[places[row]].seen(self.time, detections[column], self.options);
            left.retain(|&at| at != places[row]);
        }
        let mut taken = taken.into_iter();
        detections.retain(|_| !taken.next().unwrap_or(false));
        left
    }
}
