//! Streams of cameras and recordings, as the configuration names them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use strata_vision::video::FrameSource;

use super::camera::Sources;
use super::config::{CameraConfig, Transport};
use crate::sources::{self, Pace, SourceSpec, StreamOptions};

/// Opens `rtsp://` streams, and recordings at their own pace.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streams;

impl Sources for Streams {
    fn open(
        &self,
        camera: &CameraConfig,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn FrameSource>, String> {
        let spec = SourceSpec::parse(&camera.source).map_err(|error| error.to_string())?;
        let transport = match camera.transport {
            Transport::Tcp => sources::Transport::Tcp,
            Transport::Udp => sources::Transport::Udp,
        };
        let options = StreamOptions {
            transport,
            timeout: Duration::from_secs_f64(camera.stall_seconds),
            max_fps: Some(camera.fps),
            pace: Pace { real_time: true, looped: camera.repeat, ..Pace::default() },
            stop: Arc::clone(stop),
            ..StreamOptions::default()
        };
        sources::open_stream(&spec, &options.with_environment()).map_err(|error| error.to_string())
    }
}
