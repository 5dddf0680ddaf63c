//! One connection: writes a request, reads one answer (a length, chunks, or until the end), keeps its buffers.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use super::Request;
use super::wire::{Framing, Head};

/// More head than any server sends.
const MAX_HEAD: usize = 256 * 1024;

/// Why a request got no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection.
    Connect,
    /// The server ended the connection before a byte of the answer.
    Closed,
    /// The connection was reset before a byte of the answer.
    Reset,
    /// The connection ended within the answer.
    CutOff,
    /// Nothing came for as long as the client was to wait.
    TimedOut,
    /// The answer is not HTTP.
    Malformed,
}

impl Failure {
    /// A name for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::CutOff => "cut_off",
            Self::TimedOut => "timed_out",
            Self::Malformed => "malformed",
        }
    }
}

/// The head of an answer; the body is [`Connection::body`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Whether the connection carries another request.
    pub keep_alive: bool,
    /// Head and body as they came over the wire.
    pub bytes: usize,
}

/// A connection to a server.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    /// Where the body lies in the buffer; a body in chunks is put together in `joined`.
    body: Option<Range<usize>>,
    joined: Vec<u8>,
}

impl Connection {
    /// Connects; `patience` bounds connecting and each wait for bytes.
    ///
    /// # Errors
    /// [`Failure::Connect`].
    pub fn open(address: SocketAddr, patience: Duration) -> Result<Self, Failure> {
        let patience = patience.max(Duration::from_millis(1));
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, patience)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = connect().map_err(|_| Failure::Connect)?;
        let buffer = vec![0; 16 * 1024];
        Ok(Self { stream, buffer, filled: 0, body: None, joined: Vec::new() })
    }

    /// The last answer's body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Some(range) => self.buffer.get(range.clone()).unwrap_or(&[]),
            None => &self.joined,
        }
    }

    /// Sends a request and reads its answer. After a failure the connection is of no more use.
    ///
    /// # Errors
    /// Any [`Failure`] but `Connect`.
    pub fn exchange(&mut self, request: &Request) -> Result<Answer, Failure> {
        self.filled = 0;
        self.body = Some(0..0);
        let written = self.stream.write_all(request.bytes());
        // A server may refuse a body before it has read it, and close: its answer counts.
        let answer = self.read_answer(request.is_head());
        match written {
            Ok(()) => answer,
            Err(_) => answer.map(|answer| Answer { keep_alive: false, ..answer }),
        }
    }

    fn read_answer(&mut self, head_only: bool) -> Result<Answer, Failure> {
        let mut begin = 0;
        loop {
            let end = self.head_end(begin)?;
            let head = Head::parse(&self.buffer[begin..end]).ok_or(Failure::Malformed)?;
            // Interim answers: the real one follows.
            if (100..200).contains(&head.status) && head.status != 101 {
                begin = end;
                continue;
            }
            let mut keep_alive = head.keep_alive;
            let bodiless = head_only || matches!(head.status, 101 | 204 | 304);
            let end = match (bodiless, head.framing) {
                (true, _) => end,
                (false, Framing::Length(length)) => {
                    let until = end.checked_add(length).ok_or(Failure::Malformed)?;
                    self.need(until)?;
                    self.body = Some(end..until);
                    until
                }
                (false, Framing::Chunked) => self.read_chunks(end)?,
                (false, Framing::UntilClose) => {
                    keep_alive = false;
                    while self.fill()? > 0 {}
                    self.body = Some(end..self.filled);
                    self.filled
                }
            };
            if self.filled > end {
                // Nobody asked for these bytes.
                return Err(Failure::Malformed);
            }
            return Ok(Answer { status: head.status, keep_alive, bytes: end });
        }
    }

    /// Reads until an empty line that follows `begin`; returns the position behind it.
    fn head_end(&mut self, begin: usize) -> Result<usize, Failure> {
        let mut seen = begin;
        loop {
            let from = seen.saturating_sub(3).max(begin);
            let unseen = &self.buffer[from..self.filled];
            if let Some(at) = unseen.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(from + at + 4);
            }
            if self.filled - begin > MAX_HEAD {
                return Err(Failure::Malformed);
            }
            seen = self.filled;
            self.need(seen + 1)?;
        }
    }

    fn read_chunks(&mut self, begin: usize) -> Result<usize, Failure> {
        self.body = None;
        self.joined.clear();
        let mut at = begin;
        loop {
            let line = self.line_end(at)?;
            let text = self.buffer[at..line - 2].split(|&b| b == b';').next().unwrap_or(&[]);
            let text = std::str::from_utf8(text).map_err(|_| Failure::Malformed)?;
            let size = usize::from_str_radix(text.trim(), 16).map_err(|_| Failure::Malformed)?;
            if size == 0 {
                at = line;
                break;
            }
            let end = line.checked_add(size).filter(|end| *end < usize::MAX - 2);
            let end = end.ok_or(Failure::Malformed)?;
            self.need(end + 2)?;
            self.joined.extend_from_slice(&self.buffer[line..end]);
            if &self.buffer[end..end + 2] != b"\r\n" {
                return Err(Failure::Malformed);
            }
            at = end + 2;
        }
        // Trailers end with an empty line.
        loop {
            let line = self.line_end(at)?;
            if line == at + 2 {
                return Ok(line);
            }
            at = line;
        }
    }

    fn line_end(&mut self, begin: usize) -> Result<usize, Failure> {
        loop {
            let unseen = &self.buffer[begin..self.filled];
            if let Some(at) = unseen.windows(2).position(|two| two == b"\r\n") {
                return Ok(begin + at + 2);
            }
            if unseen.len() > MAX_HEAD {
                return Err(Failure::Malformed);
            }
            self.need(self.filled + 1)?;
        }
    }

    /// Reads until the buffer holds `length` bytes.
    fn need(&mut self, length: usize) -> Result<(), Failure> {
        while self.filled < length {
            if self.fill()? == 0 {
                return Err(if self.filled == 0 { Failure::Closed } else { Failure::CutOff });
            }
        }
        Ok(())
    }

    /// Reads once; 0 at the end.
    fn fill(&mut self) -> Result<usize, Failure> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        loop {
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(count) => {
                    self.filled += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Err(Failure::TimedOut);
                }
                Err(_) if self.filled > 0 => return Err(Failure::CutOff),
                Err(_) => return Err(Failure::Reset),
            }
        }
    }
}
