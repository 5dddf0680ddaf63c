//! Metrics of scores against labels: how well anomalous ones come above normal ones.

use serde::Serialize;

use super::{MetricError, rising};

/// Numbers of right and wrong answers at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    /// Anomalous and called so.
    pub true_positives: u64,
    /// Normal but called anomalous.
    pub false_positives: u64,
    /// Anomalous but called normal.
    pub false_negatives: u64,
    /// Normal and called so.
    pub true_negatives: u64,
}

impl Confusion {
    /// Counts, where a score at or above the threshold is called anomalous.
    ///
    /// # Errors
    /// Scores and labels that differ in number; a score that is not a number.
    pub fn at(scores: &[f32], anomalous: &[bool], threshold: f32) -> Result<Self, MetricError> {
        let mut counts = Self::default();
        for (key, positive) in keyed(scores, anomalous)? {
            let called = rising(threshold).is_some_and(|threshold| key >= threshold);
            let count = match (positive, called) {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (true, false) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            };
            *count += 1;
        }
        Ok(counts)
    }

    /// Share of those called anomalous that are; 1 when none is called so.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_positives)
    }

    /// Share of the anomalous that are called so; 1 when there is none.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.true_positives, self.true_positives + self.false_negatives)
    }

    /// Share of the normal that are called anomalous; 0 when there is none.
    #[must_use]
    pub fn false_positive_rate(&self) -> f64 {
        1.0 - share(self.true_negatives, self.true_negatives + self.false_positives)
    }

    /// Harmonic mean of precision and recall.
    #[must_use]
    pub fn f1(&self) -> f64 {
        let wrong = self.false_positives + self.false_negatives;
        let twice = 2 * self.true_positives;
        if twice == 0 { 0.0 } else { twice as f64 / (twice + wrong) as f64 }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// The best threshold and what it reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct F1Threshold {
    /// Scores at or above it are called anomalous; one of the scores.
    pub threshold: f32,
    /// F1 there.
    pub f1: f64,
    /// The counts there.
    pub counts: Confusion,
}

/// Area under the ROC curve: the share of pairs of an anomalous and a normal one in which the anomalous
/// has the greater score, equal scores counting half (Mann–Whitney's U). Equal to scikit-learn's
/// `roc_auc_score`.
///
/// # Errors
/// Scores and labels that differ in number; a score that is not a number; one kind missing.
pub fn auroc(scores: &[f32], anomalous: &[bool]) -> Result<f64, MetricError> {
    let (positives, negatives) = both_kinds(scores, anomalous)?;
    // Twice the number of pairs in the right order, so that halves are whole numbers.
    let mut twice = 0_u128;
    for step in falling_steps(scores, anomalous)? {
        let below = (negatives as u64 - step.false_positives) as u128;
        let (up, right) = (u128::from(step.new_positives), u128::from(step.new_negatives));
        twice += up * (2 * below + right);
    }
    Ok(twice as f64 / (2.0 * positives as f64 * negatives as f64))
}

/// Average precision: the sum over thresholds of precision times the recall gained. Equal to
/// scikit-learn's `average_precision_score`.
///
/// # Errors
/// As [`auroc`].
pub fn average_precision(scores: &[f32], anomalous: &[bool]) -> Result<f64, MetricError> {
    let (positives, _) = both_kinds(scores, anomalous)?;
    let term = |step: &Step| {
        let called = (step.true_positives + step.false_positives) as f64;
        step.true_positives as f64 / called * (step.new_positives as f64 / positives as f64)
    };
    Ok(falling_steps(scores, anomalous)?.iter().map(term).sum())
}

/// The threshold of the greatest F1 (anomalib's F1-adaptive threshold), the lowest one of equals.
///
/// # Errors
/// As [`auroc`].
pub fn f1_adaptive(scores: &[f32], anomalous: &[bool]) -> Result<F1Threshold, MetricError> {
    let (positives, negatives) = both_kinds(scores, anomalous)?;
    let mut best: Option<F1Threshold> = None;
    for step in falling_steps(scores, anomalous)? {
        let counts = Confusion {
            true_positives: step.true_positives,
            false_positives: step.false_positives,
            false_negatives: positives as u64 - step.true_positives,
            true_negatives: negatives as u64 - step.false_positives,
        };
        let f1 = counts.f1();
        if best.is_none_or(|best| f1 >= best.f1) {
            best = Some(F1Threshold { threshold: step.threshold, f1, counts });
        }
    }
    best.ok_or(MetricError::OneKind { positives, negatives })
}

/// How many are at or above a threshold.
struct Step {
    threshold: f32,
    new_positives: u64,
    new_negatives: u64,
    true_positives: u64,
    false_positives: u64,
}

/// Counts at each different score, from the greatest.
fn falling_steps(scores: &[f32], anomalous: &[bool]) -> Result<Vec<Step>, MetricError> {
    let keys: Vec<(u32, bool)> = keyed(scores, anomalous)?;
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_unstable_by_key(|&at| std::cmp::Reverse(keys[at].0));
    let (mut true_positives, mut false_positives) = (0, 0);
    let mut steps = Vec::new();
    for equal in order.chunk_by(|&a, &b| keys[a].0 == keys[b].0) {
        let new_positives = equal.iter().filter(|&&at| keys[at].1).count() as u64;
        let new_negatives = equal.len() as u64 - new_positives;
        true_positives += new_positives;
        false_positives += new_negatives;
        let threshold = scores[equal[0]];
        steps.push(Step {
            threshold,
            new_positives,
            new_negatives,
            true_positives,
            false_positives,
        });
    }
    Ok(steps)
}

fn keyed(scores: &[f32], anomalous: &[bool]) -> Result<Vec<(u32, bool)>, MetricError> {
    if scores.len() != anomalous.len() {
        let (scores, labels) = (scores.len(), anomalous.len());
        return Err(MetricError::Lengths { scores, labels });
    }
    let key = |(at, (&score, &label)): (usize, (&f32, &bool))| {
        rising(score).map(|key| (key, label)).ok_or(MetricError::NotANumber { at })
    };
    scores.iter().zip(anomalous).enumerate().map(key).collect()
}

fn both_kinds(scores: &[f32], anomalous: &[bool]) -> Result<(usize, usize), MetricError> {
    if scores.len() != anomalous.len() {
        let (scores, labels) = (scores.len(), anomalous.len());
        return Err(MetricError::Lengths { scores, labels });
    }
    let positives = anomalous.iter().filter(|&&label| label).count();
    let negatives = anomalous.len() - positives;
    if positives == 0 || negatives == 0 {
        return Err(MetricError::OneKind { positives, negatives });
    }
    Ok((positives, negatives))
}
