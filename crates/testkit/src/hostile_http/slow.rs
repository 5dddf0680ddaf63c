//! Clients that hold a connection by being slow: heads and bodies in drops, or not at all any more.

use std::time::Duration;

use super::{Aim, Attack, Step, Want};

/// How slowly, and for how long at most.
#[derive(Debug, Clone, Copy)]
pub struct Drip {
    /// Between two drops.
    pub pause: Duration,
    /// After this time the client gives up: longer than any limit of a sound server.
    pub limit: Duration,
}

impl Drip {
    fn step(self, bytes: &[u8]) -> Step {
        let times = self.limit.as_secs_f64() / self.pause.as_secs_f64().max(0.001);
        Step::Repeat { bytes: bytes.to_vec(), times: times as u64, pause: self.pause }
    }
}

/// Every way to be slow; the aim is a path that takes a `POST` of JSON. Each holds one connection until the server ends
/// it: run them in threads of their own.
#[must_use]
pub fn all(aim: &Aim, drip: Drip) -> Vec<Attack> {
    let kind = "Content-Type: application/json\r\n";
    let part = aim.head("POST", kind);
    let body = |lines: &str| aim.head("POST", &format!("{kind}{lines}\r\n"));
    let announced = body("Content-Length: 1000000\r\n");
    let chunked = body("Transfer-Encoding: chunked\r\n");
    let attack = |name: &str, opening: &[u8], step: Step| {
        Attack::new(name, Want::RefusalOrEnd, vec![Step::Send(opening.to_vec()), step])
    };
    vec![
        attack("headers in drops", &part, drip.step(b"X-a: b\r\n")),
        attack("a header's value in drops", &[&part[..], b"X: "].concat(), drip.step(b"a")),
        attack("a request line in drops", b"GET /", drip.step(b"a")),
        attack("empty lines in drops", b"\r\n", drip.step(b"\r\n")),
        attack("a body in drops", &announced, drip.step(b" ")),
        attack("chunks in drops", &chunked, drip.step(b"1\r\n \r\n")),
        attack("a chunk size in drops", &chunked, drip.step(b"0")),
        attack("a head that stops", &part, Step::Pause(drip.limit)),
        attack("a body that stops", &announced, Step::Pause(drip.limit)),
        attack("a chunk that stops", &[&chunked[..], b"ff\r\n{"].concat(), Step::Pause(drip.limit)),
        attack("nothing at all", b"", Step::Pause(drip.limit)),
    ]
}
