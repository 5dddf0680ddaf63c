//! A camera for tests: an RTSP server on the loopback that sends given frames over its one connection
//! (RFC 2326, interleaved RTP), with or without a password, and fails in chosen ways.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};

mod rtp;

/// What the camera sends.
#[derive(Debug, Clone)]
pub enum RtspFrames {
    /// Access units of H.264: NAL units without start codes; the parameter sets are in them.
    H264(Vec<Vec<Vec<u8>>>),
    /// Baseline JPEGs of 4:2:0 or 4:2:2 with the standard's Huffman tables (RFC 2435).
    Jpeg(Vec<Vec<u8>>),
    /// A stream announced as H.265, of which nothing is sent.
    H265,
}

/// Where the camera fails, counted in frames sent over one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtspFault {
    /// Not at all: behind the last frame comes the first again.
    None,
    /// Goes silent, the connection open.
    StallAfter(usize),
    /// Closes the connection.
    DropAfter(usize),
    /// Says good-bye as RTCP has it and closes the connection.
    ByeAfter(usize),
    /// Accepts connections and never answers.
    Mute,
}

/// How the camera asks for its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtspAuth {
    /// RFC 7617.
    Basic,
    /// RFC 2617 with MD5, as cameras do.
    Digest,
}

/// A camera's behaviour.
#[derive(Debug, Clone)]
pub struct RtspOptions {
    /// What it sends.
    pub frames: RtspFrames,
    /// Frames a second.
    pub fps: f64,
    /// How it fails.
    pub fault: RtspFault,
    /// User name and password.
    pub auth: Option<(RtspAuth, String, String)>,
}

/// The server; it ends when dropped.
pub struct RtspServer {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    sessions: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl RtspServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When the loopback gives no port.
    #[must_use]
    pub fn start(options: RtspOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        listener.set_nonblocking(true).expect("a socket");
        let (stop, sessions) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ended, count) = (Arc::clone(&stop), Arc::clone(&sessions));
        let options = Arc::new(options);
        let thread = std::thread::spawn(move || {
            let mut connections = Vec::new();
            while !ended.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let (options, ended, count) =
                            (Arc::clone(&options), Arc::clone(&ended), Arc::clone(&count));
                        connections.push(std::thread::spawn(move || {
                            // What a client breaks off is the client's matter.
                            let _ = Connection::new(stream, &options, &ended, &count)
                                .and_then(Connection::serve);
                        }));
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(2)),
                }
            }
            for connection in connections {
                let _ = connection.join();
            }
        });
        Self { address, stop, sessions, thread: Some(thread) }
    }

    /// The stream's address, without a password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("rtsp://{}/stream", self.address)
    }

    /// The stream's address with a name and a password in it.
    #[must_use]
    pub fn url_with(&self, user: &str, password: &str) -> String {
        format!("rtsp://{user}:{password}@{}/stream", self.address)
    }

    /// Sessions that are being played now.
    #[must_use]
    pub fn playing(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }
}

impl Drop for RtspServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One client.
struct Connection<'a> {
    stream: TcpStream,
    options: &'a RtspOptions,
    stop: &'a AtomicBool,
    sessions: &'a AtomicUsize,
    received: Vec<u8>,
    playing: bool,
}

/// A request: its first line and its headers.
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value)
    }
}

