//! The queue before a pool: a fixed number of things (sessions), lent to callers in the order they
//! asked. One that is given back goes straight to the caller who has waited longest; nobody spins.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::RuntimeError;
use super::error::Stage;
use super::options::RunOptions;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session and its number in the pool.
pub(super) struct Slot<T> {
    pub(super) index: usize,
    pub(super) session: T,
}

/// The sessions that are free, and the callers that wait. If anybody waits, no session is free.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    idle: Vec<Slot<T>>,
    waiting: VecDeque<Arc<Waiter<T>>>,
}

/// A caller that waits.
struct Waiter<T> {
    handed: Mutex<Handed<T>>,
    changed: Condvar,
}

struct Handed<T> {
    slot: Option<Slot<T>>,
    cancelled: bool,
}

/// A session on loan; goes back when dropped, also when the borrower panics.
pub(super) struct Lease<'a, T> {
    queue: &'a Queue<T>,
    slot: Option<Slot<T>>,
}

impl<T> Queue<T> {
    pub(super) fn new(sessions: Vec<T>) -> Self {
        let slot = |(index, session)| Slot { index, session };
        // Last in, first out: number 0 first, and the session used last is still in the caches.
        let idle = sessions.into_iter().enumerate().rev().map(slot).collect();
        Self { state: Mutex::new(State { idle, waiting: VecDeque::new() }) }
    }

    /// Waits for a session until the deadline or the cancellation.
    pub(super) fn lease(
        &self,
        model: &str,
        options: &RunOptions,
        start: Instant,
    ) -> Result<Lease<'_, T>, RuntimeError>
    where
        T: Send + 'static,
    {
        let waiter = {
            let mut state = lock(&self.state);
            if let Some(slot) = state.idle.pop() {
                return Ok(self.lend(slot));
            }
            let waiter = Arc::new(Waiter::new());
            state.waiting.push_back(Arc::clone(&waiter));
            waiter
        };
        let _subscription = options.cancel.as_ref().map(|token| {
            let waiter = Arc::clone(&waiter);
            token.on_cancel(Arc::new(move || waiter.cancel()))
        });
        let cancelled = || options.cancel.as_ref().is_some_and(super::CancelToken::is_cancelled);
        if let Some(slot) = waiter.wait(options.deadline) {
            if !cancelled() {
                return Ok(self.lend(slot));
            }
            // It comes from a call that was cancelled with this one, which must not begin any more.
            self.give_back(slot);
        }
        lock(&self.state).waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
        // Between giving up and leaving the queue a session may have come: the next one gets it.
        if let Some(slot) = lock(&waiter.handed).slot.take() {
            self.give_back(slot);
        }
        let (model, stage) = (model.to_owned(), Stage::Waiting);
        Err(if cancelled() {
            RuntimeError::Cancelled { model, stage }
        } else {
            RuntimeError::Deadline { model, stage, waited: start.elapsed() }
        })
    }

    /// Takes every session, one after the other, whoever else waits: for warm-up before anybody can.
    pub(super) fn lease_each(&self) -> Vec<Lease<'_, T>> {
        lock(&self.state).idle.drain(..).map(|slot| self.lend(slot)).collect()
    }

    fn lend(&self, slot: Slot<T>) -> Lease<'_, T> {
        Lease { queue: self, slot: Some(slot) }
    }

    fn give_back(&self, slot: Slot<T>) {
        let mut state = lock(&self.state);
        match state.waiting.pop_front() {
            Some(waiter) => waiter.hand(slot),
            None => state.idle.push(slot),
        }
    }
}

impl<T> Waiter<T> {
    fn new() -> Self {
        let handed = Handed { slot: None, cancelled: false };
        Self { handed: Mutex::new(handed), changed: Condvar::new() }
    }

    fn hand(&self, slot: Slot<T>) {
        lock(&self.handed).slot = Some(slot);
        self.changed.notify_one();
    }

    fn cancel(&self) {
        lock(&self.handed).cancelled = true;
        self.changed.notify_one();
    }

