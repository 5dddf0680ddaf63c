//! What a batcher's threads share. Workers take batches and run them; the clerk answers those who
//! waited too long and those who cancelled, also while every worker is busy.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use super::call::{Call, Done, Run, Withdraw, lock};
use super::error::BatchError;
use super::limits::{Batch, Member, Next};
use super::observe::{BatchFacts, Observer, Where};
use super::queue::BatchQueue;
use super::{Execute, panic_text};
use crate::runtime::RunOptions;

pub(super) struct Shared<T, R> {
    pub(super) state: Mutex<State<T, R>>,
    /// Workers wait here for batches.
    pub(super) work: Condvar,
    /// The clerk waits here.
    pub(super) clerk: Condvar,
    /// Whoever waits for the last answer waits here.
    pub(super) idle: Condvar,
    pub(super) execute: Box<dyn Execute<T, R>>,
    pub(super) observer: Arc<dyn Observer>,
}

pub(super) struct State<T, R> {
    pub(super) queue: BatchQueue<Entry<T, R>>,
    /// Deadlines of members of running batches.
    deadlines: BTreeMap<(Instant, u64), Arc<Call<R>>>,
    /// Requests whose caller's token was cancelled.
    cancelled: Vec<Weak<Call<R>>>,
    /// Batches that run, by a number.
    runs: BTreeMap<u64, Arc<Run>>,
    next_run: u64,
    /// Requests taken whose reply has not returned.
    pub(super) open: usize,
    pub(super) closed: bool,
    stopped: bool,
    /// When the clerk will look again by itself.
    clerk_wakes: Option<Instant>,
}

/// A request in the queue.
pub(super) struct Entry<T, R> {
    pub(super) payload: T,
    pub(super) call: Arc<Call<R>>,
}

/// A batch a worker has taken.
struct Taken<T, R> {
    batch: Batch<Entry<T, R>>,
    run: Arc<Run>,
    number: u64,
    options: RunOptions,
}

/// A request that ends without having run to its end.
struct Ended<T, R> {
    call: Arc<Call<R>>,
    /// What was to be run, dropped under no lock.
    _payload: Option<T>,
    error: BatchError,
}

impl<T, R> State<T, R> {
    pub(super) fn new(queue: BatchQueue<Entry<T, R>>) -> Self {
        Self {
            queue,
            deadlines: BTreeMap::new(),
            cancelled: Vec::new(),
            runs: BTreeMap::new(),
            next_run: 0,
            open: 0,
            closed: false,
            stopped: false,
            clerk_wakes: None,
        }
    }

    /// Whether the clerk sleeps beyond something that will be due earlier.
    pub(super) fn clerk_is_late(&self) -> bool {
        let due = self.queue.next_expiry();
        due.is_some_and(|due| self.clerk_wakes.is_none_or(|wakes| due < wakes))
    }

    fn begin(&mut self, batch: Batch<Entry<T, R>>) -> Taken<T, R> {
        let run = Arc::new(Run::new(batch.items.len()));
        let number = self.next_run;
        self.next_run += 1;
        let mut latest = None;
        let mut all = true;
        for member in &batch.items {
            let call = &member.payload.call;
            // Set once: an item leaves the queue once.
            let _ = call.run.set(Arc::clone(&run));
            match member.ask.deadline {
                Some(deadline) => {
                    latest = latest.max(Some(deadline));
                    self.deadlines.insert((deadline, member.id.0), Arc::clone(call));
                }
                None => all = false,
            }
        }
        self.runs.insert(number, Arc::clone(&run));
        let deadline = latest.filter(|_| all);
        let options = RunOptions { deadline, cancel: Some(run.cancel.clone()) };
        Taken { batch, run, number, options }
    }

