//! Upper confidence limits of far quantiles: order statistics, and a generalised Pareto tail.

/// The lowest place (from 1) of an order statistic of `count` scores that is above the `1 - exceedance` quantile with at
/// least `confidence`: `P(Binomial(count, 1 - exceedance) <= place - 1) >= confidence`. `None` when even the largest is not.
pub(super) fn rank(count: usize, exceedance: f64, confidence: f64) -> Option<usize> {
    // Binomial in the number of scores above the quantile: place = count - above, P(above' >= above + 1) summed down.
    let (n, p) = (count as f64, exceedance);
    if p <= 0.0 {
        return None;
    }
    // Probability that `above` scores or fewer are over the quantile must be at most 1 - confidence.
    let mut log_term = n * (-p).ln_1p();
    let mut sum = log_term.exp();
    if sum > 1.0 - confidence {
        return None;
    }
    let mut above = 0;
    while above + 1 < count {
        log_term += ((n - above as f64) / (above as f64 + 1.0)).ln() + p.ln() - (-p).ln_1p();
        sum += log_term.exp();
        if sum > 1.0 - confidence {
            break;
        }
        above += 1;
    }
    Some(count - above)
}

/// Shapes that are considered: light tails with an end to heavy ones without a variance.
const SHAPES: (f64, f64, usize) = (-0.5, 1.0, 61);
/// Scales that are considered, as multiples of the mean excess, in equal ratios.
const SCALES: (f64, f64, usize) = (0.2, 5.0, 81);

/// A generalised Pareto tail: the posterior of its shape and scale on a grid, under a weak prior.
///
/// The prior of the shape is normal around 0.2 with standard deviation 0.25, on the heavy side: it rules out the absurd
/// (compare the geophysical prior of Martins and Stedinger 2000) and keeps the promise for Student's t with three degrees
/// of freedom, at the price of high thresholds for light tails. That of the logarithm of the scale is flat.
pub(super) struct Tail {
    pub(super) over: f64,
    pub(super) excesses: usize,
    /// Share of the scores that are in the tail.
    share: f64,
    /// Shape, scale, weight.
    grid: Vec<(f64, f64, f64)>,
}

impl Tail {
    /// A tail over the largest scores: a tenth of them, but at least a quarter of the first eighty.
    pub(super) fn fit(sorted: &[f32]) -> Self {
        let count = sorted.len();
        let excesses = (count / 10).max(count.min(80) / 4).max(1);
        let from = count - excesses;
        // Between the largest score that is not in the tail and the smallest that is.
        let over = f64::midpoint(f64::from(sorted[from - 1]), f64::from(sorted[from]));
        let beyond: Vec<f64> =
            sorted[from..].iter().map(|&score| f64::from(score) - over).collect();
        let mean = beyond.iter().sum::<f64>() / beyond.len() as f64;
        let mut grid = Vec::with_capacity(SHAPES.2 * SCALES.2);
        for shape_at in 0..SHAPES.2 {
            let shape = SHAPES.0 + (SHAPES.1 - SHAPES.0) * shape_at as f64 / (SHAPES.2 - 1) as f64;
            for scale_at in 0..SCALES.2 {
                let ratio = scale_at as f64 / (SCALES.2 - 1) as f64;
                let scale = mean * SCALES.0 * (SCALES.1 / SCALES.0).powf(ratio);
                let prior = -0.5 * ((shape - 0.2) / 0.25).powi(2);
                grid.push((shape, scale, prior + log_likelihood(&beyond, shape, scale)));
            }
        }
        let best = grid.iter().fold(f64::NEG_INFINITY, |best, point| best.max(point.2));
        let mut total = 0.0;
        for point in &mut grid {
            point.2 = (point.2 - best).exp();
            total += point.2;
        }
        grid.iter_mut().for_each(|point| point.2 /= total);
        grid.retain(|point| point.2 > 1e-12);
        Self { over, excesses, share: excesses as f64 / count as f64, grid }
    }

    /// Posterior means of shape and scale.
    pub(super) fn mean(&self) -> (f64, f64) {
        self.grid
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0 * point.2, sum.1 + point.1 * point.2))
    }

    /// What the score with this probability of being exceeded is below, with `confidence`. The share of scores in the
    /// tail is uncertain too: three points of its (log-normal) distribution, Gauss and Hermite's.
    pub(super) fn upper_quantile(&self, exceedance: f64, confidence: f64) -> f64 {
        let spread = 3.0_f64.sqrt() * ((1.0 - self.share) / self.excesses as f64).sqrt();
        let mut levels: Vec<(f64, f64)> = Vec::with_capacity(3 * self.grid.len());
        for (off, part) in [(-spread, 1.0 / 6.0), (0.0, 2.0 / 3.0), (spread, 1.0 / 6.0)] {
            let ratio = self.share * off.exp() / exceedance;
            for &(shape, scale, weight) in &self.grid {
                let log = ratio.ln();
                let reach = if shape.abs() < 1e-9 { log } else { (shape * log).exp_m1() / shape };
                levels.push((self.over + scale * reach, weight * part));
            }
        }
        levels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        for (level, weight) in &levels {
            sum += weight;
            if sum >= confidence {
                return *level;
            }
        }
        levels.last().map_or(self.over, |last| last.0)
    }
}

fn log_likelihood(beyond: &[f64], shape: f64, scale: f64) -> f64 {
    let mut sum = -(beyond.len() as f64) * scale.ln();
    for &x in beyond {
        let inside = 1.0 + shape * x / scale;
        if inside <= 0.0 {
            return f64::NEG_INFINITY;
        }
        sum -= if shape.abs() < 1e-9 { x / scale } else { (1.0 + 1.0 / shape) * inside.ln() };
    }
    sum
}
