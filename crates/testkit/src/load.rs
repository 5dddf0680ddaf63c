//! A load generator for HTTP/1.1: prebuilt requests over keep-alive connections, one thread a client, a closed loop or
//! arrivals at a rate. It shares the machine with the server, so it does as little as it can for a request.

mod client;
mod connection;
mod report;
mod request;
mod schedule;
pub(crate) mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use connection::{Answer, Connection, Failure};
pub use report::{Latency, Report, Window};
pub use request::{Request, Target, TargetError};
pub use schedule::Pace;

use client::{Client, Log};
use schedule::Schedule;

/// Looks at one answer: the index of its request in [`Plan::requests`], the status, the body (empty where the status
/// announces none). An error counts the answer as wrong; the first one's text is kept.
pub type Check = Arc<dyn Fn(usize, u16, &[u8]) -> Result<(), String> + Send + Sync>;

/// When a run ends. Requests on their way are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// No request starts after this time.
    Elapsed(Duration),
    /// This many requests, over all clients.
    Requests(u64),
}

/// What to send, how fast, how long.
#[derive(Clone)]
pub struct Plan {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The requests; they are sent in turns.
    pub requests: Vec<Request>,
    /// Threads, one connection each. With a rate: the most requests that are under way at once.
    pub clients: usize,
    /// The next request when the last is answered, or at times of its own.
    pub pace: Pace,
    /// When the run ends.
    pub until: Until,
    /// How long a client waits for the next bytes of an answer before it gives up.
    pub patience: Duration,
    /// A new connection for every request.
    pub fresh_connections: bool,
    /// Goes on with a new connection after one was lost; without it that client ends.
    pub reconnect: bool,
    /// Sends a request once more, on a new connection, when a kept connection was closed before a byte of the answer
    /// came. HTTP clients do so, because a server may close an idle connection at any time.
    pub resend: bool,
    /// Looks at every answer.
    pub check: Option<Check>,
}

impl Plan {
    /// A closed loop of `clients` over `requests` for as long as `until` says; it reconnects and does not resend.
    #[must_use]
    pub fn new(address: SocketAddr, requests: Vec<Request>, clients: usize, until: Until) -> Self {
        Self {
            address,
            requests,
            clients,
            pace: Pace::Closed,
            until,
            patience: Duration::from_secs(30),
            fresh_connections: false,
            reconnect: true,
            resend: false,
            check: None,
        }
    }

    /// The same at a pace.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    /// The same with a look at every answer.
    #[must_use]
    pub fn check(
        mut self,
        check: impl Fn(usize, u16, &[u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Arc::new(check));
        self
    }
}

/// A run on its way; other things can be done to the server meanwhile.
pub struct Running {
    schedule: Arc<Schedule>,
    threads: Vec<JoinHandle<Log>>,
}

/// Starts a run.
///
/// # Errors
/// Where a thread cannot be had.
pub fn start(plan: Plan) -> std::io::Result<Running> {
    let begun = Instant::now();
    let clients = plan.clients.max(1);
    let schedule = Arc::new(Schedule::new(plan.pace, plan.until));
    let plan = Arc::new(plan);
    let mut threads = Vec::with_capacity(clients);
    for number in 0..clients {
        let client = Client::new(Arc::clone(&plan), Arc::clone(&schedule), number, begun);
        // A client needs little: hundreds of them must not cost hundreds of default stacks.
        let builder = std::thread::Builder::new().name(format!("load-{number}"));
        threads.push(builder.stack_size(256 * 1024).spawn(move || client.run())?);
    }
    Ok(Running { schedule, threads })
}

impl Running {
    /// Lets no further request start.
    pub fn stop(&self) {
        self.schedule.stop();
    }

    /// Whether every client has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end and adds up.
    #[must_use]
    pub fn finish(self) -> Report {
        let mut log = Log::default();
        for thread in self.threads {
            match thread.join() {
                Ok(one) => log.append(one),
                Err(_) => log.lost_clients += 1,
            }
        }
        Report::new(&mut log)
    }
}

/// Runs a plan to its end.
///
/// # Errors
/// Where a thread cannot be had.
pub fn run(plan: Plan) -> std::io::Result<Report> {
    Ok(start(plan)?.finish())
}

#[cfg(test)]
mod tests;
