//! `describe`: descriptors, drug-likeness and alerts of molecules.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strata_chem::Mol;
use strata_cli::{Globals, say};

use crate::input::{Format, InputSpec, open};
use crate::tools::describe::{alerts, describe, render};

/// Describe a molecule: descriptors under RDKit's names, QED, SA, rules of thumb, structural alerts.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug describe 'CC(=O)Oc1ccccc1C(=O)O'
  strata-drug describe library.smi --json > described.jsonl
  strata-drug describe CCO --all")]
pub struct Args {
    /// A SMILES, or a file of molecules (or - for standard input).
    #[arg(value_name = "SMILES|INPUT")]
    molecule: String,
    /// Format of a file, where neither name nor content tells it.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Every descriptor.
    #[arg(long)]
    all: bool,
    /// JSON with every descriptor: an object for a SMILES, a line for each row of a file.
    #[arg(long)]
    json: bool,
}

/// Describes.
///
/// # Errors
/// Where the SMILES or the file cannot be read.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let catalog = alerts()?;
    let show = |id: &str, mol: &Mol, pretty: bool| -> anyhow::Result<String> {
        let description = describe(id, mol, &catalog);
        Ok(match (args.json, pretty) {
            (true, true) => format!("{}\n", serde_json::to_string_pretty(&description)?),
            (true, false) => format!("{}\n", serde_json::to_string(&description)?),
            (false, true) => render(&description, args.all),
            (false, false) => format!("{}\n", render(&description, args.all)),
        })
    };
    if args.molecule != "-" && !Path::new(&args.molecule).is_file() {
        let mol = Mol::from_smiles(&args.molecule).map_err(|error| {
            anyhow::anyhow!("{:?} is neither a file nor a SMILES: {error}", args.molecule)
        })?;
        say(&show(&args.molecule, &mol, true)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = PathBuf::from(&args.molecule);
    let mut reader = open(&InputSpec { path, format: args.format, ..InputSpec::default() })?;
    let layout = reader.layout().clone();
    let mut row = 0;
    while let Some(record) = reader.next_record()? {
        let id = record.id(&layout, row).into_owned();
        row += 1;
        match record.molecule(&layout) {
            Ok(mol) => say(&show(&id, &mol, false)?)?,
            Err(error) if args.json => {
                let line = serde_json::json!({ "id": id, "error_code": error.code, "error": error.message });
                say(&format!("{line}\n"))?;
            }
            Err(error) => say(&format!("{id}\nerror ({}): {}\n\n", error.code, error.message))?,
        }
    }
    Ok(ExitCode::SUCCESS)
}
