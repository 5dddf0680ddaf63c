//! SIGTERM under load, again and again: no request that was taken may be lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Map, json};
use strata_testkit::load::{Failure, Plan, Until, start};

use crate::Bench;
use crate::bodies::Mixed;
use crate::figures::{failures, round, spread};
use crate::server::Server;

const MODEL: &str = "esol";
const CLIENTS: usize = 8;
/// Seconds of serving on before it refuses: one as with a balancer, none as without.
const NOT_READY: [u64; 2] = [1, 0];

pub(crate) fn run(bench: &Bench) -> Result<()> {
    for not_ready in NOT_READY {
        several(bench, not_ready)?;
    }
    Ok(())
}

fn several(bench: &Bench, not_ready: u64) -> Result<()> {
    let times = bench.count(10, 2);
    let (mut lost, mut wrong, mut resent, mut first_wrong) = (0, 0, 0, None);
    let mut seen: BTreeMap<Failure, u64> = BTreeMap::new();
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    let mut exits: BTreeMap<String, u64> = BTreeMap::new();
    let mut seconds = Vec::new();
    for number in 0..times {
        let seconds_text = not_ready.to_string();
        let args = ["--drain-not-ready-s", &seconds_text, "--drain-finish-s", "10"];
        let server = Server::start(bench, &args)?;
        let mixed = Arc::new(Mixed::new(&bench.root, server.address, MODEL)?);
        let until = Until::Elapsed(Duration::from_secs(60));
        let mut plan = Plan::new(server.address, mixed.requests.clone(), CLIENTS, until);
        plan.resend = true;
        let plan = plan.check(move |index, status, body| mixed.check(index, status, body));
        let load = start(plan)?;
        // Not always at the same point of a request.
        std::thread::sleep(Duration::from_millis(400 + 37 * number as u64));
        server.terminate()?;
        let begun = Instant::now();
        let ended = server.ended(Duration::from_secs(30));
        seconds.push(begun.elapsed().as_secs_f64());
        load.stop();
        let report = load.finish();
        let exit = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
        *exits.entry(exit).or_default() += 1;
        for (status, latency) in &report.statuses {
            *statuses.entry(*status).or_default() += latency.count;
        }
        for (failure, count) in &report.failures {
            *seen.entry(*failure).or_default() += count;
            // Nobody listens any more, or a connection was closed before a byte: such a request was not taken.
            if !matches!(failure, Failure::Connect | Failure::Closed) {
                lost += count;
            }
        }
        lost += report.lost_clients;
        wrong += report.wrong;
        resent += report.resent;
        first_wrong = first_wrong.or(report.first_wrong);
    }
    let count = |(key, count): (&u16, &u64)| (key.to_string(), json!(count));
    println!(
        "{}",
        json!({
            "what": "drain", "times": times, "clients": CLIENTS, "not_ready_s": not_ready,
            "operations": "infer and predict in turns", "lost": lost, "wrong": wrong,
            "first_wrong": first_wrong, "held": lost == 0 && wrong == 0,
            "statuses": statuses.iter().map(count).collect::<Map<_, _>>(),
            "failures": failures(&seen), "resent": resent,
            "exits": exits, "seconds_to_end": spread(seconds.iter().copied().map(round)),
        })
    );
    Ok(())
}
