//! Bodies that are large, packed or both, and packed replies.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;
use strata_serve::settings::ByteSize;

use crate::app::Setup;
use crate::client::Ask;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut out = ZlibEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn packed(encoding: &str, body: Vec<u8>) -> Ask {
    Ask::new("POST", "/v1/echo").header("content-encoding", encoding).body(body)
}

#[test]
fn packed_requests_are_unpacked() {
    let server = Setup::new().start();
    let text = "molecules ".repeat(20_000);
    let body = json!({ "text": text }).to_string().into_bytes();
    for (encoding, packed_body) in [
        ("gzip", gzip(&body)),
        ("x-gzip", gzip(&body)),
        ("GZIP", gzip(&body)),
        ("deflate", deflate(&body)),
        ("identity", body.clone()),
    ] {
        let reply = server.send(&packed(encoding, packed_body)).expect(200);
        assert_eq!(reply.json()["text"], text, "{encoding}");
    }
    let broken = server.send(&packed("gzip", body)).expect(400);
    assert_eq!(broken.json()["code"], "broken-body");
    for encoding in ["br", "zstd", "gzip, gzip"] {
        let reply = server.send(&packed(encoding, b"xx".to_vec())).expect(415);
        assert_eq!(reply.json()["code"], "content-encoding");
    }
}

#[test]
fn a_large_body_of_a_kind_that_is_not_taken_still_gets_its_answer() {
    let server = Setup::new().start();
    let reply = server.send(&packed("br", vec![b'x'; 8 << 20])).expect(415);
    assert_eq!(reply.json()["code"], "content-encoding");
}

#[test]
fn limits_hold_packed_and_unpacked() {
    let server = Setup::with(|s| {
        s.limits.body_bytes = ByteSize::kib(64);
        s.limits.decompressed_bytes = ByteSize::kib(256);
        s.limits.json_depth = 8;
    })
    .start();
    let body = |length: usize| json!({ "text": "x".repeat(length) }).to_string().into_bytes();
    server.send(&packed("identity", body(60_000))).expect(200);
    let large = server.send(&packed("identity", body(70_000))).expect(413);
    assert_eq!(large.json()["code"], "body-too-large");
    server.send(&packed("gzip", gzip(&body(200_000)))).expect(200);
    let bomb = server.send(&packed("gzip", gzip(&body(50_000_000)))).expect(413);
    assert!(bomb.json()["detail"].as_str().unwrap().contains("larger than"), "{}", bomb.text());
    let deep = format!("{{\"text\":{}1{}}}", "[".repeat(20), "]".repeat(20));
    let deep = server.send(&packed("identity", deep.into_bytes())).expect(400);
    assert_eq!(deep.json()["code"], "json-too-deep");
}

#[test]
fn replies_are_packed_for_those_who_can_unpack_them() {
    let server = Setup::new().start();
    let plain = server.get("/v1/draw/5000").expect(200);
    assert_eq!(plain.header("content-encoding"), None);
    let text = json!({ "text": "molecules ".repeat(2000) });
    let ask = Ask::post("/v1/echo", &text);
    let whole = server.send(&ask).expect(200);
    let reply = server.send(&ask.clone().header("accept-encoding", "gzip")).expect(200);
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert!(reply.header("vary").unwrap().to_ascii_lowercase().contains("accept-encoding"));
    assert_eq!(reply.header("content-length"), None, "the length of what is not sent");
    assert!(reply.body.len() < whole.body.len() / 10);
    let mut unpacked = Vec::new();
    GzDecoder::new(&reply.body[..]).read_to_end(&mut unpacked).unwrap();
    let unpacked: serde_json::Value = serde_json::from_slice(&unpacked).unwrap();
    assert_eq!(unpacked["text"], text["text"]);
    for refused in ["gzip;q=0", "br", "identity"] {
        let reply = server.send(&ask.clone().header("accept-encoding", refused)).expect(200);
        assert_eq!(reply.header("content-encoding"), None, "{refused}");
        assert_eq!(reply.json()["text"], text["text"]);
    }
}
