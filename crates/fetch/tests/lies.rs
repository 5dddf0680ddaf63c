//! Servers that serve the wrong thing: lengths, bytes, statuses, redirects.

mod common;

use std::time::Duration;

use common::{Bench, Watcher, body};
use strata_fetch::{Digest, FetchError, Silent, fetch};
use strata_testkit::http::{Announce, Reply};

#[test]
fn wrong_bytes_are_deleted_and_both_digests_told() {
    let bench = Bench::new(body(30_000));
    let mut wrong = bench.body.clone();
    wrong[29_999] ^= 1;
    bench.script(vec![Reply::file(&wrong)]);
    std::fs::write(bench.made_dest(), b"older file").unwrap();
    let error = fetch(&bench.request(), &mut Silent).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{text}");
    assert!(text.contains(&Digest::of(&wrong).to_string()), "{text}");
    assert!(text.contains(&bench.request().sha256.to_string()), "{text}");
    assert_eq!(bench.part_len(), None, "the bytes are deleted");
    assert_eq!(std::fs::read(bench.dest()).unwrap(), b"older file", "the old file stays");
    assert_eq!(bench.server.seen().len(), 1, "wrong bytes are not asked for twice");
}

#[test]
fn an_announced_length_that_differs_is_refused_before_a_byte() {
    for lie in [29_999_u64, 30_001, u64::MAX / 2] {
        let bench = Bench::new(body(30_000));
        bench.script(vec![Reply::file(&bench.body).announce(Announce::Exactly(lie))]);
        let error = fetch(&bench.request(), &mut Silent).unwrap_err();
        assert!(
            matches!(error, FetchError::Length { expected: 30_000, got, .. } if got == lie),
            "{error}"
        );
        assert_eq!(bench.part_len(), None);
    }
}

#[test]
fn a_length_lied_about_is_caught_where_the_size_is_unknown() {
    // Longer than the body: the connection ends early, each time.
    let bench = Bench::new(body(30_000));
    bench.script(vec![
        Reply::file(&bench.body).announce(Announce::Exactly(30_010)).ignoring_ranges(),
    ]);
    let mut request = bench.request();
    request.bytes = None;
    // The bytes are right whatever the server says of their number; whether it ends as a cut connection or as
    // the file found whole in the part, no other bytes may come out.
    match fetch(&request, &mut Silent) {
        Ok(_) => bench.assert_done(),
        Err(error) => assert!(matches!(error, FetchError::Connection { .. }), "{error}"),
    }

    // Shorter: the file is cut and the digest tells.
    let bench = Bench::new(body(30_000));
    bench.script(vec![
        Reply::file(&bench.body).announce(Announce::Exactly(29_000)).ignoring_ranges(),
    ]);
    let mut request = bench.request();
    request.bytes = None;
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");
    assert!(!bench.dest().exists());
}

#[test]
fn a_body_longer_than_expected_is_cut_off() {
    for announce in [Announce::Chunked, Announce::Nothing] {
        let bench = Bench::new(body(30_000));
        let mut long = bench.body.clone();
        long.extend_from_slice(b"and more");
        bench.script(vec![Reply::file(&long).announce(announce)]);
        let error = fetch(&bench.request(), &mut Silent).unwrap_err();
        assert!(matches!(error, FetchError::TooLong { limit: 30_000, .. }), "{error}");
        assert_eq!(bench.part_len(), None, "{announce:?}");
    }
    // With no size known the general limit holds.
    let bench = Bench::new(body(30_000));
    bench.script(vec![Reply::file(&bench.body).announce(Announce::Chunked)]);
    let mut request = bench.request();
    (request.bytes, request.max_bytes) = (None, 1_000);
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::TooLong { limit: 1_000, .. }), "{error}");
}

#[test]
fn bodies_without_a_length_arrive_and_resume() {
    for announce in [Announce::Chunked, Announce::Nothing] {
        let bench = Bench::new(body(70_000));
        let whole = Reply::file(&bench.body).announce(announce);
        bench.script(vec![whole.clone().cut_after(40_000), whole]);
        fetch(&bench.request(), &mut Silent).unwrap();
        bench.assert_done();
        assert_eq!(bench.server.seen()[1].header("Range"), Some("bytes=40000-"), "{announce:?}");
    }
}

