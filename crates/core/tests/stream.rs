//! The belt: order, errors by record, panics, resume, determinism, stopping.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use strata_core::runtime::RunOptions;
use strata_core::stream::{
    self, Identity, Interpret, Journal, Options, Outcome, Progress, RecordError, Silent, Source,
    SourceError, Stages, StreamError, Tally, Update,
};

/// Whole numbers from 0; `at` is replaced by another number, and reading fails at `broken`.
#[derive(Clone, Default)]
struct Numbers {
    next: u64,
    end: u64,
    changed: Option<u64>,
    broken: Option<u64>,
}

impl Numbers {
    fn to(end: u64) -> Self {
        Self { end, ..Self::default() }
    }
}

impl Source for Numbers {
    type Record = u64;

    fn next_record(&mut self) -> Result<Option<u64>, SourceError> {
        if self.broken == Some(self.next) {
            return Err("the disk is gone".into());
        }
        let number = self.next;
        self.next += 1;
        let value = if self.changed == Some(number) { 1_000_000 } else { number };
        Ok((number < self.end).then_some(value))
    }

    fn digest(record: &u64, hasher: &mut Sha256) {
        hasher.update(record.to_le_bytes());
    }

    fn fraction(&self) -> Option<f64> {
        Some(self.next as f64 / self.end.max(1) as f64)
    }
}

/// Squares; some numbers fail in each way there is.
#[derive(Default)]
struct Squares {
    slow: bool,
    under_way: AtomicU64,
}

impl Stages for Squares {
    type Record = u64;
    type Prepared = u64;
    type Scratch = (Vec<u64>, Vec<u64>);

    fn scratch(&self, chunk: usize) -> Self::Scratch {
        (vec![0; chunk], vec![0; chunk])
    }

    fn prepare(
        &self,
        record: &u64,
        slot: usize,
        (batch, _): &mut Self::Scratch,
    ) -> Result<u64, RecordError> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        if self.slow && record % 64 == (record / 64) % 7 {
            std::thread::sleep(Duration::from_millis(record % 3));
        }
        match record % 100 {
            11 => Err(RecordError::new("odd", format!("{record} is odd in an odd way"))),
            12 => panic!("{record} panics while it is prepared"),
            _ => {
                batch[slot] = *record;
                Ok(*record)
            }
        }
    }

    fn infer(
        &self,
        slots: Range<usize>,
        _: &RunOptions,
        scratch: &mut Self::Scratch,
    ) -> Result<(), RecordError> {
        for slot in slots {
            let number = scratch.0[slot];
            match number % 100 {
                21 => return Err(RecordError::new("model", "no answer")),
                22 => panic!("{number} panics in the model"),
                _ => scratch.1[slot] = number * number,
            }
        }
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        scratch: &Self::Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        assert_eq!(done.record, done.prepared);
        out.extend_from_slice(b"half a row");
        if done.record % 100 == 31 {
            return Err(RecordError::new("sense", "makes none"));
        }
        out.truncate(out.len() - b"half a row".len());
        out.extend_from_slice(format!("{} {}\n", done.record, scratch.1[done.slot]).as_bytes());
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    fn failed(&self, record: &u64, error: &RecordError, out: &mut Vec<u8>) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        out.extend_from_slice(format!("{record} {}\n", error.code).as_bytes());
    }
}

fn expected(end: u64) -> String {
    let row = |number: u64| match number % 100 {
        11 => format!("{number} odd\n"),
        12 | 22 => format!("{number} internal\n"),
        21 => format!("{number} model\n"),
        31 => format!("{number} sense\n"),
        _ => format!("{number} {}\n", number * number),
    };
    (0..end).map(row).collect()
}

fn identity() -> Identity {
    Identity::from([("model".to_owned(), "1".to_owned())])
}

fn contents(journal: &Journal) -> String {
    let mut frames = journal.frames().unwrap();
    let mut all = Vec::new();
    while let Some(frame) = frames.next_frame().unwrap() {
        all.extend(frame.payload);
    }
    String::from_utf8(all).unwrap()
}

fn go(
    source: &mut Numbers,
    journal: &mut Journal,
    threads: usize,
) -> Result<(Outcome, Tally), StreamError> {
    let stop = AtomicBool::new(false);
    let options = Options { threads, chunk: 16, stop: &stop };
    stream::run(source, &Squares::default(), journal, options, &mut Silent)
}

fn resume(path: &Path) -> Journal {
    Journal::resume(path, &identity()).unwrap().into_journal()
}

