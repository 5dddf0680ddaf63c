//! Metrics of watched cameras: frames, latency, state, events.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use strata_serve::Kit;
use strata_serve::telemetry::{Counters, Gauges};

use crate::watch::event::{Change, ChangeKind};
use crate::watch::status::{CameraStatus, Status};

/// Metrics of mining vision.
pub(super) struct Figures {
    frames: Counters,
    restarts: Counters,
    latency: Gauges,
    online: Gauges,
    open: Gauges,
    events: Counters,
    /// What was counted before: figures of a status are totals, counters grow by differences.
    before: Mutex<HashMap<(String, &'static str), u64>>,
}

impl Figures {
    pub(super) fn new(kit: &Kit) -> Self {
        let meters = kit.meters("mining");
        Self {
            frames: meters.counter(
                "frames",
                "Frames of cameras by what became of them: received, analysed, dropped because the models were busy, failed",
                &["camera", "outcome"],
            ),
            restarts: meters.counter("stream_restarts", "Times a camera's stream was opened anew", &["camera"]),
            latency: meters.gauge(
                "latency_seconds",
                "From a frame's arrival to the decision, over the last frames, by quantile",
                &["camera", "quantile"],
            ),
            online: meters.gauge("camera_online", "1 while frames of a camera come", &["camera"]),
            open: meters.gauge("open_events", "Events that go on", &["camera"]),
            events: meters.counter("events", "Events that began, by camera and severity", &["camera", "severity"]),
            before: Mutex::default(),
        }
    }

    /// Counts a change of an event.
    pub(super) fn event(&self, change: &Change) {
        if change.kind == ChangeKind::New {
            let event = &change.event;
            self.events.with(&[&event.camera, event.severity.as_str()]).inc();
        }
    }

    /// Takes over what the cameras count.
    pub(super) fn cameras(&self, status: &Status) {
        for camera in &status.cameras {
            self.camera(camera);
        }
    }

    fn camera(&self, camera: &CameraStatus) {
        let name = camera.name.as_str();
        for (outcome, total) in [
            ("received", camera.received),
            ("analysed", camera.analysed),
            ("dropped", camera.dropped),
            ("failed", camera.failed),
        ] {
            self.frames.with(&[name, outcome]).add(self.more(name, outcome, total));
        }
        self.restarts.with(&[name]).add(self.more(name, "restarts", camera.restarts));
        for (quantile, ms) in [("0.5", camera.latency.p50_ms), ("0.95", camera.latency.p95_ms)] {
            self.latency.with(&[name, quantile]).set(ms / 1000.0);
        }
        let online = camera.state == crate::watch::health::CameraState::Online;
        self.online.with(&[name]).set(f64::from(u8::from(online)));
        self.open.with(&[name]).set(camera.open_events as f64);
    }

    fn more(&self, camera: &str, what: &'static str, total: u64) -> u64 {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let before = before.entry((camera.to_owned(), what)).or_default();
        let more = total.saturating_sub(*before);
        *before = total;
        more
    }
}
