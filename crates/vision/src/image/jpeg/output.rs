//! From samples to the picture: a strip of each component's rows, two units high, out of which rows are
//! brought to full width and turned into colours as soon as their neighbours are known.

use super::colour;
use super::frame::{Colours, Frame};
use super::idct::Samples;
use super::upsample::{Scratch, Upsampling};

/// Rows of one component.
struct Strip {
    how: Upsampling,
    samples: Vec<u8>,
    /// Samples from one row to the next, and rows until the strip begins anew.
    stride: usize,
    rows: usize,
    /// Samples of the picture.
    width: usize,
    height: usize,
    scratch: Scratch,
}

impl Strip {
    /// A row of the component, while it is in the strip.
    fn row(&self, y: usize) -> &[u8] {
        &self.samples[y % self.rows * self.stride..][..self.width]
    }
}

/// The picture being made.
pub(super) struct Output<'a> {
    strips: Vec<Strip>,
    colours: Colours,
    rgb: &'a mut [u8],
    width: usize,
    height: usize,
    /// Rows of the picture to a unit, and how many of them wait for the next unit.
    unit: usize,
    held: usize,
    /// Rows made.
    done: usize,
}

/// Bytes that [`Output`] takes besides the picture.
pub(super) fn memory(frame: &Frame) -> u64 {
    let strips =
        frame.components.iter().map(|c| frame.units_x as u64 * 64 * 2 * (c.h * c.v) as u64);
    strips.sum::<u64>() + 5 * frame.components.len() as u64 * u64::from(frame.size.width)
}

impl<'a> Output<'a> {
    /// Into `rgb`, three bytes for each pixel of the frame.
    pub(super) fn new(frame: &Frame, colours: Colours, rgb: &'a mut [u8]) -> Self {
        let strips = frame.components.iter().map(|c| {
            let (stride, rows) = (frame.units_x * c.h * 8, c.v * 16);
            Strip {
                how: Upsampling::of(c, frame),
                samples: vec![128; stride * rows],
                stride,
                rows,
                width: c.width,
                height: c.height,
                scratch: Scratch::default(),
            }
        });
        let strips: Vec<Strip> = strips.collect();
        let filtered = |s: &Strip| matches!(s.how, Upsampling::Down | Upsampling::Both);
        Self {
            held: if strips.iter().any(filtered) { frame.v_max } else { 0 },
            strips,
            colours,
            rgb,
            width: frame.size.width as usize,
            height: frame.size.height as usize,
            unit: frame.v_max * 8,
            done: 0,
        }
    }

    /// Makes a row of units grey, in case they do not come.
    pub(super) fn clear(&mut self, unit_y: usize) {
        for strip in &mut self.strips {
            let half = strip.samples.len() / 2;
            strip.samples[unit_y % 2 * half..][..half].fill(128);
        }
    }

    /// Where a block's samples go, by the block's place in its component: the strip from its first
    /// sample on, and how far apart its rows are.
    #[inline(always)]
    fn place(&mut self, component: usize, x: usize, y: usize) -> (&mut [u8], usize) {
        let strip = &mut self.strips[component];
        let first = (y * 8) % strip.rows * strip.stride + x * 8;
        (&mut strip.samples[first..], strip.stride)
    }

    /// A block's samples.
    #[inline(always)]
    pub(super) fn put(&mut self, component: usize, x: usize, y: usize, samples: &Samples) {
        let (strip, stride) = self.place(component, x, y);
        for (row, samples) in strip.chunks_mut(stride).zip(samples) {
            row[..8].copy_from_slice(samples);
        }
    }

    /// A block of one value.
    #[inline(always)]
    pub(super) fn put_flat(&mut self, component: usize, x: usize, y: usize, sample: u8) {
        let (strip, stride) = self.place(component, x, y);
        for row in strip.chunks_mut(stride).take(8) {
            row[..8].fill(sample);
        }
    }

    /// Makes the rows that are complete with this row of units.
    pub(super) fn finish(&mut self, unit_y: usize) {
        let below = (unit_y + 1) * self.unit;
        let end = if below >= self.height { self.height } else { below - self.held };
        for y in self.done..end {
            let rgb = &mut self.rgb[y * self.width * 3..][..self.width * 3];
            let mut rows: [&[u8]; 4] = [&[]; 4];
            let count = self.strips.len().min(4);
            for (row, strip) in rows.iter_mut().zip(&mut self.strips) {
                let (near, far) = strip.how.rows(y, strip.height);
                let mut scratch = std::mem::take(&mut strip.scratch);
                scratch.upsample(strip.how, y, strip.row(near), strip.row(far));
                strip.scratch = scratch;
                let strip = &*strip;
                *row = strip.scratch.row(strip.how).unwrap_or_else(|| strip.row(near));
            }
            colour::convert(self.colours, &rows[..count], rgb);
        }
        self.done = self.done.max(end);
    }
}
