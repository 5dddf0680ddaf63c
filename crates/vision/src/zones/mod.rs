//! Zones of a camera's picture and what tracks do there: who is inside and for how long, who crosses a
//! line which way, who moves which way.
//!
//! Shapes are given relative to the picture (0 to 1), in its pixels, or in pixels of a picture of another
//! size, and are worked out for each frame's size: a camera that changes its picture's size moves neither
//! zones nor tracks. Time is that of the frames, in seconds.

mod line;
mod motion;
mod occupancy;
mod polygon;

use serde::{Deserialize, Serialize};

pub use line::{Crossing, Line, LineCounter, LineWay};
pub use motion::{Motion, MotionMonitor, MotionOptions};
pub use occupancy::{OccupancyOptions, ZoneEvent, ZoneMonitor};
pub use polygon::{Anchor, Area, Zone};

use crate::geometry::{BBox, Point, Size};

/// What the numbers of a shape mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// Shares of the picture's width and height, 0 to 1.
    #[default]
    Relative,
    /// Pixels of the picture, whatever its size.
    Pixels,
    /// Pixels of a picture of this size, scaled to the picture's own.
    Of(Size),
}

impl Units {
    /// A point in pixels of a picture.
    #[must_use]
    pub fn resolve(self, point: Point, frame: Size) -> Point {
        let scaled = |x: f64, y: f64| Point {
            x: (f64::from(point.x) * x) as f32,
            y: (f64::from(point.y) * y) as f32,
        };
        let (width, height) = (f64::from(frame.width), f64::from(frame.height));
        match self {
            Self::Relative => scaled(width, height),
            Self::Pixels => point,
            Self::Of(of) => {
                scaled(width / f64::from(of.width.max(1)), height / f64::from(of.height.max(1)))
            }
        }
    }
}

/// A thing in a frame, under the number that follows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// Number of its track.
    pub track: u64,
    /// Where, in pixels of the frame.
    pub bbox: BBox,
}

/// Why a shape cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ZoneError {
    /// Another number of corners.
    #[error("a zone has {0} corners: 3 to 1000 are needed")]
    Corners(usize),
    /// A number that is no place.
    #[error("corner {0} is not a pair of finite numbers up to a million")]
    NotANumber(usize),
    /// Edges that meet where they should not.
    #[error(
        "the edges from corner {0} and from corner {1} cross or touch: the corners must go around the zone once"
    )]
    Crossed(usize, usize),
    /// A line of no length.
    #[error("a line needs two different ends")]
    NoLength,
    /// An option out of range.
    #[error("zones: {name} is {value}; it must be {allowed}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Time that does not go forwards.
    #[error("a frame of {time} s after one of {last} s: frames must come in order")]
    Time {
        /// The frame's time.
        time: f64,
        /// The last frame's.
        last: f64,
    },
}

/// Largest number a corner may have.
const FARTHEST: f32 = 1e6;

fn placed(point: Point) -> bool {
    point.x.abs() <= FARTHEST && point.y.abs() <= FARTHEST
}

/// A point as a share of the picture, so that it stays where it is when the size changes.
fn relative(point: Point, frame: Size) -> Option<(f64, f64)> {
    let share = |v: f32, of: u32| f64::from(v) / f64::from(of.max(1));
    let (x, y) = (share(point.x, frame.width), share(point.y, frame.height));
    (x.is_finite() && y.is_finite()).then_some((x, y))
}

/// Whether an option lies between two numbers.
fn within(
    name: &'static str,
    value: f64,
    (least, most): (f64, f64),
    allowed: &'static str,
) -> Result<(), ZoneError> {
    if value >= least && value <= most {
        return Ok(());
    }
    Err(ZoneError::Option { name, value, allowed })
}

/// Sees to it that time goes forwards.
fn advance(last: &mut Option<f64>, time: f64) -> Result<(), ZoneError> {
    let before = last.unwrap_or(time);
    if !time.is_finite() || time < before {
        return Err(ZoneError::Time { time, last: before });
    }
    *last = Some(time);
    Ok(())
}

#[cfg(test)]
mod tests;
