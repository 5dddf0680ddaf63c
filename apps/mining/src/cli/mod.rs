//! The command line: one file a command, each of which only translates arguments.

mod belt;
mod calibrate;
mod convert;
mod detect;
mod eval;
mod fit;
mod inspect;
mod run;
mod scenarios;
mod serve;
mod source;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strata_cli::{Globals, begin, finish};

use crate::models::is_vision;

/// Mining vision inspection: find damage, foreign objects, people and anomalies in pictures, videos and cameras.
#[derive(Debug, Parser)]
#[command(name = "strata-mining", version, about, propagate_version = true)]
#[command(after_help = "Examples:
  strata-mining run belt-damage
  strata-mining detect photos/ --model belt-damage --save marked/ --out found.json
  strata-mining fit normals/ --out surface.bank
  strata-mining inspect new/ --bank surface.bank --save maps/
  strata-mining watch cameras.toml
  strata-mining <COMMAND> --help")]
pub struct Cli {
    /// Arguments every command knows.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(missing_docs, reason = "each command's help is the documentation of its arguments")]
pub enum Command {
    Run(run::Args),
    Detect(detect::Args),
    Fit(fit::Args),
    Inspect(inspect::Args),
    Calibrate(calibrate::Args),
    Belt(belt::Args),
    Watch(watch::Args),
    Eval(eval::Args),
    Convert(convert::Args),
    Scenarios(scenarios::Args),
    #[command(after_help = "Examples:
  strata-mining models list
  strata-mining models show belt-damage
  strata-mining models fetch yolox-nano
  strata-mining models fetch yolox-nano --from downloads")]
    Models(strata_cli::models::Args),
    #[command(after_help = "Examples:
  strata-mining serve
  strata-mining serve --bind 127.0.0.1:9000 --mining-banks surface.bank
  strata-mining serve --mining-watch cameras.toml
  strata-mining serve --config server.toml
  strata-mining serve --print-config > server.toml

The page is at the address that is printed; /docs documents the API, /metrics is for Prometheus. Ctrl-C or
SIGTERM ends the server without losing a request; SIGHUP loads models and keys anew.")]
    Serve(serve::Args),
    #[command(after_help = "Examples:
  strata-mining keys add control-room --file keys.toml
  strata-mining serve --bind 0.0.0.0:8080 --auth-keys-file keys.toml

A key is shown once, when it is made; the file holds its SHA-256 alone. A running server reads the
file again on SIGHUP.")]
    Keys(strata_cli::keys::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the command from its result, as one chain of causes.
    pub fn run(self, globals: &Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Run(args) => run::run(&args, globals),
            Self::Detect(args) => detect::run(&args, globals),
            Self::Fit(args) => fit::run(&args, globals),
            Self::Inspect(args) => inspect::run(&args, globals),
            Self::Calibrate(args) => calibrate::run(&args, globals),
            Self::Belt(args) => belt::run(&args, globals),
            Self::Watch(args) => watch::run(&args, globals),
            Self::Eval(args) => eval::run(&args, globals),
            Self::Convert(args) => convert::run(&args, globals),
            Self::Scenarios(args) => scenarios::run(&args, globals),
            Self::Models(args) => strata_cli::models::run(&args, globals, is_vision),
            Self::Serve(args) => serve::run(&args, globals),
            Self::Keys(args) => strata_cli::keys::run(args, globals),
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
