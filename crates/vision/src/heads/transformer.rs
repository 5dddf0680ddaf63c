//! Heads without NMS: rows of finished boxes, and RT-DETR's logits and normalised boxes
//! (Zhao et al., arXiv:2304.08069).

use super::{Candidates, DecodeOptions, scan};
use crate::geometry::{BBox, Detection, Size};
use crate::tensor::TensorView;

/// `(Q, 6)`: x1, y1, x2, y2, score, class. A class outside the card's list cannot be used.
pub(super) fn end2end(
    tensor: TensorView<'_>,
    classes: usize,
    options: &DecodeOptions,
) -> Candidates {
    let mut candidates = Candidates::default();
    for &[x1, y1, x2, y2, score, class] in tensor.data().as_chunks::<6>().0 {
        if score < options.confidence {
            continue;
        }
        let class = class.round();
        if score.is_finite() && class >= 0.0 && class < classes as f32 {
            let bbox = BBox::new(x1, y1, x2, y2);
            candidates.push(Detection { bbox, score, class: class as u32 });
        } else {
            candidates.unusable += 1;
        }
    }
    candidates
}

/// Logits `(Q, nc)` and boxes `(Q, 4)`. Queries are turned away by their logit; only those that stay
/// cost an exponential.
pub(super) fn rt_detr(
    logits: TensorView<'_>,
    boxes: TensorView<'_>,
    input: Size,
    options: &DecodeOptions,
) -> Candidates {
    let mut candidates = Candidates::default();
    let classes = logits.shape().last().copied().unwrap_or(0);
    if classes == 0 {
        return candidates;
    }
    let (width, height) = (input.width as f32, input.height as f32);
    // The inverse of the sigmoid, a little below so that rounding turns no query away; −∞ and +∞ at the ends.
    let least = (options.confidence / (1.0 - options.confidence)).ln() - 1e-4;
    for (row, &[cx, cy, w, h]) in
        logits.data().chunks_exact(classes).zip(boxes.data().as_chunks::<4>().0)
    {
        let Some((class, logit)) = scan::best(row) else {
            candidates.unusable += 1;
            continue;
        };
        if logit < least {
            continue;
        }
        let score = 1.0 / (1.0 + (-logit).exp());
        if score >= options.confidence {
            let bbox = BBox::from_centre(cx * width, cy * height, w * width, h * height);
            candidates.push(Detection { bbox, score, class: class as u32 });
        }
    }
    candidates
}
