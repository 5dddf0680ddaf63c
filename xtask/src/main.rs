//! The workspace's own commands, run as `cargo xtask COMMAND`.
#![allow(clippy::print_stdout)] // A program for people: its results go to standard output.

mod bench;
mod datasets;
mod demo;
mod download;
mod fuzz;
mod graph;
mod lock;
mod models;
mod process;
mod release;
mod report;
mod sbom;
mod serving;
mod setup;
mod soak;
mod test;
mod tidy;
mod train;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Commands of the Strata workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the pinned ONNX Runtime library into the cache
    Setup(setup::Args),
    /// Build and run the main jobs on the shipped library, and show their results
    Demo(demo::Args),
    /// Set up, tidy, and run every test; what follows `--` goes to `cargo test`
    Test(test::Args),
    /// List, check and fetch models
    Models(models::Args),
    /// List and fetch public data sets
    Datasets(datasets::Args),
    /// Train a model in Python and export it; what follows the name goes to the trainer
    Train(train::Args),
    /// Run benchmarks and keep their figures in bench/runs/
    Bench(bench::Args),
    /// Write the bill of materials of the programs and models (CycloneDX)
    Sbom(sbom::Args),
    /// Build the programs and pack them with all they need into one archive
    Release(release::Args),
    /// Write docs/figures.md, docs/figures.html and README's figures from the kept runs
    Report(report::Args),
    /// Run the fuzzing programs and keep their figures in bench/runs/; needs nightly Rust and cargo-fuzz
    Fuzz(fuzz::Args),
    /// All four servers under traffic, kills, reloads, full disks and wrong clocks; every answer checked
    Soak(soak::Args),
    /// Check the rules of the workspace
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Setup(args) => setup::main(&args).map(|_| ExitCode::SUCCESS),
        Command::Demo(args) => demo::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Models(args) => models::main(&args),
        Command::Datasets(args) => datasets::main(&args),
        Command::Train(args) => train::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Sbom(args) => sbom::main(&args),
        Command::Release(args) => release::main(&args),
        Command::Report(args) => report::main(&args),
        Command::Fuzz(args) => fuzz::main(&args),
        Command::Soak(args) => soak::main(&args),
        Command::Tidy => tidy::main(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
