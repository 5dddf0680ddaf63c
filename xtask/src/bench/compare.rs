//! What changed between two runs of the same suites.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::record::{Case, OURS, Run, Spread};
use super::table::{figure, table};

/// Stands where a change is larger than the spread of both runs.
const MARK: &str = "◆";

/// Compares two run folders, or two files of suites.
pub(crate) fn text(before: &Path, after: &Path) -> Result<String> {
    let (before, after) = (runs(before)?, runs(after)?);
    let mut text = String::new();
    for (name, new) in &after {
        match before.get(name) {
            Some(old) => text += &suite(old, new),
            None => text += &format!("# {name}\n\nonly in the second run\n\n"),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        text += &format!("# {name}\n\nonly in the first run\n\n");
    }
    Ok(text)
}

/// The suites of a folder, or the one of a file.
fn runs(path: &Path) -> Result<BTreeMap<String, Run>> {
    if path.is_file() {
        let run = Run::read(path)?;
        return Ok([(run.suite.clone(), run)].into());
    }
    let mut found = BTreeMap::new();
    let entries = std::fs::read_dir(path).with_context(|| path.display().to_string())?;
    for entry in entries {
        let path = entry?.path();
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        // A folder may hold reports of other kinds.
        if let (true, Ok(run)) = (is_json, Run::read(&path)) {
            found.insert(run.suite.clone(), run);
        }
    }
    if found.is_empty() {
        bail!("{} holds no run of a suite", path.display());
    }
    Ok(found)
}

fn suite(old: &Run, new: &Run) -> String {
    let mut rows = Vec::new();
    for case in &new.cases {
        let Some(earlier) = old.cases.iter().find(|c| c.name == case.name) else {
            rows.push(vec![
                case.name.clone(),
                "only in the second run".into(),
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]);
            continue;
        };
        if (earlier.size, earlier.threads) != (case.size, case.threads) {
            let what = "another size or number of threads: not compared".to_owned();
            rows.push(vec![
                case.name.clone(),
                what,
                String::new(),
                String::new(),
                String::new(),
                String::new(),
            ]);
            continue;
        }
        rows.extend(changes(earlier, case));
    }
    for case in old.cases.iter().filter(|c| new.cases.iter().all(|other| other.name != c.name)) {
        rows.push(vec![
            case.name.clone(),
            "only in the first run".into(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ]);
    }
    let head = ["case", "what", "first", "second", "change", ""];
    let machines = if old.machine["cpu"] == new.machine["cpu"]
        && old.machine["cores"] == new.machine["cores"]
    {
        ""
    } else {
        "The machines differ: only ratios can be compared.\n\n"
    };
    let quick = if old.quick || new.quick {
        "A quick run has one round: it has no spread.\n\n"
    } else {
        ""
    };
    format!(
        "# {}\n\n{} ({}) and {} ({}). {MARK}: the change is larger than the spread of both.\n\n{machines}{quick}{}\n",
        new.suite,
        old.date,
        revision(old),
        new.date,
        revision(new),
        table(&head, &rows)
    )
}

fn revision(run: &Run) -> String {
    run.machine["revision"].as_str().unwrap_or("?").chars().take(12).collect()
}

fn changes(old: &Case, new: &Case) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |what: String, a: Option<Spread>, b: Option<Spread>| {
        if let (Some(a), Some(b)) = (a, b) {
            let mark = if apart(a, b) { MARK } else { "" };
            let change = (b.median / a.median - 1.0) * 100.0;
            let change = if change.is_finite() { format!("{change:+.1} %") } else { String::new() };
            rows.push(vec![new.name.clone(), what, shown(a), shown(b), change, mark.to_owned()]);
        }
    };
    if let (Some(a), Some(b)) = (old.sides.get(OURS), new.sides.get(OURS)) {
        row("seconds".into(), a.seconds, b.seconds);
        row("processor seconds".into(), a.cpu_seconds, b.cpu_seconds);
        row("peak MB".into(), a.peak_mb, b.peak_mb);
        row("p99 ms".into(), a.p99_ms, b.p99_ms);
        row("first answer, s".into(), a.first_answer_s, b.first_answer_s);
    }
    for (peer, b) in &new.ratios {
        if let Some(a) = old.ratios.get(peer) {
            row(format!("{peer} by ours, time"), a.seconds, b.seconds);
            row(format!("{peer} by ours, processor time"), a.cpu_seconds, b.cpu_seconds);
        }
    }
    rows
}

/// True where the two ranges of measurements do not meet.
fn apart(a: Spread, b: Spread) -> bool {
    a.max < b.min || b.max < a.min
}

fn shown(spread: Spread) -> String {
    format!("{} ({}–{})", figure(spread.median), figure(spread.min), figure(spread.max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::Side;
    use serde_json::json;

    fn run(seconds: [f64; 3], threads: usize) -> Run {
        let [min, median, max] = seconds;
        let side = Side { seconds: Some(Spread { median, min, max }), ..Side::default() };
        let case = Case {
            name: "parse".into(),
            threads,
            sides: [(OURS.to_owned(), side)].into(),
            ..Case::default()
        };
        Run {
            schema: 1,
            suite: "drug".into(),
            title: "Molecules".into(),
            date: "2026-01-01T00:00:00Z".into(),
            quick: false,
            machine: json!({ "cpu": "x", "cores": 2 }),
            versions: BTreeMap::new(),
            absent: vec![],
            cases: vec![case],
        }
    }

    #[test]
    fn only_changes_beyond_both_spreads_are_marked() {
        let old = run([0.9, 1.0, 1.1], 1);
        let far = suite(&old, &run([0.4, 0.5, 0.6], 1));
        assert!(
            far.contains("| parse | seconds | 1 (0.9–1.1) | 0.5 (0.4–0.6) | -50.0 % | ◆ |"),
            "{far}"
        );
        let near = suite(&old, &run([0.8, 0.85, 0.95], 1));
        assert!(near.contains("-15.0 % |  |"), "{near}");
        assert!(
            suite(&old, &run([0.4, 0.5, 0.6], 2)).contains("another size or number of threads")
        );
    }

    #[test]
    fn folders_are_compared_suite_by_suite() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        let write = |name: &str, run: &Run| {
            std::fs::write(path(name), serde_json::to_string(run).unwrap()).unwrap();
        };
        write("a/drug.json", &run([1.0, 1.0, 1.0], 1));
        write("b/drug.json", &run([2.0, 2.0, 2.0], 1));
        let mut core = run([1.0, 1.0, 1.0], 1);
        core.suite = "core".into();
        write("b/core.json", &core);
        std::fs::write(path("b/soak.json"), "{}").unwrap();
        let found = text(&path("a"), &path("b")).unwrap();
        assert!(
            found.contains("+100.0 %") && found.contains("# core\n\nonly in the second run"),
            "{found}"
        );
        assert!(text(&path("b"), &path("a")).unwrap().contains("# core\n\nonly in the first run"));
        assert!(text(&path("a/drug.json"), &path("b/drug.json")).unwrap().contains("+100.0 %"));
        std::fs::remove_file(path("a/drug.json")).unwrap();
        assert!(text(&path("a"), &path("b")).is_err());
        assert!(text(&path("b/soak.json"), &path("b")).is_err());
    }
}
