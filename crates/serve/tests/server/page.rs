//! The page, the page of the API, its document, and the metrics.

use serde_json::{Value, json};

use crate::app::{PAGE, Server, Setup};
use crate::client::{Ask, Reply};

/// The directives of the reply's policy.
fn policy(reply: &Reply) -> Vec<(String, String)> {
    let policy = reply.header("content-security-policy").expect("a policy");
    let directives = policy.split(';').map(str::trim);
    directives
        .map(|one| one.split_once(' ').unwrap_or((one, "")))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

fn directive<'a>(policy: &'a [(String, String)], name: &str) -> &'a str {
    policy.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn asset(server: &Server, path: &str, content_type: &str) -> Reply {
    let reply = server.get(path).expect(200);
    assert_eq!(reply.header("content-type"), Some(content_type), "{path}");
    assert_eq!(reply.header("cache-control"), Some("no-cache"), "{path}");
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
    let policy = policy(&reply);
    assert_eq!(directive(&policy, "default-src"), "'none'", "{path}");
    assert_eq!(directive(&policy, "script-src"), "'self'", "no inline scripts: {path}");
    assert_eq!(directive(&policy, "frame-ancestors"), "'none'", "{path}");
    assert_eq!(directive(&policy, "base-uri"), "'none'", "{path}");
    reply
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let server = Setup::new().start();
    let page = asset(&server, "/", "text/html; charset=utf-8");
    assert_eq!(page.body, PAGE);
    let policy = policy(&page);
    assert_eq!(directive(&policy, "style-src"), "'self'");
    assert_eq!(directive(&policy, "form-action"), "'none'");
}

#[test]
fn the_page_of_the_api_is_whole() {
    let server = Setup::new().start();
    let docs = asset(&server, "/docs", "text/html; charset=utf-8").text();
    let mut named = 0;
    for part in docs.split(['"', '\'']).filter(|part| part.starts_with('/')) {
        let kind = match part.rsplit('.').next() {
            Some("css") => "text/css; charset=utf-8",
            _ => "text/javascript; charset=utf-8",
        };
        assert!(!asset(&server, part, kind).body.is_empty());
        named += 1;
    }
    assert_eq!(named, 3, "{docs}");
    assert!(!docs.contains("http"), "nothing from other hosts: {docs}");
    assert!(!docs.contains("<script>") && !docs.contains("<style"), "nothing inline: {docs}");
    let start = server.get("/docs/start.js").text();
    assert!(start.contains("/openapi.json"), "{start}");

    let without = Setup::with(|s| s.server.docs = false).start();
    assert_eq!(without.get("/docs").status, 404);
    assert_eq!(without.get("/docs/start.js").status, 404);
}

#[test]
fn the_document_describes_what_is_served() {
    let server = Setup::new().start();
    let document = asset(&server, "/openapi.json", "application/json").json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Test");
    let operation = &document["paths"]["/v1/sum/{a}"]["get"];
    let parameters: Vec<(&Value, &Value, &Value)> = operation["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (&p["name"], &p["in"], &p["required"]))
        .collect();
    let (path, query, yes) = (json!("path"), json!("query"), json!(true));
    assert_eq!(parameters, [(&json!("a"), &path, &yes), (&json!("b"), &query, &yes)]);
    assert_eq!(document["paths"]["/v1/secret"]["get"]["x-strata-scope"], "read");
    // Every reference leads somewhere.
    let text = document.to_string();
    let mut seen = 0;
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
        seen += 1;
    }
    assert!(seen > 5, "{seen} references");
    // Every address is one that is routed: none answers that there is nothing there.
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{size}", "1").replace(['{', '}'], "");
            if path.contains("panic") || path.contains("hold") || path.contains("linger") {
                continue;
            }
            let ask = Ask::new(&method.to_ascii_uppercase(), &path).body("{}");
            let reply = server.send(&ask);
            assert_ne!(reply.status, 405, "{method} {path}");
            assert!(!reply.text().contains("there is nothing at"), "{method} {path}");
        }
    }
}

#[test]
fn metrics_count_what_was_answered() {
    let server = Setup::new().start();
    for n in 0..3 {
        server.get(&format!("/v1/sum/{n}?b=1")).expect(200);
    }
    server.get("/v1/sum/x?b=1").expect(422);
    server.send(&Ask::new("BREW", "/v1/sum/1"));
    server.get("/somewhere/else").expect(404);
    let reply = server.get("/metrics").expect(200);
    assert_eq!(
        reply.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = reply.text();
    assert!(text.ends_with("# EOF\n"));
    for line in [
        "strata_requests_total{operation=\"sum\",method=\"GET\",status=\"200\"} 3",
        "strata_requests_total{operation=\"sum\",method=\"GET\",status=\"422\"} 1",
        "strata_requests_total{operation=\"other\",method=\"other\",status=\"405\"} 1",
        "strata_requests_total{operation=\"other\",method=\"GET\",status=\"404\"} 1",
        "strata_request_seconds_count{operation=\"sum\"} 4",
        "strata_problems_total{operation=\"sum\",code=\"invalid-parameter\"} 1",
        "strata_problems_total{operation=\"other\",code=\"no-address\"} 1",
        "strata_in_flight 1",
        "strata_connections 1",
        "strata_connections_refused_total 0",
    ] {
        assert!(text.lines().any(|have| have == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("somewhere"), "what clients write is no label");
    assert!(server.metric("process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
}

#[test]
fn the_server_says_what_it_takes() {
    let server = Setup::with(|s| {
        s.limits.rows = 17;
        s.limits.request_timeout_s = 9;
    })
    .start();
    let info = server.get("/v1/server").expect(200).json();
    assert_eq!((&info["name"], &info["keys"]), (&json!("strata-test"), &json!(false)));
    assert_eq!(info["limits"]["rows"], 17);
    assert_eq!(info["limits"]["request_timeout_s"], 9);
    assert_eq!(info["models"], json!([]));
}
