//! `screen`: arguments of [`crate::screen::screen`], and its summary for people.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::progress::reporter;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::scenario::{self, Loaded};
use crate::screen::{Finished, Job, ModelChoice, Screened, screen};

use super::common::InputArgs;
use super::common_summary::summary;

/// Screen a library: predict, score and rank every molecule.
///
/// Every input row gives one row of OUT, in order: the given columns, then canonical_smiles,
/// error_code, error, MolWt, MolLogP, TPSA, NumHDonors, NumHAcceptors, QED, SA, alerts, each model's predictions
/// with their spread (_sd) and 90 % interval (_lo, _hi), nn_tanimoto (similarity to the nearest training molecule),
/// flags (cut-offs crossed), score and rank. An empty error_code means the row is good. A given column with the
/// name of an added one gets _in behind its name.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The result: .csv, .csv.gz or .parquet.
    #[arg(long, short, value_name = "FILE", visible_alias = "save_path")]
    out: PathBuf,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = scenario::DEFAULT)]
    profile: String,
    /// Models to run, separated by commas, or none [default: those of the scenario].
    #[arg(long, value_name = "NAMES")]
    models: Option<ModelChoice>,
    /// Predictions for a reference set, for percentiles: a CSV file with a column of numbers for each endpoint
    /// [default: the models' own].
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// How many of the best the summary, the report and --top-out show.
    #[arg(long, value_name = "N", default_value_t = 12)]
    top: usize,
    /// Also write the best alone, by rank (.csv, .csv.gz or .parquet).
    #[arg(long, value_name = "FILE")]
    top_out: Option<PathBuf>,
    /// Also write a report with the structures of the best (.html).
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Go on with an unfinished run of the same settings.
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Write over an existing result or unfinished run.
    #[arg(long)]
    overwrite: bool,
}

/// A table of a scenario's columns for a file, as other commands ask for it.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) input: PathBuf,
    pub(super) smiles_column: Option<String>,
    pub(super) out: PathBuf,
    pub(super) profile: String,
    pub(super) reference: Option<PathBuf>,
    pub(super) report: Option<PathBuf>,
    pub(super) models_dir: Option<PathBuf>,
    pub(super) threads: usize,
    pub(super) overwrite: bool,
}

impl From<Table> for Args {
    fn from(table: Table) -> Self {
        Self {
            input: InputArgs {
                input: table.input,
                format: None,
                smiles_column: table.smiles_column,
                id_column: None,
            },
            out: table.out,
            profile: table.profile,
            models: None,
            reference: table.reference,
            models_dir: table.models_dir,
            top: 12,
            top_out: None,
            report: table.report,
            threads: table.threads,
            resume: false,
            overwrite: table.overwrite,
        }
    }
}

/// Screens.
///
/// # Errors
/// As [`screen`], or where Ctrl-C cannot be caught.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let job = Job {
        input: args.input.spec(),
        input_name: None,
        out: args.out,
        scenario: Loaded::find(&args.profile)?,
        models: args.models.unwrap_or_default(),
        reference: args.reference,
        models_dir: args.models_dir,
        threads: args.threads,
        top: args.top,
        top_out: args.top_out,
        report: args.report,
        resume: args.resume,
        overwrite: args.overwrite,
    };
    let mut progress = reporter(globals.quiet);
    let screened = screen(&job, &stop, progress.as_mut());
    drop(progress);
    match screened? {
        Screened::Complete(finished) => {
            if !globals.quiet {
                say(&closing(&finished, &job))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Screened::AlreadyComplete => {
            if !globals.quiet {
                say(&format!("{} is complete: nothing to resume\n", job.out.display()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Screened::Interrupted { rows, journal } => {
            eprintln!(
                "stopped after {rows} rows, kept in {}: run the same command with --resume to go on",
                journal.display()
            );
            Ok(ExitCode::from(130))
        }
    }
}

/// The summary, and what was written where.
fn closing(finished: &Finished, job: &Job) -> String {
    let mut text = summary(&finished.summary, &job.scenario.scenario.title);
    let files = [Some(&job.out), job.top_out.as_ref(), job.report.as_ref()];
    let files: Vec<String> = files.into_iter().flatten().map(|f| f.display().to_string()).collect();
    text += &format!("\nWritten: {}\n", files.join(", "));
    text
}
