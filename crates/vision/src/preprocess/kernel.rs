//! The inner loops: two source rows are interpolated along the row into 15-bit numbers, then one
//! with the other into the result, which is normalised and stored where the layout wants it.
//!
//! A row of the source is read once, also where several rows of the result need it. No picture of
//! the scaled size exists between.

use super::axis::{Axis, ONE, Pair};
use super::place::Placement;
use super::{Channels, Element, Interpolation, Layout, Preprocess};
use crate::image::Image;

/// Writes a picture, placed so, into `out`, which has the input's length.
pub(super) fn fill<T: Element>(
    preprocess: &Preprocess,
    image: &Image,
    placement: &Placement,
    out: &mut [T],
) {
    let window = placement.window;
    let rows = Region {
        data: image.data(),
        stride: image.width() as usize * 3,
        from: window.from,
        width: window.region.0,
    };
    let mut target = Target::new(preprocess, placement, out);
    target.pad(preprocess.pad);
    let axis = |side: fn((usize, usize)) -> usize| Axis {
        length: side(window.region),
        scaled: side(window.scaled),
        skip: side(window.skip),
        shown: side(window.shown),
    };
    let (across, down) = (axis(|pair| pair.0), axis(|pair| pair.1));
    match preprocess.interpolation {
        Interpolation::Bilinear => bilinear(&rows, across, down, &mut target),
        Interpolation::Area => areas(&rows, across, down, &mut target),
    }
}

/// The part of the picture that is read.
struct Region<'a> {
    data: &'a [u8],
    stride: usize,
    from: (usize, usize),
    width: usize,
}

impl<'a> Region<'a> {
    /// Bytes of one row.
    fn row(&self, y: usize) -> &'a [u8] {
        let start = (self.from.1 + y) * self.stride + self.from.0 * 3;
        &self.data[start..start + self.width * 3]
    }
}

/// The memory that is written.
struct Target<'a, T> {
    out: &'a mut [T],
    layout: Layout,
    /// Columns and rows of the input.
    input: (usize, usize),
    /// First column and row of the picture.
    at: (usize, usize),
    /// Columns and rows of the picture.
    shown: (usize, usize),
    /// For each channel of the input, the picture's channel.
    order: [usize; 3],
    /// Factor and offset of each channel of the input.
    normal: [(f32, f32); 3],
}

impl<'a, T: Element> Target<'a, T> {
    fn new(preprocess: &Preprocess, placement: &Placement, out: &'a mut [T]) -> Self {
        Self {
            out,
            layout: preprocess.layout,
            input: (preprocess.size.width as usize, preprocess.size.height as usize),
            at: placement.window.at,
            shown: placement.window.shown,
            order: match preprocess.channels {
                Channels::Rgb => [0, 1, 2],
                Channels::Bgr => [2, 1, 0],
            },
            normal: preprocess.normalisation(),
        }
    }

