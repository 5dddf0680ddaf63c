//! Metrics of retrieval, of answers and of refusal, as the field computes them.

mod answers;
mod ranking;
mod refusal;

pub use answers::{EmF1, cmrc_segments, em_f1};
pub use ranking::{mrr_at, ndcg_at, recall_at};
pub use refusal::{CoveragePoint, auroc, risk_coverage, threshold_for};
