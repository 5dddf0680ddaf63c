//! Pages of other sites: let in where the settings name them, and kept out otherwise.

use serde_json::json;

use crate::app::Setup;
use crate::client::{Ask, Reply};

fn preflight(origin: &str, method: &str, headers: &str) -> Ask {
    Ask::new("OPTIONS", "/v1/echo")
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", headers)
}

fn names(reply: &Reply, header: &str) -> Vec<String> {
    let list = reply.header(header).unwrap_or_default();
    list.split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

const LAB: &str = "https://lab.example";

#[test]
fn a_page_that_is_named_may_call() {
    let server = Setup::with(|s| s.server.cors_origins = vec![LAB.to_owned()]).start();
    let reply = server.send(&preflight(LAB, "POST", "content-type, authorization")).expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some(LAB));
    assert!(names(&reply, "access-control-allow-methods").contains(&"post".to_owned()));
    let allowed = names(&reply, "access-control-allow-headers");
    for name in [
        "content-type",
        "authorization",
        "x-request-id",
        "x-strata-timeout-ms",
        "inference-header-content-length",
    ] {
        assert!(allowed.contains(&name.to_owned()), "{name} is not among {allowed:?}");
    }
    let ask = Ask::post("/v1/echo", &json!({"text": "x"})).header("origin", LAB);
    let reply = server.send(&ask).expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some(LAB));
    let exposed = names(&reply, "access-control-expose-headers");
    for name in ["x-request-id", "retry-after", "inference-header-content-length", "location"] {
        assert!(exposed.contains(&name.to_owned()), "{name} is not among {exposed:?}");
    }
    // A page gets to read why it was refused.
    let refused = server.send(&Ask::get("/nothing").header("origin", LAB)).expect(404);
    assert_eq!(refused.header("access-control-allow-origin"), Some(LAB));
}

#[test]
fn a_page_that_is_not_named_is_refused() {
    for named in [vec![], vec![LAB.to_owned()]] {
        let server = Setup::with(|s| s.server.cors_origins = named.clone()).start();
        for origin in
            ["https://evil.example", "http://lab.example", "https://lab.example:8443", "null"]
        {
            let reply = server.send(&preflight(origin, "POST", "content-type"));
            assert_eq!(reply.header("access-control-allow-origin"), None, "{origin} of {named:?}");
            // A simple request needs no preflight: it is refused before it does anything.
            let ask = Ask::new("POST", "/v1/hold").header("origin", origin).body("{}");
            let reply = server.send(&ask).expect(403);
            assert_eq!(reply.json()["code"], "origin");
            assert_eq!(reply.header("access-control-allow-origin"), None);
            assert_eq!(server.send(&Ask::get("/").header("origin", origin)).status, 403);
        }
        assert_eq!(crate::app::count(&server.seen.started), 0);
    }
}

#[test]
fn any_page_may_call_where_the_settings_say_so() {
    let server = Setup::with(|s| s.server.cors_origins = vec!["*".to_owned()]).start();
    let reply = server.send(&preflight("https://any.example", "POST", "content-type")).expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let ask = Ask::post("/v1/echo", &json!({"text": "x"})).header("origin", "https://any.example");
    assert_eq!(server.send(&ask).expect(200).header("access-control-allow-origin"), Some("*"));
}

#[test]
fn the_server_s_own_page_may_call() {
    let server = Setup::new().start();
    let host = server.address.to_string();
    for (host, origin) in
        [(host.clone(), format!("http://{host}")), ("localhost".into(), "http://localhost".into())]
    {
        let ask =
            Ask::post("/v1/echo", &json!({"text": "x"})).host(&host).header("origin", &origin);
        server.send(&ask).expect(200);
    }
}

#[test]
fn a_name_that_is_not_the_server_s_is_refused() {
    let server = Setup::with(|s| s.server.hosts = vec!["box.lab".to_owned()]).start();
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1:1", "[::1]:1", "box.lab", "Box.Lab:8080"] {
        server.send(&Ask::get("/v1/server").host(host)).expect(200);
    }
    for host in ["evil.example", "evil.example:80", "localhost.evil.example", "box.lab.evil"] {
        let reply = server.send(&Ask::get("/v1/server").host(host)).expect(403);
        assert_eq!(reply.json()["code"], "host", "{host}");
        assert_eq!(server.send(&Ask::get("/").host(host)).status, 403, "{host}");
    }
}
