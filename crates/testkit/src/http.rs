//! An HTTP server that misbehaves on request: it cuts connections, truncates, lies about lengths, ignores ranges,
//! answers with errors and redirects, or drips. Loopback only, one thread a connection, no dependency.

pub mod proxy;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the server says about the length of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announce {
    /// `Content-Length` with the true length.
    Honest,
    /// `Content-Length` with this figure.
    Exactly(u64),
    /// No length: the body ends when the connection closes.
    Nothing,
    /// Chunked transfer encoding.
    Chunked,
}

/// One answer. Build it with [`Reply::file`] or [`Reply::status`] and bend it with the methods.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: Vec<u8>,
    headers: Vec<(String, String)>,
    ranges: bool,
    range_shift: i64,
    cut_after: Option<usize>,
    announce: Announce,
    drip: Option<(usize, Duration)>,
    raw: Option<Vec<u8>>,
}

impl Reply {
    /// Status 200 with a body; byte ranges are honoured.
    #[must_use]
    pub fn file(body: &[u8]) -> Self {
        Self {
            status: 200,
            body: body.to_vec(),
            headers: Vec::new(),
            ranges: true,
            range_shift: 0,
            cut_after: None,
            announce: Announce::Honest,
            drip: None,
            raw: None,
        }
    }

    /// A status with a short text.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ranges: false, ..Self::file(b"no file here\n") }
    }

    /// A redirect to `location`.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("Location", location)
    }

    /// These bytes in place of any HTTP answer, then the end of the connection.
    #[must_use]
    pub fn raw(bytes: &[u8]) -> Self {
        Self { raw: Some(bytes.to_vec()), ..Self::status(200) }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Names the version of the body; an `If-Range` of another version gets the whole body.
    #[must_use]
    pub fn etag(self, tag: &str) -> Self {
        self.header("ETag", tag)
    }

    /// Answers a range request with the whole body and status 200.
    #[must_use]
    pub fn ignoring_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    /// Answers a range request with bytes and a `Content-Range` that begin this much later (or earlier).
    #[must_use]
    pub fn shifting_ranges(mut self, by: i64) -> Self {
        self.range_shift = by;
        self
    }

    /// Closes the connection after this many bytes of this answer's body.
    #[must_use]
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut_after = Some(bytes);
        self
    }

    /// What to say of the length.
    #[must_use]
    pub fn announce(mut self, announce: Announce) -> Self {
        self.announce = announce;
        self
    }

    /// Sends the body in pieces of `bytes` with `pause` after each.
    #[must_use]
    pub fn dripping(mut self, bytes: usize, pause: Duration) -> Self {
        self.drip = Some((bytes, pause));
        self
    }
}

/// One request the server saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The target as it stood in the request line.
    pub target: String,
    headers: Vec<(String, String)>,
}

impl Seen {
    /// A header's value; the name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

#[derive(Default)]
struct Shared {
    /// Answers by path, in the order they are given; the last one is repeated.
    scripts: Mutex<HashMap<String, (usize, Vec<Reply>)>>,
    seen: Mutex<Vec<Seen>>,
    stop: AtomicBool,
}

/// The server. It stops when dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens on a free port of the loopback address.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Sets the answers of a path: one a request, the last one for all that follow.
    pub fn script(&self, path: &str, replies: Vec<Reply>) {
        lock(&self.shared.scripts).insert(path.to_owned(), (0, replies));
    }

    /// The full address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A client that goes away is the client's business.
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

/// Answers requests on one connection until it is to be closed.
fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(seen) = read_request(&mut reader)? {
        let path = seen.target.split('?').next().unwrap_or("").to_owned();
        let reply = next_reply(shared, &path);
        lock(&shared.seen).push(seen.clone());
        if !answer(stream, &reply, &seen)? {
            return Ok(());
        }
    }
    Ok(())
}

fn next_reply(shared: &Shared, path: &str) -> Reply {
    let mut scripts = lock(&shared.scripts);
    let Some((at, replies)) = scripts.get_mut(path) else { return Reply::status(404) };
    let index = (*at).min(replies.len().saturating_sub(1));
    *at += 1;
    replies.get(index).cloned().unwrap_or_else(|| Reply::status(404))
}

pub(crate) fn read_request(reader: &mut impl BufRead) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if reader.take(8192).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or("").to_owned();
    let target = words.next().unwrap_or("").to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.take(8192).read_line(&mut line)? == 0 || line.trim_end().is_empty() {
            return Ok(Some(Seen { method, target, headers }));
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

/// Writes one answer; true when the connection may carry another.
fn answer(mut stream: &TcpStream, reply: &Reply, seen: &Seen) -> std::io::Result<bool> {
    if let Some(raw) = &reply.raw {
        stream.write_all(raw)?;
        return Ok(false);
    }
    let (status, body, content_range) = choose(reply, seen);
    let mut head = format!("HTTP/1.1 {status} As-Scripted\r\n");
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(range) = content_range {
        head.push_str(&format!("Content-Range: {range}\r\n"));
    }
    match reply.announce {
        Announce::Honest => head.push_str(&format!("Content-Length: {}\r\n", body.len())),
        Announce::Exactly(n) => head.push_str(&format!("Content-Length: {n}\r\n")),
        Announce::Nothing => head.push_str("Connection: close\r\n"),
        Announce::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    let sent = &body[..reply.cut_after.unwrap_or(body.len()).min(body.len())];
    let (piece, pause) = reply.drip.unwrap_or((16 * 1024, Duration::ZERO));
    for part in sent.chunks(piece.max(1)) {
        match reply.announce {
            Announce::Chunked => {
                let chunk = [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat();
                stream.write_all(&chunk)?;
            }
            _ => stream.write_all(part)?,
        }
        std::thread::sleep(pause);
    }
    let whole = sent.len() == body.len();
    if whole && reply.announce == Announce::Chunked {
        stream.write_all(b"0\r\n\r\n")?;
    }
    Ok(whole && matches!(reply.announce, Announce::Honest | Announce::Chunked))
}

/// Status, body and `Content-Range` by the request's range.
fn choose<'r>(reply: &'r Reply, seen: &Seen) -> (u16, &'r [u8], Option<String>) {
    let total = reply.body.len();
    let whole = (reply.status, reply.body.as_slice(), None);
    let first = seen
        .header("Range")
        .and_then(|r| r.strip_prefix("bytes="))
        .and_then(|r| r.strip_suffix('-'))
        .and_then(|r| r.parse::<usize>().ok());
    let Some(first) = first.filter(|_| reply.ranges) else { return whole };
    let etag = reply.headers.iter().find(|(n, _)| n == "ETag").map(|(_, v)| v.as_str());
    if seen.header("If-Range").is_some_and(|asked| Some(asked) != etag) {
        return whole;
    }
    let first = usize::try_from(first as i64 + reply.range_shift).unwrap_or(0);
    if first >= total {
        return (416, b"", Some(format!("bytes */{total}")));
    }
    (206, &reply.body[first..], Some(format!("bytes {first}-{}/{total}", total - 1)))
}
