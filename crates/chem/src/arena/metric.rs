//! Similarity of two fingerprints from three counts, and what sum of common bits a score asks for.

use super::ArenaError;

/// Similarity measure; every one is 0 for two empty fingerprints, as in RDKit.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Metric {
    /// |A∩B| / |A∪B|.
    #[default]
    Tanimoto,
    /// |A∩B| / (α·|A∖B| + β·|B∖A| + |A∩B|), A being the query: α = 1, β = 0 asks how much of the query is found.
    Tversky {
        /// Weight of what only the query has.
        alpha: f64,
        /// Weight of what only the library's molecule has.
        beta: f64,
    },
}

impl Metric {
    /// Refuses weights that are negative or not numbers.
    ///
    /// # Errors
    /// [`ArenaError::Weights`].
    pub fn validate(self) -> Result<(), ArenaError> {
        match self {
            Metric::Tanimoto => Ok(()),
            Metric::Tversky { alpha, beta } => {
                let good = |weight: f64| weight.is_finite() && weight >= 0.0;
                if good(alpha) && good(beta) {
                    Ok(())
                } else {
                    Err(ArenaError::Weights { alpha, beta })
                }
            }
        }
    }

    /// The score of a query with `query` bits and a molecule with `other` bits, `common` of them shared.
    #[must_use]
    pub fn score(self, query: u32, other: u32, common: u32) -> f64 {
        let (query, other, common) = (f64::from(query), f64::from(other), f64::from(common));
        let denominator = match self {
            Metric::Tanimoto => query + other - common,
            Metric::Tversky { alpha, beta } => {
                alpha * (query - common) + beta * (other - common) + common
            }
        };
        if denominator > 0.0 { common / denominator } else { 0.0 }
    }

    /// The best score any molecule with between `low` and `high` bits can reach.
    pub(crate) fn bound(self, query: u32, low: u32, high: u32) -> f64 {
        let other = query.clamp(low, high);
        self.score(query, other, query.min(other))
    }

    /// The smallest number of common bits that gives a molecule with `other` bits a score of at least `least`, or
    /// `None` where none does.
    pub(crate) fn need(self, query: u32, other: u32, least: f64) -> Option<u32> {
        if least <= 0.0 {
            return Some(0);
        }
        let (a, b) = (f64::from(query), f64::from(other));
        let guess = match self {
            Metric::Tanimoto => least * (a + b) / (1.0 + least),
            Metric::Tversky { alpha, beta } => {
                least * (alpha * a + beta * b) / (1.0 + least * (alpha + beta - 1.0))
            }
        };
        let most = query.min(other);
        // The guess is off by rounding only; the loops make it exact with the very score that is reported.
        let mut need = if guess.is_finite() && guess > 0.0 { (guess as u32).min(most) } else { 0 };
        while need > 0 && self.score(query, other, need - 1) >= least {
            need -= 1;
        }
        while self.score(query, other, need) < least {
            need += 1;
            if need > most {
                return None;
            }
        }
        Some(need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_is_the_smallest_sum_that_reaches_the_score() {
        let metrics = [
            Metric::Tanimoto,
            Metric::Tversky { alpha: 1.0, beta: 0.0 },
            Metric::Tversky { alpha: 0.2, beta: 0.3 },
            Metric::Tversky { alpha: 0.0, beta: 0.0 },
            Metric::Tversky { alpha: 2.5, beta: 0.7 },
        ];
        for metric in metrics {
            for query in [0u32, 1, 3, 20, 45] {
                for other in [0u32, 1, 4, 19, 45, 80] {
                    for least in [0.0, 0.1, 1.0 / 3.0, 0.5, 0.7, 1.0] {
                        let brute = (0..=query.min(other))
                            .find(|&common| metric.score(query, other, common) >= least);
                        assert_eq!(
                            metric.need(query, other, least),
                            brute,
                            "{metric:?} {query} {other} {least}"
                        );
                    }
                }
            }
        }
    }
}
