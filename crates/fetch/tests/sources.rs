//! Several sources, mirrors and proxies.

mod common;

use common::{Bench, Watcher, body};
use strata_fetch::{FetchError, Mirror, Origin, Proxies, Silent, fetch};
use strata_testkit::http::proxy::Proxy;
use strata_testkit::http::{Reply, Server};

#[test]
fn the_next_address_is_tried_and_earlier_bytes_are_used() {
    let bench = Bench::new(body(50_000));
    let second = Server::start().unwrap();
    bench.script(vec![Reply::file(&bench.body).cut_after(20_000), Reply::status(404)]);
    second.script("/other", vec![Reply::file(&bench.body)]);
    let mut request = bench.request();
    request.urls.push(second.url("/other"));
    let mut watcher = Watcher::default();
    let fetched = fetch(&request, &mut watcher).unwrap();
    assert_eq!(fetched.origin, Origin::Source(second.url("/other")));
    bench.assert_done();
    assert_eq!(second.seen()[0].header("Range"), Some("bytes=20000-"));
    assert_eq!(second.seen()[0].header("If-Range"), None, "a version belongs to its server");
    assert_eq!(watcher.given_up.len(), 1);
}

#[test]
fn all_failures_are_listed() {
    let bench = Bench::new(body(10));
    bench.script(vec![Reply::status(404)]);
    let mut request = bench.request();
    request.urls.push(bench.server.url("/gone"));
    request.urls.push("gopher://h/x".to_owned());
    let error = fetch(&request, &mut Silent).unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(&error, FetchError::AllFailed { reasons, .. } if reasons.len() == 3),
        "{text}"
    );
    assert!(text.contains("/file answered 404") && text.contains("gopher"), "{text}");
}

#[test]
fn no_source_is_an_error_with_the_digest() {
    let bench = Bench::new(body(10));
    let mut request = bench.request();
    request.urls.clear();
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::NoSource { .. }));
    assert!(error.to_string().contains(&request.sha256.to_string()));
}

#[test]
fn an_unreachable_host_is_told_after_the_retries() {
    let bench = Bench::new(body(10));
    // A port that was just free: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut request = bench.request();
    request.urls = vec![format!("http://127.0.0.1:{port}/x")];
    let mut watcher = Watcher::default();
    let error = fetch(&request, &mut watcher).unwrap_err();
    assert!(matches!(error, FetchError::Connection { .. }), "{error}");
    assert_eq!(watcher.retries.len(), 2);
}

#[test]
fn a_mirror_folder_serves_by_digest_in_both_layouts() {
    for nested in [false, true] {
        let bench = Bench::new(body(20_000));
        let mirror = tempfile::tempdir().unwrap();
        let mut request = bench.request();
        let name = request.sha256.to_string();
        let home = if nested { mirror.path().join(&name[..2]) } else { mirror.path().to_owned() };
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join(&name), &bench.body).unwrap();
        request.mirror = Some(Mirror::Dir(mirror.path().to_owned()));
        fetch(&request, &mut Silent).unwrap();
        bench.assert_done();
        assert_eq!(bench.server.seen().len(), 0, "a mirror keeps the network out");
    }
}

#[test]
fn a_local_file_comes_before_the_network() {
    let bench = Bench::new(body(20_000));
    bench.script(vec![Reply::file(&bench.body)]);
    let wrong = bench.folder.path().join("wrong");
    std::fs::write(&wrong, vec![1_u8; 20_000]).unwrap();
    let mut request = bench.request();
    request.files = vec![wrong];
    let fetched = fetch(&request, &mut Silent).unwrap();
    assert_eq!(fetched.origin, Origin::Source(bench.url()), "a wrong one is passed over");

    std::fs::remove_file(bench.dest()).unwrap();
    let right = bench.folder.path().join("right");
    std::fs::write(&right, &bench.body).unwrap();
    request.files = vec![right.clone()];
    let fetched = fetch(&request, &mut Silent).unwrap();
    assert_eq!(fetched.origin, Origin::Source(right.display().to_string()));
    bench.assert_done();
    assert_eq!(bench.server.seen().len(), 1);
}

