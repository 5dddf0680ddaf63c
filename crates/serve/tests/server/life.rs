//! From start to end: not ready until warm, and an end that loses no request.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;
use strata_serve::ServeError;

use crate::app::{Server, Setup, count, until};
use crate::client::{self, Ask};

fn why(server: &Server) -> String {
    let reply = server.get("/v2/health/ready").expect(503);
    let body = reply.json();
    assert_eq!(body["ready"], false);
    assert!(!server.running().readiness().0);
    body["why"].to_string()
}

#[test]
fn ready_when_warm_and_not_before() {
    let (warm, wait) = mpsc::channel::<()>();
    let mut setup = Setup::new();
    setup.warm_up = Box::new(move || wait.recv().map_err(|error| error.to_string()));
    let server = setup.listen();
    assert!(why(&server).contains("warmed up"), "{}", why(&server));
    server.get("/v2/health/live").expect(200);
    // What needs no model answers already.
    server.get("/v1/sum/1?b=1").expect(200);
    warm.send(()).unwrap();
    until("ready", || server.get("/v2/health/ready").status == 200);
    assert_eq!(server.running().readiness(), (true, vec![]));
    let body = server.get("/v2/health/ready").json();
    assert_eq!((&body["ready"], &body["why"]), (&json!(true), &json!([])));
}

#[test]
fn a_warm_up_that_fails_says_why() {
    let mut setup = Setup::new();
    setup.warm_up = Box::new(|| Err("the scenario \"x\" gave no number".to_owned()));
    let server = setup.listen();
    until("it has failed", || why(&server).contains("gave no number"));
    server.get("/v2/health/live").expect(200);
}

#[test]
fn a_warm_up_that_panics_is_one_that_fails() {
    let mut setup = Setup::new();
    setup.warm_up = Box::new(|| panic!("no such table"));
    let server = setup.listen();
    until("it has failed", || why(&server).contains("no such table"));
    server.get("/v1/sum/1?b=1").expect(200);
}

#[test]
fn a_model_that_does_not_open_keeps_the_server_from_being_ready() {
    let setup = Setup::new();
    let broken = setup.models().join("broken");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("card.toml"), "name = 7").unwrap();
    let server = setup.listen();
    until("it is loaded", || why(&server).contains("broken"));
    until("it is warm", || !why(&server).contains("warmed up"));
    let index = server.send(&Ask::new("POST", "/v2/repository/index")).expect(200).json();
    assert_eq!((&index[0]["name"], &index[0]["state"]), (&json!("broken"), &json!("UNAVAILABLE")));
    assert!(!index[0]["reason"].as_str().unwrap().is_empty());
}

#[test]
fn stopping_answers_what_is_under_way_and_refuses_the_rest() {
    let mut server = Setup::new().start();
    let held = server.send_aside(Ask::post("/v1/hold", &json!({})));
    let lingering = server.send_aside(Ask::post("/v1/linger", &json!({})));
    until("both are under way", || count(&server.seen.started) == 2);
    let mut idle = client::connect(server.address);
    client::write(&mut idle, &Ask::get("/v1/sum/1?b=1").keep().bytes());
    client::read(&mut idle, false).expect(200);

    server.running().stop();
    let refused = loop {
        let reply = server.get("/v1/sum/1?b=1");
        match reply.status {
            200 => std::thread::sleep(Duration::from_millis(2)),
            _ => break reply.expect(503),
        }
    };
    assert_eq!(refused.json()["code"], "draining");
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.header("connection"), Some("close"));
    // Whoever looks at the server still sees it; whoever sends work elsewhere is told to.
    server.get("/v2/health/live").expect(200);
    assert!(why(&server).contains("stopping"));
    assert!(server.metric("strata_in_flight").is_some_and(|n| n >= 2.0));
    // A connection that was kept is told and closed.
    client::write(&mut idle, &Ask::get("/v1/sum/1?b=1").keep().bytes());
    let last = client::read(&mut idle, false).expect(503);
    assert_eq!(last.header("connection"), Some("close"));

    server.seen.release();
    assert_eq!(held.join().unwrap().expect(200).json()["total"], 7);
    assert_eq!(lingering.join().unwrap().expect(200).json()["total"], 8);
    server.running.take().unwrap().wait().unwrap();
    assert!(std::net::TcpStream::connect(server.address).is_err(), "nobody listens any more");
}

#[test]
fn it_serves_on_while_balancers_turn_away() {
    let mut server = Setup::with(|s| s.drain.not_ready_s = 1).start();
    let started = Instant::now();
    server.running().stop();
    until("not ready", || server.get("/v2/health/ready").status == 503);
    let reply = server.get("/v1/sum/1?b=1");
    assert!(started.elapsed() < Duration::from_secs(1), "this machine was too slow for the test");
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(reply.expect(200).json()["total"], 2);
    server.running.take().unwrap().wait().unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn what_is_not_finished_in_time_is_counted() {
    let mut server = Setup::with(|s| s.drain.finish_s = 0).start();
    let held = std::thread::spawn({
        let address = server.address;
        // The connection ends without an answer.
        move || {
            let mut stream = client::connect(address);
            client::write(&mut stream, &Ask::post("/v1/linger", &json!({})).bytes());
            std::io::Read::read_to_end(&mut stream, &mut Vec::new()).ok()
        }
    });
    until("it is under way", || count(&server.seen.started) == 1);
    let running = server.running.take().unwrap();
    running.stop();
    match running.wait() {
        Err(ServeError::Unfinished(1)) => {}
        other => panic!("{other:?}"),
    }
    held.join().unwrap();
    assert_eq!(count(&server.seen.dropped), 1);
}

#[test]
fn an_address_that_is_taken_is_said() {
    let server = Setup::new().start();
    let address = server.address;
    let second = Setup::with(|s| s.server.bind = address).try_listen();
    let error = second.err().expect("it cannot listen").to_string();
    assert!(error.contains(&address.to_string()) && error.contains("--bind"), "{error}");
    server.get("/v1/sum/1?b=1").expect(200);
}
