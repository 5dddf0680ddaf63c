//! Requests one by one: methods, ids, typed input, problems of every kind, panics.

use serde_json::{Value, json};

use crate::app::Setup;
use crate::client::{self, Ask, Reply};

/// What every problem document has, whatever went wrong.
fn check_problem(reply: &Reply, status: u16, code: &str) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    let body = reply.json();
    assert_eq!(body["status"], status);
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["type"], format!("urn:strata:problem:{code}"));
    let id = reply.header("x-request-id").unwrap();
    assert_eq!(body["instance"], format!("urn:strata:request:{id}"));
    for text in ["title", "detail"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "{text}: {body}");
    }
    let retry = reply.header("retry-after").map(|seconds| seconds.parse::<u64>().unwrap());
    assert_eq!(body["retry_after_s"].as_u64(), retry, "the same in the header and the body");
    body
}

#[test]
fn operations_answer_typed_requests() {
    let server = Setup::new().start();
    let reply = server.post("/v1/echo", &json!({"text": "hello"})).expect(200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let body = reply.json();
    assert_eq!((&body["text"], &body["caller"]), (&json!("hello"), &json!("anonymous")));
    assert_eq!(server.get("/v1/sum/3?b=4").expect(200).json()["total"], 7);
    let drawing = server.get("/v1/draw/3").expect(200);
    assert_eq!(drawing.header("content-type"), Some("image/svg+xml"));
    assert_eq!(drawing.text(), "<svg>   </svg>");
}

#[test]
fn input_that_does_not_fit_is_named() {
    let server = Setup::new().start();
    let post = |body: &str| server.send(&Ask::new("POST", "/v1/echo").body(body));
    for (body, status, code, field) in [
        ("", 400, "no-body", None),
        ("  ", 400, "no-body", None),
        ("{\"text\":", 400, "broken-json", None),
        ("{\"text\":\"x\"} {}", 400, "broken-json", None),
        ("{\"text\":7}", 422, "invalid-value", Some("/text")),
        ("{\"text\":\"x\",\"more\":1}", 422, "invalid-value", Some("/more")),
        ("{}", 422, "invalid-value", Some("")),
    ] {
        let problem = check_problem(&post(body), status, code);
        assert_eq!(problem["errors"][0]["field"].as_str(), field, "{body}: {problem}");
    }
    for (path, field) in [
        ("/v1/sum/3", None),
        ("/v1/sum/3?b=x", Some("b")),
        ("/v1/sum/x?b=1", Some("a")),
        ("/v1/sum/1?b=9223372036854775807", Some("b")),
        ("/v1/sum/3?b=4&c=5", Some("c")),
    ] {
        let reply = server.get(path);
        let code = reply.json()["code"].as_str().unwrap().to_owned();
        assert!(["invalid-parameter", "invalid-value"].contains(&code.as_str()), "{code}");
        let problem = check_problem(&reply, 422, &code);
        assert_eq!(problem["errors"][0]["field"].as_str(), field, "{path}: {problem}");
    }
    let text = Ask::new("POST", "/v1/echo").header("content-type", "text/csv").body("a,b");
    check_problem(&server.send(&text), 415, "content-type");
    let bad_path = server.get("/v1/sum/%FF?b=1");
    check_problem(&bad_path, 400, "bad-address");
}

#[test]
fn every_kind_of_problem_has_the_same_shape() {
    let server = Setup::new().start();
    for status in [400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 503] {
        let reply = server.get(&format!("/v1/refuse/{status}"));
        let body = check_problem(&reply, status, "test");
        assert_eq!(body["retry_after_s"], 2, "1.2 s are two whole ones");
        assert_eq!(body["remedy"], "ask for something else");
        assert_eq!(body["errors"], json!([{"field": "status", "detail": "it is refused"}]));
        let realm = reply.header("www-authenticate");
        assert_eq!(realm.is_some(), status == 401, "{status}");
    }
    let unknown = check_problem(&server.get("/nothing/here?key=secret"), 404, "no-address");
    assert!(unknown["detail"].as_str().unwrap().ends_with("/nothing/here"), "{unknown}");
    assert!(unknown["remedy"].as_str().unwrap().contains("/openapi.json"));
}

#[test]
fn the_protocol_s_addresses_say_errors_its_way() {
    let server = Setup::new().start();
    for (ask, status) in [
        (Ask::get("/v2/nothing"), 404),
        (Ask::get("/v2/models/none"), 404),
        (Ask::new("DELETE", "/v2/health/live"), 405),
        (Ask::new("POST", "/v2/repository/index").body("{"), 400),
    ] {
        let reply = server.send(&ask).expect(status);
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let body = reply.json();
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["error"], "{body}");
        assert!(reply.header("x-request-id").is_some());
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let server = Setup::new().start();
    for (method, path, allow) in [
        ("GET", "/v1/echo", "POST"),
        ("PUT", "/v1/echo", "POST"),
        ("HEAD", "/v1/echo", "POST"),
        ("POST", "/v1/server", "GET,HEAD"),
        ("BREW", "/v1/sum/1", "GET,HEAD"),
        ("OPTIONS", "/v1/server", "GET,HEAD"),
    ] {
        let reply = server.send(&Ask::new(method, path));
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        match method {
            "HEAD" => assert_eq!(reply.status, 405),
            _ => {
                let problem = check_problem(&reply, 405, "method");
                assert!(problem["detail"].as_str().unwrap().contains(method), "{problem}");
            }
        }
    }
    // A body that came with it is read, so that the connection serves the next request.
    let mut stream = client::connect(server.address);
    client::write(
        &mut stream,
        &Ask::new("PUT", "/v1/echo").body(vec![b'x'; 200_000]).keep().bytes(),
    );
    check_problem(&client::read(&mut stream, false), 405, "method");
    client::write(&mut stream, &Ask::get("/v1/sum/1?b=1").bytes());
    assert_eq!(client::read(&mut stream, false).json()["total"], 2);
}

#[test]
fn head_is_get_without_the_body() {
    let server = Setup::new().start();
    for path in ["/v1/sum/3?b=4", "/v1/draw/2000", "/", "/v2/health/ready", "/nothing"] {
        let full = server.get(path);
        let head = server.send(&Ask::new("HEAD", path));
        assert_eq!(head.status, full.status, "{path}");
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), full.header(name), "{path} {name}");
        }
        // Nothing follows the head: the same connection is in step for another request.
        let mut stream = client::connect(server.address);
        client::write(&mut stream, &Ask::new("HEAD", path).keep().bytes());
        assert_eq!(client::read(&mut stream, true).status, full.status);
        client::write(&mut stream, &Ask::get("/v1/sum/1?b=1").bytes());
        assert_eq!(client::read(&mut stream, false).json()["total"], 2, "{path}");
    }
}

