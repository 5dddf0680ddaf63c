//! Figures of merit for regression, classification and virtual screening.
//!
//! A label that is not a number is missing, and its row is left out. Every figure is independent of the order of the
//! rows: where scores tie, ranks are averaged (ROC-AUC), ties form one step (PR-AUC), or the expected value over all
//! orders of the tied rows is taken (enrichment, BEDROC).

use rayon::prelude::*;

use crate::split::Random;

/// Figures of a regression; `None` where the rows do not define one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Regression {
    /// Rows with a label and a prediction.
    pub n: usize,
    /// Root of the mean squared error, in the label's unit.
    pub rmse: Option<f64>,
    /// Mean absolute error, in the label's unit.
    pub mae: Option<f64>,
    /// Coefficient of determination, 1 − residual ÷ total sum of squares; negative where worse than the mean.
    pub r2: Option<f64>,
}

/// Figures of a classification or screen; `None` where the rows do not define one (one class only).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Classification {
    /// Rows with a label and a prediction.
    pub n: usize,
    /// Rows of the positive class.
    pub actives: usize,
    /// Area under the receiver operating characteristic.
    pub roc_auc: Option<f64>,
    /// Area under the precision-recall curve, as average precision.
    pub pr_auc: Option<f64>,
    /// Enrichment factor of the best 1 %.
    pub ef1: Option<f64>,
    /// Enrichment factor of the best 5 %.
    pub ef5: Option<f64>,
    /// Boltzmann-enhanced discrimination of the ROC, α = 20.
    pub bedroc: Option<f64>,
}

/// The α that BEDROC figures are reported with: the best 8 % of the ranks make 80 % of the score.
pub const BEDROC_ALPHA: f64 = 20.0;

/// Regression figures of predictions against labels (NaN = missing).
#[must_use]
pub fn regression(labels: &[f64], predictions: &[f64]) -> Regression {
    let pairs: Vec<(f64, f64)> = present(labels, predictions).collect();
    let n = pairs.len();
    if n == 0 {
        return Regression::default();
    }
    let count = n as f64;
    let squared: f64 = pairs.iter().map(|(label, guess)| (label - guess).powi(2)).sum();
    let absolute: f64 = pairs.iter().map(|(label, guess)| (label - guess).abs()).sum();
    let mean = pairs.iter().map(|(label, _)| label).sum::<f64>() / count;
    let total: f64 = pairs.iter().map(|(label, _)| (label - mean).powi(2)).sum();
    Regression {
        n,
        rmse: Some((squared / count).sqrt()),
        mae: Some(absolute / count),
        r2: (total > 0.0 && n > 1).then(|| 1.0 - squared / total),
    }
}

/// Classification figures of scores against labels (positive where > 0.5, NaN = missing).
#[must_use]
pub fn classification(labels: &[f64], scores: &[f64]) -> Classification {
    let ranking = Ranking::new(present(labels, scores).map(|(label, score)| (label > 0.5, score)));
    Classification {
        n: ranking.n,
        actives: ranking.actives,
        roc_auc: ranking.roc_auc(),
        pr_auc: ranking.pr_auc(),
        ef1: ranking.enrichment(0.01),
        ef5: ranking.enrichment(0.05),
        bedroc: ranking.bedroc(BEDROC_ALPHA),
    }
}

/// The mean of each figure over tasks, tasks that do not define it left out; counts are added up.
#[must_use]
pub fn mean_over_tasks(tasks: &[Classification]) -> Classification {
    let mean = |figure: fn(&Classification) -> Option<f64>| {
        let values: Vec<f64> = tasks.iter().filter_map(figure).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    Classification {
        n: tasks.iter().map(|task| task.n).sum(),
        actives: tasks.iter().map(|task| task.actives).sum(),
        roc_auc: mean(|task| task.roc_auc),
        pr_auc: mean(|task| task.pr_auc),
        ef1: mean(|task| task.ef1),
        ef5: mean(|task| task.ef5),
        bedroc: mean(|task| task.bedroc),
    }
}

fn present<'a>(labels: &'a [f64], predictions: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    let pairs = labels.iter().copied().zip(predictions.iter().copied());
    pairs.filter(|(label, guess)| !label.is_nan() && !guess.is_nan())
}

/// Rows ranked by score, the best first, tied rows in one group.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    n: usize,
    actives: usize,
    /// Rows and actives of each group of tied scores.
    groups: Vec<(usize, usize)>,
}

impl Ranking {
    /// Ranks pairs of (active, score).
    #[must_use]
    pub fn new(pairs: impl Iterator<Item = (bool, f64)>) -> Ranking {
        let mut pairs: Vec<(bool, f64)> = pairs.collect();
        pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut groups: Vec<(usize, usize)> = Vec::new();
        let mut before = f64::NAN;
        for &(active, score) in &pairs {
            // Compared by value: 0.0 and -0.0 tie.
            if score != before {
                groups.push((0, 0));
                before = score;
            }
            if let Some(group) = groups.last_mut() {
                group.0 += 1;
                group.1 += usize::from(active);
            }
        }
        let actives = groups.iter().map(|group| group.1).sum();
        Ranking { n: pairs.len(), actives, groups }
    }

