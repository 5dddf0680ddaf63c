//! The queue's decisions, under a made-up clock.

use std::time::{Duration, Instant};

use strata_core::batching::{Ask, Batch, BatchQueue, ItemId, Limits, Next, Priority, Rejected};

/// A queue and a clock that stands still until it is told otherwise.
struct Bench {
    queue: BatchQueue<u32>,
    now: Instant,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self { queue: BatchQueue::new(limits), now: Instant::now() }
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms_of(ms);
    }

    fn push(&mut self, ask: Ask, name: u32) -> ItemId {
        self.queue.push(self.now, ask, name).expect("there is room")
    }

    fn refused(&mut self, ask: Ask) -> Rejected {
        let (why, payload) = self.queue.push(self.now, ask, 77).expect_err("a rejection");
        assert_eq!(payload, 77, "the payload comes back");
        why
    }

    fn batch(&mut self) -> Batch<u32> {
        match self.queue.next(self.now) {
            Next::Run(batch) => batch,
            other => panic!("a batch was expected, not {other:?}"),
        }
    }

    fn names(&mut self) -> Vec<u32> {
        self.batch().items.into_iter().map(|member| member.payload).collect()
    }

    /// Milliseconds until it wants to be asked again.
    fn waits(&mut self) -> u128 {
        match self.queue.next(self.now) {
            Next::WaitUntil(at) => at.saturating_duration_since(self.now).as_millis(),
            other => panic!("nothing should run yet, not {other:?}"),
        }
    }

    fn is_done(&mut self) -> bool {
        matches!(self.queue.next(self.now), Next::Empty)
    }
}

