//! `scenarios`: what can be done without writing a line of code.

use std::process::ExitCode;

use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::scenario::{Loaded, built_in_names};

/// List the scenarios, or print one as a start for your own.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov scenarios
  strata-gov scenarios policy-qa > ours.toml
  strata-gov run ours.toml")]
pub struct Args {
    /// Print this one's text; a file is checked.
    name: Option<String>,
}

/// Lists, or prints one.
///
/// # Errors
/// A name that is none, or a file that is wrong.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    if let Some(name) = &args.name {
        say(Loaded::find(name)?.text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = TextTable::new(&["name", "mode", "models", "title"]);
    for name in built_in_names() {
        let scenario = Loaded::find(name)?.scenario;
        let names = &scenario.models;
        let models = [&names.retriever, &names.reranker, &names.reader, &names.router];
        let models: Vec<&str> = models.into_iter().flatten().map(String::as_str).collect();
        let title = format!("{} / {}", scenario.title.zh, scenario.title.en);
        table.row(vec![scenario.name, scenario.mode.to_string(), models.join(", "), title]);
    }
    say(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
