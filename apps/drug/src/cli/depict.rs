//! `depict`: drawings.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use strata_chem::Mol;
use strata_chem::smarts::Pattern;
use strata_cli::atomic::AtomicFile;
use strata_cli::{Globals, say};

use crate::input::{Format, InputSpec, open};
use crate::tools::depict::{draw, page};

/// Draw a molecule as SVG, or the molecules of a file on one HTML page.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug depict 'CC(=O)Oc1ccccc1C(=O)O' --out aspirin.svg
  strata-drug depict hits.csv --out hits.html --limit 200 --highlight 'C(=O)[OH]'")]
pub struct Args {
    /// A SMILES, or a file of molecules (or - for standard input).
    #[arg(value_name = "SMILES|INPUT")]
    molecule: String,
    /// Where the drawing goes: .svg for a SMILES, .html for a file [default for a SMILES: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Mark the atoms that match a SMARTS pattern.
    #[arg(long, value_name = "SMARTS")]
    highlight: Option<String>,
    /// Most molecules on a page.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u64,
    /// Format of a file, where neither name nor content tells it.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Draws.
///
/// # Errors
/// Where the molecule or file cannot be read, or the drawing not be written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let pattern = args.highlight.as_deref().map(Pattern::parse).transpose()?;
    if args.molecule != "-" && !Path::new(&args.molecule).is_file() {
        let mol = Mol::from_smiles(&args.molecule).map_err(|error| {
            anyhow::anyhow!("{:?} is neither a file nor a SMILES: {error}", args.molecule)
        })?;
        let drawing = draw(&mol, pattern.as_ref())?;
        match &args.out {
            None => say(&format!("{drawing}\n"))?,
            Some(path) => {
                let name = || path.display().to_string();
                let mut file = AtomicFile::create(path).with_context(name)?;
                file.write_all(drawing.as_bytes()).with_context(name)?;
                file.commit().with_context(name)?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let Some(out) = &args.out else {
        anyhow::bail!("a file of molecules is drawn on a page: add --out NAME.html");
    };
    let path = PathBuf::from(&args.molecule);
    let mut reader = open(&InputSpec { path, format: args.format, ..InputSpec::default() })?;
    let summary = page(reader.as_mut(), out, pattern.as_ref(), args.limit)?;
    if !globals.quiet {
        let more = if summary.cut { ", more rows left out (see --limit)" } else { "" };
        let (drawn, failed) = (summary.drawn, summary.failed);
        say(&format!("{}: {drawn} molecules, {failed} with an error{more}\n", out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
