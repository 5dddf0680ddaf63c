//! What a server says about itself: metrics that Prometheus scrapes, and the log.

pub mod logs;
pub mod memory;
mod meters;
mod metrics;
mod process;
pub(crate) mod trace;

pub use logs::{Access, LogError, access};
pub use meters::{Counter, Counters, Gauge, Gauges, Histogram, Histograms, Meters};
pub use metrics::{CONTENT_TYPE, Metrics, ModelMetrics, ModelRow, Stage};
