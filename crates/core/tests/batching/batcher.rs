//! The batcher's promises, with a made-up model: one reply each, in time, whatever happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use strata_core::batching::{
    Ask, BatchError, BatchFacts, Batcher, BatcherConfig, Done, Execute, Limits, Observer, Ticket,
    Where,
};
use strata_core::runtime::{CancelToken, RunOptions};

/// Far beyond what anything here takes.
const SOON: Duration = Duration::from_secs(20);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a test's request wants of the model.
#[derive(Debug, Clone)]
enum Want {
    /// The number back.
    Number(u64),
    /// The batch runs until it is stopped.
    Endless,
    /// The batch runs so long, whatever happens.
    Long(Duration),
    /// The batch panics.
    Panic,
    /// The batch gives a result too few.
    TooFew,
    /// This item alone fails.
    Fail,
}

/// How an endless run ended: whether its token was cancelled, and its deadline.
type Ending = (bool, Option<Instant>);

/// A model that keeps a diary.
#[derive(Clone, Default)]
struct Fake {
    /// Sizes of the batches so far.
    batches: Arc<Mutex<Vec<usize>>>,
    stopped: Arc<Mutex<Vec<Ending>>>,
}

impl Execute<Want, u64> for Fake {
    fn execute(&self, batch: Vec<Want>, run: &RunOptions) -> Vec<Result<u64, BatchError>> {
        self.batches.lock().unwrap().push(batch.len());
        let cancel = run.cancel.clone().expect("every run can be stopped");
        let mut results: Vec<Result<u64, BatchError>> = Vec::new();
        for want in &batch {
            results.push(match want {
                Want::Number(n) => Ok(*n),
                Want::Fail => Err(BatchError::Panicked("no".to_owned())),
                Want::Panic => panic!("on purpose"),
                Want::TooFew => continue,
                Want::Long(time) => {
                    std::thread::sleep(*time);
                    Ok(0)
                }
                Want::Endless => {
                    let late = || run.deadline.is_some_and(|deadline| deadline <= Instant::now());
                    while !cancel.is_cancelled() && !late() {
                        std::thread::sleep(ms(1));
                    }
                    self.stopped.lock().unwrap().push((cancel.is_cancelled(), run.deadline));
                    return batch.iter().map(|_| Err(BatchError::Cancelled)).collect();
                }
            });
        }
        results
    }
}

type Outcome = Result<Done<u64>, BatchError>;

struct Bench {
    batcher: Arc<Batcher<Want, u64>>,
    fake: Fake,
    sender: Sender<(u64, Outcome)>,
    replies: Receiver<(u64, Outcome)>,
}

fn bench(workers: usize, limits: Limits) -> Bench {
    let fake = Fake::default();
    let config = BatcherConfig { workers, limits, ..BatcherConfig::default() };
    let batcher = Arc::new(Batcher::new(fake.clone(), config).unwrap());
    let (sender, replies) = channel();
    Bench { batcher, fake, sender, replies }
}

fn one_at_a_time() -> Limits {
    Limits { max_rows: 1, max_delay: Duration::ZERO, ..Limits::default() }
}

impl Bench {
    fn submit_with(
        &self,
        number: u64,
        (ask, want): (Ask, Want),
        cancel: Option<&CancelToken>,
    ) -> Result<Ticket, BatchError> {
        let sender = self.sender.clone();
        // The test may be over before the last reply.
        let reply = Box::new(move |outcome| drop(sender.send((number, outcome))));
        self.batcher.submit(ask, want, cancel, reply)
    }

    fn submit(&self, number: u64, want: Want) -> Ticket {
        self.submit_with(number, (Ask::default(), want), None).unwrap()
    }

    fn submit_until(&self, number: u64, want: Want, deadline: Instant) -> Ticket {
        let ask = Ask { deadline: Some(deadline), ..Ask::default() };
        self.submit_with(number, (ask, want), None).unwrap()
    }

    /// Waits until so many batches have begun.
    fn begun(&self, batches: usize) {
        wait_for(|| self.fake.batches.lock().unwrap().len() >= batches);
    }

    fn reply(&self) -> (u64, Outcome) {
        self.replies.recv_timeout(SOON).expect("a reply")
    }

