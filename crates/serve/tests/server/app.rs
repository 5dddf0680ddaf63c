//! The application under test: operations that wait, compute, draw, hold and panic, and a server of
//! them on a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strata_serve::keys::Scope;
use strata_serve::settings::ServerSettings;
use strata_serve::{
    App, Asset, Call, JobDoor, Kind, Kit, Mine, Nothing, Operation, Problem, Running, ServeError,
    Service, WarmUp,
};
use strata_testkit::onnx::Model;
use strata_testkit::{CardSpec, write_card};

use crate::client::{self, Ask, Reply, SOON};

/// What the operations of a server have seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) started: AtomicUsize,
    pub(super) cancelled: AtomicUsize,
    pub(super) dropped: AtomicUsize,
    /// Lets everything that holds go on.
    pub(super) release: AtomicBool,
}

impl Seen {
    pub(super) fn release(&self) {
        self.release.store(true, Ordering::Release);
    }
}

/// Waits until something is so.
pub(super) fn until(what: &str, mut so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so() {
        assert!(started.elapsed() < SOON, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(super) fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::Acquire)
}

/// A server that is to be started.
pub(super) struct Setup {
    pub(super) settings: ServerSettings,
    pub(super) dir: tempfile::TempDir,
    pub(super) warm_up: WarmUp,
    pub(super) jobs: Vec<JobDoor>,
    pub(super) operations: Vec<Operation>,
    pub(super) services: Vec<Box<dyn Service>>,
}

impl Setup {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("models")).unwrap();
        let mut settings = ServerSettings::default();
        settings.server.bind = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.server.threads = 2;
        settings.models.sessions = 1;
        settings.jobs.dir = Some(dir.path().join("jobs"));
        settings.drain.not_ready_s = 0;
        settings.drain.finish_s = 10;
        settings.log.access = false;
        Self {
            settings,
            dir,
            warm_up: Box::new(|| Ok(())),
            jobs: Vec::new(),
            operations: Vec::new(),
            services: Vec::new(),
        }
    }

    pub(super) fn with(change: impl FnOnce(&mut ServerSettings)) -> Self {
        let mut setup = Self::new();
        change(&mut setup.settings);
        setup
    }

    /// Adds a model.
    pub(super) fn model(self, name: &str, model: &Model) -> Self {
        write_card(&self.models(), &CardSpec::new(name), model).unwrap();
        self
    }

    pub(super) fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    /// Starts it; it listens but is perhaps not ready.
    pub(super) fn listen(self) -> Server {
        self.try_listen().unwrap_or_else(|error| panic!("{error}"))
    }

    pub(super) fn try_listen(self) -> Result<Server, ServeError> {
        let Self { settings, dir, warm_up, jobs, operations: more, services } = self;
        let seen = Arc::new(Seen::default());
        let mut operations = operations(&seen);
        operations.extend(more);
        let parts = Parts { operations, jobs, warm_up, services };
        let running = start(settings, &dir.path().join("models"), parts)?;
        let (address, token) = (running.address(), None);
        Ok(Server { address, running: Some(running), dir, seen, token })
    }

    /// Starts it and waits until it is ready.
    pub(super) fn start(self) -> Server {
        let server = self.listen();
        until("ready", || server.get("/v2/health/ready").status == 200);
        server
    }
}

struct Parts {
    operations: Vec<Operation>,
    jobs: Vec<JobDoor>,
    warm_up: WarmUp,
    services: Vec<Box<dyn Service>>,
}

fn start(settings: ServerSettings, models: &Path, parts: Parts) -> Result<Running, ServeError> {
    let mine = Mine { serves: |_| true, featuriser: |_| None };
    let kit = Kit::new(settings, Some(models), mine)?;
    let page = &[Asset { path: "/", content_type: "text/html; charset=utf-8", bytes: PAGE }];
    let (name, title, description) = ("strata-test", "Test", "An application of a test.");
    let Parts { operations, jobs, warm_up, services } = parts;
    let app = App { name, title, description, operations, jobs, services, page, warm_up };
    strata_serve::start(kit, app)
}

pub(super) const PAGE: &[u8] = b"<!doctype html><title>The page</title>";

/// A server that runs; stopped when dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) running: Option<Running>,
    pub(super) dir: tempfile::TempDir,
    pub(super) seen: Arc<Seen>,
    /// The key that looks at the metrics.
    pub(super) token: Option<String>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.release();
        if let Some(running) = self.running.take() {
            running.stop();
            let _ = running.wait();
        }
    }
}

impl Server {
    pub(super) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(super) fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    pub(super) fn send(&self, ask: &Ask) -> Reply {
        client::send(self.address, ask)
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        self.send(&Ask::get(path))
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(&Ask::post(path, body))
    }

    /// Sends a request from another thread.
    pub(super) fn send_aside(&self, ask: Ask) -> std::thread::JoinHandle<Reply> {
        let address = self.address;
        std::thread::spawn(move || client::send(address, &ask))
    }

