//! What an observer of a download is told.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The state of a transfer at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot<'a> {
    /// Where the bytes come from: a URL or a path.
    pub origin: &'a str,
    /// Bytes on disk, those of earlier attempts included.
    pub bytes: u64,
    /// The size of the whole file where it is known.
    pub total: Option<u64>,
    /// Bytes a second over the last seconds of this attempt.
    pub rate: f64,
    /// Bytes that were on disk already when this attempt began.
    pub resumed_from: u64,
}

impl Snapshot<'_> {
    /// The time the rest needs at the present rate, where that can be told.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.bytes);
        if self.rate < 1.0 {
            return None;
        }
        Duration::try_from_secs_f64(left as f64 / self.rate).ok()
    }
}

/// An observer of a download. Every method has a default that does nothing.
pub trait Progress {
    /// Called about ten times a second while bytes arrive, and once at the end. `Break` stops the download; what
    /// came so far stays for a later call.
    fn update(&mut self, _snapshot: &Snapshot<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// An attempt failed for `reason` and the next begins after `wait`.
    fn retrying(&mut self, _reason: &str, _wait: Duration) {}

    /// A source was given up for `reason` and the next one is tried.
    fn next_source(&mut self, _reason: &str) {}

    /// Another process is fetching the same file; we wait for it.
    fn waiting(&mut self) {}
}

/// The observer that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Measures the rate of one attempt and says when an observer is due.
pub(crate) struct Meter {
    window_start: Instant,
    window_bytes: u64,
    rate: f64,
    told: Option<Instant>,
}

impl Meter {
    const EVERY: Duration = Duration::from_millis(100);
    const WINDOW: Duration = Duration::from_secs(1);

    pub(crate) fn new() -> Self {
        Self { window_start: Instant::now(), window_bytes: 0, rate: 0.0, told: None }
    }

    /// Counts `n` more bytes; true when the observer should hear of it.
    pub(crate) fn add(&mut self, n: usize) -> bool {
        self.window_bytes += n as u64;
        let now = Instant::now();
        let passed = now - self.window_start;
        if passed >= Self::WINDOW {
            let latest = self.window_bytes as f64 / passed.as_secs_f64();
            // Half old, half new: a figure that a person can read and that still follows the line.
            self.rate = if self.rate == 0.0 { latest } else { 0.5 * (self.rate + latest) };
            self.window_start = now;
            self.window_bytes = 0;
        } else if self.rate == 0.0 && passed > Duration::ZERO {
            return self.due(now);
        }
        self.due(now)
    }

    pub(crate) fn rate(&self) -> f64 {
        if self.rate > 0.0 {
            return self.rate;
        }
        let passed = self.window_start.elapsed().as_secs_f64();
        if passed > 0.0 { self.window_bytes as f64 / passed } else { 0.0 }
    }

    fn due(&mut self, now: Instant) -> bool {
        if self.told.is_some_and(|told| now - told < Self::EVERY) {
            return false;
        }
        self.told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_the_rate() {
        let mut snapshot =
            Snapshot { origin: "x", bytes: 25, total: Some(100), rate: 25.0, resumed_from: 0 };
        assert_eq!(snapshot.time_left(), Some(Duration::from_secs(3)));
        snapshot.rate = 0.0;
        assert_eq!(snapshot.time_left(), None);
        snapshot.total = None;
        assert_eq!(snapshot.time_left(), None);
    }

    #[test]
    fn the_first_bytes_are_told_at_once_and_the_next_are_not() {
        let mut meter = Meter::new();
        assert!(meter.add(10));
        assert!(!meter.add(10));
        std::thread::sleep(Duration::from_millis(2));
        assert!(meter.rate() > 0.0);
    }
}
