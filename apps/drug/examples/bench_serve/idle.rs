//! Ten thousand connections that do nothing: what each costs, and whether others notice.

use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;
use strata_testkit::hostile_http::crowd::{Idle, raise_file_limit};

use crate::Bench;
use crate::bodies::{Form, Rows};
use crate::figures::{errors, latency, millis, round};
use crate::process::resident_mb;
use crate::server::{Server, closed};

const MODEL: &str = "esol";
const CLIENTS: usize = 4;

pub(crate) fn run(bench: &Bench) -> Result<()> {
    let wanted = bench.count(10_000, 1_000);
    // The server is a child and inherits the limit.
    let limit = raise_file_limit(wanted as u64 + 2_000);
    let args = ["--server-max-connections", "12000", "--server-header-timeout-s", "600"];
    let server = Server::start(bench, &args)?;
    let requests = Rows::golden(&bench.root, MODEL)?.requests(server.address, Form::Json, 1)?;
    let time = bench.time(5.0, 1.0);
    closed(server.address, &requests, CLIENTS, time / 2)?;
    let alone = closed(server.address, &requests, CLIENTS, time)?;
    let before =
        resident_mb(server.pid()).context("this system does not tell a process's memory")?;
    // Each has asked once, as a client's pool of connections does, and is then kept.
    let opening = format!("GET /v2/health/live HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let begun = Instant::now();
    let idle = Idle::open(server.address, wanted, opening.as_bytes());
    let opened_in = begun.elapsed();
    let open = idle.still_open();
    let with = resident_mb(server.pid()).unwrap_or(f64::NAN);
    let beside = closed(server.address, &requests, CLIENTS, time)?;
    let still = idle.still_open();
    println!(
        "{}",
        json!({
            "what": "idle", "wanted": wanted, "file_limit": limit, "opened": idle.opened(),
            "first_error": idle.first_error, "open_before_load": open, "open_after_load": still,
            "opened_in_ms": round(millis(opened_in)),
            "memory_before_mb": round(before), "memory_with_mb": round(with),
            "kb_a_connection": round((with - before) * 1024.0 / open.max(1) as f64),
            "clients": CLIENTS, "errors": errors(&beside),
            "latency_alone": latency(&alone.all), "latency_beside_idle": latency(&beside.all),
            "per_second_alone": round(alone.good_per_second()),
            "per_second_beside_idle": round(beside.good_per_second()),
            "held": idle.opened() == wanted && still == wanted && errors(&beside) == 0,
        })
    );
    Ok(())
}
