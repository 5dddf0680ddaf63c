//! Stopping one running call: deadline and cancellation both set ONNX Runtime's terminate flag for
//! that call, and who was first is remembered, so that the caller gets the right error.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use ort::session::{HasSelectedOutputs, NoSelectedOutputs, OutputSelector, SelectedOutputMarker};

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
pub(super) struct Stop<O: SelectedOutputMarker = NoSelectedOutputs>(Arc<Flag<O>>);

struct Flag<O: SelectedOutputMarker> {
    options: Options<O>,
    reason: AtomicU8,
}

/// Options of a call that another thread may set the terminate flag of.
struct Options<O: SelectedOutputMarker>(ort::session::RunOptions<O>);

// SAFETY: options that hold preallocated outputs are not `Sync` in `ort`, as two threads could run with them and write the same
// memory. Here one thread runs with them, `Stop` being no `Clone`, and others only call `terminate`, which ONNX Runtime allows from
// any thread and which does not touch the outputs.
#[allow(unsafe_code, reason = "see above")]
unsafe impl<O: SelectedOutputMarker> Sync for Options<O> {}

impl<O: SelectedOutputMarker> Flag<O> {
    fn stop(&self, reason: Reason) {
        let first =
            self.reason.compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            // It can only fail for a null pointer.
            let _ = self.options.0.terminate();
        }
    }
}

impl Stop {
    pub(super) fn new() -> ort::Result<Self> {
        let options = Options(ort::session::RunOptions::new()?);
        Ok(Self(Arc::new(Flag { options, reason: AtomicU8::new(0) })))
    }
}

impl Stop<HasSelectedOutputs> {
    /// A call that gives these outputs.
    pub(super) fn with_outputs(outputs: OutputSelector) -> ort::Result<Self> {
        let options = Options(ort::session::RunOptions::new()?.with_outputs(outputs));
        Ok(Self(Arc::new(Flag { options, reason: AtomicU8::new(0) })))
    }
}

impl<O: SelectedOutputMarker + 'static> Stop<O> {
    pub(super) fn options(&self) -> &ort::session::RunOptions<O> {
        &self.0.options.0
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
