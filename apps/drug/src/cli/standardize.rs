//! `standardize`: standard forms of molecules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::atomic::AtomicFile;
use strata_cli::{Globals, say};

use crate::input::{Format, InputSpec, open};
use crate::tools::standardize::{Steps, standardize, table};

/// Give molecules their standard form: largest fragment, neutral, canonical tautomer on request.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug standardize 'CC(=O)[O-].[Na+]'
  strata-drug standardize vendor.sdf --out standard.csv --tautomer")]
pub struct Args {
    /// A SMILES, or a file of molecules (or - for standard input).
    #[arg(value_name = "SMILES|INPUT")]
    molecule: String,
    /// Where comma-separated rows go [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep salts and solvents.
    #[arg(long)]
    keep_fragments: bool,
    /// Keep charges.
    #[arg(long)]
    keep_charges: bool,
    /// Replace each molecule by its canonical tautomer; slow.
    #[arg(long)]
    tautomer: bool,
    /// Format of a file, where neither name nor content tells it.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Standardises.
///
/// # Errors
/// Where the molecule or file cannot be read, or the result not be written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let steps = Steps {
        largest_fragment: !args.keep_fragments,
        neutralize: !args.keep_charges,
        canonical_tautomer: args.tautomer,
    };
    if args.molecule != "-" && !Path::new(&args.molecule).is_file() {
        let form = standardize(&args.molecule, steps);
        if !form.error_code.is_empty() {
            anyhow::bail!("{:?} is neither a file nor a SMILES: {}", args.molecule, form.error);
        }
        say(&format!("{}\n", form.standard_smiles))?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = PathBuf::from(&args.molecule);
    let mut reader = open(&InputSpec { path, format: args.format, ..InputSpec::default() })?;
    let Some(out) = &args.out else {
        table(reader.as_mut(), steps, &mut std::io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    };
    let name = || out.display().to_string();
    let mut file = AtomicFile::create(out).with_context(name)?;
    let (rows, errors) = table(reader.as_mut(), steps, &mut file)?;
    file.commit().with_context(name)?;
    if !globals.quiet {
        say(&format!("{}: {rows} molecules, {errors} with an error\n", out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