impl<'a> Connection<'a> {
    fn new(
        stream: TcpStream,
        options: &'a RtspOptions,
        stop: &'a AtomicBool,
        sessions: &'a AtomicUsize,
    ) -> std::io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(2)))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self { stream, options, stop, sessions, received: Vec::new(), playing: false })
    }

    fn serve(mut self) -> std::io::Result<()> {
        let mut sender = rtp::Sender::new(&self.options.frames);
        let (mut start, mut sent) = (Instant::now(), 0_usize);
        while !self.stop.load(Ordering::Relaxed) {
            if !self.receive()? {
                return Ok(());
            }
            if self.options.fault == RtspFault::Mute {
                continue;
            }
            while let Some(request) = self.request() {
                if !self.answer(&request)? {
                    return Ok(());
                }
                if request.method == "PLAY" {
                    (start, sent) = (Instant::now(), 0);
                }
            }
            let due = Duration::from_secs_f64(sent as f64 / self.options.fps);
            if !self.playing || start.elapsed() < due {
                continue;
            }
            match self.options.fault {
                RtspFault::StallAfter(n) if sent >= n => continue,
                RtspFault::DropAfter(n) if sent >= n => return Ok(()),
                RtspFault::ByeAfter(n) if sent >= n => return self.stream.write_all(&sender.bye()),
                _ => {}
            }
            let packets = sender.frame(&self.options.frames, sent, due);
            self.stream.write_all(&packets)?;
            sent += 1;
        }
        Ok(())
    }

    /// Takes what has come; false when the client is gone.
    fn receive(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(true),
            Err(e) => Err(e),
        }
    }

    /// A whole request, if there is one; the client's RTCP is passed over.
    fn request(&mut self) -> Option<Request> {
        while self.received.first() == Some(&b'$') {
            let length = usize::from(u16::from_be_bytes(self.received.get(2..4)?.try_into().ok()?));
            if self.received.len() < 4 + length {
                return None;
            }
            self.received.drain(..4 + length);
        }
        let end = self.received.windows(4).position(|w| w == b"\r\n\r\n")?;
        let text = String::from_utf8_lossy(&self.received[..end]).into_owned();
        self.received.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ').map(str::to_owned);
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        Some(Request { method: first.next()?, url: first.next()?, headers })
    }

    /// Answers; false when the session is at its end.
    fn answer(&mut self, request: &Request) -> std::io::Result<bool> {
        let sequence = request.header("CSeq");
        if let Some(challenge) = self.challenge(request) {
            let text = format!(
                "RTSP/1.0 401 Unauthorized\r\nCSeq: {sequence}\r\nWWW-Authenticate: {challenge}\r\n\r\n"
            );
            self.stream.write_all(text.as_bytes())?;
            return Ok(true);
        }
        let (headers, body) = match request.method.as_str() {
            "OPTIONS" => ("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n".to_owned(), String::new()),
            "DESCRIBE" => {
                (format!("Content-Type: application/sdp\r\nContent-Base: {}/\r\n", request.url), rtp::sdp(&self.options.frames))
            }
            "SETUP" => (
                "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000BEEF\r\nSession: 1;timeout=60\r\n".to_owned(),
                String::new(),
            ),
            "PLAY" => {
                self.playing = true;
                self.sessions.fetch_add(1, Ordering::Relaxed);
                ("Session: 1\r\nRTP-Info: url=track;seq=0;rtptime=0\r\n".to_owned(), String::new())
            }
            _ => ("Session: 1\r\n".to_owned(), String::new()),
        };
        let text = format!(
            "RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(text.as_bytes())?;
        Ok(request.method != "TEARDOWN")
    }

    /// What is asked of a client that has not shown the password.
    fn challenge(&self, request: &Request) -> Option<String> {
        let (kind, user, password) = self.options.auth.as_ref()?;
        let given = request.header("Authorization");
        match kind {
            RtspAuth::Basic => {
                let right = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
                (given != right).then(|| "Basic realm=\"camera\"".to_owned())
            }
            RtspAuth::Digest => {
                let field = |name: &str| {
                    let from = given.find(&format!("{name}=\""))? + name.len() + 2;
                    given[from..].split('"').next()
                };
                let hash = |text: String| -> String {
                    Md5::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
                };
                let secret = hash(format!("{user}:camera:{password}"));
                let asked =
                    hash(format!("{}:{}", request.method, field("uri").unwrap_or_default()));
                let right = hash(format!("{secret}:5eed:{asked}"));
                let known = field("username") == Some(user.as_str())
                    && field("response") == Some(right.as_str());
                (!known).then(|| "Digest realm=\"camera\", nonce=\"5eed\"".to_owned())
            }
        }
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if self.playing {
            self.sessions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().enumerate().fold(0_usize, |n, (i, &b)| n | usize::from(b) << (16 - 8 * i));
        for place in 0..4 {
            let letter = LETTERS[bits >> (18 - 6 * place) & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_of_the_rfc() {
        assert_eq!(super::base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(super::base64(b"fooba"), "Zm9vYmE=");
        assert_eq!(super::base64(b"foob"), "Zm9vYg==");
    }
}
