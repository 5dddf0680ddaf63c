//! Two rankings into one.

use serde::{Deserialize, Serialize};

/// How the scores by words and by meaning become one.
///
/// In the convex fusions a score is w · lexical ÷ (the largest lexical) + (1 − w) · dense, the dense one being the cosine
/// as it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fusion {
    /// Convex with one weight for every question.
    Convex {
        /// Weight of the score by words, 0 to 1.
        lexical_weight: f32,
    },
    /// Convex with a weight by how literal the question is: w = slope · reach + offset, kept within `low` and `high`, where
    /// reach is the largest lexical score by what a record with all of the question's words could have at most. Questions
    /// in the words of the text rely on words, questions in other words on meaning.
    Adaptive {
        /// See above.
        slope: f32,
        /// See above.
        offset: f32,
        /// Least weight of the score by words.
        low: f32,
        /// Largest weight of the score by words.
        high: f32,
    },
    /// Reciprocal rank fusion: the mean of 1 / (k + rank). Cormack, Clarke and Büttcher (2009) use k = 60.
    Rrf {
        /// How little the first ranks stand out.
        k: f32,
    },
}

/// What the shipped retriever was tuned with; a model's card may say otherwise.
impl Default for Fusion {
    fn default() -> Self {
        Self::Adaptive { slope: 2.5, offset: -0.1, low: 0.15, high: 0.85 }
    }
}

/// A candidate's scores; `None` where a retriever knows nothing of it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pair {
    /// By words.
    pub lexical: Option<f32>,
    /// By meaning.
    pub dense: Option<f32>,
}

impl Fusion {
    /// Why it can't be used.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        match *self {
            Self::Convex { lexical_weight } if !(0.0..=1.0).contains(&lexical_weight) => {
                Some(format!("lexical_weight is {lexical_weight}; it is within 0 and 1"))
            }
            Self::Adaptive { slope, offset, low, high } => {
                let shares = (0.0..=1.0).contains(&low) && (low..=1.0).contains(&high);
                (!slope.is_finite() || !offset.is_finite() || !shares)
                    .then(|| format!("{self:?}: 0 ≤ low ≤ high ≤ 1, slope and offset are numbers"))
            }
            Self::Rrf { k } if !(k.is_finite() && k > 0.0) => {
                Some(format!("k is {k}; it is greater than 0, 60 as a rule"))
            }
            _ => None,
        }
    }

    /// A score for each candidate, higher is better. They compare within one call only. Where no candidate has a score by
    /// meaning (or by words), the other ranking alone decides. `limit` is the largest score by words that a record could
    /// have for the question; only [`Fusion::Adaptive`] asks for it.
    #[must_use]
    pub fn fuse(&self, candidates: &[Pair], limit: f32) -> Vec<f32> {
        let fitted = self.fit(candidates, limit);
        candidates.iter().map(|pair| fitted.score(*pair)).collect()
    }

    /// Takes the measure of the candidates.
    #[must_use]
    pub fn fit(&self, candidates: &[Pair], limit: f32) -> Fitted {
        let sorted = |of: fn(&Pair) -> Option<f32>| {
            let mut scores: Vec<f32> = candidates.iter().filter_map(of).collect();
            scores.sort_unstable_by(|a, b| b.total_cmp(a));
            scores
        };
        let (lexical, dense) = (sorted(|pair| pair.lexical), sorted(|pair| pair.dense));
        let largest = lexical.first().copied().unwrap_or_default();
        let weight = match *self {
            Self::Convex { lexical_weight } => lexical_weight,
            Self::Adaptive { slope, offset, low, high } => {
                let reach = if limit > 0.0 { (largest / limit).clamp(0.0, 1.0) } else { 0.0 };
                (slope * reach + offset).clamp(low, high)
            }
            Self::Rrf { .. } => 0.5,
        };
        // One retriever alone keeps its order whatever its weight.
        let weights = match (lexical.is_empty(), dense.is_empty()) {
            (false, false) => [weight, 1.0 - weight],
            (false, true) => [1.0, 0.0],
            (true, _) => [0.0, 1.0],
        };
        let k = if let Self::Rrf { k } = *self { Some(k) } else { None };
        Fitted { k, weights, largest, lexical, dense }
    }
}

/// A fusion with the measure of its candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Of reciprocal ranks; `None` for convex fusions.
    k: Option<f32>,
    /// Of words and of meaning.
    weights: [f32; 2],
    /// The largest score by words.
    largest: f32,
    /// All known scores, largest first.
    lexical: Vec<f32>,
    dense: Vec<f32>,
}

