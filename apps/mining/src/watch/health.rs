//! The watchdog's mind: when a camera counts as stalled or dead, and when its stream is opened anew.
//! It reads no clock and opens nothing: the engine does, as it is told.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sinks::Backoff;

/// Readers that hang in a call at once: beyond, no more are started until one returns.
const MAX_HANGING: u32 = 4;
/// Failures in a row after which a camera counts as dead; it is still tried.
const DEAD_AFTER: u32 = 5;

/// How a camera is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// Its stream is being opened.
    Starting,
    /// Frames come.
    Online,
    /// Frames came and come no more; the stream is opened anew.
    Stalled,
    /// The stream could not be opened several times in a row; it is tried at longer intervals.
    Dead,
    /// A recording is through.
    Ended,
}

impl CameraState {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Online => "online",
            Self::Stalled => "stalled",
            Self::Dead => "dead",
            Self::Ended => "ended",
        }
    }
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// A recording is through and is not to be repeated.
    Through,
    /// It broke off, could not be opened, or its reader panicked.
    Failed(String),
}

/// What the engine has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start a reader of this number. Readers of lower numbers have nothing to say any more.
    Open(u64),
    /// The camera went away: end its events.
    Lost,
}

/// A camera's health.
#[derive(Debug)]
pub struct Health {
    stall_ms: i64,
    backoff: Backoff,
    state: CameraState,
    /// Number of the reader that counts.
    reader: u64,
    /// Readers that have not returned.
    running: u32,
    /// When the last frame came, or the reader was started.
    alive_ms: i64,
    /// When the next reader may be started; `None` while one is at work.
    open_ms: Option<i64>,
    failures: u32,
    restarts: u64,
    stalls: u64,
    error: Option<String>,
}

impl Health {
    /// A camera whose stream is to be opened at once.
    #[must_use]
    pub fn new(stall: Duration, backoff: Backoff, now_ms: i64) -> Self {
        Self {
            stall_ms: i64::try_from(stall.as_millis()).unwrap_or(i64::MAX),
            backoff,
            state: CameraState::Starting,
            reader: 0,
            running: 0,
            alive_ms: now_ms,
            open_ms: Some(now_ms),
            failures: 0,
            restarts: 0,
            stalls: 0,
            error: None,
        }
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> CameraState {
        self.state
    }

    /// Times that the stream was opened anew.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Times that frames stayed away too long.
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.stalls
    }

    /// The last error, until frames come again.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// When the last frame came, or the reader was started.
    #[must_use]
    pub fn alive_ms(&self) -> i64 {
        self.alive_ms
    }

    /// Whether a reader still counts.
    #[must_use]
    pub fn counts(&self, reader: u64) -> bool {
        reader == self.reader && self.open_ms.is_none() && self.state != CameraState::Ended
    }

    /// A reader has a frame; false when it no longer counts and must stop.
    pub fn frame(&mut self, reader: u64, now_ms: i64) -> bool {
        if !self.counts(reader) {
            return false;
        }
        self.alive_ms = now_ms;
        self.state = CameraState::Online;
        self.failures = 0;
        self.error = None;
        true
    }

    /// A reader returned, also one that no longer counts. Whether the camera went away with it.
    pub fn returned(&mut self, reader: u64, end: StreamEnd, now_ms: i64) -> Option<Order> {
        self.running = self.running.saturating_sub(1);
        if !self.counts(reader) {
            return None;
        }
        match end {
            StreamEnd::Through => {
                self.state = CameraState::Ended;
                self.error = None;
            }
            StreamEnd::Failed(error) => self.fail(error, now_ms),
        }
        Some(Order::Lost)
    }

