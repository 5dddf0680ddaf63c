//! `filter`: keep the molecules that pass rules.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_chem::alerts::AlertCatalog;
use strata_cli::progress::reporter;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use crate::tools::filter::{Condition, Rules, filter};

use super::common::InputArgs;

/// Keep the molecules that pass every rule asked for.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug filter vendor.smi --out leads.smi --lipinski --veber --pains
  strata-drug filter vendor.csv.gz --out leads.csv --where 'QED>0.5' --where 'MolWt<=450' --rejected others.csv
  strata-drug filter vendor.smi --out clean.smi --alerts my_alerts.smarts --max-tpsa 120")]
pub struct Args {
    /// What to read.
    #[command(flatten)]
    input: InputArgs,
    /// Where the molecules go that pass: .smi, .csv, .csv.gz or .parquet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where all other rows go, with the reason or the error.
    #[arg(long, value_name = "FILE")]
    rejected: Option<PathBuf>,
    /// Lipinski's rule of five (one violation is forgiven).
    #[arg(long)]
    lipinski: bool,
    /// Veber's rule (rotatable bonds, polar surface).
    #[arg(long)]
    veber: bool,
    /// No PAINS alert.
    #[arg(long)]
    pains: bool,
    /// No Brenk alert.
    #[arg(long)]
    brenk: bool,
    /// No NIH alert.
    #[arg(long)]
    nih: bool,
    /// No alert of a file: TOML, or lines of SMARTS and name.
    #[arg(long, value_name = "FILE")]
    alerts: Option<PathBuf>,
    /// A condition on QED, SA or a descriptor; repeatable.
    #[arg(long = "where", value_name = "NAME<NUMBER")]
    conditions: Vec<Condition>,
    /// The same as --where 'MolWt<=N'.
    #[arg(long, value_name = "N")]
    max_mol_wt: Option<f64>,
    /// The same as --where 'MolLogP<=N'.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    max_logp: Option<f64>,
    /// The same as --where 'TPSA<=N'.
    #[arg(long, value_name = "N")]
    max_tpsa: Option<f64>,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Filters.
///
/// # Errors
/// Where no rule is given, or files cannot be read or written.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let rules = rules(args)?;
    anyhow::ensure!(
        !rules.is_empty(),
        "no rule to filter by: add --lipinski, --veber, --pains, --brenk, --alerts FILE or --where 'QED>0.5'"
    );
    let mut reader = args.input.open()?;
    let places = (args.out.as_path(), args.rejected.as_deref());
    let summary = filter(reader.as_mut(), &rules, places, reporter(globals.quiet).as_mut())?;
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if globals.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "{} passed, {} rejected; {}\n",
        summary.passed,
        summary.rejected,
        summary.counts.line()
    ))?;
    let mut broken: Vec<_> = summary.broken.iter().collect();
    broken.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    if !broken.is_empty() {
        let mut table = TextTable::new(&["molecules", "broken rule"]);
        for (rule, count) in broken.iter().take(20) {
            table.row(vec![count.to_string(), (*rule).clone()]);
        }
        say(&table.render())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn rules(args: &Args) -> anyhow::Result<Rules> {
    let sets = [("pains", args.pains), ("brenk", args.brenk), ("nih", args.nih)];
    let names: Vec<&str> = sets.iter().filter(|set| set.1).map(|set| set.0).collect();
    let mut alerts = AlertCatalog::builtin(&names)?;
    if let Some(path) = &args.alerts {
        let name = || path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(name)?;
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let own = match is_toml {
            true => AlertCatalog::from_toml(&text),
            false => AlertCatalog::from_smarts_lines(&text, "custom"),
        };
        alerts.extend(&own.with_context(name)?)?;
    }
    let mut conditions = args.conditions.clone();
    let limits = [("MolWt", args.max_mol_wt), ("MolLogP", args.max_logp), ("TPSA", args.max_tpsa)];
    for (name, limit) in limits {
        if let Some(limit) = limit {
            conditions.push(format!("{name}<={limit}").parse().map_err(anyhow::Error::msg)?);
        }
    }
    Ok(Rules { lipinski: args.lipinski, veber: args.veber, alerts, conditions })
}
