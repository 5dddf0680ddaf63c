//! Numbers: spreads over rounds, the server's metrics, latencies as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use strata_testkit::load::{Failure, Latency, Report};

/// The least, the middle and the most of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of values that are numbers; nothing of none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Self { min, median, max })
    }

    pub(crate) fn json(self) -> Value {
        json!({"min": round(self.min), "median": round(self.median), "max": round(self.max)})
    }
}

/// The spread of values as JSON, null where there are none.
pub(crate) fn spread(values: impl IntoIterator<Item = f64>) -> Value {
    Spread::of(values).map_or(Value::Null, Spread::json)
}

/// The sum of a metric's values over the lines that have every one of these labels (`model="esol"`).
pub(crate) fn metric(text: &str, name: &str, labels: &[&str]) -> f64 {
    let value = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let (of, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        let labelled = labels.iter().all(|label| of.split(',').any(|one| one == *label));
        // What follows a value is a time or an exemplar.
        labelled.then(|| value.split_whitespace().next()?.parse::<f64>().ok()).flatten()
    };
    text.lines().filter_map(value).sum()
}

/// Four significant figures: more would pretend.
pub(crate) fn round(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let places = 3 - value.abs().log10().floor() as i32;
    if places <= 0 {
        return value.round();
    }
    let scale = 10f64.powi(places);
    (value * scale).round() / scale
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub(crate) fn latency(latency: &Latency) -> Value {
    json!({
        "count": latency.count, "p50_ms": round(millis(latency.p50)),
        "p99_ms": round(millis(latency.p99)), "max_ms": round(millis(latency.max)),
    })
}

/// Answers by status.
pub(crate) fn statuses(report: &Report) -> Value {
    let counts = report.statuses.iter().map(|(status, l)| (status.to_string(), json!(l.count)));
    Value::Object(counts.collect::<Map<_, _>>())
}

/// Requests without a whole answer, by the reason.
pub(crate) fn failures(failures: &BTreeMap<Failure, u64>) -> Value {
    let counts = failures.iter().map(|(failure, count)| (failure.name().to_owned(), json!(count)));
    Value::Object(counts.collect::<Map<_, _>>())
}

/// Everything that is no right answer with status 200.
pub(crate) fn errors(report: &Report) -> u64 {
    report.answered - report.count(200) + report.failed() + report.wrong + report.lost_clients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_are_of_the_middle_value_or_two() {
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!(odd, Spread { min: 1.0, median: 2.0, max: 3.0 });
        let even = Spread::of([4.0, 1.0, f64::NAN, 3.0, 2.0]).unwrap();
        assert_eq!(even, Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert_eq!(Spread::of([f64::INFINITY]), None);
        assert_eq!(spread([]), Value::Null);
    }

    #[test]
    fn metrics_are_summed_over_matching_lines() {
        let text = "# HELP rows_sum x\nrows_sum{model=\"a\"} 12.5\nrows_sum{model=\"ab\"} 100\n\
                    rows_sum{model=\"a\",stage=\"infer\"} 2 1700000000\nrows 7\nrows_count{model=\"a\"} 5\n";
        assert_eq!(metric(text, "rows_sum", &["model=\"a\""]), 14.5);
        assert_eq!(metric(text, "rows_sum", &["model=\"a\"", "stage=\"infer\""]), 2.0);
        assert_eq!(metric(text, "rows_sum", &[]), 114.5);
        assert_eq!(metric(text, "rows", &[]), 7.0);
        assert_eq!(metric(text, "rows", &["model=\"a\""]), 0.0);
    }

    #[test]
    fn figures_keep_four_places() {
        assert_eq!((round(1234.567), round(123_456.7)), (1235.0, 123_457.0));
        assert_eq!((round(0.012_345_6), round(-9.999_95), round(0.0)), (0.012_35, -10.0, 0.0));
    }
}