    fn wait(&self, deadline: Option<Instant>) -> Option<Slot<T>> {
        let mut handed = lock(&self.handed);
        loop {
            if let Some(slot) = handed.slot.take() {
                return Some(slot);
            }
            if handed.cancelled {
                return None;
            }
            let Some(deadline) = deadline else {
                handed = self.changed.wait(handed).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(handed, left);
            handed = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl<T> Lease<'_, T> {
    /// The session; `None` only while the lease is being dropped.
    pub(super) fn slot(&mut self) -> Option<&mut Slot<T>> {
        self.slot.as_mut()
    }
}

impl<T> Drop for Lease<'_, T> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.queue.give_back(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::runtime::CancelToken;

    fn lease<'a>(
        queue: &'a Queue<u8>,
        options: &RunOptions,
    ) -> Result<Lease<'a, u8>, RuntimeError> {
        queue.lease("m", options, Instant::now())
    }

    fn waiting(queue: &Queue<u8>) -> usize {
        lock(&queue.state).waiting.len()
    }

    #[test]
    fn those_who_wait_are_served_in_their_order() {
        let queue = Queue::new(vec![0]);
        let (sender, receiver) = mpsc::channel();
        let held = lease(&queue, &RunOptions::default()).unwrap();
        thread::scope(|scope| {
            for caller in 0..5 {
                let (queue, sender) = (&queue, sender.clone());
                scope.spawn(move || {
                    let _lease = lease(queue, &RunOptions::default()).unwrap();
                    sender.send(caller).unwrap();
                });
                while waiting(queue) <= caller {
                    thread::yield_now();
                }
            }
            drop(held);
        });
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        assert_eq!(lock(&queue.state).idle.len(), 1);
    }

    #[test]
    fn deadline_and_cancellation_end_the_wait_and_lose_no_session() {
        let queue = Queue::new(vec![0]);
        let held = lease(&queue, &RunOptions::default()).unwrap();
        let deadline = Some(Instant::now() + Duration::from_millis(20));
        let late = lease(&queue, &RunOptions { deadline, ..RunOptions::default() });
        assert!(matches!(late, Err(RuntimeError::Deadline { stage: Stage::Waiting, .. })));
        let token = CancelToken::new();
        let cancel = Some(token.clone());
        thread::scope(|scope| {
            let options = RunOptions { cancel, ..RunOptions::default() };
            let queue = &queue;
            let waiter = scope.spawn(move || lease(queue, &options).map(drop));
            while waiting(queue) == 0 {
                thread::yield_now();
            }
            token.cancel();
            let outcome = waiter.join().unwrap();
            assert!(matches!(outcome, Err(RuntimeError::Cancelled { .. })));
        });
        assert_eq!(waiting(&queue), 0);
        drop(held);
        assert!(lease(&queue, &RunOptions::default()).is_ok());
    }

    #[test]
    fn a_panicking_borrower_gives_its_session_back() {
        let queue = Queue::new(vec![0]);
        let borrower = thread::scope(|scope| {
            scope
                .spawn(|| {
                    let _lease = lease(&queue, &RunOptions::default()).unwrap();
                    panic!("on purpose");
                })
                .join()
        });
        assert!(borrower.is_err());
        assert!(lease(&queue, &RunOptions::default()).is_ok());
    }

    #[test]
    fn never_more_borrowers_than_sessions_under_racing_deadlines() {
        let queue = Queue::new(vec![0, 1, 2]);
        let (busy, most, served) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for caller in 0..8_u64 {
                let (queue, busy, most, served) = (&queue, &busy, &most, &served);
                scope.spawn(move || {
                    for round in 0..300_u64 {
                        let wait = Duration::from_micros((caller * 37 + round * 13) % 200);
                        let deadline = Some(Instant::now() + wait);
                        let options = RunOptions { deadline, ..RunOptions::default() };
                        let Ok(_lease) = lease(queue, &options) else { continue };
                        most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::sleep(Duration::from_micros(20));
                        busy.fetch_sub(1, Ordering::SeqCst);
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 3 && served.load(Ordering::SeqCst) > 0);
        let state = lock(&queue.state);
        assert_eq!((state.idle.len(), state.waiting.len()), (3, 0));
    }
}
