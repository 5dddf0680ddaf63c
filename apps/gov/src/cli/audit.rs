//! `audit`: checks the log of questions.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::{Globals, say};

use crate::audit::verify;

/// Check a log of questions: any edit of it is found.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-gov audit verify audit.jsonl
  strata-gov audit verify audit.jsonl --last 3f2a…

A log that was cut at its end still holds together: note the last hash elsewhere, and give it with --last.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum Command {
    /// Check every entry, and that each follows the one before it.
    Verify {
        /// The log.
        #[arg(value_name = "LOG")]
        file: PathBuf,
        /// Hash of an entry that must be the newest.
        #[arg(long, value_name = "HASH")]
        last: Option<String>,
    },
}

/// Checks.
///
/// # Errors
/// The first line that does not hold, or a log that does not end where it should.
pub(super) fn run(args: &Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let Command::Verify { file, last } = &args.command;
    let report = verify(file)?;
    if let Some(wanted) = last.as_ref().filter(|wanted| **wanted != report.last) {
        anyhow::bail!(
            "{}: every entry holds, but the newest is {} and not {wanted}: entries are missing at the end, or were added",
            file.display(),
            report.last
        );
    }
    if report.torn > 0 {
        say(&format!(
            "the last line is not whole ({} bytes), as after a power cut\n",
            report.torn
        ))?;
    }
    say(&format!("{} entries hold; the newest is {}\n", report.entries, report.last))?;
    Ok(ExitCode::SUCCESS)
}
