//! What can go wrong with a download, each with its remedy in the text.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Digest;

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// A SHA-256 that is not 64 hexadecimal digits.
    #[error("`{text}` is no SHA-256 digest: write its 64 hexadecimal digits")]
    BadDigest {
        /// The text that was given.
        text: String,
    },
    /// A URL this library cannot fetch.
    #[error("cannot fetch `{url}`: {reason}; give an http:// or https:// URL")]
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A proxy setting that is not understood.
    #[error(
        "the proxy `{proxy}` cannot be used: {reason}; set HTTPS_PROXY or HTTP_PROXY to http://host:port, or unset it"
    )]
    BadProxy {
        /// The setting, without its password.
        proxy: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file of trusted certificates cannot be used.
    #[error("certificates in {path}: {reason}; set SSL_CERT_FILE to a PEM file, or unset it")]
    BadCertificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Neither a URL nor a mirror was given.
    #[error(
        "there is no source for {dest} (sha256 {digest}): give a URL, or a mirror holding a file of that digest"
    )]
    NoSource {
        /// Where the file was to go.
        dest: PathBuf,
        /// The digest wanted.
        digest: Digest,
    },
    /// Reading or writing a local file failed.
    #[error(
        "cannot {action} {path}: {source}; check that the folder exists, is writable and has room"
    )]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Another process has been fetching the file for longer than we wait.
    #[error(
        "another process is fetching {dest} since more than {waited:?}: wait for it, or end it and try again"
    )]
    Busy {
        /// Where the file was to go.
        dest: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// The mirror does not hold the file.
    #[error(
        "the mirror {mirror} has no file of sha256 {digest}: put it there as `{digest}` or `{}/{digest}`",
        &digest.to_string()[..2]
    )]
    NotInMirror {
        /// The mirror.
        mirror: String,
        /// The digest wanted.
        digest: Digest,
    },
    /// The server answered with an error status.
    #[error("{url} answered {status}{}; {}", after(*retry_after), status_remedy(*status))]
    Status {
        /// The URL that answered.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server sends on to other addresses without end, or to one that is not allowed.
    #[error("{url} redirects {reason}; check the address in a browser and give the final one")]
    Redirect {
        /// The URL asked first.
        url: String,
        /// What is wrong with where it leads.
        reason: String,
    },
    /// The connection failed, was cut, or stood still.
    #[error(
        "{url}: {reason} (after {received} bytes); check the network and HTTPS_PROXY, and try again: it resumes, or use a mirror"
    )]
    Connection {
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
        /// How much of the file there is so far.
        received: u64,
    },
    /// The server, or a proxy that reads along, shows a certificate that is not trusted.
    #[error(
        "{url}: {reason}; behind a proxy that inspects traffic set SSL_CERT_FILE to a PEM file with its certificate, or use a mirror"
    )]
    Certificate {
        /// The URL.
        url: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// The server's answer makes no sense.
    #[error("{url} answered against the rules of HTTP: {reason}; use another URL or a mirror")]
    Protocol {
        /// The URL.
        url: String,
        /// What it did.
        reason: String,
    },
    /// The server offers a file of another size.
    #[error(
        "{url} offers {got} bytes where {expected} are expected: the file was replaced, or a login page stands before it; use another URL or a mirror"
    )]
    Length {
        /// The URL.
        url: String,
        /// The size wanted.
        expected: u64,
        /// The size offered.
        got: u64,
    },
    /// The server sent more than the expected size; nothing of it was kept.
    #[error(
        "{url} sends more than the {limit} bytes expected: the transfer was stopped and its bytes deleted; use another URL or a mirror"
    )]
    TooLong {
        /// The URL.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// All bytes came but they are not the file; they were deleted.
    #[error(
        "{origin} gave other bytes than expected: sha256 expected {expected}, got {got}; they were deleted. Use another URL or a mirror"
    )]
    WrongDigest {
        /// Where the bytes came from.
        origin: String,
        /// The digest wanted.
        expected: Digest,
        /// The digest of what came.
        got: Digest,
    },
    /// The observer asked to stop. What came so far is kept.
    #[error("fetching {dest} was stopped after {received} bytes; start it again to resume")]
    Cancelled {
        /// Where the file was to go.
        dest: PathBuf,
        /// How much of the file there is.
        received: u64,
    },
    /// Every source failed.
    #[error("none of {} sources gave {dest} (sha256 {digest}):{}", reasons.len(), listed(reasons))]
    AllFailed {
        /// Where the file was to go.
        dest: PathBuf,
        /// The digest wanted.
        digest: Digest,
        /// What each source answered, in order.
        reasons: Vec<FetchError>,
    },
}

impl FetchError {
    pub(crate) fn io<'p>(
        action: &'static str,
        path: &'p Path,
    ) -> impl FnOnce(std::io::Error) -> Self + 'p {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// What happened in a few words, without source and remedy: for a line that announces another attempt.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Connection { reason, received, .. } => format!("{reason} after {received} bytes"),
            Self::Status { status, .. } => format!("the server answered {status}"),
            other => other.to_string(),
        }
    }

    /// True where the same source may well answer a second time.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            _ => false,
        }
    }

    /// True where trying another source cannot help: the trouble is on this side.
    pub(crate) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Io { .. }
                | Self::Busy { .. }
                | Self::Cancelled { .. }
                | Self::BadProxy { .. }
                | Self::BadCertificates { .. }
        )
    }
}

fn after(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |w| format!(" (it asks to wait {} s)", w.as_secs()))
}

fn status_remedy(status: u16) -> &'static str {
    match status {
        401 | 403 | 407 => {
            "access is refused: check the credentials of the address or the proxy, or use a mirror"
        }
        404 | 410 => "the file is no longer there: use another URL or a mirror",
        408 | 425 | 429 | 500..=599 => {
            "the server is in trouble or overloaded: try again later, or use a mirror"
        }
        _ => "use another URL or a mirror",
    }
}

fn listed(reasons: &[FetchError]) -> String {
    reasons.iter().map(|r| format!("\n  - {r}")).collect()
}
