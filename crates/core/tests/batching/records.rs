//! Records of several requests in one batch: each request gets the rows it would get alone.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use strata_core::batching::{
    Ask, BatchError, Batcher, BatcherConfig, Execute, Limits, RecordStages, run_records,
};
use strata_core::runtime::{CancelToken, RunOptions};
use strata_core::stream::{Interpret, RecordError, Stages};

/// Square roots; some numbers fail in each stage.
#[derive(Default)]
struct Roots {
    scratches: AtomicUsize,
    inferred: AtomicUsize,
    /// Inference ends only when it is stopped.
    endless: bool,
}

impl Stages for Roots {
    type Record = i64;
    type Prepared = i64;
    type Scratch = (Vec<f64>, Vec<f64>);

    fn scratch(&self, chunk: usize) -> Self::Scratch {
        self.scratches.fetch_add(1, Ordering::Relaxed);
        (vec![0.0; chunk], vec![0.0; chunk])
    }

    fn prepare(
        &self,
        record: &i64,
        slot: usize,
        batch: &mut Self::Scratch,
    ) -> Result<i64, RecordError> {
        if *record < 0 {
            return Err(RecordError::new("negative", format!("{record} has no root")));
        }
        batch.0[slot] = *record as f64;
        Ok(*record)
    }

    fn infer(
        &self,
        slots: Range<usize>,
        run: &RunOptions,
        batch: &mut Self::Scratch,
    ) -> Result<(), RecordError> {
        self.inferred.fetch_add(1, Ordering::Relaxed);
        if self.endless {
            let late = || run.deadline.is_some_and(|deadline| deadline <= Instant::now());
            let cancelled = || run.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
            while !late() && !cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(RecordError::new("inference", "stopped"));
        }
        for slot in slots {
            assert!(batch.0[slot] != 666.0, "it panics");
            batch.1[slot] = batch.0[slot].sqrt();
        }
        Ok(())
    }

    fn interpret(
        &self,
        done: Interpret<'_, Self>,
        batch: &Self::Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        out.extend_from_slice(format!("{}:{}", done.record, batch.1[done.slot]).as_bytes());
        if *done.record == 1_000_000 {
            return Err(RecordError::new("range", "too large"));
        }
        Ok(())
    }

    fn failed(&self, record: &i64, error: &RecordError, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{record}!{}", error.code).as_bytes());
    }
}

fn texts(rows: &[Vec<u8>]) -> Vec<String> {
    rows.iter().map(|row| String::from_utf8_lossy(row).into_owned()).collect()
}

#[test]
fn each_request_gets_its_own_rows_and_errors() {
    let roots = RecordStages::new(Arc::new(Roots::default()), 4);
    let requests = vec![vec![4, -1, 9], vec![], vec![1_000_000, 666], vec![16, 25, 36, -7, -8, 49]];
    let expected = [
        vec!["4:2", "-1!negative", "9:3"],
        vec![],
        vec!["1000000!range", "666!internal"],
        vec!["16:4", "25:5", "36:6", "-7!negative", "-8!negative", "49:7"],
    ];
    let answers = roots.execute(requests.clone(), &RunOptions::default());
    for ((answer, request), expected) in answers.into_iter().zip(&requests).zip(expected) {
        let answer = answer.unwrap();
        assert_eq!(texts(&answer.rows), expected);
        assert_eq!(answer.tally.rows, request.len() as u64);
        let alone = run_records(&**roots.stages(), request, &RunOptions::default());
        assert_eq!((&alone.rows, &alone.tally.failed), (&answer.rows, &answer.tally.failed));
    }
    let last = roots.run(&requests[3], &RunOptions::default());
    assert_eq!(last.tally.failed.into_iter().collect::<Vec<_>>(), [("negative".to_owned(), 2)]);
}

#[test]
fn buffers_are_used_again() {
    let roots = RecordStages::new(Arc::new(Roots::default()), 8);
    for _ in 0..10 {
        roots.execute(vec![vec![1, 4], vec![666]], &RunOptions::default());
    }
    assert_eq!(roots.stages().scratches.load(Ordering::Relaxed), 1);
}

#[test]
fn a_batcher_serves_records_and_a_cancelled_one_stops() {
    let stages = Arc::new(Roots { endless: true, ..Roots::default() });
    let limits = Limits { max_rows: 4, max_delay: Duration::ZERO, ..Limits::default() };
    let config = BatcherConfig { limits, ..BatcherConfig::default() };
    let batcher = Batcher::new(RecordStages::new(Arc::clone(&stages), 4), config).unwrap();
    let ask = Ask { rows: 3, ..Ask::default() };
    let deadline = Some(Instant::now() + Duration::from_millis(200));
    let error = batcher.call(Ask { deadline, ..ask }, vec![1, 4, 9], None).unwrap_err();
    assert!(matches!(error, BatchError::Deadline { .. }), "{error}");
    assert!(batcher.drain(Duration::from_secs(20)));
    // Once for all of them: whoever was stopped isn't run again one by one.
    assert_eq!(stages.inferred.load(Ordering::Relaxed), 1);

    let batcher =
        Batcher::new(RecordStages::new(Arc::new(Roots::default()), 4), BatcherConfig::default());
    let done = batcher.unwrap().call(ask, vec![1, 4, -9], None).unwrap();
    assert_eq!(texts(&done.value.rows), ["1:1", "4:2", "-9!negative"]);
}

#[test]
fn stopped_records_say_so_in_their_place() {
    let token = CancelToken::new();
    token.cancel();
    let run = RunOptions { cancel: Some(token), ..RunOptions::default() };
    let done = run_records(&Roots::default(), &[4, -1], &run);
    assert_eq!(texts(&done.rows), ["4!cancelled", "-1!cancelled"]);
    // A batch has no rows to give then: each request is told.
    let answers =
        RecordStages::new(Arc::new(Roots::default()), 4).execute(vec![vec![4], vec![9]], &run);
    assert!(answers.iter().all(|answer| matches!(answer, Err(BatchError::Cancelled))));
    let deadline = Some(Instant::now() + Duration::from_millis(50));
    let endless = Roots { endless: true, ..Roots::default() };
    let done =
        run_records(&endless, &[4, -1, 9], &RunOptions { deadline, ..RunOptions::default() });
    assert_eq!(texts(&done.rows), ["4!deadline", "-1!negative", "9!deadline"]);
}