    /// Writes the padding around the picture.
    fn pad(&mut self, value: u8) {
        let ((left, top), (shown_w, shown_h)) = (self.at, self.shown);
        let (right, bottom) = (left + shown_w, top + shown_h);
        let grey = self.normal.map(|(factor, offset)| T::from_value(value, factor, offset));
        let (w, h) = self.input;
        match self.layout {
            Layout::Nchw => {
                for (plane, &grey) in self.out.chunks_exact_mut(w * h).zip(&grey) {
                    plane[..top * w].fill(grey);
                    plane[bottom * w..].fill(grey);
                    if shown_w < w {
                        for row in plane[top * w..bottom * w].chunks_exact_mut(w) {
                            row[..left].fill(grey);
                            row[right..].fill(grey);
                        }
                    }
                }
            }
            Layout::Nhwc => {
                for (y, row) in self.out.chunks_exact_mut(w * 3).enumerate() {
                    let beside = (top..bottom).contains(&y);
                    for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
                        if !beside || !(left..right).contains(&x) {
                            pixel.copy_from_slice(&grey);
                        }
                    }
                }
            }
        }
    }

    /// One channel of one row of the picture, when the layout is planar.
    fn plane_row(&mut self, channel: usize, y: usize) -> &mut [T] {
        let (w, h) = self.input;
        let start = channel * w * h + (self.at.1 + y) * w + self.at.0;
        &mut self.out[start..start + self.shown.0]
    }

    /// One row of the picture, when the layout is interleaved.
    fn pixel_row(&mut self, y: usize) -> &mut [T] {
        let start = ((self.at.1 + y) * self.input.0 + self.at.0) * 3;
        &mut self.out[start..start + self.shown.0 * 3]
    }

    /// Stores a row of the picture's own pixels, which begin at `offsets`.
    fn copy(&mut self, y: usize, row: &[u8], offsets: &[u32]) {
        let (order, normal) = (self.order, self.normal);
        // A picture of the model's own size: its pixels lie side by side, and need no looking up.
        let side_by_side = offsets.windows(2).all(|pair| pair[1] == pair[0] + 3);
        if let (true, Layout::Nchw, Some(&start)) = (side_by_side, self.layout, offsets.first()) {
            let pixels = row[start as usize..].as_chunks::<3>().0;
            for channel in 0..3 {
                let ((factor, offset), of) = (normal[channel], order[channel]);
                for (out, pixel) in self.plane_row(channel, y).iter_mut().zip(pixels) {
                    *out = T::from_value(pixel[of], factor, offset);
                }
            }
            return;
        }
        let pixel = |offset: u32| -> [T; 3] {
            let at = offset as usize;
            let rgb: [u8; 3] = row[at..at + 3].try_into().unwrap_or_default();
            std::array::from_fn(|c| T::from_value(rgb[order[c]], normal[c].0, normal[c].1))
        };
        match self.layout {
            Layout::Nchw => {
                let (w, h) = self.input;
                let start = (self.at.1 + y) * w + self.at.0;
                let (first, rest) = self.out.split_at_mut(w * h);
                let (second, third) = rest.split_at_mut(w * h);
                let row = |plane| &mut <[T]>::split_at_mut(plane, start).1[..self.shown.0];
                let outs = row(first).iter_mut().zip(row(second)).zip(row(third));
                for (&offset, ((o0, o1), o2)) in offsets.iter().zip(outs) {
                    [*o0, *o1, *o2] = pixel(offset);
                }
            }
            Layout::Nhwc => {
                for (out, &offset) in self.pixel_row(y).chunks_exact_mut(3).zip(offsets) {
                    out.copy_from_slice(&pixel(offset));
                }
            }
        }
    }

    /// Stores a row whose values are given by channel of the input and column.
    #[inline]
    fn store(&mut self, y: usize, value: impl Fn(usize, usize) -> u8) {
        for channel in 0..3 {
            let (factor, offset) = self.normal[channel];
            match self.layout {
                Layout::Nchw => {
                    for (x, out) in self.plane_row(channel, y).iter_mut().enumerate() {
                        *out = T::from_value(value(channel, x), factor, offset);
                    }
                }
                Layout::Nhwc => {
                    for (x, out) in self.pixel_row(y).chunks_exact_mut(3).enumerate() {
                        out[channel] = T::from_value(value(channel, x), factor, offset);
                    }
                }
            }
        }
    }

    /// Stores a row between two interpolated ones.
    fn blend(&mut self, y: usize, rows: [&[i16]; 2], weights: [i16; 2]) {
        let width = self.shown.0;
        for channel in 0..3 {
            let (factor, offset) = self.normal[channel];
            let [upper, lower] = rows.map(|row| &row[channel * width..(channel + 1) * width]);
            let values = upper.iter().zip(lower).map(|(&a, &b)| mix(a, b, weights));
            match self.layout {
                Layout::Nchw => {
                    for (out, value) in self.plane_row(channel, y).iter_mut().zip(values) {
                        *out = T::from_value(value, factor, offset);
                    }
                }
                Layout::Nhwc => {
                    for (out, value) in self.pixel_row(y).chunks_exact_mut(3).zip(values) {
                        out[channel] = T::from_value(value, factor, offset);
                    }
                }
            }
        }
    }
}

/// Two 15-bit numbers with 11-bit weights as a byte: the upper halves of both products, each cut,
/// then rounded by two bits. The cuts are OpenCV's; one multiplication of the vector units each.
#[inline]
fn mix(upper: i16, lower: i16, weights: [i16; 2]) -> u8 {
    let high = |a: i16, b: i16| ((i32::from(a) * i32::from(b)) >> 16) as i16;
    ((high(upper, weights[0]) + high(lower, weights[1]) + 2) >> 2) as u8
}

