//! One ranking from two: a model's probability of activity, and the similarity to the nearest known active.

/// How two rankings become one. Scores are higher for better molecules and fit any number of rows.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fusion {
    /// Sum of 1 ÷ (60 + rank).
    ReciprocalRank,
    /// Sum of the ranks, each divided by the number of rows.
    RankSum,
    /// Standard score, (value − mean) ÷ standard deviation, of the similarity, and 0.4 times that of the probability's logit.
    #[default]
    ZScore,
    /// The better of the two ranks.
    BestRank,
}

/// The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher 2009).
const K: f64 = 60.0;

/// Weight of the activity's standard score beside the similarity's. Chosen on DUD: on every other target of it, mean BEDROC is
/// best between 0.3 and 0.5, and below the similarity's own at 1.
const ACTIVITY: f64 = 0.4;

/// Probabilities are kept so far from 0 and 1 before their logit is taken.
const EDGE: f64 = 1e-6;

/// Two scores a row; a row without scores (NaN) keeps none.
#[derive(Debug, Clone, Copy)]
pub struct Lists<'a> {
    /// Probabilities of activity.
    pub activity: &'a [f32],
    /// Similarities to the nearest active, as many.
    pub similarity: &'a [f32],
}

impl Fusion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::ReciprocalRank, Self::RankSum, Self::ZScore, Self::BestRank];

    /// The fused score of each row.
    #[must_use]
    pub fn scores(self, lists: Lists<'_>) -> Vec<f32> {
        let Lists { activity, similarity } = lists;
        let rows = activity.iter().filter(|value| !value.is_nan()).count() as f64;
        let both = |of: &dyn Fn(f64, f64) -> f64, a: &[f64], b: &[f64]| {
            a.iter().zip(b).map(|(&a, &b)| of(a, b) as f32).collect()
        };
        if self == Self::ZScore {
            let logit = |&p: &f32| {
                let p = f64::from(p).clamp(EDGE, 1.0 - EDGE);
                (p / (1.0 - p)).ln()
            };
            let a = standard(&activity.iter().map(logit).collect::<Vec<_>>());
            let b = standard(&similarity.iter().map(|&s| f64::from(s)).collect::<Vec<_>>());
            return both(&|a, b| ACTIVITY * a + b, &a, &b);
        }
        let (a, b) = (ranks(activity), ranks(similarity));
        match self {
            Self::ReciprocalRank => both(&|a, b| 1.0 / (K + a) + 1.0 / (K + b), &a, &b),
            Self::RankSum => both(&|a, b| 2.0 - (a + b) / rows, &a, &b),
            // Ties of the better rank go by the other one, which weighs less than half a rank.
            _ => both(&|a, b| 1.0 - (a.min(b) + a.max(b) / (4.0 * rows)) / rows, &a, &b),
        }
    }
}

/// Standard scores; all zero where the values do not differ.
fn standard(values: &[f64]) -> Vec<f64> {
    let known = || values.iter().filter(|value| !value.is_nan());
    let n = known().count().max(1) as f64;
    let mean = known().sum::<f64>() / n;
    let sd = (known().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let scale = if sd > 0.0 { 1.0 / sd } else { 0.0 };
    values.iter().map(|value| (value - mean) * scale).collect()
}

/// Ranks from 1, best first, tied rows sharing the mean of theirs; NaN stays NaN.
fn ranks(scores: &[f32]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..u32::try_from(scores.len()).unwrap_or(u32::MAX))
        .filter(|&row| !scores[row as usize].is_nan())
        .collect();
    order.sort_unstable_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let mut ranks = vec![f64::NAN; scores.len()];
    let mut done = 0;
    for tied in order.chunk_by(|&a, &b| scores[a as usize] == scores[b as usize]) {
        let rank = done as f64 + (tied.len() + 1) as f64 / 2.0;
        tied.iter().for_each(|&row| ranks[row as usize] = rank);
        done += tied.len();
    }
    ranks
}

impl std::fmt::Display for Fusion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ReciprocalRank => "reciprocal-rank",
            Self::RankSum => "rank-sum",
            Self::ZScore => "z-score",
            Self::BestRank => "best-rank",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_share_ties_and_skip_failures() {
        let found = ranks(&[0.5, f32::NAN, 0.9, 0.5]);
        assert_eq!([found[0], found[2], found[3]], [2.5, 1.0, 2.5]);
        assert!(found[1].is_nan());
    }

    #[test]
    fn a_row_that_leads_both_lists_leads_every_fusion() {
        let lists = Lists {
            activity: &[0.2, 0.9, f32::NAN, 0.1, 0.3],
            similarity: &[0.3, 0.8, f32::NAN, 0.7, 0.2],
        };
        for fusion in Fusion::ALL {
            let scores = fusion.scores(lists);
            assert!(scores[2].is_nan(), "{fusion}");
            let best = [0, 3, 4].iter().all(|&row: &usize| scores[row] < scores[1]);
            assert!(best, "{fusion}: {scores:?}");
        }
        // By hand: ranks 3, 1, 4, 2 and 3, 1, 2, 4 of four.
        let sums = Fusion::RankSum.scores(lists);
        assert_eq!([sums[0], sums[1], sums[3], sums[4]], [0.5, 1.5, 0.5, 0.5]);
    }

    #[test]
    fn a_list_that_says_nothing_leaves_the_other_alone() {
        let lists = Lists { activity: &[0.5; 3], similarity: &[0.1, 0.3, 0.2] };
        let scores = Fusion::ZScore.scores(lists);
        assert!(scores[1] > scores[2] && scores[2] > scores[0]);
    }
}
