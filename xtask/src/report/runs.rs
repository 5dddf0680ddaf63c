//! What is kept in `bench/runs`: single files of older benchmarks, and folders with a file a suite.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// Where runs lie, from the root.
pub(super) const RUNS: &str = "bench/runs";
/// Our side's name in a suite's record.
pub(super) const OURS: &str = "strata";

/// Everything kept.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Single files by name.
    pub(super) singles: BTreeMap<String, Value>,
    /// The newest full run of each suite, by suite.
    pub(super) suites: BTreeMap<String, Suite>,
    /// The newest soak: its path below [`RUNS`], and what it says.
    pub(super) soak: Option<(String, Value)>,
    /// All records of fuzzing, oldest first, likewise.
    pub(super) fuzz: Vec<(String, Value)>,
}

/// A suite's run.
#[derive(Debug)]
pub(super) struct Suite {
    /// Path below [`RUNS`].
    pub(super) path: String,
    pub(super) record: Record,
    /// The same, for pointers into it.
    pub(super) value: Value,
}

/// What is read of a suite's record; the rest is the harness's own.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    pub(super) suite: String,
    pub(super) title: String,
    pub(super) date: String,
    #[serde(default)]
    pub(super) quick: bool,
    #[serde(default)]
    pub(super) machine: Value,
    #[serde(default)]
    pub(super) versions: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) absent: Vec<Absent>,
    pub(super) cases: Vec<Case>,
}

/// A peer that could not be there.
#[derive(Debug, Deserialize)]
pub(super) struct Absent {
    pub(super) name: String,
    pub(super) why: String,
}

/// One case of a suite.
#[derive(Debug, Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    pub(super) title: String,
    #[serde(default)]
    pub(super) unit: String,
    pub(super) threads: Option<u64>,
    pub(super) size: Option<u64>,
    #[serde(default)]
    pub(super) sides: BTreeMap<String, Side>,
    #[serde(default)]
    pub(super) ratios: BTreeMap<String, Ratios>,
    #[serde(default)]
    pub(super) agreement: BTreeMap<String, Agreement>,
    #[serde(default)]
    pub(super) growth: BTreeMap<String, Growth>,
    pub(super) skipped: Option<String>,
    pub(super) unavailable: Option<String>,
    #[serde(default)]
    pub(super) failed: BTreeMap<String, String>,
    pub(super) figures: Option<Value>,
}

/// Middle and ends.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// A side's own figures.
#[derive(Debug, Deserialize)]
pub(super) struct Side {
    pub(super) per_second: Option<Spread>,
    pub(super) p50_ms: Option<Spread>,
    pub(super) p99_ms: Option<Spread>,
    pub(super) peak_mb: Option<Spread>,
    pub(super) model_share: Option<Spread>,
    pub(super) first_answer_s: Option<Spread>,
}

/// The peer's cost by ours.
#[derive(Debug, Deserialize)]
pub(super) struct Ratios {
    pub(super) seconds: Option<Spread>,
    pub(super) cpu_seconds: Option<Spread>,
    pub(super) peak_mb: Option<Spread>,
}

/// Whether both gave the same answers.
#[derive(Debug, Deserialize)]
pub(super) struct Agreement {
    pub(super) compared: u64,
    pub(super) within: f64,
    pub(super) tolerance: f64,
    pub(super) agree: bool,
}

/// How a cost grows with the work.
#[derive(Debug, Deserialize)]
pub(super) struct Growth {
    pub(super) sizes: Vec<u64>,
    pub(super) seconds: Vec<f64>,
    pub(super) exponent: Option<f64>,
    pub(super) memory_exponent: Option<f64>,
}

impl Runs {
    /// Reads everything below `root`. Quick runs are passed over.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut runs = Self::default();
        let folder = root.join(RUNS);
        if !folder.is_dir() {
            return Ok(runs);
        }
        for (name, is_folder) in entries(&folder)? {
            if is_folder {
                // Names begin with the date: later folders replace earlier ones.
                for (file, _) in entries(&folder.join(&name))? {
                    runs.take(&folder, format!("{name}/{file}"))?;
                }
            } else if name.ends_with(".json") {
                let value = json(&folder.join(&name))?;
                runs.singles.insert(name, value);
            }
        }
        Ok(runs)
    }

    fn take(&mut self, folder: &Path, path: String) -> Result<()> {
        let Some(stem) = path.rsplit('/').next().and_then(|file| file.strip_suffix(".json")) else {
            return Ok(());
        };
        let value = json(&folder.join(&path))?;
        match stem {
            "soak" => self.soak = Some((path, value)),
            "fuzz" => self.fuzz.push((path, value)),
            _ if value.get("cases").is_some() => {
                let record: Record = serde_json::from_value(value.clone())
                    .with_context(|| format!("{RUNS}/{path} is no run of a suite"))?;
                if !record.quick {
                    self.suites.insert(record.suite.clone(), Suite { path, record, value });
                }
            }
            _ => {
                self.singles.insert(path, value);
            }
        }
        Ok(())
    }
}

/// Names in a folder, sorted, and whether each is a folder.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let mut names = Vec::new();
    let listed =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in listed {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push((name, entry.file_type()?.is_dir()));
        }
    }
    names.sort();
    Ok(names)
}

fn json(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// The value at a JSON pointer in which `key=text` is the element of a list whose `key` has that text: places in lists
/// move when cases are added.
pub(super) fn at<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    pointer.split('/').skip(1).try_fold(value, |value, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        match (value, part.split_once('=')) {
            (Value::Array(all), Some((key, text))) => all.iter().find(|one| one[key] == *text),
            (Value::Array(all), None) => all.get(part.parse::<usize>().ok()?),
            (value, _) => value.get(&part),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_find_by_place_and_by_name() {
        let value = json!({"a/b": [{"name": "x", "v": 1}, {"name": "y", "v": 2}], "c": 3});
        assert_eq!(at(&value, "/a~1b/name=y/v"), Some(&json!(2)));
        assert_eq!(at(&value, "/a~1b/0/v"), Some(&json!(1)));
        assert_eq!(at(&value, "/c"), Some(&json!(3)));
        assert_eq!(at(&value, "/a~1b/name=z/v"), None);
        assert_eq!(at(&value, "/c/d"), None);
    }

    #[test]
    fn the_newest_full_run_of_a_suite_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, value: &Value| {
            let path = folder.path().join(RUNS).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, value.to_string()).unwrap();
        };
        let run = |date: &str, quick: bool| json!({"schema": 1, "suite": "drug", "title": "T", "date": date, "quick": quick, "cases": []});
        write("2026-01-01T000000Z-x-2c/drug.json", &run("1", false));
        write("2026-01-02T000000Z-x-2c/drug.json", &run("2", false));
        write("2026-01-03T000000Z-x-2c/drug.json", &run("3", true));
        write("2026-01-03T000000Z-x-2c/soak.json", &json!({"held": true}));
        write("2026-01-01-old.json", &json!({"median": 2}));
        let runs = Runs::read(folder.path()).unwrap();
        assert_eq!(runs.suites["drug"].record.date, "2");
        assert_eq!(runs.suites["drug"].path, "2026-01-02T000000Z-x-2c/drug.json");
        assert!(runs.soak.is_some() && runs.fuzz.is_empty());
        assert_eq!(runs.singles.len(), 1);
        std::fs::write(folder.path().join(RUNS).join("bad.json"), "{").unwrap();
        assert!(format!("{:#}", Runs::read(folder.path()).unwrap_err()).contains("bad.json"));
    }
}
