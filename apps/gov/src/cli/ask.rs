//! `ask`: a question to a quoted answer or a refusal.

use std::process::ExitCode;

use strata_cli::{Globals, say};
use strata_core::runtime::RunOptions;

use super::common::{AskerArgs, AuditArgs, IndexArgs, desk, question, scenario};
use super::show;
use crate::answer::Outcome;
use crate::scenario::{self as scenarios, Mode};

/// Exit code of a refusal.
pub(super) const REFUSED: u8 = 2;

/// Ask a question: the answer is quoted with its exact place, or refused.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov ask \"试用期最长多久？\" --index office
  strata-gov ask \"电动自行车要上牌吗\" --index office --as-of 2021-06-01 --department 公安局
  strata-gov ask \"办居住证要什么材料\" --index office --scenario service-guide
  strata-gov ask \"试用期最长多久？\" --index office --json

The exit code is 0 for an answer and 2 for a refusal.")]
pub struct Args {
    /// The question.
    question: String,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    #[command(flatten)]
    audit: AuditArgs,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = scenarios::DEFAULT)]
    scenario: String,
    /// The answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks.
///
/// # Errors
/// A scenario, index or model that cannot be used, or a question that cannot be asked.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = scenario(&args.scenario, &[Mode::Ask, Mode::Guide])?;
    let desk = desk(&args.index, &loaded)?;
    let asked = question(&loaded, &args.question, &args.asker, None);
    let run = RunOptions::default();
    let (answer, text, json) = match loaded.scenario.mode {
        Mode::Guide => {
            let guided = crate::guide::guide(&desk, &asked, &loaded.scenario.guide, &run)?;
            let (text, json) = (show::guided(&guided), serde_json::to_string_pretty(&guided)?);
            (guided.answer, text, json)
        }
        _ => {
            let answer = crate::answer::ask(&desk, &asked, &run)?;
            let (text, json) = (show::answer(&answer), serde_json::to_string_pretty(&answer)?);
            (answer, text, json)
        }
    };
    args.audit.write(|who| answer.record(who, args.asker.department.clone(), ""))?;
    say(&if args.json { json + "\n" } else { text })?;
    Ok(match answer.outcome {
        Outcome::Answered => ExitCode::SUCCESS,
        Outcome::Refused => ExitCode::from(REFUSED),
    })
}
