//! Non-maximum suppression: greedy, by class, exact.
//!
//! The boxes of a class are taken by falling score (equals: the earlier first); one is dropped when a
//! box already kept overlaps it by more than the threshold. Equal to `torchvision.ops.batched_nms`
//! with the IoU computed in 32 bits. Large classes go through a grid (`grid.rs`), which only leaves
//! out pairs that do not touch.

mod grid;

use crate::geometry::{BBox, Detection};
use grid::Kept;

/// Rules of a suppression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NmsOptions {
    /// Intersection over union above which the less sure of two boxes goes.
    pub iou: f32,
    /// Whether boxes of different classes suppress each other.
    pub class_agnostic: bool,
    /// Most candidates looked at, the surest ones: a bound on the time a hostile output can take.
    pub max_candidates: usize,
    /// Most detections kept.
    pub max_detections: usize,
}

impl Default for NmsOptions {
    /// IoU .45 within a class, 30,000 candidates, 300 detections.
    fn default() -> Self {
        Self { iou: 0.45, class_agnostic: false, max_candidates: 30_000, max_detections: 300 }
    }
}

/// Sorts by falling score; equals keep their order.
pub fn sort_by_score(detections: &mut [Detection]) {
    detections.sort_by_key(|detection| falling(detection.score));
}

/// Keeps of a picture's detections those that no surer one of their class covers, by falling score.
/// Detections whose numbers are not finite are dropped.
pub fn suppress(detections: &mut Vec<Detection>, options: &NmsOptions) {
    let kept = kept_indices(detections, options);
    *detections = kept.iter().filter_map(|&at| detections.get(at as usize).copied()).collect();
}

/// Places of the detections that stay, by falling score.
#[must_use]
pub fn kept_indices(detections: &[Detection], options: &NmsOptions) -> Vec<u32> {
    let mut order: Vec<u64> = detections
        .iter()
        .zip(0_u32..)
        .filter(|(detection, _)| usable(detection))
        .map(|(detection, at)| u64::from(falling(detection.score)) << 32 | u64::from(at))
        .collect();
    order.sort_unstable();
    order.truncate(options.max_candidates);
    let mut kept = Vec::new();
    let mut group = Vec::new();
    for range in by_class(detections, &mut order, options.class_agnostic) {
        let members = &order[range];
        group.clear();
        group.extend(members.iter().map(|&key| detections[place(key)].bbox));
        let mut stay = Kept::new(&group, options.iou);
        kept.extend(
            members.iter().zip(&group).filter(|(_, bbox)| stay.offer(bbox)).map(|(&k, _)| k),
        );
    }
    kept.sort_unstable();
    kept.truncate(options.max_detections);
    kept.into_iter().map(|key| key as u32).collect()
}

/// Reorders the keys so that each class is together, in the order of its scores, and says where.
fn by_class(
    detections: &[Detection],
    order: &mut [u64],
    together: bool,
) -> Vec<std::ops::Range<usize>> {
    if !together {
        // Stable, on an order that mostly is one run: cheaper than a comparison of pairs.
        order.sort_by_key(|&key| detections[place(key)].class);
    }
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < order.len() {
        let class = detections[place(order[start])].class;
        let same = |&key: &u64| together || detections[place(key)].class == class;
        let length = order[start..].iter().take_while(|key| same(key)).count();
        ranges.push(start..start + length);
        start += length;
    }
    ranges
}

/// The place of the detection a key was made of.
fn place(key: u64) -> usize {
    key as u32 as usize
}

fn usable(detection: &Detection) -> bool {
    let BBox { x1, y1, x2, y2 } = detection.bbox;
    [x1, y1, x2, y2, detection.score].into_iter().all(f32::is_finite)
}

/// A number that is smaller for a greater score.
fn falling(score: f32) -> u32 {
    // −0 and 0 are one score.
    let bits = (score + 0.0).to_bits();
    let rising = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    !rising
}

#[cfg(test)]
mod tests;
