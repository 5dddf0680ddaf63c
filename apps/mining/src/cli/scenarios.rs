//! `scenarios`: what can be run without writing a line of code.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::scenario::{Loaded, built_in_names};

/// List the scenarios, or print one as a start for your own.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining scenarios
  strata-mining scenarios belt-damage > our-belt.toml
  strata-mining run our-belt.toml photos/")]
pub struct Args {
    /// Print this one's text; a file is checked.
    name: Option<String>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
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
    let search = strata_core::paths::search_path(args.models_dir.as_deref());
    let store = strata_core::card::ModelStore::new(search);
    let mut table = TextTable::new(&["name", "mode", "model", "title"]);
    for name in built_in_names() {
        let scenario = Loaded::find(name)?.scenario;
        let model = match &scenario.model {
            None => "none needed".to_owned(),
            Some(model) => match store.card(model) {
                Err(_) => format!("{model}: no card"),
                Ok(card)
                    if card.files.iter().all(|file| card.locate(file, store.search()).is_ok()) =>
                {
                    model.clone()
                }
                Ok(_) => format!("{model}: to fetch"),
            },
        };
        let title = format!("{} / {}", scenario.title, scenario.title_zh);
        table.row(vec![scenario.name, scenario.mode.to_string(), model, title]);
    }
    say(&table.render())?;
    Ok(ExitCode::SUCCESS)
}
