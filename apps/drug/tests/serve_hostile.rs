//! Clients that mean harm: each gets a clear refusal, and the server goes on with bounded memory.
#![allow(clippy::unwrap_used, reason = "tests")]

mod screen_support;
mod serve_support;

use std::time::Duration;

use screen_support::{has_runtime, text, tiny_model};
use serde_json::json;
use serve_support::Server;
use strata_testkit::hostile_http::{Aim, Attack, crowd, framing, run_all, slow, tensors, volume};

/// Time that an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

fn server(dir: &tempfile::TempDir, more: &[&str]) -> Server {
    let models = tiny_model(dir.path());
    let base = ["--models-dir", text(&models), "--server-header-timeout-s", "2"];
    Server::start(dir.path(), &[&base[..], more].concat())
}

fn survive(server: &Server, table: &[Attack]) {
    let faults = run_all(table, server.address, PATIENCE, |_| {}).unwrap();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), table.len(), faults.join("\n"));
    assert_eq!(server.get("/v2/health/ready").status, 200, "it is still there");
}

/// Resident memory in MiB.
fn memory(server: &Server) -> f64 {
    let metrics = String::from_utf8(server.get("/metrics").body).unwrap();
    let line = metrics.lines().find(|l| l.starts_with("process_resident_memory_bytes")).unwrap();
    line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() / f64::from(1 << 20)
}

#[test]
fn framing_smuggling_and_garbage() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir, &[]);
    survive(&server, &framing::all(&Aim::new(server.target("/v2/health/live"))));
    let body = json!({"smiles": ["CCO"], "models": []}).to_string();
    let aim = Aim::new(server.target("/v1/predict"));
    survive(&server, &framing::expectations(&aim, body.as_bytes()));
}

#[test]
fn wrong_tensors() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir, &[]);
    let aim = Aim::new(server.target("/v2/models/tiny/infer"));
    let tensor = tensors::Tensor { input: "x".into(), output: "y".into(), columns: 64 };
    survive(&server, &tensors::all(&aim, &tensor));
}

#[test]
fn bombs_floods_and_depths_in_bounded_memory() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir, &[]);
    let before = memory(&server);
    survive(&server, &volume::all(&Aim::new(server.target("/v2/models/tiny/infer"))).unwrap());
    survive(&server, &volume::nesting(&Aim::new(server.target("/v1/predict")), 10_000));
    let after = memory(&server);
    assert!(after - before < 200.0, "{before:.0} MiB before, {after:.0} after");
}

#[test]
fn slow_clients_are_not_waited_for() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir, &["--limits-body-timeout-s", "2"]);
    let drip = slow::Drip { pause: Duration::from_millis(300), limit: Duration::from_secs(8) };
    let table = slow::all(&Aim::new(server.target("/v1/predict")), drip);
    // Each takes seconds by design: all at once.
    let address = server.address;
    let faults: Vec<String> = std::thread::scope(|scope| {
        let run = |attack: &Attack| {
            let attack = attack.clone();
            scope.spawn(move || run_all(&[attack], address, PATIENCE, |_| {}).unwrap())
        };
        let all: Vec<_> = table.iter().map(run).collect();
        all.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(server.get("/v2/health/ready").status, 200);
}

#[test]
fn idle_connections_leave_room_for_others() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = server(&dir, &["--server-max-connections", "300"]);
    let idle = crowd::Idle::open(server.address, 290, b"");
    assert_eq!(idle.opened(), 290);
    assert_eq!(server.get("/v2/health/ready").status, 200, "with 290 idle connections");
    // More than there is room for are told so and closed; when the idle ones are timed out, there is
    // room again.
    let more = crowd::Idle::open(server.address, 200, b"GET /v2");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((idle.still_open(), more.still_open()), (0, 0), "the idle ones are closed");
    assert_eq!(server.get("/v2/health/ready").status, 200);
    let request = b"POST /v1/predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"smiles\"";
    assert_eq!(crowd::vanish(server.address, request, 100), 100);
    assert_eq!(server.get("/v2/health/ready").status, 200, "after clients that vanish");
}
