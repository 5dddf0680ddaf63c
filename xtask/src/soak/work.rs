//! Work that a server accepted and must not lose: jobs that are submitted, waited for, and compared with the golden result.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use strata_testkit::load::{Failure, Request};

use super::fleet::Server;
use super::record::Record;
use super::traffic::sleep;
use super::unit::{Unit, locked};

/// How long a job may take while all is calm.
const CALM: Duration = Duration::from_secs(300);
/// How long what is under way at the end of the run may take.
const AFTER: Duration = Duration::from_secs(180);
/// Finished jobs that stay, to be looked at again after the last restart.
const KEPT: usize = 4;
/// Bytes in which two right results may differ: the checksums of what names the job.
const LOOSE: usize = 64;

/// A kind of job, and what must come of it.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    pub(crate) request: Request,
    result: &'static str,
    golden: Expected,
}

/// The bytes of a result, and which of them may differ: a file that names its job has checksums of that, too.
struct Expected {
    bytes: Vec<u8>,
    loose: Vec<bool>,
}

impl Expected {
    /// Every byte counts.
    fn exactly(bytes: Vec<u8>) -> Self {
        Self { loose: vec![false; bytes.len()], bytes }
    }

    /// Where another right result differs, and around there: the checksums are of four bytes.
    fn loosen(&mut self, other: &[u8]) -> Result<(), String> {
        if other.len() != self.bytes.len() {
            return Err(format!("{} bytes, then {}", self.bytes.len(), other.len()));
        }
        let apart = (0..other.len()).filter(|at| other[*at] != self.bytes[*at]);
        let apart: Vec<usize> = apart.collect();
        if apart.len() > LOOSE {
            return Err(format!("two results differ in {} bytes", apart.len()));
        }
        for at in apart {
            let to = (at + 4).min(other.len());
            self.loose[at.saturating_sub(3)..to].fill(true);
        }
        Ok(())
    }

    fn is(&self, result: &[u8]) -> Result<(), String> {
        if result.len() != self.bytes.len() {
            return Err(format!("{} bytes where {} are right", result.len(), self.bytes.len()));
        }
        let wrong = |at: &usize| result[*at] != self.bytes[*at] && !self.loose[*at];
        match (0..result.len()).filter(wrong).count() {
            0 => Ok(()),
            count => Err(format!("{count} other bytes")),
        }
    }
}

/// A job that was accepted.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    pub(crate) server: &'static str,
    pub(crate) job: &'static str,
    pub(crate) id: String,
    pub(crate) accepted: Duration,
    pub(crate) ended: Option<Duration>,
    pub(crate) attempts: u64,
    pub(crate) state: State,
}

/// Where a promise is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    /// The result was fetched and is the golden one.
    Kept,
    /// It failed while the disk was full, and said so.
    DiskFull,
    /// Not there any more, failed, or with another result.
    Broken,
}

/// What became of the jobs.
#[derive(Default)]
pub(crate) struct Ledger {
    promises: Mutex<Vec<Promise>>,
    refused: Mutex<u64>,
}

impl Ledger {
    pub(crate) fn promises(&self) -> Vec<Promise> {
        locked(&self.promises).clone()
    }

    /// Submissions that were refused with 429 or 503.
    pub(crate) fn refused(&self) -> u64 {
        *locked(&self.refused)
    }
}

impl Job {
    /// A job whose result is known, from the command line.
    pub(crate) fn known(
        name: &'static str,
        unit: &Unit,
        path: &str,
        input: &[u8],
        (result, golden): (&'static str, Vec<u8>),
    ) -> Self {
        let kind = [("Content-Type", "application/octet-stream")];
        let request = Request::new("POST", &unit.target(path), &kind, input);
        Self { name, request, result, golden: Expected::exactly(golden) }
    }

    /// A job whose first results, while all is calm, are the golden ones: two of them, that must be the same.
    pub(crate) fn tried(
        name: &'static str,
        unit: &Unit,
        path: &str,
        input: &[u8],
        result: &'static str,
    ) -> Result<Self> {
        let mut job = Self::known(name, unit, path, input, (result, Vec::new()));
        job.golden = Expected::exactly(job.once(unit).with_context(|| name.to_owned())?);
        for _ in 0..2 {
            let again = job.once(unit)?;
            job.golden.loosen(&again).map_err(|why| anyhow::anyhow!("{name}: {why}"))?;
        }
        Ok(job)
    }

    fn once(&self, unit: &Unit) -> Result<Vec<u8>> {
        let begun = Instant::now();
        let id = match submit(unit, &self.request) {
            Submitted::Accepted(id) => id,
            Submitted::Refused => bail!("it was refused"),
            Submitted::Odd(what) => bail!("{what}"),
            Submitted::Nothing(failure) => bail!("no answer: {}", failure.name()),
        };
        while begun.elapsed() < CALM {
            match look(unit, &id) {
                Looked::Done { .. } => return self.fetch(unit, &id).map_err(anyhow::Error::msg),
                Looked::Running => std::thread::sleep(Duration::from_millis(100)),
                other => bail!("{other:?}"),
            }
        }
        bail!("not done after {CALM:?}")
    }

    /// The result without what names the job.
    fn fetch(&self, unit: &Unit, id: &str) -> Result<Vec<u8>, String> {
        match unit.get(&format!("/v1/jobs/{id}/files/{}", self.result)) {
            Ok((200, body)) => Ok(masked(body, id)),
            Ok((status, body)) => Err(format!("{status}: {}", super::compare::shown(&body))),
            Err(failure) => Err(failure.name().to_owned()),
        }
    }
}

/// A file may say which job wrote it.
fn masked(mut bytes: Vec<u8>, id: &str) -> Vec<u8> {
    let id = id.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| find(rest, id)) {
        bytes[at + found..at + found + id.len()].fill(b'0');
        at += found + id.len();
    }
    bytes
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() { None } else { bytes.windows(part.len()).position(|some| some == part) }
}

