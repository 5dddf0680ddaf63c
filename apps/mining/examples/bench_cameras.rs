//! Eight cameras on two cores: a clip replayed by each at five frames a second, one of them stalling, one changing size and
//! one dying again and again. Prints a line of JSON: latency, drops, restarts, memory over time, and whether every event
//! is in the journal, in the JSON lines and with the subscriber exactly once.
//!
//! `bench_cameras [SECONDS] [SCENARIO] [CLIP]`
#![allow(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};
use strata_mining::analysers::{Analysers, Streams};
use strata_mining::models::Folder;
use strata_mining::samples;
use strata_mining::sources::faulty::{Fault, FaultySource};
use strata_mining::watch::config::CameraConfig;
use strata_mining::watch::{Handle, Setup, Sources, WatchConfig, run};
use strata_vision::geometry::Size;
use strata_vision::video::FrameSource;

const CAMERAS: usize = 8;
const FPS: f64 = 5.0;
const WORKERS: usize = 2;
const STALL: Duration = Duration::from_secs(5);

/// The clip for all cameras; three of them fail in their own way.
struct Faulty;

impl Sources for Faulty {
    fn open(
        &self,
        camera: &CameraConfig,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn FrameSource>, String> {
        let inner = Streams.open(camera, stop)?;
        let fault = match camera.name.as_str() {
            "cam-6" => Fault::StallAfter(150),
            "cam-7" => Fault::ResizeAfter(100, Size::new(480, 300)),
            "cam-8" => Fault::DieAfter(200),
            _ => return Ok(inner),
        };
        Ok(Box::new(FaultySource::new(inner, fault, STALL * 4, Arc::clone(stop))))
    }
}

fn main() -> anyhow::Result<()> {
    // As the program does.
    strata_core::memory::share_arena();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seconds: f64 = args.first().map_or(Ok(600.0), |text| text.parse())?;
    let scenario = args.get(1).map_or("foreign-object", String::as_str);
    let clip = args.get(2).map_or("datasets/mining/foreign-object.avi", String::as_str);
    let clip = match Path::new(clip).is_file() {
        true => PathBuf::from(clip),
        false => samples::find(clip)?,
    };
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("cameras.toml");
    std::fs::write(&path, configuration(scenario, &clip.canonicalize()?))?;
    let config = WatchConfig::read(&path)?;
    let factory = Analysers::new(Arc::new(Folder::new(None, WORKERS)));
    let setup = Setup::new(config, Arc::new(Faulty));
    let over = Arc::new(AtomicBool::new(false));
    let (mut sampling, mut listening) = (None, None);
    let started = Instant::now();
    let summary = run(setup, &factory, |handle| {
        let (own, ended) = (handle.clone(), Arc::clone(&over));
        sampling = Some(std::thread::spawn(move || sample(&own, seconds, &ended)));
        listening = Some(std::thread::spawn(move || listen(&handle)));
    })?;
    let elapsed = started.elapsed().as_secs_f64();
    over.store(true, Ordering::Relaxed);
    let memory = sampling
        .context("not started")?
        .join()
        .map_err(|_| anyhow::anyhow!("the sampler failed"))?;
    let heard = listening
        .context("not started")?
        .join()
        .map_err(|_| anyhow::anyhow!("the listener failed"))?;
    let lines = keys(&std::fs::read_to_string(folder.path().join("events.jsonl"))?);
    let cameras: Vec<Value> = summary
        .status
        .cameras
        .iter()
        .zip(&summary.latency)
        .map(|(camera, latency)| {
            json!({
                "name": camera.name, "state": camera.state, "received": camera.received, "analysed": camera.analysed,
                "dropped": camera.dropped, "failed": camera.failed, "restarts": camera.restarts, "stalls": camera.stalls,
                "p50_ms": latency.p50_ms, "p95_ms": latency.p95_ms,
            })
        })
        .collect();
    let third = memory.len() / 3;
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64;
    println!(
        "{}",
        json!({
            "cameras": cameras, "seconds": elapsed, "scenario": scenario, "workers": WORKERS, "fps": FPS,
            "p50_ms": summary.overall.p50_ms, "p95_ms": summary.overall.p95_ms, "max_ms": summary.overall.max_ms,
            "passes": summary.status.passes, "changes": summary.changes, "delivered": summary.delivered,
            "jsonl_lines": lines.values().sum::<usize>(), "jsonl_twice": twice(&lines),
            "subscriber_changes": heard.values().sum::<usize>(), "subscriber_twice": twice(&heard),
            "jsonl_and_subscriber_equal": lines == heard && lines.len() as u64 == summary.changes,
            "memory_bytes": memory, "memory_second_third": mean(&memory[third..2 * third]),
            "memory_last_third": mean(&memory[2 * third..]), "cpu_seconds": cpu_seconds()?,
        })
    );
    Ok(())
}

fn configuration(scenario: &str, clip: &Path) -> String {
    let mut text = format!("[engine]\nworkers = {WORKERS}\nbatch = 4\n\n");
    for camera in 1..=CAMERAS {
        text += &format!(
            "[[camera]]\nname = \"cam-{camera}\"\nsource = {:?}\nfps = {FPS:?}\nloop = true\nstall_seconds = {:?}\n\n",
            clip.display().to_string(),
            STALL.as_secs_f64()
        );
    }
    text += &format!("[[scene]]\nname = \"scene\"\nscenario = {scenario:?}\n\n");
    text + "[outputs]\njsonl = \"events.jsonl\"\n\n[outputs.journal]\npath = \"events.db\"\n\n[outputs.snapshots]\ndir = \"snapshots\"\n"
}

/// Memory every ten seconds; stops the watch when its time is over.
fn sample(handle: &Handle, seconds: f64, over: &AtomicBool) -> Vec<u64> {
    let started = Instant::now();
    let mut memory = Vec::new();
    let mut next = 0.0;
    while !over.load(Ordering::Relaxed) {
        let now = started.elapsed().as_secs_f64();
        if now >= next {
            memory.extend(resident());
            next += 10.0;
            if let Ok(status) = handle.status() {
                let seen: u64 = status.cameras.iter().map(|camera| camera.analysed).sum();
                eprintln!("{now:.0} s: {seen} frames seen, {} changes", status.last_change);
            }
        }
        if now >= seconds {
            handle.stop();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    memory
}

/// Every change that a subscriber hears, by its key.
fn listen(handle: &Handle) -> BTreeMap<String, usize> {
    let mut heard = BTreeMap::new();
    let mut subscription = handle.subscribe(Some(0));
    while !subscription.is_over() {
        for change in subscription.next(Duration::from_millis(200)).unwrap_or_default() {
            *heard.entry(change.key).or_default() += 1;
        }
    }
    heard
}

/// How often each change is in the file.
fn keys(text: &str) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for line in text.lines() {
        let key = serde_json::from_str::<Value>(line)
            .ok()
            .and_then(|line| line["key"].as_str().map(str::to_owned));
        *keys.entry(key.unwrap_or_else(|| "not a change".to_owned())).or_default() += 1;
    }
    keys
}

fn twice(keys: &BTreeMap<String, usize>) -> usize {
    keys.values().filter(|&&count| count > 1).count()
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb * 1024)
}

fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').context("no name in /proc/self/stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks =
        |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Ok((ticks(11) + ticks(12)) / 100.0)
}
