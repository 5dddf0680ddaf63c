//! Two servers in turns, one loaded at a time, so that what else the machine does meets both; ratios pair by pair.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use strata_testkit::load::Request;

use crate::Bench;
use crate::figures::{errors, metric, millis, round, spread};
use crate::process::cpu_seconds;
use crate::server::{closed, get};

/// Clients of a closed loop.
pub(crate) const CLIENTS: usize = 16;

/// One of the two.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    /// The label of its batches in `/metrics`, where it has such.
    pub(crate) batches: Option<String>,
    pub(crate) requests: Vec<Request>,
}

/// What a round showed.
struct Round {
    per_second: f64,
    p50: f64,
    p99: f64,
    good: u64,
    errors: u64,
    cpu: f64,
    client_cpu: f64,
    /// Runs of the model and their rows.
    batches: Option<(f64, f64)>,
}

impl Side {
    fn batches(&self) -> Result<Option<(f64, f64)>> {
        let Some(label) = &self.batches else { return Ok(None) };
        let text = String::from_utf8_lossy(&get(self.address, "/metrics")?.1).into_owned();
        let sum = |name| metric(&text, name, &[label]);
        Ok(Some((sum("strata_batch_rows_count"), sum("strata_batch_rows_sum"))))
    }

    fn round(&self, time: Duration) -> Result<Round> {
        let (before, cpu) = (self.batches()?, cpu_seconds(self.pid));
        let report = closed(self.address, &self.requests, CLIENTS, time)?;
        let cpu = cpu_seconds(self.pid).zip(cpu).map_or(f64::NAN, |(after, before)| after - before);
        let batches = self.batches()?.zip(before).map(|(a, b)| (a.0 - b.0, a.1 - b.1));
        let good = report.statuses.get(&200).copied().unwrap_or_default();
        Ok(Round {
            per_second: report.good_per_second(),
            p50: millis(good.p50),
            p99: millis(good.p99),
            good: good.count,
            errors: errors(&report),
            cpu,
            client_cpu: report.client_cpu.as_secs_f64(),
            batches,
        })
    }

    fn shown(&self, rounds: &[Round]) -> Value {
        let of = |value: fn(&Round) -> f64| spread(rounds.iter().map(value));
        let sum = |value: fn(&Round) -> f64| rounds.iter().map(value).sum::<f64>();
        let good = sum(|r| r.good as f64);
        let runs =
            rounds.iter().filter_map(|r| r.batches).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
        json!({
            "name": self.name,
            "per_second": of(|r| r.per_second), "p50_ms": of(|r| r.p50), "p99_ms": of(|r| r.p99),
            "requests": rounds.iter().map(|r| r.good).sum::<u64>(),
            "errors": rounds.iter().map(|r| r.errors).sum::<u64>(),
            "server_cpu_seconds": round(sum(|r| r.cpu)),
            "server_cpu_us_a_request": round(sum(|r| r.cpu) * 1e6 / good),
            "client_cpu_seconds": round(sum(|r| r.client_cpu)),
            "rows_a_run": (runs.0 > 0.0).then(|| round(runs.1 / runs.0)),
        })
    }
}

/// How long and how often.
pub(crate) struct Rounds {
    pub(crate) count: usize,
    pub(crate) time: Duration,
    pub(crate) warm_up: Duration,
}

impl Rounds {
    pub(crate) fn of(bench: &Bench) -> Self {
        Self { count: bench.count(5, 3), time: bench.time(4.0, 0.7), warm_up: bench.time(1.0, 0.3) }
    }
}

/// Runs both in turns; `ratio` is the first's requests a second by the second's, and so for p99.
pub(crate) fn duel(sides: &[Side; 2], rounds: &Rounds) -> Result<Value> {
    for side in sides {
        let report = closed(side.address, &side.requests, CLIENTS, rounds.warm_up)?;
        if report.count(200) == 0 {
            let (status, body) = crate::server::ask(side.address, &side.requests[0])?;
            bail!("{}: {status}: {}", side.name, String::from_utf8_lossy(&body));
        }
    }
    let mut done: [Vec<Round>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..rounds.count {
        for (side, done) in sides.iter().zip(&mut done) {
            done.push(side.round(rounds.time)?);
        }
    }
    let ratio = |value: fn(&Round) -> f64| {
        spread(done[0].iter().zip(&done[1]).map(|(a, b)| value(a) / value(b)))
    };
    Ok(json!({
        "clients": CLIENTS, "rounds": rounds.count, "seconds_a_round": rounds.time.as_secs_f64(),
        "ratio_per_second": ratio(|r| r.per_second), "ratio_p99": ratio(|r| r.p99),
        "ratio_server_cpu_a_request": ratio(|r| r.cpu / r.good as f64),
        "sides": [sides[0].shown(&done[0]), sides[1].shown(&done[1])],
    }))
}

/// Puts further members into an object.
pub(crate) fn with(mut value: Value, more: Value) -> Value {
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        let rest = std::mem::take(value);
        value.extend(more);
        value.extend(rest);
    }
    value
}
