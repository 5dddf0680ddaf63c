//! Encryption: a certificate and its key from PEM files, as what a connection is accepted with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ServerConfig};

/// A certificate or key that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read the {what} {}: {source}", .path.display())]
    Read {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not PEM.
    #[error("the {what} {} is not sound PEM: {why}", .path.display())]
    Pem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file holds something else.
    #[error("{} holds no {what}: expected a block {expected}{found}", .path.display())]
    Absent {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// How it would begin.
        expected: &'static str,
        /// What is there instead, where that is known.
        found: String,
    },
    /// Certificate and key do not belong together.
    #[error(
        "the private key {} is not that of the first certificate in {}",
        .key.display(),
        .certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate or key is of a kind that cannot be used.
    #[error(
        "the certificate {} with the private key {} cannot be used: {source}",
        .certificate.display(),
        .key.display()
    )]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
}

const CERTIFICATE: &str = "certificate";
const KEY: &str = "private key";

/// Reads the certificate with its chain, and its private key (PKCS#8, PKCS#1 or SEC1), for TLS 1.2
/// and 1.3 with HTTP/1.1. Reading the files again is how they are renewed.
///
/// # Errors
/// [`TlsError`] where a file cannot be read, is not what it should be, or does not fit the other.
pub fn load(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let pem = read(CERTIFICATE, certificate)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(CERTIFICATE, certificate, &error))?;
    if chain.is_empty() {
        let expected = "BEGIN CERTIFICATE";
        return Err(absent(CERTIFICATE, certificate, (expected, &pem)));
    }
    let pem = read(KEY, key)?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        pem::Error::NoItemsFound => absent(KEY, key, ("BEGIN PRIVATE KEY", &pem)),
        error => not_pem(KEY, key, &error),
    })?;
    let unusable = |source| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let with_key = builder.with_no_client_auth().with_single_cert(chain, private);
    let mut config = with_key.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Mismatch { certificate: certificate.to_owned(), key: key.to_owned() }
        }
        error => unusable(error),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { what, path: path.to_owned(), source })
}

fn not_pem(what: &'static str, path: &Path, error: &pem::Error) -> TlsError {
    TlsError::Pem { what, path: path.to_owned(), why: error.to_string() }
}

/// Says what is in the file instead: usually the other of the two files was named.
fn absent(what: &'static str, path: &Path, (expected, pem): (&'static str, &[u8])) -> TlsError {
    let text = String::from_utf8_lossy(pem);
    let label = text.lines().find_map(|line| line.trim().strip_prefix("-----BEGIN "));
    let found = label.and_then(|label| label.strip_suffix("-----")).map_or_else(String::new, |l| {
        // Passwords cannot be typed into a server.
        let remedy = if l == "ENCRYPTED PRIVATE KEY" { "; decrypt it first" } else { "" };
        format!(", found {l}{remedy}")
    });
    TlsError::Absent { what, path: path.to_owned(), expected, found }
}

#[cfg(test)]
mod tests;
