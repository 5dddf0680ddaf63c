//! Files as bodies, live pictures, and operations with a body beside parameters.

use std::sync::{Arc, Mutex};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_serve::settings::ByteSize;
use strata_serve::{Nothing, Operation, PICTURES, Problem, Reply, Screen, Upload};

use crate::app::{Server, Setup};
use crate::client::Ask;

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    /// The lowest score.
    #[serde(default)]
    confidence: f32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CameraAsk {
    camera: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Zones {
    names: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Found {
    content_type: String,
    bytes: usize,
    confidence: f32,
}

fn found(ask: Thresholds, upload: &Upload) -> Found {
    let Upload { content_type, bytes } = upload.clone();
    Found { content_type, bytes: bytes.len(), confidence: ask.confidence }
}

fn operations(screen: Screen) -> Vec<Operation> {
    let zones = Arc::new(Mutex::new(Vec::new()));
    let (saved, kept) = (Arc::clone(&zones), zones);
    vec![
        Operation::post("detect", "/v1/detect")
            .about("Test", "Detect", "")
            .takes(PICTURES)
            .computes(|_, ask: Thresholds, upload| Ok(found(ask, &upload))),
        Operation::post("inspect", "/v1/inspect")
            .about("Test", "Inspect", "")
            .takes(&["image/png"])
            .waits(|_, ask: Thresholds, upload| async move { Ok(found(ask, &upload)) }),
        Operation::post("mark", "/v1/mark").about("Test", "Mark", "").takes(PICTURES).replies(
            &["image/png"],
            |call, ask: Thresholds, upload| {
                Ok(match call.prefers(&["application/json", "image/png"]) {
                    "image/png" => Reply::Bytes { content_type: "image/png", bytes: upload.bytes },
                    _ => Reply::Json(found(ask, &upload)),
                })
            },
        ),
        Operation::put("set_zones", "/v1/cameras/{camera}/zones")
            .about("Test", "Zones", "")
            .computes_at(move |_, at: CameraAsk, mut zones: Zones| {
                zones.names.push(at.camera);
                saved.lock().unwrap().clone_from(&zones.names);
                Ok(zones)
            }),
        Operation::delete("drop_zones", "/v1/cameras/{camera}/zones")
            .about("Test", "Zones", "")
            .does(move |_, at: CameraAsk| {
                let mut kept = kept.lock().unwrap();
                if !kept.contains(&at.camera) {
                    return Err(Problem::not_found("no-camera", "there is no such camera"));
                }
                kept.clear();
                Ok(())
            }),
        Operation::get("live", "/v1/live")
            .about("Test", "The newest picture", "")
            .shows("image/jpeg", move |_, _: Nothing| Ok(screen.clone())),
    ]
}

fn server(change: impl FnOnce(&mut strata_serve::settings::ServerSettings)) -> (Server, Screen) {
    let screen = Screen::new("image/jpeg");
    let mut setup = Setup::with(change);
    setup.operations = operations(screen.clone());
    (setup.start(), screen)
}

fn send(path: &str, kind: &str, body: &[u8]) -> Ask {
    Ask::new("POST", path).header("content-type", kind).body(body)
}

#[test]
fn a_picture_is_the_body_and_parameters_are_in_the_address() {
    let (server, _screen) = server(|_| ());
    // Nested far deeper than any JSON may be: it is a picture.
    let picture = vec![b'['; 300_000];
    for (path, kind) in [
        ("/v1/detect?confidence=0.5", "image/jpeg"),
        ("/v1/detect?confidence=0.5", "IMAGE/JPEG; q=1"),
        ("/v1/detect?confidence=0.5", "application/octet-stream"),
        ("/v1/inspect?confidence=0.5", "image/png"),
    ] {
        let body = server.send(&send(path, kind, &picture)).expect(200).json();
        let kind = kind.split(';').next().unwrap().to_lowercase();
        assert_eq!(body, json!({"content_type": kind, "bytes": 300_000, "confidence": 0.5}));
    }
    let untyped = server.send(&Ask::new("POST", "/v1/detect").body(picture)).expect(200);
    assert_eq!(untyped.json()["content_type"], "application/octet-stream");
}

#[test]
fn what_is_no_picture_is_refused_before_it_is_read() {
    let (server, _screen) = server(|s| s.limits.body_bytes = ByteSize::kib(64));
    let large = vec![7; 1 << 20];
    for (path, kind, body, status, code) in [
        ("/v1/detect", "text/plain", &large[..], 415, "content-type"),
        ("/v1/detect", "application/x-www-form-urlencoded", &large[..9], 415, "content-type"),
        ("/v1/detect", "multipart/form-data", &large[..9], 415, "content-type"),
        ("/v1/inspect", "image/jpeg", &large[..9], 415, "content-type"),
        ("/v1/detect", "image/png", &large[..], 413, "body-too-large"),
        ("/v1/detect", "image/png", &[][..], 400, "no-body"),
        ("/v1/detect?confidence=much", "image/png", &large[..], 422, "invalid-parameter"),
        ("/v1/detect?colour=red", "image/png", &large[..9], 422, "invalid-parameter"),
    ] {
        let reply = server.send(&send(path, kind, body)).expect(status);
        assert_eq!(reply.json()["code"], code, "{path} {kind}");
        if status == 415 {
            assert!(reply.json()["detail"].as_str().unwrap().contains("image/png"));
        }
    }
    server.send(&Ask::get("/v1/detect")).expect(405);
}

#[test]
fn an_answer_is_json_or_a_picture_as_the_client_likes() {
    let (server, _screen) = server(|_| ());
    let ask = send("/v1/mark", "image/png", b"PNG");
    assert_eq!(server.send(&ask).expect(200).json()["bytes"], 3);
    let drawn = server.send(&ask.clone().header("accept", "image/*")).expect(200);
    assert_eq!((drawn.header("content-type"), &drawn.body[..]), (Some("image/png"), &b"PNG"[..]));
    let html = server.send(&ask.header("accept", "text/html")).expect(200);
    assert_eq!(html.header("content-type"), Some("application/json"));
}

#[test]
fn zones_are_put_and_deleted() {
    let (server, _screen) = server(|_| ());
    let path = "/v1/cameras/north%20belt/zones";
    server.send(&Ask::new("DELETE", path)).expect(404);
    let put = Ask::new("PUT", path);
    let body = server.send(&put.clone().json(&json!({"names": ["a"]}))).expect(200).json();
    assert_eq!(body, json!({"names": ["a", "north belt"]}));
    let wrong = server.send(&put.clone().json(&json!({"names": [1]}))).expect(422);
    assert_eq!(wrong.json()["errors"][0]["field"], "/names/0");
    server.send(&put.clone().json(&json!({"names": [], "camera": "b"}))).expect(422);
    server.send(&put.header("content-type", "text/plain").body(b"{}".to_vec())).expect(415);
    assert!(server.send(&Ask::new("DELETE", path)).expect(204).body.is_empty());
    server.send(&Ask::new("DELETE", path)).expect(404);
}

#[test]
fn the_newest_picture_is_sent_to_those_who_do_not_have_it() {
    let (server, screen) = server(|_| ());
    let none = server.get("/v1/live").expect(503);
    assert_eq!(none.json()["code"], "no-picture-yet");
    screen.show(&b"first"[..]);
    let first = server.get("/v1/live").expect(200);
    assert_eq!(
        (first.header("content-type"), &first.body[..]),
        (Some("image/jpeg"), &b"first"[..])
    );
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap();
    for known in [tag.to_owned(), format!("\"other\", W/{tag}")] {
        let mut stream = crate::client::connect(server.address);
        let ask = Ask::get("/v1/live").header("if-none-match", &known);
        crate::client::write(&mut stream, &ask.bytes());
        let same = crate::client::read(&mut stream, true).expect(304);
        assert_eq!(same.header("etag"), Some(tag));
    }
    screen.show(&b"second"[..]);
    let second = server.send(&Ask::get("/v1/live").header("if-none-match", tag)).expect(200);
    assert_eq!(second.text(), "second");
}

#[test]
fn the_document_says_all_of_it() {
    let (server, _screen) = server(|_| ());
    let document = server.get("/openapi.json").expect(200).json();
    let detect = &document["paths"]["/v1/detect"]["post"];
    let content = detect["requestBody"]["content"].as_object().unwrap();
    assert_eq!(content.len(), PICTURES.len());
    assert_eq!(content["image/webp"]["schema"], json!({"type": "string", "format": "binary"}));
    assert_eq!(detect["parameters"][0]["name"], "confidence");
    for status in ["200", "400", "413", "415", "422", "429"] {
        assert!(detect["responses"][status].is_object(), "{status}");
    }
    let mark = &document["paths"]["/v1/mark"]["post"]["responses"]["200"]["content"];
    assert!(mark["application/json"].is_object() && mark["image/png"].is_object());
    let zones = &document["paths"]["/v1/cameras/{camera}/zones"];
    assert_eq!(zones["put"]["parameters"][0]["in"], "path");
    assert!(zones["put"]["requestBody"]["content"]["application/json"].is_object());
    assert!(zones["delete"]["responses"]["204"].is_object());
    let live = &document["paths"]["/v1/live"]["get"];
    assert_eq!(live["parameters"][0]["name"], "if-none-match");
    assert!(live["responses"]["304"].is_object());
}
