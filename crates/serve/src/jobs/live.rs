//! What is known in memory only: who runs, what changed when, and who waits for news or work.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::context::Run;
use super::lock;
use super::time::now_ms;

/// How often a watcher looks by itself: progress between two notifications isn't announced.
const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Live {
    state: Mutex<State>,
    /// A job changed, or everything ends.
    changed: Condvar,
    /// There is work, a worker has left, or everything ends.
    work: Condvar,
}

struct State {
    versions: HashMap<String, u64>,
    /// The version of jobs that have not changed since the start.
    base: u64,
    next: u64,
    running: HashMap<String, Arc<Run>>,
    /// How often work was announced.
    announced: u64,
    workers: usize,
    closing: bool,
}

impl Live {
    pub(super) fn new() -> Self {
        // From the clock, so that a version from before a restart isn't taken for a current one.
        // Changes are rarer than milliseconds, so the count never runs ahead of the clock.
        let base = now_ms().unsigned_abs();
        let state = State {
            versions: HashMap::new(),
            base,
            next: base + 1,
            running: HashMap::new(),
            announced: 0,
            workers: 0,
            closing: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), work: Condvar::new() }
    }

    /// A job's version, and its run if it has one. Read before the job's row, so that a change in
    /// between is seen as news later rather than missed.
    pub(super) fn of(&self, id: &str) -> (u64, Option<Arc<Run>>) {
        let state = lock(&self.state);
        (state.version(id), state.running.get(id).cloned())
    }

    /// A job changed: its version grows, watchers are told.
    pub(super) fn touch(&self, id: &str) {
        self.touch_quietly(id);
        self.notify();
    }

    /// A job changed: its version grows; watchers see it when they look.
    pub(super) fn touch_quietly(&self, id: &str) {
        let mut state = lock(&self.state);
        let version = state.next;
        state.next += 1;
        match state.versions.get_mut(id) {
            Some(known) => *known = version,
            None => drop(state.versions.insert(id.to_owned(), version)),
        }
    }

    pub(super) fn notify(&self) {
        self.changed.notify_all();
    }

    /// A job is gone.
    pub(super) fn forget(&self, id: &str) {
        lock(&self.state).versions.remove(id);
        self.notify();
    }

    /// Waits until a job's version isn't `version` any more; `false` when it still is at the
    /// deadline, or when everything ends.
    pub(super) fn await_change(&self, id: &str, version: u64, deadline: Instant) -> bool {
        let mut state = lock(&self.state);
        loop {
            if state.version(id) != version {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.closing {
                return false;
            }
            state = wait(&self.changed, state, left.min(LOOK));
        }
    }

    /// A run begins; one that comes when everything ends is stopped at once.
    pub(super) fn register(&self, id: &str, run: &Arc<Run>) {
        let mut state = lock(&self.state);
        if state.closing {
            run.stop.store(true, Ordering::Release);
        }
        state.running.insert(id.to_owned(), Arc::clone(run));
    }

    pub(super) fn unregister(&self, id: &str) {
        lock(&self.state).running.remove(id);
    }

    /// Asks a run to stop, if it is there.
    pub(super) fn stop(&self, id: &str) {
        if let Some(run) = lock(&self.state).running.get(id) {
            run.stop.store(true, Ordering::Release);
        }
    }

    /// How often work was announced so far; `None` when everything ends.
    pub(super) fn announced(&self) -> Option<u64> {
        let state = lock(&self.state);
        (!state.closing).then_some(state.announced)
    }

    pub(super) fn announce(&self) {
        lock(&self.state).announced += 1;
        self.work.notify_all();
    }

    /// Waits for more work than was announced before, for `most`, or until everything ends.
    pub(super) fn await_work(&self, seen: u64, most: Duration) {
        self.pause_while(most, |state| state.announced == seen);
    }

    /// Waits, unless everything ends; `false` if it does.
    pub(super) fn pause(&self, time: Duration) -> bool {
        self.pause_while(time, |_| true)
    }

    fn pause_while(&self, most: Duration, mut idle: impl FnMut(&State) -> bool) -> bool {
        let until = Instant::now() + most;
        let mut state = lock(&self.state);
        while !state.closing && idle(&state) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
        }
        !state.closing
    }

    pub(super) fn closing(&self) -> bool {
        lock(&self.state).closing
    }

    /// Ends everything: runs are asked to stop, those who wait wait no longer.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closing = true;
        for run in state.running.values() {
            run.stop.store(true, Ordering::Release);
        }
        drop(state);
        self.work.notify_all();
        self.notify();
    }

    pub(super) fn worker_comes(&self) {
        lock(&self.state).workers += 1;
    }

    pub(super) fn worker_goes(&self) {
        lock(&self.state).workers -= 1;
        self.work.notify_all();
    }

    /// Waits until all workers are gone; whether they are, and what still runs at the deadline.
    pub(super) fn await_workers(&self, deadline: Instant) -> (bool, Vec<String>) {
        let mut state = lock(&self.state);
        while state.workers > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = wait(&self.work, state, left);
        }
        (state.workers == 0, state.running.keys().cloned().collect())
    }
}

impl State {
    fn version(&self, id: &str) -> u64 {
        self.versions.get(id).copied().unwrap_or(self.base)
    }
}

fn wait<'a>(
    condvar: &Condvar,
    state: MutexGuard<'a, State>,
    most: Duration,
) -> MutexGuard<'a, State> {
    condvar.wait_timeout(state, most).unwrap_or_else(PoisonError::into_inner).0
}
