//! A gate before work that takes a thread: so many inside, so many waiting, the rest refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::{Kind, Problem};

pub(crate) struct Gate {
    inside: Arc<Semaphore>,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// Leaves the queue when dropped, also when the client goes.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Gate {
    pub(crate) fn new(inside: usize, most_waiting: usize) -> Self {
        let inside = Arc::new(Semaphore::new(inside.max(1)));
        Self { inside, waiting: AtomicUsize::new(0), most_waiting }
    }

    /// A place inside, in the order of arrival.
    pub(crate) async fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(permit) = Arc::clone(&self.inside).try_acquire_owned() {
            return Ok(permit);
        }
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= self.most_waiting {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            let text = format!("{} requests wait already", self.most_waiting);
            return Err(Problem::new(Kind::TooManyRequests, "queue-full", text)
                .retry(Duration::from_secs(1)));
        }
        let _waiting = Waiting(&self.waiting);
        Arc::clone(&self.inside).acquire_owned().await.map_err(Problem::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_inside_so_many_waiting() {
        let gate = Arc::new(Gate::new(1, 1));
        let held = gate.enter().await.unwrap();
        let waits = tokio::spawn({
            let gate = Arc::clone(&gate);
            async move { gate.enter().await.map(drop) }
        });
        while gate.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        let refused = gate.enter().await.unwrap_err();
        assert_eq!((refused.kind, refused.retry_seconds()), (Kind::TooManyRequests, Some(1)));
        drop(held);
        waits.await.unwrap().unwrap();
        assert!(gate.enter().await.is_ok());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_queue() {
        let gate = Gate::new(1, 1);
        let _held = gate.enter().await.unwrap();
        let gave_up = tokio::time::timeout(Duration::from_millis(10), gate.enter()).await;
        assert!(gave_up.is_err());
        assert_eq!(gate.waiting.load(Ordering::Acquire), 0);
    }
}
