//! `admet`: the ADMET profile of a molecule, or the table of `screen` for a file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::atomic::write_whole;
use strata_cli::{Globals, say};

use crate::admet::{SCENARIO, page, profile_of, text};
use crate::screen::{Folder, Reference};

use super::screen;

/// Profile absorption, distribution, metabolism, excretion and toxicity by ADMET-AI's models.
///
/// A SMILES gives a card: 41 endpoints in groups, with units, percentiles among approved drugs, and how near the
/// molecule is to known ones. A file gives the table of `screen --profile admet-profile`: every row of the input, in
/// order, with a column for each endpoint and its percentile.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug admet 'CC(=O)Oc1ccccc1C(=O)O'
  strata-drug admet 'CC(=O)Oc1ccccc1C(=O)O' --report aspirin.html
  strata-drug admet library.csv --out profiles.csv --reference drugbank_approved.csv
The models' files are not part of the program; where they lie in DIR:
  strata-drug models fetch admet-ai-classification --from DIR
  strata-drug models fetch admet-ai-regression --from DIR")]
pub struct Args {
    /// A SMILES, or a file (.smi, .csv, .tsv, .sdf, each also .gz, or .parquet).
    #[arg(value_name = "SMILES|FILE", allow_hyphen_values = true)]
    input: String,
    /// The result for a file: .csv, .csv.gz or .parquet.
    #[arg(long, short, value_name = "FILE", visible_alias = "save_path")]
    out: Option<PathBuf>,
    /// Predictions for a reference set, for percentiles: a CSV file with a column of numbers for each endpoint
    /// [default: the models' own].
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Also write a report (.html).
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// The column of SMILES of a file [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "smiles_column")]
    smiles_column: Option<String>,
    /// Worker threads for a file; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
    /// The profile of a SMILES as JSON.
    #[arg(long)]
    json: bool,
}

/// Profiles.
///
/// # Errors
/// What is wrong with the input, the models or the reference set.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let path = PathBuf::from(&args.input);
    if path.is_file() || args.input == "-" {
        let out = args.out.context("a file needs --out: where its table goes")?;
        let table = screen::Table {
            input: path,
            smiles_column: args.smiles_column,
            out,
            profile: SCENARIO.to_owned(),
            reference: args.reference,
            report: args.report,
            models_dir: args.models_dir,
            threads: args.threads,
            overwrite: args.overwrite,
        };
        return screen::run(table.into(), globals);
    }
    let reference = args.reference.as_deref().map(Reference::open).transpose()?;
    let models = Folder::new(args.models_dir.as_deref(), 1);
    let (profile, provenance) = profile_of(&args.input, &models, reference)?;
    if let Some(code) = &profile.error_code {
        let error = profile.error.as_deref().unwrap_or("");
        anyhow::bail!(
            "{:?} is neither a file nor a SMILES that can be read ({code}): {error}",
            args.input
        );
    }
    if let Some(report) = &args.report {
        write_whole(report, page(&profile, &provenance).as_bytes())
            .with_context(|| format!("cannot write {}", report.display()))?;
    }
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&profile)?))?;
    } else {
        say(&text(&profile))?;
    }
    Ok(ExitCode::SUCCESS)
}