#[test]
fn records_come_out_in_order_and_errors_stay_in_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    for threads in [1, 2, 3, 8] {
        let path = dir.path().join(format!("{threads}"));
        let mut journal = Journal::create(&path, &identity(), false).unwrap();
        let (outcome, tally) = go(&mut Numbers::to(1003), &mut journal, threads).unwrap();
        assert_eq!((outcome, tally.rows), (Outcome::Complete, 1003));
        assert_eq!(tally.failed["internal"], 20);
        assert_eq!(tally.failed["odd"], 10);
        assert_eq!(contents(&journal), expected(1003));
        bytes.push(std::fs::read(&path).unwrap());
    }
    assert!(bytes.windows(2).all(|pair| pair[0] == pair[1]), "the number of threads shows");
}

#[test]
fn nothing_in_is_nothing_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(&dir.path().join("j"), &identity(), false).unwrap();
    let (outcome, tally) = go(&mut Numbers::to(0), &mut journal, 2).unwrap();
    assert_eq!((outcome, tally.rows, journal.rows()), (Outcome::Complete, 0, 0));
}

/// However the file is cut, resuming ends in the bytes of an uninterrupted run.
#[test]
fn a_journal_torn_anywhere_is_resumed_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    go(&mut Numbers::to(200), &mut Journal::create(&path, &identity(), false).unwrap(), 2).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut cuts: Vec<usize> = (0..whole.len()).step_by(37).collect();
    cuts.push(whole.len());
    for cut in cuts {
        let mut torn = whole[..cut].to_vec();
        // Half of the tails hold garbage instead of nothing.
        if cut % 2 == 1 {
            torn.extend_from_slice(&[0xab; 50]);
        }
        // A head with garbage behind it is no torn head.
        if cut < 60 && cut % 2 == 1 {
            continue;
        }
        std::fs::write(&path, &torn).unwrap();
        let mut journal = resume(&path);
        go(&mut Numbers::to(200), &mut journal, 3).unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn a_damaged_byte_costs_the_frames_behind_it_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    go(&mut Numbers::to(200), &mut Journal::create(&path, &identity(), false).unwrap(), 2).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for at in (60..whole.len()).step_by(53) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        let mut journal = resume(&path);
        assert!(journal.rows() < 200, "the damage at {at} was not seen");
        go(&mut Numbers::to(200), &mut journal, 2).unwrap();
        drop(journal);
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn a_failing_source_keeps_what_is_done_and_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let mut journal = Journal::create(&path, &identity(), false).unwrap();
    let mut broken = Numbers { broken: Some(101), ..Numbers::to(200) };
    let error = go(&mut broken, &mut journal, 2).unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    // Whole chunks only: a resumed run makes the same batches as an uninterrupted one.
    assert_eq!(journal.rows(), 96);
    drop(journal);
    let mut journal = resume(&path);
    go(&mut Numbers::to(200), &mut journal, 2).unwrap();
    assert_eq!(contents(&journal), expected(200));
}

#[test]
fn another_input_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    go(&mut Numbers::to(64), &mut Journal::create(&path, &identity(), false).unwrap(), 2).unwrap();
    let changed = &mut Numbers { changed: Some(50), ..Numbers::to(200) };
    let error = go(changed, &mut resume(&path), 2).unwrap_err();
    assert!(matches!(error, StreamError::InputChanged { rows: 64 }), "{error}");
    let error = go(&mut Numbers::to(63), &mut resume(&path), 2).unwrap_err();
    assert!(matches!(error, StreamError::InputShorter { expected: 64, found: 63 }), "{error}");
}

#[test]
fn other_settings_and_other_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let mut journal = Journal::create(&path, &identity(), false).unwrap();
    go(&mut Numbers::to(64), &mut journal, 1).unwrap();
    let locked = Journal::resume(&path, &identity()).unwrap_err();
    assert!(matches!(locked, StreamError::JournalLocked { .. }), "{locked}");
    drop(journal);
    let error = Journal::create(&path, &identity(), false).unwrap_err();
    assert!(matches!(error, StreamError::JournalExists { rows: 64, .. }), "{error}");
    let other = Identity::from([("model".to_owned(), "2".to_owned())]);
    let error = Journal::resume(&path, &other).unwrap_err().to_string();
    assert!(error.contains("model: was \"1\", now \"2\""), "{error}");
    assert_eq!(Journal::create(&path, &identity(), true).unwrap().rows(), 0);
    std::fs::write(&path, "name,smiles\n").unwrap();
    let error = Journal::resume(&path, &identity()).unwrap_err();
    assert!(matches!(error, StreamError::NotAJournal { .. }), "{error}");
}

/// Stops the run from its own progress.
struct StopAfter<'a> {
    rows: u64,
    stop: &'a AtomicBool,
    last: Update,
}

impl Progress for StopAfter<'_> {
    fn update(&mut self, update: &Update) {
        assert!(update.rows >= self.last.rows);
        self.last = *update;
        self.stop.store(update.rows >= self.rows, Ordering::Relaxed);
    }
}

