//! A clip or a folder shown in real time, as a camera would: a reader that comes late finds the
//! present frame, and what it missed is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use strata_vision::video::{DEFAULT_FPS, Frame, FrameSource, VideoError, VideoInfo};

/// How long a wait goes on without looking whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// How fast a clip is shown.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pace {
    /// True: in real time. False: as fast as it is asked for.
    pub real_time: bool,
    /// Frames a second, instead of the clip's own.
    pub fps: Option<f64>,
    /// How many times faster than real time; `None` for 1.
    pub speed: Option<f64>,
    /// From the start again behind the end.
    pub looped: bool,
}

impl Pace {
    /// Real time at the clip's own pace, over and over.
    #[must_use]
    pub fn live() -> Self {
        Self { real_time: true, looped: true, ..Self::default() }
    }

    /// True where a clip is read once, as fast as it is asked for.
    pub(super) fn is_immediate(&self) -> bool {
        !self.real_time && !self.looped
    }
}

/// Opens the clip anew.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn FrameSource>, VideoError> + Send>;

/// A clip shown in real time, or over and over, or both.
pub struct Replay {
    open: Opener,
    source: Box<dyn FrameSource>,
    info: VideoInfo,
    pace: Pace,
    fps: f64,
    /// When the first frame was asked for.
    start: Option<Instant>,
    index: u64,
    /// Frames since the clip was opened last.
    in_round: u64,
    dropped: u64,
    stop: Arc<AtomicBool>,
}

impl Replay {
    /// Opens the clip; the time runs from the first frame on.
    ///
    /// # Errors
    /// What opening says; a pace that is none.
    pub fn new(mut open: Opener, pace: Pace, stop: Arc<AtomicBool>) -> Result<Self, VideoError> {
        let source = open()?;
        let mut info = source.info().clone();
        let fps = pace.fps.or(info.fps).unwrap_or(DEFAULT_FPS);
        let speed = pace.speed.unwrap_or(1.0);
        if !(0.001..=100_000.0).contains(&fps) || !(0.001..=100_000.0).contains(&speed) {
            let what = format!("a pace of {fps} frames a second times {speed}");
            return Err(VideoError::Format { name: info.format, what });
        }
        info.fps = Some(fps);
        if pace.looped {
            info.frames = None;
        }
        let (index, in_round, dropped) = (0, 0, 0);
        Ok(Self { open, source, info, pace, fps, start: None, index, in_round, dropped, stop })
    }

    /// When a frame is due, after the first.
    fn due(&self, index: u64) -> Duration {
        let seconds = index as f64 / (self.fps * self.pace.speed.unwrap_or(1.0));
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Passes over the next frame, behind the end over the first; false at the end of all.
    fn skip(&mut self) -> Result<bool, VideoError> {
        let more = match self.source.skip_frame() {
            Ok(more) => more || (self.again()? && self.source.skip_frame()?),
            Err(error) if error.is_recoverable() => true,
            Err(error) => return Err(error),
        };
        self.in_round += u64::from(more);
        self.index += u64::from(more);
        Ok(more)
    }

    /// Opens the clip anew where it is shown over and over; never one without a frame.
    fn again(&mut self) -> Result<bool, VideoError> {
        if !self.pace.looped || self.in_round == 0 {
            return Ok(false);
        }
        self.source = (self.open)()?;
        self.in_round = 0;
        Ok(true)
    }

    /// Waits until the next frame is due and passes over those whose time is past; false to end.
    fn keep_pace(&mut self) -> Result<bool, VideoError> {
        let start = *self.start.get_or_insert_with(Instant::now);
        // The present frame is the last whose time has come.
        while start.elapsed() >= self.due(self.index.saturating_add(1)) {
            if self.stop.load(Ordering::Relaxed) || !self.skip()? {
                return Ok(false);
            }
            self.dropped += 1;
        }
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let left = self.due(self.index).saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(true);
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

impl FrameSource for Replay {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, VideoError> {
        if self.pace.real_time && !self.keep_pace()? {
            return Ok(None);
        }
        let frame = match self.source.next_frame() {
            Ok(None) if self.again()? => self.source.next_frame(),
            other => other,
        };
        let (index, time) = (self.index, Duration::try_from_secs_f64(self.index as f64 / self.fps));
        match frame {
            Ok(Some(frame)) => {
                self.index += 1;
                self.in_round += 1;
                Ok(Some(Frame { index, time: time.unwrap_or(Duration::MAX), ..frame }))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.index += 1;
                self.in_round += 1;
                Err(error)
            }
        }
    }

    fn skip_frame(&mut self) -> Result<bool, VideoError> {
        if self.pace.real_time && !self.keep_pace()? {
            return Ok(false);
        }
        self.skip()
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}
