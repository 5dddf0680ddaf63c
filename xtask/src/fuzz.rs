//! `cargo xtask fuzz`: runs the fuzzing programs of `fuzz/` and keeps what they did in
//! `bench/runs/<date>-<host>/fuzz.json`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bench::{machine, save};
use crate::{process, workspace};

mod output;

use output::Outcome;

/// Options of `fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Targets to run, as `--list` shows them; all when none is given
    targets: Vec<String>,
    /// List the targets
    #[arg(long)]
    list: bool,
    /// Minutes for each target
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    minutes: f64,
    /// Targets that run at a time, each on a core
    #[arg(long, default_value_t = 1, value_name = "N")]
    jobs: usize,
    /// Change seeds at random without counting what they reach: finds less, and needs neither nightly nor cargo-fuzz
    #[arg(long)]
    blind: bool,
    /// Print the figures without keeping them
    #[arg(long)]
    no_save: bool,
}

/// The toolchain whose compiler counts what an input reaches.
const TOOLCHAIN: &str = "nightly";
/// What cargo-fuzz builds for and where it puts it.
const BUILD: &str = "target/fuzz";
/// Longest input, and longest file taken as a seed.
const MAX_BYTES: u64 = 64 << 10;
/// Findings of one target after which it is left alone: more would be the same again.
const MAX_FINDINGS: usize = 5;

/// A target, as `fuzz/targets.toml` describes it.
#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    reads: String,
    #[serde(default)]
    seeds: Vec<PathBuf>,
    #[serde(default)]
    ending: String,
    #[serde(default)]
    apps: bool,
}

/// What runs a target.
enum Program {
    /// libFuzzer, with a program for each target.
    Counting(PathBuf),
    /// One program for all, which counts nothing.
    Blind(PathBuf),
}

#[derive(Deserialize)]
struct List {
    target: Vec<Target>,
}

/// Runs `fuzz`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let list = std::fs::read_to_string(root.join("fuzz/targets.toml"))?;
    let list: List = toml::from_str(&list).context("fuzz/targets.toml")?;
    if args.list {
        for target in &list.target {
            println!("{:<12} {}", target.name, target.reads);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let time = Duration::try_from_secs_f64(args.minutes * 60.0)
        .with_context(|| format!("{} is no number of minutes", args.minutes))?;
    let targets = chosen(list.target, &args.targets)?;
    if !args.blind {
        tools()?;
    }
    let mut programs = Vec::new();
    for target in &targets {
        let program =
            if args.blind { build_blind(&root)? } else { build(target, &targets, &root)? };
        programs.push((target, program));
    }
    let rows = run_all(&programs, time, args.jobs, &root)?;
    println!("\n{}", output::HEAD);
    for (target, outcome) in &rows {
        println!("{}", outcome.line(&target.name));
    }
    if !args.no_save {
        let figures: Vec<Value> =
            rows.iter().map(|(target, outcome)| outcome.figures(&target.name)).collect();
        let path = keep(&root, args.blind, &figures)?;
        println!("kept in {}", path.strip_prefix(&root).unwrap_or(&path).display());
    }
    let findings: usize = rows.iter().map(|(_, outcome)| outcome.findings.len()).sum();
    if findings == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "\nfound {findings}; make each small, mend its cause, and keep it under fuzz/regressions/TARGET:"
    );
    for finding in rows.iter().flat_map(|(_, outcome)| &outcome.findings) {
        println!("  {finding}");
    }
    Ok(ExitCode::FAILURE)
}

fn chosen(targets: Vec<Target>, names: &[String]) -> Result<Vec<Target>> {
    for name in names {
        if !targets.iter().any(|target| target.name == *name) {
            let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            bail!("there is no target {name:?}; there are {}", known.join(", "));
        }
    }
    let wanted = |target: &Target| names.is_empty() || names.contains(&target.name);
    Ok(targets.into_iter().filter(wanted).collect())
}

/// cargo-fuzz under the nightly toolchain. Cargo tells the programs it starts which cargo it is: this one is another.
fn cargo_fuzz() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", TOOLCHAIN, "cargo", "fuzz"]).env_remove("CARGO");
    command
}

/// Says what is to be installed where the tools are not there.
fn tools() -> Result<()> {
    let nightly =
        process::capture(Command::new("rustup").args(["run", TOOLCHAIN, "rustc", "--version"]));
    nightly.context(
        "fuzzing needs a nightly compiler: rustup toolchain install nightly --profile minimal",
    )?;
    let fuzz = process::capture(cargo_fuzz().arg("--version"));
    fuzz.context("fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked")?;
    Ok(())
}

/// Builds a target's program, every crate of it instrumented. The parsers are safe Rust, so that no sanitizer has to watch
/// its memory: bounds are checked anyway, and overflows are as in a debug build.
fn build(target: &Target, all: &[Target], root: &Path) -> Result<Program> {
    let mut command = cargo_fuzz();
    command.args(["build", "--fuzz-dir", "fuzz", "--target-dir", BUILD, "--sanitizer", "none"]);
    command.args(["--strip-dead-code", "--features", "libfuzzer"]);
    // Kits alone are half of the build.
    if !all.iter().any(|target| target.apps) {
        command.arg("--no-default-features");
    }
    process::must(command.arg(&target.name).current_dir(root))?;
    Ok(Program::Counting(root.join(BUILD).join(output::PROGRAMS).join(&target.name)))
}

