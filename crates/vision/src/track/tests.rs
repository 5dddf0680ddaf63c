//! Tracks of made-up scenes: crossings, occlusions, dropped frames, unsure detections.

use proptest::prelude::*;

use super::{TrackError, TrackState, Tracker, TrackerOptions};
use crate::geometry::{BBox, Detection};

fn at(x: f32, y: f32, score: f32) -> Detection {
    Detection { bbox: BBox::from_centre(x, y, 40.0, 60.0), score, class: 0 }
}

fn tracker(frame_rate: f64) -> Tracker {
    let options = TrackerOptions { frame_rate, ..TrackerOptions::default() };
    Tracker::new(options).expect("in range")
}

/// Numbers of the tracks seen, from left to right.
fn seen(tracker: &Tracker) -> Vec<u64> {
    let mut tracks: Vec<(f32, u64)> = tracker.tracked().map(|t| (t.bbox().x1, t.id())).collect();
    tracks.sort_by(|a, b| a.0.total_cmp(&b.0));
    tracks.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn crossing_things_keep_their_numbers() {
    let mut tracker = tracker(10.0);
    for frame in 0..60_u16 {
        let shift = f32::from(frame) * 8.0;
        // Side by side, 25 pixels apart in height: they overlap by half when they pass.
        let mut both = vec![at(50.0 + shift, 200.0, 0.9), at(520.0 - shift, 225.0, 0.8)];
        if frame % 2 == 1 {
            both.reverse();
        }
        let update = tracker.update(f64::from(frame) / 10.0, &both).expect("in order");
        assert_eq!(update.confirmed.len(), if frame == 0 { 2 } else { 0 }, "frame {frame}");
        assert!(update.lost.is_empty() && update.removed.is_empty());
    }
    assert_eq!(seen(&tracker), [2, 1]);
    let (x, y) = tracker.tracks()[0].velocity(tracker.options());
    assert!((x - 80.0).abs() < 1.0 && y.abs() < 1.0, "{x} {y}");
}

#[test]
fn an_occlusion_shorter_than_the_patience() {
    let mut tracker = tracker(10.0);
    for frame in 0..40_u16 {
        let shown = !(15..22).contains(&frame);
        let detections = [at(50.0 + f32::from(frame) * 6.0, 100.0, 0.9)];
        let frame_of = if shown { &detections[..] } else { &[] };
        let update = tracker.update(f64::from(frame) / 10.0, frame_of).expect("in order");
        assert_eq!(update.lost.len(), usize::from(frame == 15));
        assert_eq!(update.found_again, if frame == 22 { vec![1] } else { vec![] });
    }
    assert_eq!((seen(&tracker), tracker.tracks()[0].hits()), (vec![1], 33));
}

#[test]
fn patience_is_counted_in_seconds() {
    // The same second without frames, once as dropped frames and once as empty ones.
    for empty_frames in [false, true] {
        for (gap, same) in [(0.9, true), (1.2, false)] {
            let mut tracker = tracker(10.0);
            for frame in 0..10_u8 {
                tracker
                    .update(f64::from(frame) / 10.0, &[at(100.0, 100.0, 0.9)])
                    .expect("in order");
            }
            if empty_frames {
                for frame in 1..8_u8 {
                    tracker.update(0.9 + f64::from(frame) / 10.0, &[]).expect("in order");
                }
            }
            let update = tracker.update(0.9 + gap, &[at(100.0, 100.0, 0.9)]).expect("in order");
            assert_eq!(update.removed.len(), usize::from(!same));
            assert_eq!(tracker.tracks()[0].id(), if same { 1 } else { 2 });
        }
    }
}

#[test]
fn motion_goes_on_over_dropped_frames() {
    let mut tracker = tracker(25.0);
    // 100 px/s; after a second of frames, only each tenth arrives: 40 px a step, as wide as the box.
    let times = (0..25_u16).map(|f| f64::from(f) / 25.0);
    let sparse = (1..6_u16).map(|f| 0.96 + f64::from(f) * 0.4);
    for time in times.chain(sparse) {
        let x = 50.0 + 100.0 * time as f32;
        tracker.update(time, &[at(x, 80.0, 0.9)]).expect("in order");
    }
    assert_eq!(tracker.tracks().len(), 1);
    assert_eq!(tracker.tracks()[0].hits(), 30);
}

#[test]
fn unsure_detections_rescue_but_do_not_start() {
    let mut tracker = tracker(10.0);
    for frame in 0..20_u8 {
        let time = f64::from(frame) / 10.0;
        let score = if (5..15).contains(&frame) { 0.2 } else { 0.9 };
        // The other is unsure from the first to the last.
        let frame = [at(100.0, 100.0, score), at(400.0, 100.0, 0.3)];
        let update = tracker.update(time, &frame).expect("in order");
        assert!(update.lost.is_empty());
    }
    assert_eq!(seen(&tracker), [1]);
    let track = &tracker.tracks()[0];
    assert_eq!((track.hits(), track.scores().count()), (20, 20));
    assert!((track.median_score() - 0.55).abs() < 1e-6, "{}", track.median_score());
}

#[test]
fn what_appears_later_counts_after_its_hits() {
    let options = TrackerOptions { min_hits: 3, frame_rate: 10.0, ..TrackerOptions::default() };
    let mut tracker = Tracker::new(options).expect("in range");
    tracker.update(0.0, &[]).expect("in order");
    let mut confirmed = Vec::new();
    for frame in 1..6_u8 {
        let update =
            tracker.update(f64::from(frame) / 10.0, &[at(50.0, 50.0, 0.9)]).expect("in order");
        confirmed.push(update.confirmed.len());
    }
    assert_eq!(confirmed, [0, 0, 1, 0, 0]);
    // A flash is gone at once, and was never reported.
    tracker.update(0.6, &[at(50.0, 50.0, 0.9), at(300.0, 300.0, 0.9)]).expect("in order");
    assert_eq!(tracker.tracks()[1].state(), TrackState::New);
    let update = tracker.update(0.7, &[at(50.0, 50.0, 0.9)]).expect("in order");
    assert!(update.removed.is_empty() && tracker.tracks().len() == 1);
}

#[test]
fn the_class_is_voted() {
    let mut tracker = tracker(10.0);
    for (frame, class, score) in [(0, 3, 0.9), (1, 1, 0.7), (2, 1, 0.7), (3, 3, 0.4)] {
        let detection = Detection { class, ..at(10.0, 50.0, score) };
        tracker.update(f64::from(frame) / 10.0, &[detection]).expect("in order");
    }
    assert_eq!(tracker.tracks()[0].class(), 1);

    let options = TrackerOptions { class_aware: true, ..TrackerOptions::default() };
    let mut aware = Tracker::new(options).expect("in range");
    aware.update(0.0, &[at(10.0, 50.0, 0.9)]).expect("in order");
    aware.update(0.1, &[Detection { class: 1, ..at(10.0, 50.0, 0.9) }]).expect("in order");
    assert_eq!(aware.tracks().len(), 2);
}

#[test]
fn time_and_options_are_checked() {
    let mut tracker = tracker(10.0);
    tracker.update(5.0, &[at(9.0, 9.0, 0.9)]).expect("in order");
    for time in [4.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(tracker.update(time, &[]), Err(TrackError::Time { .. })));
    }
    assert_eq!(tracker.reset().len(), 1);
    tracker.update(0.0, &[at(9.0, 9.0, 0.9)]).expect("starts again");
    assert_eq!(tracker.tracks()[0].id(), 2);
    let wrong = TrackerOptions { frame_rate: 0.0, ..TrackerOptions::default() };
    assert!(Tracker::new(wrong).expect_err("no rate").to_string().contains("frame_rate is 0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hostile_frames_do_no_harm_and_numbers_are_unique(
        frames in prop::collection::vec(
            (0.0..2.0_f64, prop::collection::vec((prop_oneof![any::<[f32; 5]>(), prop::array::uniform5(0.0..1.0_f32)], 0..3_u32), 0..8)),
            1..20,
        ),
    ) {
        let run = || {
            let mut tracker = tracker(10.0);
            let mut confirmed = Vec::new();
            let mut removed = Vec::new();
            let mut time = 0.0;
            for (step, frame) in &frames {
                time += step;
                let make = |&([a, b, c, d, score], class): &([f32; 5], u32)| {
                    Detection { bbox: BBox::new(a, b, a + c, b + d), score, class }
                };
                let frame: Vec<Detection> = frame.iter().map(make).collect();
                let update = tracker.update(time, &frame).expect("in order");
                confirmed.extend(update.confirmed);
                removed.extend(update.removed.iter().map(super::Track::id));
                for track in tracker.tracks() {
                    let b = track.bbox();
                    assert!([b.x1, b.y1, b.x2, b.y2].into_iter().all(f32::is_finite), "{b:?}");
                }
            }
            removed.extend(tracker.reset().iter().map(super::Track::id));
            (confirmed, removed)
        };
        let (mut confirmed, mut removed) = run();
        prop_assert_eq!(run(), (confirmed.clone(), removed.clone()));
        // Each that counted ends once.
        confirmed.sort_unstable();
        removed.sort_unstable();
        prop_assert!(confirmed.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(confirmed, removed);
    }
}
