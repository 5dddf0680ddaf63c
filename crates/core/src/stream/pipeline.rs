//! The belt itself: one reader, some workers, one ordered writer, a bounded number of chunks between.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::worker::Worker;
use super::{Journal, Progress, RecordError, StreamError, Update};
use crate::runtime::RunOptions;

/// Why a source could not give its next record.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Where records come from, in order.
pub trait Source: Send {
    /// One record, as it is in the input.
    type Record: Send;

    /// The next record; `None` at the end. A record that is broken is still a record: its error
    /// comes out of [`Stages::prepare`]. An error here ends the run.
    ///
    /// # Errors
    /// Whatever keeps the source from going on, such as a damaged archive.
    fn next_record(&mut self) -> Result<Option<Self::Record>, SourceError>;

    /// Adds everything of a record that can change its output to a running digest.
    fn digest(record: &Self::Record, hasher: &mut Sha256);

    /// How many usual records it stands for: a chunk is full at [`Options::chunk`] of them. What bounds memory where a
    /// record may be a line or a megabyte; must not depend on anything but the record.
    fn cost(_: &Self::Record) -> usize {
        1
    }

    /// How much of the input is read, from 0 to 1, where that can be told.
    fn fraction(&self) -> Option<f64> {
        None
    }
}

/// What is done to a record: kits prepare, models infer, apps interpret.
pub trait Stages: Sync {
    /// What the source gives.
    type Record: Send;
    /// What is kept of a record between `prepare` and `interpret`.
    type Prepared: Send;
    /// Buffers of one worker, such as the batch's feature matrix. A panic may leave them half
    /// written; every stage overwrites what it reads.
    type Scratch;

    /// Makes the buffers of one worker, for chunks of this many records.
    fn scratch(&self, chunk: usize) -> Self::Scratch;

    /// Bytes to tensors: writes the record into row `slot` of the batch.
    ///
    /// # Errors
    /// What is wrong with the record; it leaves the batch and `slot` goes to the next one.
    fn prepare(
        &self,
        record: &Self::Record,
        slot: usize,
        scratch: &mut Self::Scratch,
    ) -> Result<Self::Prepared, RecordError>;

    /// Runs the models on these slots of the batch. Called once for the whole batch; where that
    /// fails, again for each slot alone, so that one record cannot spoil its neighbours. `run` is
    /// for the models: it stops them when nobody wants the answer any more.
    ///
    /// # Errors
    /// Why the models gave no answer.
    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        scratch: &mut Self::Scratch,
    ) -> Result<(), RecordError>;

    /// Numbers to the domain's answer: appends the record's output row.
    ///
    /// # Errors
    /// Why there is no answer; what was appended is taken back.
    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Self::Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError>;

    /// Appends the output row of a record that failed.
    fn failed(&self, record: &Self::Record, error: &RecordError, out: &mut Vec<u8>);
}

/// A record on its way through `interpret`.
#[derive(Debug)]
pub struct Interpret<'a, S: Stages + ?Sized> {
    /// The record as read.
    pub record: &'a S::Record,
    /// What `prepare` made of it.
    pub prepared: &'a S::Prepared,
    /// Its row in the batch.
    pub slot: usize,
}

/// How a run is carried out. None of it changes the result.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// Usual records in a chunk: the batch of one inference, and what a kill can lose. See [`Source::cost`].
    pub chunk: usize,
    /// Set to true from outside to stop after the chunks under way.
    pub stop: &'a AtomicBool,
}

/// Wall-clock time in each stage, added up over the workers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Reading the input (one thread).
    pub source: Duration,
    /// Bytes to tensors.
    pub prepare: Duration,
    /// Models.
    pub infer: Duration,
    /// Numbers to answers.
    pub interpret: Duration,
    /// Appending to the sink (one thread).
    pub sink: Duration,
}

/// Rows and errors of this run, and where its time went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows done by this run.
    pub rows: u64,
    /// Of these, rows with an error, by code.
    pub failed: BTreeMap<String, u64>,
    /// Where the time went.
    pub times: StageTimes,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All rows are in the sink.
    Complete,
    /// Stopped on request; the sink holds whole chunks and can be resumed.
    Interrupted,
}

