//! `run`: a scenario on its examples, or on questions of yours; the corpus that ships with it is ingested where no index is
//! given.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::{Globals, say};
use strata_core::runtime::RunOptions;
use strata_core::samples;

use super::common::{AskerArgs, IndexArgs, desk, question};
use super::{check, ingest, show};
use crate::desk::Desk;
use crate::scenario::{Loaded, Mode};

/// Run a scenario: on questions of yours, or on the examples that ship with it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov run policy-qa
  strata-gov run service-guide \"居住证去哪里办\"
  strata-gov run hotline-dispatch --index office
  strata-gov run legal-check draft.docx --index office")]
pub struct Args {
    /// The scenario by name (see `scenarios`), or a TOML file.
    scenario: String,
    /// Questions or cases; for legal-check, drafts [default: the scenario's examples].
    inputs: Vec<String>,
    /// The index [default: the shipped corpus, ingested for this run].
    #[arg(long, short, value_name = "DIR", env = "STRATA_GOV_INDEX")]
    index: Option<PathBuf>,
    #[command(flatten)]
    asker: AskerArgs,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// A scenario, corpus, index or model that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = Loaded::find(&args.scenario)?;
    let scenario = &loaded.scenario;
    // Lives until the run is over.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let index = match (&args.index, scenario.corpus.paths.as_slice()) {
        (Some(index), _) => index.clone(),
        (None, [_, ..]) => {
            let index = folder.path().join("index");
            let sample = scenario.corpus.paths.iter().map(|path| samples::find(path));
            let sample = sample.collect::<Result<Vec<_>, _>>()?;
            let quiet = Globals { quiet: true, ..globals.clone() };
            ingest::run(
                &ingest::Args::sample(sample, index.clone(), args.models_dir.clone()),
                &quiet,
            )?;
            index
        }
        (None, []) => bail!("scenario {} has no corpus: give an --index", scenario.name),
    };
    let inputs = if args.inputs.is_empty() { &scenario.examples } else { &args.inputs };
    if !globals.quiet {
        say(&format!("{} ({})\n", scenario.title.zh, scenario.title.en))?;
    }
    let index = IndexArgs { index, models_dir: args.models_dir.clone() };
    if scenario.mode == Mode::Check {
        return drafts(args, &loaded, &index, globals);
    }
    let desk = desk(&index, &loaded)?;
    for input in inputs {
        say(&format!("\n▶ {input}\n{}", one(&desk, &loaded, input, args)?))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a scenario says to one question or case.
fn one(desk: &Desk, loaded: &Loaded, input: &str, args: &Args) -> anyhow::Result<String> {
    let asked = question(loaded, input, &args.asker, None);
    let run = RunOptions::default();
    let scenario = &loaded.scenario;
    Ok(match scenario.mode {
        Mode::Guide => show::guided(&crate::guide::guide(desk, &asked, &scenario.guide, &run)?),
        Mode::Route => {
            super::route::text(&crate::route::route(desk, &asked.search, &scenario.route, &run)?)
        }
        Mode::Ask | Mode::Check => show::answer(&crate::answer::ask(desk, &asked, &run)?),
    })
}

/// Checks drafts; without any, the examples as texts and the sample as a file.
fn drafts(
    args: &Args,
    loaded: &Loaded,
    index: &IndexArgs,
    globals: &Globals,
) -> anyhow::Result<ExitCode> {
    let mut files: Vec<PathBuf> = args.inputs.iter().map(PathBuf::from).collect();
    if files.is_empty() {
        let desk = desk(index, loaded)?;
        for text in &loaded.scenario.examples {
            let viewer = args.asker.viewer();
            let findings = crate::check::check(&desk, text, &viewer, args.asker.day())?;
            say(&format!("\n▶ {text}\n{}", check::text(&findings)))?;
        }
        let sample = loaded.scenario.sample.iter().map(|sample| samples::find(sample));
        files.extend(sample.collect::<Result<Vec<_>, _>>()?);
    }
    let mut code = ExitCode::SUCCESS;
    for draft in files {
        say(&format!("\n▶ {}\n", draft.display()))?;
        let arguments =
            check::Args::of(draft, index.clone(), args.asker.clone(), args.scenario.clone());
        let one = check::run(&arguments, globals)?;
        code = if one == ExitCode::SUCCESS { code } else { one };
    }
    Ok(code)
}