    /// Those that end now, for the clerk to answer.
    fn ended(&mut self, now: Instant) -> Vec<Ended<T, R>> {
        let mut ended = Vec::new();
        for expired in self.queue.expire(now) {
            let Member { arrived, payload: Entry { payload, call }, .. } = expired.member;
            let waited = now.saturating_duration_since(arrived);
            let error = if expired.by_deadline {
                BatchError::Deadline { waited }
            } else {
                BatchError::QueueTimeout { waited }
            };
            ended.push(Ended { call, _payload: Some(payload), error });
        }
        while let Some(first) = self.deadlines.first_entry().filter(|first| first.key().0 <= now) {
            let call = first.remove();
            let waited = now.saturating_duration_since(call.submitted);
            ended.push(Ended { call, _payload: None, error: BatchError::Deadline { waited } });
        }
        for call in std::mem::take(&mut self.cancelled) {
            let Some(call) = call.upgrade() else { continue };
            let entry = call.id.get().and_then(|&id| self.queue.cancel(id));
            let payload = entry.map(|entry| entry.payload);
            ended.push(Ended { call, _payload: payload, error: BatchError::Cancelled });
        }
        ended
    }
}

impl<T: Send + 'static, R: Send + 'static> Shared<T, R> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State<T, R>> {
        lock(&self.state)
    }

    /// A worker's life.
    pub(super) fn work(&self) {
        while let Some(taken) = self.take() {
            self.run(taken);
        }
    }

    /// Waits for the next batch; `None` when there will be none.
    fn take(&self) -> Option<Taken<T, R>> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            state = match state.queue.next(Instant::now()) {
                Next::Run(batch) => {
                    let taken = state.begin(batch);
                    let (depth, cost) = (state.queue.len(), state.queue.cost());
                    drop(state);
                    if depth > 0 {
                        // This worker is busy now: another must watch what is left.
                        self.work.notify_one();
                    }
                    self.observer.queued(depth, cost);
                    return Some(taken);
                }
                Next::WaitUntil(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    let waited = self.work.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                Next::Empty if state.closed => return None,
                Next::Empty => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn run(&self, taken: Taken<T, R>) {
        let Taken { batch, run, number, options } = taken;
        let started = Instant::now();
        let (rows, cost, padded_cost) = (batch.rows, batch.cost, batch.padded_cost);
        let mut payloads = Vec::with_capacity(batch.items.len());
        let mut members = Vec::with_capacity(batch.items.len());
        let mut waits = Vec::with_capacity(batch.items.len());
        for Member { id, ask, arrived, payload: Entry { payload, call } } in batch.items {
            payloads.push(payload);
            members.push((ask.deadline.map(|deadline| (deadline, id.0)), call));
            waits.push(started.saturating_duration_since(arrived));
        }
        // Sound: what panicked is the caller's to keep whole; nothing of ours is half done.
        let results = catch_unwind(AssertUnwindSafe(|| self.execute.execute(payloads, &options)));
        let running = started.elapsed();
        {
            let mut state = self.lock();
            state.queue.finished(cost, running);
            state.runs.remove(&number);
            for key in members.iter().filter_map(|(key, _)| *key) {
                state.deadlines.remove(&key);
            }
        }
        let items = members.len();
        let facts = BatchFacts { items, rows, cost, padded_cost, waits: &waits, running };
        self.observer.batch(&facts);
        let results = match results {
            Ok(results) if results.len() == items => results,
            Ok(results) => {
                let error = BatchError::Miscounted { items, results: results.len() };
                tracing::error!(%error, "batch");
                (0..items).map(|_| Err(error.clone())).collect()
            }
            Err(panic) => {
                let error = BatchError::Panicked(panic_text(panic.as_ref()));
                tracing::error!(%error, "batch");
                (0..items).map(|_| Err(error.clone())).collect()
            }
        };
        let now = Instant::now();
        for ((result, (key, call)), queued) in results.into_iter().zip(members).zip(waits) {
            let done = |value| Done {
                value,
                queued,
                running,
                batch_items: items,
                batch_rows: rows,
                batch_cost: padded_cost,
            };
            match result.map(done) {
                Err(BatchError::Cancelled) if run.shutdown.load(Ordering::Acquire) => {
                    self.answer(&call, Err(BatchError::Closed));
                }
                // The run saw the deadline before the clerk did.
                Err(BatchError::Cancelled) if key.is_some_and(|(deadline, _)| deadline <= now) => {
                    let waited = now.saturating_duration_since(call.submitted);
                    self.end(&call, BatchError::Deadline { waited });
                }
                Err(error @ (BatchError::Cancelled | BatchError::Deadline { .. })) => {
                    self.end(&call, error);
                }
                outcome => {
                    self.answer(&call, outcome);
                }
            }
        }
    }

    /// The clerk's life.
    pub(super) fn keep_time(&self) {
        let mut state = self.lock();
        loop {
            let ended = state.ended(Instant::now());
            if !ended.is_empty() {
                let (depth, cost) = (state.queue.len(), state.queue.cost());
                drop(state);
                self.observer.queued(depth, cost);
                for Ended { call, error, .. } in &ended {
                    self.end(call, error.clone());
                }
                drop(ended);
                state = self.lock();
                continue;
            }
            if state.stopped {
                return;
            }
            let running = state.deadlines.first_key_value().map(|((deadline, _), _)| *deadline);
            let wake = state.queue.next_expiry().into_iter().chain(running).min();
            state.clerk_wakes = wake;
            state = match wake {
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    let waited = self.clerk.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.clerk.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Gives a request up before its run has ended, if it has no answer yet.
    fn end(&self, call: &Call<R>, error: BatchError) {
        let run = call.run.get();
        let reason = error.reason();
        let cancelled = matches!(error, BatchError::Cancelled);
        if !self.answer(call, Err(error)) {
            return;
        }
        if let Some(run) = run {
            run.leave();
        }
        if cancelled {
            let place = if run.is_some() { Where::Running } else { Where::Queued };
            self.observer.cancelled(place);
        } else {
            self.observer.rejected(reason);
        }
    }

    fn answer(&self, call: &Call<R>, outcome: Result<Done<R>, BatchError>) -> bool {
        if !call.answer(outcome) {
            return false;
        }
        let mut state = self.lock();
        state.open -= 1;
        if state.open == 0 {
            self.idle.notify_all();
        }
        true
    }

    /// A caller's token was cancelled. Called under the token's lock: the clerk does the rest.
    pub(super) fn token_cancelled(&self, call: Weak<Call<R>>) {
        self.lock().cancelled.push(call);
        self.clerk.notify_one();
    }

    /// Takes no more requests; those that wait are served.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.queue.close();
        drop(state);
        self.work.notify_all();
    }

    /// Ends everything: what waits is answered, what runs is stopped.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.stopped = true;
        state.queue.close();
        let waiting = state.queue.clear();
        let runs: Vec<Arc<Run>> = state.runs.values().cloned().collect();
        drop(state);
        self.work.notify_all();
        self.clerk.notify_all();
        for run in runs {
            run.shutdown.store(true, Ordering::Release);
            run.cancel.cancel();
        }
        for Entry { call, .. } in waiting {
            self.answer(&call, Err(BatchError::Closed));
        }
    }
}

/// A request, for its ticket.
pub(super) struct Request<T, R> {
    pub(super) shared: Weak<Shared<T, R>>,
    pub(super) call: Arc<Call<R>>,
}

impl<T: Send + 'static, R: Send + 'static> Withdraw for Request<T, R> {
    fn withdraw(&self) {
        if !self.call.is_open() {
            return;
        }
        let Some(shared) = self.shared.upgrade() else { return };
        let entry = self.call.id.get().and_then(|&id| shared.lock().queue.cancel(id));
        let removed = entry.is_some();
        drop(entry);
        shared.end(&self.call, BatchError::Cancelled);
        if removed {
            let state = shared.lock();
            let (depth, cost) = (state.queue.len(), state.queue.cost());
            drop(state);
            shared.observer.queued(depth, cost);
        }
    }
}