    /// So many replies by number, and none beyond them.
    fn all(&self, count: usize) -> BTreeMap<u64, Outcome> {
        let all: BTreeMap<u64, Outcome> = (0..count).map(|_| self.reply()).collect();
        assert_eq!(all.len(), count, "a request was answered twice");
        assert!(self.replies.try_recv().is_err(), "a reply too many");
        all
    }
}

fn wait_for(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "it never happened");
        std::thread::sleep(ms(1));
    }
}

#[test]
fn every_request_is_answered_once_with_its_own_answer() {
    let limits =
        Limits { max_rows: 16, max_delay: ms(1), queue_items: 10_000, ..Limits::default() };
    let bench = bench(3, limits);
    std::thread::scope(|scope| {
        for caller in 0..4_u64 {
            let bench = (&bench.batcher, bench.sender.clone());
            scope.spawn(move || {
                for n in 0..500 {
                    let number = caller * 1000 + n;
                    let want = if n % 50 == 7 { Want::Fail } else { Want::Number(number) };
                    let sender = bench.1.clone();
                    let reply = Box::new(move |outcome| drop(sender.send((number, outcome))));
                    let ask = Ask { caller, ..Ask::default() };
                    bench.0.submit(ask, want, None, reply).unwrap().detach();
                }
            });
        }
    });
    for (number, outcome) in bench.all(2000) {
        if number % 1000 % 50 == 7 {
            assert!(matches!(outcome, Err(BatchError::Panicked(_))), "{outcome:?}");
            continue;
        }
        let done = outcome.unwrap();
        assert_eq!(done.value, number);
        assert!(done.batch_items <= 16 && done.batch_rows == done.batch_items);
    }
    let batches = bench.fake.batches.lock().unwrap();
    assert_eq!(batches.iter().sum::<usize>(), 2000);
    assert!(batches.len() < 1000, "{} batches for 2000 requests", batches.len());
}

#[test]
fn a_batch_gathers_for_its_delay_and_says_what_it_was() {
    let limits = Limits { max_rows: 100, max_delay: ms(300), ..Limits::default() };
    let bench = bench(1, limits);
    let _tickets: Vec<Ticket> = (0..5).map(|n| bench.submit(n, Want::Number(n))).collect();
    for outcome in bench.all(5).into_values() {
        let done = outcome.unwrap();
        assert_eq!((done.batch_items, done.batch_rows, done.batch_cost), (5, 5, 5));
        assert!(done.queued >= ms(100) && done.queued < SOON, "{:?}", done.queued);
    }
}

#[test]
fn what_is_left_does_not_wait_for_a_busy_worker() {
    let bench = bench(2, Limits { max_delay: ms(50), ..Limits::default() });
    let of = |group| Ask { group: Some(group), ..Ask::default() };
    // Both workers have come to sleep, and know of nothing to watch.
    std::thread::sleep(ms(100));
    let busy = bench.submit_with(0, (of(0), Want::Endless), None).unwrap();
    // The worker that watches the first takes it; the other must watch this one.
    let other = bench.submit_with(1, (of(1), Want::Number(1)), None).unwrap();
    assert!(matches!(bench.reply(), (1, Ok(_))));
    busy.cancel();
    assert_eq!(bench.all(1).len(), 1);
    drop(other);
}

#[test]
fn cancelled_in_the_queue_it_never_runs() {
    let bench = bench(1, one_at_a_time());
    let busy = bench.submit(0, Want::Endless);
    bench.begun(1);
    let (ticket, dropped) = (bench.submit(1, Want::Number(1)), bench.submit(2, Want::Number(2)));
    let kept = bench.submit(3, Want::Number(3));
    ticket.cancel();
    assert!(matches!(bench.replies.try_recv(), Ok((1, Err(BatchError::Cancelled)))));
    drop(dropped);
    assert!(matches!(bench.replies.try_recv(), Ok((2, Err(BatchError::Cancelled)))));
    assert_eq!(bench.batcher.load().queued, 1);
    busy.cancel();
    let rest = bench.all(2);
    assert!(matches!(rest[&0], Err(BatchError::Cancelled)));
    assert_eq!(rest[&3].as_ref().unwrap().value, 3);
    assert_eq!(bench.fake.batches.lock().unwrap().len(), 2);
    drop(kept);
}

