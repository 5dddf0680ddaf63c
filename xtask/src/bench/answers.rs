//! Whether two sides gave the same answers: their files of answers, compared value by value.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::record::Agreement;
use super::stats;
use super::suite::Check;

/// Reads a file of answers: a JSON array with an entry an item, or one JSON value a line.
pub(crate) fn read(path: &Path) -> Result<Vec<Value>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("no answers in {shown}"))?;
    if text.trim_start().starts_with('[')
        && let Ok(values) = serde_json::from_str(&text)
    {
        return Ok(values);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let values: Vec<Value> = lines
        .map(|(number, line)| {
            serde_json::from_str(line).with_context(|| format!("{shown}, line {}", number + 1))
        })
        .collect::<Result<_>>()?;
    if values.is_empty() {
        bail!("{shown} holds no answer");
    }
    Ok(values)
}

/// Compares answers, item by item. Numbers may differ by the tolerance, all else must be equal; lists of different
/// lengths differ in what one of them lacks.
pub(crate) fn compare(ours: &[Value], theirs: &[Value], check: &Check) -> Agreement {
    let mut found =
        Found { check, differences: Vec::new(), within: 0, other: 0, item: 0, first: None };
    for number in 0..ours.len().max(theirs.len()) {
        found.item = number;
        found.pair(ours.get(number), theirs.get(number));
    }
    found.agreement(ours.len(), theirs.len())
}

/// The agreement of two files as JSON, by a check that is JSON too. Run as a process of its own: a process starts with the
/// peak memory of the one that started it on its record, so the harness itself must never hold answers.
pub(crate) fn agreement_of_files(check: &str, ours: &Path, theirs: &Path) -> Result<String> {
    let check: Check = serde_json::from_str(check).context("the check is no JSON")?;
    Ok(serde_json::to_string(&compare(&read(ours)?, &read(theirs)?, &check))?)
}

struct Found<'a> {
    check: &'a Check,
    differences: Vec<f64>,
    within: u64,
    /// Values that differ and have no number to say how far.
    other: u64,
    item: usize,
    first: Option<String>,
}

impl Found<'_> {
    fn pair(&mut self, ours: Option<&Value>, theirs: Option<&Value>) {
        match (ours, theirs) {
            (Some(Value::Array(a)), Some(Value::Array(b))) => {
                for at in 0..a.len().max(b.len()) {
                    self.pair(a.get(at), b.get(at));
                }
            }
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
                let difference = (a - b).abs();
                let limit = self.check.tolerance + self.check.relative * b.abs();
                if difference <= limit {
                    self.within += 1;
                } else {
                    self.remember(ours, theirs);
                }
                self.differences.push(difference);
            }
            (Some(a), Some(b)) if a == b => {
                self.within += 1;
                self.differences.push(0.0);
            }
            _ => {
                self.other += 1;
                self.remember(ours, theirs);
            }
        }
    }

    fn remember(&mut self, ours: Option<&Value>, theirs: Option<&Value>) {
        let shown = |value: Option<&Value>| match value {
            Some(value) => value.to_string().chars().take(80).collect(),
            None => "nothing".to_owned(),
        };
        let text = || format!("item {}: {} against {}", self.item, shown(ours), shown(theirs));
        if self.first.is_none() {
            self.first = Some(text());
        }
    }

    fn agreement(mut self, ours: usize, theirs: usize) -> Agreement {
        let compared = self.differences.len() as u64 + self.other;
        self.differences.sort_by(f64::total_cmp);
        let median = self.differences.get(self.differences.len() / 2).copied().unwrap_or(0.0);
        let largest = self.differences.last().copied().unwrap_or(0.0);
        let within = if compared == 0 { 0.0 } else { self.within as f64 / compared as f64 };
        let note = match (ours == theirs, self.first) {
            (true, first) => first,
            (false, first) => {
                Some(format!("{ours} items against {theirs}; {}", first.unwrap_or_default()))
            }
        };
        Agreement {
            compared,
            largest_difference: stats::rounded(largest),
            median_difference: stats::rounded(median),
            within,
            tolerance: self.check.tolerance,
            agree: compared > 0 && ours == theirs && within >= self.check.share,
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(value: &Value) -> Vec<Value> {
        value.as_array().unwrap().clone()
    }

    fn check(tolerance: f64, share: f64) -> Check {
        Check { tolerance, relative: 0.0, share }
    }

    #[test]
    fn numbers_differ_by_as_much_as_is_allowed() {
        let (ours, theirs) =
            (values(&json!([1, 2.5, null, "C"])), values(&json!([1.0, 2.25, null, "C"])));
        let exact = compare(&ours, &theirs, &check(0.0, 1.0));
        assert!(!exact.agree);
        assert_eq!((exact.compared, exact.within, exact.largest_difference), (4, 0.75, 0.25));
        assert!(exact.note.unwrap().contains("item 1: 2.5 against 2.25"));
        assert!(compare(&ours, &theirs, &check(0.25, 1.0)).agree);
        assert!(compare(&ours, &theirs, &check(0.0, 0.75)).agree);
        let relative = Check { tolerance: 0.0, relative: 0.12, share: 1.0 };
        assert!(compare(&ours, &theirs, &relative).agree);
    }

    #[test]
    fn what_is_missing_or_of_another_kind_differs() {
        let all = check(1e9, 1.0);
        assert!(
            !compare(&values(&json!([[1, 2], [3]])), &values(&json!([[1, 2], [3, 4]])), &all).agree
        );
        assert!(!compare(&values(&json!([null])), &values(&json!([0])), &all).agree);
        assert!(!compare(&values(&json!(["a"])), &values(&json!(["b"])), &all).agree);
        let short = compare(&values(&json!([1, 2])), &values(&json!([1])), &check(0.0, 0.5));
        assert!(!short.agree, "as many items as the other, whatever share is asked for");
        assert!(short.note.unwrap().starts_with("2 items against 1"));
        assert!(!compare(&[], &[], &all).agree, "nothing compared is no agreement");
    }

    #[test]
    fn files_are_arrays_or_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        let read_text = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        assert_eq!(read_text(" [1, null]\n").unwrap(), values(&json!([1, null])));
        assert_eq!(read_text("[1,2]\n[3]\n").unwrap(), values(&json!([[1, 2], [3]])));
        assert_eq!(read_text("1\n\n\"x\"\n").unwrap(), values(&json!([1, "x"])));
        let error = format!("{:#}", read_text("1\nNaN\n").unwrap_err());
        assert!(error.contains("line 2"), "{error}");
        assert!(read_text("").is_err());
        assert!(read(&folder.path().join("none")).is_err());
    }
}
