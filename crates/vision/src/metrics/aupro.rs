//! Area under the per-region-overlap curve (Bergmann et al., MVTec AD, IJCV 2021).
//!
//! All pixels of all pictures are pooled. At each threshold: the false-positive rate is the share of the
//! defect-free pixels at or above it; PRO is the mean over the defects (8-connected components of the
//! masks) of the share of their pixels at or above it. The curve through the points of all different
//! scores is integrated by trapezoids from 0 to a limit of the rate, the last one interpolated, and
//! divided by the limit.

use super::pixels::sort;
use super::{MetricError, rising};
use crate::image::Plane;

/// The usual limit of the false-positive rate.
pub const PRO_FPR_LIMIT: f64 = 0.3;

/// Pictures gathered for the curve: four bytes a defect-free pixel, eight a pixel of a defect.
#[derive(Debug, Clone, Default)]
pub struct Aupro {
    free: Vec<u32>,
    /// Score's key above, component below.
    defect: Vec<u64>,
    /// Pixels of each component.
    sizes: Vec<u32>,
}

impl Aupro {
    /// No picture yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Defects so far.
    #[must_use]
    pub fn regions(&self) -> usize {
        self.sizes.len()
    }

    /// Adds a picture's scores and its mask, where a pixel other than 0 is of a defect. Nothing is added
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
        let labels = self.label(mask);
        for (&score, label) in scores.data().iter().zip(labels) {
            let Some(key) = rising(score) else { continue };
            match label {
                None => self.free.push(key),
                Some(region) => self.defect.push(u64::from(key) << 32 | u64::from(region)),
            }
        }
        Ok(())
    }

    /// The component of each pixel, numbered on from those of earlier pictures; counts their pixels.
    fn label(&mut self, mask: &Plane<u8>) -> Vec<Option<u32>> {
        let (width, height) = (mask.size().width as usize, mask.size().height as usize);
        let mut labels = vec![None; mask.data().len()];
        let mut open = Vec::new();
        for start in 0..labels.len() {
            if mask.data()[start] == 0 || labels[start].is_some() {
                continue;
            }
            let region = self.sizes.len() as u32;
            let mut pixels = 0;
            labels[start] = Some(region);
            open.push(start);
            while let Some(at) = open.pop() {
                pixels += 1;
                let (x, y) = (at % width, at / width);
                for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        let next = ny * width + nx;
                        if mask.data()[next] != 0 && labels[next].is_none() {
                            labels[next] = Some(region);
                            open.push(next);
                        }
                    }
                }
            }
            self.sizes.push(pixels);
        }
        labels
    }

    /// The area up to a limit of the false-positive rate, from 0 to 1. Sorts the scores; more can be
    /// added after.
    ///
    /// # Errors
    /// No defect, no defect-free pixel, or a limit that is not above 0 and at most 1.
    pub fn area(&mut self, limit: f64) -> Result<f64, MetricError> {
        if !(limit > 0.0 && limit <= 1.0) {
            return Err(MetricError::Limit(limit.to_string()));
        }
        if self.free.is_empty() || self.defect.is_empty() {
            let (positives, negatives) = (self.defect.len(), self.free.len());
            return Err(MetricError::OneKind { positives, negatives });
        }
        rayon::join(|| sort(&mut self.free), || self.defect.sort_unstable());
        let regions = self.sizes.len() as f64;
        let (mut free, mut defect) = (self.free.as_slice(), self.defect.as_slice());
        let mut overlaps = 0.0_f64;
        let (mut rate, mut overlap, mut area) = (0.0_f64, 0.0_f64, 0.0_f64);
        loop {
            let key = match (free.last(), defect.last()) {
                (Some(&a), Some(&b)) => a.max((b >> 32) as u32),
                (Some(&a), None) => a,
                (None, Some(&b)) => (b >> 32) as u32,
                (None, None) => break,
            };
            while let Some((_, rest)) = free.split_last().filter(|(last, _)| **last == key) {
                free = rest;
            }
            while let Some((&last, rest)) =
                defect.split_last().filter(|(last, _)| (**last >> 32) as u32 == key)
            {
                overlaps += 1.0 / f64::from(self.sizes[last as u32 as usize]);
                defect = rest;
            }
            let above = self.free.len() - free.len();
            let (next_rate, next_overlap) =
                (above as f64 / self.free.len() as f64, overlaps / regions);
            if next_rate >= limit {
                let share = (limit - rate) / (next_rate - rate);
                let end = overlap + (next_overlap - overlap) * share;
                return Ok((area + (limit - rate) * (overlap + end) / 2.0) / limit);
            }
            area += (next_rate - rate) * (overlap + next_overlap) / 2.0;
            (rate, overlap) = (next_rate, next_overlap);
        }
        // Rounding of the rate at a limit of 1.
        Ok(area / limit)
    }
}