#[test]
fn request_ids_are_kept_where_they_are_sane() {
    let server = Setup::new().start();
    let echoed = |id: Option<&str>| {
        let mut ask = Ask::post("/v1/echo", &json!({"text": ""}));
        if let Some(id) = id {
            ask = ask.header("x-request-id", id);
        }
        let reply = server.send(&ask).expect(200);
        let given = reply.header("x-request-id").unwrap().to_owned();
        assert_eq!(reply.json()["request_id"], given, "the operation and the header agree");
        given
    };
    let long = "a".repeat(64);
    for id in ["a", "0af7651916cd43dd8448eb211c80319c", "A-b_c.9", long.as_str()] {
        assert_eq!(echoed(Some(id)), id);
    }
    let longer = "a".repeat(65);
    for id in ["", "a b", "a\"b", "<script>", "a/b", "ü", "x;y", longer.as_str()] {
        let given = echoed(Some(id));
        assert_ne!(given, id);
        assert!(given.len() >= 16 && given.bytes().all(|b| b.is_ascii_alphanumeric()), "{given}");
    }
    let made: std::collections::HashSet<String> = (0..20).map(|_| echoed(None)).collect();
    assert_eq!(made.len(), 20, "each request has its own");
    let refused = server.send(&Ask::get("/nothing").header("x-request-id", "mine"));
    assert_eq!(refused.header("x-request-id"), Some("mine"));
}

#[test]
fn a_panic_is_a_failure_of_one_request() {
    let server = Setup::new().start();
    let large = json!({"text": "x".repeat(100_000)});
    let nothing = json!({});
    for _ in 0..3 {
        for (path, body) in [
            ("/v1/panic/computing", &nothing),
            ("/v1/panic/waiting", &nothing),
            ("/v1/panic/large", &json!({"text": "few"})),
            ("/v1/panic/large", &large),
        ] {
            let problem = check_problem(&server.post(path, body), 500, "internal");
            let text = problem.to_string();
            for inside in ["sky", "something", "bytes are", "panic"] {
                assert!(!text.contains(inside), "what went wrong inside stays inside: {text}");
            }
        }
    }
    assert_eq!(server.get("/v1/sum/1?b=1").expect(200).json()["total"], 2);
    let problems = |operation: &str| {
        server.metric(&format!(
            "strata_problems_total{{operation=\"{operation}\",code=\"internal\"}}"
        ))
    };
    assert_eq!(problems("panic_computing"), Some(3.0));
    assert_eq!(problems("panic_large"), Some(6.0));
    assert_eq!(server.metric("strata_in_flight"), Some(1.0), "none is left behind");
}

#[test]
fn keep_alive_and_pipelining_answer_in_order() {
    let server = Setup::new().start();
    let mut stream = client::connect(server.address);
    let many: Vec<u8> = (0..20)
        .flat_map(|n| Ask::get(&format!("/v1/sum/{n}?b=100")).keep().bytes())
        .chain(Ask::get("/v1/sum/20?b=100").bytes())
        .collect();
    client::write(&mut stream, &many);
    for n in 0..=20 {
        assert_eq!(client::read(&mut stream, false).expect(200).json()["total"], 100 + n);
    }
}
