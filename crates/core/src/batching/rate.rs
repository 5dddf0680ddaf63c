//! How fast a queue is worked off, for telling a caller when to come again.

use std::time::Duration;

/// Weight of all earlier batches against the last one.
const KEEP: f64 = 0.9;

/// Told while nothing was measured yet.
const UNKNOWN: Duration = Duration::from_secs(1);

/// Least and most that is told.
const BOUNDS: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));

/// Cost served in a second of one worker's time, weighted exponentially: recent batches count most.
#[derive(Debug, Default)]
pub(super) struct Rate {
    cost: f64,
    seconds: f64,
}

impl Rate {
    /// A batch of this cost took so long.
    pub(super) fn observe(&mut self, cost: u64, duration: Duration) {
        self.cost = self.cost * KEEP + cost as f64;
        self.seconds = self.seconds * KEEP + duration.as_secs_f64();
    }

    /// When half of what waits should be done, with so many batches running at a time. Not when the
    /// next place is free: all who were turned away would come for it.
    pub(super) fn retry_after(&self, waiting: u64, running: usize) -> Duration {
        if self.cost <= 0.0 || self.seconds <= 0.0 {
            return UNKNOWN;
        }
        let each = self.seconds / self.cost;
        let seconds = waiting as f64 / 2.0 * each / running.max(1) as f64;
        let (least, most) = BOUNDS;
        Duration::try_from_secs_f64(seconds).unwrap_or(most).clamp(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_last_batches_and_the_number_of_workers() {
        let mut rate = Rate::default();
        assert_eq!(rate.retry_after(1000, 1), UNKNOWN);
        for _ in 0..100 {
            rate.observe(10, Duration::from_secs(1));
        }
        let close = |a: Duration, seconds: f64| (a.as_secs_f64() - seconds).abs() < 0.01 * seconds;
        assert!(close(rate.retry_after(200, 1), 10.0));
        assert!(close(rate.retry_after(200, 4), 2.5));
        for _ in 0..100 {
            rate.observe(10, Duration::from_millis(100));
        }
        assert!(close(rate.retry_after(200, 1), 1.0));
        assert_eq!(rate.retry_after(u64::MAX, 1), BOUNDS.1);
        assert_eq!(rate.retry_after(0, 1), BOUNDS.0);
    }
}
