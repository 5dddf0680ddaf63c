//! Whatever comes in whatever order: no item is lost or served twice, and no limit is exceeded.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use strata_core::batching::{Ask, Batch, BatchQueue, ItemId, Limits, Next, Priority, Rejected};

#[derive(Debug, Clone)]
enum Step {
    Push { rows: usize, length: u64, group: Option<u64>, who: (u8, u64), deadline: Option<u64> },
    Next,
    Expire,
    Cancel(usize),
    Pass(u64),
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    let push = (1..6_usize, 1..40_u64, 0..4_u64, (0..3_u8, 0..4_u64), prop::option::of(1..40_u64));
    prop_oneof![
        8 => push.prop_map(|(rows, length, group, who, deadline)| Step::Push {
            rows,
            length,
            group: (group > 0).then_some(group),
            who,
            deadline,
        }),
        4 => Just(Step::Next),
        1 => Just(Step::Expire),
        1 => (0..100_usize).prop_map(Step::Cancel),
        3 => (0..20_u64).prop_map(Step::Pass),
        1 => prop::bool::weighted(0.05).prop_map(|close| if close { Step::Close } else { Step::Next }),
    ]
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The queue's view of the world against a plain list of what must be in it.
struct Checked {
    queue: BatchQueue<u64>,
    limits: Limits,
    waiting: BTreeMap<ItemId, (u64, Ask, Instant)>,
    now: Instant,
    closed: bool,
}

impl Checked {
    fn cost(&self) -> u64 {
        self.waiting.values().map(|(_, ask, _)| ask.rows as u64 * ask.length).sum()
    }

    fn push(&mut self, ask: Ask, name: u64) {
        // Late items take up room until they are taken out.
        self.expire();
        let rows: usize = self.waiting.values().map(|(_, own, _)| own.rows).sum();
        let has = |own: &Ask| (own.caller, own.priority) == (ask.caller, ask.priority);
        let crowded = rows + ask.rows > self.limits.queue_rows
            && self.waiting.values().any(|(_, own, _)| has(own));
        let full = self.waiting.len() >= self.limits.queue_items
            || crowded
            || self.cost() + ask.rows as u64 * ask.length > self.limits.queue_cost;
        let too_large = ask.rows > self.limits.max_rows
            || ask.rows as u64 * ask.length > self.limits.max_cost.min(self.limits.queue_cost);
        match self.queue.push(self.now, ask, name) {
            Ok(id) => {
                assert!(!full && !too_large && !self.closed);
                assert!(self.waiting.insert(id, (name, ask, self.now)).is_none());
            }
            Err((Rejected::Full { .. }, _)) => assert!(full),
            Err((Rejected::TooLarge, _)) => assert!(too_large),
            Err((Rejected::Closed, _)) => assert!(self.closed),
            Err((Rejected::DeadlinePassed, _)) => panic!("deadlines are in the future"),
        }
    }

    fn check(&mut self, batch: &Batch<u64>) {
        let limits = &self.limits;
        let rows: usize = batch.items.iter().map(|m| m.ask.rows).sum();
        let longest = batch.items.iter().map(|m| m.ask.length).max().expect("an item");
        let cost: u64 = batch.items.iter().map(|m| m.ask.rows as u64 * m.ask.length).sum();
        let padded = rows as u64 * longest;
        assert_eq!((batch.rows, batch.cost, batch.padded_cost), (rows, cost, padded));
        assert!(rows <= limits.max_rows && padded <= limits.max_cost);
        assert!((padded - cost) as f64 <= limits.max_padding * padded as f64 + 1e-9);
        let group = batch.items[0].ask.group;
        assert!(batch.items.len() == 1 || group.is_some());
        for member in &batch.items {
            assert_eq!(member.ask.group, group);
            let (name, ask, arrived) = self.waiting.remove(&member.id).expect("served once");
            assert_eq!((name, arrived), (member.payload, member.arrived));
            assert!(ask.deadline.is_none_or(|deadline| deadline > self.now));
            assert!(self.limits.queue_timeout.is_none_or(|t| arrived + t > self.now));
        }
    }

