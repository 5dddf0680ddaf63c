//! Average precision and recall of boxes as COCO defines them, with the numbers of pycocotools 2.0.
//!
//! Of each image and class the 100 surest detections count. For each IoU threshold t of .50 to .95 they
//! are matched by falling score, each to the free ground truth of the greatest IoU at or above
//! min(t, 1 − 1e-10); ground truth that counts goes before ground truth that is ignored (a crowd, or an
//! area out of range), and only crowds can be matched again. A detection matched to ignored ground
//! truth, or unmatched and of an area out of range, counts neither way. Precision, made monotone from
//! the right, is read at 101 recalls, 0 where the recall is not reached. Means leave out what has no
//! ground truth; −1 stands for a mean of nothing.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

/// IoU thresholds: .50 to .95.
const THRESHOLDS: usize = 10;
/// Recalls at which precision is read: 0 to 1.
const RECALLS: usize = 101;
/// Areas in square pixels: all, small, medium, large; both ends count.
const AREAS: [(f64, f64); 4] = [(0.0, 1e10), (0.0, 1024.0), (1024.0, 9216.0), (9216.0, 1e10)];
/// Detections of an image and class that count.
const LIMITS: [usize; 3] = [1, 10, 100];

/// An annotated thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CocoTruth {
    /// The image; images are taken in the order of these numbers, which decides between equal scores.
    pub image: u64,
    /// The class.
    pub class: u64,
    /// Left, top, width, height in pixels.
    pub bbox: [f64; 4],
    /// Area in square pixels: of the mask where there is one.
    pub area: f64,
    /// A region of many things that are not told apart.
    pub crowd: bool,
}

/// A detection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CocoFound {
    /// The image.
    pub image: u64,
    /// The class.
    pub class: u64,
    /// Left, top, width, height in pixels.
    pub bbox: [f64; 4],
    /// How sure.
    pub score: f64,
}

/// COCO's 12 numbers, and those of each class; −1 where there is no ground truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CocoSummary {
    /// Mean over the IoU thresholds .50 to .95 and the classes (mAP50-95).
    pub ap: f64,
    /// At IoU .50 (mAP50).
    pub ap50: f64,
    /// At IoU .75.
    pub ap75: f64,
    /// Of things up to 32² pixels.
    pub ap_small: f64,
    /// Of things from 32² to 96² pixels.
    pub ap_medium: f64,
    /// Of things from 96² pixels.
    pub ap_large: f64,
    /// Recall with one detection of an image and class.
    pub ar1: f64,
    /// Recall with 10.
    pub ar10: f64,
    /// Recall with 100.
    pub ar100: f64,
    /// Recall with 100, small.
    pub ar_small: f64,
    /// Recall with 100, medium.
    pub ar_medium: f64,
    /// Recall with 100, large.
    pub ar_large: f64,
    /// Each class asked for, in the order given.
    pub classes: Vec<CocoClassAp>,
}

/// A class's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CocoClassAp {
    /// The class.
    pub class: u64,
    /// Mean over IoU .50 to .95.
    pub ap: f64,
    /// At IoU .50.
    pub ap50: f64,
    /// At IoU .75.
    pub ap75: f64,
    /// Recall with 100 detections an image.
    pub ar100: f64,
    /// Annotated things, without crowds.
    pub truths: usize,
}

impl CocoSummary {
    /// The 12 numbers in pycocotools' order.
    #[must_use]
    pub fn stats(&self) -> [f64; 12] {
        [
            self.ap,
            self.ap50,
            self.ap75,
            self.ap_small,
            self.ap_medium,
            self.ap_large,
            self.ar1,
            self.ar10,
            self.ar100,
            self.ar_small,
            self.ar_medium,
            self.ar_large,
        ]
    }
}

/// `start` to `end` as numpy's `linspace` computes it.
fn spaced(at: usize, start: f64, end: f64, count: usize) -> f64 {
    let step = (end - start) / (count - 1) as f64;
    if at + 1 == count { end } else { at as f64 * step + start }
}

