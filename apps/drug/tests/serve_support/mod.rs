//! What the tests of `serve` share: a server as its own process, and a client.
#![allow(dead_code, reason = "each test program uses a part of this")]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use strata_testkit::load::Target;

use crate::screen_support::program;

/// A running server; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// Expects the status, and shows the body where it is another.
    pub(crate) fn expect(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]);
        assert_eq!(self.status, status, "{body}");
        self
    }
}

impl Server {
    /// Starts a server with the models of the repository and waits until it is ready.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        let server = Self::start_cold(dir, args);
        server.wait_ready();
        server
    }

    /// Starts a server and waits until it listens.
    pub(crate) fn start_cold(dir: &Path, args: &[&str]) -> Self {
        let jobs = dir.join("jobs");
        let mut command: Command = program();
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--log-access=false"])
            .args(["--log-filter", "warn", "--jobs-dir"])
            .arg(jobs)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STRATA_")) {
            if !matches!(name.as_str(), "STRATA_CACHE" | "STRATA_SHARED") {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("piped"));
        out.read_line(&mut line).expect("readable");
        let address = line.split("://").nth(1).and_then(|rest| rest.split(';').next());
        let Some(address) = address.and_then(|address| address.parse().ok()) else {
            let _ = child.kill();
            let mut text = String::new();
            let _ = child.stderr.take().expect("piped").read_to_string(&mut text);
            panic!("no address in {line:?}: {text}");
        };
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        let mut errors = child.stderr.take().expect("piped");
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        Self { child, address }
    }

    pub(crate) fn wait_ready(&self) {
        let started = Instant::now();
        while self.get("/v2/health/ready").status != 200 {
            let why = String::from_utf8_lossy(&self.get("/v2/health/ready").body).into_owned();
            assert!(started.elapsed() < Duration::from_secs(60), "not ready: {why}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        Target::parse(&self.url(path)).expect("a URL")
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        reply(agent().get(self.url(path)).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        reply(agent().delete(self.url(path)).call())
    }

    pub(crate) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let request = agent().post(self.url(path)).header("content-type", content_type);
        reply(request.send(body))
    }

    pub(crate) fn json(&self, path: &str, body: &Value) -> Reply {
        self.post(path, "application/json", body.to_string().as_bytes())
    }

    /// Sends a signal by its name, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for the process to end; its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("waited for").code()
    }

    /// Waits until a job is over.
    pub(crate) fn job(&self, id: &str) -> Value {
        let mut version = 0;
        loop {
            let job = self.get(&format!("/v1/jobs/{id}?version={version}")).expect(200).json();
            match job["state"].as_str() {
                Some("queued" | "running") => version = job["version"].as_u64().expect("a number"),
                _ => return job,
            }
        }
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn reply(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Reply {
    let mut answer = answer.expect("an answer");
    let content_type =
        answer.headers().get("content-type").map_or("", |v| v.to_str().expect("text"));
    let content_type = content_type.to_owned();
    let body = answer.body_mut().with_config().limit(1 << 30).read_to_vec().expect("a body");
    Reply { status: answer.status().as_u16(), content_type, body }
}

/// Text for a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}