    fn has_both_classes(&self) -> bool {
        self.actives > 0 && self.actives < self.n
    }

    /// Area under the ROC curve: the probability that an active outranks an inactive, ties counting half.
    #[must_use]
    pub fn roc_auc(&self) -> Option<f64> {
        if !self.has_both_classes() {
            return None;
        }
        let (mut above, mut area) = (0.0, 0.0);
        for &(rows, actives) in &self.groups {
            let inactives = (rows - actives) as f64;
            area += inactives * (above + actives as f64 / 2.0);
            above += actives as f64;
        }
        Some(area / (self.actives as f64 * (self.n - self.actives) as f64))
    }

    /// Average precision: Σ (recall gained × precision) over the distinct scores.
    #[must_use]
    pub fn pr_auc(&self) -> Option<f64> {
        if self.actives == 0 {
            return None;
        }
        let (mut seen, mut found, mut area) = (0usize, 0usize, 0.0);
        for &(rows, actives) in &self.groups {
            seen += rows;
            found += actives;
            area += actives as f64 * found as f64 / seen as f64;
        }
        Some(area / self.actives as f64)
    }

    /// Enrichment factor: (actives among the best ⌈fraction·N⌉ ÷ ⌈fraction·N⌉) ÷ (actives ÷ N).
    #[must_use]
    pub fn enrichment(&self, fraction: f64) -> Option<f64> {
        if self.actives == 0 || !(0.0..=1.0).contains(&fraction) {
            return None;
        }
        // 0.05 × 100 must not become 6 rows through the last bit of the product.
        let top = ((fraction * self.n as f64 - 1e-9).ceil() as usize).clamp(1, self.n);
        let (mut left, mut found) = (top, 0.0);
        for &(rows, actives) in &self.groups {
            let taken = rows.min(left);
            found += actives as f64 * taken as f64 / rows as f64;
            left -= taken;
            if left == 0 {
                break;
            }
        }
        Some(found / top as f64 / (self.actives as f64 / self.n as f64))
    }

    /// BEDROC (Truchon and Bayly 2007).
    #[must_use]
    pub fn bedroc(&self, alpha: f64) -> Option<f64> {
        if self.actives == 0 || alpha <= 0.0 {
            return None;
        }
        if self.actives == self.n {
            return Some(1.0);
        }
        let (total, actives) = (self.n as f64, self.actives as f64);
        let (mut rank, mut sum) = (0.0, 0.0);
        for &(rows, hits) in &self.groups {
            if hits > 0 {
                let weights = (1..=rows).map(|step| (-alpha * (rank + step as f64) / total).exp());
                sum += weights.sum::<f64>() * hits as f64 / rows as f64;
            }
            rank += rows as f64;
        }
        let uniform = (1.0 - (-alpha).exp()) / ((alpha / total).exp() - 1.0) / total;
        let rie = sum / actives / uniform;
        let ratio = actives / total;
        let most = (1.0 - (-alpha * ratio).exp()) / (ratio * (1.0 - (-alpha).exp()));
        let least = (1.0 - (alpha * ratio).exp()) / (ratio * (1.0 - alpha.exp()));
        Some((rie - least) / (most - least))
    }
}

/// How a bootstrap is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Number of samples.
    pub samples: usize,
    /// Coverage of the interval, such as 0.95.
    pub level: f64,
    /// Seed of the draw.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Bootstrap {
        Bootstrap { samples: 1000, level: 0.95, seed: 0 }
    }
}

impl Bootstrap {
    /// Percentile interval of a figure over rows drawn with replacement; samples that do not define the figure are
    /// left out. The same seed gives the same interval on any number of threads.
    pub fn interval(
        &self,
        labels: &[f64],
        predictions: &[f64],
        figure: impl Fn(&[f64], &[f64]) -> Option<f64> + Sync,
    ) -> Option<(f64, f64)> {
        let pairs: Vec<(f64, f64)> = present(labels, predictions).collect();
        if pairs.is_empty() {
            return None;
        }
        let sample = |number: usize| {
            let mut random = Random::new(self.seed);
            let start = random.next_u64() ^ (number as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
            let mut random = Random::new(start);
            let (labels, guesses): (Vec<f64>, Vec<f64>) =
                (0..pairs.len()).map(|_| pairs[random.below(pairs.len())]).unzip();
            figure(&labels, &guesses)
        };
        let mut values: Vec<f64> = (0..self.samples).into_par_iter().filter_map(sample).collect();
        values.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level) / 2.0;
        Some((quantile(&values, tail)?, quantile(&values, 1.0 - tail)?))
    }
}

/// Quantile of ascending values, linear between neighbours (numpy's default).
fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = at.clamp(0.0, 1.0) * last as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * part)
}
