//! A camera at work: its stream read on a thread of its own, its health, its figures, its scenes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use strata_vision::geometry::Size;
use strata_vision::image::Image;
use strata_vision::video::{FrameSource, VideoError};

use super::config::CameraConfig;
use super::floor::Frame;
use super::health::{Health, StreamEnd};
use super::media::ClipRecorder;
use super::meter::{LatencyMeter, RateMeter};
use super::scene::{Overlay, SceneState};
use super::status::CameraStatus;

/// Damaged frames in a row after which a stream counts as broken.
const MAX_DAMAGED: u32 = 100;

/// Opens streams.
pub trait Sources: Send + Sync {
    /// Opens a camera's stream, which then gives frames at the pace at which they are taken; `stop` is
    /// set from outside to end a wait.
    ///
    /// # Errors
    /// Why it cannot be opened, without passwords.
    fn open(
        &self,
        camera: &CameraConfig,
        stop: &Arc<AtomicBool>,
    ) -> Result<Box<dyn FrameSource>, String>;
}

/// What is counted and measured of a camera.
#[derive(Debug, Default)]
pub(super) struct CameraMeter {
    pub(super) received: RateMeter,
    pub(super) dropped: RateMeter,
    pub(super) analysed: RateMeter,
    pub(super) thinned: u64,
    pub(super) failed: u64,
    pub(super) latency: LatencyMeter,
    pub(super) size: Option<Size>,
    pub(super) suppressed: u64,
    pub(super) open_events: usize,
    offered: u64,
}

/// The last frame that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Latest {
    pub(super) image: Arc<Image>,
    pub(super) overlays: Vec<Overlay>,
    pub(super) number: u64,
}

/// A camera.
pub(super) struct Camera {
    pub(super) config: CameraConfig,
    pub(super) health: Mutex<Health>,
    pub(super) meter: Mutex<CameraMeter>,
    pub(super) scenes: Mutex<Vec<SceneState>>,
    /// Places of the passes that its scenes use, rising.
    pub(super) passes: Vec<usize>,
    pub(super) clips: Option<Mutex<ClipRecorder>>,
    pub(super) latest: Mutex<Option<Latest>>,
    /// Ends the wait of the reader that counts.
    pub(super) stop: Mutex<Arc<AtomicBool>>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panic left behind is figures and tracks: the next frame puts them right.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a reader brings its frames.
pub(super) trait Desk {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
    /// A frame to be looked at; false when the reader no longer counts.
    fn offer(&self, frame: Frame) -> bool;
}

/// A reader at work on a camera's stream.
pub(super) struct Reader<'a> {
    pub(super) camera: &'a Camera,
    pub(super) number: u64,
    pub(super) stop: &'a Arc<AtomicBool>,
}

