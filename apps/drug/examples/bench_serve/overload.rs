//! More requests than can be served: what is accepted must be answered about as soon as at capacity, the rest refused,
//! and memory must not grow.
//!
//! Two loads, one after the other, because each has a queue of its own and a mix would show the slower one's times
//! only: predictions of eight molecules (chemistry and models), and inferences of four rows of a dense model (the model
//! alone). Both are heavy enough that the model's queue is what fills: with single rows of a small model the machine's
//! two cores, shared with the clients, would be busy with HTTP, and three times the capacity could not be sent.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use strata_testkit::load::{Pace, Plan, Report, Request, Until, run as put};

use crate::bodies::{Form, molecules, predictions};
use crate::duel::with;
use crate::figures::{failures, latency, millis, round, statuses};
use crate::process::{Watch, resident_mb};
use crate::server::{Server, closed};
use crate::{Bench, dense};

/// Clients of the closed loop that finds the capacity: enough for whole batches to form, as they do under overload.
const CLIENTS: usize = 48;
const MOLECULES: usize = 8;
const ROWS: usize = 4;
/// How many times its capacity is asked of the server.
const OVER: f64 = 3.0;
/// Growth of memory in the last third of a run that may be noise.
const FLAT: f64 = 0.05;

/// Bounds of a queue and of a run: long runs make whoever comes next wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queue {
    items: usize,
    timeout_ms: u64,
    max_rows: usize,
}

impl Queue {
    fn parse(text: &str, default: Self) -> Result<Self> {
        if text == "default" {
            return Ok(default);
        }
        let parts: Vec<&str> = text.split(':').collect();
        let (items, timeout_ms, max_rows) = match parts[..] {
            [items, timeout_ms] => (items, timeout_ms, None),
            [items, timeout_ms, max_rows] => (items, timeout_ms, Some(max_rows)),
            _ => bail!("QUEUE_ITEMS:QUEUE_TIMEOUT_MS[:MAX_ROWS]"),
        };
        let max_rows = max_rows.map_or(Ok(default.max_rows), str::parse)?;
        Ok(Self { items: items.parse()?, timeout_ms: timeout_ms.parse()?, max_rows })
    }

    /// As the program prints its own settings.
    fn default_of(bench: &Bench) -> Result<Self> {
        let printed = Command::new(&bench.program).args(["serve", "--print-config"]).output()?;
        Self::in_config(&String::from_utf8_lossy(&printed.stdout))
    }

    fn in_config(text: &str) -> Result<Self> {
        let config: toml::Table = text.parse()?;
        let number = |key: &str| {
            let value = config.get("batching").and_then(|batching| batching.get(key)?.as_integer());
            value.with_context(|| format!("no batching.{key} in the printed settings"))
        };
        Ok(Self {
            items: usize::try_from(number("queue_items")?)?,
            timeout_ms: u64::try_from(number("queue_timeout_ms")?)?,
            max_rows: usize::try_from(number("max_rows")?)?,
        })
    }
}