#[test]
fn a_run_is_stopped_only_when_all_its_members_are_gone() {
    let limits = Limits { max_rows: 3, max_delay: SOON, ..Limits::default() };
    let bench = bench(1, limits);
    let deadline = Instant::now() + ms(300);
    let first = bench.submit(0, Want::Endless);
    let second = bench.submit(1, Want::Number(1));
    let third = bench.submit_until(2, Want::Number(2), deadline);
    bench.begun(1);
    first.cancel();
    assert!(matches!(bench.replies.try_recv(), Ok((0, Err(BatchError::Cancelled)))));
    // The third's deadline passes while the second still wants its answer.
    let (number, outcome) = bench.reply();
    assert!(number == 2 && Instant::now() >= deadline);
    assert!(matches!(outcome, Err(BatchError::Deadline { waited }) if waited >= ms(40)));
    std::thread::sleep(ms(30));
    assert!(bench.fake.stopped.lock().unwrap().is_empty(), "it was stopped under the second");
    second.cancel();
    assert!(matches!(bench.reply(), (1, Err(BatchError::Cancelled))));
    wait_for(|| !bench.fake.stopped.lock().unwrap().is_empty());
    // One member had no deadline, so neither had the run.
    assert_eq!(bench.fake.stopped.lock().unwrap()[0], (true, None));
    drop(third);
    assert!(bench.batcher.drain(SOON));
    assert!(bench.replies.try_recv().is_err());
}

#[test]
fn a_run_whose_members_all_have_deadlines_gets_the_last_of_them() {
    let limits = Limits { max_rows: 2, max_delay: SOON, ..Limits::default() };
    let bench = bench(1, limits);
    let start = Instant::now();
    let (early, late) = (start + ms(200), start + ms(600));
    let _tickets =
        [bench.submit_until(0, Want::Number(0), late), bench.submit_until(1, Want::Endless, early)];
    let (number, outcome) = bench.reply();
    assert!(number == 1 && matches!(outcome, Err(BatchError::Deadline { .. })), "{outcome:?}");
    assert!(Instant::now() < late, "the early one was answered at the late one's deadline");
    let (number, outcome) = bench.reply();
    assert!(number == 0 && Instant::now() >= late);
    assert!(matches!(outcome, Err(BatchError::Deadline { .. } | BatchError::Cancelled)));
    wait_for(|| !bench.fake.stopped.lock().unwrap().is_empty());
    assert_eq!(bench.fake.stopped.lock().unwrap()[0].1, Some(late));
}

#[test]
fn those_in_the_queue_are_answered_in_time_while_all_workers_are_busy() {
    let limits = Limits { queue_timeout: Some(ms(300)), ..one_at_a_time() };
    let bench = bench(1, limits);
    let start = Instant::now();
    let busy = bench.submit(0, Want::Long(ms(1500)));
    bench.begun(1);
    let _tickets = [
        bench.submit(1, Want::Number(1)),
        bench.submit_until(2, Want::Number(2), Instant::now() + ms(150)),
    ];
    let (number, outcome) = bench.reply();
    assert!(number == 2 && matches!(outcome, Err(BatchError::Deadline { .. })), "{outcome:?}");
    let (number, outcome) = bench.reply();
    assert!(number == 1 && matches!(outcome, Err(BatchError::QueueTimeout { .. })), "{outcome:?}");
    assert!(start.elapsed() < ms(1400), "they waited for the worker");
    assert!(bench.reply().1.is_ok());
    drop(busy);
}

#[test]
fn a_shared_token_cancels_all_requests_that_carry_it() {
    let bench = bench(1, one_at_a_time());
    let (token, other) = (CancelToken::new(), CancelToken::new());
    let submit = |number, want, token: &CancelToken| {
        bench.submit_with(number, (Ask::default(), want), Some(token)).unwrap()
    };
    let mut tickets = vec![submit(0, Want::Endless, &token)];
    bench.begun(1);
    tickets.extend((1..50).map(|n| submit(n, Want::Number(n), &token)));
    tickets.push(submit(50, Want::Number(50), &other));
    token.cancel();
    for (number, outcome) in bench.all(51) {
        match number {
            50 => assert_eq!(outcome.unwrap().value, 50),
            _ => assert!(matches!(outcome, Err(BatchError::Cancelled)), "{outcome:?}"),
        }
    }
    let late = bench.submit_with(99, (Ask::default(), Want::Number(99)), Some(&token));
    assert!(matches!(late, Err(BatchError::Cancelled)));
    assert_eq!(bench.fake.batches.lock().unwrap().len(), 2);
}

