//! `route`: a hotline case to its department.

use std::fmt::Write;
use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::{Globals, say};
use strata_core::runtime::RunOptions;

use super::common::{AskerArgs, AuditArgs, IndexArgs, desk, question, scenario};
use crate::audit::Record;
use crate::route::Routed;
use crate::scenario::Mode;

/// Find the department of a hotline case, by the office's own cases and services.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov route \"楼下烧烤店半夜还在放音响\" --index office
  cat case.txt | strata-gov route - --index office --json

Cases and service guides in the index that name a department speak for it. Below the scenario's least confidence the case goes to
people, and the exit code is 2.")]
pub struct Args {
    /// The case; - reads it from standard input.
    text: String,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    #[command(flatten)]
    audit: AuditArgs,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "hotline-dispatch")]
    scenario: String,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// The argument, or standard input for `-`.
pub(super) fn text_of(argument: &str) -> anyhow::Result<String> {
    const LONGEST: u64 = 16 << 20;
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().take(LONGEST).read_to_string(&mut text).context("standard input")?;
    Ok(text)
}

/// Routes.
///
/// # Errors
/// A scenario, index or model that cannot be used.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = scenario(&args.scenario, &[Mode::Route])?;
    let desk = desk(&args.index, &loaded)?;
    let case = text_of(&args.text)?;
    let search = question(&loaded, &case, &args.asker, None).search;
    let routed =
        crate::route::route(&desk, &search, &loaded.scenario.route, &RunOptions::default())?;
    args.audit.write(|who| Record {
        who: who.to_owned(),
        action: "route".to_owned(),
        question: routed.text.clone(),
        as_of: search.as_of.to_string(),
        departments: args.asker.department.clone(),
        outcome: routed.department.clone(),
        ..Record::default()
    })?;
    if args.json {
        say(&(serde_json::to_string_pretty(&routed)? + "\n"))?;
    } else {
        say(&text(&routed))?;
    }
    Ok(if routed.fallback { ExitCode::from(super::ask::REFUSED) } else { ExitCode::SUCCESS })
}

/// Where a case goes, for people.
pub(super) fn text(routed: &Routed) -> String {
    let mut out = format!("→ {}\n", routed.department);
    for proposal in &routed.proposals {
        let _ = writeln!(out, "  {:>3.0} %  {}", proposal.confidence * 100.0, proposal.department);
        for evidence in proposal.evidence.iter().take(2) {
            let _ = writeln!(out, "         {}（{}）", evidence.title, evidence.doc_id);
        }
    }
    out
}
