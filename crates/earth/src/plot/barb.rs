//! Wind barbs after WMO's manual (No. 485): the shaft points to where the wind comes from; half barbs, barbs and pennants stand
//! on the side of lower pressure, which is the left of the wind in the northern hemisphere and the right in the southern.

use super::scene::{Path, Pixel};

/// What barbs count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// 5, 10 and 50 knots.
    #[default]
    Knots,
    /// 2, 4 and 20 m/s, as Chinese charts have them.
    MetresPerSecond,
}

impl Unit {
    /// What a half barb stands for, in m/s.
    fn half(self) -> f32 {
        match self {
            Self::Knots => 5.0 * 1852.0 / 3600.0,
            Self::MetresPerSecond => 2.0,
        }
    }

    /// `full barb 10 kt`.
    #[must_use]
    pub fn legend(self) -> &'static str {
        match self {
            Self::Knots => "barbs: half 5, full 10, pennant 50 kt",
            Self::MetresPerSecond => "barbs: half 2, full 4, pennant 20 m/s",
        }
    }
}

/// How many of each a speed has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Pennants.
    pub pennants: u32,
    /// Full barbs.
    pub full: u32,
    /// Half barbs, one at most.
    pub half: u32,
}

/// Rounds a speed in m/s to the nearest half barb.
#[must_use]
pub fn count(speed: f32, unit: Unit) -> Count {
    let halves = (speed / unit.half()).round().clamp(0.0, 200.0) as u32;
    Count { pennants: halves / 10, full: halves % 10 / 2, half: halves % 2 }
}

/// A barb's shapes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Barb {
    /// Shaft and barbs; a circle for calm.
    pub lines: Path,
    /// Pennants.
    pub fills: Path,
}

/// A barb at a point.
///
/// `downwind` is the direction the wind blows in the picture, of length one; `length` the shaft's, in pixels.
#[must_use]
pub fn barb(
    at: Pixel,
    downwind: Pixel,
    speed: f32,
    south: bool,
    (length, unit): (f32, Unit),
) -> Barb {
    let mut shapes = Barb::default();
    let Count { pennants, full, half } = count(speed, unit);
    if pennants + full + half == 0 {
        shapes.lines = Path::circle(at, length * 0.11);
        return shapes;
    }
    let (dx, dy) = downwind;
    // Left of the wind; y goes down.
    let side = if south { -1.0 } else { 1.0 };
    let (lx, ly) = (dy * side, -dx * side);
    let high = length * 0.42;
    let step = length * 0.13;
    // `along` pixels from the point upwind and `out` to the side.
    let place = |along: f32, out: f32| (at.0 - dx * along + lx * out, at.1 - dy * along + ly * out);
    shapes.lines.push(vec![at, place(length, 0.0)]);
    let mut along = length;
    for _ in 0..pennants {
        shapes.fills.lines.push((
            vec![
                place(along, 0.0),
                place(along - step * 0.2, high),
                place(along - step * 1.6, 0.0),
            ],
            true,
        ));
        along -= step * 1.7;
    }
    if pennants > 0 {
        along -= step * 0.3;
    }
    // Barbs lean away from the point.
    let lean = high * 0.4;
    for _ in 0..full {
        shapes.lines.push(vec![place(along, 0.0), place(along + lean, high)]);
        along -= step;
    }
    if half > 0 {
        // A half barb alone stands off the end, so as not to be taken for a full one.
        if pennants + full == 0 {
            along -= step;
        }
        shapes.lines.push(vec![place(along, 0.0), place(along + lean / 2.0, high / 2.0)]);
    }
    shapes
}

/// An arrow from its middle, in the wind's direction.
#[must_use]
pub fn arrow(at: Pixel, downwind: Pixel, length: f32) -> Path {
    let (dx, dy) = downwind;
    let place = |along: f32, out: f32| (at.0 + dx * along + dy * out, at.1 + dy * along - dx * out);
    let (half, head) = (length / 2.0, (length * 0.35).clamp(2.0, 7.0));
    let mut path = Path::line(vec![place(-half, 0.0), place(half, 0.0)]);
    path.push(vec![
        place(half - head, head * 0.55),
        place(half, 0.0),
        place(half - head, -head * 0.55),
    ]);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOT: f32 = 1852.0 / 3600.0;

    #[test]
    fn speeds_have_their_barbs() {
        for (knots, pennants, full, half) in [
            (2.4, 0, 0, 0),
            (2.6, 0, 0, 1),
            (5.0, 0, 0, 1),
            (10.0, 0, 1, 0),
            (14.0, 0, 1, 1),
            (47.6, 1, 0, 0),
            (65.0, 1, 1, 1),
            (100.0, 2, 0, 0),
            (121.0, 2, 2, 0),
        ] {
            assert_eq!(
                count(knots * KNOT, Unit::Knots),
                Count { pennants, full, half },
                "{knots} kt"
            );
        }
        assert_eq!(count(26.0, Unit::MetresPerSecond), Count { pennants: 1, full: 1, half: 1 });
        let shapes = barb((0.0, 0.0), (1.0, 0.0), 65.0 * KNOT, false, (30.0, Unit::Knots));
        // The shaft, one barb, one half; one pennant.
        assert_eq!((shapes.lines.lines.len(), shapes.fills.lines.len()), (3, 1));
        let calm = barb((0.0, 0.0), (1.0, 0.0), 1.0, false, (30.0, Unit::Knots));
        assert!(calm.lines.lines[0].1 && calm.fills.is_empty());
    }

    #[test]
    fn a_westerly_s_shaft_points_west_and_its_barbs_north_in_the_north() {
        let north = barb((100.0, 100.0), (1.0, 0.0), 20.0 * KNOT, false, (30.0, Unit::Knots));
        let (shaft, feather) = (&north.lines.lines[0].0, &north.lines.lines[1].0);
        assert_eq!(shaft[1], (70.0, 100.0));
        assert!(feather[1].1 < 90.0 && feather[1].0 < feather[0].0, "{feather:?}");
        let south = barb((100.0, 100.0), (1.0, 0.0), 20.0 * KNOT, true, (30.0, Unit::Knots));
        assert!(south.lines.lines[1].0[1].1 > 110.0);
        // A southerly's shaft points south, down the picture; its barbs west.
        let up = barb((0.0, 0.0), (0.0, -1.0), 10.0 * KNOT, false, (30.0, Unit::Knots));
        assert_eq!(up.lines.lines[0].0[1], (0.0, 30.0));
        assert!(up.lines.lines[1].0[1].0 < -10.0);
    }
}
