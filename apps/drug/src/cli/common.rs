//! What the commands share: the arguments that say how to read an input, output that survives a
//! closed pipe, and stopping on Ctrl-C.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::input::{Format, InputError, InputSpec, RecordReader, open};

/// How to read the input.
#[derive(Debug, Clone, clap::Args)]
pub struct InputArgs {
    /// .smi, .csv, .tsv, .sdf (each also .gz), .parquet, or - for standard input.
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,
    /// The format, where neither name nor content tells it.
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// The column of SMILES [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "smiles_column")]
    pub smiles_column: Option<String>,
    /// The column of identifiers [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "id_column")]
    pub id_column: Option<String>,
}

impl InputArgs {
    /// As the readers want it.
    #[must_use]
    pub fn spec(&self) -> InputSpec {
        InputSpec {
            path: self.input.clone(),
            format: self.format,
            smiles_column: self.smiles_column.clone(),
            id_column: self.id_column.clone(),
        }
    }

    /// Opens the input.
    ///
    /// # Errors
    /// See [`open`].
    pub fn open(&self) -> Result<Box<dyn RecordReader>, InputError> {
        open(&self.spec())
    }
}

/// Writes to standard output.
///
/// # Errors
/// An I/O error; a closed pipe ends the program quietly (see [`is_broken_pipe`]).
pub fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Whether an error only says that the reader of our output has gone away, as `head` does.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// An error and its causes on one line; a cause that the line names already is not said twice.
#[must_use]
pub fn causes(error: &anyhow::Error) -> String {
    error.chain().fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.is_empty() {
            true => cause,
            false if text.contains(&cause) => text,
            false => format!("{text}: {cause}"),
        }
    })
}

/// A flag that Ctrl-C (or SIGTERM) sets; a second one ends the program at once.
///
/// # Errors
/// Where the system refuses the handler.
pub fn stop_on_interrupt() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    Ok(stop)
}
