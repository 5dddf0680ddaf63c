//! How often a caller may call: a token bucket each. Pure: the time is given.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::keys::Caller;

/// A steady rate, and how far a burst may go beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Calls a second in the long run.
    pub per_second: f64,
    /// Calls at once after a rest.
    pub burst: u32,
}

/// Tokens that grow at a rate up to its burst; a call takes one.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    seen: Instant,
}

impl Bucket {
    /// What it holds at `now`; a clock that goes backwards adds nothing.
    fn filled(&self, rate: Rate, now: Instant) -> f64 {
        let grown = now.saturating_duration_since(self.seen).as_secs_f64() * rate.per_second;
        (self.tokens + grown).min(f64::from(rate.burst))
    }
}

/// The buckets of all callers that have a rate.
#[derive(Debug)]
pub struct RateLimits {
    buckets: HashMap<u64, Bucket>,
    capacity: usize,
}

impl Default for RateLimits {
    /// Room for 65,536 callers.
    fn default() -> Self {
        Self::new(65_536)
    }
}

impl RateLimits {
    /// With room for `capacity` callers, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { buckets: HashMap::new(), capacity: capacity.max(1) }
    }

    /// Takes one call from what `caller` may do.
    ///
    /// # Errors
    /// How long to wait until the next call is allowed, for `Retry-After`. Refused calls cost
    /// nothing.
    pub fn take(&mut self, caller: &Caller, now: Instant) -> Result<(), Duration> {
        let Some(rate) = caller.rate else { return Ok(()) };
        if !self.buckets.contains_key(&caller.id) && self.buckets.len() >= self.capacity {
            self.make_room();
        }
        let full = Bucket { tokens: f64::from(rate.burst), seen: now };
        let bucket = self.buckets.entry(caller.id).or_insert(full);
        let tokens = bucket.filled(rate, now);
        if tokens < 1.0 {
            // Above a day, or at a rate of none, it makes no difference to a client.
            let wait = ((1.0 - tokens) / rate.per_second).min(86_400.0);
            return Err(Duration::from_secs_f64(wait));
        }
        *bucket = Bucket { tokens: tokens - 1.0, seen: now.max(bucket.seen) };
        Ok(())
    }

    /// Forgets the half that has not been seen for longest: their buckets are the fullest, and it is
    /// seldom enough that newcomers do not each pay for a search.
    fn make_room(&mut self) {
        let mut seen: Vec<Instant> = self.buckets.values().map(|bucket| bucket.seen).collect();
        let middle = (seen.len() - 1) / 2;
        let (_, middle, _) = seen.select_nth_unstable(middle);
        let middle = *middle;
        self.buckets.retain(|_, bucket| bucket.seen > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(id: u64, per_second: f64, burst: u32) -> Caller {
        Caller { id, rate: Some(Rate { per_second, burst }), ..Caller::anonymous() }
    }

    #[test]
    fn a_burst_then_the_steady_rate() {
        let (mut limits, lab, start) = (RateLimits::default(), caller(1, 10.0, 3), Instant::now());
        for _ in 0..3 {
            assert_eq!(limits.take(&lab, start), Ok(()));
        }
        let wait = limits.take(&lab, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        let almost = start + Duration::from_millis(90);
        let rest = limits.take(&lab, almost).unwrap_err();
        assert!(rest > Duration::from_millis(9) && rest < Duration::from_millis(11), "{rest:?}");
        let later = start + wait + Duration::from_micros(1);
        assert_eq!(limits.take(&lab, later), Ok(()));
        assert!(limits.take(&lab, later).is_err());
        // Tokens do not grow beyond the burst.
        let long_after = start + Duration::from_secs(3600);
        let allowed = (0..10).filter(|_| limits.take(&lab, long_after).is_ok()).count();
        assert_eq!(allowed, 3);
    }

    #[test]
    fn over_a_minute_the_rate_is_held_whatever_the_pattern() {
        let (mut limits, lab, start) = (RateLimits::default(), caller(1, 50.0, 20), Instant::now());
        let times = (0..60_000).map(|ms| start + Duration::from_millis(ms));
        let allowed = times.filter(|now| limits.take(&lab, *now).is_ok()).count();
        assert!((3018..=3020).contains(&allowed), "{allowed}");
    }

    #[test]
    fn callers_do_not_share_and_those_without_a_rate_never_wait() {
        let (mut limits, now) = (RateLimits::default(), Instant::now());
        let (one, other) = (caller(1, 1.0, 1), caller(2, 1.0, 1));
        assert!(limits.take(&one, now).is_ok() && limits.take(&one, now).is_err());
        assert!(limits.take(&other, now).is_ok());
        let free = Caller::anonymous();
        assert!((0..1000).all(|_| limits.take(&free, now).is_ok()));
        assert_eq!(limits.buckets.len(), 2);
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_nothing() {
        let (mut limits, lab, start) = (RateLimits::default(), caller(1, 10.0, 1), Instant::now());
        let later = start + Duration::from_secs(1);
        assert!(limits.take(&lab, later).is_ok());
        assert!(limits.take(&lab, start).is_err());
        assert!(limits.take(&lab, later).is_err());
    }

    #[test]
    fn the_number_of_buckets_is_bounded_and_the_recent_ones_are_kept() {
        let (mut limits, start) = (RateLimits::new(100), Instant::now());
        for id in 0..10_000 {
            let now = start + Duration::from_micros(id);
            assert!(limits.take(&caller(id, 0.001, 1), now).is_ok());
            assert!(limits.buckets.len() <= 100);
        }
        let now = start + Duration::from_millis(10);
        assert!(limits.take(&caller(9_999, 0.001, 1), now).is_err());
        assert!(limits.take(&caller(0, 0.001, 1), now).is_ok());
    }
}
