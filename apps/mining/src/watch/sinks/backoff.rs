//! How long to wait after failures: longer each time, up to a limit, and never all at the same moment.

use std::time::Duration;

/// Doubling waits.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub most: Duration,
}

impl Backoff {
    /// The wait after so many failures in a row (1 is the first): `first` doubled with each, `most` at
    /// the longest, of which between half and all is waited ("equal jitter"; M. Brooker, "Exponential
    /// Backoff And Jitter", 2015), as `share` from 0 to 1 says.
    #[must_use]
    pub fn wait(&self, failures: u32, share: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.most);
        full.mul_f64(0.5 + 0.5 * share.clamp(0.0, 1.0))
    }

    /// The wait with a random share.
    #[must_use]
    pub fn random(&self, failures: u32) -> Duration {
        let mut bytes = [0_u8; 4];
        // Without randomness the wait is the longest, which is safe.
        let share = match getrandom::fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_) => 1.0,
        };
        self.wait(failures, share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
        let waits: Vec<u64> = (1..9).map(|n| backoff.wait(n, 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.wait(u32::MAX, 0.0), Duration::from_secs(30));
        for failures in 1..200 {
            let wait = backoff.random(failures);
            assert!(wait >= Duration::from_millis(500) && wait <= Duration::from_secs(60));
        }
    }
}
