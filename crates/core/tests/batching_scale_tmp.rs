//! Temporary.
use std::time::{Duration, Instant};
use strata_core::batching::*;
#[test]
fn scale() {
    for (what, lengths, groups, rows) in [
        ("one length", 1, 1, 1),
        ("500 lengths", 500, 1, 1),
        ("20000 lengths", 1_000_000, 1, 1),
        ("1000 groups", 1, 1000, 1),
        ("rows 1-40", 300, 1, 40),
    ] {
        for n in [2_500_u64, 10_000, 40_000] {
            let mut q =
                BatchQueue::new(Limits { queue_items: 100_000, max_rows: 64, ..Limits::default() });
            let now = Instant::now();
            let start = Instant::now();
            for i in 0..n {
                let ask = Ask {
                    caller: i % 50,
                    length: i * 7919 % lengths + 1,
                    group: Some(i % groups),
                    rows: (i * 31 % rows) as usize + 1,
                    priority: [Priority::High, Priority::Normal, Priority::Low][i as usize % 3],
                    deadline: Some(now + Duration::from_secs(100 + i)),
                };
                q.push(now, ask, i).unwrap();
            }
            let pushed = start.elapsed();
            let later = now + Duration::from_millis(10);
            let (mut b, mut c, mut p) = (0, 0, 0);
            let mut worst = Duration::ZERO;
            loop {
                let t = Instant::now();
                let Next::Run(batch) = q.next(later) else { break };
                worst = worst.max(t.elapsed());
                b += 1;
                c += batch.cost;
                p += batch.padded_cost;
                q.finished(batch.cost, Duration::from_millis(1));
            }
            println!(
                "{what:14} n={n:6} push {:.2} us/item, all {:.2} us/item, {b} batches, worst next {worst:?}, padding {:.3}",
                pushed.as_secs_f64() * 1e6 / n as f64,
                start.elapsed().as_secs_f64() * 1e6 / n as f64,
                1.0 - c as f64 / p as f64
            );
        }
    }
}
