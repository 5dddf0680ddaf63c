//! What one worker does with one chunk: prepare each record, infer the batch, interpret each record,
//! and turn whatever goes wrong, panics included, into that record's error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::pipeline::Interpret;
use super::{RecordError, Stages, Tally};

/// A record's way through the chunk.
enum Progressed<P> {
    Ready { slot: usize, prepared: P },
    Failed(RecordError),
}

pub(super) struct Worker<'a, T: Stages> {
    stages: &'a T,
    scratch: T::Scratch,
    states: Vec<Progressed<T::Prepared>>,
}

impl<'a, T: Stages> Worker<'a, T> {
    pub(super) fn new(stages: &'a T, chunk: usize) -> Self {
        Self { stages, scratch: stages.scratch(chunk), states: Vec::with_capacity(chunk) }
    }

    /// The encoded output rows of a chunk, one a record, in order.
    pub(super) fn chunk(&mut self, records: &[T::Record]) -> (Vec<u8>, Tally) {
        let mut tally = Tally { rows: records.len() as u64, ..Tally::default() };
        let started = Instant::now();
        let slots = self.prepare(records);
        let prepared = Instant::now();
        self.infer(slots);
        let inferred = Instant::now();
        let payload = self.interpret(records, &mut tally);
        tally.times.prepare = prepared - started;
        tally.times.infer = inferred - prepared;
        tally.times.interpret = inferred.elapsed();
        (payload, tally)
    }

    fn prepare(&mut self, records: &[T::Record]) -> usize {
        self.states.clear();
        let mut slot = 0;
        for record in records {
            let (stages, scratch) = (self.stages, &mut self.scratch);
            let state = match guarded("prepare", || stages.prepare(record, slot, scratch)) {
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

    fn infer(&mut self, slots: usize) {
        let (stages, scratch) = (self.stages, &mut self.scratch);
        if slots == 0 || guarded("infer", || stages.infer(0..slots, scratch)).is_ok() {
            return;
        }
        for state in &mut self.states {
            let Progressed::Ready { slot, .. } = *state else { continue };
            if let Err(error) = guarded("infer", || stages.infer(slot..slot + 1, scratch)) {
                *state = Progressed::Failed(error);
            }
        }
    }

    fn interpret(&mut self, records: &[T::Record], tally: &mut Tally) -> Vec<u8> {
        let mut out = Vec::new();
        for (record, state) in records.iter().zip(self.states.drain(..)) {
            let start = out.len();
            let result = match state {
                Progressed::Ready { slot, ref prepared } => guarded("interpret", || {
                    let done = Interpret { record, prepared, slot };
                    self.stages.interpret(done, &self.scratch, &mut out)
                }),
                Progressed::Failed(error) => Err(error),
            };
            if let Err(error) = result {
                out.truncate(start);
                self.stages.failed(record, &error, &mut out);
                *tally.failed.entry(error.code.into_owned()).or_default() += 1;
            }
        }
        out
    }
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
