//! Anchor-free YOLO with raw scores: cxcywh in pixels and a score a class, already sigmoids.

use super::{Candidates, DecodeOptions, scan};
use crate::geometry::{BBox, Detection};
use crate::tensor::TensorView;

/// Anchors of one pass: their running maxima stay in the first cache.
const BLOCK: usize = 1024;

/// `(4 + nc, A)`. The anchor axis is contiguous, so the maximum over classes runs down the rows for
/// many anchors at once.
pub(super) fn channels_first(tensor: TensorView<'_>, options: &DecodeOptions) -> Candidates {
    let mut candidates = Candidates::default();
    let anchors = tensor.shape().last().copied().unwrap_or(0);
    if anchors == 0 || tensor.data().len() / anchors < 5 {
        return candidates;
    }
    let (boxes, scores) = tensor.data().split_at(4 * anchors);
    if options.multi_label {
        every_class(boxes, scores, anchors, (options, &mut candidates));
        return candidates;
    }
    let mut start = 0;
    while start < anchors {
        let length = BLOCK.min(anchors - start);
        let mut block = Block::new();
        for (class, row) in scores.chunks_exact(anchors).enumerate() {
            block.add(class as u32, &row[start..start + length]);
        }
        for at in 0..length {
            let score = block.top[at];
            if block.finite[at].is_nan() {
                candidates.unusable += 1;
            } else if score >= options.confidence {
                let number = |row: usize| boxes[row * anchors + start + at];
                let bbox = BBox::from_centre(number(0), number(1), number(2), number(3));
                candidates.push(Detection { bbox, score, class: block.class[at] });
            }
        }
        start += length;
    }
    candidates
}

/// Every class of every anchor that passes; `boxes` are four rows of `anchors`, `scores` a row a class.
fn every_class(
    boxes: &[f32],
    scores: &[f32],
    anchors: usize,
    (options, candidates): (&DecodeOptions, &mut Candidates),
) {
    for (class, row) in (0_u32..).zip(scores.chunks_exact(anchors)) {
        for (at, &score) in row.iter().enumerate() {
            if !score.is_finite() {
                candidates.unusable += 1;
            } else if score >= options.confidence {
                let number = |row: usize| boxes[row * anchors + at];
                let bbox = BBox::from_centre(number(0), number(1), number(2), number(3));
                candidates.push(Detection { bbox, score, class });
            }
        }
    }
}

/// Best class of each anchor of a block, so far.
struct Block {
    top: [f32; BLOCK],
    class: [u32; BLOCK],
    /// 0, or NaN once a score was not finite.
    finite: [f32; BLOCK],
}

impl Block {
    fn new() -> Self {
        Self { top: [f32::NEG_INFINITY; BLOCK], class: [0; BLOCK], finite: [0.0; BLOCK] }
    }

    fn add(&mut self, class: u32, row: &[f32]) {
        let state = self.top.iter_mut().zip(&mut self.class).zip(&mut self.finite);
        for (((top, best), finite), &score) in state.zip(row) {
            let better = score > *top;
            *top = if better { score } else { *top };
            *best = if better { class } else { *best };
            *finite += score * 0.0;
        }
    }
}

/// `(A, 4 + nc)`.
pub(super) fn channels_last(tensor: TensorView<'_>, options: &DecodeOptions) -> Candidates {
    let mut candidates = Candidates::default();
    let width = tensor.shape().last().copied().unwrap_or(0);
    if width < 5 {
        return candidates;
    }
    for row in tensor.data().chunks_exact(width) {
        match scan::best(&row[4..]) {
            None => candidates.unusable += 1,
            Some(_) if options.multi_label => {
                let bbox = BBox::from_centre(row[0], row[1], row[2], row[3]);
                for (class, &score) in (0_u32..).zip(&row[4..]) {
                    if score >= options.confidence {
                        candidates.push(Detection { bbox, score, class });
                    }
                }
            }
            Some((class, score)) if score >= options.confidence => {
                let bbox = BBox::from_centre(row[0], row[1], row[2], row[3]);
                candidates.push(Detection { bbox, score, class: class as u32 });
            }
            Some(_) => {}
        }
    }
    candidates
}
