//! Drift: do recent normal scores still come from the distribution that the threshold was made from?

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Calibration, quantile};

/// How drift is watched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DriftOptions {
    /// Scores that are compared at a time, 20 to 100,000. They should be spread in time: hundreds of frames of one minute
    /// tell about that minute.
    pub window: usize,
    /// False warnings per comparison of a window of independent scores.
    pub false_rate: f64,
    /// Weight of the newest window in the moving average of medians, above 0, at most 1.
    pub smoothing: f64,
}

impl Default for DriftOptions {
    fn default() -> Self {
        Self { window: 200, false_rate: 0.001, smoothing: 0.2 }
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As in the reference, within chance.
    Stable,
    /// Not as in the reference, the median higher: more false alarms are to be expected. Calibrate again.
    Higher,
    /// Not as in the reference, the median not higher: anomalies may be missed, or the camera sees something else.
    Lower,
}

/// A comparison of a window with the reference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Kolmogorov-Smirnov statistic: the largest difference between the distribution functions.
    pub statistic: f64,
    /// Probability of one as large by chance.
    pub p_value: f64,
    /// Moving average over windows of `(median - reference median) / reference spread`, the spread being the standard
    /// deviation of a normal distribution with the reference's quartiles.
    pub shift: f64,
    /// The verdict at the rate asked for.
    pub verdict: Verdict,
}

/// Watches scores, window by window. No clock: the caller decides which scores it sees (those not judged anomalous).
#[derive(Debug, Clone)]
pub struct DriftMonitor {
    reference: Vec<f32>,
    samples: usize,
    options: DriftOptions,
    recent: VecDeque<f32>,
    since: usize,
    shift: Option<f64>,
}

impl DriftMonitor {
    /// A monitor with a calibration's scores as the reference. Options outside their ranges are brought inside.
    #[must_use]
    pub fn new(calibration: &Calibration, options: DriftOptions) -> Self {
        let smoothing = if options.smoothing > 0.0 { options.smoothing.min(1.0) } else { 1.0 };
        let options = DriftOptions {
            window: options.window.clamp(20, 100_000),
            false_rate: options.false_rate.clamp(1e-9, 0.5),
            smoothing,
        };
        Self {
            reference: calibration.quantiles.clone(),
            samples: calibration.samples,
            options,
            recent: VecDeque::with_capacity(options.window),
            since: 0,
            shift: None,
        }
    }

    /// Takes a score; compares when a window of new ones is full. A score that is not finite is passed over.
    pub fn push(&mut self, score: f32) -> Option<Drift> {
        if !score.is_finite() {
            return None;
        }
        if self.recent.len() == self.options.window {
            self.recent.pop_front();
        }
        self.recent.push_back(score);
        self.since += 1;
        if self.since < self.options.window {
            return None;
        }
        self.since = 0;
        self.compare()
    }

    /// Compares the window as it slides, whenever asked; `None` before the first window is full. The moving average
    /// takes part in [`DriftMonitor::push`] only.
    #[must_use]
    pub fn now(&self) -> Option<Drift> {
        (self.recent.len() == self.options.window).then(|| self.judge(self.shift))
    }

    fn compare(&mut self) -> Option<Drift> {
        let drift = self.judge(self.shift);
        self.shift = Some(drift.shift);
        (!self.reference.is_empty()).then_some(drift)
    }

    fn judge(&self, before: Option<f64>) -> Drift {
        let mut sorted: Vec<f32> = self.recent.iter().copied().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let count = sorted.len() as f64;
        let statistic = sorted.iter().enumerate().fold(0.0_f64, |most, (at, &score)| {
            let (below, upto) = share_below(&self.reference, score);
            // Before and after the step of the window's own distribution function.
            most.max((at + 1) as f64 / count - upto).max(below - at as f64 / count)
        });
        let samples = self.samples.max(1) as f64;
        let size = (samples * count / (samples + count)).sqrt();
        let p_value = kolmogorov((size + 0.12 + 0.11 / size) * statistic);
        let reference = |share| f64::from(quantile(&self.reference, share));
        let spread = ((reference(0.75) - reference(0.25)) / 1.349).max(f64::MIN_POSITIVE);
        let off = f64::from(quantile(&sorted, 0.5)) - reference(0.5);
        let shift = (off / spread).clamp(-1e9, 1e9);
        let smooth = before.map_or(shift, |old| old + self.options.smoothing * (shift - old));
        let verdict = match (p_value < self.options.false_rate, off > 0.0) {
            (false, _) => Verdict::Stable,
            (true, true) => Verdict::Higher,
            (true, false) => Verdict::Lower,
        };
        Drift { statistic, p_value, shift: smooth, verdict }
    }
}

/// Shares of the reference distribution below a score, and up to it; linear between quantiles.
fn share_below(quantiles: &[f32], score: f32) -> (f64, f64) {
    let steps = (quantiles.len().max(2) - 1) as f64;
    let below = quantiles.partition_point(|&x| x < score);
    let upto = quantiles.partition_point(|&x| x <= score);
    if upto > below {
        // The score is a quantile itself, perhaps of a run of equal ones.
        return (below as f64 / steps, (upto - 1) as f64 / steps);
    }
    if below == 0 || below == quantiles.len() {
        let share = f64::from(u8::from(below > 0));
        return (share, share);
    }
    let (low, high) = (f64::from(quantiles[below - 1]), f64::from(quantiles[below]));
    let share = ((below - 1) as f64 + (f64::from(score) - low) / (high - low)) / steps;
    (share, share)
}

/// Probability that Kolmogorov's statistic exceeds `x` (Stephens 1970 gives the correction for small samples).
fn kolmogorov(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0;
    }
    let mut sum = 0.0;
    for k in 1..=100 {
        let term = (-2.0 * f64::from(k * k) * x * x).exp();
        sum += if k % 2 == 1 { term } else { -term };
        if term < 1e-18 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}
