//! The server under test as its own process, and single questions to it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use strata_testkit::load::{Connection, Plan, Report, Request, Target, Until, run};

use crate::Bench;

/// How long a server may take to be ready.
const READY: Duration = Duration::from_secs(90);

/// A process that is killed when dropped.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: SocketAddr,
    /// The workspace whose models it serves.
    pub(crate) root: std::path::PathBuf,
}

impl Server {
    /// Starts a server on a free port with these settings and waits until it is ready.
    pub(crate) fn start(bench: &Bench, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(&bench.program);
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--log-access=false", "--log-filter", "warn"])
            .arg("--jobs-dir")
            .arg(tempfile::tempdir_in(bench.folder.path())?.keep())
            .args(args)
            .current_dir(&bench.root)
            .stdout(Stdio::piped());
        let settings = std::env::vars_os().map(|(name, _)| name).filter(|name| {
            let name = name.to_string_lossy();
            name.starts_with("STRATA_") && !matches!(&*name, "STRATA_CACHE" | "STRATA_SHARED")
        });
        settings.for_each(|name| {
            command.env_remove(name);
        });
        let program = || bench.program.display().to_string();
        let mut process = Process(command.spawn().with_context(program)?);
        let mut out = BufReader::new(process.0.stdout.take().context("no standard output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.split("://").nth(1).and_then(|rest| rest.split(';').next());
        let address = address.and_then(|text| text.parse().ok());
        let address = address.with_context(|| format!("{line:?} has no address"))?;
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        wait_ready(address, "/v2/health/ready")?;
        Ok(Self { process, address, root: bench.root.clone() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) -> Result<()> {
        let status = Command::new("kill").args(["-s", "TERM", &self.pid().to_string()]).status()?;
        if !status.success() {
            bail!("kill: {status}");
        }
        Ok(())
    }

    /// Waits for its end, not for ever.
    pub(crate) fn ended(mut self, patience: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.process.0.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("it did not end within {patience:?}")
    }
}

/// Waits until a path answers with 200.
pub(crate) fn wait_ready(address: SocketAddr, path: &str) -> Result<()> {
    let begun = Instant::now();
    loop {
        let why = match get(address, path) {
            Ok((200, _)) => return Ok(()),
            Ok((status, body)) => format!("{status}: {}", String::from_utf8_lossy(&body)),
            Err(error) => error.to_string(),
        };
        if begun.elapsed() > READY {
            bail!("not ready after {READY:?}: {why}");
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

/// A path of a server.
pub(crate) fn target(address: SocketAddr, path: &str) -> Result<Target> {
    Target::parse(&format!("http://{address}{path}")).map_err(|e| anyhow!("{e}"))
}

/// One request on its own connection: status and body.
pub(crate) fn ask(address: SocketAddr, request: &Request) -> Result<(u16, Vec<u8>)> {
    let failed = |failure: strata_testkit::load::Failure| anyhow!("no answer: {}", failure.name());
    let mut connection = Connection::open(address, Duration::from_secs(60)).map_err(failed)?;
    let answer = connection.exchange(request).map_err(failed)?;
    Ok((answer.status, connection.body().to_vec()))
}

/// A `GET`.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, Vec<u8>)> {
    ask(address, &Request::get(&target(address, path)?))
}

/// A closed loop for a time.
pub(crate) fn closed(
    address: SocketAddr,
    requests: &[Request],
    clients: usize,
    time: Duration,
) -> Result<Report> {
    Ok(run(Plan::new(address, requests.to_vec(), clients, Until::Elapsed(time)))?)
}

/// A free port with two free ports behind it.
pub(crate) fn free_ports() -> Result<u16> {
    for _ in 0..100 {
        let first = std::net::TcpListener::bind("127.0.0.1:0")?;
        let port = first.local_addr()?.port();
        let free = |port: Option<u16>| {
            port.is_some_and(|port| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok())
        };
        if free(port.checked_add(1)) && free(port.checked_add(2)) {
            return Ok(port);
        }
    }
    bail!("no three free ports in a row")
}
