//! Which way and how fast tracks move, over a window of time.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Observation, ZoneError, advance, relative, within};
use crate::geometry::Size;

/// Most places of a track kept: a window of frames faster than any camera's is thinned to its newest.
const MOST_PLACES: usize = 512;

/// How motion is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MotionOptions {
    /// Seconds looked back.
    pub window: f64,
    /// Least way in the window, as a share of the frame's shorter side; below it a thing stands still.
    pub least_way: f32,
}

impl Default for MotionOptions {
    fn default() -> Self {
        Self { window: 2.0, least_way: 0.03 }
    }
}

/// A track's motion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Motion {
    /// Pixels a second to the right.
    pub vx: f64,
    /// Pixels a second down.
    pub vy: f64,
    /// Whether it moved far enough for its direction to mean anything.
    pub moving: bool,
}

impl Motion {
    /// Pixels a second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.vx.hypot(self.vy)
    }

    /// Direction in degrees from 0 to 360: 0 to the right, 90 down, 180 to the left, 270 up. `None` when it
    /// stands still.
    #[must_use]
    pub fn degrees(&self) -> Option<f64> {
        self.moving.then(|| self.vy.atan2(self.vx).to_degrees().rem_euclid(360.0))
    }

    /// Whether it moves in a direction, up to so many degrees to either side.
    #[must_use]
    pub fn goes(&self, degrees: f64, tolerance: f64) -> bool {
        self.degrees().is_some_and(|own| {
            let apart = (own - degrees).rem_euclid(360.0);
            apart.min(360.0 - apart) <= tolerance
        })
    }
}

/// When a track was where, as shares of the frame.
#[derive(Debug, Clone, Copy)]
struct Place {
    time: f64,
    x: f64,
    y: f64,
}

/// Measures the motion of tracks by the middles of their boxes.
#[derive(Debug, Clone)]
pub struct MotionMonitor {
    options: MotionOptions,
    places: BTreeMap<u64, VecDeque<Place>>,
    time: Option<f64>,
    frame: Size,
}

impl MotionMonitor {
    /// A monitor that has seen nothing.
    ///
    /// # Errors
    /// An option out of range.
    pub fn new(options: MotionOptions) -> Result<Self, ZoneError> {
        within("window", options.window, (0.01, 3600.0), "from 0.01 to 3600 seconds")?;
        within("least_way", f64::from(options.least_way), (0.0, 10.0), "from 0 to 10")?;
        Ok(Self { options, places: BTreeMap::new(), time: None, frame: Size::default() })
    }

    /// Takes a frame: its time in seconds, its size and the things in it.
    ///
    /// # Errors
    /// A time that is not finite or before the last frame's.
    pub fn update(
        &mut self,
        time: f64,
        frame: Size,
        things: &[Observation],
    ) -> Result<(), ZoneError> {
        advance(&mut self.time, time)?;
        self.frame = frame;
        for thing in things {
            if let Some((x, y)) = relative(thing.bbox.centre(), frame) {
                self.places.entry(thing.track).or_default().push_back(Place { time, x, y });
            }
        }
        let window = self.options.window;
        self.places.retain(|_, places| {
            while places.front().is_some_and(|place| time - place.time > window)
                || places.len() > MOST_PLACES
            {
                places.pop_front();
            }
            !places.is_empty()
        });
        Ok(())
    }

    /// A track's motion in the window, by least squares over its places. `None` before two frames of
    /// different times.
    #[must_use]
    pub fn motion(&self, track: u64) -> Option<Motion> {
        let places = self.places.get(&track)?;
        let count = places.len() as f64;
        let mean = |of: fn(&Place) -> f64| places.iter().map(of).sum::<f64>() / count;
        let middle = mean(|p| p.time);
        let spread = places.iter().map(|p| (p.time - middle).powi(2)).sum::<f64>();
        if spread <= 1e-12 {
            return None;
        }
        let slope = |of: fn(&Place) -> f64| {
            let start = mean(of);
            places.iter().map(|p| (p.time - middle) * (of(p) - start)).sum::<f64>() / spread
        };
        let vx = slope(|p| p.x) * f64::from(self.frame.width);
        let vy = slope(|p| p.y) * f64::from(self.frame.height);
        let seconds = places.back()?.time - places.front()?.time;
        let least = self.options.least_way * self.frame.width.min(self.frame.height) as f32;
        let moving = vx.hypot(vy) * seconds > f64::from(least);
        Some(Motion { vx, vy, moving })
    }
}
