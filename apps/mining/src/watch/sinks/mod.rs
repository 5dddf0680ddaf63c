//! Sinks: threads that deliver what the journal's outbox holds for them, in order, again and again
//! until it is delivered, refused for good or too old.

mod backoff;
mod jsonl;
mod mqtt;
mod signature;
mod webhook;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use backoff::Backoff;
pub use jsonl::JsonlSink;
pub use mqtt::MqttSink;
pub use signature::hmac_sha256;
pub use webhook::WebhookSink;

use super::clock::Clock;
use super::config::OutputsConfig;
use super::event::Severity;
use super::journal::{Journal, JournalError, Route};
use super::lifecycle::Lifecycle;

/// How long a sink sleeps at most before it looks again.
const NAP: Duration = Duration::from_millis(100);

/// A sink that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// An environment variable that the configuration names is not set.
    #[error(
        "{key} names the environment variable {variable}, which is not set; set it or remove the key"
    )]
    Variable {
        /// The configuration's key.
        key: String,
        /// The variable.
        variable: String,
    },
    /// A value that cannot be used.
    #[error("{key}: {detail}")]
    Value {
        /// The configuration's key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A file that cannot be used.
    #[error("cannot use {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What a sink says of itself.
#[derive(Debug, Clone, Default)]
pub struct SinkState {
    inner: Arc<Mutex<(Option<bool>, Option<String>)>>,
}

impl SinkState {
    /// Whether it is connected, where it has a connection, and its last error.
    #[must_use]
    pub fn get(&self) -> (Option<bool>, Option<String>) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn up(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = (Some(true), None);
    }

    fn down(&self, error: &str) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) =
            (Some(false), Some(error.to_owned()));
    }
}

/// Names of cameras with what they are: `online`, `stalled`, `dead`, `ended`.
pub type CameraStates = Arc<dyn Fn() -> Vec<(String, &'static str)> + Send + Sync>;

/// What every sink's thread works with.
#[derive(Clone)]
pub struct Surroundings {
    /// Where what is to be delivered is.
    pub journal: Arc<Journal>,
    /// When to stop.
    pub life: Arc<Lifecycle>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How the cameras are.
    pub cameras: CameraStates,
}

/// A sink: built when the program starts, then run on a thread of its own until the program stops.
pub trait Sink: Send {
    /// Its name in the journal.
    fn name(&self) -> &str;
    /// Delivers until the program stops and nothing waits any more, or the time for that is over.
    fn run(&mut self, around: &Surroundings, state: &SinkState);
}

/// The sinks of a configuration as the journal knows them.
#[must_use]
pub fn routes(outputs: &OutputsConfig) -> Vec<Route> {
    let mut routes = Vec::new();
    if outputs.jsonl.is_some() {
        routes.push(Route {
            sink: "jsonl".to_owned(),
            min_severity: Severity::Detection,
            only_new: false,
            cooldown_ms: 0,
        });
    }
    if let Some(mqtt) = &outputs.mqtt {
        routes.push(Route {
            sink: "mqtt".to_owned(),
            min_severity: mqtt.min_severity,
            only_new: false,
            cooldown_ms: 0,
        });
    }
    for hook in &outputs.webhook {
        routes.push(Route {
            sink: WebhookSink::name_of(&hook.url),
            min_severity: hook.min_severity,
            only_new: hook.only_new,
            cooldown_ms: (hook.cooldown * 1000.0) as i64,
        });
    }
    routes
}

/// The sinks of a configuration; `retry` are waits after failures instead of their own.
///
/// # Errors
/// An environment variable that is not set, or a file or address that cannot be used.
pub fn build(
    outputs: &OutputsConfig,
    retry: Option<Backoff>,
) -> Result<Vec<Box<dyn Sink>>, SinkError> {
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if let Some(path) = &outputs.jsonl {
        sinks.push(Box::new(JsonlSink::new(path)));
    }
    if let Some(mqtt) = &outputs.mqtt {
        let sink = MqttSink::new(mqtt)?;
        sinks.push(Box::new(match retry {
            Some(retry) => sink.with_backoff(retry),
            None => sink,
        }));
    }
    for hook in &outputs.webhook {
        let sink = WebhookSink::new(hook)?;
        sinks.push(Box::new(match retry {
            Some(retry) => sink.with_backoff(retry),
            None => sink,
        }));
    }
    Ok(sinks)
}

/// A sink at work.
#[derive(Debug)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub state: SinkState,
    thread: JoinHandle<()>,
}

impl Running {
    /// Starts a sink's thread.
    ///
    /// # Errors
    /// A system without threads to give.
    pub fn start(mut sink: Box<dyn Sink>, around: Surroundings) -> std::io::Result<Self> {
        let (name, state) = (sink.name().to_owned(), SinkState::default());
        let thread = std::thread::Builder::new().name(format!("sink {name}")).spawn({
            let state = state.clone();
            move || {
                // Events are safe in the journal: a sink that panics goes on with the first that waits.
                while let Err(panic) =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        sink.run(&around, &state);
                    }))
                {
                    let message = super::panic_message(panic.as_ref());
                    tracing::error!(
                        sink = sink.name(),
                        message,
                        "a sink panicked; it starts again"
                    );
                    state.down(&message);
                    if around.life.wait(Duration::from_secs(1)) {
                        break;
                    }
                }
            }
        })?;
        Ok(Self { name, state, thread })
    }

    /// Waits until it has ended.
    pub fn join(self) {
        // Panics were caught within.
        let _ = self.thread.join();
    }
}

/// An environment variable that the configuration names.
fn variable(key: &str, variable: &str) -> Result<String, SinkError> {
    std::env::var(variable)
        .map_err(|_| SinkError::Variable { key: key.to_owned(), variable: variable.to_owned() })
}