    /// A figure of `/metrics`; `None` where there is none.
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        let mut ask = Ask::get("/metrics");
        if let Some(token) = &self.token {
            ask = ask.header("authorization", &format!("Bearer {token}"));
        }
        let text = self.send(&ask).expect(200).text();
        let line = text
            .lines()
            .find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
        Some(line.rsplit(' ').next()?.parse().unwrap())
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Echo {
    text: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Echoed {
    text: String,
    request_id: String,
    caller: String,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    a: i64,
    b: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Total {
    total: i64,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Size {
    size: usize,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Status {
    status: u16,
}

fn operations(seen: &Arc<Seen>) -> Vec<Operation> {
    let mut all = vec![
        Operation::post("echo", "/v1/echo").about("Test", "Echo", "").waits(echo),
        Operation::get("sum", "/v1/sum/{a}").about("Test", "Sum", "").computes(sum),
        Operation::get("draw", "/v1/draw/{size}")
            .about("Test", "Draw", "")
            .draws("image/svg+xml", draw),
        Operation::get("refuse", "/v1/refuse/{status}")
            .about("Test", "Refuse", "")
            .computes(refuse),
        Operation::get("secret", "/v1/secret")
            .about("Test", "For those with the scope read", "")
            .scope(Scope::Read)
            .computes(|_, _: Nothing| Ok(Total { total: 1 })),
    ];
    all.extend(troubles(seen));
    all
}

/// Operations that take as long as they are let, and that panic.
fn troubles(seen: &Arc<Seen>) -> Vec<Operation> {
    let (held, waited) = (Arc::clone(seen), Arc::clone(seen));
    vec![
        Operation::post("hold", "/v1/hold")
            .about("Test", "Compute until released", "")
            .computes(move |call, _: Nothing| hold(call, &held)),
        Operation::post("linger", "/v1/linger")
            .about("Test", "Wait until released", "")
            .waits(move |call, _: Nothing| linger(call, Arc::clone(&waited))),
        Operation::post("panic_computing", "/v1/panic/computing")
            .about("Test", "Panic on a thread", "")
            .computes(|_, _: Nothing| -> Result<Total, Problem> { panic!("the sky falls") }),
        Operation::post("panic_waiting", "/v1/panic/waiting")
            .about("Test", "Panic while it waits", "")
            .waits(panic_later),
        Operation::post("panic_large", "/v1/panic/large")
            .about("Test", "Panic before there is anything to wait for", "")
            .waits(panic_at_once),
    ]
}

#[allow(clippy::needless_pass_by_value, reason = "what an operation takes")]
fn panic_at_once(_: Call, ask: Echo) -> std::future::Ready<Result<Total, Problem>> {
    panic!("{} bytes are too many", ask.text.len())
}

async fn panic_later(_: Call, _: Nothing) -> Result<Total, Problem> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    panic!("there is something")
}

async fn echo(call: Call, ask: Echo) -> Result<Echoed, Problem> {
    let (request_id, caller) = (call.request_id, call.caller.name);
    Ok(Echoed { text: ask.text, request_id, caller })
}

fn sum(_: &Call, ask: Pair) -> Result<Total, Problem> {
    let total = ask.a.checked_add(ask.b);
    Ok(Total { total: total.ok_or_else(|| Problem::field("b", "the sum is too large"))? })
}

fn draw(_: &Call, ask: Size) -> Result<Vec<u8>, Problem> {
    Ok(format!("<svg>{}</svg>", " ".repeat(ask.size)).into_bytes())
}

fn refuse(_: &Call, ask: Status) -> Result<Total, Problem> {
    let all = [
        Kind::BadRequest,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::RequestTimeout,
        Kind::Conflict,
        Kind::TooLarge,
        Kind::UnsupportedMediaType,
        Kind::Unprocessable,
        Kind::TooManyRequests,
        Kind::HeadersTooLarge,
        Kind::Internal,
        Kind::Unavailable,
    ];
    let kind = all.into_iter().find(|kind| kind.status() == ask.status);
    let kind = kind.ok_or_else(|| Problem::field("status", "there is no such status"))?;
    Err(Problem::new(kind, "test", "as you asked")
        .with_remedy("ask for something else")
        .with_field("status", "it is refused")
        .retry(Duration::from_millis(1200)))
}

fn hold(call: &Call, seen: &Seen) -> Result<Total, Problem> {
    seen.started.fetch_add(1, Ordering::AcqRel);
    let started = Instant::now();
    while !seen.release.load(Ordering::Acquire) {
        if call.cancel.is_cancelled() {
            seen.cancelled.fetch_add(1, Ordering::AcqRel);
            return Err(Problem::new(Kind::Unavailable, "cancelled", "nobody wants it"));
        }
        assert!(started.elapsed() < 2 * SOON, "neither released nor cancelled");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(Total { total: 7 })
}

/// Notes that a future was dropped before its end.
struct Dropped(Arc<Seen>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.1 {
            self.0.dropped.fetch_add(1, Ordering::AcqRel);
        }
    }
}

async fn linger(call: Call, seen: Arc<Seen>) -> Result<Total, Problem> {
    let mut dropped = Dropped(Arc::clone(&seen), false);
    seen.started.fetch_add(1, Ordering::AcqRel);
    while !seen.release.load(Ordering::Acquire) && !call.cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    dropped.1 = true;
    Ok(Total { total: 8 })
}
