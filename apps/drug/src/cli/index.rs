//! `index`: a molecule library for `search` and `substructure`.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_chem::db::FingerprintSpec;
use strata_cli::progress::reporter;
use strata_cli::text::size;
use strata_cli::{Globals, say};

use crate::tools::index::index;

use super::common::InputArgs;

/// Make a searchable library (fingerprints, substructure screen, SMILES) of an input.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug index vendor.smi.gz --out vendor.sfp
  strata-drug index library.csv --smiles-column SMILES --out library.sfp --fp-bits 1024
Then:
  strata-drug search 'CC(=O)Oc1ccccc1C(=O)O' --db vendor.sfp")]
pub struct Args {
    /// What to read.
    #[command(flatten)]
    input: InputArgs,
    /// The library to write, usually .sfp.
    #[arg(long, value_name = "LIB")]
    out: PathBuf,
    /// Radius of the Morgan fingerprint in bonds: 2 is ECFP4, 3 is ECFP6.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=10))]
    radius: u32,
    /// Length of the fingerprint in bits, a multiple of 64.
    #[arg(long, value_name = "N", default_value_t = 2048)]
    fp_bits: usize,
    /// Pharmacophoric features instead of elements: FCFP.
    #[arg(long)]
    features: bool,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Indexes.
///
/// # Errors
/// Where the input cannot be read or the library not be written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let spec =
        FingerprintSpec { radius: args.radius, bits: args.fp_bits, use_features: args.features };
    let mut reader = args.input.open()?;
    let summary = index(reader.as_mut(), &args.out, &spec, reporter(globals.quiet).as_mut())?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else if !globals.quiet {
        say(&format!(
            "{}: {} molecules, {}\n{}\n",
            args.out.display(),
            summary.molecules,
            size(summary.bytes),
            summary.counts.line()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
