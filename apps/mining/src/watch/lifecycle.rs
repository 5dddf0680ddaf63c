//! When the program stops: everybody sees it at once, and until when outputs may still deliver.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs, drains until a moment, or is over.
#[derive(Debug, Default)]
pub struct Lifecycle {
    deadline: Mutex<Option<Instant>>,
    stopping: Condvar,
}

impl Lifecycle {
    /// Stops: nothing new is looked at, and outputs have `grace` to deliver what waits. Stopping again
    /// may only shorten that.
    pub fn stop(&self, grace: Duration) {
        let end = Instant::now() + grace;
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = Some(deadline.map_or(end, |earlier| earlier.min(end)));
        self.stopping.notify_all();
    }

    /// Whether it stops.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.deadline().is_some()
    }

    /// Whether also the time for delivering is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Until when outputs may deliver, once it stops.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, `most` at the longest, until it stops; whether it does.
    pub fn wait(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        while deadline.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let woken = self.stopping.wait_timeout(deadline, left);
            deadline = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_woken_and_the_deadline_only_shrinks() {
        let life = Lifecycle::default();
        assert!(!life.wait(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| life.wait(Duration::from_secs(60)));
            life.stop(Duration::from_secs(60));
            assert!(waiter.join().unwrap());
        });
        let first = life.deadline().unwrap();
        life.stop(Duration::from_secs(600));
        assert!(life.deadline().unwrap() == first && !life.is_over());
        life.stop(Duration::ZERO);
        assert!(life.is_over());
    }
}
