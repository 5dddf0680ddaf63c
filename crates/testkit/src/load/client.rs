//! One client: takes its next start from the schedule, sends, reads, notes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::connection::{Answer, Connection, Failure};
use super::schedule::Schedule;
use super::{Pace, Plan};

/// After a failure to connect, so that a server that is down is not asked a million times.
const PAUSE_AFTER_NO_CONNECTION: Duration = Duration::from_millis(10);
/// How often a client that waits for its time looks whether the run was stopped.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// One answered request. Small: an hour under load has millions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// When the answer was there, in milliseconds since the beginning.
    pub(super) at_ms: u32,
    /// From the intended start to the whole answer.
    pub(super) micros: u32,
    /// From the intended start to the real one.
    pub(super) lag_micros: u32,
    pub(super) status: u16,
}

/// What one client, or all, noted.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) samples: Vec<Sample>,
    /// Failures and when, in milliseconds since the beginning.
    pub(super) failures: Vec<(u32, Failure)>,
    pub(super) wrong: u64,
    pub(super) first_wrong: Option<String>,
    pub(super) resent: u64,
    pub(super) connections: u64,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) cpu: Duration,
    pub(super) lost_clients: u64,
}

impl Log {
    pub(super) fn append(&mut self, mut other: Self) {
        self.samples.append(&mut other.samples);
        self.failures.append(&mut other.failures);
        self.wrong += other.wrong;
        self.first_wrong = self.first_wrong.take().or(other.first_wrong);
        self.resent += other.resent;
        self.connections += other.connections;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.cpu += other.cpu;
        self.lost_clients += other.lost_clients;
    }

    pub(super) fn failures_by_kind(&self) -> BTreeMap<Failure, u64> {
        let mut counts = BTreeMap::new();
        for (_, failure) in &self.failures {
            *counts.entry(*failure).or_default() += 1;
        }
        counts
    }
}

pub(super) struct Client {
    plan: Arc<Plan>,
    schedule: Arc<Schedule>,
    begun: Instant,
    /// Of the next request; clients begin at different ones.
    index: usize,
    connection: Option<Connection>,
    log: Log,
}

impl Client {
    pub(super) fn new(
        plan: Arc<Plan>,
        schedule: Arc<Schedule>,
        number: usize,
        begun: Instant,
    ) -> Self {
        Self { plan, schedule, begun, index: number, connection: None, log: Log::default() }
    }

    pub(super) fn run(mut self) -> Log {
        let closed = self.plan.pace == Pace::Closed;
        while let Some(start) = self.schedule.next(self.begun.elapsed()) {
            if self.plan.requests.is_empty() || (!closed && !self.wait_until(start)) {
                break;
            }
            // A closed loop has no lag: the start is when the client is ready to send.
            let real = self.begun.elapsed();
            let start = if closed { real } else { start };
            let index = self.index % self.plan.requests.len();
            self.index += 1;
            let result = self.send(index);
            let end = self.begun.elapsed();
            let at_ms = end.as_millis() as u32;
            match result {
                Ok(answer) => self.log.samples.push(Sample {
                    at_ms,
                    micros: micros(end.saturating_sub(start)),
                    lag_micros: micros(real.saturating_sub(start)),
                    status: answer.status,
                }),
                Err(failure) => {
                    self.log.failures.push((at_ms, failure));
                    if failure == Failure::Connect {
                        std::thread::sleep(PAUSE_AFTER_NO_CONNECTION);
                    }
                }
            }
            if self.connection.is_none() && !self.plan.reconnect && !self.plan.fresh_connections {
                break;
            }
        }
        self.log.cpu = thread_cpu();
        self.log
    }

    /// False when the run was stopped meanwhile.
    fn wait_until(&self, start: Duration) -> bool {
        loop {
            if self.schedule.is_stopped() {
                return false;
            }
            let wait = start.saturating_sub(self.begun.elapsed());
            if wait.is_zero() {
                return true;
            }
            std::thread::sleep(wait.min(LOOK_AGAIN));
        }
    }

    fn send(&mut self, index: usize) -> Result<Answer, Failure> {
        let kept = self.connection.is_some();
        match self.send_once(index) {
            Err(Failure::Closed | Failure::Reset) if kept && self.plan.resend => {
                self.log.resent += 1;
                self.send_once(index)
            }
            other => other,
        }
    }

    /// The connection stays only after an answer that allows for another.
    fn send_once(&mut self, index: usize) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let connection = Connection::open(self.plan.address, self.plan.patience)?;
                self.log.connections += 1;
                connection
            }
        };
        let request = &self.plan.requests[index];
        self.log.bytes_sent += request.bytes().len() as u64;
        let answer = connection.exchange(request)?;
        self.log.bytes_received += answer.bytes as u64;
        if let Some(check) = &self.plan.check
            && let Err(why) = check(index, answer.status, connection.body())
        {
            self.log.wrong += 1;
            self.log.first_wrong.get_or_insert(why);
        }
        if answer.keep_alive && !self.plan.fresh_connections {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

/// Processor time of the calling thread so far, where Linux tells it.
fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