/// Average precision and recall. `classes` are the classes that count; detections and truths of others,
/// and detections with a score that is not a number, are left out. Detections on images without ground
/// truth count as false: leave out those on images that were not annotated.
#[must_use]
pub fn coco_ap(classes: &[u64], truths: &[CocoTruth], found: &[CocoFound]) -> CocoSummary {
    let mut groups: BTreeMap<u64, BTreeMap<u64, Group<'_>>> = BTreeMap::new();
    for truth in truths {
        groups.entry(truth.class).or_default().entry(truth.image).or_default().truths.push(truth);
    }
    for one in found.iter().filter(|one| !one.score.is_nan()) {
        groups.entry(one.class).or_default().entry(one.image).or_default().found.push(one);
    }
    let none = BTreeMap::new();
    let of_class = |class: &u64| ClassCurves::new(groups.get(class).unwrap_or(&none));
    let curves: Vec<ClassCurves> = classes.par_iter().map(of_class).collect();
    let precision = |area: usize, thresholds: std::ops::Range<usize>| {
        mean(curves.iter().flat_map(|c| c.precision(area, thresholds.clone())))
    };
    let recall = |area, limit| mean(curves.iter().flat_map(|c| c.recall(area, limit)));
    let each = classes.iter().zip(&curves).map(|(&class, c)| CocoClassAp {
        class,
        ap: mean(c.precision(0, 0..THRESHOLDS)),
        ap50: mean(c.precision(0, 0..1)),
        ap75: mean(c.precision(0, 5..6)),
        ar100: mean(c.recall(0, 2)),
        truths: truths.iter().filter(|t| t.class == class && !t.crowd).count(),
    });
    CocoSummary {
        ap: precision(0, 0..THRESHOLDS),
        ap50: precision(0, 0..1),
        ap75: precision(0, 5..6),
        ap_small: precision(1, 0..THRESHOLDS),
        ap_medium: precision(2, 0..THRESHOLDS),
        ap_large: precision(3, 0..THRESHOLDS),
        ar1: recall(0, 0),
        ar10: recall(0, 1),
        ar100: recall(0, 2),
        ar_small: recall(1, 2),
        ar_medium: recall(2, 2),
        ar_large: recall(3, 2),
        classes: each.collect(),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { -1.0 } else { sum / count as f64 }
}

/// Truths and detections of one class in one image.
#[derive(Default)]
struct Group<'a> {
    truths: Vec<&'a CocoTruth>,
    found: Vec<&'a CocoFound>,
}

/// One detection after matching at all thresholds.
#[derive(Clone, Copy)]
struct Outcome {
    score: f64,
    /// Place in its image by falling score.
    rank: usize,
    matched: [bool; THRESHOLDS],
    ignored: [bool; THRESHOLDS],
}

/// Precisions and recalls of one class; an area without ground truth has none.
struct ClassCurves {
    areas: [Option<AreaCurves>; 4],
}

struct AreaCurves {
    precision: Vec<[f64; RECALLS]>,
    recall: [[f64; THRESHOLDS]; 3],
}

impl ClassCurves {
    fn new(images: &BTreeMap<u64, Group<'_>>) -> Self {
        let matchers: Vec<Matcher<'_>> = images.values().map(Matcher::new).collect();
        Self { areas: AREAS.map(|area| AreaCurves::new(&matchers, area)) }
    }

    fn precision(
        &self,
        area: usize,
        thresholds: std::ops::Range<usize>,
    ) -> impl Iterator<Item = f64> {
        let curves = self.areas[area].iter();
        curves.flat_map(move |c| c.precision[thresholds.clone()].as_flattened().iter().copied())
    }

    fn recall(&self, area: usize, limit: usize) -> impl Iterator<Item = f64> {
        self.areas[area].iter().flat_map(move |c| c.recall[limit])
    }
}

impl AreaCurves {
    fn new(matchers: &[Matcher<'_>], area: (f64, f64)) -> Option<Self> {
        let mut outcomes = Vec::new();
        let mut truths = 0;
        for matcher in matchers {
            truths += matcher.matched(area, &mut outcomes);
        }
        if truths == 0 {
            return None;
        }
        // Stable: equal scores stay in the order of images.
        outcomes.sort_by(|a: &Outcome, b| b.score.total_cmp(&a.score));
        let mut curves = Self { precision: Vec::new(), recall: [[0.0; THRESHOLDS]; 3] };
        for threshold in 0..THRESHOLDS {
            for (at, &limit) in LIMITS.iter().enumerate() {
                let kept = outcomes.iter().filter(|o| o.rank < limit);
                let (recalls, precisions) = curve(kept, threshold, truths);
                curves.recall[at][threshold] = recalls.last().copied().unwrap_or(0.0);
                if limit == LIMITS[2] {
                    curves.precision.push(at_recalls(&recalls, precisions));
                }
            }
        }
        Some(curves)
    }
}

/// Recall and precision after each detection.
fn curve<'o>(
    outcomes: impl Iterator<Item = &'o Outcome>,
    threshold: usize,
    truths: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (mut right, mut wrong) = (0.0, 0.0);
    let mut recalls = Vec::new();
    let mut precisions = Vec::new();
    for outcome in outcomes {
        if !outcome.ignored[threshold] {
            if outcome.matched[threshold] {
                right += 1.0;
            } else {
                wrong += 1.0;
            }
        }
        recalls.push(right / truths as f64);
        precisions.push(right / (wrong + right + f64::EPSILON));
    }
    (recalls, precisions)
}

