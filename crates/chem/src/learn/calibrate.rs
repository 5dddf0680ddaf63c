//! From scores to what can be relied on: probabilities by Platt's method, conformal intervals, class thresholds.

use super::boost::sigmoid;

/// Width of 90 % intervals: mean ± q90 · (sd + floor).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Factor.
    pub q90: f64,
    /// Added to the standard deviation, in the target's unit.
    pub floor: f64,
}

impl Interval {
    /// From rows the members were not trained on: the ⌈(n + 1) · 0.9⌉-th smallest of |truth − mean| ÷ (sd + floor).
    /// The floor is the median standard deviation, so that members that happen to agree yield no interval of no width.
    /// `None` without rows.
    #[must_use]
    pub fn conformal(truth: &[f64], guesses: &[Guess]) -> Option<Self> {
        Self::conformal_weighted(truth, guesses, &vec![1.0; truth.len()])
    }

    /// The same where rows count by a weight, a new row by 1 (weighted conformal prediction: Tibshirani et al. 2019). With W
    /// the sum of the weights, the quotient is the least up to which (W + 1) · 0.9 of them lie, or the largest.
    #[must_use]
    pub fn conformal_weighted(truth: &[f64], guesses: &[Guess], weights: &[f64]) -> Option<Self> {
        let mut spreads: Vec<f64> = guesses.iter().map(|guess| guess.sd).collect();
        spreads.sort_by(f64::total_cmp);
        let n = spreads.len();
        let median = (spreads.get(n.checked_sub(1)? / 2)? + spreads.get(n / 2)?) / 2.0;
        // Members without any spread still miss: then the interval is the same for all rows.
        let floor = if median > 0.0 { median } else { 1.0 };
        let ratio =
            |(truth, guess): (&f64, &Guess)| (truth - guess.mean).abs() / (guess.sd + floor);
        let ratios = truth.iter().zip(guesses).map(ratio);
        let mut ratios: Vec<(f64, f64)> = ratios.zip(weights.iter().copied()).collect();
        ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = (weights.iter().sum::<f64>() + 1.0) * 0.9 - 1e-9;
        let mut below = 0.0;
        let enough = ratios.iter().find(|(_, weight)| {
            below += weight;
            below >= wanted
        });
        let (ratio, _) = enough.or(ratios.last())?;
        Some(Self { q90: ratio.max(1e-6), floor })
    }

    /// Half the width for a row.
    #[must_use]
    pub fn half(&self, guess: &Guess) -> f64 {
        self.q90 * (guess.sd + self.floor)
    }

    /// Share of rows whose truth lies inside.
    #[must_use]
    pub fn coverage(&self, truth: &[f64], guesses: &[Guess]) -> f64 {
        let inside =
            |(truth, guess): &(&f64, &Guess)| (*truth - guess.mean).abs() <= self.half(guess);
        truth.iter().zip(guesses).filter(inside).count() as f64 / truth.len().max(1) as f64
    }
}

/// What an ensemble says of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guess {
    /// Mean of the members.
    pub mean: f64,
    /// Their standard deviation (divisor n − 1); 0 for a single member.
    pub sd: f64,
}

impl Guess {
    /// From the members' answers.
    #[must_use]
    pub fn of(members: &[f64]) -> Self {
        let n = members.len() as f64;
        let mean = members.iter().sum::<f64>() / n;
        let squares = members.iter().map(|member| (member - mean).powi(2)).sum::<f64>();
        Self { mean, sd: if members.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 } }
    }
}

/// Slope and offset that turn scores into log-odds, by maximum likelihood with Platt's smoothed targets
/// (Platt 1999; Newton's method as in Lin, Lin and Weng 2007). The slope never turns the order round.
#[must_use]
pub fn platt(scores: &[f64], labels: &[f64]) -> (f64, f64) {
    let positives = labels.iter().filter(|label| **label > 0.5).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let n = scores.len().max(1) as f64;
    let middle = scores.iter().sum::<f64>() / n;
    let spread = (scores.iter().map(|s| (s - middle).powi(2)).sum::<f64>() / n).sqrt().max(1e-9);
    let (mut slope, mut offset) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    for _ in 0..100 {
        let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for (score, label) in scores.iter().zip(labels) {
            let x = (score - middle) / spread;
            let chance = sigmoid(slope * x + offset);
            let miss = chance - if *label > 0.5 { high } else { low };
            let weight = chance * (1.0 - chance);
            g[0] += miss * x;
            g[1] += miss;
            h[0] += weight * x * x;
            h[1] += weight * x;
            h[2] += weight;
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        let steps =
            [(h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant];
        // A step beyond 3 leaves the region where the curvature holds.
        slope -= steps[0].clamp(-3.0, 3.0);
        offset -= steps[1].clamp(-3.0, 3.0);
        if steps.iter().all(|step| step.abs() < 1e-10) {
            break;
        }
    }
    let slope = slope.max(1e-3);
    (slope / spread, offset - slope * middle / spread)
}

/// The threshold with the largest Matthews correlation, halfway between the probabilities around it; 0.5 where there
/// is one class only.
#[must_use]
pub fn best_threshold(labels: &[f64], probabilities: &[f64]) -> f64 {
    let mut pairs: Vec<(f64, bool)> =
        probabilities.iter().zip(labels).map(|(&p, &label)| (p, label > 0.5)).collect();
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let actives = pairs.iter().filter(|pair| pair.1).count() as f64;
    let n = pairs.len() as f64;
    let (mut best, mut threshold, mut hits) = (0.0, 0.5, 0.0);
    for (at, pair) in pairs.windows(2).enumerate() {
        hits += f64::from(u8::from(pair[0].1));
        if pair[0].0 == pair[1].0 {
            continue;
        }
        let called = (at + 1) as f64;
        let (false_hits, missed) = (called - hits, actives - hits);
        let rest = n - called - missed;
        let scale = (called * actives * (rest + false_hits) * (rest + missed)).sqrt();
        let correlation =
            if scale > 0.0 { (hits * rest - false_hits * missed) / scale } else { 0.0 };
        if correlation > best {
            (best, threshold) = (correlation, (pair[0].0 + pair[1].0) / 2.0);
        }
    }
    threshold
}

/// Mean of −ln of the probability given to what is true.
#[must_use]
pub fn log_loss(labels: &[f64], probabilities: &[f64]) -> f64 {
    let loss = |(label, p): (&f64, &f64)| {
        let p = p.clamp(1e-9, 1.0 - 1e-9);
        if *label > 0.5 { -p.ln() } else { -(1.0 - p).ln() }
    };
    labels.iter().zip(probabilities).map(loss).sum::<f64>() / labels.len().max(1) as f64
}

/// Expected calibration error: over ten equally wide bins, the mean gap between probability and share of positives,
/// weighted by rows.
#[must_use]
pub fn calibration_error(labels: &[f64], probabilities: &[f64]) -> f64 {
    let mut bins = [(0.0, 0.0); 10];
    for (label, p) in labels.iter().zip(probabilities) {
        let bin = &mut bins[((p * 10.0) as usize).min(9)];
        *bin = (bin.0 + label, bin.1 + p);
    }
    bins.iter().map(|(truth, said)| (truth - said).abs()).sum::<f64>() / labels.len().max(1) as f64
}
