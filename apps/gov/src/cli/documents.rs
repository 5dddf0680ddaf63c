//! `documents`: what an index holds, and taking documents out.

use std::process::ExitCode;

use anyhow::bail;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};
use strata_text::index::Index;

use super::common::{AskerArgs, IndexArgs};
use crate::shelf::Shelved;

/// List the documents of an index, show one, or delete some.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov documents --index office
  strata-gov documents --index office --find 电动自行车
  strata-gov documents --index office --show notices/2024-03.md
  strata-gov documents --index office --delete notices/2019-07.md")]
pub struct Args {
    #[command(flatten)]
    index: IndexArgs,
    #[command(flatten)]
    asker: AskerArgs,
    /// Only documents with this in their title, number or identifier.
    #[arg(long, value_name = "TEXT", default_value = "")]
    find: String,
    /// Print the text of one.
    #[arg(long, value_name = "ID")]
    show: Option<String>,
    /// Delete these; they are gone from every answer at once.
    #[arg(long, value_name = "ID")]
    delete: Vec<String>,
    /// Documents that are listed.
    #[arg(long, value_name = "N", default_value_t = 50)]
    top: usize,
    /// The list as JSON.
    #[arg(long)]
    json: bool,
}

/// Lists, shows or deletes.
///
/// # Errors
/// An index that cannot be used, or a document that is not there.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let index = Index::open(&args.index.index)?;
    if !args.delete.is_empty() {
        let mut writer = index.writer()?;
        let ids: Vec<&str> = args.delete.iter().map(String::as_str).collect();
        let deleted = writer.delete(&ids);
        writer.commit()?;
        if !globals.quiet {
            say(&format!("{deleted} of {} documents deleted\n", ids.len()))?;
        }
        return Ok(if deleted == ids.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let snapshot = index.snapshot();
    // Who works on the files of an index may see it all; a department given narrows that.
    let viewer = match args.asker.department.is_empty() {
        true => strata_text::index::Viewer::everything(),
        false => args.asker.viewer(),
    };
    if let Some(id) = &args.show {
        let Some(document) = snapshot.document(id, &viewer)? else {
            bail!("there is no document {id:?} in {}", args.index.index.display());
        };
        say(&(document.text.trim_end_matches('\n').to_owned() + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let (documents, total) = snapshot.documents(&viewer, 0, args.top, Some(&args.find));
    let shelf = |summary| Shelved::new(summary, args.asker.day());
    let documents: Vec<Shelved> = documents.into_iter().map(shelf).collect();
    if args.json {
        say(&(serde_json::to_string_pretty(&documents)? + "\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table =
        TextTable::new(&["id", "title", "number", "from", "status", "passages", "labels"]);
    for document in &documents {
        table.row(vec![
            document.id.clone(),
            document.title.clone(),
            document.number.clone().unwrap_or_default(),
            document.effective_from.clone().unwrap_or_default(),
            document.status.chinese().to_owned(),
            document.units.to_string(),
            document.labels.join(","),
        ]);
    }
    say(&table.render())?;
    if total > documents.len() {
        say(&format!("… {total} in all: narrow with --find, or raise --top\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