#[test]
fn statuses_are_told_apart() {
    for (status, asked) in [(404, 1), (403, 1), (410, 1), (500, 3), (503, 3), (429, 3)] {
        let bench = Bench::new(body(10));
        bench.script(vec![Reply::status(status)]);
        let error = fetch(&bench.request(), &mut Silent).unwrap_err();
        assert!(matches!(error, FetchError::Status { status: s, .. } if s == status), "{error}");
        assert_eq!(bench.server.seen().len(), asked, "{status}");
        assert!(error.to_string().contains("mirror"), "the remedy is told: {error}");
    }
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let bench = Bench::new(body(1_000));
    bench.script(vec![Reply::status(500), Reply::status(503), Reply::file(&bench.body)]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
}

#[test]
fn retry_after_is_waited_for() {
    let bench = Bench::new(body(1_000));
    bench.script(vec![Reply::status(429).header("Retry-After", "1"), Reply::file(&bench.body)]);
    let mut watcher = Watcher::default();
    fetch(&bench.request(), &mut watcher).unwrap();
    assert_eq!(watcher.waits, [Duration::from_secs(1)]);

    let bench = Bench::new(body(1_000));
    bench.script(vec![Reply::status(503).header("Retry-After", "86400")]);
    let error = fetch(&bench.request(), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("asks to wait 86400 s"), "{error}");
    assert_eq!(bench.server.seen().len(), 1);
}

#[test]
fn redirects_are_followed_to_an_end() {
    let bench = Bench::new(body(5_000));
    bench.script(vec![Reply::redirect("/b")]);
    bench.server.script("/b", vec![Reply::redirect(&bench.server.url("/c/d"))]);
    bench.server.script("/c/d", vec![Reply::redirect("e?x=1")]);
    bench
        .server
        .script("/c/e", vec![Reply::file(&bench.body).cut_after(1_000), Reply::file(&bench.body)]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    let seen = bench.server.seen();
    assert_eq!(seen.len(), 8, "the resumed attempt follows them again");
    assert_eq!(seen[3].target, "/c/e?x=1");
}

#[test]
fn redirects_without_end_or_to_nowhere_are_refused() {
    for location in ["/file", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://"] {
        let bench = Bench::new(body(10));
        bench.script(vec![Reply::redirect(location)]);
        let error = fetch(&bench.request(), &mut Silent).unwrap_err();
        assert!(matches!(error, FetchError::Redirect { .. }), "{location}: {error}");
        assert!(bench.server.seen().len() <= 11);
    }
    let bench = Bench::new(body(10));
    bench.script(vec![Reply::status(302)]);
    let error = fetch(&bench.request(), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("without saying where"), "{error}");
}

#[test]
fn what_is_no_http_is_an_error_not_a_panic() {
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(20_000));
    for raw in [
        &b"\x00\x01\x02\x03\r\n\r\n"[..],
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nxxxxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n",
        b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nxxxxx",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        many_headers.as_bytes(),
    ] {
        let bench = Bench::new(body(5));
        bench.script(vec![Reply::raw(raw)]);
        assert!(fetch(&bench.request(), &mut Silent).is_err());
        assert!(!bench.dest().exists());
    }
}

#[test]
fn a_packed_body_is_refused() {
    let bench = Bench::new(body(5_000));
    bench.script(vec![Reply::file(&bench.body).header("Content-Encoding", "gzip")]);
    let error = fetch(&bench.request(), &mut Silent).unwrap_err().to_string();
    assert!(error.contains("gzip"), "{error}");
}

#[test]
fn secrets_of_an_address_stay_out_of_messages() {
    let bench = Bench::new(body(5));
    bench.script(vec![Reply::status(404)]);
    let mut request = bench.request();
    request.urls =
        vec![format!("{}?token=hunter2", bench.url().replace("http://", "http://me:hunter3@"))];
    let error = fetch(&request, &mut Silent).unwrap_err().to_string();
    assert!(!error.contains("hunter"), "{error}");
}
