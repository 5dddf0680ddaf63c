//! A batcher: worker threads before something that runs batches, fed from one [`BatchQueue`].

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::call::{Call, Done, Reply, Ticket};
use super::error::BatchError;
use super::limits::{Ask, Limits};
use super::observe::{Observer, Unobserved};
use super::queue::BatchQueue;
use super::shared::{Entry, Request, Shared, State};
use crate::runtime::{CancelToken, RunOptions};

/// Runs batches.
pub trait Execute<T, R>: Send + Sync + 'static {
    /// Runs a batch: one result an item, in order. Several threads call it at the same time.
    ///
    /// `run` ends it early: its token is cancelled when every member has been cancelled or is past
    /// its deadline, and its deadline is the last of theirs if each has one.
    fn execute(&self, batch: Vec<T>, run: &RunOptions) -> Vec<Result<R, BatchError>>;
}

impl<T, R, E: Execute<T, R> + ?Sized> Execute<T, R> for Arc<E>
where
    Self: 'static,
{
    fn execute(&self, batch: Vec<T>, run: &RunOptions) -> Vec<Result<R, BatchError>> {
        (**self).execute(batch, run)
    }
}

/// Settings of a batcher.
#[derive(Clone)]
pub struct BatcherConfig {
    /// Name of its threads, for people who look at a process.
    pub name: String,
    /// Batches that run at the same time: one a session. 0 counts as 1.
    pub workers: usize,
    /// Bounds of the queue and of batches.
    pub limits: Limits,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
}

impl Default for BatcherConfig {
    fn default() -> Self {
        Self {
            name: "batch".to_owned(),
            workers: 1,
            limits: Limits::default(),
            observer: Arc::new(Unobserved),
        }
    }
}

impl std::fmt::Debug for BatcherConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatcherConfig")
            .field("name", &self.name)
            .field("workers", &self.workers)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// How busy a batcher is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Requests that wait.
    pub queued: usize,
    /// Their cost.
    pub queued_cost: u64,
    /// Batches that run.
    pub running: usize,
}

/// Takes requests from any thread, runs them in batches and answers each exactly once.
///
/// Dropping it answers what waits with [`BatchError::Closed`], stops what runs and joins its threads;
/// [`Self::drain`] before that lets everything come to its end.
pub struct Batcher<T: Send + 'static, R: Send + 'static> {
    shared: Arc<Shared<T, R>>,
    threads: Vec<JoinHandle<()>>,
}

