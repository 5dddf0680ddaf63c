//! `cargo xtask test`: setup, tidy and every test, with the times they took.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{process, setup, tidy, workspace};

/// Options of `test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: setup::Args,
    /// Skip `setup`: tests that need ONNX Runtime then say so and skip
    #[arg(long)]
    no_setup: bool,
    /// Test only this package; may be given several times
    #[arg(long, short, value_name = "NAME")]
    package: Vec<String>,
    /// Given to `cargo test`
    #[arg(last = true)]
    cargo: Vec<String>,
}

/// Runs `test`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let mut times = Vec::new();
    if !args.no_setup {
        let library = timed("setup", &mut times, || setup::main(&args.setup));
        library.context("setup (or run `cargo xtask test --no-setup`)")?;
    }
    let faults = timed("tidy", &mut times, || tidy::check(&root))?;
    tidy::print(&faults);
    let tests = timed("cargo test", &mut times, || {
        let mut cargo = process::cargo();
        cargo.args(scope(&args.package)).args(&args.cargo).current_dir(&root);
        process::stream(&mut cargo)
    })?;
    println!("\n{}", closing(&times, faults.len(), tests.success()));
    // A failed rule fails the run, but only after the tests have had their say.
    if tests.success() && !faults.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(process::exit_code(tests))
}

/// `cargo test` of the named packages, or of all.
fn scope(packages: &[String]) -> Vec<&str> {
    let mut words = vec!["test"];
    if packages.is_empty() {
        words.push("--workspace");
    }
    for package in packages {
        words.extend(["--package", package]);
    }
    words
}

fn timed<T>(
    name: &'static str,
    times: &mut Vec<(&'static str, Duration)>,
    work: impl FnOnce() -> T,
) -> T {
    let start = Instant::now();
    let result = work();
    times.push((name, start.elapsed()));
    result
}

fn closing(times: &[(&str, Duration)], faults: usize, passed: bool) -> String {
    let times: Vec<String> =
        times.iter().map(|(name, time)| format!("{name} {:.1} s", time.as_secs_f64())).collect();
    let tidy = match faults {
        0 => "tidy".to_owned(),
        1 => "1 rule broken".to_owned(),
        n => format!("{n} rules broken"),
    };
    let tests = if passed { "all tests passed" } else { "TESTS FAILED" };
    let verdict = if passed && faults == 0 { "ok" } else { "FAILED" };
    format!("xtask test: {verdict}: {tests}, {tidy} ({})", times.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_packages_narrow_the_run() {
        assert_eq!(scope(&[]), ["test", "--workspace"]);
        let named = ["a", "b"].map(str::to_owned);
        assert_eq!(scope(&named), ["test", "--package", "a", "--package", "b"]);
    }

    #[test]
    fn the_closing_line_tells_the_whole() {
        let times = [("setup", Duration::from_millis(40)), ("cargo test", Duration::from_secs(61))];
        assert_eq!(
            closing(&times, 0, true),
            "xtask test: ok: all tests passed, tidy (setup 0.0 s, cargo test 61.0 s)"
        );
        assert!(closing(&times, 2, true).contains("FAILED: all tests passed, 2 rules broken"));
        assert!(closing(&times, 0, false).contains("FAILED: TESTS FAILED, tidy"));
    }
}
