//! From patch distances to a picture's score.

use serde::{Deserialize, Serialize};

use super::heat::heat_map;
use crate::geometry::Size;
use crate::image::Plane;

/// How far two patch vectors are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Euclidean distance.
    Euclidean,
    /// Cosine distance `1 - cos`, 0 to 2. Zero vectors are at distance 0.5 from all others.
    Cosine,
}

/// How the distances of a picture's patches become one score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// PatchCore (Roth et al. 2022, equation 7, as anomalib computes it): the largest patch distance `s`, times
    /// `1 - softmax(d)[0]` over the distances `d` of that patch to the `neighbours` bank vectors around its nearest one
    /// (itself first). With 1 the plain maximum.
    Reweighted {
        /// Bank vectors in the neighbourhood; 9 in anomalib.
        neighbours: usize,
    },
    /// Mean of the largest distances, `share` of all patches, at least one (AnomalyDINO, Damm et al. 2024: 0.01).
    TopMean {
        /// Share of the patches, above 0 and up to 1.
        share: f64,
    },
}

/// A metric and a reduction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// Distance of patch vectors.
    pub metric: Metric,
    /// Score of a picture.
    pub reduction: Reduction,
}

impl Scoring {
    /// PatchCore: Euclidean, re-weighted over 9 neighbours.
    #[must_use]
    pub fn patchcore() -> Self {
        Self { metric: Metric::Euclidean, reduction: Reduction::Reweighted { neighbours: 9 } }
    }

    /// AnomalyDINO: cosine, mean of the top 1 %.
    #[must_use]
    pub fn anomaly_dino() -> Self {
        Self { metric: Metric::Cosine, reduction: Reduction::TopMean { share: 0.01 } }
    }

    /// The method in the field's words.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.metric, self.reduction) {
            (Metric::Euclidean, Reduction::Reweighted { .. }) => "PatchCore",
            (Metric::Cosine, Reduction::TopMean { .. }) => "AnomalyDINO",
            (Metric::Euclidean, Reduction::TopMean { .. }) => {
                "nearest neighbours, mean of the farthest"
            }
            (Metric::Cosine, Reduction::Reweighted { .. }) => "PatchCore by cosine",
        }
    }

    /// Whether the numbers are within their ranges; what is wrong otherwise.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.reduction {
            Reduction::Reweighted { neighbours } if !(1..=256).contains(&neighbours) => {
                Err(format!("{neighbours} neighbours for re-weighting: give 1 to 256"))
            }
            Reduction::TopMean { share } if !(share > 0.0 && share <= 1.0) => Err(format!(
                "mean of the top {share} of the patches: give a share above 0, at most 1"
            )),
            _ => Ok(()),
        }
    }

    /// The metric's distance from the Euclidean one that the search measures (between unit vectors for cosine).
    pub(super) fn distance(&self, euclidean: f32) -> f32 {
        match self.metric {
            Metric::Euclidean => euclidean,
            Metric::Cosine => euclidean * euclidean / 2.0,
        }
    }
}

/// What a bank says about a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomaly {
    /// The picture's score, raw: the larger, the less normal. Zero at least.
    pub score: f32,
    /// Rows and columns of the patch grid.
    pub grid: (usize, usize),
    /// Distance of each patch from the bank, grid row by grid row.
    pub distances: Vec<f32>,
    /// The bank row that is nearest to each patch.
    pub nearest: Vec<u32>,
}

impl Anomaly {
    /// The distances as a map of `size` pixels: bilinear upsampling and a Gaussian blur ([`super::BLUR_SIGMA`] is
    /// anomalib's, made for 224 to 256 pixels).
    #[must_use]
    pub fn heat_map(&self, size: Size, sigma: f32) -> Plane<f32> {
        heat_map(&self.distances, self.grid, size, sigma)
    }

    /// The patch that is farthest from the bank: grid row, grid column and distance.
    #[must_use]
    pub fn worst(&self) -> (usize, usize, f32) {
        let at = farthest(&self.distances);
        let columns = self.grid.1.max(1);
        (at / columns, at % columns, self.distances.get(at).copied().unwrap_or(0.0))
    }
}

/// Place of the largest distance, the first of equal ones.
pub(super) fn farthest(distances: &[f32]) -> usize {
    let mut best = 0;
    for (at, distance) in distances.iter().enumerate() {
        if *distance > distances[best] {
            best = at;
        }
    }
    best
}

/// Mean of the largest `share` of the distances (`int(count · share)` of them, at least one, as AnomalyDINO counts).
pub(super) fn top_mean(distances: &[f32], share: f64) -> f32 {
    let count = ((distances.len() as f64 * share) as usize).clamp(1, distances.len().max(1));
    let mut sorted = distances.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let sum: f64 = sorted.iter().take(count).map(|&x| f64::from(x)).sum();
    (sum / count as f64) as f32
}

/// PatchCore's weight: `1 - softmax(distances)[0]`.
pub(super) fn weight(distances: &[f32]) -> f32 {
    let most = distances.iter().fold(f32::NEG_INFINITY, |most, &x| most.max(x));
    let sum: f64 = distances.iter().map(|&x| f64::from(x - most).exp()).sum();
    match distances.first() {
        Some(first) if sum > 0.0 => (1.0 - f64::from(first - most).exp() / sum) as f32,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reductions() {
        assert_eq!(farthest(&[1.0, 3.0, 3.0, 2.0]), 1);
        let distances: Vec<f32> = (1..=200_u8).map(f32::from).collect();
        assert_eq!(top_mean(&distances, 0.01), 199.5);
        assert_eq!(top_mean(&distances, 1e-9), 200.0);
        assert_eq!(top_mean(&distances, 1.0), 100.5);
        // torch: 1 - softmax([1, 2, 3], 0)[0]
        assert!((weight(&[1.0, 2.0, 3.0]) - 0.909_969_4).abs() < 1e-6);
        assert!((weight(&[500.0; 9]) - 8.0 / 9.0).abs() < 1e-6);
        assert!(Scoring::patchcore().check().is_ok() && Scoring::anomaly_dino().check().is_ok());
        let none =
            Scoring { reduction: Reduction::TopMean { share: f64::NAN }, ..Scoring::patchcore() };
        assert!(none.check().is_err());
    }
}
