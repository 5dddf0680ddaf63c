//! Figures on labelled data: average precision of a detector, AUROC, AUPRO and F1 of a bank.

mod anomaly;
mod detection;
mod masks;

pub use anomaly::{AnomalyEval, AnomalyFigures, evaluate_bank};
pub use detection::{ClassFigures, DetectionEval, DetectionFigures, EvalError, evaluate_detector};
pub use masks::{Labelled, labelled};
