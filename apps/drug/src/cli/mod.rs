//! The command line: one file a command, each of which only translates arguments.

mod adapt;
mod admet;
mod cluster;
pub mod common;
pub mod common_summary;
mod depict;
mod describe;
mod embed;
mod eval;
mod filter;
mod generate;
mod index;
mod optimize;
mod rank;
mod scenarios;
mod screen;
mod search;
mod split;
mod standardize;
mod substructure;
mod targets;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strata_cli::{Globals, begin, finish, keys, serve};

use crate::http::{self, DrugSection};

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

const SERVE_EXAMPLES: &str = "Examples:
  strata-drug serve
  strata-drug serve --bind 127.0.0.1:9000 --drug-libraries vendor.sfp
  strata-drug serve --config server.toml
  strata-drug serve --print-config > server.toml

The page is at /, its API at /docs, models at /v2 (Open Inference Protocol), metrics at /metrics.
SIGTERM ends the server without losing a request; SIGHUP loads models and keys anew.";

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's help is the documentation of its arguments")]
pub enum Command {
    Screen(screen::Args),
    Optimize(Box<optimize::Args>),
    Generate(generate::Args),
    Admet(admet::Args),
    Scenarios(scenarios::Args),
    /// Serve predictions, search, drawings and screening jobs over HTTP, with a page.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(serve::Args<DrugSection>),
    #[command(after_help = keys::examples("strata-drug"))]
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
            Self::Optimize(args) => optimize::run(*args, globals),
            Self::Generate(args) => generate::run(args, globals),
            Self::Admet(args) => admet::run(args, globals),
            Self::Scenarios(args) => scenarios::run(&args, globals),
            Self::Serve(args) => serve::run(&args, globals, |settings, drug, models_dir| {
                Ok(http::app(settings, drug, models_dir)?)
            }),
            Self::Keys(args) => keys::run(args, globals),
            Self::Tool(command) => command.run(globals),
        }
    }
}

/// Parses the arguments, runs the command, and says what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    begin(&cli.globals, matches!(cli.command, Command::Serve(_)));
    finish(cli.command.run(&cli.globals))
}
