//! The log, on standard error: a line a message for people, or a JSON object a line for machines.

use std::io::{self, IsTerminal};
use std::time::Duration;

use thiserror::Error;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::LogFormat;

/// The log could not be set up.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter cannot be read.
    #[error("the log filter {filter:?} cannot be read: {why}")]
    Filter {
        /// The filter.
        filter: String,
        /// Why not.
        why: String,
    },
    /// Something else logs already.
    #[error("the program has a log already")]
    Taken,
}

/// Sends what this program logs to standard error, from now on.
///
/// # Errors
/// [`LogError::Filter`], and [`LogError::Taken`] where this was called before.
pub fn init(format: LogFormat, filter: &str) -> Result<(), LogError> {
    let colours = io::stderr().is_terminal();
    let subscriber = subscriber(format, filter, colours, io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Taken)
}

fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    colours: bool,
    writer: W,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // ONNX Runtime's own log is loud below warnings; what it says of errors comes with the errors.
    let quiet = format!("{filter},ort=error");
    let filter = EnvFilter::try_new(&quiet)
        .map_err(|error| LogError::Filter { filter: filter.to_owned(), why: error.to_string() })?;
    let common = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match format {
        LogFormat::Text => Box::new(common.with_ansi(colours).finish()),
        LogFormat::Json => Box::new(
            common
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish(),
        ),
    })
}

/// A request that was answered, for the log.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// `GET`, `POST`, ….
    pub method: &'a str,
    /// The path, without a query: queries can hold what is nobody's business.
    pub path: &'a str,
    /// The status.
    pub status: u16,
    /// From the request's head to the answer.
    pub took: Duration,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// The name of the caller's key, or `-`.
    pub caller: &'a str,
}

/// Logs a request, at `info`.
pub fn access(request: &Access<'_>) {
    // In microseconds' steps: what is below is noise.
    let ms = request.took.as_micros() as f64 / 1000.0;
    tracing::info!(
        target: "strata_serve::access",
        request_id = request.request_id,
        method = request.method,
        path = request.path,
        status = request.status,
        ms,
        bytes_in = request.bytes_in,
        bytes_out = request.bytes_out,
        caller = request.caller,
        "request"
    );
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` writes.
    fn written(format: LogFormat, filter: &str, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn sample(path: &str) -> Access<'_> {
        Access {
            request_id: "r-1",
            method: "POST",
            path,
            status: 200,
            took: Duration::from_micros(1500),
            bytes_in: 10,
            bytes_out: 20,
            caller: "lab-1",
        }
    }

    #[test]
    fn a_request_is_one_json_object_on_one_line() {
        let text = written(LogFormat::Json, "info", || access(&sample("/v1/\"x\"\n{}")));
        assert_eq!(text.lines().count(), 1, "{text}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        for (key, value) in [
            ("request_id", serde_json::json!("r-1")),
            ("method", "POST".into()),
            ("path", "/v1/\"x\"\n{}".into()),
            ("status", 200.into()),
            ("ms", 1.5.into()),
            ("bytes_in", 10.into()),
            ("bytes_out", 20.into()),
            ("caller", "lab-1".into()),
            ("level", "INFO".into()),
            ("target", "strata_serve::access".into()),
        ] {
            assert_eq!(event[key], value, "{key}");
        }
        assert!(event["timestamp"].is_string());
    }

    #[test]
    fn a_request_is_one_line_of_text_whatever_its_path() {
        let text =
            written(LogFormat::Text, "info", || access(&sample("/a\nINFO forged\u{1b}[31m")));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("status=200 ms=1.5") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_filter_holds_and_the_runtime_is_quiet() {
        let log = || {
            tracing::warn!(target: "ort", "chatter");
            tracing::error!(target: "ort", "trouble");
            tracing::info!("a thing");
            tracing::debug!("a detail");
        };
        let text = written(LogFormat::Text, "info", log);
        assert!(!text.contains("chatter") && !text.contains("detail"), "{text}");
        assert!(text.contains("trouble") && text.contains("a thing"), "{text}");
        let off =
            written(LogFormat::Text, "info,strata_serve::access=off", || access(&sample("/")));
        assert_eq!(off, "");
    }

    #[test]
    fn a_bad_filter_is_refused() {
        let error = init(LogFormat::Text, "a=b=c").unwrap_err().to_string();
        assert!(error.starts_with("the log filter \"a=b=c\" cannot be read: "), "{error}");
    }
}
