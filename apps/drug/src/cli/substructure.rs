//! `substructure`: the molecules of a library that contain a pattern.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::tools::search::{open_library, substructure};

/// Find the molecules of a library that contain a SMARTS pattern.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug substructure 'c1ccc2[nH]ccc2c1' --db vendor.sfp
  strata-drug substructure '[NX3][CX3](=O)c1ccccc1' --db vendor.sfp --limit 1000 --json")]
pub struct Args {
    /// The pattern.
    #[arg(value_name = "SMARTS")]
    smarts: String,
    /// Library made by `index`.
    #[arg(long, value_name = "LIB")]
    db: PathBuf,
    /// Stop after so many hits [default: all].
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Only say how many there are.
    #[arg(long)]
    count: bool,
    /// JSON.
    #[arg(long)]
    json: bool,
}

/// Searches.
///
/// # Errors
/// Where the pattern or the library cannot be read.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let library = open_library(&args.db)?;
    let limit = args.limit.unwrap_or(usize::MAX);
    let result = substructure(&library, &args.smarts, limit)?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&result)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.count {
        let mut table = TextTable::new(&["id", "row", "smiles"]);
        for hit in &result.hits {
            table.row(vec![hit.id.clone(), hit.row.to_string(), hit.smiles.clone()]);
        }
        say(&table.render())?;
    }
    if args.count || !globals.quiet {
        say(&format!(
            "{} of {} molecules contain it ({} matched after the screen)\n",
            result.hits.len(),
            result.library,
            result.matched
        ))?;
    }
    if !result.given_up.is_empty() {
        say(&format!(
            "given up on (pattern too ambiguous there): {}\n",
            result.given_up.join(", ")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
