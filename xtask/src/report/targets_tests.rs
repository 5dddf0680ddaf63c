//! Figures are read, not written down; verdicts that they contradict are refused.

use super::*;
use serde_json::json;

fn runs() -> Runs {
    let mut runs = Runs::default();
    runs.singles.insert(
        "a.json".to_owned(),
        json!({"median": {"ratio": 10.73}, "spread": {"median": 2.0, "min": 1.5, "max": 2.5}, "held": true}),
    );
    runs
}

fn figure(text: &str) -> Figure {
    toml::from_str(text).unwrap()
}

fn target(status: Status, cause: &str, figures: &[&str]) -> Target {
    Target {
        part: "drug".to_owned(),
        what: "speed".to_owned(),
        bar: "at least 4".to_owned(),
        status,
        cause: cause.to_owned(),
        figures: figures.iter().map(|text| figure(text)).collect(),
    }
}

const HOLDS: &str = "text = '{}x'\nrun = 'a.json'\nat = '/median/ratio'\nleast = 4";
const FAILS: &str = "text = '{}x'\nrun = 'a.json'\nat = '/spread'\nleast = 4";

#[test]
fn values_are_read_from_the_run_with_their_spread() {
    let shown = figure(HOLDS).shown(Path::new("."), &runs()).unwrap();
    assert_eq!((shown.text.as_str(), shown.holds), ("10.7x", Some(true)));
    assert_eq!(shown.source, Source::Run("a.json".to_owned()));
    let shown = figure(FAILS).shown(Path::new("."), &runs()).unwrap();
    assert_eq!((shown.text.as_str(), shown.holds), ("2 (1.5–2.5)x", Some(false)));
    let scaled = "text = '{} %'\nrun = 'a.json'\nat = '/held'\nscale = 100.0";
    assert_eq!(figure(scaled).shown(Path::new("."), &runs()).unwrap().text, "100 %");
    for (text, says) in [
        ("text = '{}'\nrun = 'a.json'\nat = '/gone'", "nothing at /gone"),
        ("text = '{}'\nrun = 'b.json'\nat = '/x'", "has no b.json"),
        ("text = 'no place'\nrun = 'a.json'\nat = '/held'", "no place"),
        ("text = '{}'\nrun = 'a.json'", "no whole source"),
    ] {
        let error = format!("{:#}", figure(text).shown(Path::new("."), &runs()).unwrap_err());
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_suite_that_was_run_comes_before_an_older_file() {
    let text = "text = '{}'\nsuite = 'drug'\nsuite_at = '/cases/name=x/ratios/P/seconds'\nrun = 'a.json'\nat = '/median/ratio'";
    let mut runs = runs();
    assert_eq!(figure(text).shown(Path::new("."), &runs).unwrap().text, "10.7");
    let value = json!({"suite": "drug", "title": "", "date": "", "cases": [
        {"name": "x", "ratios": {"P": {"seconds": {"median": 3.0, "min": 3.0, "max": 4.0}}}}]});
    let record = serde_json::from_value(value.clone()).unwrap();
    let path = "f/drug.json".to_owned();
    runs.suites.insert("drug".to_owned(), super::super::runs::Suite { path, record, value });
    let shown = figure(text).shown(Path::new("."), &runs).unwrap();
    assert_eq!((shown.text.as_str(), shown.source), ("3 (3–4)", Source::Run("f/drug.json".into())));
}

#[test]
fn pages_must_have_the_words() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.md"), "so many\nas 88 %\n").unwrap();
    let good = figure("doc = 'p.md'\nquote = 'many as 88 %'");
    assert_eq!(good.shown(folder.path(), &runs()).unwrap().text, "many as 88 %");
    let bad = figure("doc = 'p.md'\nquote = '89 %'");
    assert!(bad.shown(folder.path(), &runs()).unwrap_err().to_string().contains("does not say"));
}

#[test]
fn verdicts_must_fit_the_figures() {
    let shown =
        |target: Target| target.shown(Path::new("."), &runs()).map_err(|e| format!("{e:#}"));
    assert!(shown(target(Status::Met, "", &[HOLDS])).is_ok());
    assert!(
        shown(target(Status::Met, "", &[HOLDS, FAILS])).unwrap_err().contains("beyond the bar")
    );
    assert!(shown(target(Status::Missed, "why", &[HOLDS])).unwrap_err().contains("holds"));
    assert!(shown(target(Status::Missed, "why", &[FAILS])).is_ok());
    assert!(shown(target(Status::Missed, "", &[FAILS])).unwrap_err().contains("say the cause"));
    assert!(shown(target(Status::Met, "", &[])).unwrap_err().contains("unmeasured"));
    assert!(shown(target(Status::Unmeasured, "why", &[])).is_ok());
}

#[test]
fn numbers_are_short_and_readable() {
    for (value, text) in [
        (10.73, "10.7"),
        (2136.4, "2,136"),
        (1_234_567.0, "1,234,567"),
        (0.5158, "0.516"),
        (100.0, "100"),
        (36.3, "36.3"),
        (2.5e-6, "2.5e-6"),
        (0.0, "0"),
        (-0.25, "-0.25"),
        (4.0, "4"),
        (150.0, "150"),
        (3e-7, "3e-7"),
        (0.999_996_1, "0.999996"),
        (0.9991, "0.999"),
    ] {
        assert_eq!(number(value), text);
    }
}
