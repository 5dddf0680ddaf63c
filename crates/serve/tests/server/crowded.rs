//! A server with more to do than it can: so many compute, so many wait, the rest is told so at once.

use std::time::Duration;

use serde_json::json;

use crate::app::{Setup, count, until};
use crate::client::Ask;

fn hold() -> Ask {
    Ask::post("/v1/hold", &json!({}))
}

#[test]
fn one_computes_one_waits_the_rest_is_refused() {
    let server = Setup::with(|s| {
        s.limits.concurrent = 1;
        s.batching.queue_items = 1;
    })
    .start();
    let first = server.send_aside(hold());
    until("the first computes", || count(&server.seen.started) == 1);
    let second = server.send_aside(hold());
    until("the second is in flight", || server.metric("strata_in_flight") == Some(3.0));
    std::thread::sleep(Duration::from_millis(100));
    let refused = server.send(&hold()).expect(429);
    assert_eq!(refused.json()["code"], "queue-full");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(count(&server.seen.started), 1, "those that wait have not begun");

    // What does not compute is not held up, and neither is looking at the server.
    assert_eq!(server.post("/v1/echo", &json!({"text": "x"})).status, 200);
    assert_eq!(server.get("/v2/health/ready").status, 200);
    let refusals = "strata_problems_total{operation=\"hold\",code=\"queue-full\"}";
    assert!(server.metric(refusals).is_some_and(|n| n >= 1.0));

    server.seen.release();
    for held in [first, second] {
        assert_eq!(held.join().unwrap().expect(200).json()["total"], 7);
    }
}

#[test]
fn who_gives_up_waiting_leaves_the_place_to_others() {
    let server = Setup::with(|s| {
        s.limits.concurrent = 1;
        s.batching.queue_items = 2;
    })
    .start();
    let first = server.send_aside(hold());
    until("the first computes", || count(&server.seen.started) == 1);
    for _ in 0..10 {
        let late = server.send(&hold().header("x-strata-timeout-ms", "10")).expect(503);
        assert_eq!(late.json()["code"], "deadline");
    }
    server.seen.release();
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(count(&server.seen.started), 1, "none of them was computed for nobody");
}
