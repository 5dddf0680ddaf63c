//! The same over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls_pki_types::ServerName;
use serde_json::json;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned,
    SupportedProtocolVersion, version,
};

use crate::app::{Server, Setup, count, until};
use crate::client::{self, Ask};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A server with a certificate for `localhost`, and clients' trust in it.
fn secured() -> (Server, RootCertStore) {
    let mut setup = Setup::with(|s| s.server.header_timeout_s = 1);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (setup.dir.path().join("c.pem"), setup.dir.path().join("k.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (setup.settings.tls.certificate, setup.settings.tls.key) = (Some(certificate), Some(key));
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    (setup.listen(), roots)
}

fn connect(
    server: &Server,
    roots: &RootCertStore,
    versions: &[&'static SupportedProtocolVersion],
) -> Tls {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, client::connect(server.address))
}

#[test]
fn requests_are_answered_over_tls() {
    let (server, roots) = secured();
    for (one, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut tls = connect(&server, &roots, &[one]);
        for n in 0..3 {
            let text = "x".repeat(100_000 * n + 1);
            let ask = Ask::post("/v1/echo", &json!({ "text": text })).keep();
            client::write(&mut tls, &ask.bytes());
            let reply = client::read(&mut tls, false).expect(200);
            assert_eq!(reply.json()["text"], text);
        }
        assert_eq!(tls.conn.protocol_version(), Some(expected));
        assert_eq!(tls.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    // A page of this very server over TLS is its own.
    let mut tls = connect(&server, &roots, &[&version::TLS13]);
    let ask = Ask::get("/v1/sum/1?b=1").header("origin", "https://localhost");
    client::write(&mut tls, &ask.bytes());
    client::read(&mut tls, false).expect(200);
}

#[test]
fn plain_http_on_a_tls_port_gets_no_answer() {
    let (server, roots) = secured();
    let mut plain = client::connect(server.address);
    client::write(&mut plain, &Ask::post("/v1/hold", &json!({})).bytes());
    let mut heard = Vec::new();
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&heard));
    assert_eq!(count(&server.seen.started), 0);
    // Neither does a client that never shakes hands hold a connection for ever.
    let mut silent = client::connect(server.address);
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0, "closed after header_timeout_s");
    // Nor one that does not trust the certificate.
    let mut stranger = connect(&server, &RootCertStore::empty(), &[&version::TLS13]);
    assert!(stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    let mut tls = connect(&server, &roots, &[&version::TLS13]);
    client::write(&mut tls, &Ask::get("/v2/health/live").bytes());
    client::read(&mut tls, false).expect(200);
}

#[test]
fn a_client_that_hangs_up_over_tls_stops_its_work() {
    let (server, roots) = secured();
    let mut tls = connect(&server, &roots, &[&version::TLS13]);
    client::write(&mut tls, &Ask::post("/v1/hold", &json!({})).keep().bytes());
    until("the work has begun", || count(&server.seen.started) == 1);
    drop(tls);
    until("it is told", || count(&server.seen.cancelled) == 1);
}

#[test]
fn a_certificate_without_its_key_is_refused_before_anything_listens() {
    let mut setup = Setup::new();
    let certificate = setup.dir.path().join("none.pem");
    (setup.settings.tls.certificate, setup.settings.tls.key) =
        (Some(certificate.clone()), Some(certificate));
    let error = setup.try_listen().err().expect("it cannot start").to_string();
    assert!(error.contains("none.pem"), "{error}");
}