/// Interpolates one row along itself, into one plane after the other.
fn across_row(row: &[u8], pairs: &[Pair], order: [usize; 3], out: &mut [i16]) {
    let width = pairs.len();
    let (first, rest) = out.split_at_mut(width);
    let (second, third) = rest.split_at_mut(width);
    let [c0, c1, c2] = order;
    let outs = first.iter_mut().zip(second).zip(third);
    for (pair, ((o0, o1), o2)) in pairs.iter().zip(outs) {
        let at = pair.first as usize * 3;
        let pixels: [u8; 6] = row[at..at + 6].try_into().unwrap_or_default();
        let [a, b] = pair.weights.map(i32::from);
        let value =
            |c: usize| ((i32::from(pixels[c]) * a + i32::from(pixels[c + 3]) * b) >> 4) as i16;
        *o0 = value(c0);
        *o1 = value(c1);
        *o2 = value(c2);
    }
}

/// The whole picture by pairs of neighbours.
fn bilinear<T: Element>(rows: &Region<'_>, across: Axis, down: Axis, target: &mut Target<'_, T>) {
    let columns = across.columns();
    let order = target.order;
    let read = |y: usize, out: &mut [i16]| {
        let row = rows.row(y);
        if let &[r, g, b] = row {
            // A picture one pixel wide has no neighbour to read.
            across_row(&[r, g, b, r, g, b], &columns, order, out);
        } else {
            across_row(row, &columns, order, out);
        }
    };
    // Where centres fall on centres, as in a scale of a third, a pixel is copied: its 2048 of 2048
    // parts come through the arithmetic unchanged.
    let single = |pair: &Pair| match pair.weights {
        [ONE, 0] => Some(pair.first * 3),
        [0, ONE] => Some(pair.second * 3),
        _ => None,
    };
    let offsets: Option<Vec<u32>> = columns.iter().map(single).collect();
    let mut upper = vec![0_i16; columns.len() * 3];
    let mut lower = upper.clone();
    let (mut upper_is, mut lower_is) = (usize::MAX, usize::MAX);
    for (y, pair) in down.rows().iter().enumerate() {
        let (first, second) = (pair.first as usize, pair.second as usize);
        if let (Some(offsets), [ONE, 0]) = (&offsets, pair.weights) {
            target.copy(y, rows.row(first), offsets);
            continue;
        }
        if upper_is != first {
            if lower_is == first {
                std::mem::swap(&mut upper, &mut lower);
                std::mem::swap(&mut upper_is, &mut lower_is);
            } else {
                read(first, &mut upper);
                upper_is = first;
            }
        }
        if pair.weights == [ONE, 0] || first == second {
            target.blend(y, [&upper, &upper], pair.weights);
            continue;
        }
        if lower_is != second {
            read(second, &mut lower);
            lower_is = second;
        }
        target.blend(y, [&upper, &lower], pair.weights);
    }
}

/// The whole picture by covered areas: rows are summed first, whole and in order, then columns.
fn areas<T: Element>(rows: &Region<'_>, across: Axis, down: Axis, target: &mut Target<'_, T>) {
    let columns = across.areas();
    let order = target.order;
    let mut sums = vec![0.0_f32; rows.width * 3];
    let mut pixels = vec![[0_u8; 3]; columns.len()];
    for (y, (top, weights)) in down.areas().iter().enumerate() {
        sums.fill(0.0);
        for (i, &weight) in weights.iter().enumerate() {
            for (sum, &value) in sums.iter_mut().zip(rows.row(top + i)) {
                *sum += weight * f32::from(value);
            }
        }
        for (pixel, (left, weights)) in pixels.iter_mut().zip(&columns) {
            let mut sum = [0.0_f32; 3];
            for (pixel, &weight) in sums[left * 3..].chunks_exact(3).zip(weights) {
                for (sum, value) in sum.iter_mut().zip(pixel) {
                    *sum += weight * value;
                }
            }
            // `as` saturates.
            *pixel = sum.map(|sum| sum.round_ties_even() as u8);
        }
        target.store(y, |channel, x| pixels[x][order[channel]]);
    }
}
