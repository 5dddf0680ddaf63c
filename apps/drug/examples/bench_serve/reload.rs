//! A model loaded anew a hundred times under load: no request may fail, no answer may be wrong, memory must come back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;
use strata_testkit::load::{Plan, Report, Request, Until, run as put, start};

use crate::Bench;
use crate::bodies::Mixed;
use crate::figures::{errors, failures, latency, millis, round, spread, statuses};
use crate::process::{Watch, resident_mb};
use crate::server::{Server, ask, target};

/// It is part of the scenario that predictions run, so that both kinds of requests meet the new one.
const MODEL: &str = "esol";
const CLIENTS: usize = 8;
/// Reloads after which memory is looked at for the first time: allocators keep some of what they had.
const SETTLED: usize = 10;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let times = bench.count(100, 20);
    let server = Server::start(bench, &["--models-control=true"])?;
    let mixed = Arc::new(Mixed::new(&bench.root, server.address, MODEL)?);
    let plan = |time: Duration| {
        let mixed = Arc::clone(&mixed);
        let until = Until::Elapsed(time);
        let plan = Plan::new(server.address, mixed.requests.clone(), CLIENTS, until);
        plan.check(move |index, status, body| mixed.check(index, status, body))
    };
    let quiet: Report = put(plan(bench.time(4.0, 1.5)))?;
    let before = resident_mb(server.pid());
    let request = Request::json(
        &target(server.address, &format!("/v2/repository/models/{MODEL}/load"))?,
        "{}",
    );
    let watch = Watch::start(server.pid())?;
    let load = start(plan(Duration::from_secs(600)))?;
    let (mut took, mut settled) = (Vec::new(), None);
    for number in 0..times {
        let begun = Instant::now();
        let (status, body) = ask(server.address, &request)?;
        if status != 200 {
            bail!("reload {number}: {status}: {}", String::from_utf8_lossy(&body));
        }
        took.push(millis(begun.elapsed()));
        if number == SETTLED {
            settled = resident_mb(server.pid());
        }
        // Requests reach the new one before it is replaced again.
        std::thread::sleep(Duration::from_millis(30));
    }
    let after = resident_mb(server.pid());
    load.stop();
    let report = load.finish();
    let course = watch.finish();
    std::thread::sleep(Duration::from_secs(1));
    println!(
        "{}",
        json!({
            "what": "reload", "model": MODEL, "times": times, "clients": CLIENTS,
            "operations": "infer and predict in turns", "reload_ms": spread(took),
            "failed": errors(&report) - report.wrong, "wrong": report.wrong, "first_wrong": report.first_wrong,
            "held": errors(&report) == 0,
            "statuses": statuses(&report), "failures": failures(&report.failures),
            "latency": latency(&report.all), "latency_without_reloads": latency(&quiet.all),
            "per_second": round(report.good_per_second()),
            "per_second_without_reloads": round(quiet.good_per_second()),
            "memory_before_mb": before.map(round), "memory_after_10_mb": settled.map(round),
            "memory_after_mb": after.map(round),
            "memory_1s_later_without_load_mb": resident_mb(server.pid()).map(round),
            "memory": course.json(),
        })
    );
    Ok(())
}