fn ms_of(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limits() -> Limits {
    Limits { max_rows: 4, max_delay: ms_of(10), ..Limits::default() }
}

fn rows(rows: usize) -> Ask {
    Ask { rows, ..Ask::default() }
}

fn length(length: u64) -> Ask {
    Ask { length, ..Ask::default() }
}

fn priority(priority: Priority) -> Ask {
    Ask { priority, ..Ask::default() }
}

#[test]
fn a_batch_goes_when_it_is_full_by_rows() {
    let mut bench = Bench::new(limits());
    assert!(bench.is_done());
    bench.push(rows(2), 0);
    bench.push(rows(1), 1);
    assert_eq!(bench.waits(), 10);
    bench.push(rows(1), 2);
    bench.push(rows(1), 3);
    let batch = bench.batch();
    assert_eq!((batch.rows, batch.cost, batch.padded_cost), (4, 4, 4));
    assert_eq!(batch.items.iter().map(|m| m.payload).collect::<Vec<_>>(), [0, 1, 2]);
    // What is left is no whole batch: it waits its time.
    assert_eq!(bench.waits(), 10);
    assert_eq!((bench.queue.len(), bench.queue.cost(), bench.queue.running()), (1, 1, 1));
}

#[test]
fn a_batch_goes_when_it_is_full_by_cost() {
    let mut bench = Bench::new(Limits { max_cost: 100, max_rows: 50, ..limits() });
    bench.push(length(40), 0);
    bench.push(length(40), 1);
    assert_eq!(bench.waits(), 10);
    bench.push(length(40), 2);
    let batch = bench.batch();
    assert_eq!((batch.items.len(), batch.padded_cost), (2, 80));
    assert_eq!(bench.waits(), 10);
}

#[test]
fn the_delay_counts_from_the_head_and_zero_is_no_delay() {
    let mut bench = Bench::new(limits());
    bench.push(rows(1), 0);
    bench.pass(6);
    bench.push(rows(1), 1);
    assert_eq!(bench.waits(), 4);
    bench.pass(4);
    // The younger one rides along.
    assert_eq!(bench.names(), [0, 1]);
    assert!(bench.is_done());

    let mut bench = Bench::new(Limits { max_delay: Duration::ZERO, ..limits() });
    bench.push(rows(1), 0);
    assert_eq!(bench.names(), [0]);
}

#[test]
fn groups_do_not_mix_and_a_full_one_does_not_wait_for_another() {
    let mut bench = Bench::new(limits());
    let of = |group| Ask { group: Some(group), ..Ask::default() };
    bench.push(of(1), 100);
    for name in 0..4 {
        bench.push(of(2), name);
    }
    assert_eq!(bench.names(), [0, 1, 2, 3]);
    assert_eq!(bench.waits(), 10);
    bench.pass(10);
    assert_eq!(bench.names(), [100]);
}

#[test]
fn what_shares_with_nobody_runs_alone_and_at_once() {
    let mut bench = Bench::new(limits());
    let alone = Ask { group: None, ..Ask::default() };
    bench.push(rows(1), 0);
    bench.push(alone, 1);
    bench.push(alone, 2);
    assert_eq!([bench.names(), bench.names()], [[1], [2]]);
    assert_eq!(bench.waits(), 10);
}

#[test]
fn nearest_lengths_share_a_batch_and_padding_stays_within_its_bound() {
    let mut bench = Bench::new(Limits { max_rows: 100, max_padding: 0.2, ..limits() });
    for (name, own) in [(0, 100), (1, 500), (2, 90), (3, 10), (4, 110), (5, 480), (6, 105)] {
        bench.push(length(own), name);
    }
    bench.pass(10);
    let batch = bench.batch();
    let names: Vec<u32> = batch.items.iter().map(|m| m.payload).collect();
    // 105 is nearer to the head's 100 than 110 and 90 are.
    assert_eq!(names, [0, 6, 4, 2]);
    assert_eq!((batch.cost, batch.padded_cost), (405, 440));
    assert_eq!(bench.names(), [1, 5]);
    assert_eq!(bench.names(), [3]);
}

#[test]
fn no_padding_allowed_means_one_length_a_batch() {
    let mut bench = Bench::new(Limits { max_padding: 0.0, ..limits() });
    for (name, own) in [(0, 7), (1, 8), (2, 7)] {
        bench.push(length(own), name);
    }
    bench.pass(10);
    assert_eq!([bench.names(), bench.names()], [vec![0, 2], vec![1]]);
}

#[test]
fn an_odd_length_is_not_left_behind() {
    let mut bench = Bench::new(limits());
    bench.push(length(1_000), 999);
    let mut served = None;
    // Others of another length come all the time, a whole batch in every millisecond.
    for round in 0..40 {
        for name in 0..4 {
            bench.push(length(10), name);
        }
        if bench.names() == [999] {
            served = Some(round);
            break;
        }
        bench.pass(1);
    }
    assert!(served.is_some_and(|round| round <= 11), "{served:?}");
}

#[test]
fn rows_that_do_not_fit_are_passed_over_for_fewer() {
    let mut bench = Bench::new(Limits { max_rows: 10, ..limits() });
    for (name, own) in [(0, 6), (1, 5), (2, 3), (3, 1)] {
        bench.push(rows(own), name);
    }
    assert_eq!(bench.names(), [0, 2, 3]);
    bench.pass(10);
    assert_eq!(bench.names(), [1]);
}

#[test]
fn higher_priority_goes_first_also_within_a_batch() {
    let mut bench = Bench::new(limits());
    for name in 0..4 {
        bench.push(priority(Priority::Low), name);
    }
    for name in 10..13 {
        bench.push(priority(Priority::Normal), name);
    }
    for name in 20..22 {
        bench.push(priority(Priority::High), name);
    }
    bench.pass(10);
    assert_eq!(bench.names(), [20, 21, 10, 11]);
    assert_eq!(bench.names(), [12, 0, 1, 2]);
}

#[test]
fn low_priority_does_not_starve() {
    let mut bench = Bench::new(Limits { aging: ms_of(50), ..limits() });
    bench.push(Ask { group: Some(9), ..priority(Priority::Low) }, 999);
    let mut waited = None;
    for round in 0..1000 {
        for name in 0..4 {
            bench.push(priority(Priority::High), name);
        }
        if bench.names() == [999] {
            waited = Some(round);
            break;
        }
        bench.pass(1);
    }
    // Not before it has aged, and then at the next fourth batch.
    assert!(waited.is_some_and(|ms| (50..=54).contains(&ms)), "{waited:?}");
}

#[test]
fn a_flood_does_not_delay_anothers_single_item() {
    // Deep in the flood, and late for all of it: aging must not undo fairness, at whichever turn.
    for (delay, before) in (0..8).flat_map(|before| [(0, before), (10, before)]) {
        let mut bench = Bench::new(Limits { max_delay: ms_of(delay), ..limits() });
        let by = |caller, group| Ask { caller, group: Some(group), ..Ask::default() };
        for name in 0..1000 {
            bench.push(by(1, 0), name);
        }
        bench.pass(400);
        for _ in 0..before {
            assert_eq!(bench.names().len(), 4);
        }
        bench.push(by(2, 1), 5000);
        bench.pass(delay);
        let next = [bench.names(), bench.names()];
        assert!(next.iter().any(|names| names == &[5000]), "{next:?}");
    }
}

#[test]
fn callers_get_equal_shares_of_cost() {
    let mut bench = Bench::new(Limits { max_rows: 1, max_delay: Duration::ZERO, ..limits() });
    // Caller 1's rows cost ten times those of caller 2.
    for name in 0..500 {
        bench.push(Ask { caller: 1, length: 10, ..Ask::default() }, name);
        bench.push(Ask { caller: 2, length: 1, ..Ask::default() }, 1000 + name);
    }
    let mut cost = [0_u64; 2];
    for _ in 0..330 {
        let batch = bench.batch();
        cost[usize::from(batch.items[0].payload >= 1000)] += batch.cost;
    }
    let (one, two) = (cost[0], cost[1]);
    assert!(one.abs_diff(two) <= 20, "{one} and {two}");
}

#[test]
fn who_comes_late_catches_up_on_nothing() {
    let mut bench = Bench::new(Limits { max_rows: 1, max_delay: Duration::ZERO, ..limits() });
    let by = |caller| Ask { caller, ..Ask::default() };
    for name in 0..100 {
        bench.push(by(1), name);
    }
    for _ in 0..50 {
        bench.names();
    }
    // From here on both get the same, however much the first has had.
    for name in 0..100 {
        bench.push(by(2), 1000 + name);
    }
    let seconds = (0..20).filter(|_| bench.names()[0] >= 1000).count();
    assert!((9..=11).contains(&seconds), "{seconds} of 20");
}

#[test]
fn a_full_queue_says_when_to_come_again() {
    let mut bench = Bench::new(Limits { queue_items: 100, queue_cost: 500, ..limits() });
    let first = bench.refused_when_full();
    assert_eq!(first, Duration::from_secs(1), "nothing was measured yet");
    for _ in 0..10 {
        let batch = bench.batch();
        bench.queue.finished(batch.cost, ms_of(400));
    }
    // Filled up again, half of the 100 rows are done in 5 seconds at 10 a second.
    assert_eq!(bench.queue.len(), 60);
    let again = bench.refused_when_full();
    assert!(again.abs_diff(Duration::from_secs(5)) < ms_of(50), "{again:?}");
    // By cost: 500 is the limit, and 100 wait.
    let large = Ask { rows: 3, length: 130, ..Ask::default() };
    let mut wide = Bench::new(Limits { queue_cost: 500, ..limits() });
    wide.push(large, 0);
    assert!(matches!(wide.refused(large), Rejected::Full { .. }));
    wide.push(rows(1), 1);
}

impl Bench {
    fn refused_when_full(&mut self) -> Duration {
        while self.queue.len() < 100 {
            self.push(rows(1), 0);
        }
        match self.refused(rows(1)) {
            Rejected::Full { retry_after } => retry_after,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_can_never_run_is_refused() {
    let mut bench = Bench::new(Limits { max_cost: 100, queue_cost: 50, ..limits() });
    let huge = Ask { rows: 2, length: u64::MAX, ..Ask::default() };
    for ask in [rows(5), length(101), length(51), huge] {
        assert_eq!(bench.refused(ask), Rejected::TooLarge);
    }
    let late = Ask { deadline: Some(bench.now), ..Ask::default() };
    assert_eq!(bench.refused(late), Rejected::DeadlinePassed);
    assert!(bench.is_done());
}

#[test]
fn deadlines_and_the_queue_timeout_take_items_out() {
    let mut bench =
        Bench::new(Limits { max_delay: ms_of(1000), queue_timeout: Some(ms_of(100)), ..limits() });
    let within = |now: Instant, ms| Ask { deadline: Some(now + ms_of(ms)), ..Ask::default() };
    bench.push(within(bench.now, 40), 0);
    bench.push(within(bench.now, 400), 1);
    bench.push(rows(1), 2);
    assert_eq!(bench.queue.next_expiry(), Some(bench.now + ms_of(40)));
    bench.pass(39);
    assert!(bench.queue.expire(bench.now).is_empty());
    bench.pass(1);
    // Also when it is the batch that is asked for first.
    assert_eq!(bench.waits(), 960);
    let expired = bench.queue.expire(bench.now);
    assert_eq!(expired.len(), 1);
    assert!(expired[0].by_deadline && expired[0].member.payload == 0);
    bench.pass(60);
    let expired = bench.queue.expire(bench.now);
    let names: Vec<(u32, bool)> =
        expired.iter().map(|e| (e.member.payload, e.by_deadline)).collect();
    assert_eq!(names, [(1, false), (2, false)]);
    assert_eq!((bench.queue.len(), bench.queue.cost(), bench.queue.next_expiry()), (0, 0, None));
    assert!(bench.is_done());
}

#[test]
fn a_late_item_is_in_no_batch() {
    let mut bench = Bench::new(limits());
    let late = Ask { deadline: Some(bench.now + ms_of(5)), ..Ask::default() };
    bench.push(late, 0);
    bench.push(rows(1), 1);
    bench.pass(10);
    assert_eq!(bench.names(), [1]);
    assert_eq!(bench.queue.expire(bench.now).len(), 1);
}

#[test]
fn cancelled_items_are_gone_and_cost_their_caller_nothing() {
    let mut bench = Bench::new(limits());
    let first = bench.push(rows(2), 0);
    let second = bench.push(rows(2), 1);
    assert_eq!(bench.queue.cancel(first), Some(0));
    assert_eq!(bench.queue.cancel(first), None);
    // The group was full; now it waits again, but its oldest item is ripe already or waits its time.
    bench.pass(10);
    assert_eq!(bench.names(), [1]);
    assert_eq!(bench.queue.cancel(second), None);
    let ids: Vec<ItemId> =
        (0..100).map(|name| bench.push(Ask { caller: 7, ..rows(1) }, name)).collect();
    for id in ids {
        bench.queue.cancel(id);
    }
    bench.push(Ask { caller: 8, group: Some(8), ..rows(1) }, 800);
    bench.push(Ask { caller: 7, group: Some(7), ..rows(1) }, 700);
    bench.pass(10);
    assert_eq!([bench.names(), bench.names()], [[800], [700]]);
}

#[test]
fn a_closed_queue_serves_what_it_has_at_once() {
    let mut bench = Bench::new(limits());
    bench.push(rows(1), 0);
    bench.push(Ask { group: Some(5), ..rows(1) }, 1);
    assert_eq!(bench.waits(), 10);
    bench.queue.close();
    assert_eq!(bench.refused(rows(1)), Rejected::Closed);
    assert_eq!([bench.names(), bench.names()], [[0], [1]]);
    assert!(bench.is_done());
}

#[test]
fn clearing_gives_everything_back() {
    let mut bench = Bench::new(limits());
    for name in 0..10 {
        bench.push(Ask { deadline: (name == 3).then(|| bench.now + ms_of(1)), ..rows(1) }, name);
    }
    bench.pass(2);
    bench.names();
    let mut left = bench.queue.clear();
    left.sort_unstable();
    assert_eq!(left, [3, 5, 6, 7, 8, 9]);
    assert!(bench.is_done() && bench.queue.cost() == 0);
}

/// Not a measurement, but it would take minutes if an operation looked at every item.
#[test]
fn ten_thousand_items_pass_through() {
    let limits = Limits { queue_items: 20_000, max_rows: 64, ..Limits::default() };
    let mut bench = Bench::new(limits);
    let start = Instant::now();
    for name in 0..10_000_u32 {
        let ask = Ask {
            caller: u64::from(name % 50),
            length: u64::from(name) * 7919 % 500 + 1,
            priority: [Priority::High, Priority::Normal, Priority::Low][name as usize % 3],
            deadline: Some(bench.now + ms_of(60_000 + u64::from(name))),
            ..Ask::default()
        };
        bench.push(ask, name);
    }
    let pushed = start.elapsed();
    bench.pass(10);
    let (mut batches, mut served, mut cost, mut padded) = (0, 0, 0, 0);
    while let Next::Run(batch) = bench.queue.next(bench.now) {
        (batches, served) = (batches + 1, served + batch.items.len());
        (cost, padded) = (cost + batch.cost, padded + batch.padded_cost);
        bench.queue.finished(batch.cost, ms_of(1));
    }
    let padding = 1.0 - cost as f64 / padded as f64;
    println!(
        "pushed in {pushed:?}, all in {:?}: {batches} batches, {padding:.3} padding",
        start.elapsed()
    );
    assert_eq!(served, 10_000);
    assert!(batches < 200, "{batches} batches for 157 full ones");
}

#[test]
fn rows_that_wait_are_bounded_but_for_a_caller_with_none() {
    let limits = Limits { max_rows: 8, queue_rows: 16, ..Limits::default() };
    let mut bench = Bench::new(limits);
    let ask = |caller: u64, rows: usize| Ask { caller, rows, ..Ask::default() };
    bench.push(ask(1, 8), 1);
    bench.push(ask(1, 8), 2);
    assert!(matches!(bench.refused(ask(1, 1)), Rejected::Full { .. }), "its rows wait already");
    let asked = bench.queue.would_take(bench.now, &ask(1, 1));
    assert!(matches!(asked, Err(Rejected::Full { .. })), "and asking says so");
    assert_eq!(bench.queue.would_take(bench.now, &ask(2, 3)), Ok(()));
    bench.push(ask(2, 3), 3);
    assert!(matches!(bench.refused(ask(2, 1)), Rejected::Full { .. }), "now it has some too");
    bench.pass(1000);
    bench.batch();
    bench.batch();
    bench.push(ask(1, 8), 4);
}