#[test]
fn a_stopped_run_ends_at_a_chunk_and_goes_on_later() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j");
    let mut journal = Journal::create(&path, &identity(), false).unwrap();
    let stop = AtomicBool::new(false);
    let mut progress = StopAfter { rows: 100, stop: &stop, last: Update::default() };
    let options = Options { threads: 2, chunk: 16, stop: &stop };
    let stages = Squares { slow: true, ..Squares::default() };
    let source = &mut Numbers::to(5000);
    let (outcome, tally) =
        stream::run(source, &stages, &mut journal, options, &mut progress).unwrap();
    assert_eq!(outcome, Outcome::Interrupted);
    assert!(tally.rows >= 100 && tally.rows < 5000 && tally.rows % 16 == 0, "{}", tally.rows);
    drop(journal);
    let mut journal = resume(&path);
    assert_eq!(journal.rows(), tally.rows);
    go(&mut Numbers::to(5000), &mut journal, 2).unwrap();
    assert_eq!(contents(&journal), expected(5000));
}

/// A slow sink holds the reader back: what is under way stays within the window.
#[test]
fn memory_is_bounded_by_the_window() {
    struct SlowSink<'a> {
        rows: u64,
        most: u64,
        stages: &'a Squares,
    }
    impl stream::Sink for SlowSink<'_> {
        fn done(&self) -> (u64, [u8; 32]) {
            (0, [0; 32])
        }
        fn append(&mut self, chunk: &stream::Chunk) -> Result<(), StreamError> {
            std::thread::sleep(Duration::from_millis(2));
            self.rows += u64::from(chunk.rows);
            self.most = self.most.max(self.stages.under_way.load(Ordering::Relaxed));
            Ok(())
        }
    }
    struct Counted(Numbers, std::sync::Arc<AtomicU64>);
    impl Source for Counted {
        type Record = u64;
        fn next_record(&mut self) -> Result<Option<u64>, SourceError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.next_record()
        }
        fn digest(record: &u64, hasher: &mut Sha256) {
            Numbers::digest(record, hasher);
        }
    }
    struct Ahead(std::sync::Arc<AtomicU64>, u64);
    impl Progress for Ahead {
        fn update(&mut self, update: &Update) {
            self.1 = self.1.max(self.0.load(Ordering::Relaxed).saturating_sub(update.rows));
        }
    }
    let stages = Squares::default();
    let stop = AtomicBool::new(false);
    let read = std::sync::Arc::new(AtomicU64::new(0));
    let mut progress = Ahead(read.clone(), 0);
    let mut sink = SlowSink { rows: 0, most: 0, stages: &stages };
    let options = Options { threads: 2, chunk: 16, stop: &stop };
    let source = &mut Counted(Numbers::to(3200), read);
    stream::run(source, &stages, &mut sink, options, &mut progress).unwrap();
    assert_eq!(sink.rows, 3200);
    assert!(progress.1 <= (2 * 2 + 2) * 16, "{} records were read ahead", progress.1);
}

#[test]
fn costly_records_fill_a_chunk() {
    /// Every tenth record costs as much as six.
    struct Uneven(Numbers);
    impl Source for Uneven {
        type Record = u64;
        fn next_record(&mut self) -> Result<Option<u64>, SourceError> {
            self.0.next_record()
        }
        fn digest(record: &u64, hasher: &mut Sha256) {
            Numbers::digest(record, hasher);
        }
        fn cost(record: &u64) -> usize {
            if record.is_multiple_of(10) { 6 } else { 1 }
        }
    }
    struct Sizes(Vec<u32>);
    impl stream::Sink for Sizes {
        fn done(&self) -> (u64, [u8; 32]) {
            (0, [0; 32])
        }
        fn append(&mut self, chunk: &stream::Chunk) -> Result<(), StreamError> {
            self.0.push(chunk.rows);
            Ok(())
        }
    }
    let stop = AtomicBool::new(false);
    let options = Options { threads: 2, chunk: 8, stop: &stop };
    let (stages, mut sink) = (Squares::default(), Sizes(Vec::new()));
    stream::run(&mut Uneven(Numbers::to(26)), &stages, &mut sink, options, &mut Silent).unwrap();
    // 0, 1, 2 | 3 to 10 | 11 to 18 | 19, 20, 21 | the rest.
    assert_eq!(sink.0, [3, 8, 8, 3, 4]);
}

#[test]
fn a_refusing_sink_ends_the_run_with_its_error() {
    struct Full;
    impl stream::Sink for Full {
        fn done(&self) -> (u64, [u8; 32]) {
            (0, [0; 32])
        }
        fn append(&mut self, _: &stream::Chunk) -> Result<(), StreamError> {
            Err(StreamError::Sink("no space left".into()))
        }
    }
    let stop = AtomicBool::new(false);
    let options = Options { threads: 2, chunk: 16, stop: &stop };
    let source = &mut Numbers::to(100_000);
    let error =
        stream::run(source, &Squares::default(), &mut Full, options, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("no space left"));
    assert!(source.next < 1000, "the reader went on to {}", source.next);
}
