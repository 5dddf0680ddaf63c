//! Suppression against the definition, pair by pair.

use proptest::prelude::*;

use super::{NmsOptions, kept_indices, sort_by_score, suppress};
use crate::geometry::{BBox, Detection};

/// The definition: by falling score, each box against all kept ones of its class.
fn by_definition(detections: &[Detection], iou: f32, class_agnostic: bool) -> Vec<u32> {
    let mut order: Vec<u32> = (0..detections.len() as u32).collect();
    let score = |at: u32| detections[at as usize].score;
    order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    let mut kept: Vec<u32> = Vec::new();
    for at in order {
        let one = detections[at as usize];
        let covered = kept.iter().map(|&k| detections[k as usize]).any(|other| {
            let same = class_agnostic || other.class == one.class;
            let w = (one.bbox.x2.min(other.bbox.x2) - one.bbox.x1.max(other.bbox.x1)).max(0.0);
            let h = (one.bbox.y2.min(other.bbox.y2) - one.bbox.y1.max(other.bbox.y1)).max(0.0);
            let area = |b: BBox| (b.x2 - b.x1) * (b.y2 - b.y1);
            same && w * h / (area(other.bbox) + area(one.bbox) - w * h) > iou
        });
        if !covered {
            kept.push(at);
        }
    }
    kept
}

fn detection(extent: f32, size: f32, classes: u32) -> impl Strategy<Value = Detection> {
    let parts = (0.0..extent, 0.0..extent, 0.0..size, 0.0..size, 0.0..1.0_f32, 0..classes);
    parts.prop_map(|(x, y, w, h, score, class)| Detection {
        bbox: BBox::new(x, y, x + w, y + h),
        score,
        class,
    })
}

fn unlimited(iou: f32, class_agnostic: bool) -> NmsOptions {
    NmsOptions { iou, class_agnostic, max_candidates: usize::MAX, max_detections: usize::MAX }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equals_the_definition(
        detections in (1.0..600.0_f32, 1.0..300.0_f32).prop_flat_map(|(extent, size)| {
            prop::collection::vec(detection(extent, size, 3), 0..400)
        }),
        iou in 0.0..1.0_f32,
        class_agnostic: bool,
    ) {
        let options = unlimited(iou, class_agnostic);
        let expected = by_definition(&detections, iou, class_agnostic);
        prop_assert_eq!(kept_indices(&detections, &options), expected);
    }

    #[test]
    fn hostile_numbers_do_no_harm(
        numbers in prop::collection::vec((any::<[f32; 5]>(), any::<u32>()), 0..200),
        iou: f32,
    ) {
        let make = |&([x1, y1, x2, y2, score], class): &([f32; 5], u32)| {
            Detection { bbox: BBox::new(x1, y1, x2, y2), score, class }
        };
        let mut detections: Vec<Detection> = numbers.iter().map(make).collect();
        suppress(&mut detections, &unlimited(iou, true));
        prop_assert!(detections.iter().all(|d| d.score.is_finite()));
        prop_assert!(detections.windows(2).all(|pair| pair[0].score >= pair[1].score));
    }
}

#[test]
fn equal_scores_keep_the_earlier() {
    let one =
        |x: f32, class| Detection { bbox: BBox::new(x, 0.0, x + 10.0, 10.0), score: 0.5, class };
    let all = [one(0.0, 1), one(1.0, 1), one(0.5, 0), one(50.0, 1)];
    assert_eq!(kept_indices(&all, &NmsOptions::default()), [0, 2, 3]);
    let agnostic = NmsOptions { class_agnostic: true, ..NmsOptions::default() };
    assert_eq!(kept_indices(&all, &agnostic), [0, 3]);
}

#[test]
fn overlap_at_the_threshold_stays() {
    // A third exactly is not above a third.
    let a = Detection { bbox: BBox::new(0.0, 0.0, 2.0, 1.0), score: 0.9, class: 0 };
    let b = Detection { bbox: BBox::new(1.0, 0.0, 3.0, 1.0), score: 0.8, class: 0 };
    let third = 1.0_f32 / 3.0;
    assert_eq!(kept_indices(&[a, b], &unlimited(third, false)), [0, 1]);
    assert_eq!(kept_indices(&[a, b], &unlimited(third - 1e-6, false)), [0]);
}

#[test]
fn limits_hold() {
    let one = |at: u16| {
        let x = f32::from(at) * 20.0;
        Detection { bbox: BBox::new(x, 0.0, x + 9.0, 9.0), score: f32::from(at) / 200.0, class: 0 }
    };
    let mut all: Vec<Detection> = (0..100).map(one).collect();
    let options = NmsOptions { max_candidates: 10, max_detections: 3, ..NmsOptions::default() };
    assert_eq!(kept_indices(&all, &options), [99, 98, 97]);
    sort_by_score(&mut all);
    assert_eq!(all[0].score, 99.0 / 200.0);
}
