//! A load that is repeated, the sides in turns, until three windows of each agree.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use strata_testkit::load::{Check, Pace, Plan, Request, Until, run};

use crate::figures::{Spread, errors, millis, round};
use crate::process::{cpu_seconds, peak_mb};

/// Windows that have to agree, the last ones.
const AGREEING: usize = 3;
/// How far the least and the most of them may be apart, as a part of the middle one.
const WITHIN: f64 = 0.10;
/// One answer of so many is compared while the clock runs; all of them are before.
const LOOKED_AT: usize = 16;

/// How requests come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// Each client asks again when it has its answer.
    Closed { clients: usize },
    /// Independent arrivals, whether the server keeps up or not; times count from when a request was due.
    Poisson { per_second: f64 },
}

/// Most requests under way at once, with independent arrivals.
const UNDER_WAY: usize = 64;

impl Load {
    pub(crate) fn json(self) -> Value {
        match self {
            Self::Closed { clients } => json!({"loop": "closed", "clients": clients}),
            Self::Poisson { per_second } => {
                json!({"loop": "open (Poisson)", "asked_per_second": round(per_second)})
            }
        }
    }

    /// What windows have to agree on: capacity where the server sets the pace, the time of an answer where it does not.
    fn measure(self, window: &Window) -> f64 {
        match self {
            Self::Closed { .. } => window.per_second,
            Self::Poisson { .. } => window.p50,
        }
    }
}

/// A server under load.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    pub(crate) requests: Vec<Request>,
    /// Compares an answer's numbers with those expected.
    pub(crate) right: Right,
}

/// The index of a request and the body of its answer.
pub(crate) type Right = Arc<dyn Fn(usize, &[u8]) -> Result<(), String> + Send + Sync>;

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) window: Duration,
    pub(crate) most: usize,
}

/// What a window showed; times in milliseconds.
#[derive(Debug, Clone)]
struct Window {
    per_second: f64,
    p50: f64,
    p95: f64,
    p99: f64,
    cpu_us: f64,
    client_cpu: f64,
    lag_p99: f64,
    errors: u64,
    first_wrong: Option<String>,
}

/// Runs the sides in turns under a load until each has three windows in a row that agree, or enough is enough.
pub(crate) fn measured(sides: &[Side], load: Load, rounds: Rounds) -> Result<Vec<Value>> {
    let mut all: Vec<Vec<Window>> = sides.iter().map(|_| Vec::new()).collect();
    for number in 0..rounds.most {
        // Whoever comes second meets the processor's clock as the first left it: that changes too.
        let mut order: Vec<usize> = (0..sides.len()).collect();
        if number % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let seed = number as u64 + 1;
            all[at].push(window(&sides[at], load, rounds.window, seed)?);
        }
        if all.iter().all(|windows| settled(load, windows)) {
            break;
        }
    }
    Ok(sides.iter().zip(&all).map(|(side, windows)| shown(side, load, windows)).collect())
}

fn window(side: &Side, load: Load, time: Duration, seed: u64) -> Result<Window> {
    let (clients, pace) = match load {
        Load::Closed { clients } => (clients, Pace::Closed),
        Load::Poisson { per_second } => (UNDER_WAY, Pace::Poisson { per_second, seed }),
    };
    let mut plan =
        Plan::new(side.address, side.requests.clone(), clients, Until::Elapsed(time)).pace(pace);
    plan.check = Some(looked_at(&side.right));
    let before = cpu_seconds(side.pid);
    let report = run(plan)?;
    let cpu = cpu_seconds(side.pid).zip(before).map_or(f64::NAN, |(after, before)| after - before);
    let good = report.statuses.get(&200).copied().unwrap_or_default();
    Ok(Window {
        per_second: report.good_per_second(),
        p50: millis(good.p50),
        p95: millis(good.p95),
        p99: millis(good.p99),
        cpu_us: cpu * 1e6 / good.count as f64,
        client_cpu: report.client_cpu.as_secs_f64(),
        lag_p99: millis(report.lag.p99),
        errors: errors(&report),
        first_wrong: report.first_wrong,
    })
}

/// Looks at one answer of [`LOOKED_AT`]: to read them all would take the processor from the server.
fn looked_at(right: &Right) -> Check {
    let (right, seen) = (Arc::clone(right), AtomicUsize::new(0));
    Arc::new(move |index, status, body| {
        let number = seen.fetch_add(1, Ordering::Relaxed);
        if status != 200 || !number.is_multiple_of(LOOKED_AT) {
            return Ok(());
        }
        right(index, body)
    })
}

/// The last windows, where they agree.
fn settled(load: Load, windows: &[Window]) -> bool {
    let Some(from) = windows.len().checked_sub(AGREEING) else { return false };
    Spread::of(windows[from..].iter().map(|window| load.measure(window)))
        .is_some_and(|spread| spread.max - spread.min <= WITHIN * spread.median)
}

/// The last three windows of a side, or all of them where no three agreed.
fn shown(side: &Side, load: Load, windows: &[Window]) -> Value {
    let settled = settled(load, windows);
    let from = windows.len().saturating_sub(AGREEING);
    let counted = if settled { &windows[from..] } else { windows };
    let of = |value: fn(&Window) -> f64| {
        Spread::of(counted.iter().map(value)).map_or(Value::Null, Spread::json)
    };
    let every: Vec<f64> = windows.iter().map(|window| round(load.measure(window))).collect();
    json!({
        "name": side.name, "windows": windows.len(), "three_agree": settled, "every_window": every,
        "per_second": of(|w| w.per_second), "p50_ms": of(|w| w.p50), "p95_ms": of(|w| w.p95),
        "p99_ms": of(|w| w.p99), "server_cpu_us_a_request": of(|w| w.cpu_us),
        "client_cpu_seconds": of(|w| w.client_cpu), "client_lag_p99_ms": of(|w| w.lag_p99),
        "errors": windows.iter().map(|w| w.errors).sum::<u64>(),
        "first_wrong": windows.iter().find_map(|w| w.first_wrong.clone()),
        "peak_mb": peak_mb(side.pid).map(round),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(rates: &[f64]) -> Vec<Window> {
        let window = |per_second: &f64| Window {
            per_second: *per_second,
            p50: 1.0 / per_second,
            p95: 0.0,
            p99: 0.0,
            cpu_us: 0.0,
            client_cpu: 0.0,
            lag_p99: 0.0,
            errors: 0,
            first_wrong: None,
        };
        rates.iter().map(window).collect()
    }

    #[test]
    fn the_last_three_windows_have_to_agree() {
        let closed = Load::Closed { clients: 1 };
        assert!(!settled(closed, &windows(&[100.0, 100.0])));
        assert!(settled(closed, &windows(&[100.0, 95.0, 104.0])));
        assert!(!settled(closed, &windows(&[100.0, 100.0, 100.0, 120.0])));
        assert!(settled(closed, &windows(&[100.0, 60.0, 61.0, 60.0, 62.0])));
    }

    #[test]
    fn one_answer_of_some_is_compared_and_refusals_are_not() {
        let right: Right = Arc::new(|_, _| Err("wrong".to_owned()));
        let check = looked_at(&right);
        let wrong = (0..LOOKED_AT * 3).filter(|_| check(0, 200, b"").is_err()).count();
        assert_eq!(wrong, 3);
        let check = looked_at(&right);
        assert!((0..LOOKED_AT * 3).all(|_| check(0, 429, b"").is_ok()));
    }
}
