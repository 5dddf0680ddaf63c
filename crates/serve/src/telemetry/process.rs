//! Metrics of the process, looked up when they are asked for, under Prometheus' usual names.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use super::memory;

/// The process, and when it was first looked at.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// To be made when the program starts.
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self { started: now.map_or(0.0, |since| since.as_secs_f64()) }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let memory = memory::resident_bytes().map(|bytes| bytes as f64);
        let files = memory::open_files().map(|files| files as f64);
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Memory held by the process", memory),
            ("process_open_fds", "Files and sockets that the process has open", files),
            (
                "process_start_time_seconds",
                "When the process started, in seconds since 1970",
                Some(self.started),
            ),
        ] {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                prometheus_client::metrics::MetricType::Gauge,
            )?)?;
        }
        Ok(())
    }
}
