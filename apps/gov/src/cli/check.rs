//! `check`: the citations of a draft against the index.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use strata_cli::{Globals, say};
use strata_text::read;

use super::common::{AskerArgs, IndexArgs, desk, scenario};
use super::show;
use crate::check::{Finding, LONGEST, Verdict};
use crate::scenario::Mode;

/// Check the citations of a draft: wrong articles, repealed and amended texts, misquotes.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov check draft.docx --index office
  strata-gov check draft.md --index office --as-of 2025-01-01 --json

The exit code is 2 when a citation is not right.")]
pub struct Args {
    /// The draft: any format that `ingest` reads.
    draft: PathBuf,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "legal-check")]
    scenario: String,
    /// The findings as JSON.
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Arguments for one draft of a run.
    pub(super) fn of(draft: PathBuf, index: IndexArgs, asker: AskerArgs, scenario: String) -> Self {
        Self { draft, index, asker, scenario, json: false }
    }
}

/// Checks.
///
/// # Errors
/// A draft, scenario or index that cannot be used.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = scenario(&args.scenario, &[Mode::Check])?;
    let desk = desk(&args.index, &loaded)?;
    let mut records = read::open(&args.draft)?;
    let first = records.next().context("the draft is empty")?;
    let draft = match first {
        Ok(extract) => extract.text,
        Err(problem) => bail!("{}: {}", args.draft.display(), problem.message),
    };
    if draft.len() > LONGEST {
        bail!(
            "{} has more than {} MB of text; check it in parts",
            args.draft.display(),
            LONGEST >> 20
        );
    }
    let findings = crate::check::check(&desk, &draft, &args.asker.viewer(), args.asker.day())?;
    if args.json {
        say(&(serde_json::to_string_pretty(&findings)? + "\n"))?;
    } else {
        say(&text(&findings))?;
    }
    let right = findings.iter().all(|finding| finding.verdict == Verdict::Right);
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::from(super::ask::REFUSED) })
}

/// Findings, for people.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = if finding.verdict == Verdict::Right { "✓" } else { "✗" };
        let _ = writeln!(text, "{mark} {}  {}", finding.text, finding.verdict.chinese());
        if finding.verdict != Verdict::Right {
            let _ = writeln!(text, "    {}", finding.message);
            if let Some(quote) = &finding.quote {
                let _ = writeln!(text, "    引文：「{}」", show::excerpt(quote));
            }
            if let Some(source) = &finding.source {
                let _ = writeln!(text, "    原文：「{}」", show::excerpt(&source.quote));
            }
        }
    }
    let wrong = findings.iter().filter(|finding| finding.verdict != Verdict::Right).count();
    text + &format!("\n{} citations, {wrong} to look at\n", findings.len())
}
