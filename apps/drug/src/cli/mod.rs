//! The command line: one file a command, each of which only translates arguments.

mod cluster;
pub mod common;
pub mod common_progress;
pub mod common_summary;
mod depict;
mod describe;
mod embed;
mod eval;
mod filter;
mod index;
mod keys;
mod models;
mod scenarios;
mod screen;
mod search;
mod serve;
mod split;
mod standardize;
mod substructure;
mod tools;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Drug molecule screening: predict, filter, search and rank molecule libraries.
#[derive(Debug, Parser)]
#[command(name = "strata-drug", version, about, propagate_version = true)]
#[command(after_help = "Examples:
  strata-drug screen library.smi --out hits.csv
  strata-drug screen vendor.csv.gz --out hits.parquet --profile cns-penetration --report hits.html
  strata-drug <COMMAND> --help")]
pub struct Cli {
    /// Arguments every command knows.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What is logged where nothing else is asked for.
const QUIET_LOG: &str = "warn";

/// Arguments every command knows.
#[derive(Debug, Clone, clap::Args)]
pub struct Globals {
    /// No progress, no summary: results and errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to log on standard error, such as `info` or `strata_core=debug`.
    #[arg(long, global = true, value_name = "FILTER", env = "STRATA_LOG", default_value = QUIET_LOG)]
    pub log: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's help is the documentation of its arguments")]
pub enum Command {
    Screen(screen::Args),
    Scenarios(scenarios::Args),
    Serve(serve::Args),
    Keys(keys::Args),
    #[command(flatten)]
    Tool(tools::ToolCommand),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the command from its result, as one chain of causes.
    pub fn run(self, globals: &Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Screen(args) => screen::run(args, globals),
            Self::Scenarios(args) => scenarios::run(&args, globals),
            Self::Serve(args) => serve::run(&args, globals),
            Self::Keys(args) => keys::run(args, globals),
            Self::Tool(command) => command.run(globals),
        }
    }
}

/// Parses the arguments, runs the command, and says what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // A server's log is set up by its own settings.
    if !matches!(cli.command, Command::Serve(_)) {
        log_to_stderr(&cli.globals.log);
    }
    match cli.command.run(&cli.globals) {
        Ok(code) => code,
        Err(error) if common::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", common::causes(&error));
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr(filter: &str) {
    // ONNX Runtime's own log is loud below warnings.
    let filter = format!("{filter},ort=error");
    let filter = tracing_subscriber::EnvFilter::try_new(&filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,ort=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}
