//! Downloads from a server that behaves and from one that does not.

mod common;

use std::time::{Duration, Instant};

use common::{Bench, Watcher, body};
use strata_fetch::{Digest, FetchError, Origin, Silent, fetch};
use strata_testkit::http::{Announce, Reply};

#[test]
fn a_plain_download_arrives_whole_and_leaves_nothing_else() {
    let bench = Bench::new(body(300_000));
    bench.script(vec![Reply::file(&bench.body)]);
    let mut watcher = Watcher::default();
    let fetched = fetch(&bench.request(), &mut watcher).unwrap();
    assert_eq!(fetched.bytes, 300_000);
    assert_eq!(fetched.origin, Origin::Source(bench.url()));
    bench.assert_done();
    assert_eq!(watcher.last, Some((300_000, Some(300_000))), "the observer saw the end");
    let seen = bench.server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("Range"), None);
    assert_eq!(seen[0].header("Accept-Encoding"), Some("identity"));
}

#[test]
fn a_file_that_is_there_is_checked_and_not_fetched() {
    let bench = Bench::new(body(1000));
    bench.script(vec![Reply::file(&bench.body)]);
    std::fs::write(bench.made_dest(), &bench.body).unwrap();
    assert_eq!(fetch(&bench.request(), &mut Silent).unwrap().origin, Origin::Present);
    assert_eq!(bench.server.seen().len(), 0);

    // One changed byte: it is replaced.
    let mut spoilt = bench.body.clone();
    spoilt[5] ^= 1;
    std::fs::write(bench.dest(), &spoilt).unwrap();
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
}

#[test]
fn cut_connections_are_resumed_where_they_broke() {
    let bench = Bench::new(body(100_000));
    let whole = Reply::file(&bench.body).etag("\"v1\"");
    bench.script(vec![whole.clone().cut_after(30_000), whole.clone().cut_after(40_000), whole]);
    let mut watcher = Watcher::default();
    fetch(&bench.request(), &mut watcher).unwrap();
    bench.assert_done();
    let seen = bench.server.seen();
    let ranges: Vec<_> = seen.iter().map(|s| s.header("Range")).collect();
    assert_eq!(ranges, [None, Some("bytes=30000-"), Some("bytes=70000-")]);
    assert_eq!(seen[1].header("If-Range"), Some("\"v1\""));
    assert_eq!(watcher.retries.len(), 2);
    assert!(watcher.retries[0].contains("closed early"), "{}", watcher.retries[0]);
}

#[test]
fn an_unfinished_download_is_resumed_by_a_later_call() {
    let bench = Bench::new(body(50_000));
    bench.script(vec![Reply::file(&bench.body).cut_after(20_000), Reply::status(404)]);
    let error = fetch(&bench.request(), &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::Status { status: 404, .. }), "{error}");
    assert_eq!(bench.part_len(), Some(20_000), "what came is kept");
    assert!(!bench.dest().exists());

    bench.script(vec![Reply::file(&bench.body)]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    assert_eq!(bench.server.seen().last().unwrap().header("Range"), Some("bytes=20000-"));
}

#[test]
fn a_part_that_is_already_whole_needs_no_server() {
    let bench = Bench::new(body(5_000));
    std::fs::write(bench.part(), &bench.body).unwrap();
    assert_eq!(fetch(&bench.request(), &mut Silent).unwrap().origin, Origin::Part);
    bench.assert_done();
    assert_eq!(bench.server.seen().len(), 0);
}