/// A finished chunk on its way to the sink.
#[derive(Debug)]
pub struct Chunk {
    /// Rows in it.
    pub rows: u32,
    /// Running digest of the input up to its end.
    pub input_digest: [u8; 32],
    /// The output rows, encoded by the stages.
    pub payload: Vec<u8>,
}

/// Where finished chunks go, in order.
pub trait Sink {
    /// Rows that are there already, and the digest of their input.
    fn done(&self) -> (u64, [u8; 32]);

    /// Takes the next chunk.
    ///
    /// # Errors
    /// Ends the run.
    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError>;
}

impl Sink for Journal {
    fn done(&self) -> (u64, [u8; 32]) {
        (self.rows(), self.input_digest())
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        Self::append(self, chunk.rows, chunk.input_digest, &chunk.payload)
    }
}

/// A chunk of records on its way to a worker.
pub(super) struct Records<R> {
    sequence: u64,
    pub(super) records: Vec<R>,
    input_digest: [u8; 32],
    fraction: Option<f64>,
}

/// A chunk on its way from a worker to the writer.
struct Finished {
    sequence: u64,
    chunk: Chunk,
    tally: Tally,
    fraction: Option<f64>,
}

/// What the reader thread has to say at its end.
struct ReaderReport {
    time: Duration,
    result: Result<Outcome, StreamError>,
}

/// Runs the belt until the source ends, something fails or `stop` is set.
///
/// Rows the sink has already are read again, checked against the digest the sink keeps, and skipped.
/// The bytes that reach the sink depend on neither the number of threads nor their timing.
///
/// # Errors
/// [`StreamError`]; every chunk before the failure is in the sink.
pub fn run<S, T, K>(
    source: &mut S,
    stages: &T,
    sink: &mut K,
    options: Options<'_>,
    progress: &mut dyn Progress,
) -> Result<(Outcome, Tally), StreamError>
where
    S: Source,
    T: Stages<Record = S::Record>,
    K: Sink + ?Sized,
{
    let threads = match options.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let options = Options { threads, chunk: options.chunk.max(1), ..options };
    let (done, digest) = sink.done();
    let mut hasher = Sha256::new();
    let started = std::time::Instant::now();
    skip(source, &mut hasher, done, digest)?;
    let mut update = Update { rows: done, resumed: done, failed: 0, fraction: source.fraction() };
    if done > 0 {
        progress.update(&update);
    }
    let skipped = started.elapsed();
    let (jobs, queue) = sync_channel(threads);
    // A permit a chunk under way: what bounds memory, and the reorder buffer with it.
    let window = threads * 2 + 2;
    let (permit, permits) = sync_channel(window);
    for _ in 0..window {
        // Cannot fail or block: the channel holds `window`.
        let _ = permit.send(());
    }
    let (finished, results) = channel();
    // Shared by the workers alone: when the last one ends, the reader's next send fails.
    let queue = Arc::new(Mutex::new(queue));
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read(source, hasher, (&jobs, &permits), options));
        for _ in 0..threads {
            let (finished, queue) = (finished.clone(), Arc::clone(&queue));
            scope.spawn(move || work(stages, &queue, &finished, options.chunk));
        }
        drop((finished, queue));
        let (mut tally, written) = write(&results, &permit, sink, (&mut update, progress));
        // Closing these lets a reader that waits for a permit, and workers, come to an end.
        drop((permit, results));
        let report = reader.join().unwrap_or_else(|panic| ReaderReport {
            time: Duration::ZERO,
            result: Err(StreamError::Source {
                rows: update.rows,
                source: RecordError::from_panic("source", panic.as_ref()).into(),
            }),
        });
        tally.times.source = skipped + report.time;
        written?;
        Ok((report.result?, tally))
    })
}

/// Reads over the rows that are done and checks that they are the same as then.
fn skip<S: Source>(
    source: &mut S,
    hasher: &mut Sha256,
    done: u64,
    digest: [u8; 32],
) -> Result<(), StreamError> {
    for row in 0..done {
        match source.next_record().map_err(|source| StreamError::Source { rows: row, source })? {
            Some(record) => S::digest(&record, hasher),
            None => return Err(StreamError::InputShorter { expected: done, found: row }),
        }
    }
    if done > 0 && <[u8; 32]>::from(hasher.clone().finalize()) != digest {
        return Err(StreamError::InputChanged { rows: done });
    }
    Ok(())
}

