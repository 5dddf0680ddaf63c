//! What to fetch and how patiently.

use std::path::PathBuf;
use std::time::Duration;

use crate::{Digest, Proxies};

/// One file to fetch.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the file goes. Its folder is made if needed; `<dest>.part` holds the bytes until they are checked.
    pub dest: PathBuf,
    /// The digest the file must have.
    pub sha256: Digest,
    /// The size the file must have, in bytes. Known sizes fail earlier and resume more surely.
    pub bytes: Option<u64>,
    /// Files on this machine that may be it (see [`crate::locate`]), tried before everything else.
    pub files: Vec<PathBuf>,
    /// Where the file can be had, tried in this order.
    pub urls: Vec<String>,
    /// A mirror. When there is one it is the only source: a closed network is not asked to reach the others.
    pub mirror: Option<Mirror>,
    /// An upper limit where `bytes` is unknown.
    pub max_bytes: u64,
    /// How often to try again.
    pub retry: RetryPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// The proxies to use; [`Request::new`] reads them from the environment.
    pub proxies: Proxies,
    /// PEM file of trusted certificates in place of the built-in ones; [`Request::new`] reads `SSL_CERT_FILE`.
    pub ca_file: Option<PathBuf>,
}

impl Request {
    /// A request with the usual patience and the environment's proxies and certificates.
    #[must_use]
    pub fn new(dest: impl Into<PathBuf>, sha256: Digest) -> Self {
        Self {
            dest: dest.into(),
            sha256,
            bytes: None,
            files: Vec::new(),
            urls: Vec::new(),
            mirror: None,
            max_bytes: 64 << 30,
            retry: RetryPolicy::default(),
            timeouts: Timeouts::default(),
            proxies: Proxies::from_env(),
            ca_file: std::env::var_os("SSL_CERT_FILE").filter(|v| !v.is_empty()).map(PathBuf::from),
        }
    }

    /// The most bytes that may be written.
    pub(crate) fn limit(&self) -> u64 {
        self.bytes.unwrap_or(self.max_bytes)
    }
}

/// A store of files named by their SHA-256, as `<sha256>` or `<first two digits>/<sha256>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// A folder, on a disk carried in or a network share.
    Dir(PathBuf),
    /// An HTTP(S) address; the name is appended after a slash.
    Url(String),
}

impl Mirror {
    /// Reads a command-line value: an `http(s)://` address, or else a folder (`file://` allowed).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            Self::Url(text.trim_end_matches('/').to_owned())
        } else {
            Self::Dir(PathBuf::from(text.strip_prefix("file://").unwrap_or(text)))
        }
    }
}

impl std::fmt::Display for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dir(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// How often a source is asked again.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in a row that may pass without real progress (see `min_progress`).
    pub retries: u32,
    /// Attempts in all at one source, progress or not.
    pub max_attempts: u32,
    /// Bytes beyond the furthest point so far that count as progress.
    pub min_progress: u64,
    /// The first wait; it doubles with each attempt without progress.
    pub base_wait: Duration,
    /// The longest wait. A server that asks for more is given up.
    pub max_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: 5,
            max_attempts: 200,
            min_progress: 64 * 1024,
            base_wait: Duration::from_millis(500),
            max_wait: Duration::from_secs(60),
        }
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To resolve the name and connect.
    pub connect: Duration,
    /// For the first line and headers of the answer.
    pub response: Duration,
    /// For the next bytes of the body.
    pub read: Duration,
    /// Over this long the body must bring at least `min_rate` bytes a second, or the connection is given up.
    pub slow_window: Duration,
    /// Bytes a second; see `slow_window`.
    pub min_rate: f64,
    /// For another process that is fetching the same file.
    pub lock: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            response: Duration::from_secs(60),
            read: Duration::from_secs(60),
            slow_window: Duration::from_secs(60),
            min_rate: 256.0,
            lock: Duration::from_secs(3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_an_address_or_a_folder() {
        assert_eq!(
            Mirror::parse("https://m.example/x/"),
            Mirror::Url("https://m.example/x".into())
        );
        assert_eq!(Mirror::parse("HTTP://m"), Mirror::Url("HTTP://m".into()));
        assert_eq!(Mirror::parse("/mnt/usb"), Mirror::Dir("/mnt/usb".into()));
        assert_eq!(Mirror::parse("file:///mnt/usb"), Mirror::Dir("/mnt/usb".into()));
        assert_eq!(Mirror::parse("httpfiles"), Mirror::Dir("httpfiles".into()));
    }
}
