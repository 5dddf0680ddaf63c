//! Tests of certificates and keys, made on the spot, down to a handshake.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use rcgen::{CertifiedKey, KeyPair};
use rustls_pki_types::ServerName;
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConnection, Stream,
};

use super::*;

struct Files {
    folder: tempfile::TempDir,
    certified: CertifiedKey<KeyPair>,
}

impl Files {
    fn new() -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { folder: tempfile::tempdir().unwrap(), certified }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn certificate(&self) -> PathBuf {
        self.write("certificate.pem", &self.certified.cert.pem())
    }

    fn key(&self) -> PathBuf {
        self.write("key.pem", &self.certified.signing_key.serialize_pem())
    }
}

fn refusal(certificate: &Path, key: &Path) -> String {
    load(certificate, key).unwrap_err().to_string()
}

#[test]
fn a_client_that_trusts_the_certificate_is_served_over_http_1() {
    let files = Files::new();
    let config = load(&files.certificate(), &files.key()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(&heard).unwrap();
        stream.flush().unwrap();
    });
    let mut roots = RootCertStore::empty();
    roots.add(files.certified.cert.der().clone()).unwrap();
    let mut client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(b"hello").unwrap();
    let mut echo = [0; 5];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello");
    assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
    server.join().unwrap();
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    let (files, other) = (Files::new(), Files::new());
    let (certificate, key) = (files.certificate(), other.key());
    let expected = format!(
        "the private key {} is not that of the first certificate in {}",
        key.display(),
        certificate.display()
    );
    assert_eq!(refusal(&certificate, &key), expected);
}

#[test]
fn files_that_are_missing_swapped_or_broken_are_told_apart() {
    let files = Files::new();
    let (certificate, key) = (files.certificate(), files.key());
    let missing = files.folder.path().join("none.pem");
    assert!(refusal(&missing, &key).starts_with("cannot read the certificate "));
    assert!(refusal(&certificate, &missing).starts_with("cannot read the private key "));
    let swapped = refusal(&key, &certificate);
    assert!(
        swapped.ends_with("expected a block BEGIN CERTIFICATE, found PRIVATE KEY"),
        "{swapped}"
    );
    let twice = refusal(&certificate, &certificate);
    assert!(twice.ends_with("expected a block BEGIN PRIVATE KEY, found CERTIFICATE"), "{twice}");
    let empty = files.write("empty.pem", "");
    assert!(
        refusal(&empty, &key).ends_with("holds no certificate: expected a block BEGIN CERTIFICATE")
    );
    let cut = files.write("cut.pem", &files.certified.cert.pem()[..200]);
    assert!(refusal(&cut, &key).contains("is not sound PEM"), "{}", refusal(&cut, &key));
    let locked = files.write(
        "locked.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    assert!(refusal(&certificate, &locked).contains("decrypt it first"));
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let junk = files.write("junk.pem", junk);
    assert!(refusal(&junk, &key).contains("cannot be used"), "{}", refusal(&junk, &key));
}
