//! An HTTP client that hides nothing: it writes what it is told and keeps every header.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes, shorter than anybody's patience.
pub(super) const SOON: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} is there twice: {:?}", self.headers);
        first
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Expects the status, and shows the body where it is another.
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// A request as it is written.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    method: String,
    path: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    keep: bool,
}

impl Ask {
    pub(super) fn new(method: &str, path: &str) -> Self {
        let (method, path, host) = (method.to_owned(), path.to_owned(), "localhost".to_owned());
        Self { method, path, host, headers: Vec::new(), body: None, keep: false }
    }

    pub(super) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A `POST` of JSON.
    pub(super) fn post(path: &str, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    pub(super) fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Keeps the connection open.
    pub(super) fn keep(mut self) -> Self {
        self.keep = true;
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.path, self.host);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        if !self.keep {
            head.push_str("Connection: close\r\n");
        }
        let mut bytes = (head + "\r\n").into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// Sends a request on a connection of its own.
pub(super) fn send(address: SocketAddr, ask: &Ask) -> Reply {
    let mut stream = connect(address);
    write(&mut stream, &ask.bytes());
    read(&mut stream, ask.method == "HEAD")
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// Writes all of it, unless the server has closed: what it said before that counts.
pub(super) fn write(stream: &mut impl Write, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.flush();
}

/// Reads one answer, and not a byte more; `head` where it has no body.
pub(super) fn read(stream: &mut impl Read, head: bool) -> Reply {
    let first = line(stream);
    let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
    rest(stream, (status.unwrap_or_else(|| panic!("no answer: {first:?}")), head))
}

/// Reads a request, which but for its first line has the form of an answer; `None` at the end.
#[cfg(feature = "otel")]
pub(super) fn read_request(stream: &mut impl Read) -> Option<(String, Reply)> {
    let first = line(stream);
    (!first.is_empty()).then(|| (first, rest(stream, (0, false))))
}

fn rest(stream: &mut impl Read, (status, head): (u16, bool)) -> Reply {
    let mut headers = Vec::new();
    loop {
        let line = line(stream);
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut reply = Reply { status, headers, body: Vec::new() };
    if head || status == 204 {
        return reply;
    }
    if reply.header("transfer-encoding").is_some() {
        reply.body = chunks(stream);
    } else {
        let length = reply.header("content-length").expect("a length").parse().unwrap();
        reply.body = vec![0; length];
        stream.read_exact(&mut reply.body).unwrap();
    }
    reply
}

fn chunks(stream: &mut impl Read) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(&line(stream), 16).unwrap();
        let start = body.len();
        body.resize(start + length, 0);
        stream.read_exact(&mut body[start..]).unwrap();
        line(stream);
        if length == 0 {
            return body;
        }
    }
}

/// A line without its end; empty where the connection has ended.
fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap().trim_end().to_owned()
}
