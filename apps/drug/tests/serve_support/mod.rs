//! What the tests of `serve` share: a server of this program, and what its clients ask for.
#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]

use std::ops::Deref;
use std::path::Path;

use serde_json::Value;
use strata_testkit::load::Target;
use strata_testkit::serve;

/// A running server; killed when dropped.
pub(crate) struct Server(serve::Server);

impl Deref for Server {
    type Target = serve::Server;

    fn deref(&self) -> &serve::Server {
        &self.0
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
        let program = serve::program(env!("CARGO_BIN_EXE_strata-drug"));
        let args = [&["--jobs-dir", serve::text(&jobs)], args].concat();
        Self(serve::Server::start_cold(program, &args))
    }

    pub(crate) fn wait_ready(&self) {
        self.until("ready", |server| server.get("/v2/health/ready").status == 200);
    }

    pub(crate) fn target(&self, path: &str) -> Target {
        Target::parse(&self.url(path)).expect("a URL")
    }

    /// Waits for the process to end; its exit code.
    pub(crate) fn wait(self) -> Option<i32> {
        self.0.wait()
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
