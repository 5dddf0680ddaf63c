//! Who crosses a line which way, without counting a tremble.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::polygon::{cross, meet};
use super::{Anchor, Observation, Units, ZoneError, advance, placed, relative, within};
use crate::geometry::{Point, Size};

/// A line from one point to another and how a crossing is told from a tremble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Start.
    pub from: Point,
    /// End.
    pub to: Point,
    /// What the points' numbers mean.
    #[serde(default)]
    pub units: Units,
    /// Which point of a box crosses; an overlap stands for the middle.
    #[serde(default)]
    pub anchor: Anchor,
    /// How far beyond the line a thing must be to be on a side, as a share of the frame's shorter side.
    #[serde(default = "default_margin")]
    pub margin: f32,
    /// Seconds after which an unseen track is forgotten.
    #[serde(default = "default_memory")]
    pub memory: f64,
}

fn default_margin() -> f32 {
    0.01
}

fn default_memory() -> f64 {
    5.0
}

impl Line {
    /// A line with a margin of 1 % and a memory of 5 s.
    #[must_use]
    pub fn new(from: Point, to: Point, units: Units) -> Self {
        let (margin, memory) = (default_margin(), default_memory());
        Self { from, to, units, anchor: Anchor::default(), margin, memory }
    }
}

/// Which way a line was crossed, seen by someone who goes from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LineWay {
    /// From the left to the right.
    In,
    /// From the right to the left.
    Out,
}

/// A crossing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Crossing {
    /// Who.
    pub track: u64,
    /// Which way.
    pub way: LineWay,
    /// When it was beyond the margin on the other side.
    pub time: f64,
}

/// Where a track was last clearly on a side.
#[derive(Debug, Clone, Copy)]
struct Side {
    right: bool,
    /// As shares of the frame.
    place: (f64, f64),
    seen: f64,
}

/// Counts crossings of one line.
///
/// A thing is on a side once it is further from the line than the margin. A crossing is a change of side
/// where the way between the two places meets the line between its ends: going around an end does not
/// count. Within the margin nothing happens, so a tremble on the line counts once at most.
#[derive(Debug, Clone)]
pub struct LineCounter {
    line: Line,
    sides: BTreeMap<u64, Side>,
    time: Option<f64>,
    entered: u64,
    left: u64,
}

impl LineCounter {
    /// A counter at 0.
    ///
    /// # Errors
    /// A line of no length, points that are no numbers, a margin or memory out of range.
    pub fn new(line: Line) -> Result<Self, ZoneError> {
        for (at, point) in [line.from, line.to].into_iter().enumerate() {
            if !placed(point) {
                return Err(ZoneError::NotANumber(at));
            }
        }
        if line.from == line.to {
            return Err(ZoneError::NoLength);
        }
        within("margin", f64::from(line.margin), (0.0, 0.5), "from 0 to 0.5")?;
        within("memory", line.memory, (0.0, 86_400.0), "from 0 to a day of seconds")?;
        Ok(Self { line, sides: BTreeMap::new(), time: None, entered: 0, left: 0 })
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
    ) -> Result<Vec<Crossing>, ZoneError> {
        advance(&mut self.time, time)?;
        let memory = self.line.memory;
        self.sides.retain(|_, side| time - side.seen <= memory);
        let end = |point: Point| {
            let point = self.line.units.resolve(point, frame);
            (f64::from(point.x), f64::from(point.y))
        };
        let (from, to) = (end(self.line.from), end(self.line.to));
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let margin = f64::from(self.line.margin) * f64::from(frame.width.min(frame.height));
        let pixels = |(x, y): (f64, f64)| (x * f64::from(frame.width), y * f64::from(frame.height));
        let mut crossings = Vec::new();
        for thing in things {
            let point = match self.line.anchor {
                Anchor::BottomCentre => thing.bbox.bottom_centre(),
                Anchor::Centre | Anchor::Overlap(_) => thing.bbox.centre(),
            };
            let Some(place) = relative(point, frame) else { continue };
            let here = pixels(place);
            let distance = cross(from, to, here) / length;
            let known = self.sides.get_mut(&thing.track);
            // Not above the margin, or no number: on no side.
            let clear = distance.abs() > margin;
            let right = distance > 0.0;
            match known {
                Some(side) => {
                    side.seen = time;
                    if clear {
                        let changed = side.right != right;
                        if changed && meet(from, to, pixels(side.place), here) {
                            let way = if right { LineWay::In } else { LineWay::Out };
                            crossings.push(Crossing { track: thing.track, way, time });
                        }
                        (side.right, side.place) = (right, place);
                    }
                }
                None if clear => {
                    self.sides.insert(thing.track, Side { right, place, seen: time });
                }
                None => {}
            }
        }
        for crossing in &crossings {
            match crossing.way {
                LineWay::In => self.entered += 1,
                LineWay::Out => self.left += 1,
            }
        }
        Ok(crossings)
    }

    /// How many have crossed in and out since the start.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.entered, self.left)
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> &Line {
        &self.line
    }
}
