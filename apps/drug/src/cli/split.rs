//! `split`: training, validation and test files.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_chem::split::Fractions;
use strata_cli::progress::reporter;
use strata_cli::{Globals, say};

use crate::tools::split::{Method, SplitOptions, split};

use super::common::InputArgs;

/// Split a data set into training, validation and test files, at random or by Murcko scaffold.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug split BBBP.csv --out-dir bbbp
  strata-drug split BBBP.csv --method scaffold-balanced --seed 3 --fractions 0.7,0.1,0.2 --out-dir bbbp")]
pub struct Args {
    /// What to read.
    #[command(flatten)]
    input: InputArgs,
    /// Folder for train, valid, test and, where rows have no molecule, errors.
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// How rows are assigned.
    #[arg(long, value_enum, default_value = "scaffold")]
    method: Method,
    /// Sizes of the three parts.
    #[arg(
        long,
        value_name = "A,B,C",
        value_delimiter = ',',
        num_args = 1,
        default_value = "0.8,0.1,0.1"
    )]
    fractions: Vec<f64>,
    /// Seed of random and balanced splits.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Format of the files.
    #[arg(long, value_name = "EXT", default_value = "csv", value_parser = ["csv", "csv.gz", "parquet", "smi"])]
    to: String,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Splits.
///
/// # Errors
/// Where the fractions make no whole, or files cannot be read or written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let [train, valid, test] = args.fractions[..] else {
        anyhow::bail!("--fractions takes three numbers with the sum 1, such as 0.8,0.1,0.1");
    };
    let options = SplitOptions {
        method: args.method,
        fractions: Fractions::new(train, valid, test)?,
        seed: args.seed,
        folder: args.out_dir.clone(),
        extension: args.to.clone(),
    };
    let mut reader = args.input.open()?;
    let summary = split(reader.as_mut(), &options, reporter(globals.quiet).as_mut())?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else if !globals.quiet {
        let scaffolds = match summary.scaffolds {
            0 => String::new(),
            count => format!(", {count} scaffolds"),
        };
        say(&format!(
            "train {}, valid {}, test {}{scaffolds}; {}\n",
            summary.train,
            summary.valid,
            summary.test,
            summary.counts.line()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
