//! `scenarios`: what is built in, or one in full.

use std::process::ExitCode;

use strata_cli::{Globals, say};

use crate::scenario::{self, Loaded};

/// List the built-in scenarios, or show one.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// A scenario by name, or a TOML file, to check and show; a good start for one's own.
    #[arg(value_name = "NAME|FILE")]
    name: Option<String>,
}

/// Lists or shows.
///
/// # Errors
/// Where the scenario is unknown or wrong.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let mut text = String::new();
    match &args.name {
        Some(name) => text.push_str(Loaded::find(name)?.text()),
        None => {
            for name in scenario::built_in_names() {
                let loaded = Loaded::find(name)?;
                let models = loaded.scenario.models.join(", ");
                let first = loaded.scenario.description.trim().lines().next().unwrap_or_default();
                text += &format!("{name}\n  {first}\n  models: {models}\n");
            }
            text += "\n`strata-drug scenarios NAME > mine.toml` is a start for your own; use it with --profile mine.toml\n";
        }
    }
    say(&text)?;
    Ok(ExitCode::SUCCESS)
}
