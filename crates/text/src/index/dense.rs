//! Search by meaning: the largest dot products of all vectors with the question's, exactly.
//!
//! All codes are multiplied in 8 bits. How far such an estimate is from the truth is bounded: for a question *q* and a
//! vector *v* with quantised q̂ and v̂, |q·v − q̂·v̂| ≤ ‖q̂‖ ‖v − v̂‖ + ‖q − q̂‖ ‖v‖. What cannot be among the best by
//! those bounds is left out; the rest is computed in 32 bits.

use super::bits::ones;
use super::error::IndexError;
use super::format::Section;
use super::kernel::{Kernel, fastest};
use super::part::Part;
use super::quantise::{STEP, Scale, dot, quantise, stride};
use super::rank::{At, Best, Largest};
use super::view::Selection;

/// Rows whose products are computed together: a word of a set.
const ROWS: usize = 64;
/// From this many passages of a word on, all its rows are computed.
const DENSE: u32 = 24;
/// What rounding in 32 bits may add to a bound, for vectors of length 1.
const SLACK: f32 = 1e-5;

/// A question's vector in both forms.
pub(super) struct Question<'a> {
    vector: &'a [f32],
    codes: Vec<i8>,
    scale: Scale,
    /// What the stored `+128` of the rows adds to every product.
    offset: i32,
    kernel: Kernel,
}

/// An estimate and what it may be wrong by.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    value: f32,
    bound: f32,
}

impl<'a> Question<'a> {
    pub(super) fn new(vector: &'a [f32]) -> Self {
        Self::with(vector, fastest())
    }

    fn with(vector: &'a [f32], kernel: Kernel) -> Self {
        let (mut codes, scale) = quantise(vector);
        codes.resize(stride(vector.len()).max(STEP), 0);
        let offset = 128 * codes.iter().map(|code| i32::from(*code)).sum::<i32>();
        Self { vector, codes, scale, offset, kernel }
    }

    /// What an estimate for a vector of this scale may be wrong by.
    fn bound(&self, scale: Scale) -> f32 {
        let longest = self.scale.length + self.scale.error;
        let bound = longest * scale.error + self.scale.error * scale.length;
        bound + SLACK * (1.0 + longest * scale.length)
    }

    /// Calls `each` with an estimate for the chosen passages of a part, but those that `least` shows to be of no use: it
    /// is what must be reached, as far as is known.
    fn scan(
        &self,
        part: &Part,
        words: &[u64],
        mut each: impl FnMut(u32, Estimate) -> f32,
        mut least: f32,
    ) -> Result<(), IndexError> {
        let fault = || part.segment.damaged("vectors");
        let codes = part.segment.vectors(Section::Codes);
        let scales = part.segment.vectors(Section::Scales);
        let width = self.codes.len();
        let widest = self.bound(part.segment.widest);
        let mut products = [0; ROWS];
        for (at, word) in words.iter().enumerate().filter(|(_, word)| **word != 0) {
            let first = at * ROWS;
            if word.count_ones() >= DENSE {
                let end = codes.len().min((first + ROWS) * width);
                let rows = codes.get(first * width..end).ok_or_else(fault)?;
                (self.kernel)(rows, &self.codes, &mut products);
            } else {
                for bit in ones(*word) {
                    let from = (first + bit as usize) * width;
                    let row = codes.get(from..from + width).ok_or_else(fault)?;
                    let out = products.get_mut(bit as usize..=bit as usize).unwrap_or_default();
                    (self.kernel)(row, &self.codes, out);
                }
            }
            let worths = part.segment.worths.get(first..).unwrap_or_default();
            for bit in ones(*word & self.within(&products, worths, least - widest)) {
                let unit = first + bit as usize;
                let scale = Scale::read(scales, unit).ok_or_else(fault)?;
                let product = products[bit as usize % ROWS] - self.offset;
                let value = self.scale.unit * scale.unit * product as f32;
                least = each(unit as u32, Estimate { value, bound: self.bound(scale) });
            }
        }
        Ok(())
    }

    /// A bit for each estimate that reaches `least`.
    fn within(&self, products: &[i32; ROWS], worths: &[f32], least: f32) -> u64 {
        let mut within = [false; ROWS];
        for ((within, product), worth) in within.iter_mut().zip(products).zip(worths) {
            *within = self.scale.unit * worth * (product - self.offset) as f32 >= least;
        }
        within.iter().rev().fold(0, |bits, within| bits << 1 | u64::from(*within))
    }

    /// The exact product with a passage's vector.
    pub(super) fn exact(&self, part: &Part, unit: u32) -> Result<f32, IndexError> {
        let row = part.segment.row(unit).ok_or_else(|| part.segment.damaged("vectors"))?;
        Ok(dot(row, self.vector))
    }
}

/// The best records of a selection, each by its first passage, best first: a record counts by its best passage.
pub(super) fn best(
    parts: &[Part],
    selection: &Selection,
    question: &Question<'_>,
    depth: usize,
) -> Result<Vec<At>, IndexError> {
    let mut sure = Largest::new(depth);
    let mut estimates: Vec<(At, Estimate)> = Vec::new();
    for (number, (part, chosen)) in parts.iter().zip(&selection.chosen).enumerate() {
        let records = part.segment.records.as_slice();
        // The record that is being read, and what its best passage surely has.
        let (mut record, mut surely) = (None, f32::NEG_INFINITY);
        let least = sure.least();
        let each = |unit: u32, estimate: Estimate| {
            let of = records.get(unit as usize);
            if of != record {
                sure.push(surely);
                (record, surely) = (of, f32::NEG_INFINITY);
            }
            surely = surely.max(estimate.value - estimate.bound);
            // `least` only grows: what is below it now will be below it at the end.
            if estimate.value + estimate.bound >= sure.least() {
                estimates.push((At { part: number as u32, unit }, estimate));
            }
            sure.least()
        };
        question.scan(part, chosen.words(), each, least)?;
        sure.push(surely);
    }
    let least = sure.least();
    let mut best = Best::new(depth);
    let (mut record, mut most) = (None, f32::NEG_INFINITY);
    for (at, estimate) in estimates {
        if estimate.value + estimate.bound < least {
            continue;
        }
        let Some(part) = parts.get(at.part as usize) else { continue };
        let exact = question.exact(part, at.unit)?;
        // The 32-bit vectors are too many to be checked when an index is opened; here is the proof of those used.
        if (exact - estimate.value).abs() > estimate.bound || exact.is_nan() {
            return Err(part.segment.damaged("vectors: 32 bits and 8 bits differ"));
        }
        let number = part.segment.records.get(at.unit as usize).copied().unwrap_or_default();
        let of = Some(At::record(at.part as usize, part, number));
        if of != record {
            record.into_iter().for_each(|record| best.push(record, most));
            (record, most) = (of, f32::NEG_INFINITY);
        }
        most = most.max(exact);
    }
    record.into_iter().for_each(|record| best.push(record, most));
    Ok(best.finish(parts).into_iter().map(|(at, _)| at).collect())
}