#[test]
fn a_changed_etag_starts_over() {
    let bench = Bench::new(body(60_000));
    let old = body(61_000);
    bench.script(vec![
        Reply::file(&old[..60_000]).etag("\"old\"").cut_after(10_000),
        Reply::file(&bench.body).etag("\"new\""),
    ]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    let seen = bench.server.seen();
    assert_eq!(seen[1].header("If-Range"), Some("\"old\""));
    assert_eq!(seen.len(), 2, "the 200 to the range request is taken from its start");
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let bench = Bench::new(body(80_000));
    let whole = Reply::file(&bench.body).ignoring_ranges();
    bench.script(vec![whole.clone().cut_after(50_000), whole]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    assert_eq!(bench.server.seen()[1].header("Range"), Some("bytes=50000-"));
}

#[test]
fn a_stale_part_is_found_out_by_the_digest_and_fetched_whole() {
    let bench = Bench::new(body(40_000));
    // Bytes of another file, no version noted: the range request succeeds and the sum is wrong.
    std::fs::write(bench.part(), vec![9_u8; 10_000]).unwrap();
    bench.script(vec![Reply::file(&bench.body)]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    let ranges: Vec<_> =
        bench.server.seen().iter().map(|s| s.header("Range").map(str::to_owned)).collect();
    assert_eq!(ranges, [Some("bytes=10000-".to_owned()), None]);
}

#[test]
fn a_part_longer_than_the_file_is_dropped() {
    let bench = Bench::new(body(40_000));
    bench.script(vec![Reply::file(&bench.body)]);
    std::fs::write(bench.part(), vec![9_u8; 50_000]).unwrap();
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();

    // The same where the size is not known beforehand: the server answers 416.
    let bench = Bench::new(body(40_000));
    bench.script(vec![Reply::file(&bench.body)]);
    std::fs::write(bench.part(), vec![9_u8; 50_000]).unwrap();
    let mut request = bench.request();
    request.bytes = None;
    fetch(&request, &mut Silent).unwrap();
    bench.assert_done();
    assert_eq!(bench.server.seen().len(), 2);
}

#[test]
fn a_shifted_range_is_refused() {
    let bench = Bench::new(body(40_000));
    let whole = Reply::file(&bench.body);
    bench.script(vec![whole.clone().cut_after(10_000), whole.shifting_ranges(7)]);
    let error = fetch(&bench.request(), &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::Protocol { .. }), "{error}");
    assert!(error.to_string().contains("from 10000 on"), "{error}");
    assert!(!bench.dest().exists());
}

#[test]
fn truncation_without_end_gives_up_and_keeps_the_part() {
    let bench = Bench::new(body(90_000));
    bench.script(vec![Reply::file(&bench.body[..70_000]).announce(Announce::Exactly(90_000))]);
    let mut watcher = Watcher::default();
    let mut request = bench.request();
    request.retry.retries = 3;
    let error = fetch(&request, &mut watcher).unwrap_err();
    // The first attempt brings 70,000 bytes; the next ones ask for the rest and get 416 or nothing.
    assert!(!bench.dest().exists());
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    assert!((3..=5).contains(&watcher.retries.len()), "{:?}", watcher.retries);
    assert_eq!(bench.part_len(), Some(70_000));
}

#[test]
fn cutting_at_once_for_ever_is_bounded() {
    let bench = Bench::new(body(1_000));
    bench.script(vec![Reply::raw(b"")]);
    let mut watcher = Watcher::default();
    let error = fetch(&bench.request(), &mut watcher).unwrap_err();
    assert!(matches!(error, FetchError::Connection { received: 0, .. }), "{error}");
    assert_eq!(watcher.retries.len(), 2);
    assert_eq!(bench.part_len(), None, "no empty part is left");
}

#[test]
fn a_body_that_drips_for_ever_is_given_up() {
    let bench = Bench::new(body(10_000));
    bench.script(vec![Reply::file(&bench.body).dripping(1, Duration::from_millis(20))]);
    let mut request = bench.request();
    request.retry.max_attempts = 1;
    request.timeouts.slow_window = Duration::from_millis(200);
    request.timeouts.min_rate = 10_000.0;
    let start = Instant::now();
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("too slow"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_body_that_stands_still_is_given_up() {
    let bench = Bench::new(body(10_000));
    bench.script(vec![Reply::file(&bench.body).dripping(100, Duration::from_secs(3))]);
    let mut request = bench.request();
    request.retry.max_attempts = 1;
    request.timeouts.read = Duration::from_millis(200);
    let start = Instant::now();
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_observer_can_stop_and_a_later_call_resumes() {
    let bench = Bench::new(body(200_000));
    bench.script(vec![Reply::file(&bench.body).dripping(20_000, Duration::from_millis(60))]);
    let mut watcher = Watcher { stop_at: Some(40_000), ..Watcher::default() };
    let error = fetch(&bench.request(), &mut watcher).unwrap_err();
    assert!(
        matches!(error, FetchError::Cancelled { received, .. } if received >= 40_000),
        "{error}"
    );
    bench.script(vec![Reply::file(&bench.body)]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    assert!(bench.server.seen().last().unwrap().header("Range").is_some());
}

#[test]
fn two_downloads_of_one_file_do_not_meet() {
    let bench = Bench::new(body(100_000));
    bench.script(vec![Reply::file(&bench.body).dripping(20_000, Duration::from_millis(20))]);
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| fetch(&bench.request(), &mut Silent).unwrap())).collect();
        let origins: Vec<_> = runs.into_iter().map(|r| r.join().unwrap().origin).collect();
        let fetched = origins.iter().filter(|o| matches!(o, Origin::Source(_))).count();
        assert_eq!(fetched, 1, "{origins:?}");
    });
    assert_eq!(bench.server.seen().len(), 1);
    bench.assert_done();
}

#[test]
fn an_empty_file_can_be_fetched() {
    let bench = Bench::new(Vec::new());
    bench.script(vec![Reply::file(b"")]);
    fetch(&bench.request(), &mut Silent).unwrap();
    bench.assert_done();
    assert_eq!(Digest::of(b""), bench.request().sha256);
}
