//! The command line: one file a command, each of which only translates arguments.

mod climatology;
mod convert;
mod eval;
pub mod forecast;
mod inspect;
mod plot;
mod progress;
mod run;
mod scenarios;
mod serve;
mod split;
mod track;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use strata_cli::{Globals, begin, finish};

/// Weather prediction: forecasts from an analysis by ONNX weather models, verified, tracked, plotted and served.
#[derive(Debug, Parser)]
#[command(name = "strata-weather", version, about, propagate_version = true)]
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
    Verify(verify::Args),
    Eval(eval::Args),
    Climatology(climatology::Args),
    Track(track::Args),
    Plot(Box<plot::Args>),
    Inspect(inspect::Args),
    Convert(Box<convert::Args>),
    Run(Box<run::Args>),
    Forecast(Box<forecast::Args>),
    Split(split::Args),
    Scenarios(scenarios::Args),
    Serve(Box<serve::Args>),
    Models(strata_cli::models::Args),
    Keys(strata_cli::keys::Args),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the command from its result, as one chain of causes.
    pub fn run(self, globals: &Globals) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify(args) => verify::run(&args, globals),
            Self::Eval(args) => eval::run(&args, globals),
            Self::Climatology(args) => climatology::run(&args, globals),
            Self::Track(args) => track::run(&args, globals),
            Self::Convert(args) => convert::run(&args, globals),
            Self::Plot(args) => plot::run(&args, globals),
            Self::Inspect(args) => inspect::run(&args, globals),
            Self::Run(args) => run::run(&args, globals),
            Self::Forecast(args) => forecast::run(&args, globals),
            Self::Split(args) => split::run(&args, globals),
            Self::Scenarios(args) => scenarios::run(&args, globals),
            Self::Serve(args) => serve::run(&args, globals),
            Self::Models(args) => {
                strata_cli::models::run(&args, globals, strata_earth::card::is_model)
            }
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
