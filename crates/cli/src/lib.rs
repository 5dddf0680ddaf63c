//! What the command lines of all industries share: arguments every command knows, output that
//! survives a closed pipe, stopping on Ctrl-C, progress, tables, files that appear whole, and the
//! commands `models`, `keys` and `serve`. An application adds its own commands and says what is
//! particular to it: its settings, the models it serves, its examples.

pub mod atomic;
pub mod keys;
pub mod models;
pub mod progress;
pub mod serve;
pub mod text;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use strata_core::runtime::DeviceList;

/// What is logged where nothing else is asked for.
pub const QUIET_LOG: &str = "warn";

/// Arguments every command knows.
#[derive(Debug, Clone, clap::Args)]
pub struct Globals {
    /// No progress, no summary: results and errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to log on standard error, such as `info` or `strata_core=debug`.
    #[arg(long, global = true, value_name = "FILTER", env = "STRATA_LOG", default_value = QUIET_LOG)]
    pub log: String,
    /// Devices that run models, in order of preference, such as `cuda,cpu`; others than the processor
    /// need an ONNX Runtime library built for them (`ORT_DYLIB_PATH`) [default: cpu].
    #[arg(long, global = true, value_name = "LIST", env = "STRATA_DEVICE")]
    pub device: Option<DeviceList>,
}

/// What a program begins with: its devices and its log. A server's are set up by [`serve::run`], as its
/// settings say.
pub fn begin(globals: &Globals, serves: bool) {
    if serves {
        return;
    }
    log_to_stderr(&globals.log);
    if let Some(devices) = &globals.device {
        devices.clone().prefer();
    }
}

/// Sends what is logged to standard error. Once in a program's life, and not before
/// [`serve::run`], which sets the log up as its settings say.
///
/// # Panics
/// If the log is set up already.
pub fn log_to_stderr(filter: &str) {
    // ONNX Runtime's own log is loud below warnings.
    let filter = format!("{filter},ort=error");
    let filter = tracing_subscriber::EnvFilter::try_new(&filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,ort=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
}

/// The end of a program: says what went wrong, if anything did. That the reader of our output has
/// gone away is no failure.
#[must_use]
pub fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", causes(&error));
            ExitCode::FAILURE
        }
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
    // A command that runs another asks again: there is one flag, and one handler.
    static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);
    let mut known = STOP.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stop) = &*known {
        return Ok(Arc::clone(stop));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })?;
    *known = Some(Arc::clone(&stop));
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use anyhow::Context;

    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let end = |kind| {
            let result: Result<ExitCode, Error> = Err(Error::new(kind, "gone"));
            format!("{:?}", finish(result.context("writing hits")))
        };
        assert_eq!(end(ErrorKind::BrokenPipe), format!("{:?}", ExitCode::SUCCESS));
        assert_eq!(end(ErrorKind::StorageFull), format!("{:?}", ExitCode::FAILURE));
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = anyhow::anyhow!("disk full").context("out.csv: disk full").context("stopped");
        assert_eq!(causes(&error), "stopped: out.csv: disk full");
    }
}