fn at_recalls(recalls: &[f64], mut precisions: Vec<f64>) -> [f64; RECALLS] {
    for at in (1..precisions.len()).rev() {
        precisions[at - 1] = precisions[at - 1].max(precisions[at]);
    }
    std::array::from_fn(|at| {
        let wanted = spaced(at, 0.0, 1.0, RECALLS);
        let first = recalls.partition_point(|&recall| recall < wanted);
        precisions.get(first).copied().unwrap_or(0.0)
    })
}

/// One image and class, ready to be matched.
struct Matcher<'a> {
    truths: &'a [&'a CocoTruth],
    /// By falling score, at most 100.
    found: Vec<&'a CocoFound>,
    /// `found x truths`.
    overlaps: Vec<f64>,
}

impl<'a> Matcher<'a> {
    fn new(group: &'a Group<'a>) -> Self {
        let mut found = group.found.clone();
        // −0 and 0 are equal to the reference, which compares.
        found.sort_by(|a, b| (b.score + 0.0).total_cmp(&(a.score + 0.0)));
        found.truncate(LIMITS[2]);
        let pairs = found.iter().flat_map(|one| group.truths.iter().map(move |truth| (one, truth)));
        let overlaps = pairs.map(|(one, truth)| overlap(one, truth)).collect();
        Self { truths: &group.truths, found, overlaps }
    }

    /// Matches at all thresholds; returns how many truths count.
    fn matched(&self, area: (f64, f64), outcomes: &mut Vec<Outcome>) -> usize {
        let outside = |value: f64| value < area.0 || value > area.1;
        let ignored: Vec<bool> = self.truths.iter().map(|t| t.crowd || outside(t.area)).collect();
        // Those that count first, each kind in its order.
        let mut order: Vec<usize> = (0..self.truths.len()).collect();
        order.sort_by_key(|&at| ignored[at]);
        let first = outcomes.len();
        outcomes.extend(self.found.iter().enumerate().map(|(rank, one)| Outcome {
            score: one.score + 0.0,
            rank,
            matched: [false; THRESHOLDS],
            ignored: [outside(one.bbox[2] * one.bbox[3]); THRESHOLDS],
        }));
        let mut taken = vec![false; self.truths.len()];
        for threshold in 0..THRESHOLDS {
            taken.fill(false);
            let least = spaced(threshold, 0.5, 0.95, THRESHOLDS).min(1.0 - 1e-10);
            for (rank, outcome) in outcomes[first..].iter_mut().enumerate() {
                let row = rank * self.truths.len();
                let mut best: Option<usize> = None;
                let mut reached = least;
                for &at in &order {
                    if taken[at] && !self.truths[at].crowd {
                        continue;
                    }
                    // A truth that counts is matched: the ignored ones after it are not looked at.
                    if best.is_some_and(|best| !ignored[best]) && ignored[at] {
                        break;
                    }
                    if self.overlaps[row + at] >= reached {
                        reached = self.overlaps[row + at];
                        best = Some(at);
                    }
                }
                if let Some(at) = best {
                    taken[at] = true;
                    outcome.matched[threshold] = true;
                    outcome.ignored[threshold] = ignored[at];
                }
            }
        }
        ignored.iter().filter(|&&ignored| !ignored).count()
    }
}

/// Intersection over union; over the detection's own area where the truth is a crowd.
fn overlap(found: &CocoFound, truth: &CocoTruth) -> f64 {
    let ([dx, dy, dw, dh], [gx, gy, gw, gh]) = (found.bbox, truth.bbox);
    let width = (dw + dx).min(gw + gx) - dx.max(gx);
    let height = (dh + dy).min(gh + gy) - dy.max(gy);
    // Not a comparison with 0 turned round: what is not a number overlaps nothing.
    if width > 0.0 && height > 0.0 {
        let shared = width * height;
        let union = if truth.crowd { dw * dh } else { dw * dh + gw * gh - shared };
        shared / union
    } else {
        0.0
    }
}
