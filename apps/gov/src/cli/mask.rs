//! `mask`: personal data of a text made unreadable.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::{Globals, say};
use strata_text::mask;

use super::route::text_of;

/// Mask personal data in a text: ID numbers, phones, plates, addresses, names.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov mask \"我叫张伟，电话13800000000\"
  strata-gov mask --file case.txt > masked.txt
  cat case.txt | strata-gov mask - --json")]
pub struct Args {
    /// The text; - reads it from standard input.
    #[arg(required_unless_present = "file")]
    text: Option<String>,
    /// A file of text.
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// What was found, as JSON, with its place in characters.
    #[arg(long)]
    json: bool,
}

/// Masks.
///
/// # Errors
/// A text that cannot be read.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let text = match (&args.file, &args.text) {
        (Some(file), _) => {
            std::fs::read_to_string(file).with_context(|| file.display().to_string())?
        }
        (None, text) => text_of(text.as_deref().unwrap_or("-"))?,
    };
    if args.json {
        let found = mask::find(&text).into_iter().map(|found| {
            let chars = found.span.chars(&text).unwrap_or_default();
            serde_json::json!({ "kind": found.kind, "char_start": chars.start, "char_end": chars.end })
        });
        let found: Vec<_> = found.collect();
        let value = serde_json::json!({ "text": mask::mask(&text), "found": found });
        say(&(serde_json::to_string_pretty(&value)? + "\n"))?;
    } else {
        say(&(mask::mask(&text).trim_end_matches('\n').to_owned() + "\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
