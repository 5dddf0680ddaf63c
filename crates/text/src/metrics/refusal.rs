//! Metrics of refusing: how well a score tells answerable questions from others, and what accuracy costs in answers.

/// Area under the ROC curve: how often a positive scores higher than a negative, ties counting half (Mann and Whitney).
/// `None` without both. Scores are numbers, not NaN.
#[must_use]
pub fn auroc(scored: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = sorted.iter().filter(|(_, positive)| *positive).count();
    let negatives = sorted.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut wins, mut below) = (0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let high = tied.iter().filter(|(_, positive)| *positive).count() as f64;
        let low = tied.len() as f64 - high;
        wins += high * (below + low / 2.0);
        below += low;
    }
    Some(wins / (positives as f64 * negatives as f64))
}

/// A point of the risk-coverage curve: what holds when everything with at least this confidence is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CoveragePoint {
    /// Confidence from which on questions are answered.
    pub threshold: f64,
    /// Share of all questions that are answered.
    pub coverage: f64,
    /// Share of the answers that are wrong.
    pub risk: f64,
}

/// The risk-coverage curve (El-Yaniv and Wiener, 2010) of answers with a confidence and whether they were right, from
/// the most confident to all; a point for each confidence there is.
#[must_use]
pub fn risk_coverage(answers: &[(f64, bool)]) -> Vec<CoveragePoint> {
    let mut sorted = answers.to_vec();
    sorted.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let (mut given, mut wrong) = (0, 0);
    sorted
        .chunk_by(|a, b| a.0 == b.0)
        .map(|tied| {
            given += tied.len();
            wrong += tied.iter().filter(|(_, right)| !right).count();
            CoveragePoint {
                threshold: tied.first().map_or(0.0, |(confidence, _)| *confidence),
                coverage: given as f64 / answers.len() as f64,
                risk: wrong as f64 / given as f64,
            }
        })
        .collect()
}

/// The point that answers most while at most `risk` of the answers are wrong; `None` where even the most confident are
/// wrong more often.
#[must_use]
pub fn threshold_for(answers: &[(f64, bool)], risk: f64) -> Option<CoveragePoint> {
    risk_coverage(answers).into_iter().rfind(|point| point.risk <= risk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_by_hand() {
        let scored = [(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
        // Pairs won: 0.9 twice, 0.7 once of two.
        assert_eq!(auroc(&scored), Some(0.75));
        assert_eq!(auroc(&[(0.5, true), (0.5, false)]), Some(0.5));
        assert_eq!(auroc(&[(0.5, true), (0.5, false), (0.6, true), (0.4, false)]), Some(0.875));
        assert_eq!(auroc(&[(0.5, true)]), None);
        assert_eq!(auroc(&[]), None);
    }

    #[test]
    fn risk_and_coverage_by_hand() {
        let answers = [(0.9, true), (0.8, true), (0.8, false), (0.3, true)];
        let curve = risk_coverage(&answers);
        let wanted = [(0.9, 0.25, 0.0), (0.8, 0.75, 1.0 / 3.0), (0.3, 1.0, 0.25)];
        for (point, (threshold, coverage, risk)) in curve.iter().zip(wanted) {
            assert_eq!((point.threshold, point.coverage, point.risk), (threshold, coverage, risk));
        }
        assert_eq!(curve.len(), 3);
        assert_eq!(threshold_for(&answers, 0.25).unwrap().threshold, 0.3);
        assert_eq!(threshold_for(&answers, 0.1).unwrap().threshold, 0.9);
        assert_eq!(threshold_for(&[(0.9, false)], 0.5), None);
        assert!(risk_coverage(&[]).is_empty());
    }
}
