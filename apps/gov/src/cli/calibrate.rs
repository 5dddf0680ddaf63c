//! `calibrate`: when to refuse, by an office's own questions.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::{Globals, say};
use strata_text::index::Index;

use super::common::{AskerArgs, IndexArgs};
use crate::evaluate::read;

/// Set when to refuse, by questions with and without an answer in the index.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov calibrate --index office --queries questions.jsonl
  strata-gov calibrate --index office --queries questions.jsonl --wrongly 0.02

Lines are those of `eval`; one without \"relevant\", \"docid\" or \"answer\" has no answer. Without this, the threshold comes from small
talk that ships with the program, and is made anew as the index grows; with it, it stays until it is set again.")]
pub struct Args {
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    /// The questions, JSON lines.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// Share of the questions with an answer that may be refused.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    wrongly: f64,
}

/// Calibrates.
///
/// # Errors
/// Questions or an index that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let index = Index::open(&args.index.index)?;
    let questions = read(&args.queries)?;
    let questions: Vec<(String, bool)> =
        questions.into_iter().map(|question| (question.text, question.answerable)).collect();
    let how = (args.wrongly, args.asker.day());
    let made = crate::refusal::calibrate(&index, &questions, how)?;
    if globals.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    let with = questions.iter().filter(|question| question.1).count();
    let mut text = format!(
        "{with} questions with an answer, {} without; answers begin at {:.3}\n",
        questions.len() - with,
        made.refusal.threshold
    );
    if !made.curve.is_empty() {
        text += "refused of those with an answer → of those without\n";
    }
    for point in &made.curve {
        let _ = writeln!(
            text,
            "  {:>5.1} % → {:>5.1} %",
            point.refused_wrongly * 100.0,
            point.refused * 100.0
        );
    }
    say(&text)?;
    Ok(ExitCode::SUCCESS)
}
