//! How good detections and anomaly scores are: COCO average precision, and the metrics of anomaly
//! detection on images and pixels.

mod aupro;
mod coco;
mod pixels;
mod ranking;

pub use aupro::{Aupro, PRO_FPR_LIMIT};
pub use coco::{CocoClassAp, CocoFound, CocoSummary, CocoTruth, coco_ap};
pub use pixels::PixelScores;
pub use ranking::{Confusion, F1Threshold, auroc, average_precision, f1_adaptive};

/// Why a metric has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Scores and labels differ in number.
    #[error("{scores} scores for {labels} labels: one label a score is needed")]
    Lengths {
        /// How many scores.
        scores: usize,
        /// How many labels.
        labels: usize,
    },
    /// A score that has no place in an order.
    #[error("score {at} is not a number: look at the model's outputs")]
    NotANumber {
        /// Its place.
        at: usize,
    },
    /// All of one kind.
    #[error("there are {positives} anomalous and {negatives} normal ones: both kinds are needed")]
    OneKind {
        /// Anomalous ones.
        positives: usize,
        /// Normal ones.
        negatives: usize,
    },
    /// A limit of the false-positive rate outside 0 to 1.
    #[error("a false-positive rate of {0} is not above 0 and at most 1")]
    Limit(String),
}

/// A key that orders as the score does; −0 and 0 are equal. `None` for what is not a number.
fn rising(score: f32) -> Option<u32> {
    let bits = (score + 0.0).to_bits();
    (!score.is_nan()).then_some(if bits >> 31 == 1 { !bits } else { bits | 1 << 31 })
}