fn read<S: Source>(
    source: &mut S,
    mut hasher: Sha256,
    (jobs, permits): (&SyncSender<Records<S::Record>>, &Receiver<()>),
    options: Options<'_>,
) -> ReaderReport {
    let mut report = ReaderReport { time: Duration::ZERO, result: Ok(Outcome::Complete) };
    let mut rows = 0;
    for sequence in 0.. {
        if options.stop.load(Ordering::Relaxed) {
            report.result = Ok(Outcome::Interrupted);
            break;
        }
        // The writer is gone: it has the error.
        if permits.recv().is_err() {
            break;
        }
        let started = std::time::Instant::now();
        let mut records = Vec::with_capacity(options.chunk);
        let mut cost = 0_usize;
        let end = loop {
            match source.next_record() {
                Ok(Some(record)) => {
                    S::digest(&record, &mut hasher);
                    cost = cost.saturating_add(S::cost(&record).max(1));
                    records.push(record);
                    if cost >= options.chunk {
                        break None;
                    }
                }
                Ok(None) => break Some(Ok(Outcome::Complete)),
                Err(source) => {
                    // The rows of this chunk are dropped, not written: chunks always begin at the
                    // same rows, so that a resumed run makes the same batches.
                    records.clear();
                    break Some(Err(StreamError::Source { rows, source }));
                }
            }
        };
        report.time += started.elapsed();
        rows += records.len() as u64;
        if !records.is_empty() {
            let input_digest = hasher.clone().finalize().into();
            let chunk = Records { sequence, records, input_digest, fraction: source.fraction() };
            if jobs.send(chunk).is_err() {
                break;
            }
        }
        if let Some(result) = end {
            report.result = result;
            break;
        }
    }
    report
}

fn work<T: Stages>(
    stages: &T,
    queue: &Mutex<Receiver<Records<T::Record>>>,
    finished: &Sender<Finished>,
    chunk: usize,
) {
    let mut worker = Worker::new(stages, stages.scratch(chunk));
    let run = RunOptions::default();
    loop {
        // The lock is held while waiting: the other idle workers wait for the lock instead.
        let received = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = received else { return };
        let encoded = worker.chunk(&job.records, &run);
        let tally = encoded.tally();
        let rows = u32::try_from(job.records.len()).unwrap_or(u32::MAX);
        let chunk = Chunk { rows, input_digest: job.input_digest, payload: encoded.payload };
        let done = Finished { sequence: job.sequence, chunk, tally, fraction: job.fraction };
        if finished.send(done).is_err() {
            return;
        }
    }
}

/// Puts chunks back in order and hands them to the sink. Runs on the caller's thread.
fn write<K: Sink + ?Sized>(
    results: &Receiver<Finished>,
    permit: &SyncSender<()>,
    sink: &mut K,
    (update, progress): (&mut Update, &mut dyn Progress),
) -> (Tally, Result<(), StreamError>) {
    let mut waiting: BTreeMap<u64, Finished> = BTreeMap::new();
    let mut next = 0;
    let mut total = Tally::default();
    for finished in results {
        waiting.insert(finished.sequence, finished);
        while let Some(Finished { chunk, tally, fraction, .. }) = waiting.remove(&next) {
            let started = std::time::Instant::now();
            if let Err(error) = sink.append(&chunk) {
                return (total, Err(error));
            }
            total.times.sink += started.elapsed();
            total.add(&tally);
            next += 1;
            update.rows += u64::from(chunk.rows);
            update.failed += tally.failed.values().sum::<u64>();
            update.fraction = fraction;
            progress.update(update);
            // Fails only when the reader is through.
            let _ = permit.send(());
        }
    }
    (total, Ok(()))
}

impl Tally {
    /// Adds the counts and the worker times of a chunk.
    fn add(&mut self, chunk: &Self) {
        self.rows += chunk.rows;
        for (code, count) in &chunk.failed {
            *self.failed.entry(code.clone()).or_default() += count;
        }
        self.times.prepare += chunk.times.prepare;
        self.times.infer += chunk.times.infer;
        self.times.interpret += chunk.times.interpret;
    }
}
