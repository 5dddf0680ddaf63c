//! Requests as bytes, built once; and the little of URLs that a load generator needs.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

/// What is wrong with a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// It is not `http://HOST[:PORT][/PATH]`.
    NotHttp(String),
    /// The host has no address.
    NoAddress(String),
}

impl std::fmt::Display for TargetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotHttp(url) => write!(f, "{url:?} is not http://HOST[:PORT][/PATH]"),
            Self::NoAddress(host) => write!(f, "{host:?} has no address"),
        }
    }
}

impl std::error::Error for TargetError {}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The address to connect to.
    pub address: SocketAddr,
    /// The `Host` header.
    pub host: String,
    /// The path with its query.
    pub path: String,
}

impl Target {
    /// Reads `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// Where the text is something else (TLS included) or the host is not known.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let not_http = || TargetError::NotHttp(url.to_owned());
        let rest = url.strip_prefix("http://").ok_or_else(not_http)?;
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '@') {
            return Err(not_http());
        }
        // The colons of an IPv6 address stand within brackets.
        let with_port = match host.rsplit_once(':') {
            Some((_, port)) if !port.contains(']') => host.to_owned(),
            _ => format!("{host}:80"),
        };
        let found = with_port.to_socket_addrs().ok().and_then(|mut all| all.next());
        let address = found.ok_or_else(|| TargetError::NoAddress(host.to_owned()))?;
        Ok(Self { address, host: host.to_owned(), path: path.to_owned() })
    }

    /// The same server, another path.
    #[must_use]
    pub fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }
}

/// One request, ready to be written. Clones share the bytes.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Arc<[u8]>,
    head_only: bool,
}

impl Request {
    /// A request with a body; `Content-Length` is set, and the other headers are as given.
    #[must_use]
    pub fn new(method: &str, target: &Target, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut head = format!("{method} {} HTTP/1.1\r\nHost: {}\r\n", target.path, target.host);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Self { bytes: bytes.into(), head_only: method == "HEAD" }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(target: &Target) -> Self {
        Self::new("GET", target, &[], b"")
    }

    /// A `POST` of JSON.
    #[must_use]
    pub fn json(target: &Target, body: &str) -> Self {
        Self::new("POST", target, &[("Content-Type", "application/json")], body.as_bytes())
    }

    /// A `POST` in the Open Inference Protocol's binary form: the first `json_bytes` of the body are JSON.
    #[must_use]
    pub fn binary(target: &Target, json_bytes: usize, body: &[u8]) -> Self {
        let length = json_bytes.to_string();
        let headers = [
            ("Content-Type", "application/octet-stream"),
            ("Inference-Header-Content-Length", length.as_str()),
        ];
        Self::new("POST", target, &headers, body)
    }

    /// The bytes as they are sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the answer has a head and no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.head_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_with_and_without_port_and_path() {
        let target = Target::parse("http://127.0.0.1:8080/v2/models/esol/infer?x=1").unwrap();
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (target.host.as_str(), target.path.as_str()),
            ("127.0.0.1:8080", "/v2/models/esol/infer?x=1")
        );
        let target = Target::parse("http://[::1]").unwrap();
        assert_eq!(target.address, "[::1]:80".parse().unwrap());
        assert_eq!(target.path, "/");
        for bad in ["https://127.0.0.1/", "127.0.0.1:80", "http:///v2", "http://user@127.0.0.1/"] {
            assert_eq!(Target::parse(bad), Err(TargetError::NotHttp(bad.to_owned())));
        }
        assert!(matches!(Target::parse("http://127.0.0.1:99999/"), Err(TargetError::NoAddress(_))));
    }

    #[test]
    fn requests_have_a_length_where_they_need_one() {
        let target = Target::parse("http://127.0.0.1:1/p").unwrap();
        assert_eq!(Request::get(&target).bytes(), b"GET /p HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n");
        let posted = Request::new("POST", &target, &[("A", "b")], b"");
        assert_eq!(
            posted.bytes(),
            b"POST /p HTTP/1.1\r\nHost: 127.0.0.1:1\r\nA: b\r\nContent-Length: 0\r\n\r\n"
        );
        let binary = Request::binary(&target.at("/q"), 2, b"{}\x01\x02");
        assert!(binary.bytes().starts_with(b"POST /q HTTP/1.1\r\n"));
        assert!(binary.bytes().ends_with(
            b"\r\nInference-Header-Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}\x01\x02"
        ));
    }
}
