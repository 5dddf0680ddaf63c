//! Puts load on an HTTP server and prints what came of it as one JSON object: counts by status, requests a second,
//! exact percentiles. Example: `loadgen --url http://127.0.0.1:8080/v2/models/esol/infer --body one.json --clients 16`.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Map, Value, json};
use strata_testkit::load::{self, Latency, Pace, Plan, Report, Request, Target, Until};

/// Puts load on an HTTP server and prints what came of it as one JSON object.
#[derive(Debug, Parser)]
#[command(name = "loadgen")]
struct Args {
    /// Where the requests go: http://HOST[:PORT]/PATH
    #[arg(long)]
    url: String,
    /// The method; POST with a body and GET without one unless given
    #[arg(long)]
    method: Option<String>,
    /// Files with request bodies, sent in turns
    #[arg(long, num_args = 1..)]
    body: Vec<PathBuf>,
    /// A header of every request, as 'Name: value'; Content-Type is application/json with a body unless given
    #[arg(long)]
    header: Vec<String>,
    /// The bodies are of the Open Inference Protocol's binary form, with this many bytes of JSON in front
    #[arg(long, value_name = "N")]
    binary_header_length: Option<usize>,
    /// Connections; with --rate the most requests under way at once
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// How long requests are started
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// This many requests in place of a time
    #[arg(long)]
    requests: Option<u64>,
    /// Requests a second, whether the server keeps up or not; times count from when a request was due
    #[arg(long)]
    rate: Option<f64>,
    /// With --rate: independent arrivals in place of equal intervals
    #[arg(long, requires = "rate")]
    poisson: bool,
    /// The seed of the arrivals
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds without a byte after which a request has failed
    #[arg(long, default_value_t = 30.0)]
    patience: f64,
    /// A new connection for every request
    #[arg(long)]
    fresh_connections: bool,
    /// Send a request again when a kept connection was closed before any answer
    #[arg(long)]
    resend: bool,
    /// Requests of this many seconds beforehand, which are not counted
    #[arg(long, default_value_t = 0.0)]
    warm_up: f64,
    /// Every answer with status 200 has to contain this text; others count as wrong
    #[arg(long)]
    contains: Option<String>,
    /// One line of JSON in place of indented JSON
    #[arg(long)]
    json: bool,
    /// Leave the figures of every second out
    #[arg(long)]
    no_windows: bool,
}

type AnyError = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        // The server answered nothing: figures were printed, and a script must not take them for a measurement.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, AnyError> {
    let target = Target::parse(&args.url)?;
    let requests = requests(args, &target)?;
    if args.warm_up > 0.0 {
        let until = Until::Elapsed(duration(args.warm_up)?);
        load::run(Plan::new(target.address, requests.clone(), args.clients, until))?;
    }
    let until = match args.requests {
        Some(count) => Until::Requests(count),
        None => Until::Elapsed(duration(args.seconds)?),
    };
    let mut plan = Plan::new(target.address, requests, args.clients, until);
    plan.pace = match args.rate {
        None => Pace::Closed,
        Some(per_second) if args.poisson => Pace::Poisson { per_second, seed: args.seed },
        Some(per_second) => Pace::Even { per_second },
    };
    plan.patience = duration(args.patience)?;
    plan.fresh_connections = args.fresh_connections;
    plan.resend = args.resend;
    if let Some(text) = args.contains.clone() {
        plan = plan.check(move |_, status, body| {
            let bytes = text.as_bytes();
            let there = bytes.is_empty() || body.windows(bytes.len()).any(|part| part == bytes);
            if status != 200 || there {
                return Ok(());
            }
            Err(String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned())
        });
    }
    let report = load::run(plan)?;
    let shown = shown(args, &report);
    let text = if args.json { format!("{shown}") } else { format!("{shown:#}") };
    println!("{text}");
    Ok(report.answered > 0)
}

fn duration(seconds: f64) -> Result<Duration, AnyError> {
    Duration::try_from_secs_f64(seconds).map_err(|e| format!("{seconds} seconds: {e}").into())
}

fn requests(args: &Args, target: &Target) -> Result<Vec<Request>, AnyError> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for header in &args.header {
        let (name, value) =
            header.split_once(':').ok_or_else(|| format!("header {header:?} has no colon"))?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    if let Some(length) = args.binary_header_length {
        headers.push(("Inference-Header-Content-Length".to_owned(), length.to_string()));
    }
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !args.body.is_empty() && !typed {
        let binary = args.binary_header_length.is_some();
        let kind = if binary { "application/octet-stream" } else { "application/json" };
        headers.push(("Content-Type".to_owned(), kind.to_owned()));
    }
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    if args.body.is_empty() {
        let method = args.method.as_deref().unwrap_or("GET");
        return Ok(vec![Request::new(method, target, &headers, b"")]);
    }
    let method = args.method.as_deref().unwrap_or("POST");
    let read = |path: &PathBuf| {
        let body = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Request::new(method, target, &headers, &body))
    };
    args.body.iter().map(read).collect()
}

fn shown(args: &Args, report: &Report) -> Value {
    let statuses = report.statuses.iter().map(|(s, l)| (s.to_string(), times(l)));
    let classes = report.classes.iter().map(|(c, l)| (format!("{c}xx"), times(l)));
    let failures = report.failures.iter().map(|(f, n)| (f.name().to_owned(), json!(n)));
    let mut shown = json!({
        "url": args.url,
        "clients": args.clients,
        "pace": match (args.rate, args.poisson) {
            (None, _) => "closed",
            (Some(_), true) => "poisson",
            (Some(_), false) => "even",
        },
        "asked_per_second": args.rate,
        "seconds": round(report.elapsed.as_secs_f64()),
        "answered": report.answered,
        "per_second": round(report.per_second),
        "good_per_second": round(report.good_per_second()),
        "latency_ms": times(&report.all),
        "statuses": statuses.collect::<Map<_, _>>(),
        "classes": classes.collect::<Map<_, _>>(),
        "failures": failures.collect::<Map<_, _>>(),
        "wrong": report.wrong,
        "first_wrong": report.first_wrong,
        "resent": report.resent,
        "connections": report.connections,
        "bytes_sent": report.bytes_sent,
        "bytes_received": report.bytes_received,
        "lag_ms": times(&report.lag),
        "client_cpu_seconds": round(report.client_cpu.as_secs_f64()),
        "lost_clients": report.lost_clients,
    });
    if !args.no_windows {
        let windows = report.windows.iter().map(|window| {
            let classes = window.classes.iter().map(|(c, n)| (format!("{c}xx"), json!(n)));
            json!({
                "second": window.second,
                "classes": classes.collect::<Map<_, _>>(),
                "failures": window.failures,
                "p50": millis(window.latency.p50),
                "p99": millis(window.latency.p99),
            })
        });
        shown["windows"] = windows.collect();
    }
    shown
}

fn times(latency: &Latency) -> Value {
    json!({
        "count": latency.count,
        "mean": millis(latency.mean),
        "p50": millis(latency.p50),
        "p95": millis(latency.p95),
        "p99": millis(latency.p99),
        "max": millis(latency.max),
    })
}

fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1000.0)
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
