//! A zone: a simple polygon, convex or not, and the test whether a box is in it.

use serde::{Deserialize, Serialize};

use super::{Units, ZoneError, placed};
use crate::geometry::{BBox, Point, Size};

/// Most corners: the check for crossings looks at all pairs of edges.
const MOST_CORNERS: usize = 1000;

/// Which part of a box decides whether it is in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anchor {
    /// The middle of the lower edge: where a person or machine stands.
    #[default]
    BottomCentre,
    /// The middle.
    Centre,
    /// At least this share of the box's area, above 0 and up to 1.
    Overlap(f32),
}

/// A polygon and what counts as being in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Zone {
    points: Vec<Point>,
    #[serde(default)]
    units: Units,
    #[serde(default)]
    anchor: Anchor,
}

/// A zone in pixels of frames of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    points: Vec<(f64, f64)>,
    anchor: Anchor,
}

impl Zone {
    /// A zone from its corners in their order around it, either way; the last is joined to the first.
    ///
    /// # Errors
    /// Fewer than 3 or more than 1000 corners, corners that are no numbers, edges that cross or touch,
    /// an overlap that is not a share.
    pub fn new(points: Vec<Point>, units: Units, anchor: Anchor) -> Result<Self, ZoneError> {
        let zone = Self { points, units, anchor };
        zone.check()?;
        Ok(zone)
    }

    /// Whether the zone can be used; for one that was read from a file.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn check(&self) -> Result<(), ZoneError> {
        let count = self.points.len();
        if !(3..=MOST_CORNERS).contains(&count) {
            return Err(ZoneError::Corners(count));
        }
        if let Some(at) = self.points.iter().position(|&point| !placed(point)) {
            return Err(ZoneError::NotANumber(at));
        }
        if let Anchor::Overlap(share) = self.anchor {
            super::within("overlap", f64::from(share), (1e-6, 1.0), "above 0 and at most 1")?;
        }
        let corners: Vec<(f64, f64)> =
            self.points.iter().map(|p| (p.x.into(), p.y.into())).collect();
        let edge = |at: usize| (corners[at], corners[(at + 1) % count]);
        for first in 0..count {
            for second in first + 1..count {
                let (a, b) = edge(first);
                let (c, d) = edge(second);
                let wrong = if second == first + 1 {
                    doubles_back(a, b, d)
                } else if (second + 1) % count == first {
                    doubles_back(c, d, b)
                } else {
                    meet(a, b, c, d)
                };
                if wrong {
                    return Err(ZoneError::Crossed(first, second));
                }
            }
        }
        Ok(())
    }

    /// The zone in pixels of frames of a size.
    #[must_use]
    pub fn resolve(&self, frame: Size) -> Area {
        let corner = |&point: &Point| {
            let point = self.units.resolve(point, frame);
            (f64::from(point.x), f64::from(point.y))
        };
        Area { points: self.points.iter().map(corner).collect(), anchor: self.anchor }
    }

    /// Corners as given.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// What the corners' numbers mean.
    #[must_use]
    pub fn units(&self) -> Units {
        self.units
    }
}

impl Area {
    /// Whether a box is in the zone, by the zone's anchor.
    #[must_use]
    pub fn holds(&self, bbox: &BBox) -> bool {
        match self.anchor {
            Anchor::BottomCentre => self.contains(bbox.bottom_centre()),
            Anchor::Centre => self.contains(bbox.centre()),
            Anchor::Overlap(least) => self.overlap(bbox) >= f64::from(least) - 1e-9,
        }
    }

    /// Whether a point is inside. A point on an edge or corner is.
    #[must_use]
    pub fn contains(&self, point: Point) -> bool {
        let p = (f64::from(point.x), f64::from(point.y));
        let mut inside = false;
        for (a, b) in self.edges() {
            if cross(a, b, p) == 0.0 && between(a, b, p) {
                return true;
            }
            // A ray to the right; an edge has its upper end but not its lower, so that corners count once.
            if (a.1 > p.1) != (b.1 > p.1) {
                let right_of_edge = cross(a, b, p) > 0.0;
                inside ^= right_of_edge == (b.1 < a.1);
            }
        }
        inside
    }

