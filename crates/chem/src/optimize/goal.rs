//! What is wanted of a value, and how near a value comes: desirabilities from 0 to 1.
use std::str::FromStr;

use super::OptimizeError;

/// From value to desirability. All but the steps and the flat ends keep telling better from worse.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// 1 / (1 + exp(-(value - middle) / scale)); a negative scale makes small values good.
    Logistic {
        /// Where desirability is one half.
        middle: f64,
        /// How fast it changes.
        scale: f64,
    },
    /// 1 inside, 1 / (1 + distance / scale) outside.
    Range {
        /// Lower end; may be -∞.
        low: f64,
        /// Upper end; may be ∞.
        high: f64,
        /// Distance at which desirability is one half.
        scale: f64,
    },
    /// 0 at `worst` and beyond, 1 at `best` and beyond, linear between.
    Ramp {
        /// Where desirability ends.
        worst: f64,
        /// Where it is full.
        best: f64,
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

impl Shape {
    /// The desirability of a value, 0 to 1.
    #[must_use]
    pub fn of(&self, value: f64) -> f64 {
        match *self {
            Self::Logistic { middle, scale } => 1.0 / (1.0 + (-(value - middle) / scale).exp()),
            Self::Range { low, high, scale } => {
                let outside = (low - value).max(value - high).max(0.0);
                1.0 / (1.0 + outside / scale)
            }
            Self::Ramp { worst, best } => ramp(value, worst, best),
            Self::Hump { best, .. } if (best[0]..=best[1]).contains(&value) => 1.0,
            Self::Hump { low, best, .. } if value < best[0] => ramp(value, low, best[0]),
            Self::Hump { best, high, .. } => ramp(value, high, best[1]),
        }
    }
}

fn ramp(value: f64, worst: f64, best: f64) -> f64 {
    if worst == best {
        return f64::from(u8::from(value >= best));
    }
    ((value - worst) / (best - worst)).clamp(0.0, 1.0)
}

/// Which values are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wanted {
    /// Large ones.
    Max,
    /// Small ones.
    Min,
    /// Those in a range; an end may be infinite.
    Range {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// As a curve says.
    Shaped(Shape),
}

/// What is wanted of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Goal {
    /// The scorer's column.
    pub name: String,
    /// Which values.
    pub wanted: Wanted,
    /// Its share of the fitness; 0 leaves it to the Pareto front.
    pub weight: f64,
    /// Whether it is an axis of the Pareto front.
    pub on_front: bool,
}

impl Goal {
    /// A goal of weight 1 that is an axis of the front.
    #[must_use]
    pub fn new(name: impl Into<String>, wanted: Wanted) -> Self {
        Self { name: name.into(), wanted, weight: 1.0, on_front: true }
    }

    /// The curve of the goal, seen from the value of the start: for `max` and `min` one half lies there.
    #[must_use]
    pub fn shape(&self, start: Option<f64>) -> Shape {
        let scale = scale(&self.name, start);
        let middle = start.filter(|value| value.is_finite()).unwrap_or(0.0);
        match self.wanted {
            Wanted::Max => Shape::Logistic { middle, scale },
            Wanted::Min => Shape::Logistic { middle, scale: -scale },
            Wanted::Range { low, high } => {
                let width = (high - low) / 2.0;
                let scale = if width.is_finite() && width > 0.0 { width.min(scale) } else { scale };
                Shape::Range { low, high, scale }
            }
            Wanted::Shaped(shape) => shape,
        }
    }

    /// Whether a value is what is wanted: in the range, or better than the start's.
    #[must_use]
    pub fn reached(&self, value: f64, start: Option<f64>) -> bool {
        match self.wanted {
            Wanted::Range { low, high } => (low..=high).contains(&value),
            Wanted::Max => start.is_none_or(|start| value > start),
            Wanted::Min => start.is_none_or(|start| value < start),
            Wanted::Shaped(shape) => shape.of(value) >= 1.0,
        }
    }
}

