//! The command `models`: list, show, verify and fetch models.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use strata_core::card::ModelStore;
use strata_core::paths::{SearchPath, search_path};

use super::{
    FetchedFile, Listed, ModelsError, Origins, Serves, Verified, Which, fetch_models, list,
    render_card, render_list, verify,
};
use crate::text::TextTable;
use crate::{Globals, say};

/// List the models, show a model's card, check files against cards, fetch what is not here.
#[derive(Debug, Clone, clap::Args)]
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
    List {
        /// Those of other programs too.
        #[arg(long)]
        all: bool,
    },
    /// A model's card: what goes in, what comes out, its held-out figures.
    Show {
        /// The model.
        name: String,
    },
    /// Compare files with their cards: size, SHA-256, and what the ONNX file says of itself.
    Verify {
        /// The models [default: all that this program uses].
        names: Vec<String>,
        /// Those of other programs too.
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
    /// Fetch the files that are not here, checked against their cards.
    Fetch {
        /// The models [default: all that this program uses].
        names: Vec<String>,
        /// Those of other programs too.
        #[arg(long, conflicts_with = "names")]
        all: bool,
        /// Folder that holds the files somewhere below it, under any name.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Folder or address of files named by their SHA-256, for closed networks.
        #[arg(long, value_name = "DIR|URL")]
        mirror: Option<String>,
    },
}

/// Does it. Where no models are named and `--all` is not given, those that the application `serves`
/// are meant.
///
/// # Errors
/// Where a model is not there, its card is broken, or there is no cache to fetch into.
pub fn run(args: &Args, globals: &Globals, serves: Serves) -> anyhow::Result<ExitCode> {
    let search = search_path(args.models_dir.as_deref());
    match &args.action {
        Action::List { all } => {
            let which = which(&[], *all, serves);
            let models = list(&search, which)?;
            match args.json {
                true => json(&models)?,
                false => say(&listing(&models, &search, which)?)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Show { name } => {
            let card = ModelStore::new(search.clone()).card(name)?;
            match args.json {
                true => json(&card)?,
                false => say(&render_card(&card, &search))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Verify { names, all } => {
            let results = verify(&search, which(names, *all, serves))?;
            match args.json {
                true => json(&results)?,
                false => say(&verdicts(&results))?,
            }
            Ok(code(results.iter().all(|result| result.problem.is_empty())))
        }
        Action::Fetch { names, all, from, mirror } => {
            let origins = Origins { from: from.as_deref(), mirror: mirror.as_deref() };
            let results = fetch(&search, which(names, *all, serves), origins, globals)?;
            match args.json {
                true => json(&results)?,
                false => say(&fetched(&results))?,
            }
            Ok(code(results.iter().all(|result| result.problem.is_empty())))
        }
    }
}

fn which(names: &[String], all: bool, serves: Serves) -> Which<'_> {
    match (names.is_empty(), all) {
        (false, _) => Which::Named(names),
        (true, true) => Which::Every,
        (true, false) => Which::Served(serves),
    }
}

fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    Ok(say(&format!("{}\n", serde_json::to_string_pretty(value)?))?)
}

fn code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The list, and how many models it leaves out.
fn listing(
    models: &[Listed],
    search: &SearchPath,
    which: Which<'_>,
) -> Result<String, ModelsError> {
    let others = match which {
        Which::Served(_) => list(search, Which::Every)?.len() - models.len(),
        Which::Every | Which::Named(_) => 0,
    };
    Ok(match (models.len(), others) {
        (_, 0) => render_list(models, search),
        (0, _) => format!("no models of this program; {others} of others: see --all\n"),
        (..) => {
            format!("{}and {others} of other programs: see --all\n", render_list(models, search))
        }
    })
}

fn verdicts(results: &[Verified]) -> String {
    let mut table = TextTable::new(&["model", "file", "result"]);
    for result in results {
        let short = match (result.absent, result.problem.is_empty()) {
            (true, _) => "absent: see `models fetch`",
            (false, true) => "good",
            (false, false) => "NOT GOOD",
        };
        table.row(vec![result.model.clone(), result.file.clone(), short.to_owned()]);
    }
    let mut text = table.render();
    for result in results.iter().filter(|result| !result.problem.is_empty()) {
        text += &format!("{}/{}: {}\n", result.model, result.file, result.problem);
    }
    text
}

fn fetch(
    search: &SearchPath,
    which: Which<'_>,
    origins: Origins<'_>,
    globals: &Globals,
) -> Result<Vec<FetchedFile>, ModelsError> {
    let on_terminal = std::io::stderr().is_terminal() && !globals.quiet;
    let mut note = |text: &str| {
        if on_terminal {
            // A terminal that is gone does not want progress.
            let _ = write!(std::io::stderr(), "\r\x1b[2K{text}");
        }
    };
    let results = fetch_models(search, which, origins, &mut note)?;
    if on_terminal && !results.is_empty() {
        let _ = writeln!(std::io::stderr());
    }
    Ok(results)
}

fn fetched(results: &[FetchedFile]) -> String {
    if results.is_empty() {
        return "every file is here\n".to_owned();
    }
    let line = |result: &FetchedFile| {
        let what = match &result.path {
            Some(path) => format!("fetched to {}", path.display()),
            None => format!("NOT fetched: {}", result.problem),
        };
        format!("{}/{}: {what}\n", result.model, result.file)
    };
    results.iter().map(line).collect()
}