    fn expire(&mut self) {
        for expired in self.queue.expire(self.now) {
            let (name, ask, arrived) = self.waiting.remove(&expired.member.id).expect("once");
            assert_eq!(name, expired.member.payload);
            let late = if expired.by_deadline {
                ask.deadline.expect("it has one") <= self.now
            } else {
                arrived + self.limits.queue_timeout.expect("there is one") <= self.now
            };
            assert!(late);
        }
        let late = |(_, ask, arrived): &(u64, Ask, Instant)| {
            ask.deadline.is_some_and(|deadline| deadline <= self.now)
                || self.limits.queue_timeout.is_some_and(|timeout| *arrived + timeout <= self.now)
        };
        assert!(!self.waiting.values().any(late), "a late item was not taken out");
    }

    fn next(&mut self) -> bool {
        match self.queue.next(self.now) {
            Next::Run(batch) => {
                self.check(&batch);
                self.queue.finished(batch.cost, ms(3));
                return true;
            }
            Next::WaitUntil(at) => {
                assert!(at > self.now && !self.waiting.is_empty() && !self.closed);
                // Nobody waits longer than the delay while a worker is free.
                self.expire();
                let due = |(_, _, arrived): &(u64, Ask, Instant)| *arrived + self.limits.max_delay;
                assert!(self.waiting.values().all(|item| due(item) >= at));
            }
            Next::Empty => {
                self.expire();
                assert!(self.waiting.is_empty(), "it says it is empty");
            }
        }
        false
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_served_twice(
        steps in prop::collection::vec(step(), 1..200),
        (max_rows, max_cost, delay) in (1..9_usize, 20..200_u64, 0..15_u64),
        (padding, items, timeout) in (0.0..0.6_f64, 1..40_usize, prop::option::of(1..60_u64)),
        queue_rows in 1..80_usize,
    ) {
        let limits = Limits {
            max_rows,
            max_cost,
            max_delay: ms(delay),
            max_padding: padding,
            aging: ms(20),
            queue_items: items,
            queue_rows,
            queue_cost: 600,
            queue_timeout: timeout.map(ms),
        };
        let mut checked = Checked {
            queue: BatchQueue::new(limits),
            limits,
            waiting: BTreeMap::new(),
            now: Instant::now(),
            closed: false,
        };
        for (name, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push { rows, length, group, who: (level, caller), deadline } => {
                    let priority = [Priority::High, Priority::Normal, Priority::Low][level as usize];
                    let deadline = deadline.map(|after| checked.now + ms(after));
                    checked.push(Ask { rows, length, group, priority, caller, deadline }, name as u64);
                }
                Step::Next => drop(checked.next()),
                Step::Expire => checked.expire(),
                Step::Cancel(at) => {
                    let id = checked.waiting.keys().nth(at % checked.waiting.len().max(1)).copied();
                    if let Some(id) = id {
                        let known = checked.waiting.remove(&id).map(|(name, ..)| name);
                        // It may have been put aside as too late, which is told by `expire`.
                        if let Some(payload) = checked.queue.cancel(id) {
                            prop_assert_eq!(Some(payload), known);
                        } else {
                            let aside = checked.queue.expire(checked.now);
                            prop_assert!(aside.iter().any(|e| e.member.id == id));
                            for expired in aside {
                                checked.waiting.remove(&expired.member.id);
                            }
                        }
                    }
                }
                Step::Pass(after) => checked.now += ms(after),
                Step::Close => {
                    checked.closed = true;
                    checked.queue.close();
                }
            }
            let (aside, waiting) = (checked.queue.len(), checked.waiting.len());
            prop_assert!(aside <= waiting);
        }
        checked.queue.close();
        checked.closed = true;
        while checked.next() {}
        checked.expire();
        prop_assert!(checked.waiting.is_empty(), "{:?} were lost", checked.waiting);
        prop_assert_eq!((checked.queue.len(), checked.queue.cost(), checked.queue.running()), (0, 0, 0));
    }
}
