//! One request on its way through a batcher: its reply, given exactly once by whoever is first to
//! have one (the worker, its deadline, its caller's cancellation), and the run it is part of.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::error::BatchError;
use super::limits::ItemId;
use crate::runtime::{CancelToken, Subscription};

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answer to one request, and how it came about.
#[derive(Debug, Clone)]
pub struct Done<R> {
    /// The answer.
    pub value: R,
    /// How long it waited before its batch ran.
    pub queued: Duration,
    /// How long its batch ran.
    pub running: Duration,
    /// Requests in the batch.
    pub batch_items: usize,
    /// Rows in the batch.
    pub batch_rows: usize,
    /// Padded cost of the batch.
    pub batch_cost: u64,
}

/// What is called with the answer.
pub type Reply<R> = Box<dyn FnOnce(Result<Done<R>, BatchError>) + Send>;

/// A request that is under way.
pub(super) struct Call<R> {
    /// Set under the lock of the queue that holds it.
    pub(super) id: OnceLock<ItemId>,
    /// Set under the same lock when it leaves the queue to be run.
    pub(super) run: OnceLock<Arc<Run>>,
    /// When it came.
    pub(super) submitted: Instant,
    open: Mutex<Option<Open<R>>>,
}

struct Open<R> {
    reply: Reply<R>,
    subscription: Option<Subscription>,
}

/// A batch that runs, as seen by its members.
#[derive(Default)]
pub(super) struct Run {
    pub(super) cancel: CancelToken,
    /// Whether it was stopped because the batcher was dropped.
    pub(super) shutdown: AtomicBool,
    /// Members that still want an answer.
    live: AtomicUsize,
}

impl<R> Call<R> {
    pub(super) fn new(reply: Reply<R>, submitted: Instant) -> Self {
        let open = Mutex::new(Some(Open { reply, subscription: None }));
        Self { id: OnceLock::new(), run: OnceLock::new(), submitted, open }
    }

    /// Keeps the subscription to the caller's token until there is an answer.
    pub(super) fn keep(&self, subscription: Subscription) {
        let mut open = lock(&self.open);
        match &mut *open {
            Some(open) => open.subscription = Some(subscription),
            None => {
                // Never under a lock: it takes that of the token.
                drop(open);
                drop(subscription);
            }
        }
    }

    /// Whether nobody has answered yet.
    pub(super) fn is_open(&self) -> bool {
        lock(&self.open).is_some()
    }

    /// Answers, unless somebody has already: false then. Must be called under no lock.
    pub(super) fn answer(&self, outcome: Result<Done<R>, BatchError>) -> bool {
        let Some(Open { reply, subscription }) = lock(&self.open).take() else { return false };
        drop(subscription);
        // A reply that panics is its caller's bug; this thread has others to answer.
        if catch_unwind(AssertUnwindSafe(|| reply(outcome))).is_err() {
            tracing::error!("a reply panicked");
        }
        true
    }
}

impl Run {
    pub(super) fn new(members: usize) -> Self {
        Self { live: AtomicUsize::new(members), ..Self::default() }
    }

    /// A member wants no answer any more; the last one stops the run.
    pub(super) fn leave(&self) {
        if self.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.cancel.cancel();
        }
    }
}

/// Something whose caller can withdraw it.
pub(super) trait Withdraw: Send + Sync {
    fn withdraw(&self);
}

/// A request that was submitted. Dropped, it cancels the request: whoever lost interest costs nothing.
#[must_use = "dropping a ticket cancels its request; see `detach`"]
pub struct Ticket(pub(super) Option<Arc<dyn Withdraw>>);

impl Ticket {
    /// Cancels the request. If it has no answer yet, that is [`BatchError::Cancelled`] before this
    /// returns.
    pub fn cancel(mut self) {
        self.withdraw();
    }

    /// Lets the request go on without the ticket.
    pub fn detach(mut self) {
        self.0 = None;
    }

    fn withdraw(&mut self) {
        if let Some(request) = self.0.take() {
            request.withdraw();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}