#[test]
fn a_panic_is_its_batchs_error_and_the_worker_lives_on() {
    let limits = Limits { max_rows: 2, max_delay: SOON, ..Limits::default() };
    let bench = bench(1, limits);
    let _tickets: Vec<Ticket> = [Want::Panic, Want::Number(1), Want::TooFew, Want::Number(3)]
        .into_iter()
        .zip(0..)
        .map(|(want, number)| bench.submit(number, want))
        .collect();
    let all = bench.all(4);
    for number in [0, 1] {
        let error = all[&number].as_ref().unwrap_err();
        assert!(matches!(error, BatchError::Panicked(text) if text == "on purpose"), "{error}");
    }
    for number in [2, 3] {
        let error = all[&number].as_ref().unwrap_err();
        assert!(matches!(error, BatchError::Miscounted { items: 2, results: 1 }), "{error}");
    }
    let _tickets = [bench.submit(4, Want::Number(4)), bench.submit(5, Want::Number(5))];
    assert!(bench.all(2).into_values().all(|outcome| outcome.is_ok()));
}

#[test]
fn a_reply_that_panics_harms_nobody_else() {
    let bench = bench(1, one_at_a_time());
    let reply = Box::new(|_| panic!("a caller's bug"));
    bench.batcher.submit(Ask::default(), Want::Number(0), None, reply).unwrap().detach();
    bench.submit(1, Want::Number(1)).detach();
    assert!(bench.reply().1.is_ok());
    assert!(bench.batcher.drain(SOON));
}

#[test]
fn rejections_are_told_and_not_replied() {
    let limits = Limits { queue_items: 2, ..one_at_a_time() };
    let bench = bench(1, limits);
    let refuse = |ask| bench.submit_with(9, (ask, Want::Number(9)), None).unwrap_err();
    let busy = bench.submit(0, Want::Endless);
    bench.begun(1);
    let waiting = [bench.submit(1, Want::Number(1)), bench.submit(2, Want::Number(2))];
    let full = refuse(Ask::default());
    assert!(matches!(full, BatchError::Full { retry_after } if !retry_after.is_zero()), "{full}");
    let large = refuse(Ask { rows: 2, ..Ask::default() });
    assert!(large.to_string().contains("2 rows of length 1"), "{large}");
    let late = refuse(Ask { deadline: Some(Instant::now()), ..Ask::default() });
    assert!(matches!(late, BatchError::Deadline { .. }), "{late}");
    bench.batcher.close();
    assert!(matches!(refuse(Ask::default()), BatchError::Closed));
    busy.cancel();
    assert_eq!(bench.all(3).len(), 3);
    drop(waiting);
}

#[test]
fn draining_serves_what_waits_and_gives_up_in_time() {
    let limits = Limits { max_rows: 4, max_delay: SOON, ..Limits::default() };
    let bench = bench(1, limits);
    let _tickets: Vec<Ticket> = (0..6).map(|n| bench.submit(n, Want::Number(n))).collect();
    // Two of them would wait for others a long time.
    assert!(bench.batcher.drain(SOON));
    assert!(bench.all(6).into_values().all(|outcome| outcome.is_ok()));

    let bench = self::bench(1, one_at_a_time());
    let ticket = bench.submit(0, Want::Endless);
    let start = Instant::now();
    assert!(!bench.batcher.drain(ms(50)));
    assert!(start.elapsed() >= ms(50) && start.elapsed() < SOON);
    ticket.cancel();
    assert!(bench.batcher.drain(SOON));
}

#[test]
fn dropping_answers_everybody_and_stops_what_runs() {
    let bench = bench(2, one_at_a_time());
    let Bench { batcher, fake, sender: _sender, replies } = {
        for number in 0..10 {
            bench.submit(number, Want::Endless).detach();
        }
        bench.begun(2);
        bench
    };
    drop(batcher);
    let all: BTreeMap<u64, Outcome> = replies.try_iter().collect();
    assert_eq!(all.len(), 10);
    for outcome in all.into_values() {
        assert!(matches!(outcome, Err(BatchError::Closed)), "{outcome:?}");
    }
    assert_eq!(fake.stopped.lock().unwrap().len(), 2);
}

