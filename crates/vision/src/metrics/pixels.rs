//! Area under the ROC curve over the pixels of many pictures, exact, in four bytes a pixel.

use super::{MetricError, rising};
use crate::image::Plane;

/// Bits of a key sorted in one pass: three passes for 32 bits, counters that fit the first cache.
const BITS: u32 = 11;

/// Scores of pixels, gathered picture by picture.
#[derive(Debug, Clone, Default)]
pub struct PixelScores {
    positives: Vec<u32>,
    negatives: Vec<u32>,
}

impl PixelScores {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a picture's scores and its mask, where a pixel other than 0 is anomalous. Nothing is added
    /// on an error.
    ///
    /// # Errors
    /// A map and a mask of different sizes; a score that is not a number.
    pub fn add(&mut self, scores: &Plane<f32>, mask: &Plane<u8>) -> Result<(), MetricError> {
        if scores.size() != mask.size() {
            let (scores, labels) = (scores.data().len(), mask.data().len());
            return Err(MetricError::Lengths { scores, labels });
        }
        if let Some(at) = scores.data().iter().position(|score| score.is_nan()) {
            return Err(MetricError::NotANumber { at });
        }
        for (&score, &anomalous) in scores.data().iter().zip(mask.data()) {
            let kind = if anomalous == 0 { &mut self.negatives } else { &mut self.positives };
            kind.extend(rising(score));
        }
        Ok(())
    }

    /// Anomalous and normal pixels so far.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.positives.len(), self.negatives.len())
    }

    /// The area, equal scores counting half. Sorts the scores; more can be added after.
    ///
    /// # Errors
    /// One kind missing.
    pub fn auroc(&mut self) -> Result<f64, MetricError> {
        let (positives, negatives) = self.counts();
        if positives == 0 || negatives == 0 {
            return Err(MetricError::OneKind { positives, negatives });
        }
        rayon::join(|| sort(&mut self.positives), || sort(&mut self.negatives));
        let (mut below, mut up_to) = (0, 0);
        let mut twice = 0_u128;
        for &key in &self.positives {
            while self.negatives.get(below).is_some_and(|&other| other < key) {
                below += 1;
            }
            up_to = up_to.max(below);
            while self.negatives.get(up_to).is_some_and(|&other| other == key) {
                up_to += 1;
            }
            twice += (below + up_to) as u128;
        }
        Ok(twice as f64 / (2.0 * positives as f64 * negatives as f64))
    }
}

/// Sorts by radix, from the least digit: linear in the number of keys.
pub(super) fn sort(keys: &mut Vec<u32>) {
    if keys.len() < 1 << 12 || keys.is_sorted() {
        keys.sort_unstable();
        return;
    }
    let mut other = vec![0_u32; keys.len()];
    for pass in 0..3 {
        let digit = |key: u32| (key >> (pass * BITS)) as usize & ((1 << BITS) - 1);
        let mut starts = vec![0_usize; 1 << BITS];
        for &key in keys.iter() {
            starts[digit(key)] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for &key in keys.iter() {
            let at = &mut starts[digit(key)];
            other[*at] = key;
            *at += 1;
        }
        std::mem::swap(keys, &mut other);
    }
}