impl<T: Send + 'static, R: Send + 'static> Batcher<T, R> {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system refuses one.
    pub fn new(execute: impl Execute<T, R>, config: BatcherConfig) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(BatchQueue::new(config.limits))),
            work: Condvar::new(),
            clerk: Condvar::new(),
            idle: Condvar::new(),
            execute: Box::new(execute),
            observer: config.observer,
        });
        // Made first, so that its drop ends the threads that were started if another is refused.
        let mut batcher = Self { shared, threads: Vec::new() };
        for number in 0..config.workers.max(1) {
            let shared = Arc::clone(&batcher.shared);
            let thread = thread::Builder::new().name(format!("{}-{number}", config.name));
            batcher.threads.push(thread.spawn(move || shared.work())?);
        }
        let shared = Arc::clone(&batcher.shared);
        let thread = thread::Builder::new().name(format!("{}-clerk", config.name));
        batcher.threads.push(thread.spawn(move || shared.keep_time())?);
        Ok(batcher)
    }

    /// Takes a request. `reply` is called exactly once, from a thread of the batcher or from the one
    /// that cancels, under no lock; it should be quick. `cancel` is a token that others hold, such as
    /// that of a job with many requests; the ticket cancels this request alone.
    ///
    /// # Errors
    /// When the request isn't taken; `reply` is not called then.
    pub fn submit(
        &self,
        ask: Ask,
        payload: T,
        cancel: Option<&CancelToken>,
        reply: Reply<R>,
    ) -> Result<Ticket, BatchError> {
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return Err(BatchError::Cancelled);
        }
        let now = Instant::now();
        let call = Arc::new(Call::new(reply, now));
        let entry = Entry { payload, call: Arc::clone(&call) };
        let mut state = self.shared.lock();
        let id = match state.queue.push(now, ask, entry) {
            Ok(id) => id,
            Err((why, entry)) => {
                let error = BatchError::rejected(why, &ask, state.queue.limits());
                drop(state);
                drop(entry);
                self.shared.observer.rejected(error.reason());
                return Err(error);
            }
        };
        // Set once: the call is new.
        let _ = call.id.set(id);
        state.open += 1;
        let wake_clerk = state.clerk_is_late();
        // Otherwise a worker that is free watches already for the oldest to be ripe.
        let wake_worker = state.queue.len() == 1 || state.queue.is_ripe();
        let (depth, cost) = (state.queue.len(), state.queue.cost());
        drop(state);
        if wake_worker {
            self.shared.work.notify_one();
        }
        if wake_clerk {
            self.shared.clerk.notify_one();
        }
        self.shared.observer.queued(depth, cost);
        if let Some(token) = cancel {
            let (shared, weak) = (Arc::downgrade(&self.shared), Arc::downgrade(&call));
            call.keep(token.on_cancel(Arc::new(move || {
                if let Some(shared) = shared.upgrade() {
                    shared.token_cancelled(weak.clone());
                }
            })));
        }
        let request = Request { shared: Arc::downgrade(&self.shared), call };
        Ok(Ticket(Some(Arc::new(request))))
    }

    /// [`Self::submit`], and waits for the answer on this thread.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn call(
        &self,
        ask: Ask,
        payload: T,
        cancel: Option<&CancelToken>,
    ) -> Result<Done<R>, BatchError> {
        let (sender, receiver) = sync_channel(1);
        let reply = Box::new(move |outcome| {
            // Fails only when this function is gone, and it waits.
            let _ = sender.send(outcome);
        });
        let ticket = self.submit(ask, payload, cancel, reply)?;
        let outcome = receiver.recv().unwrap_or(Err(BatchError::Closed));
        ticket.detach();
        outcome
    }

    /// How busy it is.
    #[must_use]
    pub fn load(&self) -> Load {
        let state = self.shared.lock();
        let queue = &state.queue;
        Load { queued: queue.len(), queued_cost: queue.cost(), running: queue.running() }
    }

    /// Why a request that asks for this would not be taken now: to refuse it before any work is done
    /// for it. One that would be taken may still be refused when it comes.
    ///
    /// # Errors
    /// [`BatchError`].
    pub fn would_take(&self, ask: &Ask) -> Result<(), BatchError> {
        let state = self.shared.lock();
        let refused = state.queue.would_take(Instant::now(), ask);
        let refused = refused.map_err(|why| BatchError::rejected(why, ask, state.queue.limits()));
        drop(state);
        refused.inspect_err(|error| self.shared.observer.rejected(error.reason()))
    }

    /// Its bounds.
    #[must_use]
    pub fn limits(&self) -> Limits {
        *self.shared.lock().queue.limits()
    }

    /// Takes no new requests; those that wait are served at once.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Closes, and waits until every request has its answer, at most this long. Whether they have.
    pub fn drain(&self, timeout: Duration) -> bool {
        self.close();
        let start = Instant::now();
        let mut state = self.shared.lock();
        while state.open > 0 {
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.idle.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl<T: Send + 'static, R: Send + 'static> Drop for Batcher<T, R> {
    fn drop(&mut self) {
        self.shared.stop();
        let me = thread::current().id();
        // A reply may hold the last batcher: its thread can't wait for itself.
        for thread in self.threads.drain(..).filter(|thread| thread.thread().id() != me) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl<T: Send + 'static, R: Send + 'static> std::fmt::Debug for Batcher<T, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batcher").field("load", &self.load()).finish_non_exhaustive()
    }
}
