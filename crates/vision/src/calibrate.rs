//! Thresholds from the scores of normal pictures alone: at most so many false alarms per camera and day.
//!
//! A promise about alarms ([`Promise`]) becomes one about single frames: how often may a normal frame score above the
//! threshold? The threshold is then an upper confidence limit of that quantile of the normal scores: an order statistic
//! where there are enough of them (true for every distribution), an extrapolated tail where there are not, with a warning
//! that says so. Scores must come from pictures that are not in the bank, or were left out of it one by one
//! ([`crate::bank::MemoryBank::score_left_out`]).

mod drift;
mod tail;

use serde::{Deserialize, Serialize};

pub use drift::{Drift, DriftMonitor, DriftOptions, Verdict};

/// Fewest scores that anything is said about.
const FEWEST: usize = 8;
/// Fewest scores that a tail is fitted to.
const FEWEST_FOR_TAIL: usize = 40;
/// Points of the reference distribution that are kept.
const REFERENCE: usize = 201;

/// What went wrong with a calibration.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CalibrateError {
    /// Too few scores for any threshold.
    #[error("{0} scores of normal pictures: give at least {FEWEST}, better hundreds")]
    TooFew(usize),
    /// A score is not a finite number.
    #[error("a score of a normal picture is {0}: check the features of that picture")]
    NotFinite(f32),
    /// A parameter outside its range.
    #[error("calibration: {0}")]
    Promise(String),
}

/// How many false alarms are promised, and how frames become alarms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// False alarms per camera and day, at most (expected number).
    pub per_day: f64,
    /// Frames inspected per camera and day.
    pub frames_per_day: f64,
    /// Frames in a row above the threshold that make an alarm.
    pub consecutive: u32,
    /// Frames after an alarm in which there is no other.
    pub cooldown: u64,
    /// Whether the scores of successive frames are independent (different pieces on a belt). Where they are not (a camera
    /// that looks at the same place), a run of frames is hardly rarer than one frame: then the promise is kept by
    /// counting that each alarm uses up `consecutive` frames above the threshold, which holds for any dependence.
    pub independent: bool,
    /// Confidence that the threshold is high enough, in 0.5..1.
    pub confidence: f64,
}

impl Default for Promise {
    /// One a day at one frame a second, single frames, with 90 % confidence.
    fn default() -> Self {
        Self {
            per_day: 1.0,
            frames_per_day: 86_400.0,
            consecutive: 1,
            cooldown: 0,
            independent: false,
            confidence: 0.9,
        }
    }
}

impl Promise {
    fn check(&self) -> Result<(), CalibrateError> {
        let bad = |what: String| Err(CalibrateError::Promise(what));
        if !(self.per_day > 0.0 && self.per_day.is_finite()) {
            return bad(format!("{} false alarms a day: give a number above 0", self.per_day));
        }
        if !(self.frames_per_day >= 1.0 && self.frames_per_day.is_finite()) {
            return bad(format!(
                "{} frames a day: give a number of at least 1",
                self.frames_per_day
            ));
        }
        if !(1..=1000).contains(&self.consecutive) {
            return bad(format!("{} consecutive frames: give 1 to 1000", self.consecutive));
        }
        if !(0.5..1.0).contains(&self.confidence) {
            return bad(format!("a confidence of {}: give 0.5 up to below 1", self.confidence));
        }
        Ok(())
    }

    /// Expected alarms per day when a normal frame is above the threshold with probability `exceedance`. For independent
    /// frames, frames over the mean wait for a run (Feller 1968, XIII.7) and the cooldown; else the upper limit that
    /// holds for any dependence.
    #[must_use]
    pub fn alarms_per_day(&self, exceedance: f64) -> f64 {
        let p = exceedance.clamp(0.0, 1.0);
        let run = f64::from(self.consecutive);
        if p == 0.0 {
            return 0.0;
        }
        let most = self.frames_per_day / (run + self.cooldown as f64);
        if !self.independent {
            return (self.frames_per_day * p / run).min(most);
        }
        let power = p.powf(run);
        let wait = if p == 1.0 { run } else { (1.0 - power) / ((1.0 - p) * power) };
        (self.frames_per_day / (wait + self.cooldown as f64)).min(most)
    }

    /// The largest probability of a frame above the threshold that keeps the promise; at most one half.
    #[must_use]
    pub fn exceedance(&self) -> f64 {
        let (mut low, mut high) = (0.0_f64, 0.5_f64);
        if self.alarms_per_day(high) <= self.per_day {
            return high;
        }
        // Alarms rise with the probability. Halving in steps of ratio first reaches small numbers soon.
        for _ in 0..200 {
            let middle = if low == 0.0 { high / 8.0 } else { f64::midpoint(low, high) };
            if self.alarms_per_day(middle) <= self.per_day {
                low = middle;
            } else {
                high = middle;
            }
            if high - low <= 1e-12 * high || high < 1e-300 {
                break;
            }
        }
        low
    }
}

/// How a threshold was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// An order statistic of the scores: holds for every distribution.
    Empirical {
        /// Its place from below, from 1.
        rank: usize,
    },
    /// A generalised Pareto tail over the largest scores (peaks over threshold), extrapolated.
    Tail {
        /// Where the tail begins.
        over: f64,
        /// Scores above it.
        excesses: usize,
        /// Shape (posterior mean); above 0 a heavy tail.
        shape: f64,
        /// Scale (posterior mean).
        scale: f64,
    },
    /// Too few scores for a tail: the largest, and twice its distance from the median on top. No promise.
    Guess,
}

