//! A server under test as its own process: started on a port that it keeps, ended in several ways, watched in `/proc`.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use strata_testkit::load::{Connection, Failure, Request, Target};

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long a connection may take to tell that its server went away.
const SETTLING: Duration = Duration::from_millis(250);

/// What a server is started with.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    /// Where the workspace lies: scenarios name files relative to it.
    pub(crate) folder: PathBuf,
    /// What it says goes here.
    pub(crate) log: PathBuf,
    pub(crate) address: SocketAddr,
}

/// A time in which a server was not there, and why.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    /// SIGKILL, against SIGTERM.
    pub(crate) killed: bool,
    pub(crate) from: Duration,
    /// When it was ready again; not yet, where there is none.
    pub(crate) until: Option<Duration>,
    /// From the new start to live and to ready.
    pub(crate) live_s: f64,
    pub(crate) ready_s: f64,
}

/// Memory and handles of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) resident_mb: f64,
    pub(crate) handles: u64,
    pub(crate) threads: u64,
    /// Changes with each start.
    pub(crate) life: u32,
}

/// A server of the fleet.
pub(crate) struct Unit {
    pub(crate) start: Start,
    begun: Instant,
    process: Mutex<Process>,
    outages: Mutex<Vec<Outage>>,
    samples: Mutex<Vec<Sample>>,
}

struct Process {
    child: Option<Child>,
    life: u32,
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(mut child) = locked(&self.process).child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A lock that a panic elsewhere does not take away: what it guards is whole between statements.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Unit {
    /// Starts a server and waits until it is ready.
    pub(crate) fn new(start: Start, begun: Instant) -> Result<Self> {
        let process = Mutex::new(Process { child: None, life: 0 });
        let (outages, samples) = (Mutex::default(), Mutex::default());
        let unit = Self { start, begun, process, outages, samples };
        unit.launch()?;
        Ok(unit)
    }

    /// Starts the process; seconds until it was live and until it was ready.
    fn launch(&self) -> Result<(f64, f64)> {
        let start = &self.start;
        let log = File::options().append(true).create(true).open(&start.log)?;
        let mut command = Command::new(&start.program);
        let settings = std::env::vars().map(|(name, _)| name).filter(|name| {
            name.starts_with("STRATA_")
                && !matches!(name.as_str(), "STRATA_CACHE" | "STRATA_SHARED")
        });
        settings.for_each(|name| {
            command.env_remove(name);
        });
        command
            .arg("serve")
            .args(["--bind", &start.address.to_string(), "--log-access=false"])
            .args(["--log-filter", "warn"])
            .args(&start.args)
            .envs(start.env.iter().cloned())
            .current_dir(&start.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let begun = Instant::now();
        let child = command.spawn().with_context(|| start.program.display().to_string())?;
        {
            let mut process = locked(&self.process);
            process.child = Some(child);
            process.life += 1;
        }
        let live = self.wait_for("/v2/health/live", begun)?;
        let ready = self.wait_for("/v2/health/ready", begun)?;
        Ok((live, ready))
    }

    fn wait_for(&self, path: &str, begun: Instant) -> Result<f64> {
        loop {
            if let Ok((200, _)) = self.get(path) {
                return Ok(begun.elapsed().as_secs_f64());
            }
            let ended = locked(&self.process).child.as_mut().map(Child::try_wait);
            if let Some(Ok(Some(status))) = ended {
                bail!("strata-{} ended: {status}; see {}", self.name(), self.start.log.display());
            }
            if begun.elapsed() > PATIENCE {
                bail!("strata-{}: {path} does not say 200 after {PATIENCE:?}", self.name());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.start.name
    }

    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A path of this server.
    pub(crate) fn target(&self, path: &str) -> Target {
        let address = self.start.address;
        Target { address, host: address.to_string(), path: path.to_owned() }
    }

    /// One request on its own connection: status and body.
    pub(crate) fn ask(&self, request: &Request) -> Result<(u16, Vec<u8>), Failure> {
        let mut connection = Connection::open(self.start.address, Duration::from_secs(60))?;
        let answer = connection.exchange(request)?;
        Ok((answer.status, connection.body().to_vec()))
    }

    pub(crate) fn get(&self, path: &str) -> Result<(u16, Vec<u8>), Failure> {
        self.ask(&Request::get(&self.target(path)))
    }

    /// The outage that a request from `from` until now fell into.
    pub(crate) fn outage(&self, from: Duration) -> Option<Outage> {
        let outages = locked(&self.outages);
        let over = |one: &&Outage| one.until.is_none_or(|until| until + SETTLING >= from);
        outages.iter().rev().find(over).cloned()
    }

    pub(crate) fn outages(&self) -> Vec<Outage> {
        locked(&self.outages).clone()
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        locked(&self.samples).clone()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) -> Result<()> {
        let id = locked(&self.process).child.as_ref().map(Child::id);
        let id = id.with_context(|| format!("strata-{} does not run", self.name()))?;
        let status = Command::new("kill").args(["-s", name, &id.to_string()]).status()?;
        if !status.success() {
            bail!("kill -s {name}: {status}");
        }
        Ok(())
    }

    /// Ends the process by a signal and starts another; how it ended.
    pub(crate) fn restart(&self, killed: bool) -> Result<ExitStatus> {
        let from = self.now();
        locked(&self.outages).push(Outage { killed, from, until: None, live_s: 0.0, ready_s: 0.0 });
        self.signal(if killed { "KILL" } else { "TERM" })?;
        let status = self.ended(Duration::from_secs(40))?;
        let launched = self.launch();
        if let Some(outage) = locked(&self.outages).last_mut() {
            // Also after a start that failed: what is not answered from here on is a fault of its own.
            outage.until = Some(self.now());
            if let Ok(times) = launched {
                (outage.live_s, outage.ready_s) = times;
            }
        }
        launched?;
        if !killed && !status.success() {
            bail!("strata-{} ended with {status} after SIGTERM", self.name());
        }
        Ok(status)
    }

    fn ended(&self, patience: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            let status = locked(&self.process).child.as_mut().map(Child::try_wait);
            if let Some(status) = status.transpose()?.flatten() {
                return Ok(status);
            }
            if begun.elapsed() > patience {
                bail!("strata-{} does not end within {patience:?}", self.name());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// SIGTERM at the end of the run.
    pub(crate) fn stop(&self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let status = self.ended(Duration::from_secs(60))?;
        locked(&self.process).child = None;
        Ok(status)
    }

    /// Looks at the process once.
    pub(crate) fn sample(&self) {
        let (id, life) = {
            let process = locked(&self.process);
            (process.child.as_ref().map(Child::id), process.life)
        };
        let Some(id) = id else { return };
        let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else { return };
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        // A process that has just ended has no memory.
        let (Some(kb), Some(threads)) = (field("VmRSS:"), field("Threads:")) else { return };
        let handles = std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
        locked(&self.samples).push(Sample {
            at: self.now(),
            resident_mb: kb as f64 / 1024.0,
            handles: handles as u64,
            threads,
            life,
        });
    }
}
