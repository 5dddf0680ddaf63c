//! Intervals by the circular block bootstrap over times (Politis & Romano, 1992): blocks of neighbouring times are drawn with
//! replacement, because errors of neighbouring forecasts are not independent. Seeded: the same numbers give the same interval.

use serde::Serialize;

/// How intervals are made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Draws.
    pub resamples: usize,
    /// Times of a block; none for the cube root of their number, rounded up.
    pub block: Option<usize>,
    /// Share of draws inside the interval.
    pub level: f64,
    /// Seed.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { resamples: 1000, block: None, level: 0.95, seed: 0 }
    }
}

/// A figure with its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The figure of all times.
    pub value: f64,
    /// Lower end; none for fewer than three times.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Times.
    pub count: usize,
}

/// A bijection of 64 bits that leaves no pattern (SplitMix64's finaliser).
#[must_use]
pub fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Bootstrap {
    /// The interval of a figure of times: `figure` gets the places of the times that count, some of them several times.
    ///
    /// Percentiles of the draws, interpolated. Draws without a number are left out.
    pub fn interval(&self, times: usize, figure: impl Fn(&[usize]) -> f64) -> Interval {
        let all: Vec<usize> = (0..times).collect();
        let value = figure(&all);
        if times < 3 || self.resamples == 0 || value.is_nan() {
            return Interval { value, low: None, high: None, count: times };
        }
        let block = self.block.unwrap_or((times as f64).cbrt().ceil() as usize).clamp(1, times);
        let mut drawn = Vec::with_capacity(times + block);
        let mut figures: Vec<f64> = (0..self.resamples)
            .map(|draw| {
                drawn.clear();
                let stream = mix(self.seed ^ mix(draw as u64));
                let mut next = 0_u64;
                while drawn.len() < times {
                    // The product's upper half is even over the times to one part in 2^64.
                    let bits = u128::from(mix(stream.wrapping_add(next)));
                    let start = usize::try_from((bits * times as u128) >> 64).unwrap_or(0);
                    drawn.extend((start..start + block).map(|at| at % times));
                    next += 1;
                }
                drawn.truncate(times);
                figure(&drawn)
            })
            .filter(|figure| !figure.is_nan())
            .collect();
        figures.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        let (low, high) = (quantile(&figures, tail), quantile(&figures, 1.0 - tail));
        Interval { value, low, high, count: times }
    }
}

/// A quantile of sorted numbers, interpolated linearly.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    Some(sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Numbers near a normal distribution of mean 0 and variance 1.
    fn noise(seed: u64, count: usize) -> Vec<f64> {
        let unit = |bits: u64| mix(bits) as f64 / u64::MAX as f64;
        (0..count as u64)
            .map(|at| (0..12).map(|part| unit(mix(seed) ^ (at * 12 + part))).sum::<f64>() - 6.0)
            .collect()
    }

    #[test]
    fn intervals_hold_the_mean_as_often_as_they_say() {
        let bootstrap = Bootstrap { resamples: 400, block: Some(1), ..Bootstrap::default() };
        let mut held = 0;
        for seed in 0..200 {
            let values = noise(seed, 60);
            let mean =
                |at: &[usize]| at.iter().map(|at| values[*at]).sum::<f64>() / at.len() as f64;
            let interval = bootstrap.interval(values.len(), mean);
            held += usize::from(interval.low.unwrap() <= 0.0 && interval.high.unwrap() >= 0.0);
        }
        // 95 % of 200 is 190; three standard deviations are 9.
        assert!((178..=199).contains(&held), "{held}");
    }

    #[test]
    fn blocks_widen_the_interval_of_persistent_numbers() {
        let steps = noise(1, 400);
        let mut values = vec![0.0; 400];
        for at in 1..400 {
            values[at] = 0.9 * values[at - 1] + steps[at];
        }
        let width = |block| {
            let bootstrap = Bootstrap { block: Some(block), ..Bootstrap::default() };
            let mean =
                |at: &[usize]| at.iter().map(|at| values[*at]).sum::<f64>() / at.len() as f64;
            let interval = bootstrap.interval(400, mean);
            interval.high.unwrap() - interval.low.unwrap()
        };
        assert!(width(30) > 2.0 * width(1), "{} {}", width(30), width(1));
    }

    #[test]
    fn the_seed_decides_and_few_times_have_none() {
        let values = noise(5, 40);
        let mean = |at: &[usize]| at.iter().map(|at| values[*at]).sum::<f64>() / at.len() as f64;
        let one = Bootstrap::default();
        assert_eq!(one.interval(40, mean), one.interval(40, mean));
        assert_ne!(one.interval(40, mean), Bootstrap { seed: 1, ..one }.interval(40, mean));
        assert_eq!(one.interval(2, mean).low, None);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
    }
}