impl Reader<'_> {
    /// Reads the stream to its end.
    pub(super) fn run(&self, sources: &dyn Sources, desk: &dyn Desk) -> StreamEnd {
        let mut source = match sources.open(&self.camera.config, self.stop) {
            Ok(source) => source,
            Err(error) => return StreamEnd::Failed(error),
        };
        let target = self.camera.config.fps;
        // Of a stream whose pace is known, frames are passed over without being decoded.
        let share = source.info().fps.filter(|fps| fps.is_finite() && *fps > target);
        let share = share.map_or(1.0, |fps| target / fps);
        let mut credit = 1.0;
        let (mut damaged, mut taken, mut missed) = (0, Pace::new(target), 0);
        let mut frames = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            let wanted = credit >= 1.0;
            credit += if wanted { share - 1.0 } else { share };
            let read = if wanted {
                source.next_frame().map(|frame| frame.map(|frame| Some(frame.image)))
            } else {
                source.skip_frame().map(|there| there.then_some(None))
            };
            let now = desk.now_ms();
            self.count_missed(source.as_ref(), &mut missed, now);
            match read {
                Ok(Some(image)) => {
                    (damaged, frames) = (0, frames + 1);
                    if !self.take(image, &mut taken, desk, now) {
                        return StreamEnd::Failed("another reader took over".to_owned());
                    }
                }
                Ok(None) => return self.ended(frames),
                Err(error) if error.is_recoverable() && damaged < MAX_DAMAGED => {
                    damaged += 1;
                    lock(&self.camera.meter).failed += 1;
                    self.note(&error);
                }
                Err(error) => return StreamEnd::Failed(error.to_string()),
            }
        }
        StreamEnd::Failed("stopped".to_owned())
    }

    fn note(&self, error: &VideoError) {
        tracing::debug!(camera = self.camera.config.name, %error, "a frame is passed over");
    }

    /// A camera never ends by itself, a recording does.
    fn ended(&self, frames: u64) -> StreamEnd {
        let config = &self.camera.config;
        if frames == 0 {
            StreamEnd::Failed("there was no frame in it".to_owned())
        } else if config.source.contains("://") || config.repeat {
            StreamEnd::Failed("the stream ended".to_owned())
        } else {
            StreamEnd::Through
        }
    }

    /// Frames that the source threw away because nobody fetched them.
    fn count_missed(&self, source: &dyn FrameSource, missed: &mut u64, now_ms: i64) {
        let dropped = source.dropped();
        let new = dropped.saturating_sub(*missed);
        if new > 0 {
            *missed = dropped;
            let mut meter = lock(&self.camera.meter);
            meter.received.add(now_ms, new);
            meter.dropped.add(now_ms, new);
        }
    }

    fn take(&self, image: Option<Image>, pace: &mut Pace, desk: &dyn Desk, now_ms: i64) -> bool {
        if !lock(&self.camera.health).frame(self.number, now_ms) {
            return false;
        }
        let frame = {
            let mut meter = lock(&self.camera.meter);
            meter.received.hit(now_ms);
            let Some(image) = image.filter(|_| pace.take(now_ms)) else {
                meter.thinned += 1;
                return true;
            };
            meter.size = Some(image.size());
            meter.offered += 1;
            let (image, number) = (Arc::new(image), meter.offered);
            Frame { image, at_ms: now_ms, arrived: Instant::now(), number }
        };
        desk.offer(frame)
    }
}

/// Thins frames to so many a second.
#[derive(Debug)]
struct Pace {
    interval_ms: f64,
    due_ms: Option<f64>,
}

impl Pace {
    fn new(fps: f64) -> Self {
        Self { interval_ms: 1000.0 / fps, due_ms: None }
    }

    /// Whether a frame of this moment is one to look at. A frame may come a third of an interval early:
    /// streams tremble.
    fn take(&mut self, now_ms: i64) -> bool {
        let now = now_ms as f64;
        let due = self.due_ms.unwrap_or(now);
        if now + self.interval_ms / 3.0 < due {
            return false;
        }
        // After a pause the next is due an interval from now, not all those that were missed.
        self.due_ms = Some((due + self.interval_ms).max(now));
        true
    }
}

impl Camera {
    /// How it is.
    pub(super) fn status(&self, now_ms: i64, waiting: usize) -> CameraStatus {
        let (state, error, restarts, stalls, alive_ms) = {
            let health = lock(&self.health);
            let error = health.error().map(str::to_owned);
            (health.state(), error, health.restarts(), health.stalls(), health.alive_ms())
        };
        let meter = lock(&self.meter);
        CameraStatus {
            name: self.config.name.clone(),
            state,
            error,
            size: meter.size.map(|size| [size.width, size.height]),
            received_fps: meter.received.rate(now_ms),
            analysed_fps: meter.analysed.rate(now_ms),
            dropped_fps: meter.dropped.rate(now_ms),
            received: meter.received.total,
            thinned: meter.thinned,
            dropped: meter.dropped.total,
            analysed: meter.analysed.total,
            failed: meter.failed,
            waiting,
            latency: meter.latency.recent(),
            restarts,
            stalls,
            silent_ms: (now_ms - alive_ms).max(0),
            open_events: meter.open_events,
            suppressed: meter.suppressed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_thinned_to_the_pace_also_when_they_tremble() {
        let count = |times: &mut dyn Iterator<Item = i64>| {
            let mut pace = Pace::new(5.0);
            times.filter(|at| pace.take(*at)).count()
        };
        // Ten seconds at 25 a second; the last may belong to the eleventh.
        assert!((50..=51).contains(&count(&mut (0..250).map(|n| n * 40))));
        assert_eq!(count(&mut (0..50).map(|n| n * 200 + [0, 30, -25][n as usize % 3])), 50);
        assert_eq!(count(&mut (0..20).map(|n| n * 1000)), 20, "one a second");
        let burst = (0..10).chain((0..10).map(|n| 60_000 + n));
        assert!(count(&mut burst.into_iter()) <= 4, "a pause is not made up for");
    }
}
