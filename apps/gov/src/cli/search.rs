//! `search`: the passages of a question, best first.

use std::fmt::Write;
use std::process::ExitCode;

use strata_cli::{Globals, say};
use strata_core::runtime::RunOptions;
use strata_text::document::DocumentKind;

use super::common::{AskerArgs, IndexArgs, desk, question, scenario};
use super::show;
use crate::scenario::{self as scenarios, Mode};

/// Find passages by words, meaning, article or 发文字号.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov search \"解除劳动合同 经济补偿\" --index office
  strata-gov search 劳动合同法第三十九条 --index office
  strata-gov search 临政发〔2024〕3号 --index office --top 3 --json
  strata-gov search 电动自行车 --index office --history")]
pub struct Args {
    /// What to find.
    text: String,
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    /// A scenario by name (see `scenarios`), or a TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = scenarios::DEFAULT)]
    scenario: String,
    /// Passages that are shown.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    top: Option<u16>,
    /// Also texts that are not in force on the day.
    #[arg(long)]
    history: bool,
    /// Only this kind: law, notice, service-guide, encyclopaedia, hotline-case, other; may be repeated [default: all].
    #[arg(long, value_name = "KIND", value_parser = crate::answer::kind)]
    kind: Vec<DocumentKind>,
    /// The result as JSON.
    #[arg(long)]
    json: bool,
}

/// Searches.
///
/// # Errors
/// A scenario, index or model that cannot be used, or a question that cannot be asked.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let mut loaded = scenario(&args.scenario, &[Mode::Ask, Mode::Guide, Mode::Route, Mode::Check])?;
    // A search reads no passages.
    loaded.scenario.models.reader = None;
    let desk = desk(&args.index, &loaded)?;
    let mut asked = question(&loaded, &args.text, &args.asker, args.top.map(usize::from)).search;
    asked.history = args.history;
    asked.kinds.clone_from(&args.kind);
    let found = crate::answer::search(&desk, &asked, &RunOptions::default())?;
    if args.json {
        say(&(serde_json::to_string_pretty(&found)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for (rank, passage) in (1..).zip(&found.passages) {
        let number =
            |value: Option<f32>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.3}"));
        let citation = &passage.citation;
        let _ = writeln!(text, "{rank:>3}  {}", show::source_line(citation));
        let _ = writeln!(text, "     {}", show::excerpt(&citation.quote));
        let _ = writeln!(
            text,
            "     {:.3} (words {}, meaning {}) · {}",
            citation.score,
            number(passage.lexical),
            number(passage.dense),
            citation.source
        );
    }
    if found.passages.is_empty() {
        text += "nothing is found; try other words, another day with --as-of, or --history\n";
    }
    say(&text)?;
    Ok(ExitCode::SUCCESS)
}
