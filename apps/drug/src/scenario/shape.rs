//! Desirability functions: piecewise linear, from a value to 0 … 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// From value to desirability. Between the corners it is linear, beyond them constant.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Shape {
    /// 0 at `worst`, 1 at `best`; `best` may be the larger or the smaller.
    Ramp {
        /// Where desirability ends.
        worst: f64,
        /// Where it is full.
        best: f64,
    },
    /// 1 on the good side of `at`, 0 on the other; the value `at` itself is good.
    Step {
        /// The limit.
        at: f64,
        /// Which side is good.
        good: Side,
    },
    /// 0 outside `low..high`, 1 in `best`, linear between.
    Hump {
        /// Below: 0.
        low: f64,
        /// From the first to the second: 1.
        best: [f64; 2],
        /// Above: 0.
        high: f64,
    },
}

/// A side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Larger values.
    Above,
    /// Smaller values.
    Below,
}

impl Shape {
    /// The desirability of a value, 0 to 1.
    #[must_use]
    pub fn of(&self, value: f64) -> f64 {
        match *self {
            Self::Ramp { worst, best } => ramp(value, worst, best),
            Self::Step { at, good: Side::Above } => f64::from(u8::from(value >= at)),
            Self::Step { at, good: Side::Below } => f64::from(u8::from(value <= at)),
            // In the middle before the sides, so that a side may be a wall (low = best[0]).
            Self::Hump { best, .. } if (best[0]..=best[1]).contains(&value) => 1.0,
            Self::Hump { low, best, .. } if value < best[0] => ramp(value, low, best[0]),
            Self::Hump { best, high, .. } => ramp(value, high, best[1]),
        }
    }

    /// What is wrong with the corners, if anything.
    pub(super) fn fault(&self) -> Option<&'static str> {
        let numbers: &[f64] = match self {
            Self::Ramp { worst, best } => &[*worst, *best],
            Self::Step { at, .. } => &[*at],
            Self::Hump { low, best, high } => &[*low, best[0], best[1], *high],
        };
        if numbers.iter().any(|number| !number.is_finite()) {
            return Some("the corners must be finite numbers");
        }
        match *self {
            Self::Ramp { worst, best } if worst == best => {
                Some("worst and best are the same: use a step")
            }
            Self::Hump { low, best, high }
                if !(low <= best[0] && best[0] <= best[1] && best[1] <= high) =>
            {
                Some("the corners must rise: low ≤ best[0] ≤ best[1] ≤ high")
            }
            _ => None,
        }
    }
}

/// 0 at `worst` and beyond, 1 at `best` and beyond; 0 where the two are one.
fn ramp(value: f64, worst: f64, best: f64) -> f64 {
    if worst == best {
        return 0.0;
    }
    ((value - worst) / (best - worst)).clamp(0.0, 1.0)
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ramp { worst, best } => write!(f, "{worst} → {best}"),
            Self::Step { at, good: Side::Above } => write!(f, "≥ {at}"),
            Self::Step { at, good: Side::Below } => write!(f, "≤ {at}"),
            Self::Hump { low, best, high } => {
                write!(f, "{low} · {}–{} · {high}", best[0], best[1])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_the_corners() {
        let falling = Shape::Ramp { worst: 500.0, best: 360.0 };
        assert_eq!([300.0, 430.0, 500.0, 900.0].map(|v| falling.of(v)), [1.0, 0.5, 0.0, 0.0]);
        let hump = Shape::Hump { low: 20.0, best: [40.0, 90.0], high: 120.0 };
        assert_eq!(
            [20.0, 30.0, 40.0, 90.0, 105.0, 121.0].map(|v| hump.of(v)),
            [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]
        );
        assert_eq!(Shape::Step { at: 0.5, good: Side::Below }.of(0.5), 1.0);
        assert_eq!(Shape::Step { at: 0.5, good: Side::Above }.of(0.4), 0.0);
        // A hump whose side is a wall.
        let wall = Shape::Hump { low: 0.0, best: [0.0, 1.0], high: 1.0 };
        assert!(wall.fault().is_none());
        assert_eq!([-0.1, 0.0, 0.5, 1.0, 1.1].map(|v| wall.of(v)), [0.0, 1.0, 1.0, 1.0, 0.0]);
    }
}