/// What came of a submission.
enum Submitted {
    Accepted(String),
    /// 429 or 503.
    Refused,
    /// Another answer, in words.
    Odd(String),
    Nothing(Failure),
}

fn submit(unit: &Unit, request: &Request) -> Submitted {
    match unit.ask(request) {
        Ok((202, body)) => {
            let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
            match reply["id"].as_str() {
                Some(id) => Submitted::Accepted(id.to_owned()),
                None => Submitted::Odd(super::compare::shown(&body)),
            }
        }
        Ok((429 | 503, _)) => Submitted::Refused,
        Ok((status, body)) => Submitted::Odd(format!("{status}: {}", super::compare::shown(&body))),
        Err(failure) => Submitted::Nothing(failure),
    }
}

/// What a look at a job shows.
#[derive(Debug)]
enum Looked {
    Running,
    Done {
        attempts: u64,
    },
    Failed {
        code: String,
        message: String,
    },
    Gone,
    /// 429, 503, or no answer: look again.
    Unknown(Result<u16, Failure>),
}

fn look(unit: &Unit, id: &str) -> Looked {
    match unit.get(&format!("/v1/jobs/{id}")) {
        Ok((200, body)) => {
            let job: Value = serde_json::from_slice(&body).unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            match job["state"].as_str() {
                Some("queued" | "running") => Looked::Running,
                Some("done") => Looked::Done { attempts: job["attempt"].as_u64().unwrap_or(0) },
                _ => Looked::Failed {
                    code: text(&job["error"]["code"]),
                    message: text(&job["error"]["message"]),
                },
            }
        }
        Ok((404, _)) => Looked::Gone,
        Ok((status, _)) => Looked::Unknown(Ok(status)),
        Err(failure) => Looked::Unknown(Err(failure)),
    }
}

/// Submits the jobs of a server in turns, one every `every`, and looks after all that were accepted; after the end of the
/// run, until the last is over.
pub(crate) fn worker(
    server: &Server,
    (record, ledger): (&Record, &Ledger),
    every: Duration,
    stop: &AtomicBool,
) {
    let mut turns = server.jobs.iter().cycle();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next = Instant::now() + every;
            if let Some(job) = turns.next() {
                hand_in(server, job, record, ledger);
            }
        }
        attend(server, record, ledger);
        sleep(Duration::from_secs(1), stop);
    }
}

fn hand_in(server: &Server, job: &Job, record: &Record, ledger: &Ledger) {
    let (unit, from) = (&server.unit, server.unit.now());
    match submit(unit, &job.request) {
        Submitted::Accepted(id) => locked(&ledger.promises).push(Promise {
            server: unit.name(),
            job: job.name,
            id,
            accepted: from,
            ended: None,
            attempts: 0,
            state: State::Waiting,
        }),
        Submitted::Refused => *locked(&ledger.refused) += 1,
        // What was not answered was not promised.
        Submitted::Nothing(_) if unit.outage(from).is_some() => {}
        Submitted::Nothing(failure) => {
            let what = format!("{} submitted: no answer: {}", job.name, failure.name());
            record.fault(from, unit.name(), what);
        }
        Submitted::Odd(what) => {
            record.fault(from, unit.name(), format!("{} submitted: {what}", job.name));
        }
    }
}

/// Looks once at every job of a server that is not over.
fn attend(server: &Server, record: &Record, ledger: &Ledger) {
    let name = server.unit.name();
    let waiting = ledger.promises().into_iter().enumerate();
    for (at, promise) in waiting.filter(|(_, p)| p.server == name && p.state == State::Waiting) {
        let from = server.unit.now();
        let (state, attempts, why) = judged(server, &promise, from);
        if let Some(why) = why {
            record.fault(from, name, format!("job {} ({}): {why}", promise.id, promise.job));
        }
        if state == State::Waiting {
            continue;
        }
        if let Some(kept) = locked(&ledger.promises).get_mut(at) {
            (kept.state, kept.attempts, kept.ended) = (state, attempts, Some(from));
        }
        clear(server, ledger);
    }
}

