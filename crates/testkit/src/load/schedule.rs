//! When requests are to start: as soon as a client is free, or at times that do not wait for the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Until;
use crate::kill::Dice;

/// How requests follow one another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each client sends its next request when the last is answered. A slow server slows its own load: good for
    /// capacity, not for latency under load.
    Closed,
    /// Requests at equal intervals.
    Even {
        /// Requests a second.
        per_second: f64,
    },
    /// Independent arrivals (a Poisson process), as many users make them.
    Poisson {
        /// Requests a second, in the mean.
        per_second: f64,
        /// The same seed gives the same times.
        seed: u64,
    },
}

/// Gives every client its next start; the latency of a request counts from the start it was given, even where no
/// client was free at that time.
pub(super) struct Schedule {
    pace: Pace,
    until: Until,
    stopped: AtomicBool,
    state: Mutex<State>,
}

struct State {
    given: u64,
    /// Of the last arrival, since the beginning of the run.
    last: Duration,
    dice: Dice,
}

impl Schedule {
    pub(super) fn new(pace: Pace, until: Until) -> Self {
        let seed = if let Pace::Poisson { seed, .. } = pace { seed } else { 1 };
        let state = State { given: 0, last: Duration::ZERO, dice: Dice::new(seed) };
        Self { pace, until, stopped: AtomicBool::new(false), state: Mutex::new(state) }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The next request's start since the beginning of the run (`now` in a closed loop); none at the end.
    pub(super) fn next(&self, now: Duration) -> Option<Duration> {
        if self.is_stopped() {
            return None;
        }
        // A closed loop for a time needs no count: no lock.
        if let (Pace::Closed, Until::Elapsed(end)) = (self.pace, self.until) {
            return (now < end).then_some(now);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let start = match self.pace {
            Pace::Closed => now,
            Pace::Even { per_second } => seconds(state.given as f64 / per_second),
            Pace::Poisson { per_second, .. } => {
                // (0, 1]: its logarithm is finite.
                let u = ((state.dice.roll() >> 11) + 1) as f64 / (1u64 << 53) as f64;
                state.last = state.last.saturating_add(seconds(-u.ln() / per_second));
                state.last
            }
        };
        let on = match self.until {
            Until::Elapsed(end) => start < end,
            Until::Requests(count) => state.given < count,
        };
        state.given += u64::from(on);
        on.then_some(start)
    }
}

/// A duration from any number: a rate of nothing gives a time that never comes.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(schedule: &Schedule) -> Vec<Duration> {
        std::iter::from_fn(|| schedule.next(Duration::ZERO)).collect()
    }

    #[test]
    fn even_arrivals_are_evenly_spaced() {
        let schedule =
            Schedule::new(Pace::Even { per_second: 10.0 }, Until::Elapsed(Duration::from_secs(1)));
        let starts = all(&schedule);
        assert_eq!(starts.len(), 10);
        assert_eq!(starts[3], Duration::from_millis(300));
    }

    #[test]
    fn poisson_arrivals_have_the_mean_and_the_spread_of_an_exponential() {
        let pace = Pace::Poisson { per_second: 100.0, seed: 5 };
        let starts = all(&Schedule::new(pace, Until::Requests(20_000)));
        assert_eq!(starts, all(&Schedule::new(pace, Until::Requests(20_000))));
        let gaps: Vec<f64> = starts.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = gaps.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.01).abs() < 0.0005, "mean {mean}");
        // The standard deviation of an exponential is its mean.
        assert!((spread.sqrt() - 0.01).abs() < 0.001, "spread {}", spread.sqrt());
    }

    #[test]
    fn an_impossible_rate_ends_at_once() {
        let pace = Pace::Poisson { per_second: 0.0, seed: 1 };
        let schedule = Schedule::new(pace, Until::Elapsed(Duration::from_secs(1)));
        assert_eq!(schedule.next(Duration::ZERO), None);
    }

    #[test]
    fn a_stopped_schedule_gives_no_more() {
        let schedule = Schedule::new(Pace::Closed, Until::Requests(100));
        assert!(schedule.next(Duration::from_secs(3)).is_some());
        schedule.stop();
        assert_eq!(schedule.next(Duration::from_secs(3)), None);
    }
}
