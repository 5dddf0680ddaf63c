//! The four servers of a soak: what each is started with, what it is asked, what work it is given, what can be done to it.

mod drug;
mod gov;
mod mining;
mod weather;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use strata_testkit::load::Request;

use super::clock::Clock;
use super::compare::{Golden, Like};
use super::disk::Disk;
use super::schedule::Event;
use super::unit::{Start, Unit, locked};
use super::work::Job;

/// How long a server may take to notice that there is room again.
const AFTER_FULL: Duration = Duration::from_secs(10);

/// A request that is made again and again.
pub(crate) struct Ask {
    /// Begins with "no" or "bad" where the right answer is a refusal, with "list of" where it tells what is ready, which
    /// is less while a server starts.
    pub(crate) name: &'static str,
    /// How often, against the others.
    pub(crate) weight: u32,
    pub(crate) like: Like,
    pub(crate) request: Request,
}

/// A server with everything that belongs to it.
pub(crate) struct Server {
    pub(crate) unit: Unit,
    pub(crate) asks: Vec<(Ask, Golden)>,
    pub(crate) jobs: Vec<Job>,
    /// Documents are put, read and taken out.
    pub(crate) documents: bool,
    /// Models that are loaded anew, cut and replaced, by the names of their folders.
    pub(crate) models: &'static [&'static str],
    /// Paths of streams that do not end by themselves.
    pub(crate) streams: &'static [&'static str],
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    /// When the disk was full.
    full: Mutex<Vec<(Duration, Option<Duration>)>>,
}

/// Where things are.
pub(crate) struct Site {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// The folder of the programs.
    pub(crate) programs: PathBuf,
    /// A folder of our own.
    pub(crate) work: PathBuf,
    /// The ONNX Runtime library.
    pub(crate) library: PathBuf,
    pub(crate) begun: Instant,
}

/// What an application's part of the fleet says.
struct Part {
    name: &'static str,
    args: Vec<String>,
    models: &'static [&'static str],
    streams: &'static [&'static str],
    documents: bool,
    asks: fn(&Asking<'_>) -> Result<Vec<Ask>>,
    jobs: fn(&Site, &Unit) -> Result<Vec<Job>>,
}

/// Makes what a server needs, in a folder and on a disk of its own.
type Make = fn(&Site, &Path, &Disk) -> Result<Part>;

/// What asks are made with.
struct Asking<'a> {
    site: &'a Site,
    unit: &'a Unit,
}

