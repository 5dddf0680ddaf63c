//! `cargo xtask report`: `docs/figures.md`, `docs/figures.html` and README's table of figures, from what is kept.
//!
//! The same tree gives the same bytes, so that `tidy` can tell when they are stale.

mod content;
mod page;
mod plot;
mod runs;
mod suites;
mod targets;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::workspace;
use content::Book;
use runs::Runs;
use targets::{TARGETS, Targets};

/// Options of `report`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Say what would change, and change nothing; the exit code is 1 when something would
    #[arg(long)]
    check: bool,
}

const MARKDOWN: &str = "docs/figures.md";
const HTML: &str = "docs/figures.html";
const README: &str = "README.md";
/// Lines between which README's table stands.
const BEGIN: &str = "<!-- figures: written by cargo xtask report -->";
const END: &str = "<!-- figures end -->";

/// Runs `report`.
pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    let root = workspace::root()?;
    let mut stale = false;
    for (path, text) in files(&root)? {
        let full = root.join(path);
        if std::fs::read_to_string(&full).is_ok_and(|old| old == text) {
            println!("{path}: as it was");
            continue;
        }
        stale = true;
        if args.check {
            println!("{path}: differs");
        } else {
            std::fs::write(&full, &text)
                .with_context(|| format!("cannot write {}", full.display()))?;
            println!("{path}: written, {} bytes", text.len());
        }
    }
    Ok(if args.check && stale { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The files as they must be.
fn files(root: &Path) -> Result<Vec<(&'static str, String)>> {
    let (targets, runs) = (Targets::read(root)?, Runs::read(root)?);
    let book = Book { root, targets: &targets, runs: &runs };
    let page = book.page()?;
    let readme = std::fs::read_to_string(root.join(README))
        .with_context(|| format!("cannot read {README}"))?;
    let readme = with_table(&readme, &book.headlines()?)?;
    Ok(vec![(MARKDOWN, page.markdown()), (HTML, page.html()), (README, readme)])
}

/// README with its table replaced.
fn with_table(readme: &str, table: &str) -> Result<String> {
    let place = readme.find(BEGIN).zip(readme.find(END)).filter(|(begin, end)| begin < end);
    let Some((begin, end)) = place else {
        bail!(
            "{README} has no place for the figures: put the lines {BEGIN} and {END} where they belong"
        );
    };
    Ok(format!("{}{BEGIN}\n{table}{}", &readme[..begin], &readme[end..]))
}

/// What of the report is not as it must be, each with the remedy. A tree without the table of targets has no report.
pub(crate) fn stale(root: &Path) -> Vec<(PathBuf, String)> {
    if !root.join(TARGETS).is_file() {
        return Vec::new();
    }
    let files = match files(root) {
        Ok(files) => files,
        Err(error) => return vec![(PathBuf::from(TARGETS), format!("no report: {error:#}"))],
    };
    let differs = files.into_iter().filter(|(path, text)| {
        !std::fs::read_to_string(root.join(path)).is_ok_and(|old| old == *text)
    });
    let why = "is not what the kept runs say: run `cargo xtask report` and look at the difference";
    differs.map(|(path, _)| (PathBuf::from(path), why.to_owned())).collect()
}

#[cfg(test)]
mod tests;
