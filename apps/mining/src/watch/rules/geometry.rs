//! Where a thing stands against a zone.

use strata_vision::geometry::{Point, Size};

use crate::watch::config::{Crossing, ZoneShape};

/// Share of the picture's diagonal that a thing must be away from a line to be on a side of it: boxes
/// tremble, and a trembling box crosses nothing.
const MARGIN: f32 = 0.005;

/// Length of a picture's diagonal.
pub(super) fn diagonal(size: Size) -> f32 {
    (size.width as f32).hypot(size.height as f32)
}

/// Whether a point is in a zone; everything is where there is none, and nothing is in a line.
pub(super) fn is_in(zone: Option<&ZoneShape>, point: Point) -> bool {
    match zone {
        None => true,
        Some(ZoneShape::Polygon(area)) => area.contains(point),
        Some(ZoneShape::Line(..)) => false,
    }
}

/// Twice the signed area of a triangle: positive where `p` is to the right of the way from `a` to `b`
/// (y goes down).
fn cross(a: Point, b: Point, p: Point) -> f32 {
    (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x)
}

/// Watches one thing against one line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LineWatch {
    /// Where it last stood firmly on a side.
    firm: Option<Point>,
}

impl LineWatch {
    /// The thing is here now: which way it crossed the line since it last stood firmly on a side.
    pub(super) fn step(
        &mut self,
        line: (Point, Point),
        here: Point,
        size: Size,
    ) -> Option<Crossing> {
        let (a, b) = line;
        let length = (b.x - a.x).hypot(b.y - a.y);
        let side = cross(a, b, here);
        if length <= 0.0 || side.abs() / length < MARGIN * diagonal(size) {
            return None;
        }
        let before = self.firm.replace(here)?;
        let was = cross(a, b, before);
        if (was > 0.0) == (side > 0.0) {
            return None;
        }
        // The way must meet the line between its ends, not its prolongation.
        let meets = (cross(before, here, a) > 0.0) != (cross(before, here, b) > 0.0);
        meets.then_some(if side > 0.0 { Crossing::In } else { Crossing::Out })
    }
}

/// Watches the way of one thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct WayWatch {
    origin: Point,
}

/// A direction to be recognised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Direction {
    /// Degrees: 0 to the right, 90 down.
    pub(super) degrees: f32,
    /// Degrees to either side.
    pub(super) tolerance: f32,
    /// Pixels that must be gone.
    pub(super) distance: f32,
}

impl WayWatch {
    pub(super) fn new(origin: Point) -> Self {
        Self { origin }
    }

    /// The thing is here now: whether it has gone far enough that way.
    pub(super) fn step(&mut self, here: Point, direction: Direction) -> bool {
        let (dx, dy) = (here.x - self.origin.x, here.y - self.origin.y);
        if dx.hypot(dy) < direction.distance.max(1.0) {
            return false;
        }
        let turn = (dy.atan2(dx).to_degrees() - direction.degrees).rem_euclid(360.0);
        let that_way = turn.min(360.0 - turn) <= direction.tolerance;
        if !that_way {
            // It went elsewhere: what comes now is measured from here.
            self.origin = here;
        }
        that_way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(1000, 1000);

    fn at(x: f32, y: f32) -> Point {
        Point { x, y }
    }

    #[test]
    fn a_trembling_thing_crosses_once() {
        let line = (at(0.0, 500.0), at(1000.0, 500.0));
        let mut watch = LineWatch::default();
        let ys = [400.0, 499.0, 501.0, 498.0, 503.0, 540.0, 499.0, 530.0];
        let seen: Vec<_> =
            ys.iter().filter_map(|y| watch.step(line, at(300.0, *y), SIZE)).collect();
        // Walking along the line from left to right, down is to the right.
        assert_eq!(seen, [Crossing::In]);
        assert_eq!(watch.step(line, at(300.0, 400.0), SIZE), Some(Crossing::Out));
    }

    #[test]
    fn the_prolongation_of_a_line_is_no_line() {
        let line = (at(0.0, 500.0), at(200.0, 500.0));
        let mut watch = LineWatch::default();
        assert_eq!(watch.step(line, at(300.0, 400.0), SIZE), None);
        assert_eq!(watch.step(line, at(300.0, 600.0), SIZE), None);
    }

    #[test]
    fn ways_are_measured_anew_after_a_turn() {
        let right = Direction { degrees: 0.0, tolerance: 45.0, distance: 50.0 };
        let mut watch = WayWatch::new(at(500.0, 500.0));
        assert!(!watch.step(at(540.0, 500.0), right));
        assert!(!watch.step(at(440.0, 500.0), right), "to the left");
        assert!(watch.step(at(495.0, 500.0), right), "55 to the right of the turn");
        let up = Direction { degrees: 270.0, ..right };
        assert!(WayWatch::new(at(0.0, 100.0)).step(at(10.0, 0.0), up));
    }
}