#[test]
fn the_last_batcher_may_be_dropped_by_a_reply() {
    let fake = Fake::default();
    let batcher = Arc::new(Batcher::new(fake, BatcherConfig::default()).unwrap());
    let (sender, receiver) = channel();
    let (go, wait) = channel::<()>();
    let own = Arc::clone(&batcher);
    let reply = Box::new(move |_| {
        wait.recv().unwrap();
        drop(own);
        sender.send(()).unwrap();
    });
    batcher.submit(Ask::default(), Want::Number(1), None, reply).unwrap().detach();
    drop(batcher);
    go.send(()).unwrap();
    receiver.recv_timeout(SOON).expect("the drop came to its end");
}

#[test]
fn callers_that_wait_get_their_answer_or_error() {
    let bench = bench(1, one_at_a_time());
    assert_eq!(bench.batcher.call(Ask::default(), Want::Number(7), None).unwrap().value, 7);
    let error = bench.batcher.call(Ask::default(), Want::Panic, None).unwrap_err();
    assert_eq!(error.reason(), "internal");
    let deadline = Some(Instant::now() + ms(30));
    let error = bench.batcher.call(Ask { deadline, ..Ask::default() }, Want::Endless, None);
    assert!(matches!(error, Err(BatchError::Deadline { .. })), "{error:?}");
}

#[derive(Default)]
struct Notes {
    queued: AtomicUsize,
    rejected: Mutex<Vec<&'static str>>,
    /// Items, rows, costs without and with padding.
    batches: Mutex<Vec<[u64; 4]>>,
    cancelled: Mutex<Vec<Where>>,
}

impl Observer for Notes {
    fn queued(&self, depth: usize, _cost: u64) {
        self.queued.fetch_max(depth, Ordering::Relaxed);
    }
    fn rejected(&self, reason: &'static str) {
        self.rejected.lock().unwrap().push(reason);
    }
    fn batch(&self, facts: &BatchFacts<'_>) {
        assert_eq!(facts.waits.len(), facts.items);
        let sizes = [facts.items as u64, facts.rows as u64, facts.cost, facts.padded_cost];
        self.batches.lock().unwrap().push(sizes);
    }
    fn cancelled(&self, place: Where) {
        self.cancelled.lock().unwrap().push(place);
    }
}

#[test]
fn the_observer_hears_of_everything() {
    let notes = Arc::new(Notes::default());
    let limits = Limits { max_rows: 3, queue_items: 2, max_delay: ms(5), ..Limits::default() };
    let observer: Arc<dyn Observer> = notes.clone();
    let config = BatcherConfig { limits, observer, ..BatcherConfig::default() };
    let batcher = Batcher::new(Fake::default(), config).unwrap();
    let submit = |ask, want| batcher.submit(ask, want, None, Box::new(|_: Outcome| {}));
    let long = Ask { length: 4, ..Ask::default() };
    let busy = submit(Ask { rows: 2, ..long }, Want::Endless).unwrap();
    wait_for(|| batcher.load().running == 1);
    let (waiting, other) =
        (submit(long, Want::Number(1)).unwrap(), Ask { length: 3, ..Ask::default() });
    submit(other, Want::Number(2)).unwrap().detach();
    submit(Ask::default(), Want::Number(3)).unwrap_err();
    let late = Ask { deadline: Some(Instant::now() + ms(200)), ..Ask::default() };
    submit(late, Want::Number(4)).unwrap_err();
    waiting.cancel();
    submit(Ask { deadline: Some(Instant::now() + ms(200)), ..late }, Want::Number(5))
        .unwrap()
        .detach();
    wait_for(|| notes.rejected.lock().unwrap().len() == 3);
    busy.cancel();
    assert!(batcher.drain(SOON));
    drop(batcher);
    assert_eq!(*notes.rejected.lock().unwrap(), ["queue_full", "queue_full", "deadline"]);
    assert_eq!(*notes.cancelled.lock().unwrap(), [Where::Queued, Where::Running]);
    assert_eq!(*notes.batches.lock().unwrap(), [[1, 2, 8, 8], [1, 1, 3, 3]]);
    assert_eq!(notes.queued.load(Ordering::Relaxed), 2);
}
