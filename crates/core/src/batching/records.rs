//! Records of several requests, run together through the stages of the belt: the server does to a
//! record what the command line does, with the same code.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::batcher::Execute;
use super::call::lock;
use super::error::BatchError;
use crate::runtime::{CancelToken, RunOptions};
use crate::stream::{Encoded, Row, StageTimes, Stages, Tally, Worker, stopped};

/// Records that [`run_records`] takes at a time.
const CHUNK: usize = 256;

/// The output rows of some records.
#[derive(Debug, Clone, Default)]
pub struct RecordRows {
    /// The encoded row of each record, in order; a record that failed has a row that says so.
    pub rows: Vec<Vec<u8>>,
    /// How many there are and how many failed. Its times are those of the whole batch.
    pub tally: Tally,
}

/// Runs batches of records: each item is the records of one request, each answer their rows.
pub struct RecordStages<S: Stages> {
    stages: Arc<S>,
    chunk: usize,
    /// Buffers that no batch uses at the moment: as many as batches ever ran at a time.
    idle: Mutex<Vec<S::Scratch>>,
}

/// A record's encoded row and the code of its error.
type Outcome = (Vec<u8>, Option<Cow<'static, str>>);

impl<S: Stages> RecordStages<S> {
    /// `chunk` is the most records inferred at a time; the batcher's `max_rows` should be the same.
    #[must_use]
    pub fn new(stages: Arc<S>, chunk: usize) -> Self {
        Self { stages, chunk: chunk.max(1), idle: Mutex::new(Vec::new()) }
    }

    /// The stages.
    #[must_use]
    pub fn stages(&self) -> &Arc<S> {
        &self.stages
    }

    /// Runs records on this thread, in chunks. When `run` is stopped, the records that aren't done
    /// fail with `cancelled` or `deadline`.
    pub fn run(&self, records: &[S::Record], run: &RunOptions) -> RecordRows {
        let (outcomes, times) = self.outcomes(records, run);
        RecordRows::of(outcomes, times)
    }

    fn outcomes(&self, records: &[S::Record], run: &RunOptions) -> (Vec<Outcome>, StageTimes) {
        let idle = lock(&self.idle).pop();
        let scratch = idle.unwrap_or_else(|| self.stages.scratch(self.chunk));
        let mut worker = Worker::new(&*self.stages, scratch);
        let done = outcomes(&mut worker, records, (self.chunk, run));
        let scratch = worker.into_scratch();
        lock(&self.idle).push(scratch);
        done
    }
}

impl<S> Execute<Vec<S::Record>, RecordRows> for RecordStages<S>
where
    S: Stages + Send + 'static,
    S::Scratch: Send,
{
    fn execute(
        &self,
        batch: Vec<Vec<S::Record>>,
        run: &RunOptions,
    ) -> Vec<Result<RecordRows, BatchError>> {
        let started = Instant::now();
        let lengths: Vec<usize> = batch.iter().map(Vec::len).collect();
        let records: Vec<S::Record> = batch.into_iter().flatten().collect();
        let (outcomes, times) = self.outcomes(&records, run);
        if stopped(run).is_some() {
            let cancelled = run.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
            let waited = started.elapsed();
            let error =
                if cancelled { BatchError::Cancelled } else { BatchError::Deadline { waited } };
            return lengths.iter().map(|_| Err(error.clone())).collect();
        }
        let mut outcomes = outcomes.into_iter();
        let take = |length| Ok(RecordRows::of(outcomes.by_ref().take(length).collect(), times));
        lengths.into_iter().map(take).collect()
    }
}

impl<S: Stages> std::fmt::Debug for RecordStages<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordStages").field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

/// Runs records through stages on this thread: what a [`RecordStages`] does, for callers without one.
/// When `run` is stopped, the records that aren't done fail with `cancelled` or `deadline`.
pub fn run_records<S: Stages>(stages: &S, records: &[S::Record], run: &RunOptions) -> RecordRows {
    let chunk = records.len().clamp(1, CHUNK);
    let mut worker = Worker::new(stages, stages.scratch(chunk));
    let (outcomes, times) = outcomes(&mut worker, records, (chunk, run));
    RecordRows::of(outcomes, times)
}

fn outcomes<S: Stages>(
    worker: &mut Worker<'_, S>,
    records: &[S::Record],
    (chunk, run): (usize, &RunOptions),
) -> (Vec<Outcome>, StageTimes) {
    let mut all = Vec::with_capacity(records.len());
    let mut times = StageTimes::default();
    for records in records.chunks(chunk) {
        let Encoded { payload, rows, times: own } = worker.chunk(records, run);
        times.prepare += own.prepare;
        times.infer += own.infer;
        times.interpret += own.interpret;
        let mut start = 0;
        for Row { end, failed } in rows {
            all.push((payload[start..end].to_vec(), failed));
            start = end;
        }
    }
    (all, times)
}

impl RecordRows {
    fn of(outcomes: Vec<Outcome>, times: StageTimes) -> Self {
        let failed = outcomes.iter().filter_map(|(_, failed)| failed.as_deref());
        let tally = Tally::of(outcomes.len() as u64, failed, times);
        Self { rows: outcomes.into_iter().map(|(row, _)| row).collect(), tally }
    }
}