impl Fitted {
    /// The score of a candidate, or of something beside them by the same measure.
    #[must_use]
    pub fn score(&self, pair: Pair) -> f32 {
        let (lexical, dense) = match self.k {
            None => {
                let lexical = pair.lexical.filter(|_| self.largest > 0.0);
                (lexical.map_or(0.0, |score| score / self.largest), pair.dense.unwrap_or_default())
            }
            Some(k) => {
                (reciprocal(pair.lexical, &self.lexical, k), reciprocal(pair.dense, &self.dense, k))
            }
        };
        self.weights[0] * lexical + self.weights[1] * dense
    }

    /// Weight of the score by words.
    #[must_use]
    pub const fn lexical_weight(&self) -> f32 {
        self.weights[0]
    }
}

/// 1 / (k + rank); equal scores share the better rank, unknown is 0.
fn reciprocal(score: Option<f32>, known: &[f32], k: f32) -> f32 {
    score
        .map_or(0.0, |score| 1.0 / (k + 1.0 + known.partition_point(|other| *other > score) as f32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(scores: &[(Option<f32>, Option<f32>)]) -> Vec<Pair> {
        scores.iter().map(|(lexical, dense)| Pair { lexical: *lexical, dense: *dense }).collect()
    }

    fn close(found: &[f32], wanted: &[f32]) {
        assert_eq!(found.len(), wanted.len());
        assert!(
            found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6),
            "{found:?} {wanted:?}"
        );
    }

    #[test]
    fn convex_by_hand() {
        let pairs = pairs(&[(Some(10.0), Some(0.5)), (Some(5.0), Some(0.9)), (None, Some(0.7))]);
        let fused = Fusion::Convex { lexical_weight: 0.25 }.fuse(&pairs, 40.0);
        close(&fused, &[0.25 + 0.375, 0.125 + 0.675, 0.525]);
    }

    #[test]
    fn adaptive_by_hand() {
        let pairs = pairs(&[(Some(10.0), Some(0.5)), (Some(5.0), Some(0.9))]);
        let fusion = Fusion::Adaptive { slope: 2.0, offset: -0.25, low: 0.15, high: 0.85 };
        // Reach 0.25 gives 0.25, reach 1 too much, reach 0.1 too little.
        close(&fusion.fuse(&pairs, 40.0), &[0.25 + 0.375, 0.125 + 0.675]);
        for (limit, weight) in [(40.0, 0.25), (10.0, 0.85), (100.0, 0.15), (0.0, 0.15)] {
            assert!((fusion.fit(&pairs, limit).lexical_weight() - weight).abs() < 1e-6);
        }
    }

    #[test]
    fn rrf_by_hand() {
        let pairs = pairs(&[(Some(3.0), None), (Some(2.0), Some(1.0)), (Some(2.0), Some(0.0))]);
        let fused = Fusion::Rrf { k: 60.0 }.fuse(&pairs, 0.0);
        let wanted = [1.0 / 61.0, 1.0 / 62.0 + 1.0 / 61.0, 1.0 / 62.0 + 1.0 / 62.0];
        close(&fused, &wanted.map(|sum: f32| sum / 2.0));
    }

    #[test]
    fn one_ranking_alone_keeps_its_order() {
        let pairs = pairs(&[(Some(3.0), None), (Some(1.0), None), (Some(2.0), None)]);
        for fusion in [Fusion::Convex { lexical_weight: 0.0 }, Fusion::Rrf { k: 60.0 }] {
            let fused = fusion.fuse(&pairs, 9.0);
            assert!(fused[0] > fused[2] && fused[2] > fused[1], "{fused:?}");
        }
        assert!(Fusion::default().fuse(&[], 0.0).is_empty());
    }

    #[test]
    fn what_cannot_be_used() {
        let adaptive = |low, high| Fusion::Adaptive { slope: 1.0, offset: 0.0, low, high };
        assert!(Fusion::Convex { lexical_weight: f32::NAN }.fault().is_some());
        assert!(Fusion::Convex { lexical_weight: 1.1 }.fault().is_some());
        assert!(Fusion::Rrf { k: 0.0 }.fault().is_some());
        assert!(adaptive(0.5, 0.4).fault().is_some() && adaptive(f32::NAN, 1.0).fault().is_some());
        assert!(adaptive(0.4, 0.5).fault().is_none() && Fusion::default().fault().is_none());
        assert!(Fusion::Rrf { k: 60.0 }.fault().is_none());
    }
}
