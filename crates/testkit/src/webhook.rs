//! A receiver of webhooks: it records every request with its body and answers as it is told, or does
//! not. Loopback only, one thread a connection.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::{Seen, read_request};

/// Bytes of a body that are taken.
const MOST: usize = 16 << 20;

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// With this status and no body.
    Status(u16),
    /// With this status and `Retry-After` as it stands here: seconds, or a date.
    RetryAfter(u16, String),
    /// With a redirect (307) to this address.
    Redirect(String),
    /// Not at all for so long; then the connection is closed.
    Silence(Duration),
    /// The connection is closed at once.
    Close,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its method, target and headers.
    pub head: Seen,
    /// Its body.
    pub body: Vec<u8>,
    /// When it was there.
    pub at: Instant,
}

impl Received {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    more: Condvar,
    script: Mutex<(VecDeque<Answer>, Option<Answer>)>,
    stop: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

/// The receiver; it ends when dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens on a free port of the loopback address, and answers everything with 204.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// The answers to the next requests, one each; then all are answered with the last one.
    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        *lock(&self.shared.script) = (answers.into_iter().collect(), None);
    }

    /// The full address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far, in the order in which they were there.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// Waits until so many requests have come, or the time is over; those that came.
    #[must_use]
    pub fn wait(&self, count: usize, patience: Duration) -> Vec<Received> {
        let until = Instant::now() + patience;
        let mut received = lock(&self.shared.received);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if received.len() >= count || left.is_zero() {
                return received.clone();
            }
            let waited = self.shared.more.wait_timeout(received, left);
            received = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(stream) = stream.try_clone() {
            lock(&shared.open).push(stream);
        }
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A client that goes away is the client's business.
            let _ = serve(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(head) = read_request(&mut reader)? {
        if head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = read_body(&mut reader, &head)?;
        let close = head.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
        let answer = shared.next();
        lock(&shared.received).push(Received { head, body, at: Instant::now() });
        shared.more.notify_all();
        if !give(stream, &answer, shared)? || close {
            return Ok(());
        }
    }
    Ok(())
}

impl Shared {
    fn next(&self) -> Answer {
        let mut script = lock(&self.script);
        if let Some(next) = script.0.pop_front() {
            script.1 = Some(next);
        }
        script.1.clone().unwrap_or(Answer::Status(204))
    }
}

fn read_body(reader: &mut impl BufRead, head: &Seen) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let chunked =
        head.header("transfer-encoding").is_some_and(|c| c.eq_ignore_ascii_case("chunked"));
    if !chunked {
        let length = head.header("content-length").and_then(|length| length.parse().ok());
        let length = length.unwrap_or(0).min(MOST as u64);
        reader.take(length).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut line = String::new();
        reader.take(64).read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim(), 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no length of a chunk"))?;
        if length > MOST - body.len() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body is too large"));
        }
        reader.take(length as u64).read_to_end(&mut body)?;
        let mut end = String::new();
        reader.take(64).read_line(&mut end)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

/// Answers; true when the connection may carry another request.
fn give(mut stream: &TcpStream, answer: &Answer, shared: &Shared) -> io::Result<bool> {
    let (status, header) = match answer {
        Answer::Status(status) => (*status, String::new()),
        Answer::RetryAfter(status, when) => (*status, format!("Retry-After: {when}\r\n")),
        Answer::Redirect(to) => (307, format!("Location: {to}\r\n")),
        Answer::Close => return Ok(false),
        Answer::Silence(time) => {
            let until = Instant::now() + *time;
            while Instant::now() < until && !shared.stop.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            return Ok(false);
        }
    };
    let length = if status == 204 { "" } else { "Content-Length: 0\r\n" };
    stream.write_all(format!("HTTP/1.1 {status} As-Told\r\n{header}{length}\r\n").as_bytes())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(stream: &mut TcpStream, lines: &str, body: &str) {
        let text = format!("POST /hook HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}");
        stream.write_all(text.as_bytes()).unwrap();
    }

    fn head(stream: &TcpStream) -> String {
        let mut reader = BufReader::new(stream);
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") && reader.read_line(&mut text).unwrap() > 0 {}
        text
    }

    #[test]
    fn requests_are_recorded_and_answered_as_told() {
        let receiver = Receiver::start().unwrap();
        receiver.answer([
            Answer::Status(500),
            Answer::RetryAfter(429, "2".to_owned()),
            Answer::Redirect("/there".to_owned()),
            Answer::Status(200),
        ]);
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        post(&mut stream, "Content-Length: 3\r\n", "one");
        assert!(head(&stream).starts_with("HTTP/1.1 500 "));
        post(&mut stream, "Transfer-Encoding: chunked\r\n", "2\r\ntw\r\n1\r\no\r\n0\r\n\r\n");
        assert!(head(&stream).contains("429 As-Told\r\nRetry-After: 2\r\n"));
        post(&mut stream, "", "");
        assert!(head(&stream).contains("Location: /there\r\n"));
        for _ in 0..2 {
            post(&mut stream, "Content-Length: 1\r\n", "4");
            assert!(head(&stream).starts_with("HTTP/1.1 200 "));
        }
        let received = receiver.wait(5, Duration::from_secs(20));
        let texts: Vec<_> = received.iter().map(Received::text).collect();
        assert_eq!(texts, ["one", "two", "", "4", "4"]);
        assert_eq!(
            (received[0].head.method.as_str(), received[0].head.target.as_str()),
            ("POST", "/hook")
        );
    }

    #[test]
    fn some_requests_get_no_answer() {
        let receiver = Receiver::start().unwrap();
        receiver.answer([Answer::Close, Answer::Silence(Duration::from_millis(60))]);
        for least in [0, 60] {
            let started = Instant::now();
            let mut stream = TcpStream::connect(receiver.address()).unwrap();
            post(&mut stream, "Content-Length: 3\r\n", "one");
            assert_eq!(head(&stream), "");
            assert!(started.elapsed() >= Duration::from_millis(least));
        }
        assert_eq!(receiver.received().len(), 2);
        // One that is silent for long does not hold up the end.
        receiver.answer([Answer::Silence(Duration::from_secs(600))]);
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        post(&mut stream, "Content-Length: 3\r\n", "one");
        assert_eq!(receiver.wait(3, Duration::from_secs(20)).len(), 3);
        drop(receiver);
        assert_eq!(head(&stream), "");
    }
}
