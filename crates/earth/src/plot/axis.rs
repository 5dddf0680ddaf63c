//! Axes of charts: where numbers and times lie on them, and where they are marked.

use super::style::round_step;
use super::words;
use crate::time::{DAY, HOUR, Time};

/// An axis of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) logarithmic: bool,
}

impl Axis {
    /// Over values, with a margin.
    pub(super) fn of(values: impl Iterator<Item = f64>, logarithmic: bool) -> Option<Self> {
        let values = values.map(|value| if logarithmic { value.log10() } else { value });
        let (low, high) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let margin = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.05 };
        Some(Self { low: low - margin, high: high + margin, logarithmic })
    }

    /// At least as long as `span`, around its middle.
    pub(super) fn at_least(self, span: f64) -> Self {
        let (middle, half) =
            (f64::midpoint(self.low, self.high), ((self.high - self.low) / 2.0).max(span / 2.0));
        Self { low: middle - half, high: middle + half, ..self }
    }

    /// How far along it a value lies, from 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        (value - self.low) / (self.high - self.low)
    }

    /// Round numbers on it, with their names.
    pub(super) fn ticks(&self, parts: f64) -> Vec<(f64, String)> {
        if self.logarithmic {
            let powers = self.low.ceil() as i32..=self.high.floor() as i32;
            return powers
                .map(|power| {
                    let value = 10.0_f64.powi(power);
                    let name = if (-3..=4).contains(&power) {
                        words::number(value, value.min(1.0))
                    } else {
                        format!("1e{power}").replace('-', "−")
                    };
                    (value, name)
                })
                .collect();
        }
        let step = round_step(self.high - self.low, parts);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        (first..=last)
            .map(|at| at as f64 * step)
            .map(|value| (value, words::number(value, step)))
            .collect()
    }
}

/// Times that are marked: each with its name, and whether it is a midnight.
pub(super) fn times(first: Time, last: Time, most: usize) -> Vec<(Time, String, bool)> {
    let span = (last - first).max(1);
    let step = [
        HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        5 * DAY,
        10 * DAY,
        30 * DAY,
        90 * DAY,
        365 * DAY,
    ]
    .into_iter()
    .find(|step| span / step < most.max(2) as i64)
    .unwrap_or(365 * DAY);
    let start = first.0.div_euclid(step) + i64::from(first.0.rem_euclid(step) != 0);
    (start..=last.0.div_euclid(step))
        .map(|at| {
            let time = Time(at * step);
            let civil = time.civil();
            let midnight = time.0.rem_euclid(DAY) == 0;
            let name = if midnight {
                format!("{} {:02}-{:02}", words::weekday(time), civil.month, civil.day)
            } else {
                format!("{:02}", civil.hour)
            };
            (time, name, midnight)
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_days_are_named() {
        let axis = Axis::of([1.3, 9.2].into_iter(), false).unwrap();
        let names: Vec<String> = axis.ticks(5.0).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["2", "4", "6", "8"]);
        let decades = Axis::of([30.0, 40_000.0].into_iter(), true).unwrap();
        assert_eq!(
            decades.ticks(5.0).iter().map(|(v, _)| *v).collect::<Vec<_>>(),
            [100.0, 1000.0, 10_000.0]
        );
        let first = Time::parse("2024-05-01T06").unwrap();
        let marks = times(first, first.plus_hours(48), 10);
        assert_eq!(marks[0].1, "06");
        assert_eq!(marks[3].1, "Thu 05-02");
        assert!(Axis::of([f64::NAN].into_iter(), false).is_none());
    }
}