/// A change of a property that matters: known ones by name, others by the size of the start's value.
fn scale(name: &str, start: Option<f64>) -> f64 {
    match name {
        "QED" | "nn_tanimoto" | "score" => 0.15,
        "SA" | "MolLogP" | "ESOL" | "Lipophilicity" => 1.0,
        "penalized_logP" => 2.0,
        "NumHDonors" | "NumHAcceptors" | "NumRotatableBonds" => 2.0,
        "TPSA" | "MolMR" => 30.0,
        "MolWt" => 80.0,
        // Probabilities and their like, and whatever else there is.
        _ => match start.map(f64::abs) {
            Some(size) if size > 1.0 => size / 3.0,
            _ => 0.2,
        },
    }
}

const HOW: &str = "write NAME=max, NAME=min, NAME=LOW..HIGH, NAME=LOW.. or NAME=..HIGH, each with :WEIGHT behind it if you like, such as QED=max:2";

impl FromStr for Goal {
    type Err = OptimizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || OptimizeError::Goal { text: text.to_owned(), what: "goal", remedy: HOW };
        let (name, wanted) = text.split_once('=').ok_or_else(fault)?;
        let name = name.trim();
        let (wanted, weight) = match wanted.rsplit_once(':') {
            Some((wanted, weight)) => (wanted, weight.trim().parse().map_err(|_| fault())?),
            None => (wanted, 1.0),
        };
        let wanted = match wanted.trim() {
            "max" => Wanted::Max,
            "min" => Wanted::Min,
            range => {
                let (low, high) = parse_range(range).ok_or_else(fault)?;
                Wanted::Range { low, high }
            }
        };
        let fine = !name.is_empty() && weight > 0.0 && f64::is_finite(weight);
        if !fine {
            return Err(fault());
        }
        Ok(Self { name: name.to_owned(), wanted, weight, on_front: true })
    }
}

/// `LOW..HIGH` with either end left out, but not both.
pub(super) fn parse_range(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.trim().split_once("..")?;
    let end = |text: &str, none: f64| match text.trim() {
        "" => Some(none),
        number => number.parse::<f64>().ok().filter(|value| value.is_finite()),
    };
    let (low, high) = (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?);
    (low <= high && (low.is_finite() || high.is_finite())).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read() {
        let goal: Goal = "QED=max".parse().unwrap();
        assert_eq!((goal.name.as_str(), goal.wanted, goal.weight), ("QED", Wanted::Max, 1.0));
        let goal: Goal = "NR-AhR = ..0.2 : 0.5".parse().unwrap();
        assert_eq!(goal.wanted, Wanted::Range { low: f64::NEG_INFINITY, high: 0.2 });
        assert_eq!(goal.weight, 0.5);
        let goal: Goal = "MolLogP=-1..3.5".parse().unwrap();
        assert_eq!(goal.wanted, Wanted::Range { low: -1.0, high: 3.5 });
        for bad in
            ["QED", "=max", "QED=up", "QED=3..1", "QED=..", "QED=max:0", "QED=max:x", "QED=a..b"]
        {
            let said = bad.parse::<Goal>().expect_err(bad).to_string();
            assert!(said.contains("LOW..HIGH"), "{said}");
        }
    }

    #[test]
    fn better_values_are_more_desirable() {
        let max = Goal::new("penalized_logP", Wanted::Max).shape(Some(-4.0));
        assert!((max.of(-4.0) - 0.5).abs() < 1e-12);
        assert!(max.of(-2.0) > max.of(-3.0) && max.of(5.0) > max.of(4.0));
        let min = Goal::new("SA", Wanted::Min).shape(Some(3.0));
        assert!(min.of(2.0) > 0.5 && min.of(4.0) < 0.5);
        let range = Goal::new("MolWt", Wanted::Range { low: 300.0, high: 500.0 }).shape(None);
        assert_eq!((range.of(300.0), range.of(400.0), range.of(580.0)), (1.0, 1.0, 0.5));
        assert!(range.of(200.0) > range.of(100.0) && range.of(100.0) > 0.0);
    }
}
