//! The command line: one file a command, each of which only translates arguments.

mod ask;
mod audit;
mod calibrate;
mod check;
mod common;
mod documents;
mod eval;
mod ingest;
mod mask;
mod route;
mod run;
mod scenarios;
mod search;
mod serve;
mod show;

use std::process::ExitCode;

use crate::models::is_text;
use clap::{Parser, Subcommand};
use strata_cli::{Globals, begin, finish};

/// Government document Q&A: find, quote and check laws, notices, service guides and hotline cases.
#[derive(Debug, Parser)]
#[command(name = "strata-gov", version, about, propagate_version = true)]
#[command(after_help = "Examples:
  strata-gov run policy-qa
  strata-gov ingest laws/ notices/ --index office
  strata-gov ask \"试用期最长多久？\" --index office
  strata-gov ask \"电动自行车怎么上牌？\" --index office --as-of 2021-06-01
  strata-gov check draft.docx --index office
  strata-gov <COMMAND> --help")]
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
    Ingest(ingest::Args),
    Ask(ask::Args),
    Search(search::Args),
    Route(route::Args),
    Check(check::Args),
    Mask(mask::Args),
    Documents(documents::Args),
    Eval(eval::Args),
    Calibrate(calibrate::Args),
    Audit(audit::Args),
    Scenarios(scenarios::Args),
    #[command(after_help = "Examples:
  strata-gov models list
  strata-gov models show gov-retriever
  strata-gov models fetch bge-small-zh
  strata-gov models fetch bge-small-zh --from downloads")]
    Models(strata_cli::models::Args),
    #[command(after_help = "Examples:
  strata-gov serve --gov-index office
  strata-gov serve --gov-index office --gov-audit audit.jsonl --bind 127.0.0.1:9000
  strata-gov serve --config server.toml
  strata-gov serve --print-config > server.toml

The page is at the address that is printed; /docs documents the API, /metrics is for Prometheus. Clients of OpenAI's API use
http://ADDRESS/v1 as their base URL. Ctrl-C or SIGTERM ends the server without losing a request.")]
    Serve(serve::Args),
    #[command(after_help = "Examples:
  strata-gov keys add front-desk --file keys.toml
  strata-gov keys add police-desk --file keys.toml --label 公安局
  strata-gov serve --gov-index office --bind 0.0.0.0:8080 --auth-keys-file keys.toml

A key is shown once, when it is made; the file holds its SHA-256 alone. Labels are the departments whose documents the key may
see beside the public ones. A running server reads the file again on SIGHUP.")]
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
            Self::Ingest(args) => ingest::run(&args, globals),
            Self::Ask(args) => ask::run(&args, globals),
            Self::Search(args) => search::run(&args, globals),
            Self::Route(args) => route::run(&args, globals),
            Self::Check(args) => check::run(&args, globals),
            Self::Mask(args) => mask::run(&args, globals),
            Self::Documents(args) => documents::run(&args, globals),
            Self::Eval(args) => eval::run(&args, globals),
            Self::Calibrate(args) => calibrate::run(&args, globals),
            Self::Audit(args) => audit::run(&args, globals),
            Self::Scenarios(args) => scenarios::run(&args, globals),
            Self::Models(args) => strata_cli::models::run(&args, globals, is_text),
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
