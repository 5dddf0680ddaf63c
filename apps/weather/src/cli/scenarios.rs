//! `scenarios`: what can be done without writing a line of code.

use std::process::ExitCode;

use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::scenario::{Loaded, built_in_names};

/// List the scenarios, or print one as a start for your own.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather scenarios
  strata-weather scenarios wind-power > ours.toml
  strata-weather run ours.toml analysis.nc")]
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
    let mut table = TextTable::new(&["name", "models", "leads, h", "members", "title"]);
    for name in built_in_names() {
        let scenario = Loaded::find(name)?.scenario;
        let members = scenario.ensemble.map_or(1, |ensemble| ensemble.members);
        let title = format!("{} / {}", scenario.title.zh, scenario.title.en);
        table.row(vec![
            scenario.name,
            scenario.forecast.family,
            scenario.forecast.steps,
            members.to_string(),
            title,
        ]);
    }
    say(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
