//! `embed`: arguments of [`crate::tools::embed::embed`].

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use strata_cli::progress::reporter;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::tools::embed::{EmbedJob, embed};

use super::common::InputArgs;

/// Embed molecules: a vector each from a graph encoder, for clustering, search or training.
///
/// Every input row gives one row of OUT, in order: the given columns, then canonical_smiles, error_code,
/// error, and the vector in e0, e1, and so on (512 numbers, rounded to six decimals). An
/// empty error_code means the row is good.
///
/// Encoders: molecule-encoder, which comes with the program, and MolCLR's public molclr-gcn. In both, raw
/// vectors of unlike molecules are still alike: centre or whiten them, or train on them, before using them as a
/// similarity.
///
/// MolCLR's are all alike (cosines of 0.77 to 0.999). It learnt nothing of stereochemistry: it sees that a
/// centre or a double bond is specified, but mirror images, and E and Z, get the same vector. For vectors
/// that do not depend on how much is specified, remove stereochemistry from the input.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug embed library.smi --out vectors.parquet
  strata-drug embed vendor.csv.gz --smiles-column SMILES --id-column ID --out vectors.csv
  strata-drug embed library.smi --model molclr-gcn --out vectors.parquet
The file of molclr-gcn is not part of the program; where it lies in DIR:
  strata-drug models fetch molclr-gcn --from DIR")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The result: .csv, .csv.gz or .parquet.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// The encoder.
    #[arg(long, value_name = "NAME", default_value = "molecule-encoder")]
    model: String,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Embeds.
///
/// # Errors
/// As [`embed`], or where Ctrl-C cannot be caught.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let job = EmbedJob {
        input: args.input.spec(),
        out: args.out,
        model: args.model,
        models_dir: args.models_dir,
        threads: args.threads,
        overwrite: args.overwrite,
    };
    let started = Instant::now();
    let mut progress = reporter(globals.quiet);
    let embedded = embed(&job, &stop, progress.as_mut());
    drop(progress);
    let Some(summary) = embedded? else {
        eprintln!("stopped: nothing was written");
        return Ok(ExitCode::from(130));
    };
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else if !globals.quiet {
        say(&format!(
            "{}; {} numbers a molecule by {} {} in {:.1} s\nWritten: {}\n",
            summary.counts.line(),
            summary.dimensions,
            summary.model.model,
            summary.model.version,
            started.elapsed().as_secs_f64(),
            job.out.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
