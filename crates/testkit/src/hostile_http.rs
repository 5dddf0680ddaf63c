//! HTTP clients that mean harm: each attack is a list of steps and what a sound server may do about it. Attacks come in
//! tables (framing, volume, slowness, wrong tensors); idle connections and clients that vanish are functions.

pub mod crowd;
mod exchange;
pub mod framing;
pub mod slow;
pub mod tensors;
pub mod volume;

use std::net::SocketAddr;
use std::time::Duration;

pub use exchange::Message;

use crate::load::Target;

/// What the attacks aim at.
#[derive(Debug, Clone)]
pub struct Aim {
    /// The server and a path; what has to be behind the path is said at each table.
    pub target: Target,
    /// Further header lines of every request, each with its line end: a key, for instance.
    pub extra: String,
}

impl Aim {
    /// Without further headers.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target, extra: String::new() }
    }

    /// The head of a request up to the given lines; each line needs its line end, and the empty line is theirs too.
    pub(crate) fn head(&self, method: &str, lines: &str) -> Vec<u8> {
        let Target { host, path, .. } = &self.target;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{}{lines}", self.extra).into_bytes()
    }

    /// A whole `POST` of JSON; the connection is to be closed after it.
    pub(crate) fn post(&self, lines: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        let mut bytes = self
            .head("POST", &format!("{lines}Connection: close\r\nContent-Length: {length}\r\n\r\n"));
        bytes.extend_from_slice(body);
        bytes
    }
}

/// One thing a client does.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends the same bytes again and again, until the server answers or ends the connection.
    Repeat {
        /// What is sent each time.
        bytes: Vec<u8>,
        /// How often at most.
        times: u64,
        /// The pause after each time.
        pause: Duration,
    },
    /// Waits, unless the server answers.
    Pause(Duration),
    /// Waits for an interim answer (`100 Continue`) for so long; the steps that follow are left out without one.
    AwaitInterim(Duration),
    /// Ends the writing half of the connection.
    EndWriting,
}

/// What a sound server may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// One answer with status 200.
    Answer,
    /// This many answers with status 200, in one connection.
    Answers(usize),
    /// One answer that says what is wrong: status 400 to 499, 501 or 505.
    Refusal,
    /// A refusal, or the end of the connection without an answer.
    RefusalOrEnd,
    /// A refusal, or one answer and then the end of the connection: nothing that follows may be taken for a request.
    OneThenEnd,
    /// One answer, 200 or a refusal: both are defensible.
    Either,
    /// Anything but two answers, a failure (status 500) or an open connection without an answer.
    Survival,
}

/// An attack: what is done, and what a sound server may do.
#[derive(Debug, Clone)]
pub struct Attack {
    /// A name for reports.
    pub name: String,
    /// What is done.
    pub steps: Vec<Step>,
    /// What a sound server may do.
    pub want: Want,
}

impl Attack {
    /// An attack of several steps.
    #[must_use]
    pub fn new(name: impl Into<String>, want: Want, steps: Vec<Step>) -> Self {
        Self { name: name.into(), steps, want }
    }

    /// An attack that sends bytes at once.
    #[must_use]
    pub fn send(name: impl Into<String>, want: Want, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(name, want, vec![Step::Send(bytes.into())])
    }

    /// Does it, and waits for the end of the connection or a whole answer (and a moment longer: a second answer would
    /// be telling), at most `patience` beyond the last step.
    ///
    /// # Errors
    /// Where there is no connection.
    pub fn run(&self, address: SocketAddr, patience: Duration) -> std::io::Result<Outcome> {
        exchange::run(self, address, patience)
    }
}

/// How a connection stood at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server kept it open.
    Open,
    /// The server closed it.
    Closed,
    /// It was reset.
    Reset,
}

/// What came of an attack.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The attack's name.
    pub name: String,
    /// What a sound server may do.
    pub want: Want,
    /// The final answers, in order.
    pub answers: Vec<Message>,
    /// Interim answers (`100 Continue`).
    pub interim: usize,
    /// How the connection stood at the end.
    pub end: End,
    /// The server sent something that is not HTTP, or an answer that is not whole.
    pub garbled: bool,
    /// From the connection to the end of the attack.
    pub elapsed: Duration,
    /// From the connection to the first byte from the server.
    pub first_byte: Option<Duration>,
    /// Bytes that the attack sent.
    pub sent: u64,
    /// Bytes that the server sent.
    pub received: u64,
}

impl Outcome {
    /// The first answer's status.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.answers.first().map(|answer| answer.status)
    }

    /// The first answer's body; empty without one.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.answers.first().map_or(&[], |answer| &answer.body)
    }

    /// Whether the server did what a sound one may do; else what it did.
    ///
    /// # Errors
    /// A line that names the attack, what was wanted and what was seen.
    pub fn verdict(&self) -> Result<(), String> {
        let statuses: Vec<u16> = self.answers.iter().map(|answer| answer.status).collect();
        let refused = |status: u16| (400..500).contains(&status) || matches!(status, 501 | 505);
        let one = match statuses[..] {
            [status] => Some(status),
            _ => None,
        };
        let hung_up = statuses.is_empty() && self.end != End::Open;
        let sound = match self.want {
            Want::Answer => one == Some(200),
            Want::Answers(count) => statuses.len() == count && statuses.iter().all(|s| *s == 200),
            Want::Refusal => one.is_some_and(refused),
            Want::RefusalOrEnd => one.is_some_and(refused) || hung_up,
            Want::OneThenEnd => {
                let answered = one.is_some_and(|status| status == 200 && self.end != End::Open);
                one.is_some_and(refused) || answered || hung_up
            }
            Want::Either => one.is_some_and(|status| status == 200 || refused(status)),
            Want::Survival => one.is_some_and(|status| status < 500 || refused(status)) || hung_up,
        };
        if sound && !self.garbled {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.body()[..self.body().len().min(200)]).into_owned();
        Err(format!(
            "{}: wanted {:?}, saw answers {statuses:?}, connection {:?}, garbled {}, after {:?}, {} bytes sent: {text}",
            self.name, self.want, self.end, self.garbled, self.elapsed, self.sent
        ))
    }
}

/// Runs a table and collects what was not sound, one line each; `seen` gets every outcome.
///
/// # Errors
/// Where there is no connection any more.
pub fn run_all(
    attacks: &[Attack],
    address: SocketAddr,
    patience: Duration,
    mut seen: impl FnMut(&Outcome),
) -> std::io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for attack in attacks {
        let outcome = attack.run(address, patience)?;
        faults.extend(outcome.verdict().err());
        seen(&outcome);
    }
    Ok(faults)
}

#[cfg(test)]
mod tests;
