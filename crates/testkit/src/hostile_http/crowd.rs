//! Many clients at once: idle connections, and clients that go away in the middle.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Connections that are held open.
#[derive(Debug, Default)]
pub struct Idle {
    streams: Vec<TcpStream>,
    /// Connections that could not be had.
    pub failed: usize,
    /// Why the first of them could not be had.
    pub first_error: Option<String>,
}

impl Idle {
    /// Opens `count` connections, each of which sends `opening` (nothing, or the beginning of a request) and then
    /// nothing more. Stops at the first connection that fails: the rest would fail alike.
    #[must_use]
    pub fn open(address: SocketAddr, count: usize, opening: &[u8]) -> Self {
        let mut idle = Self::default();
        for number in 0..count {
            let opened = TcpStream::connect_timeout(&address, Duration::from_secs(5));
            match opened.and_then(|mut stream| stream.write_all(opening).map(|()| stream)) {
                Ok(stream) => idle.streams.push(stream),
                Err(error) => {
                    idle.failed = count - number;
                    idle.first_error = Some(error.to_string());
                    break;
                }
            }
        }
        idle
    }

    /// Connections that were had.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.streams.len()
    }

    /// Connections that the server has not ended yet.
    #[must_use]
    pub fn still_open(&self) -> usize {
        self.streams.iter().filter(|stream| is_open(stream)).count()
    }
}

/// Whether the server has not ended the connection; what it sent is read and thrown away.
fn is_open(mut stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return false;
    }
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// How many files (connections) this process may have open, where Linux tells it.
#[must_use]
pub fn file_limit() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// Asks the program `prlimit` to let this process have `wanted` files open, or as many as its hard limit allows, and
/// returns the limit that holds then; never lowers it. Callers compare: without rights it is less than wanted.
#[must_use]
pub fn raise_file_limit(wanted: u64) -> Option<u64> {
    if file_limit()? >= wanted {
        return file_limit();
    }
    let process = std::process::id().to_string();
    for limit in [format!("--nofile={wanted}:{wanted}"), format!("--nofile={wanted}:")] {
        let run = Command::new("prlimit").args(["--pid", &process, &limit]).output();
        if run.is_ok_and(|output| output.status.success()) {
            break;
        }
    }
    file_limit()
}

/// Sends a request `times` times, each on its own connection, and goes away without reading: half of the time after
/// the whole request, half of the time in the middle of it. Returns how many could be sent.
#[must_use]
pub fn vanish(address: SocketAddr, request: &[u8], times: usize) -> usize {
    let one = |number: usize| {
        let part = if number.is_multiple_of(2) { request } else { &request[..request.len() / 2] };
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.write_all(part)
    };
    (0..times).filter(|number| one(*number).is_ok()).count()
}
