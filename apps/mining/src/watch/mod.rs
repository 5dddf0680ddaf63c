//! `watch`: cameras are looked at by scenes, rules make events of what is seen, and events reach every
//! output exactly as the journal has them.
//!
//! ```text
//! stream → reader → queue (newest frames) → worker: passes, shared → scenes: tracks, rules
//!        → journal (truth, with an outbox for each output) → JSONL, MQTT, webhooks, subscribers
//! ```

mod camera;
pub mod clock;
pub mod config;
mod engine;
pub mod event;
mod floor;
pub mod handle;
pub mod health;
pub mod journal;
pub mod lifecycle;
pub mod media;
pub mod meter;
pub mod pass;
pub mod plan;
pub mod rules;
pub mod scene;
pub mod sinks;
mod start;
pub mod status;
mod streams;

pub use camera::Sources;
pub use config::{ConfigError, WatchConfig};
pub use handle::{Handle, LivePicture, Subscription, ZoneError};
pub use pass::{
    AnalyseError, Analyser, AnalyserFactory, Anomaly, Belt, Features, Findings, PassKey, Refiner,
    ScenePlan,
};
pub use plan::Plan;
pub use start::{Setup, Tuning, Watcher, run, start};
pub use status::{Status, Summary};
pub use streams::Streams;

/// A watch that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A scene's model, bank or scenario.
    #[error("scene {scene:?}: {error}")]
    Scene {
        /// The scene.
        scene: String,
        /// Why.
        error: AnalyseError,
    },
    /// A scene's tracker.
    #[error("scene {scene:?}, track: {error}")]
    Track {
        /// The scene.
        scene: String,
        /// Why.
        error: strata_vision::track::TrackError,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::JournalError),
    /// An output.
    #[error(transparent)]
    Sink(#[from] sinks::SinkError),
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// What a panic said.
fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
