//! Figures of an evaluation, by the field's names.

use serde::Serialize;

/// Means over the questions they apply to; absent where none does.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Questions.
    pub questions: usize,
    /// Mean reciprocal rank of the first right document within ten.
    #[serde(rename = "mrr@10", skip_serializing_if = "Option::is_none")]
    pub mrr_10: Option<f64>,
    /// Share of the right documents that come first.
    #[serde(rename = "recall@1", skip_serializing_if = "Option::is_none")]
    pub recall_1: Option<f64>,
    /// Share of the right documents within ten.
    #[serde(rename = "recall@10", skip_serializing_if = "Option::is_none")]
    pub recall_10: Option<f64>,
    /// Share of the right documents within a hundred.
    #[serde(rename = "recall@100", skip_serializing_if = "Option::is_none")]
    pub recall_100: Option<f64>,
    /// Normalised discounted cumulative gain within ten.
    #[serde(rename = "ndcg@10", skip_serializing_if = "Option::is_none")]
    pub ndcg_10: Option<f64>,
    /// Exact match of the answer (CMRC), in the document found, refusals counting as wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub em: Option<f64>,
    /// Overlap of the answer (CMRC), in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// Answers of the right document whose citation has the right address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article_exact: Option<f64>,
    /// Quotes that their documents have, word for word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verbatim: Option<f64>,
    /// Quotes.
    pub quotes: usize,
    /// Citations of an answer that are not in force on the day asked for.
    pub stale: usize,
    /// Refused of the questions without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<f64>,
    /// Refused of the questions with an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub falsely_refused: Option<f64>,
    /// Refusal by threshold of the confidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<Threshold>,
    /// Median time of a question, milliseconds.
    pub ms_p50: f64,
    /// 99th percentile, milliseconds.
    pub ms_p99: f64,
}

/// What a threshold would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Least confidence of an answer.
    pub refuse_below: f32,
    /// Refused of the questions without an answer.
    pub refused: f64,
    /// Refused of the questions with an answer.
    pub falsely_refused: f64,
}

/// A mean that is collected.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    pub(super) fn extend(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.add(value);
        }
    }

    pub(super) fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A percentile of times, by the nearest rank.
pub(super) fn percentile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let rank = (share * times.len() as f64).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Thresholds and what they would refuse.
pub(super) fn curve(confidences: &[(f32, bool)]) -> Vec<Threshold> {
    let of = |answerable: bool| -> Vec<f32> {
        confidences.iter().filter(|(_, a)| *a == answerable).map(|(c, _)| *c).collect()
    };
    let (with, without) = (of(true), of(false));
    if with.is_empty() || without.is_empty() {
        return Vec::new();
    }
    let below =
        |all: &[f32], at: f32| all.iter().filter(|c| **c < at).count() as f64 / all.len() as f64;
    let threshold = |step: u8| {
        let at = f32::from(step) / 20.0;
        Threshold {
            refuse_below: at,
            refused: below(&without, at),
            falsely_refused: below(&with, at),
        }
    };
    (1..20).map(threshold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut times: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((percentile(&mut times, 0.5), percentile(&mut times, 0.99)), (50.0, 99.0));
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }

    #[test]
    fn a_threshold_refuses_what_is_below_it() {
        let curve = curve(&[(0.9, true), (0.4, true), (0.1, false), (0.6, false)]);
        let half = curve.iter().find(|t| t.refuse_below == 0.5).unwrap();
        assert_eq!((half.refused, half.falsely_refused), (0.5, 0.5));
    }
}
