//! Eclipse Mosquitto as a program of its own, on a free port of the loopback address.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);
/// Another program may take the port between its choice and the start.
const TRIES: usize = 5;

/// A broker that runs; killed when dropped.
pub struct Mosquitto {
    program: PathBuf,
    dir: tempfile::TempDir,
    address: SocketAddr,
    child: Option<Child>,
}

impl Mosquitto {
    /// The program, in `PATH` or where systems put servers.
    #[must_use]
    pub fn find() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].map(PathBuf::from);
        let mut places = std::env::split_paths(&path).chain(usual);
        places.find_map(|dir| Some(dir.join("mosquitto")).filter(|program| program.is_file()))
    }

    /// Starts it; it listens when this returns.
    ///
    /// # Errors
    /// A program that does not start.
    pub fn start(program: &Path) -> io::Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            let (program, dir) = (program.to_owned(), tempfile::tempdir()?);
            let mut broker = Self { program, dir, address, child: None };
            match broker.restart() {
                Ok(()) => return Ok(broker),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::Error::other("it was never tried")))
    }

    /// Where it listens, also while it is down.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it: no wills, and nobody listens at its address.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it anew at the same address; it keeps nothing on the disk.
    ///
    /// # Errors
    /// Where it ends at once, with what it said, or does not listen in time.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill();
        let (config, said) = (self.dir.path().join("mosquitto.conf"), self.dir.path().join("log"));
        let port = self.address.port();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n"
        );
        std::fs::write(&config, text)?;
        let log = std::fs::File::create(&said)?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn()?);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                let said = std::fs::read_to_string(&said).unwrap_or_default();
                return Err(io::Error::other(format!("mosquitto ended with {status}: {said}")));
            }
            // Its own line says that it is the one who listens.
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            if said.contains(" running") && TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::Error::other("mosquitto did not listen in time"))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}
