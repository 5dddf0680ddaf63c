//! The `serving` suite: Strata beside MLServer on the same ONNX files, rows and threads. One and sixteen clients in a closed
//! loop, and independent arrivals at half of what the slower of the two can take; tensors as JSON on both, as bytes where
//! the server knows them over HTTP.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::Bench;
use crate::bodies::{Form, Rows};
use crate::figures::{Spread, round};
use crate::peers;
use crate::server::{Server, ask};
use crate::windows::{Load, Right, Rounds, Side, measured};

const MODELS: [&str; 2] = ["esol", "lipophilicity"];

/// What is measured, and how.
pub(crate) struct Settings {
    pub(crate) mlserver: Option<PathBuf>,
    /// Threads that run a model, on both sides.
    pub(crate) threads: usize,
    /// How long a window is; short ones are only to see that it works.
    pub(crate) window: Duration,
}

pub(crate) fn run(bench: &Bench, settings: &Settings) -> Result<()> {
    let mlserver = settings.mlserver.as_deref();
    let mlserver = mlserver.context("name MLServer's program with --mlserver, or --python")?;
    let threads = settings.threads;
    let short = bench.quick || settings.window < Duration::from_secs(3);
    let (most, starts) = if short { (3, 1) } else { (12, 5) };
    let rounds = Rounds { window: settings.window, most };
    let many = threads.to_string();
    let own = ["--models-sessions", &many, "--models-intra-threads", "1"];
    let mut cold = [Vec::new(), Vec::new()];
    for _ in 0..starts {
        let begun = Instant::now();
        let server = Server::start(bench, &own)?;
        answered(&server)?;
        cold[0].push(begun.elapsed().as_secs_f64());
        drop(server);
        let begun = Instant::now();
        let (process, address) = peers::start(bench, mlserver, threads)?;
        let rows = Rows::golden(&bench.root, MODELS[0])?;
        ask(address, &rows.requests(address, Form::Json, 1)?[0])?;
        cold[1].push(begun.elapsed().as_secs_f64());
        drop(process);
    }
    let ours = Server::start(bench, &own)?;
    let (theirs, address) = peers::start(bench, mlserver, threads)?;
    let mut cases = Vec::new();
    for model in MODELS {
        let rows = Arc::new(Rows::golden(&bench.root, model)?);
        let sides = [
            side("strata", (ours.address, ours.pid()), &rows, Form::Json)?,
            side("MLServer", (address, theirs.0.id()), &rows, Form::Json)?,
        ];
        let bytes = [side("strata", (ours.address, ours.pid()), &rows, Form::Binary)?];
        sides.iter().chain(&bytes).try_for_each(all_right)?;
        let mut capacity = f64::INFINITY;
        for clients in [1, 16] {
            let load = Load::Closed { clients };
            let both = measured(&sides, load, rounds)?;
            for shown in &both {
                let most = shown["per_second"]["median"].as_f64().unwrap_or(0.0);
                capacity = if clients == 16 { capacity.min(most) } else { capacity };
            }
            cases.push(case(model, Form::Json, load, both));
            cases.push(case(model, Form::Binary, load, measured(&bytes, load, rounds)?));
        }
        ensure!(capacity.is_finite() && capacity > 0.0, "{model}: no capacity was found");
        let load = Load::Poisson { per_second: capacity / 2.0 };
        cases.push(case(model, Form::Json, load, measured(&sides, load, rounds)?));
        cases.push(case(model, Form::Binary, load, measured(&bytes, load, rounds)?));
    }
    let spread = |values: Vec<f64>| Spread::of(values).map_or(Value::Null, Spread::json);
    let [our_start, their_start] = cold;
    println!(
        "{}",
        json!({
            "what": "serving", "threads": threads, "rows_a_request": 1,
            "seconds_a_window": rounds.window.as_secs_f64(), "windows_at_most": rounds.most,
            "strata": format!("{threads} session(s) of one thread a model, otherwise as shipped"),
            "mlserver": "workers 0, adaptive batching of 32 rows within 2 ms; it has no binary tensors over HTTP",
            "from_start_to_first_answer_s": {"strata": spread(our_start), "MLServer": spread(their_start)},
            "models_loaded": {"strata": "all of the workspace that it can serve", "MLServer": peers::MODELS},
            "cases": cases,
        })
    );
    Ok(())
}

/// The first answer of a server that has just been started.
fn answered(server: &Server) -> Result<()> {
    let rows = Rows::golden(&server.root, MODELS[0])?;
    let (status, body) = ask(server.address, &rows.requests(server.address, Form::Json, 1)?[0])?;
    ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

fn side(
    name: &'static str,
    (address, pid): (std::net::SocketAddr, u32),
    rows: &Arc<Rows>,
    form: Form,
) -> Result<Side> {
    let requests = rows.requests(address, form, 1)?;
    let rows = Arc::clone(rows);
    let right: Right = match form {
        Form::Json => Arc::new(move |index, body| rows.check(index, body).map(drop)),
        Form::Binary => Arc::new(move |index, body| rows.check_binary(index, body).map(drop)),
    };
    Ok(Side { name, address, pid, requests, right })
}

/// Every row once, before anything is measured.
fn all_right(side: &Side) -> Result<()> {
    for (index, request) in side.requests.iter().enumerate() {
        let (status, body) = ask(side.address, request)?;
        if status != 200 {
            bail!("{}: {status}: {}", side.name, String::from_utf8_lossy(&body));
        }
        (side.right)(index, &body).map_err(|why| anyhow::anyhow!("{}: {why}", side.name))?;
    }
    Ok(())
}

/// A case with its ratios: theirs by ours for times and processor time, ours by theirs for requests a second, so that
/// more than one is better for us.
fn case(model: &str, form: Form, load: Load, sides: Vec<Value>) -> Value {
    let ratios = match &sides[..] {
        [ours, theirs] => {
            let median = |side: &Value, key: &str| side[key]["median"].as_f64();
            let ratio = |a: Option<f64>, b: Option<f64>| Some(round(a? / b?));
            let better = |key: &str| ratio(median(theirs, key), median(ours, key));
            json!({
                "per_second": ratio(median(ours, "per_second"), median(theirs, "per_second")),
                "p50": better("p50_ms"), "p95": better("p95_ms"), "p99": better("p99_ms"),
                "server_cpu_a_request": better("server_cpu_us_a_request"),
                "peak_memory": ratio(theirs["peak_mb"].as_f64(), ours["peak_mb"].as_f64()),
            })
        }
        _ => Value::Null,
    };
    let mut shown = json!({"model": model, "form": form.name(), "load": load.json()});
    shown["ratios_above_one_are_in_our_favour"] = ratios;
    shown["sides"] = sides.into();
    shown
}