pub(crate) fn run(bench: &Bench, settings: &[String]) -> Result<()> {
    let default = Queue::default_of(bench)?;
    let mut queues: Vec<Queue> = Vec::new();
    for text in settings {
        let queue = Queue::parse(text, default).with_context(|| text.clone())?;
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    let smiles = molecules(&bench.root)?;
    let models = dense::write(bench.folder.path())?;
    let models = models.to_str().context("a folder's name is no text")?;
    for (at, queue) in queues.iter().enumerate() {
        let last = at + 1 == queues.len();
        let times = Times::of(bench, last);
        for load in ["predict", "infer"] {
            let args = if load == "infer" { vec!["--models-dir", models] } else { Vec::new() };
            let server = start(bench, &args, *queue)?;
            let requests = match load {
                "predict" => predictions(server.address, &smiles, MOLECULES)?,
                _ => dense::rows().requests(server.address, Form::Binary, ROWS)?,
            };
            let rows = if load == "predict" { MOLECULES } else { ROWS };
            // The second load's run is as long only where time does not matter.
            let times = if load == "infer" { times.halved() } else { times };
            let figures = measure(&server, &requests, (*queue, times))?;
            let what = json!({
                "what": "overload", "operation": load, "rows_a_request": rows,
                "queue_items": queue.items, "queue_timeout_ms": queue.timeout_ms, "max_rows": queue.max_rows,
                "these_are_the_defaults": *queue == default,
            });
            println!("{}", with(figures, what));
        }
    }
    Ok(())
}

fn start(bench: &Bench, args: &[&str], queue: Queue) -> Result<Server> {
    let Queue { items, timeout_ms, max_rows } = queue;
    let flags = [
        format!("--batching-queue-items={items}"),
        format!("--batching-queue-timeout-ms={timeout_ms}"),
        format!("--batching-max-rows={max_rows}"),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Server::start(bench, &[args, &flags].concat())
}

/// How long each part takes.
#[derive(Debug, Clone, Copy)]
struct Times {
    capacity: Duration,
    at_capacity: Duration,
    over: Duration,
}

impl Times {
    fn of(bench: &Bench, last: bool) -> Self {
        let over = if last { bench.time(60.0, 6.0) } else { bench.time(20.0, 6.0) };
        let at_capacity = if last { bench.time(30.0, 4.0) } else { bench.time(15.0, 4.0) };
        Self { capacity: bench.time(5.0, 2.0), at_capacity, over }
    }

    fn halved(self) -> Self {
        Self { at_capacity: self.at_capacity / 2, over: self.over / 2, ..self }
    }
}

fn measure(server: &Server, requests: &[Request], (queue, times): (Queue, Times)) -> Result<Value> {
    closed(server.address, requests, CLIENTS, times.capacity / 3)?;
    let capacity = closed(server.address, requests, CLIENTS, times.capacity)?;
    let per_second = capacity.good_per_second();
    ensure!(per_second > 0.0, "nothing was answered");
    let at = |factor: f64, time: Duration, seed: u64| -> Result<Report> {
        let rate = per_second * factor;
        let until = Until::Elapsed(time);
        let mut plan = Plan::new(server.address, requests.to_vec(), clients(queue, rate), until);
        plan.pace = Pace::Poisson { per_second: rate, seed };
        plan.resend = true;
        Ok(put(plan)?)
    };
    let one = at(1.0, times.at_capacity, 1)?;
    let before = resident_mb(server.pid());
    let watch = Watch::start(server.pid())?;
    let over = at(OVER, times.over, 2)?;
    let course = watch.finish();
    // It must serve as before, and what the queue held must have been let go.
    let after = closed(server.address, requests, CLIENTS, times.capacity / 2)?;
    let p99 = |report: &Report| report.statuses.get(&200).map_or(f64::NAN, |l| millis(l.p99));
    let clean = [&one, &over].iter().all(|report| {
        report.failed() == 0
            && report.statuses.keys().all(|status| [200, 429, 503].contains(status))
    });
    let ratio = p99(&over) / p99(&one);
    let flat = course.growth().is_some_and(|growth| growth <= FLAT);
    Ok(json!({
        "capacity_per_second": round(per_second),
        "capacity_closed_loop": capacity.statuses.get(&200).map(latency),
        "at_1x": shown(&one), "at_3x": shown(&over),
        "accepted_p99_ratio": round(ratio), "only_200_429_503": clean, "memory_flat": flat,
        "bar": "accepted p99 at 3x at most twice that at 1x; only 200, 429, 503; no connection lost; memory flat",
        "held": ratio <= 2.0 && clean && flat,
        "memory_before_mb": before.map(round), "memory_at_3x": course.json(),
        "memory_after_mb": resident_mb(server.pid()).map(round),
        "per_second_after": round(after.good_per_second()), "errors_after": crate::figures::errors(&after),
    }))
}

/// Enough for every request that can wait, and those that run or are being refused.
fn clients(queue: Queue, per_second: f64) -> usize {
    let within_timeout = per_second * (queue.timeout_ms as f64 / 1000.0 + 0.5);
    (within_timeout as usize).min(queue.items) + 192
}

fn shown(report: &Report) -> Value {
    json!({
        "seconds": round(report.elapsed.as_secs_f64()), "offered": report.answered + report.failed(),
        "accepted_per_second": round(report.good_per_second()),
        "accepted": report.statuses.get(&200).map(latency),
        "statuses": statuses(report), "failures": failures(&report.failures),
        "refused": {
            "429": report.statuses.get(&429).map(latency), "503": report.statuses.get(&503).map(latency),
        },
        // The clients' own lateness is part of every time above.
        "client_lag_p99_ms": round(millis(report.lag.p99)),
        "client_cpu_seconds": round(report.client_cpu.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read() {
        let text = "[batching]\nqueue_items = 1024\nqueue_timeout_ms = 5000\nmax_rows = 256\n";
        let default = Queue::in_config(text).unwrap();
        assert_eq!(default, Queue { items: 1024, timeout_ms: 5000, max_rows: 256 });
        assert!(Queue::in_config("[batching]\nqueue_items = \"many\"\n").is_err());
        assert_eq!(Queue::parse("default", default).unwrap(), default);
        let short = Queue { items: 8, timeout_ms: 250, ..default };
        assert_eq!(Queue::parse("8:250", default).unwrap(), short);
        assert_eq!(Queue::parse("8:250:64", default).unwrap(), Queue { max_rows: 64, ..short });
        assert!(Queue::parse("8", default).is_err() && Queue::parse("8:1:2:3", default).is_err());
    }

    #[test]
    fn clients_suffice_for_what_waits() {
        let queue = Queue { items: 100, timeout_ms: 500, max_rows: 1 };
        assert_eq!(clients(queue, 1000.0), 292);
        assert_eq!(clients(queue, 50.0), 242);
    }
}
