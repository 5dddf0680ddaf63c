//! Stopping one running call: deadline and cancellation both set ONNX Runtime's terminate flag for
//! that call, and who was first is remembered, so that the caller gets the right error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use super::cancel::{Alarm, Subscription, alarm};
use super::options::RunOptions;
use super::{RuntimeError, Stage};

/// Why a call was stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Deadline = 1,
    Cancelled = 2,
}

impl Reason {
    pub(super) fn error(self, model: &str, start: Instant) -> RuntimeError {
        let (model, stage) = (model.to_owned(), Stage::Running);
        match self {
            Self::Deadline => RuntimeError::Deadline { model, stage, waited: start.elapsed() },
            Self::Cancelled => RuntimeError::Cancelled { model, stage },
        }
    }
}

/// The terminate flag of one call.
pub(super) struct Stop(Arc<Flag>);

struct Flag {
    options: ort::session::RunOptions,
    reason: AtomicU8,
}

impl Flag {
    fn stop(&self, reason: Reason) {
        let first =
            self.reason.compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            // It can only fail for a null pointer.
            let _ = self.options.terminate();
        }
    }
}

impl Stop {
    pub(super) fn new() -> ort::Result<Self> {
        let options = ort::session::RunOptions::new()?;
        Ok(Self(Arc::new(Flag { options, reason: AtomicU8::new(0) })))
    }

    pub(super) fn options(&self) -> &ort::session::RunOptions {
        &self.0.options
    }

    /// Watches the deadline and the token until the guard is dropped. `None` when the system can't
    /// start the thread that watches.
    pub(super) fn arm(
        &self,
        options: &RunOptions,
    ) -> Option<(Option<Alarm>, Option<Subscription>)> {
        let hook = |reason: Reason| {
            let flag = Arc::clone(&self.0);
            Arc::new(move || flag.stop(reason))
        };
        let alarm = match options.deadline {
            Some(deadline) => Some(alarm(deadline, hook(Reason::Deadline))?),
            None => None,
        };
        let token = options.cancel.as_ref();
        Some((alarm, token.map(|token| token.on_cancel(hook(Reason::Cancelled)))))
    }

    /// Why the call was stopped, if it was.
    pub(super) fn reason(&self) -> Option<Reason> {
        match self.0.reason.load(Ordering::Acquire) {
            1 => Some(Reason::Deadline),
            2 => Some(Reason::Cancelled),
            _ => None,
        }
    }
}
