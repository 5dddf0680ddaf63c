//! The load generator against small servers whose behaviour is known.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::http::{Announce, Reply, Server};

/// A server that answers the nth request of all with what `answer` makes of its number and body; an answer of nothing
/// closes the connection.
fn server(answer: impl Fn(usize, &[u8]) -> Vec<u8> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    let count = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
            std::thread::spawn(move || {
                while let Some(body) = read_body(&stream) {
                    let bytes = answer(count.fetch_add(1, Ordering::SeqCst), &body);
                    if bytes.is_empty() || (&stream).write_all(&bytes).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// One request's body. The reader holds no byte back: clients here wait for each answer.
fn read_body(stream: &TcpStream) -> Option<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut line) = (0, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let text = line.trim().to_ascii_lowercase();
        if text.is_empty() {
            break;
        }
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn posts(address: SocketAddr, bodies: &[&str]) -> Vec<Request> {
    let target = Target::parse(&format!("http://{address}/echo")).unwrap();
    bodies.iter().map(|body| Request::json(&target, body)).collect()
}

#[test]
fn a_closed_loop_sends_every_body_and_counts_every_answer() {
    let address = server(|_, body| ok(body));
    let seen: Arc<Mutex<Vec<u64>>> = Arc::new(Mutex::new(vec![0; 3]));
    let notes = Arc::clone(&seen);
    let bodies = ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"];
    let plan = Plan::new(address, posts(address, &bodies), 4, Until::Requests(300));
    let report = run(plan.check(move |index, status, body| {
        notes.lock().unwrap()[index] += 1;
        assert_eq!(status, 200);
        let expected = bodies[index].as_bytes();
        if body == expected { Ok(()) } else { Err(format!("{index}: {body:?}")) }
    }))
    .unwrap();
    assert_eq!((report.count(200), report.failed(), report.wrong), (300, 0, 0));
    assert_eq!((report.connections, report.lost_clients), (4, 0));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.iter().sum::<u64>(), 300);
    assert!(seen.iter().all(|&n| n > 50), "{seen:?}");
    assert!(report.all.p50 <= report.all.p99 && report.all.p99 <= report.all.max);
    assert_eq!(report.windows.iter().map(|w| w.latency.count).sum::<u64>(), 300);
}

#[test]
fn wrong_answers_and_bad_statuses_are_told_apart() {
    let address = server(|n, _| match n % 3 {
        0 => ok(b"right"),
        1 => ok(b"wrong"),
        _ => b"HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".to_vec(),
    });
    let plan = Plan::new(address, posts(address, &["x"]), 1, Until::Requests(30));
    let report = run(plan.check(|_, status, body| match (status, body) {
        (200, b"right") | (429, b"") => Ok(()),
        _ => Err(format!("{status}: {}", String::from_utf8_lossy(body))),
    }))
    .unwrap();
    assert_eq!((report.count(200), report.count(429), report.count_class(4)), (20, 10, 10));
    assert_eq!((report.wrong, report.first_wrong.as_deref()), (10, Some("200: wrong")));
}

#[test]
fn at_a_rate_the_wait_behind_a_slow_request_counts() {
    // One client, one stop of 300 ms: with 100 arrivals a second about thirty requests have to wait.
    let address = server(|n, _| {
        if n == 10 {
            std::thread::sleep(Duration::from_millis(300));
        }
        ok(b"")
    });
    let plan = Plan::new(address, posts(address, &["x"]), 1, Until::Requests(50));
    let report = run(plan.pace(Pace::Even { per_second: 100.0 })).unwrap();
    assert_eq!(report.answered, 50);
    assert!(report.all.max >= Duration::from_millis(290), "{:?}", report.all);
    assert!(report.all.p50 >= Duration::from_millis(5), "{:?}", report.all);
    assert!(report.lag.p95 >= Duration::from_millis(100), "{:?}", report.lag);
    assert!(report.elapsed >= Duration::from_millis(490), "{:?}", report.elapsed);
}

#[test]
fn poisson_arrivals_keep_their_rate() {
    let address = server(|_, _| ok(b""));
    let until = Until::Elapsed(Duration::from_secs(1));
    let pace = Pace::Poisson { per_second: 200.0, seed: 3 };
    let report = run(Plan::new(address, posts(address, &["x"]), 8, until).pace(pace)).unwrap();
    // Five standard deviations of a Poisson count of 200.
    assert!((130..=270).contains(&report.answered), "{}", report.answered);
    assert_eq!(report.failed(), 0);
}

#[test]
fn chunked_unlimited_and_interim_answers_are_read() {
    let server_ = Server::start().unwrap();
    let text: Vec<u8> = (0..50_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    server_.script("/chunks", vec![Reply::file(&text).announce(Announce::Chunked)]);
    server_.script("/end", vec![Reply::file(&text).announce(Announce::Nothing)]);
    server_.script("/cut", vec![Reply::file(&text).cut_after(1000)]);
    server_.script("/noise", vec![Reply::raw(b"SSH-2.0-OpenSSH\r\n\r\n")]);
    let interim = [b"HTTP/1.1 100 Continue\r\n\r\n".as_slice(), &ok(b"later")].concat();
    server_.script("/interim", vec![Reply::raw(&interim)]);
    let ask = |path: &str| {
        let target = Target::parse(&server_.url(path)).unwrap();
        let mut connection = Connection::open(server_.address(), Duration::from_secs(5)).unwrap();
        let answer = connection.exchange(&Request::get(&target));
        (answer.map(|a| (a.status, a.keep_alive)), connection.body().to_vec())
    };
    assert_eq!(ask("/chunks"), (Ok((200, true)), text.clone()));
    assert_eq!(ask("/end"), (Ok((200, false)), text));
    assert_eq!(ask("/cut").0, Err(Failure::CutOff));
    assert_eq!(ask("/noise").0, Err(Failure::Malformed));
    assert_eq!(ask("/interim"), (Ok((200, true)), b"later".to_vec()));
}

#[test]
fn closed_connections_are_counted_and_resent_only_where_allowed() {
    let flaky = || server(|n, _| if n % 10 == 5 { Vec::new() } else { ok(b"") });
    let plan = |address| Plan::new(address, posts(address, &["x"]), 1, Until::Requests(100));
    let report = run(plan(flaky())).unwrap();
    assert_eq!((report.count(200), report.failures.get(&Failure::Closed)), (90, Some(&10)));
    assert_eq!((report.connections, report.resent), (11, 0));
    let mut resending = plan(flaky());
    resending.resend = true;
    let report = run(resending).unwrap();
    assert_eq!((report.count(200), report.failed()), (100, 0));
    assert!(report.resent >= 10, "{}", report.resent);
    let mut once = plan(flaky());
    once.reconnect = false;
    let report = run(once).unwrap();
    assert_eq!((report.count(200), report.failed()), (5, 1));
    let mut fresh = plan(server(|_, _| ok(b"")));
    fresh.fresh_connections = true;
    assert_eq!(run(fresh).unwrap().connections, 100);
}

#[test]
fn a_server_that_is_gone_or_silent_is_reported() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = run(Plan::new(gone, posts(gone, &["x"]), 2, Until::Requests(6))).unwrap();
    assert_eq!((report.answered, report.failures.get(&Failure::Connect)), (0, Some(&6)));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let mut plan = Plan::new(address, posts(address, &["x"]), 1, Until::Requests(1));
    plan.patience = Duration::from_millis(100);
    assert_eq!(run(plan).unwrap().failures.get(&Failure::TimedOut), Some(&1));
}

#[test]
fn a_run_can_be_stopped_early() {
    let address = server(|_, _| ok(b""));
    let until = Until::Elapsed(Duration::from_secs(3600));
    let slow = Pace::Even { per_second: 1.0 / 600.0 };
    for pace in [Pace::Closed, slow] {
        let running =
            start(Plan::new(address, posts(address, &["x"]), 2, until).pace(pace)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(!running.is_over());
        running.stop();
        let report = running.finish();
        assert!(report.answered >= 1 && report.elapsed < Duration::from_secs(60));
    }
}
