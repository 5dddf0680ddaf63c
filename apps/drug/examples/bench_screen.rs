//! Screens a library with every shipped model and prints one JSON line: molecules a second, microseconds a molecule
//! by stage, processor time and peak memory.
//!
//! `bench_screen [FILE [THREADS [MODELS]]]`; without a file it screens the demo library, four times over.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use strata_core::stream::Silent;
use strata_drug::input::InputSpec;
use strata_drug::scenario::Loaded;
use strata_drug::screen::{Job, ModelChoice, Screened, screen};

const MODELS: &str = "esol,lipophilicity,bbbp,bace,clintox,tox21,hiv";
const ROUNDS: usize = 4;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = tempfile::tempdir()?;
    let path = match args.next() {
        Some(path) => PathBuf::from(path),
        None => repeated(folder.path())?,
    };
    let threads = args.next().map_or(Ok(2), |n| n.parse())?;
    let models = args.next().unwrap_or_else(|| MODELS.into());
    let spec = InputSpec { path, format: None, smiles_column: None, id_column: None };
    let job = Job {
        input_name: None,
        input: spec,
        out: folder.path().join("out.csv"),
        scenario: Loaded::find("oral-drug-screen")?,
        reference: None,
        models: ModelChoice::Only(models.split(',').map(str::to_owned).collect()),
        models_dir: None,
        threads,
        top: 10,
        top_out: None,
        report: None,
        resume: false,
        overwrite: false,
    };
    let Screened::Complete(done) = screen(&job, &AtomicBool::new(false), &mut Silent)? else {
        bail!("the screening did not finish");
    };
    let (summary, times) = (&done.summary, &done.summary.times);
    let each = |time: Duration| round(time.as_secs_f64() * 1e6 / summary.rows.max(1) as f64);
    let line = serde_json::json!({
        "what": "screen", "models": models, "threads": threads, "molecules": summary.rows,
        "with_an_error": summary.rows - summary.good(), "molecules_per_second": round(summary.rate()),
        "us_per_molecule": {
            "read": each(times.source), "prepare": each(times.prepare), "infer": each(times.infer),
            "interpret": each(times.interpret), "store": each(times.sink), "write": each(summary.writing),
        },
        "processor_us_per_molecule": processor_seconds().map(|s| round(s * 1e6 / summary.rows.max(1) as f64)),
        "peak_memory_mb": peak_memory_mb(),
    });
    println!("{line}");
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// The demo library a few times over, so that loading the models does not dominate.
fn repeated(folder: &std::path::Path) -> Result<PathBuf> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../datasets/demo-library.smi");
    let text = std::fs::read_to_string(&source).with_context(|| source.display().to_string())?;
    let path = folder.join("library.smi");
    std::fs::write(&path, text.repeat(ROUNDS))?;
    Ok(path)
}

/// User and system time of this process so far, loading included; Linux only (100 ticks a second).
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Peak resident memory; Linux only.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(round(kilobytes / 1024.0))
}
