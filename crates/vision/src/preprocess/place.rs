//! Where a picture comes to lie in a model's input, and the way back for the model's boxes.

use super::{Fit, PrepareError, Preprocess, Source};
use crate::geometry::{BBox, Size};

/// How a picture, or a part of it, was laid into a model's input.
///
/// A point of the picture at `x` is at `(x - region.x1) * scale_x + pad_x` of the input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Input pixels for a pixel of the picture, to the right.
    ///
    /// For the letterboxes this is the ratio asked for, not that of the whole-pixel size it came to:
    /// published detectors are trained with boxes scaled so, and their results divided so.
    pub scale_x: f32,
    /// Input pixels for a pixel of the picture, down.
    pub scale_y: f32,
    /// Input pixels left of the picture; negative where a crop cut it.
    pub pad_x: f32,
    /// Input pixels above the picture; negative where a crop cut it.
    pub pad_y: f32,
    /// Size of the whole picture.
    pub source: Size,
    /// The part of the picture that was prepared, in whole pixels.
    pub region: BBox,
    /// Size of the model's input.
    pub input: Size,
    /// What the kernel does.
    pub(super) window: Window,
}

/// Whole-pixel geometry of a preparation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    /// First column and row of the region.
    pub(super) from: (usize, usize),
    /// Columns and rows of the region.
    pub(super) region: (usize, usize),
    /// Columns and rows of the region when scaled, of which the input may show a part.
    pub(super) scaled: (usize, usize),
    /// First column and row of the scaled region that are shown.
    pub(super) skip: (usize, usize),
    /// Where they are shown in the input.
    pub(super) at: (usize, usize),
    /// Columns and rows that are shown.
    pub(super) shown: (usize, usize),
}

impl Placement {
    /// Works out the placement of a source.
    pub(super) fn of(preprocess: &Preprocess, source: Source<'_>) -> Result<Self, PrepareError> {
        let size = source.image.size();
        let whole = BBox::new(0.0, 0.0, size.width as f32, size.height as f32);
        let asked = source.region.unwrap_or(whole);
        let inside = asked.clipped(size);
        let (x1, y1) = (inside.x1.round() as usize, inside.y1.round() as usize);
        let (x2, y2) = (inside.x2.round() as usize, inside.y2.round() as usize);
        // A corner that is no number would count as 0.
        let numbers = [asked.x1, asked.y1, asked.x2, asked.y2].iter().all(|v| !v.is_nan());
        if x2 <= x1 || y2 <= y1 || !numbers {
            return Err(PrepareError::EmptyRegion { region: asked, size });
        }
        let region = (x2 - x1, y2 - y1);
        let input = (preprocess.size.width as usize, preprocess.size.height as usize);
        let (w, h) = (region.0 as f64, region.1 as f64);
        let (input_w, input_h) = (input.0 as f64, input.1 as f64);
        let fitting = (input_h / h).min(input_w / w);
        // `as` cuts towards zero and a long, thin picture keeps at least one pixel.
        let cut = |side: f64, most: usize| (side as usize).clamp(1, most);
        let window = |scaled: (usize, usize), skip, at| Window {
            from: (x1, y1),
            region,
            scaled,
            skip,
            at,
            shown: (scaled.0.min(input.0), scaled.1.min(input.1)),
        };
        let (window, scale) = match preprocess.fit {
            Fit::LetterboxTopLeft { nearest } => {
                let whole = |side: f64| if nearest { side.round_ties_even() } else { side };
                let scaled = (cut(whole(w * fitting), input.0), cut(whole(h * fitting), input.1));
                (window(scaled, (0, 0), (0, 0)), (fitting, fitting))
            }
            Fit::LetterboxCentre => {
                let round = |side: f64, most| cut(side.round_ties_even(), most);
                let scaled = (round(w * fitting, input.0), round(h * fitting, input.1));
                // A half pixel goes to the right and below.
                let at = ((input.0 - scaled.0) / 2, (input.1 - scaled.1) / 2);
                (window(scaled, (0, 0), at), (fitting, fitting))
            }
            Fit::Stretch => (window(input, (0, 0), (0, 0)), (input_w / w, input_h / h)),
            Fit::CentreCrop { short_side } => {
                let short = short_side as usize;
                let long = |long: usize, other: usize| {
                    (short as u64 * long as u64 / other as u64).max(short as u64) as usize
                };
                let scaled = if region.0 <= region.1 {
                    (short, long(region.1, region.0))
                } else {
                    (long(region.0, region.1), short)
                };
                // Half to even, as Python's `round`, which torchvision uses.
                let middle = |scaled: usize, input: usize| {
                    ((scaled - input) as f64 / 2.0).round_ties_even() as usize
                };
                let skip = (middle(scaled.0, input.0), middle(scaled.1, input.1));
                let scale = (scaled.0 as f64 / w, scaled.1 as f64 / h);
                (window(scaled, skip, (0, 0)), scale)
            }
        };
        let pad = |at: usize, skip: usize| at as f32 - skip as f32;
        Ok(Self {
            scale_x: scale.0 as f32,
            scale_y: scale.1 as f32,
            pad_x: pad(window.at.0, window.skip.0),
            pad_y: pad(window.at.1, window.skip.1),
            source: size,
            region: BBox::new(x1 as f32, y1 as f32, x2 as f32, y2 as f32),
            input: preprocess.size,
            window,
        })
    }

    /// A box of the input as a box of the whole picture, clipped to the part that was prepared.
    #[must_use]
    pub fn to_image(&self, bbox: BBox) -> BBox {
        let part = &self.region;
        let x = |v: f32| ((v - self.pad_x) / self.scale_x + part.x1).clamp(part.x1, part.x2);
        let y = |v: f32| ((v - self.pad_y) / self.scale_y + part.y1).clamp(part.y1, part.y2);
        BBox::new(x(bbox.x1), y(bbox.y1), x(bbox.x2), y(bbox.y2))
    }

    /// A box of the whole picture as a box of the input, clipped to it.
    #[must_use]
    pub fn to_input(&self, bbox: BBox) -> BBox {
        let x = |v: f32| (v - self.region.x1) * self.scale_x + self.pad_x;
        let y = |v: f32| (v - self.region.y1) * self.scale_y + self.pad_y;
        BBox::new(x(bbox.x1), y(bbox.y1), x(bbox.x2), y(bbox.y2)).clipped(self.input)
    }

    /// The part of the input that shows the picture: the rest is padding.
    #[must_use]
    pub fn content(&self) -> BBox {
        let Window { at, shown, .. } = self.window;
        let (x, y) = (at.0 as f32, at.1 as f32);
        BBox::new(x, y, x + shown.0 as f32, y + shown.1 as f32)
    }
}
