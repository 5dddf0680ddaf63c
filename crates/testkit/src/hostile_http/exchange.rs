//! Plays the steps of an attack on one connection while another thread reads what comes back.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Attack, End, Outcome, Step, Want};
use crate::load::wire::{Framing, Head};

/// How long a second answer, or the end of the connection, is waited for after the first answer.
const GRACE: Duration = Duration::from_millis(250);
/// How often the steps look at what the reader has.
const LOOK: Duration = Duration::from_millis(2);
/// Of what the server sends, no more is kept.
const KEPT: usize = 4 * 1024 * 1024;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The status.
    pub status: u16,
    /// The head as it came, with its empty line.
    pub head: Vec<u8>,
    /// The body, without its chunks' sizes.
    pub body: Vec<u8>,
}

impl Message {
    /// A header's value; the name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.head).ok()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(n, _)| n.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// What has come so far.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    count: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    end: Option<End>,
}

/// The answers in a stream of bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) answers: Vec<Message>,
    pub(super) interim: usize,
    /// Bytes behind the last whole answer.
    pub(super) rest: usize,
}

/// Reads as many answers as are whole. `ended`: an answer without a length is whole when the connection has ended.
pub(super) fn parse(mut bytes: &[u8], ended: bool) -> Parsed {
    let mut parsed = Parsed::default();
    while let Some(end) = find(bytes, b"\r\n\r\n") {
        let (head, after) = bytes.split_at(end + 4);
        let Some(read) = Head::parse(head) else { break };
        if (100..200).contains(&read.status) {
            parsed.interim += 1;
            bytes = after;
            continue;
        }
        let body = match read.framing {
            _ if matches!(read.status, 204 | 304) => Some((Vec::new(), 0)),
            Framing::Length(length) => after.get(..length).map(|body| (body.to_vec(), length)),
            Framing::Chunked => chunks(after),
            Framing::UntilClose => ended.then(|| (after.to_vec(), after.len())),
        };
        let Some((body, used)) = body else { break };
        parsed.answers.push(Message { status: read.status, head: head.to_vec(), body });
        bytes = &after[used..];
    }
    parsed.rest = bytes.len();
    parsed
}

/// A whole chunked body and its length on the wire.
fn chunks(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = find(&bytes[at..], b"\r\n")?;
        let text = std::str::from_utf8(&bytes[at..at + line]).ok()?;
        let size = usize::from_str_radix(text.split(';').next()?.trim(), 16).ok()?;
        at += line + 2;
        if size == 0 {
            // Trailers, then an empty line.
            while !bytes[at..].starts_with(b"\r\n") {
                at += find(&bytes[at..], b"\r\n")? + 2;
            }
            return Some((body, at + 2));
        }
        body.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size + 2;
        if at > bytes.len() {
            return None;
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen(mut stream: &TcpStream, heard: &Mutex<Heard>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = stream.read(&mut buffer);
        let mut heard = lock(heard);
        match read {
            Ok(0) => {
                heard.end = Some(End::Closed);
                return;
            }
            Ok(count) => {
                let room = KEPT.saturating_sub(heard.bytes.len()).min(count);
                heard.bytes.extend_from_slice(&buffer[..room]);
                heard.count += count as u64;
                let now = Instant::now();
                heard.first.get_or_insert(now);
                heard.last = Some(now);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => {
                heard.end = Some(End::Reset);
                return;
            }
        }
    }
}

struct Player<'a> {
    stream: &'a TcpStream,
    heard: &'a Mutex<Heard>,
    sent: u64,
    interim_missing: bool,
}

impl Player<'_> {
    /// Whether there is a final answer (even a part of one) or an end.
    fn is_decided(&self) -> bool {
        let heard = lock(self.heard);
        if heard.end.is_some() {
            return true;
        }
        if heard.bytes.is_empty() {
            return false;
        }
        let parsed = parse(&heard.bytes, false);
        !parsed.answers.is_empty() || parsed.rest > 0
    }

    /// False when there is nothing more to do.
    fn play(&mut self, step: &Step) -> bool {
        match step {
            Step::Send(bytes) => self.send(bytes),
            Step::Repeat { bytes, times, pause } => {
                for _ in 0..*times {
                    if self.is_decided() || !self.send(bytes) || !self.wait(*pause) {
                        return false;
                    }
                }
                true
            }
            Step::Pause(pause) => self.wait(*pause),
            Step::AwaitInterim(pause) => {
                let start = Instant::now();
                while parse(&lock(self.heard).bytes, false).interim == 0 {
                    if self.is_decided() || start.elapsed() > *pause {
                        self.interim_missing = true;
                        return false;
                    }
                    std::thread::sleep(LOOK);
                }
                true
            }
            Step::EndWriting => self.stream.shutdown(Shutdown::Write).is_ok(),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            match (&mut &*self.stream).write(&bytes[at..]) {
                Ok(0) => return false,
                Ok(count) => {
                    at += count;
                    self.sent += count as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // The server does not read: what it says decides.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return false;
                }
                Err(_) => return false,
            }
        }
        true
    }

    fn wait(&self, pause: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < pause {
            if self.is_decided() {
                return false;
            }
            std::thread::sleep((pause - start.elapsed().min(pause)).min(Duration::from_millis(10)));
        }
        true
    }
}

pub(super) fn run(
    attack: &Attack,
    address: SocketAddr,
    patience: Duration,
) -> std::io::Result<Outcome> {
    let stream = Arc::new(TcpStream::connect_timeout(&address, Duration::from_secs(10))?);
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(patience.max(LOOK)))?;
    let start = Instant::now();
    let heard = Arc::new(Mutex::new(Heard::default()));
    let reader = {
        let (stream, heard) = (Arc::clone(&stream), Arc::clone(&heard));
        std::thread::Builder::new().stack_size(256 * 1024).spawn(move || listen(&stream, &heard))?
    };
    let mut player = Player { stream: &stream, heard: &heard, sent: 0, interim_missing: false };
    for step in &attack.steps {
        if !player.play(step) {
            break;
        }
    }
    let sent = player.sent;
    await_end(attack, &heard, patience);
    let open = lock(&heard).end.is_none();
    let elapsed = start.elapsed();
    // Ends the reader; what it notes then is our doing.
    let _ = stream.shutdown(Shutdown::Both);
    let _ = reader.join();
    let heard = lock(&heard);
    let end = if open { End::Open } else { heard.end.unwrap_or(End::Open) };
    let parsed = parse(&heard.bytes, !open);
    Ok(Outcome {
        name: attack.name.clone(),
        want: attack.want,
        garbled: parsed.rest > 0,
        answers: parsed.answers,
        interim: parsed.interim,
        end,
        elapsed,
        first_byte: heard.first.map(|first| first - start),
        sent,
        received: heard.count,
    })
}

/// Waits for the end of the connection, or for the answers and a moment of silence.
fn await_end(attack: &Attack, heard: &Mutex<Heard>, patience: Duration) {
    let wanted = if let Want::Answers(count) = attack.want { count } else { 1 };
    let start = Instant::now();
    while start.elapsed() < patience {
        {
            let heard = lock(heard);
            if heard.end.is_some() {
                return;
            }
            let silent = heard.last.is_some_and(|last| last.elapsed() > GRACE);
            if silent && parse(&heard.bytes, false).answers.len() >= wanted {
                return;
            }
        }
        std::thread::sleep(LOOK);
    }
}
