//! Puts the server under load and prints one JSON object a measurement: batching against one by one, another server
//! beside ours, overload, draining, reloading, idle connections.
//!
//! `cargo run --release -p strata-drug --example bench_serve -- [SUITE…] [--quick]`. The server is the release binary as
//! its own process; under cargo it is built first. Load generator and server share the machine's cores.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

mod batching;
mod beside;
mod bodies;
mod dense;
mod drain;
mod duel;
mod figures;
mod idle;
mod overload;
mod peers;
mod process;
mod reload;
mod server;
mod windows;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum};
use serde_json::json;

/// Puts the server under load and prints one JSON object a measurement.
#[derive(Debug, Parser)]
#[command(name = "bench_serve")]
struct Args {
    /// What to measure; everything but `beside` unless given, `peers` only where their program is known
    suites: Vec<Suite>,
    /// Short runs that show whether it works; their figures mean little
    #[arg(long)]
    quick: bool,
    /// The server's program; without it the release binary beside this one, built anew under cargo
    #[arg(long)]
    program: Option<PathBuf>,
    /// MLServer's program, for `peers`
    #[arg(long, env = "STRATA_MLSERVER")]
    mlserver: Option<PathBuf>,
    /// For `beside`: the Python of MLServer's environment, in place of MLServer's program
    #[arg(long)]
    python: Option<PathBuf>,
    /// For `beside`: threads that run a model, on both sides
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// For `beside`: seconds of a window
    #[arg(long, default_value_t = 5.0)]
    window: f64,
    /// For `overload`: `default` or QUEUE_ITEMS:QUEUE_TIMEOUT_MS[:MAX_ROWS], the last of them for the longest time
    #[arg(long, value_delimiter = ',', default_value = "default")]
    overload_settings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    Batching,
    Peers,
    Beside,
    Overload,
    Drain,
    Reload,
    Idle,
}

/// What every suite is given.
pub(crate) struct Bench {
    /// The server's program.
    pub(crate) program: PathBuf,
    /// The workspace: models and molecules.
    pub(crate) root: PathBuf,
    /// For what the servers write.
    pub(crate) folder: tempfile::TempDir,
    /// Short runs.
    pub(crate) quick: bool,
    mlserver: Option<PathBuf>,
    overload_settings: Vec<String>,
}

impl Bench {
    /// A time for the real run and one for the quick run.
    pub(crate) fn time(&self, full: f64, quick: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { quick } else { full })
    }

    /// A number for the real run and one for the quick run.
    pub(crate) fn count(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let inside = args.python.map(|python| python.with_file_name("mlserver"));
    let beside = beside::Settings {
        mlserver: inside.or_else(|| args.mlserver.clone()),
        threads: args.threads,
        window: Duration::try_from_secs_f64(args.window).context("--window")?,
    };
    let bench = Bench {
        program: program(args.program, &root)?,
        root,
        folder: tempfile::tempdir()?,
        quick: args.quick,
        mlserver: args.mlserver,
        overload_settings: args.overload_settings,
    };
    let all =
        [Suite::Batching, Suite::Peers, Suite::Overload, Suite::Drain, Suite::Reload, Suite::Idle];
    let suites = if args.suites.is_empty() { all.to_vec() } else { args.suites };
    let mut failed = false;
    for suite in suites {
        let started = Instant::now();
        let result = match suite {
            Suite::Batching => batching::run(&bench),
            Suite::Peers => peers::run(&bench, bench.mlserver.as_deref()),
            Suite::Beside => beside::run(&bench, &beside),
            Suite::Overload => overload::run(&bench, &bench.overload_settings),
            Suite::Drain => drain::run(&bench),
            Suite::Reload => reload::run(&bench),
            Suite::Idle => idle::run(&bench),
        };
        if let Err(error) = result {
            // The other suites' figures are worth having all the same.
            println!("{}", json!({"what": format!("{suite:?}"), "error": format!("{error:#}")}));
            eprintln!("{suite:?}: {error:#}");
            failed = true;
        }
        eprintln!("{suite:?} took {:.0} s", started.elapsed().as_secs_f64());
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The program to measure. Under cargo it is built first: a stale one would be measured without a word.
fn program(given: Option<PathBuf>, root: &Path) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--release", "--quiet", "-p", "strata-drug", "--bin", "strata-drug"]);
        let built = build.current_dir(root).status().context("cargo")?;
        if !built.success() {
            bail!("the server does not build");
        }
    }
    let here = std::env::current_exe()?;
    let release = here.ancestors().nth(3).context("this program lies in no target folder")?;
    let program =
        release.join("release").join(format!("strata-drug{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!("there is no {}: cargo build --release -p strata-drug", program.display());
    }
    Ok(program)
}
