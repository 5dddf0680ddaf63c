//! A source that fails in chosen ways: for tests and for the endurance benchmark.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strata_vision::geometry::{BBox, Size};
use strata_vision::video::{Frame, FrameSource, VideoError, VideoInfo};

/// How a source fails, counted in frames that it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Gives no frame any more: each call takes the time-out and says so.
    StallAfter(u64),
    /// Breaks off.
    DieAfter(u64),
    /// Every frame from then on has another size: its upper left part.
    ResizeAfter(u64, Size),
}

/// A source with a fault.
pub struct FaultySource {
    inner: Box<dyn FrameSource>,
    fault: Fault,
    timeout: Duration,
    given: u64,
    dead: bool,
    stop: Arc<AtomicBool>,
}

impl FaultySource {
    /// Puts a fault over a source; `timeout` is how long a stalled call takes, unless `stop` is set.
    #[must_use]
    pub fn new(
        inner: Box<dyn FrameSource>,
        fault: Fault,
        timeout: Duration,
        stop: Arc<AtomicBool>,
    ) -> Self {
        Self { inner, fault, timeout, given: 0, dead: false, stop }
    }
}

impl FrameSource for FaultySource {
    fn info(&self) -> &VideoInfo {
        self.inner.info()
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        if self.dead {
            return Ok(None);
        }
        let name = || "a source made to fail".to_owned();
        match self.fault {
            Fault::StallAfter(n) if self.given >= n => {
                let start = Instant::now();
                while start.elapsed() < self.timeout {
                    if self.stop.load(Ordering::Relaxed) {
                        return Ok(None);
                    }
                    std::thread::sleep(Duration::from_millis(20).min(self.timeout));
                }
                return Err(VideoError::Stalled { name: name(), after: self.timeout });
            }
            Fault::DieAfter(n) if self.given >= n => {
                self.dead = true;
                return Err(VideoError::Lost { name: name(), reason: "it died".to_owned() });
            }
            _ => {}
        }
        let Some(mut frame) = self.inner.next_frame()? else { return Ok(None) };
        if let Fault::ResizeAfter(n, size) = self.fault
            && self.given >= n
        {
            let part = BBox::new(0.0, 0.0, size.width as f32, size.height as f32);
            if let Some(image) = frame.image.crop(&part) {
                frame.image = image;
            }
        }
        self.given += 1;
        Ok(Some(frame))
    }

    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }
}
