//! The attacks' machinery against a scripted server, and the tables against themselves.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use super::exchange::parse;
use super::tensors::Tensor;
use super::*;

/// A server that does `serve` with every connection.
fn server(serve: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = std::sync::Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn aim() -> Aim {
    let mut aim = Aim::new(Target::parse("http://127.0.0.1:9/v2/models/m/infer").unwrap());
    aim.extra = "Authorization: Bearer key\r\n".to_owned();
    aim
}

fn tensor() -> Tensor {
    Tensor { input: "features".to_owned(), output: "predictions".to_owned(), columns: 4 }
}

const SOON: Duration = Duration::from_secs(2);

#[test]
fn answers_are_told_apart() {
    let parsed = parse(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 No\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n\
          3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\nHTTP/1.1 204 None\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        true,
    );
    let seen: Vec<(u16, &[u8])> =
        parsed.answers.iter().map(|a| (a.status, a.body.as_slice())).collect();
    assert_eq!(seen, [(400, b"abcde".as_slice()), (204, b"")]);
    assert_eq!(parsed.answers[0].header("x-a"), Some("b"));
    assert_eq!((parsed.interim, parsed.rest), (1, 40));
    let to_the_end = b"HTTP/1.1 200 OK\r\n\r\nall of it";
    assert_eq!(parse(to_the_end, false).answers.len(), 0);
    assert_eq!(parse(to_the_end, true).answers[0].body, b"all of it");
    // A chunk that is announced and not there.
    let cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc";
    assert_eq!(parse(cut, true).answers.len(), 0);
}

#[test]
fn a_flood_stops_when_the_server_refuses() {
    let address = server(|mut stream| {
        let mut buffer = vec![0; 100_000];
        let mut read = 0;
        while read < 100_000 {
            read += stream.read(&mut buffer).unwrap();
        }
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        // Reads on, as a server has to that wants its answer to arrive.
        while matches!(stream.read(&mut buffer), Ok(1..)) {}
    });
    let outcome = volume::bodies(&aim())[0].run(address, SOON).unwrap();
    assert_eq!((outcome.status(), outcome.body()), (Some(413), b"no".as_slice()));
    assert!(outcome.sent >= 100_000 && outcome.sent < 1_000_000_000, "{}", outcome.sent);
    assert_eq!(outcome.verdict(), Ok(()));
}

#[test]
fn two_answers_to_one_request_are_a_fault() {
    let twice = server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let answer = b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        let _ = stream.write_all(&answer.repeat(2));
        let _ = stream.read(&mut [0; 4096]);
    });
    let attack = &framing::lengths(&aim())[0];
    let outcome = attack.run(twice, SOON).unwrap();
    assert_eq!(outcome.answers.len(), 2);
    assert!(outcome.verdict().unwrap_err().contains("[400, 400]"));
    let closing = server(drop);
    let outcome = attack.run(closing, SOON).unwrap();
    assert!(matches!(outcome.end, End::Closed | End::Reset));
    assert_eq!(outcome.verdict(), Ok(()));
}

#[test]
fn a_silent_server_is_a_fault_and_costs_no_more_than_the_patience() {
    let silent = server(|stream| {
        std::thread::sleep(Duration::from_secs(20));
        drop(stream);
    });
    let outcome = Attack::send("x", Want::Survival, "GET / HTTP/1.1\r\n\r\n")
        .run(silent, Duration::from_millis(200))
        .unwrap();
    assert_eq!(outcome.end, End::Open);
    assert!(outcome.verdict().is_err());
    assert!(outcome.elapsed < Duration::from_secs(10), "{:?}", outcome.elapsed);
}

#[test]
fn an_expectation_waits_for_the_server() {
    let address = server(|mut stream| {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).unwrap();
        if !buffer[..count].ends_with(b"\r\n\r\n") {
            return;
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let count = stream.read(&mut buffer).unwrap();
        assert_eq!(&buffer[..count], b"{}");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    });
    let attacks = framing::expectations(&aim(), b"{}");
    let outcome = attacks[0].run(address, SOON).unwrap();
    assert_eq!((outcome.interim, outcome.status()), (1, Some(200)));
    assert_eq!(outcome.verdict(), Ok(()));
}

#[test]
fn drops_fall_until_the_server_has_enough() {
    let address = server(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            let _ = stream.read(&mut [0; 4096]);
        }
        let _ = stream.write_all(b"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n");
    });
    let drip = slow::Drip { pause: Duration::from_millis(10), limit: Duration::from_secs(30) };
    for attack in slow::all(&aim(), drip) {
        let outcome = attack.run(address, SOON).unwrap();
        assert_eq!(outcome.verdict(), Ok(()), "{outcome:?}");
        assert!(outcome.elapsed < Duration::from_secs(10), "{}", outcome.name);
    }
}

#[test]
fn idle_connections_are_counted() {
    let address = server(|mut stream| {
        let mut byte = [0];
        // Keeps those that send a G, ends the others.
        if stream.read(&mut byte).is_ok() && byte == *b"G" {
            std::thread::sleep(Duration::from_secs(30));
        }
    });
    let kept = crowd::Idle::open(address, 20, b"G");
    let ended = crowd::Idle::open(address, 20, b"X");
    assert_eq!((kept.opened(), kept.failed, ended.opened()), (20, 0, 20));
    let start = std::time::Instant::now();
    while ended.still_open() > 0 && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((kept.still_open(), ended.still_open()), (20, 0));
    assert_eq!(crowd::vanish(address, b"GET / HTTP/1.1\r\n\r\n", 10), 10);
    if let Some(limit) = crowd::file_limit() {
        assert!(crowd::raise_file_limit(1).unwrap() >= limit);
    }
}

#[test]
fn the_bomb_is_sound_gzip() {
    let bomb = volume::gzip_bomb(b"{\"a\":", 3).unwrap();
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&bomb[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked.len(), 5 + 3 * 1024 * 1024);
    assert!(unpacked.starts_with(b"{\"a\":") && unpacked[5..].iter().all(|&b| b == b' '));
    let big = volume::gzip_bomb(b"", 4096).unwrap();
    assert!(big.len() < 8 * 1024 * 1024, "{}", big.len());
}

#[test]
fn every_attack_has_a_name_of_its_own_and_every_key() {
    let aim = aim();
    let drip = slow::Drip { pause: Duration::from_secs(1), limit: Duration::from_secs(60) };
    let tables = [
        framing::all(&aim),
        framing::expectations(&aim, b"{}"),
        volume::all(&aim).unwrap(),
        slow::all(&aim, drip),
        tensors::all(&aim, &tensor()),
    ];
    let names: Vec<&str> = tables.iter().flatten().map(|attack| attack.name.as_str()).collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(unique.len(), names.len());
    assert!(tables[4].len() > 80, "{}", tables[4].len());
    for attack in &tables[4] {
        let Step::Send(bytes) = &attack.steps[0] else { panic!("{} has other steps", attack.name) };
        let text = String::from_utf8_lossy(bytes);
        assert!(text.starts_with("POST /v2/models/m/infer HTTP/1.1\r\nHost: 127.0.0.1:9\r\nAuth"));
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|value| value.parse().ok())
            .unwrap();
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        assert_eq!(bytes.len() - at - 4, length, "{}", attack.name);
    }
}
