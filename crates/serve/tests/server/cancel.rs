//! Work that nobody waits for any more is stopped: the deadline has passed, or the client has gone.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::json;
use strata_testkit::models;

use crate::app::{Server, Setup, count, until};
use crate::client::{self, Ask, Reply, SOON};

fn impatient(path: &str, ms: &str) -> Ask {
    Ask::post(path, &json!({})).header("x-strata-timeout-ms", ms)
}

fn check_deadline(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_eq!(reply.json()["code"], "deadline");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[test]
fn a_client_s_own_deadline_stops_its_work() {
    let server = Setup::new().start();
    let started = Instant::now();
    check_deadline(&server.send(&impatient("/v1/hold", "100")));
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(started.elapsed() < SOON);
    until("the work sees that it is cancelled", || count(&server.seen.cancelled) == 1);
    check_deadline(&server.send(&impatient("/v1/linger", "100")));
    until("the future is dropped", || count(&server.seen.dropped) == 1);
    // Nothing is left of them: the places are free.
    assert_eq!(server.metric("strata_in_flight"), Some(1.0));
}

#[test]
fn a_client_cannot_lengthen_the_server_s_limit() {
    let server = Setup::with(|s| s.limits.request_timeout_s = 1).start();
    for ms in ["3600000", "18446744073709551615", "-1", "soon", ""] {
        let started = Instant::now();
        check_deadline(&server.send(&impatient("/v1/linger", ms)));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(990) && took < Duration::from_secs(10), "{took:?}");
    }
    // No time at all is a deadline too, and no trouble.
    check_deadline(&server.send(&impatient("/v1/linger", "0")));
}

/// Sends a request, waits until it is worked on, and hangs up.
fn vanish(server: &Server, ask: &Ask, working: impl FnMut() -> bool) {
    let mut stream = client::connect(server.address);
    stream.write_all(&ask.clone().keep().bytes()).unwrap();
    until("the work has begun", working);
    drop(stream);
}

#[test]
fn work_for_a_client_that_has_gone_is_stopped() {
    let server = Setup::new().start();
    let seen = &server.seen;
    vanish(&server, &Ask::post("/v1/hold", &json!({})), || count(&seen.started) == 1);
    until("the computation is told", || count(&seen.cancelled) == 1);
    vanish(&server, &Ask::post("/v1/linger", &json!({})), || count(&seen.started) == 2);
    until("the future is dropped", || count(&seen.dropped) == 1);
    until("nothing is in flight", || server.metric("strata_in_flight") == Some(1.0));
    assert_eq!(server.get("/v1/sum/1?b=1").status, 200);
}

#[test]
fn a_run_for_a_client_that_has_gone_is_stopped() {
    if !crate::protocol::has_runtime() {
        return;
    }
    // One row takes a moment, which is what loading runs; 8,192 take the better part of a minute.
    let server = Setup::with(|s| s.batching.max_rows = 8192)
        .model("slow", &models::slow(20_000, 64))
        .start();
    let infer = |rows: usize| {
        let bytes = rows * 64 * 4;
        let input = json!({
            "name": "x", "datatype": "FP32", "shape": [rows, 64],
            "parameters": {"binary_data_size": bytes},
        });
        let head = json!({ "inputs": [input] }).to_string();
        let body = [head.as_bytes(), &vec![0; bytes]].concat();
        Ask::new("POST", "/v2/models/slow/infer")
            .header("inference-header-content-length", &head.len().to_string())
            .body(body)
    };
    let cancelled = || server.metric("strata_cancelled_total{model=\"slow\"}");
    let busy = || {
        let late = server.send(&infer(1).header("x-strata-timeout-ms", "1500"));
        late.status == 503
    };
    assert!(!busy(), "this machine is too slow for the test");
    let mut stream = client::connect(server.address);
    stream.write_all(&infer(8192).keep().bytes()).unwrap();
    until("the only session is taken", busy);
    // Those that found it busy may count too: their time was over when their client left.
    let before = cancelled().unwrap();
    drop(stream);
    until("it is counted", || cancelled() == Some(before + 1.0));
    // The session is free again at once, not when those rows would have been done.
    let started = Instant::now();
    server.send(&infer(1)).expect(200);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());

    // The same where the client is still there but its time is over.
    let started = Instant::now();
    let late = server.send(&infer(8192).header("x-strata-timeout-ms", "300"));
    assert_eq!(late.header("retry-after"), Some("1"));
    assert!(late.expect(503).json()["error"].is_string());
    server.send(&infer(1)).expect(200);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