/// The state of a job, its attempts, and what is wrong with it.
fn judged(server: &Server, promise: &Promise, from: Duration) -> (State, u64, Option<String>) {
    let unit = &server.unit;
    let job = server.jobs.iter().find(|job| job.name == promise.job);
    match (look(unit, &promise.id), job) {
        (Looked::Done { attempts }, Some(job)) => match job.fetch(unit, &promise.id) {
            Ok(result) => match job.golden.is(&result) {
                Ok(()) => (State::Kept, attempts, None),
                Err(why) => (State::Broken, attempts, Some(format!("another result: {why}"))),
            },
            // The server went away in between: look again.
            Err(_) if unit.outage(from).is_some() => (State::Waiting, 0, None),
            Err(why) => (State::Broken, attempts, Some(format!("no result: {why}"))),
        },
        (Looked::Failed { .. }, _) if server.was_full(promise.accepted) => {
            (State::DiskFull, 0, None)
        }
        (Looked::Failed { code, message }, _) => {
            (State::Broken, 0, Some(format!("failed: {code}: {message}")))
        }
        (Looked::Gone, _) => (State::Broken, 0, Some("lost: the server does not know it".into())),
        (Looked::Unknown(Ok(429 | 503)), _) | (Looked::Running, _) => (State::Waiting, 0, None),
        (Looked::Unknown(_), _) if unit.outage(from).is_some() => (State::Waiting, 0, None),
        (odd, _) => (State::Waiting, 0, Some(format!("{odd:?}"))),
    }
}

/// Deletes the oldest finished jobs beyond those that stay, so that the disk does not fill by itself.
fn clear(server: &Server, ledger: &Ledger) {
    let name = server.unit.name();
    let mut promises = locked(&ledger.promises);
    let mut there: Vec<&mut Promise> = promises
        .iter_mut()
        .filter(|p| p.server == name && p.state == State::Kept && !p.id.is_empty())
        .collect();
    let surplus = there.len().saturating_sub(KEPT);
    for promise in there.iter_mut().take(surplus) {
        let path = format!("/v1/jobs/{}", promise.id);
        let request = Request::new("DELETE", &server.unit.target(&path), &[], b"");
        if let Ok((204, _)) = server.unit.ask(&request) {
            promise.id.clear();
        }
    }
}

/// After the run: waits for what is under way, and looks again at what was finished and kept.
pub(crate) fn settle(server: &Server, record: &Record, ledger: &Ledger) {
    let name = server.unit.name();
    let begun = Instant::now();
    let waits = || ledger.promises().iter().any(|p| p.server == name && p.state == State::Waiting);
    while waits() && begun.elapsed() < AFTER {
        attend(server, record, ledger);
        std::thread::sleep(Duration::from_millis(300));
    }
    for promise in ledger.promises().iter().filter(|p| p.server == name && !p.id.is_empty()) {
        let now = server.unit.now();
        let fault = |what: &str| {
            record.fault(now, name, format!("job {} ({}): {what}", promise.id, promise.job));
        };
        match promise.state {
            State::Waiting => fault("accepted, and not over long after the run"),
            State::Kept => {
                let (state, _, why) = judged(server, promise, now);
                if state != State::Kept {
                    fault(&format!("was finished before the last restart, and now: {why:?}"));
                }
            }
            State::DiskFull | State::Broken => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_may_differ_where_two_right_ones_did() {
        let mut expected = Expected::exactly(b"values 1 checksum abcd".to_vec());
        assert_eq!(expected.is(b"values 1 checksum abcd"), Ok(()));
        assert!(expected.is(b"values 1 checksum abce").is_err());
        expected.loosen(b"values 1 checksum abxd").unwrap();
        assert_eq!(expected.is(b"values 1 checksum wxyz"), Ok(()));
        assert!(expected.is(b"values 2 checksum abcd").is_err());
        assert!(expected.is(b"values 1").is_err());
        assert!(expected.loosen(b"values 1").is_err());
        assert!(Expected::exactly(vec![0; 100]).loosen(&[1; 100]).is_err());
    }

    #[test]
    fn the_name_of_a_job_does_not_count_in_its_result() {
        let text = |id: &str| masked(format!("by {id}, {id}!").into_bytes(), id);
        assert_eq!(text("abc"), text("xyz"));
        assert_eq!(text("abc"), b"by 000, 000!");
        assert_eq!(masked(b"abc".to_vec(), ""), b"abc");
    }
}
