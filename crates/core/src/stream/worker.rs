//! What one worker does with one chunk: prepare each record, infer the batch, interpret each record,
//! and turn whatever goes wrong, panics included, into that record's error.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::pipeline::Interpret;
use super::{RecordError, StageTimes, Stages, Tally};
use crate::runtime::{CancelToken, RunOptions};

/// A record's way through the chunk.
enum Progressed<P> {
    Ready { slot: usize, prepared: P },
    Failed(RecordError),
}

pub(crate) struct Worker<'a, T: Stages> {
    stages: &'a T,
    scratch: T::Scratch,
    states: Vec<Progressed<T::Prepared>>,
}

/// The encoded output rows of a chunk, one a record, in order.
pub(crate) struct Encoded {
    /// The rows, one behind the other.
    pub(crate) payload: Vec<u8>,
    /// Where each ends, and how it came about.
    pub(crate) rows: Vec<Row>,
    pub(crate) times: StageTimes,
}

/// One row of a chunk.
pub(crate) struct Row {
    /// Where it ends in the payload.
    pub(crate) end: usize,
    /// The code of the record's error.
    pub(crate) failed: Option<Cow<'static, str>>,
}

impl<'a, T: Stages> Worker<'a, T> {
    pub(crate) fn new(stages: &'a T, scratch: T::Scratch) -> Self {
        Self { stages, scratch, states: Vec::new() }
    }

    /// Its buffers, for another worker.
    pub(crate) fn into_scratch(self) -> T::Scratch {
        self.scratch
    }

    /// Takes no more records than its buffers are for. When `run` is stopped, those that aren't done
    /// fail with its reason.
    pub(crate) fn chunk(&mut self, records: &[T::Record], run: &RunOptions) -> Encoded {
        let started = Instant::now();
        let slots = self.prepare(records, run);
        let prepared = Instant::now();
        self.infer(slots, run);
        let inferred = Instant::now();
        let (payload, rows) = self.interpret(records);
        let times = StageTimes {
            prepare: prepared - started,
            infer: inferred - prepared,
            interpret: inferred.elapsed(),
            ..StageTimes::default()
        };
        Encoded { payload, rows, times }
    }

    fn prepare(&mut self, records: &[T::Record], run: &RunOptions) -> usize {
        self.states.clear();
        let mut slot = 0;
        for record in records {
            let (stages, scratch) = (self.stages, &mut self.scratch);
            let prepared = match stopped(run) {
                None => guarded("prepare", || stages.prepare(record, slot, scratch)),
                Some(stop) => Err(stop),
            };
            let state = match prepared {
                Ok(prepared) => {
                    slot += 1;
                    Progressed::Ready { slot: slot - 1, prepared }
                }
                Err(error) => Progressed::Failed(error),
            };
            self.states.push(state);
        }
        slot
    }

    fn infer(&mut self, slots: usize, run: &RunOptions) {
        let (stages, scratch) = (self.stages, &mut self.scratch);
        if slots == 0 || guarded("infer", || stages.infer(0..slots, run, scratch)).is_ok() {
            return;
        }
        for state in &mut self.states {
            let Progressed::Ready { slot, .. } = *state else { continue };
            let alone = match stopped(run) {
                None => guarded("infer", || stages.infer(slot..slot + 1, run, scratch)),
                Some(stop) => Err(stop),
            };
            if let Err(error) = alone {
                *state = Progressed::Failed(error);
            }
        }
    }

    fn interpret(&mut self, records: &[T::Record]) -> (Vec<u8>, Vec<Row>) {
        let mut out = Vec::new();
        let mut rows = Vec::with_capacity(records.len());
        for (record, state) in records.iter().zip(self.states.drain(..)) {
            let start = out.len();
            let result = match state {
                Progressed::Ready { slot, ref prepared } => guarded("interpret", || {
                    let done = Interpret { record, prepared, slot };
                    self.stages.interpret(done, &self.scratch, &mut out)
                }),
                Progressed::Failed(error) => Err(error),
            };
            let failed = result.err().map(|error| {
                out.truncate(start);
                self.stages.failed(record, &error, &mut out);
                error.code
            });
            rows.push(Row { end: out.len(), failed });
        }
        (out, rows)
    }
}

impl Encoded {
    /// Rows, errors and times.
    pub(crate) fn tally(&self) -> Tally {
        let failed = self.rows.iter().filter_map(|row| row.failed.as_deref());
        Tally::of(self.rows.len() as u64, failed, self.times)
    }
}

impl Tally {
    /// A tally of so many rows, with the codes of those that failed.
    pub(crate) fn of<'a>(
        rows: u64,
        failed: impl Iterator<Item = &'a str>,
        times: StageTimes,
    ) -> Self {
        let mut tally = Self { rows, times, ..Self::default() };
        for code in failed {
            match tally.failed.get_mut(code) {
                Some(count) => *count += 1,
                None => drop(tally.failed.insert(code.to_owned(), 1)),
            }
        }
        tally
    }
}

/// Why a run that was told to stop goes no further.
pub(crate) fn stopped(run: &RunOptions) -> Option<RecordError> {
    if run.cancel.as_ref().is_some_and(CancelToken::is_cancelled) {
        return Some(RecordError::new("cancelled", "cancelled before there was an answer"));
    }
    let passed = run.deadline.is_some_and(|deadline| deadline <= Instant::now());
    passed.then(|| RecordError::new("deadline", "the deadline passed before there was an answer"))
}

/// Runs a stage on one record and turns a panic into the record's error.
fn guarded<R>(
    stage: &str,
    work: impl FnOnce() -> Result<R, RecordError>,
) -> Result<R, RecordError> {
    // Sound: after a panic only the scratch is used again, and `Stages` promises that a half-written
    // one is overwritten before it is read.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(RecordError::from_panic(stage, panic.as_ref())))
}
