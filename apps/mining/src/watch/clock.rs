//! Time, as a parameter of everything that depends on it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970 (UTC).
    fn now_ms(&self) -> i64;
}

/// The system's clock, which here never goes back: it stands still until a clock that was set back is
/// there again, so that no event ends before it begins.
#[derive(Debug, Default)]
pub struct SystemClock {
    last: AtomicI64,
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        self.last.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

/// A clock that is set by hand, for tests and for recordings that are worked through without waiting.
#[derive(Debug, Default)]
pub struct ManualClock {
    now: AtomicI64,
}

impl ManualClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Self { now: AtomicI64::new(now_ms) }
    }

    /// Goes on.
    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }
}
