//! `eval`: questions with known answers, and the figures over them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use super::common::{AskerArgs, IndexArgs, desk, question, scenario};
use crate::evaluate::{EvalJob, Figures, evaluate, read};
use crate::scenario::{self as scenarios, Mode};

/// Evaluate retrieval, answers, addresses and refusal on questions with known answers.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov eval --index corpus --queries dev.jsonl --retrieval
  strata-gov eval --index corpus --queries dev.jsonl --retrieval --choose 0
  strata-gov eval --index office --queries questions.jsonl --json

A line is {\"question\", \"relevant\": [id, …]} or {\"question\", \"docid\", \"answer\"}; \"address\", \"as_of\" and \"department\" are
taken where they are given. A line with neither is a question that should be refused. Documents of any day count as found for
questions of no day; answers are as of the question's day, or today.")]
pub struct Args {
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    /// The questions, JSON lines.
    #[arg(long, value_name = "FILE")]
    queries: PathBuf,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = scenarios::DEFAULT)]
    scenario: String,
    /// Retrieval alone, without reading and refusal.
    #[arg(long)]
    retrieval: bool,
    /// Weight of words against meaning, from 0 to 1, instead of one by the question.
    #[arg(long, value_name = "W")]
    lexical_weight: Option<f32>,
    /// Passages that are put in order again, 0 for none, instead of the scenario's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=100))]
    choose: Option<u16>,
    /// The figures as JSON.
    #[arg(long)]
    json: bool,
}

/// Evaluates.
///
/// # Errors
/// Questions, a scenario, index or model that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let mut loaded = scenario(&args.scenario, &[Mode::Ask, Mode::Guide])?;
    if args.retrieval {
        loaded.scenario.models.reader = None;
    }
    loaded.scenario.retrieval.lexical_weight =
        args.lexical_weight.or(loaded.scenario.retrieval.lexical_weight);
    if let Some(choose) = args.choose {
        loaded.scenario.retrieval.choose = choose.into();
    }
    // Every kind of document is measured.
    loaded.scenario.corpus.kinds.clear();
    let desk = desk(&args.index, &loaded)?;
    let questions = read(&args.queries)?;
    let ask = question(&loaded, "", &args.asker, None);
    let any_day = args.asker.as_of.is_none();
    let job = EvalJob { ask, retrieval_only: args.retrieval, any_day };
    let mut progress = reporter_of(globals.quiet, "questions");
    let figures = evaluate(&desk, &questions, &job, (&stop, progress.as_mut()));
    drop(progress);
    let figures = figures?;
    match args.json {
        true => say(&(serde_json::to_string_pretty(&figures)? + "\n"))?,
        false => say(&text(&figures))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn text(figures: &Figures) -> String {
    let mut table = TextTable::new(&["figure", "value"]);
    let mut row = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            table.row(vec![name.to_owned(), format!("{value:.4}")]);
        }
    };
    row("MRR@10", figures.mrr_10);
    row("recall@1", figures.recall_1);
    row("recall@10", figures.recall_10);
    row("recall@100", figures.recall_100);
    row("nDCG@10", figures.ndcg_10);
    row("answer, exact match", figures.em);
    row("answer, F1", figures.f1);
    row("address exact", figures.article_exact);
    row("quotes verbatim", figures.verbatim);
    row("refused, no answer in the corpus", figures.refused);
    row("refused, answer in the corpus", figures.falsely_refused);
    let mut text = table.render();
    text += &format!(
        "{} questions, {} quotes, {} stale citations; {:.1} ms a question at the median, {:.1} at the 99th percentile\n",
        figures.questions, figures.quotes, figures.stale, figures.ms_p50, figures.ms_p99
    );
    text
}
