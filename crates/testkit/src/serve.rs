//! A program's server as its own process on a free port, and a client of it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a server may take until something holds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Variables of the environment that a program under test keeps: where the ONNX Runtime and the shared data lie.
const KEPT: [&str; 2] = ["STRATA_CACHE", "STRATA_SHARED"];

/// A program without settings from outside.
#[must_use]
pub fn program(path: &str) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STRATA_")) {
        if !KEPT.contains(&name.as_str()) {
            command.env_remove(name);
        }
    }
    command
}

/// A path as an argument.
///
/// # Panics
/// For a path that is not UTF-8.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path of UTF-8")
}

/// A text as a part of an address.
#[must_use]
pub fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// `content-type`, empty where there is none.
    pub content_type: String,
    /// `etag`, empty where there is none.
    pub etag: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Expects the status, and shows the body where it is another.
    ///
    /// # Panics
    /// Where it is another.
    #[allow(clippy::return_self_not_must_use, reason = "the status is often all that is asked")]
    pub fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        assert_eq!(self.status, status, "{body}");
        self
    }

    /// Expects a problem of this status and code; what it says.
    ///
    /// # Panics
    /// Where it is another.
    #[allow(clippy::must_use_candidate, reason = "the code is often all that is asked")]
    pub fn problem(self, status: u16, code: &str) -> String {
        let problem = self.expect(status).json();
        assert_eq!(problem["code"], code, "{problem}");
        problem["detail"].as_str().expect("a text").to_owned()
    }
}

impl Server {
    /// Starts `program serve …` and waits until it is ready. See [`Server::start_cold`].
    ///
    /// # Panics
    /// Where it does not get ready.
    #[must_use]
    pub fn start(program: Command, args: &[&str]) -> Self {
        let server = Self::start_cold(program, args);
        server.until("ready", |server| server.get("/v2/health/ready").status == 200);
        server
    }

    /// Starts `program serve` with these arguments on a free port of the loopback, and waits until it listens.
    ///
    /// # Panics
    /// Where it does not.
    #[must_use]
    pub fn start_cold(mut program: Command, args: &[&str]) -> Self {
        program
            .args(["serve", "--bind", "127.0.0.1:0", "--log-access=false", "--log-filter", "warn"])
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = program.spawn().expect("the program starts");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        said.read_line(&mut line).expect("a line");
        let address = line.split_once("http://").map(|(_, rest)| rest);
        let address = address.and_then(|rest| rest.split([';', ' ', '\n']).next());
        let mut errors = child.stderr.take().expect("piped");
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let _ = child.kill();
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            panic!("no address in {line:?}: {text}");
        };
        // A full pipe would stop the server.
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { child, address }
    }

    /// Waits until something holds.
    ///
    /// # Panics
    /// Where it does not within a minute.
    pub fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            let why = self.get("/v2/health/ready").text();
            assert!(started.elapsed() < PATIENCE, "not {what}: {why}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request of any kind.
    ///
    /// # Panics
    /// Where no answer comes.
    #[must_use]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build();
        let agent: ureq::Agent = config.into();
        let answer = if body.is_empty() {
            agent.run(request.body(()).expect("a request"))
        } else {
            agent.run(request.body(body).expect("a request"))
        };
        let mut answer = answer.expect("an answer");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map_or("", |value| value.to_str().expect("text")).to_owned()
        };
        let (content_type, etag) = (header("content-type"), header("etag"));
        let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
        Reply { status: answer.status().as_u16(), content_type, etag, body }
    }

    /// `GET`.
    #[must_use]
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    /// `POST` of bytes.
    #[must_use]
    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.send("POST", path, &[("content-type", content_type)], body)
    }

    /// `POST` of JSON.
    #[must_use]
    pub fn json(&self, path: &str, body: &Value) -> Reply {
        self.post(path, "application/json", body.to_string().as_bytes())
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], b"")
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Panics
    /// Where there are no signals.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the process to end; its exit code.
    ///
    /// # Panics
    /// Where it cannot be waited for.
    #[must_use]
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("waited for").code()
    }

    /// Tells the server to stop, and waits for its end; its exit code.
    ///
    /// # Panics
    /// Where it cannot be told.
    #[must_use]
    pub fn stop(self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }
}