/// A threshold with what it promises and what it was made from. Serialises to JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Scores above it are anomalous.
    pub threshold: f32,
    /// The promise.
    pub promise: Promise,
    /// Probability that a normal frame is above the threshold, which keeps the promise.
    pub exceedance: f64,
    /// Scores it was made from.
    pub samples: usize,
    /// Scores that an empirical threshold would need: `ln(1 - confidence) / ln(1 - exceedance)`, the rule of three at 95 %.
    pub needed: usize,
    /// How it was found.
    pub method: Method,
    /// What to know before trusting it.
    pub warning: Option<String>,
    /// Quantiles of the scores at equal steps from the smallest to the largest: the reference for [`DriftMonitor`].
    pub quantiles: Vec<f32>,
}

impl Calibration {
    /// A threshold from the scores of normal pictures.
    ///
    /// # Errors
    /// [`CalibrateError`] for fewer than eight scores, scores that are not finite, and a promise out of range.
    pub fn fit(scores: &[f32], promise: Promise) -> Result<Self, CalibrateError> {
        promise.check()?;
        if let Some(&bad) = scores.iter().find(|score| !score.is_finite()) {
            return Err(CalibrateError::NotFinite(bad));
        }
        if scores.len() < FEWEST {
            return Err(CalibrateError::TooFew(scores.len()));
        }
        let mut sorted = scores.to_vec();
        sorted.sort_unstable_by(f32::total_cmp);
        let count = sorted.len();
        let exceedance = promise.exceedance();
        let needed = ((1.0 - promise.confidence).ln() / (-exceedance).ln_1p()).ceil();
        let needed = if needed < 1e18 { needed.max(1.0) as usize } else { usize::MAX };
        let mut warning = None;
        let (threshold, method) = if let Some(rank) =
            tail::rank(count, exceedance, promise.confidence)
        {
            (f64::from(sorted[rank - 1]), Method::Empirical { rank })
        } else if count >= FEWEST_FOR_TAIL && sorted[count - 1] > sorted[count / 2] {
            let tail = tail::Tail::fit(&sorted);
            let beyond = needed as f64 / count as f64;
            warning = Some(format!(
                "{count} normal scores, {needed} are needed to promise this without assumptions: the tail is extrapolated \
                 {beyond:.0} times beyond them{}",
                if beyond > 100.0 {
                    ", too far to be trusted; gather more normals, ask for frames in a row, or promise less"
                } else {
                    ""
                }
            ));
            let (mean_shape, mean_scale) = tail.mean();
            let method = Method::Tail {
                over: tail.over,
                excesses: tail.excesses,
                shape: mean_shape,
                scale: mean_scale,
            };
            (tail.upper_quantile(exceedance, promise.confidence), method)
        } else {
            let (most, median) = (f64::from(sorted[count - 1]), f64::from(sorted[count / 2]));
            warning = Some(format!(
                "{count} normal scores are too few or too equal to promise anything ({needed} are needed without \
                 assumptions, {FEWEST_FOR_TAIL} different ones for an extrapolation): the threshold is a guess"
            ));
            (most + 2.0 * (most - median), Method::Guess)
        };
        let quantiles = (0..REFERENCE)
            .map(|at| quantile(&sorted, at as f64 / (REFERENCE - 1) as f64))
            .collect();
        // Rounded up: a score equal to the order statistic is not above it.
        let rounded = (threshold.min(f64::from(f32::MAX))) as f32;
        let threshold = if f64::from(rounded) < threshold { rounded.next_up() } else { rounded };
        Ok(Self {
            threshold,
            promise,
            exceedance,
            samples: count,
            needed,
            method,
            warning,
            quantiles,
        })
    }

    /// Median of the normal scores.
    #[must_use]
    pub fn median(&self) -> f32 {
        self.quantiles.get(self.quantiles.len() / 2).copied().unwrap_or(0.0)
    }

    /// Whether a raw score is anomalous.
    #[must_use]
    pub fn is_anomalous(&self, score: f32) -> bool {
        score > self.threshold
    }

    /// A raw score in 0..=1: 0 at the median of the normal scores and below, 0.5 at the threshold, 1 as far beyond it.
    #[must_use]
    pub fn normalised(&self, score: f32) -> f32 {
        let median = self.median();
        let span = self.threshold - median;
        if span > 0.0 {
            ((score - median) / span * 0.5).clamp(0.0, 1.0)
        } else {
            f32::from(u8::from(score > self.threshold))
        }
    }
}

/// Quantile of sorted numbers, linear between them.
fn quantile(sorted: &[f32], share: f64) -> f32 {
    let place = share.clamp(0.0, 1.0) * (sorted.len().max(1) - 1) as f64;
    let low = place.floor() as usize;
    let high = (low + 1).min(sorted.len().saturating_sub(1));
    match (sorted.get(low), sorted.get(high)) {
        (Some(&a), Some(&b)) => {
            (f64::from(a) + (f64::from(b) - f64::from(a)) * (place - low as f64)) as f32
        }
        _ => 0.0,
    }
}

#[cfg(test)]
#[path = "calibrate/tests.rs"]
mod tests;
