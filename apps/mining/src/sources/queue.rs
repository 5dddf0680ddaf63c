//! Frames on their way from a camera's thread: a few, and the oldest is thrown away for a new one, so
//! that a slow reader sees the present and memory cannot grow.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use strata_vision::video::{Frame, VideoError};

/// How often a wait looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

struct State {
    frames: VecDeque<Frame>,
    /// Set when no frame comes any more: well, or with an error.
    end: Option<Result<(), VideoError>>,
    dropped: u64,
    closed: bool,
}

/// What waiting for a frame gave.
pub(super) enum Waited {
    Frame(Frame),
    End(Result<(), VideoError>),
    Nothing,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { frames: VecDeque::new(), end: None, dropped: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), capacity: capacity.max(1) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame; false when nobody reads any more.
    pub(super) fn push(&self, frame: Frame) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        while state.frames.len() >= self.capacity {
            state.frames.pop_front();
            state.dropped += 1;
        }
        state.frames.push_back(frame);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// Says that no frame comes any more; the first word counts.
    pub(super) fn end(&self, how: Result<(), VideoError>) {
        self.lock().end.get_or_insert(how);
        self.changed.notify_one();
    }

    /// Says that nobody reads any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.frames.clear();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Waits for a frame; frames that are there come before the end.
    pub(super) fn wait(&self, timeout: Duration, stop: &AtomicBool) -> Waited {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if stop.load(Ordering::Relaxed) {
                return Waited::End(Ok(()));
            }
            if let Some(frame) = state.frames.pop_front() {
                return Waited::Frame(frame);
            }
            if let Some(end) = state.end.take() {
                // Whoever asks again is at the end too, without the error.
                state.end = Some(Ok(()));
                return Waited::End(end);
            }
            let left = timeout.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Waited::Nothing;
            }
            state = self
                .changed
                .wait_timeout(state, left.min(LOOK))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