#[test]
fn a_mirror_folder_that_lacks_or_spoils_the_file_says_so() {
    let bench = Bench::new(body(20_000));
    bench.script(vec![Reply::file(&bench.body)]);
    let mirror = tempfile::tempdir().unwrap();
    let mut request = bench.request();
    let name = request.sha256.to_string();
    request.mirror = Some(Mirror::Dir(mirror.path().to_owned()));
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::NotInMirror { .. }), "{error}");
    assert!(error.to_string().contains(&format!("{}/{name}", &name[..2])), "{error}");

    let mut wrong = bench.body.clone();
    wrong[0] ^= 1;
    std::fs::write(mirror.path().join(&name), &wrong).unwrap();
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::WrongDigest { .. }), "{error}");

    std::fs::write(mirror.path().join(&name), b"short").unwrap();
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::Length { got: 5, .. }), "{error}");
    assert!(!bench.dest().exists());
    assert_eq!(bench.part_len(), None);
    assert_eq!(bench.server.seen().len(), 0);
}

#[test]
fn a_mirror_server_serves_by_digest_in_both_layouts() {
    let bench = Bench::new(body(20_000));
    let mut request = bench.request();
    let name = request.sha256.to_string();
    request.mirror = Some(Mirror::parse(&bench.server.url("/m/")));
    let error = fetch(&request, &mut Silent).unwrap_err();
    assert!(matches!(error, FetchError::NotInMirror { .. }), "{error}");
    bench.server.script(&format!("/m/{}/{name}", &name[..2]), vec![Reply::file(&bench.body)]);
    fetch(&request, &mut Silent).unwrap();
    bench.assert_done();
    let targets: Vec<_> = bench.server.seen().iter().map(|s| s.target.clone()).collect();
    assert_eq!(targets[2], format!("/m/{name}"));
    assert_eq!(targets[3], format!("/m/{}/{name}", &name[..2]));
}

#[test]
fn requests_go_through_the_proxy_with_its_password() {
    let bench = Bench::new(body(20_000));
    bench.script(vec![Reply::file(&bench.body).cut_after(5_000), Reply::file(&bench.body)]);
    let proxy = Proxy::to(bench.server.address()).unwrap();
    let mut request = bench.request();
    request.urls = vec!["http://models.example.test/file".to_owned()];
    request.proxies = Proxies { http: Some(proxy.url_as("ann", "b%40d")), ..Proxies::none() };
    fetch(&request, &mut Silent).unwrap();
    bench.assert_done();
    let seen = proxy.seen();
    assert_eq!(
        (seen[0].method.as_str(), seen[0].target.as_str()),
        ("CONNECT", "models.example.test:80")
    );
    // Base64 of "ann:b@d".
    assert_eq!(seen[0].header("Proxy-Authorization"), Some("Basic YW5uOmJAZA=="));
    assert_eq!(seen.len(), 2, "the resumed attempt too");
    assert_eq!(bench.server.seen()[0].header("Host"), Some("models.example.test"));
}

#[test]
fn no_proxy_goes_straight() {
    let bench = Bench::new(body(100));
    bench.script(vec![Reply::file(&bench.body)]);
    let proxy = Proxy::refusing().unwrap();
    let mut request = bench.request();
    request.proxies =
        Proxies { http: Some(proxy.url()), no_proxy: vec!["127.0.0.1".into()], ..Proxies::none() };
    fetch(&request, &mut Silent).unwrap();
    bench.assert_done();
    assert_eq!(proxy.seen().len(), 0);
}

#[test]
fn a_proxy_that_refuses_is_named_as_the_trouble() {
    let bench = Bench::new(body(100));
    let proxy = Proxy::refusing().unwrap();
    let mut request = bench.request();
    request.proxies = Proxies { http: Some(proxy.url()), ..Proxies::none() };
    let error = fetch(&request, &mut Silent).unwrap_err().to_string();
    assert!(error.to_lowercase().contains("proxy"), "{error}");
    assert_eq!(bench.server.seen().len(), 0);
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let bench = Bench::new(body(100));
    for text in ["", "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n"] {
        let path = bench.folder.path().join("ca.pem");
        std::fs::write(&path, text).unwrap();
        let mut request = bench.request();
        request.ca_file = Some(path);
        let error = fetch(&request, &mut Silent).unwrap_err();
        assert!(matches!(error, FetchError::BadCertificates { .. }), "{error}");
    }
}
