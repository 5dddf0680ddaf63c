//! `run`: a scenario on a source, or on the sample that ships with it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::{Globals, say};

use super::detect::TaskArgs;
use super::source::{ReadingArgs, SourceArgs};
use super::{belt, detect, fit, inspect};
use crate::samples;
use crate::scenario::{Loaded, Mode};

/// Run a scenario: on a source of yours, or on the sample that ships with it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining run belt-damage
  strata-mining run foreign-object camera-3.mp4 --save marked/
  strata-mining run surface-anomaly new/ --bank surface.bank
  strata-mining run our-belt.toml photos/ --out found.json")]
pub struct Args {
    /// The scenario by name (see `scenarios`), or a TOML file.
    scenario: String,
    /// A picture, a folder, a pattern in quotes, a video, or rtsp://… [default: the scenario's sample]
    source: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Where the result goes; its name tells the form.
    #[arg(long, short, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// Draw what was found into copies of the pictures, in this folder.
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Scenarios of anomalies: the bank, made by `fit` [default: one of the scenario's normals].
    #[arg(long, value_name = "FILE")]
    bank: Option<PathBuf>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over existing results.
    #[arg(long)]
    overwrite: bool,
}

impl Args {
    fn source(&self, sample: Option<&String>) -> anyhow::Result<SourceArgs> {
        let source = match (&self.source, sample) {
            (Some(source), _) => source.clone(),
            (None, Some(sample)) => samples::find(sample)?.display().to_string(),
            (None, None) => bail!("scenario {} has no sample: give a SOURCE", self.scenario),
        };
        Ok(SourceArgs { source, reading: self.reading.clone() })
    }
}

/// Runs it.
///
/// # Errors
/// As the command of the scenario's mode.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = Loaded::find(&args.scenario)?;
    let scenario = &loaded.scenario;
    let source = args.source(scenario.sample.as_ref())?;
    if !globals.quiet {
        say(&format!("{} ({}) on {}\n\n", scenario.title, scenario.title_zh, source.source))?;
    }
    match scenario.mode {
        Mode::Detect => detect::run(
            &detect::Args {
                source,
                task: TaskArgs {
                    scenario: Some(args.scenario.clone()),
                    models_dir: args.models_dir.clone(),
                    threads: args.threads,
                    ..TaskArgs::default()
                },
                out: args.out.clone(),
                format: None,
                save: args.save.clone(),
                overwrite: args.overwrite,
            },
            globals,
        ),
        Mode::Belt => belt::run(
            &belt::Args {
                source,
                scenario: args.scenario.clone(),
                out: args.out.clone(),
                save: args.save.clone(),
                threads: args.threads,
                overwrite: args.overwrite,
            },
            globals,
        ),
        Mode::Anomaly => anomaly(args, &loaded, source, globals),
    }
}

/// Inspects with the bank given, or with one of the scenario's normals.
fn anomaly(
    args: &Args,
    loaded: &Loaded,
    source: SourceArgs,
    globals: &Globals,
) -> anyhow::Result<ExitCode> {
    // Lives until the inspection is over.
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let bank = match (&args.bank, &loaded.scenario.anomaly.normals) {
        (Some(bank), _) => bank.clone(),
        (None, Some(normals)) => {
            let bank = folder.path().join("sample.bank");
            let normals = samples::find(normals)?.display().to_string();
            let code = fit::run(
                &fit::Args {
                    source: SourceArgs { source: normals, reading: args.reading.clone() },
                    scenario: args.scenario.clone(),
                    out: bank.clone(),
                    models_dir: args.models_dir.clone(),
                    threads: args.threads,
                    ..fit::Args::default()
                },
                globals,
            )?;
            if code != ExitCode::SUCCESS {
                return Ok(code);
            }
            if !globals.quiet {
                say("\n")?;
            }
            bank
        }
        (None, None) => bail!(
            "scenario {} needs a bank: make one with `fit` and give it with --bank",
            args.scenario
        ),
    };
    inspect::run(
        &inspect::Args {
            source,
            bank,
            out: args.out.clone(),
            save: args.save.clone(),
            models_dir: args.models_dir.clone(),
            threads: args.threads,
            overwrite: args.overwrite,
        },
        globals,
    )
}