    /// Share of a box's area in the zone, 0 to 1; 0 for a box without area.
    #[must_use]
    pub fn overlap(&self, bbox: &BBox) -> f64 {
        let [x1, y1, x2, y2] = [bbox.x1, bbox.y1, bbox.x2, bbox.y2].map(f64::from);
        let area = (x2 - x1) * (y2 - y1);
        if !(area.is_finite() && x2 > x1 && y2 > y1) {
            return 0.0;
        }
        // Sutherland and Hodgman: the polygon cut by the box's four sides. Where a hollow polygon falls in
        // parts these stay joined along the sides, by pieces without area.
        let mut part = clip(&self.points, |p| p.0 - x1);
        part = clip(&part, |p| x2 - p.0);
        part = clip(&part, |p| p.1 - y1);
        part = clip(&part, |p| y2 - p.1);
        (shoelace(&part).abs() / area).clamp(0.0, 1.0)
    }

    /// Area of the zone in square pixels.
    #[must_use]
    pub fn area(&self) -> f64 {
        shoelace(&self.points).abs()
    }

    fn edges(&self) -> impl Iterator<Item = ((f64, f64), (f64, f64))> + '_ {
        let ends = self.points.iter().cycle().skip(1);
        self.points.iter().zip(ends).map(|(&a, &b)| (a, b))
    }
}

fn shoelace(points: &[(f64, f64)]) -> f64 {
    let ends = points.iter().cycle().skip(1);
    points.iter().zip(ends).map(|(a, b)| a.0 * b.1 - a.1 * b.0).sum::<f64>() / 2.0
}

/// The part of a polygon where a distance is not negative.
fn clip(points: &[(f64, f64)], distance: impl Fn((f64, f64)) -> f64) -> Vec<(f64, f64)> {
    let mut part = Vec::with_capacity(points.len() + 4);
    for (&a, &b) in points.iter().zip(points.iter().cycle().skip(1)) {
        let (from, to) = (distance(a), distance(b));
        if from >= 0.0 {
            part.push(a);
        }
        if (from >= 0.0) != (to >= 0.0) {
            let share = from / (from - to);
            part.push((a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share));
        }
    }
    part
}

/// Twice the area of a triangle, above 0 where `p` is to the right of the way from `a` to `b` (y down).
pub(super) fn cross(a: (f64, f64), b: (f64, f64), p: (f64, f64)) -> f64 {
    (b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0)
}

fn between(a: (f64, f64), b: (f64, f64), p: (f64, f64)) -> bool {
    let inside = |a: f64, b: f64, p: f64| a.min(b) <= p && p <= a.max(b);
    inside(a.0, b.0, p.0) && inside(a.1, b.1, p.1)
}

/// Whether two segments share a point.
pub(super) fn meet(a: (f64, f64), b: (f64, f64), c: (f64, f64), d: (f64, f64)) -> bool {
    let (abc, abd) = (cross(a, b, c), cross(a, b, d));
    let (cda, cdb) = (cross(c, d, a), cross(c, d, b));
    if abc * abd < 0.0 && cda * cdb < 0.0 {
        return true;
    }
    (abc == 0.0 && between(a, b, c))
        || (abd == 0.0 && between(a, b, d))
        || (cda == 0.0 && between(c, d, a))
        || (cdb == 0.0 && between(c, d, b))
}

/// Whether the edge from `b` to `c` lies on the edge from `a` to `b`, or one of them has no length.
fn doubles_back(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> bool {
    let along = (b.0 - a.0) * (c.0 - b.0) + (b.1 - a.1) * (c.1 - b.1);
    a == b || b == c || (cross(a, b, c) == 0.0 && along < 0.0)
}