    /// Looks at the time: what is to be done.
    pub fn tick(&mut self, now_ms: i64) -> Option<Order> {
        if self.state == CameraState::Ended {
            return None;
        }
        let Some(open_ms) = self.open_ms else {
            if now_ms - self.alive_ms < self.stall_ms {
                return None;
            }
            self.stalls += 1;
            let seconds = self.stall_ms as f64 / 1000.0;
            self.fail(format!("no frame for {seconds} s"), now_ms);
            return Some(Order::Lost);
        };
        if now_ms < open_ms {
            return None;
        }
        if self.running >= MAX_HANGING {
            self.state = CameraState::Dead;
            let error = format!("{} readers hang in the stream's library", self.running);
            self.error = Some(error);
            return None;
        }
        self.restarts += u64::from(self.reader > 0);
        self.reader += 1;
        self.running += 1;
        self.open_ms = None;
        self.alive_ms = now_ms;
        Some(Order::Open(self.reader))
    }

    fn fail(&mut self, error: String, now_ms: i64) {
        self.failures = self.failures.saturating_add(1);
        self.state =
            if self.failures >= DEAD_AFTER { CameraState::Dead } else { CameraState::Stalled };
        self.error = Some(error);
        let wait = self.backoff.random(self.failures).as_millis();
        self.open_ms = Some(now_ms.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60) };
        Health::new(Duration::from_secs(20), backoff, 0)
    }

    #[test]
    fn twenty_seconds_without_a_frame_open_the_stream_anew() {
        let mut camera = health();
        assert_eq!(camera.tick(0), Some(Order::Open(1)));
        assert!(camera.frame(1, 5000));
        assert_eq!((camera.tick(24_999), camera.state()), (None, CameraState::Online));
        assert_eq!(camera.tick(25_000), Some(Order::Lost));
        assert_eq!((camera.state(), camera.stalls()), (CameraState::Stalled, 1));
        assert!(!camera.frame(1, 25_100), "the reader that hung no longer counts");
        assert_eq!(camera.tick(25_400), None, "at least half a second later");
        assert_eq!(camera.tick(26_000), Some(Order::Open(2)));
        assert!(camera.frame(2, 26_100) && !camera.frame(1, 26_200));
        assert_eq!(
            (camera.restarts(), camera.error(), camera.state()),
            (1, None, CameraState::Online)
        );
        assert_eq!(camera.returned(1, StreamEnd::Through, 27_000), None);
        assert_eq!(camera.state(), CameraState::Online);
    }

    #[test]
    fn a_camera_that_cannot_be_opened_is_dead_and_still_tried() {
        let mut camera = health();
        let (mut opened, mut dead_at) = (0, None);
        for second in 0..3600 {
            let now = second * 1000;
            if let Some(Order::Open(reader)) = camera.tick(now) {
                opened += 1;
                camera.returned(reader, StreamEnd::Failed("refused".into()), now);
            }
            if camera.state() == CameraState::Dead {
                dead_at.get_or_insert(second);
            }
        }
        assert!((65..130).contains(&opened), "{opened} times in an hour, each minute at most");
        assert!(dead_at.is_some_and(|at| (7..40).contains(&at)), "{dead_at:?}");
        assert_eq!(camera.error(), Some("refused"));
        let mut now = 3_600_000;
        let reader = loop {
            now += 1000;
            if let Some(Order::Open(reader)) = camera.tick(now) {
                break reader;
            }
        };
        assert!(camera.frame(reader, now));
        assert_eq!(camera.state(), CameraState::Online);
    }

    #[test]
    fn hanging_readers_do_not_pile_up() {
        let mut camera = health();
        let opened =
            (0..36_000).filter(|n| matches!(camera.tick(n * 100), Some(Order::Open(_)))).count();
        assert_eq!((opened, camera.state()), (4, CameraState::Dead));
        camera.returned(1, StreamEnd::Failed("late".into()), 3_600_000);
        assert_eq!(camera.tick(3_600_001), Some(Order::Open(5)));
    }

    #[test]
    fn a_recording_that_is_through_stays_so() {
        let mut camera = health();
        assert_eq!(camera.tick(0), Some(Order::Open(1)));
        assert_eq!(camera.returned(1, StreamEnd::Through, 100), Some(Order::Lost));
        assert_eq!((camera.tick(1_000_000), camera.state()), (None, CameraState::Ended));
    }
}
