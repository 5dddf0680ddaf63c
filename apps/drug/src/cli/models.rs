//! `models`: list, show, verify and fetch models.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use strata_core::card::ModelStore;
use strata_core::paths::search_path;

use crate::tools::models::{Origins, fetch_models, list, render_card, render_list, verify};
use crate::tools::text::TextTable;

use super::Globals;
use super::common::say;

/// List the models, show a model's card, check files against cards, fetch what is not here.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug models list
  strata-drug models show esol
  strata-drug models verify
  strata-drug models fetch chembl-multitask --mirror /media/stick
  strata-drug models fetch molclr-gcn --from downloads")]
pub struct Args {
    /// Folder of models [default: STRATA_MODELS, else shared-models/ beside or above].
    #[arg(long, value_name = "DIR", global = true)]
    models_dir: Option<PathBuf>,
    /// JSON.
    #[arg(long, global = true)]
    json: bool,
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

/// What to do with models.
#[derive(Debug, Clone, clap::Subcommand)]
enum Action {
    /// Name, task and size of every model, and whether its files are here.
    List,
    /// A model's card: what goes in, what comes out, its held-out figures.
    Show {
        /// The model.
        name: String,
    },
    /// Compare files with their cards: size, SHA-256, and what the ONNX file says of itself.
    Verify {
        /// The models [default: all].
        names: Vec<String>,
    },
    /// Fetch the files that are not here, checked against their cards.
    Fetch {
        /// The models [default: all].
        names: Vec<String>,
        /// Folder that holds the files somewhere below it, under any name.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Folder or address of files named by their SHA-256, for closed networks.
        #[arg(long, value_name = "DIR|URL")]
        mirror: Option<String>,
    },
}

/// Does it.
///
/// # Errors
/// Where a model is not there.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let search = search_path(args.models_dir.as_deref());
    match &args.action {
        Action::List => {
            let models = list(&search);
            match args.json {
                true => say(&format!("{}\n", serde_json::to_string_pretty(&models)?))?,
                false => say(&render_list(&models, &search))?,
            }
        }
        Action::Show { name } => {
            let card = ModelStore::new(search.clone()).card(name)?;
            match args.json {
                true => say(&format!("{}\n", serde_json::to_string_pretty(&card)?))?,
                false => say(&render_card(&card, &search))?,
            }
        }
        Action::Verify { names } => {
            let results = verify(&search, names)?;
            let bad = results.iter().filter(|result| !result.problem.is_empty()).count();
            if args.json {
                say(&format!("{}\n", serde_json::to_string_pretty(&results)?))?;
            } else {
                let mut table = TextTable::new(&["model", "file", "result"]);
                for result in &results {
                    let short = match (result.absent, result.problem.is_empty()) {
                        (true, _) => "absent: see `models fetch`",
                        (false, true) => "good",
                        (false, false) => "NOT GOOD",
                    };
                    table.row(vec![result.model.clone(), result.file.clone(), short.to_owned()]);
                }
                say(&table.render())?;
                for result in results.iter().filter(|result| !result.problem.is_empty()) {
                    say(&format!("{}/{}: {}\n", result.model, result.file, result.problem))?;
                }
            }
            return Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Action::Fetch { names, from, mirror } => {
            let origins = Origins { from: from.as_deref(), mirror: mirror.as_deref() };
            return fetch(args, globals, names, origins);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fetch(
    args: &Args,
    globals: &Globals,
    names: &[String],
    origins: Origins<'_>,
) -> anyhow::Result<ExitCode> {
    let search = search_path(args.models_dir.as_deref());
    let on_terminal = std::io::stderr().is_terminal() && !globals.quiet;
    let mut note = |text: &str| {
        if on_terminal {
            // A terminal that is gone does not want progress.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{text}");
        }
    };
    let results = fetch_models(&search, names, origins, &mut note)?;
    if on_terminal && !results.is_empty() {
        let _ = writeln!(std::io::stderr());
    }
    let bad = results.iter().filter(|result| !result.problem.is_empty()).count();
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&results)?))?;
    } else if results.is_empty() {
        say("every file is here\n")?;
    } else {
        for result in &results {
            let what = match &result.path {
                Some(path) => format!("fetched to {}", path.display()),
                None => format!("NOT fetched: {}", result.problem),
            };
            say(&format!("{}/{}: {what}\n", result.model, result.file))?;
        }
    }
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