/// Builds the program that counts nothing, with the pinned compiler.
fn build_blind(root: &Path) -> Result<Program> {
    let mut command = process::cargo();
    command.args(["build", "--release", "--package", "strata-fuzz", "--example", "blind"]);
    process::must(command.current_dir(root))?;
    Ok(Program::Blind(process::target_dir(root)?.join("release/examples/blind")))
}

/// Runs all targets, so many at a time; what they came to, in their order.
fn run_all<'a>(
    programs: &[(&'a Target, Program)],
    time: Duration,
    jobs: usize,
    root: &Path,
) -> Result<Vec<(&'a Target, Outcome)>> {
    let waiting = Mutex::new(programs.iter().enumerate());
    let done = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((at, (target, program))) = next else { return Ok(()) };
            println!("=== {}: {}", target.name, target.reads);
            let outcome = run(target, program, time, root)?;
            println!("{}", outcome.line(&target.name));
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, *target, outcome));
        }
    };
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a run panicked"))??;
        }
        Ok(())
    })?;
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, ..)| *at);
    Ok(done.into_iter().map(|(_, target, outcome)| (target, outcome)).collect())
}

/// Runs a target for a time; after a finding it goes on with what time is left.
fn run(target: &Target, program: &Program, time: Duration, root: &Path) -> Result<Outcome> {
    let folder = |kind: &str| -> Result<PathBuf> {
        let folder = root.join(BUILD).join(kind).join(&target.name);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(folder)
    };
    let (corpus, seeds, findings) = (folder("corpus")?, folder("seeds")?, folder("findings")?);
    copy_seeds(target, root, &seeds)?;
    let start = Instant::now();
    let mut outcome = Outcome::default();
    while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| left.as_secs() > 0) {
        let mut command = match program {
            Program::Counting(path) => {
                let mut command = Command::new(path);
                command.args([&corpus, &seeds]);
                command.args(["-timeout=5", "-rss_limit_mb=2048", "-print_final_stats=1"]);
                command.arg(format!("-max_len={MAX_BYTES}"));
                command.arg(format!("-max_total_time={}", left.as_secs()));
                command.arg(format!("-artifact_prefix={}/", findings.display()));
                command
            }
            Program::Blind(path) => {
                let mut command = Command::new(path);
                command.args([&target.name, &left.as_secs().to_string()]).arg(&findings);
                command
            }
        };
        command.current_dir(root);
        let output = command.output().with_context(|| process::shown(&command))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let found = outcome.add(&text);
        if output.status.success() {
            break;
        }
        // What was found, in its own words.
        let lines: Vec<&str> = text.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(30)..].join("\n"));
        if found.is_none() {
            bail!("{} failed before it ran: {}", process::shown(&command), output.status);
        }
        if outcome.findings.len() >= MAX_FINDINGS {
            break;
        }
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    Ok(outcome)
}

/// Puts a target's seeds into one folder.
fn copy_seeds(target: &Target, root: &Path, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    for place in &target.seeds {
        gather(&root.join(place), &mut files)?;
    }
    files.retain(|file| file.to_string_lossy().ends_with(&target.ending));
    for kind in ["corpora", "regressions"] {
        gather(&root.join("fuzz").join(kind).join(&target.name), &mut files)?;
    }
    for (number, file) in files.iter().enumerate() {
        std::fs::copy(file, to.join(number.to_string()))?;
    }
    Ok(())
}

fn gather(place: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(about) = place.metadata() else { return Ok(()) };
    if about.is_file() {
        if about.len() <= MAX_BYTES {
            files.push(place.to_path_buf());
        }
        return Ok(());
    }
    for entry in place.read_dir()? {
        gather(&entry?.path(), files)?;
    }
    Ok(())
}

/// Adds a run to those of today on this machine.
fn keep(root: &Path, blind: bool, figures: &[Value]) -> Result<PathBuf> {
    let now = machine::utc(machine::unix_seconds());
    let about = machine::machine(root);
    let day = now.split('T').next().unwrap_or(&now);
    let folder = format!("{day}-{}", machine::slug(&about));
    let path = root.join("bench/runs").join(folder).join("fuzz.json");
    let earlier = std::fs::read_to_string(&path).ok();
    let mut runs: Vec<Value> = match earlier {
        Some(text) => serde_json::from_str(&text).with_context(|| path.display().to_string())?,
        None => Vec::new(),
    };
    runs.push(json!({ "date": now, "machine": about, "blind": blind, "targets": figures }));
    save(&path, &Value::Array(runs))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_chosen_by_name_and_in_their_order() {
        let list =
            "[[target]]\nname = \"a\"\nreads = \"x\"\n[[target]]\nname = \"b\"\nreads = \"y\"\n";
        let targets = || toml::from_str::<List>(list).unwrap().target;
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(targets(), &names)
                .map(|all| all.into_iter().map(|one| one.name).collect::<String>())
        };
        assert_eq!(names(&[]).unwrap(), "ab");
        assert_eq!(names(&["b", "a"]).unwrap(), "ab");
        assert_eq!(names(&["b"]).unwrap(), "b");
        assert!(names(&["c"]).unwrap_err().to_string().contains("there are a, b"));
    }
}
