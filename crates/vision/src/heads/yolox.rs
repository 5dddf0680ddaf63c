//! YOLOX: boxes relative to grid cells, `(xy + cell) * stride` and `exp(wh) * stride`, score the
//! product of objectness and class score, both already sigmoids (Ge et al., arXiv:2107.08430).

use super::{Candidates, DecodeOptions, scan};
use crate::geometry::{BBox, Detection, Size};
use crate::tensor::TensorView;

/// Where the anchors lie.
pub(super) struct Grid<'a> {
    pub(super) strides: &'a [u32],
    pub(super) decoded: bool,
    pub(super) input: Size,
}

impl Grid<'_> {
    /// Columns and rows of a stride's grid. A model whose input is no multiple of the stride rounds up,
    /// as its convolutions with padding do.
    fn cells(&self, stride: u32) -> (u32, u32) {
        (self.input.width.div_ceil(stride), self.input.height.div_ceil(stride))
    }

    /// How many anchors there must be; `None` when the model adds the grid itself, and then any number.
    pub(super) fn anchors(&self) -> Option<u64> {
        let cells = |&stride: &u32| {
            let (columns, rows) = self.cells(stride);
            u64::from(columns) * u64::from(rows)
        };
        (!self.decoded).then(|| self.strides.iter().map(cells).fold(0, u64::saturating_add))
    }
}

pub(super) fn decode(
    tensor: TensorView<'_>,
    grid: &Grid<'_>,
    options: &DecodeOptions,
) -> Candidates {
    let mut candidates = Candidates::default();
    let width = tensor.shape().last().copied().unwrap_or(0);
    if width < 5 {
        return candidates;
    }
    let mut rows = tensor.data().chunks_exact(width);
    if grid.decoded {
        for row in rows {
            if let Some([cx, cy, w, h]) = passing(row, options, &mut candidates) {
                take(row, BBox::from_centre(cx, cy, w, h), options, &mut candidates);
            }
        }
        return candidates;
    }
    for &stride in grid.strides {
        let (columns, lines) = grid.cells(stride);
        let pixels = stride as f32;
        for y in 0..lines {
            for x in 0..columns {
                let Some(row) = rows.next() else { return candidates };
                if let Some([cx, cy, w, h]) = passing(row, options, &mut candidates) {
                    let (cx, cy) = ((cx + x as f32) * pixels, (cy + y as f32) * pixels);
                    let bbox = BBox::from_centre(cx, cy, w.exp() * pixels, h.exp() * pixels);
                    take(row, bbox, options, &mut candidates);
                }
            }
        }
    }
    candidates
}

/// The four numbers of an anchor's box, if its objectness alone passes: class scores are at most 1, so
/// an anchor below the threshold cannot come above it.
fn passing(row: &[f32], options: &DecodeOptions, candidates: &mut Candidates) -> Option<[f32; 4]> {
    let objectness = row[4];
    if objectness >= options.confidence {
        return row.first_chunk().copied();
    }
    candidates.unusable += usize::from(!objectness.is_finite());
    None
}

fn take(row: &[f32], bbox: BBox, options: &DecodeOptions, candidates: &mut Candidates) {
    let Some((class, class_score)) = scan::best(&row[5..]) else {
        candidates.unusable += 1;
        return;
    };
    if options.multi_label {
        let passing = (0_u32..).zip(&row[5..]).map(|(class, &score)| (class, row[4] * score));
        for (class, score) in passing.filter(|(_, score)| *score >= options.confidence) {
            candidates.push(Detection { bbox, score, class });
        }
        return;
    }
    let score = row[4] * class_score;
    if score >= options.confidence || !score.is_finite() {
        candidates.push(Detection { bbox, score, class: class as u32 });
    }
}