impl Asking<'_> {
    fn get(&self, name: &'static str, weight: u32, like: Like, path: &str) -> Ask {
        Ask { name, weight, like, request: Request::get(&self.unit.target(path)) }
    }

    fn json(&self, name: &'static str, weight: u32, path: &str, body: &Value) -> Ask {
        let request = Request::json(&self.unit.target(path), &body.to_string());
        Ask { name, weight, like: Like::Json, request }
    }

    fn post(
        &self,
        (name, weight): (&'static str, u32),
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Ask {
        let kind = [("Content-Type", kind)];
        let request = Request::new("POST", &self.unit.target(path), &kind, body);
        Ask { name, weight, like: Like::Json, request }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        let path = self.site.root.join(path);
        std::fs::read(&path).with_context(|| path.display().to_string())
    }

    /// What every server is asked: its page, its document, its metrics, its health, and what it does not have.
    fn common(&self) -> Vec<Ask> {
        vec![
            self.get("page", 2, Like::Bytes, "/"),
            self.get("api document", 1, Like::Bytes, "/openapi.json"),
            self.get("metrics", 2, Like::Says("# EOF"), "/metrics"),
            self.get("ready", 2, Like::Json, "/v2/health/ready"),
            self.get("no such path", 1, Like::Json, "/v1/nothing-of-that-name"),
            self.get("list of scenarios", 2, Like::Json, "/v1/scenarios"),
        ]
    }

    /// The golden example of a shipped model by the Open Inference Protocol, in JSON and as bytes; what the server says
    /// now must be what the example says.
    fn infer(&self, model: &str, names: [&'static str; 2]) -> Result<Vec<Ask>> {
        let golden: Value =
            serde_json::from_slice(&self.read(&format!("shared-models/{model}/golden.json"))?)?;
        let path = format!("/v2/models/{model}/infer");
        let (mut plain, mut heads, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
        for (name, tensor) in golden["inputs"].as_object().context("no inputs")? {
            let (kind, data) = (datatype(tensor)?, &tensor["data"]);
            let data = data.as_array().context("no data")?;
            let mut one = serde_json::json!({
                "name": name, "shape": tensor["shape"], "datatype": kind, "data": data,
            });
            plain.push(one.clone());
            let before = bytes.len();
            for number in data {
                match kind {
                    "FP32" => {
                        let number = number.as_f64().context("no number")? as f32;
                        bytes.extend(number.to_le_bytes());
                    }
                    _ => bytes.extend(number.as_i64().context("no whole number")?.to_le_bytes()),
                }
            }
            if let Some(fields) = one.as_object_mut() {
                fields.remove("data");
            }
            one["parameters"] = serde_json::json!({ "binary_data_size": bytes.len() - before });
            heads.push(one);
        }
        let ask = self.json(names[0], 6, &path, &serde_json::json!({ "inputs": plain }));
        self.is_golden(model, &ask.request, &golden)?;
        let head = serde_json::json!({
            "inputs": heads, "parameters": { "binary_data_output": true },
        })
        .to_string();
        let body = [head.as_bytes(), &bytes].concat();
        let request = Request::binary(&self.unit.target(&path), head.len(), &body);
        Ok(vec![ask, Ask { name: names[1], weight: 6, like: Like::Tensors, request }])
    }

    /// An answer that would be golden by itself proves nothing of the model: it must say what the card's example says.
    fn is_golden(&self, model: &str, request: &Request, golden: &Value) -> Result<()> {
        let (status, body) = self.unit.ask(request).map_err(|f| anyhow::anyhow!(f.name()))?;
        ensure!(status == 200, "{model}: {status}: {}", String::from_utf8_lossy(&body));
        let reply: Value = serde_json::from_slice(&body)?;
        for output in reply["outputs"].as_array().context("no outputs")? {
            let expected = &golden["outputs"][output["name"].as_str().unwrap_or_default()]["data"];
            let (got, expected) = (output["data"].as_array(), expected.as_array());
            let (got, expected) = got.zip(expected).context("no data")?;
            ensure!(got.len() == expected.len(), "{model}: not the golden shape");
            for (got, expected) in got.iter().zip(expected) {
                let (a, b) = (got.as_f64().unwrap_or(f64::NAN), expected.as_f64());
                let apart = (a - b.unwrap_or(f64::NAN)).abs();
                if apart.is_nan() || apart > 1e-3 * (1.0 + a.abs()) {
                    bail!("{model}: {got} where the golden example says {expected}");
                }
            }
        }
        Ok(())
    }
}

fn datatype(tensor: &Value) -> Result<&'static str> {
    match tensor["dtype"].as_str().unwrap_or("float32") {
        "float32" => Ok("FP32"),
        "int64" => Ok("INT64"),
        other => bail!("tensors of {other} are not sent here"),
    }
}

/// The servers there are.
pub(crate) const NAMES: [&str; 4] = ["drug", "mining", "gov", "weather"];

/// Starts the servers of these names: each one's data are made, it is started, and its golden answers are taken while all
/// is calm.
pub(crate) fn start(site: &Site, names: &[String]) -> Result<Vec<Server>> {
    if let Some(odd) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        bail!("there is no server {odd:?}; there are {}", NAMES.join(", "));
    }
    copy(&site.root.join("shared-models"), &site.work.join("models"))?;
    let makers: [Make; 4] = [drug::part, mining::part, gov::part, weather::part];
    let all = NAMES.iter().zip(makers);
    let wanted = all.filter(|(name, _)| names.is_empty() || names.iter().any(|n| n == *name));
    wanted.map(|(name, make)| one(site, name, make)).collect()
}

fn one(site: &Site, name: &str, make: fn(&Site, &Path, &Disk) -> Result<Part>) -> Result<Server> {
    let folder = site.work.join(name);
    std::fs::create_dir_all(&folder)?;
    let disk = Disk::new(&folder.join("disk"), 96)?;
    let clock = Clock::new(&folder.join("clock"))?;
    let part = make(site, &folder, &disk).with_context(|| format!("strata-{name}"))?;
    let mut args = vec!["--models-dir".to_owned(), site.work.join("models").display().to_string()];
    args.extend(["--drain-not-ready-s", "1", "--drain-finish-s", "20"].map(str::to_owned));
    args.extend(part.args);
    let mut env = clock.env();
    env.push(("ORT_DYLIB_PATH".to_owned(), site.library.display().to_string()));
    let start = Start {
        name: part.name,
        program: program(site, part.name),
        args,
        env,
        folder: site.root.clone(),
        log: folder.join("log"),
        address: free_address()?,
    };
    let unit = Unit::new(start, site.begun)?;
    let mut asks = Vec::new();
    let asking = Asking { site, unit: &unit };
    for ask in asking.common().into_iter().chain((part.asks)(&asking)?) {
        let golden = calm(&unit, &ask).with_context(|| format!("{name}: {}", ask.name))?;
        asks.push((ask, golden));
    }
    let jobs = (part.jobs)(site, &unit)?;
    let (documents, models, streams) = (part.documents, part.models, part.streams);
    let full = Mutex::default();
    Ok(Server { unit, asks, jobs, documents, models, streams, disk, clock, full })
}

/// The golden answer of a request: it must be the same twice.
fn calm(unit: &Unit, ask: &Ask) -> Result<Golden> {
    let answer = || unit.ask(&ask.request).map_err(|failure| anyhow::anyhow!(failure.name()));
    let (status, body) = answer()?;
    let golden = Golden::new(ask.like, status, &body).map_err(|why| anyhow::anyhow!(why))?;
    let (again, body) = answer()?;
    ensure!(again == status, "{status}, then {again}");
    golden.check(&body).map_err(|why| anyhow::anyhow!("two answers: {why}"))?;
    let refusal = ask.name.starts_with("no ") || ask.name.starts_with("bad ");
    ensure!((status == 200) != refusal, "{status}: {}", super::compare::shown(&body));
    Ok(golden)
}

impl Server {
    /// Why an event cannot happen to this server, where it cannot.
    pub(crate) fn cannot(&self, event: Event) -> Option<String> {
        match event {
            Event::FullDisk => self.disk.cannot(),
            Event::ClockAhead | Event::ClockBack => self.clock.cannot(),
            Event::Reload | Event::Truncate | Event::Replace if self.models.is_empty() => {
                Some("its models are opened by jobs, not held".to_owned())
            }
            _ => None,
        }
    }

    /// Fills the disk; how many bytes that took.
    pub(crate) fn fill(&self) -> Result<u64> {
        locked(&self.full).push((self.unit.now(), None));
        self.disk.fill()
    }

    /// Makes room again.
    pub(crate) fn make_room(&self) -> Result<()> {
        let made = self.disk.empty();
        if let Some(last) = locked(&self.full).last_mut() {
            last.1 = Some(self.unit.now());
        }
        made
    }

    /// Whether the disk was full, or had just been, between then and now.
    pub(crate) fn was_full(&self, from: Duration) -> bool {
        let over = |until: &Option<Duration>| until.is_some_and(|until| until + AFTER_FULL < from);
        locked(&self.full).iter().any(|(_, until)| !over(until))
    }
}

fn program(site: &Site, name: &str) -> PathBuf {
    site.programs.join(format!("strata-{name}{}", std::env::consts::EXE_SUFFIX))
}

/// Runs a program of ours to make what a server needs.
fn made(site: &Site, name: &str, args: &[&str]) -> Result<()> {
    let mut command = Command::new(program(site, name));
    command.args(args).current_dir(&site.root).env("ORT_DYLIB_PATH", &site.library);
    super::super::process::capture(&mut command).map(drop)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A port of the loopback that is free now; the server keeps it over its restarts.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
