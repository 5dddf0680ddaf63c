//! The report on a small tree with a run of every kind.

use super::*;
use serde_json::{Value, json};

const TARGETS_TOML: &str = r#"
[[part]]
name = "drug"
title = "Molecules"

[[target]]
part = "drug"
what = "parse | fingerprint"
bar = "at least 4 times RDKit"
status = "met"
figures = [
    { text = "{}× by processor time", suite = "drug", suite_at = "/cases/name=parse/ratios/RDKit/cpu_seconds", least = 4, peer = "RDKit" },
    { test = "a/t.rs::it_holds" },
]

[[target]]
part = "drug"
what = "nothing was kept of this"
bar = "any"
status = "unmeasured"
cause = "its run was not kept"

[[headline]]
part = "drug"
what = "parse"
bar = "4×"
figure = { text = "{}×", suite = "drug", suite_at = "/cases/name=parse/ratios/RDKit/cpu_seconds" }
"#;

fn suite() -> Value {
    let spread =
        |median: f64| json!({"median": median, "min": median * 0.875, "max": median * 1.125});
    json!({
        "schema": 1, "suite": "drug", "title": "Molecules", "date": "2026-11-26T14:00:00Z", "quick": false,
        "machine": {"cpu": "A processor", "cores": 2, "load": 0.4},
        "versions": {"RDKit": "2026.3.1"},
        "absent": [{"name": "OpenEye", "why": "not free"}],
        "cases": [{
            "name": "parse", "title": "Parse, ECFP4", "unit": "molecules", "threads": 1, "size": 20000,
            "rounds": [{"side": "strata", "size": 20000, "round": 0, "wall_s": 1.2, "cpu_s": 1.1, "peak_kb": 50000, "inner": {}}],
            "sides": {"strata": {"items": 20000, "seconds": spread(0.8), "per_second": spread(25000.0), "peak_mb": spread(48.0)},
                      "RDKit": {"items": 20000, "seconds": spread(8.0), "peak_mb": spread(140.0)}},
            "ratios": {"RDKit": {"seconds": spread(10.0), "cpu_seconds": spread(9.5), "peak_mb": spread(2.9)}},
            "agreement": {"RDKit": {"compared": 20000, "largest_difference": 0.0, "median_difference": 0.0, "within": 1.0, "tolerance": 0.0, "agree": true}},
            "growth": {"strata": {"sizes": [5000, 20000, 80000], "seconds": [0.2, 0.8, 3.3], "peak_mb": [40.0, 48.0, 80.0], "exponent": 1.01, "memory_exponent": 0.2},
                       "RDKit": {"sizes": [5000, 20000, 80000], "seconds": [2.0, 8.0, 33.0], "peak_mb": [100.0, 140.0, 300.0], "exponent": 1.02, "memory_exponent": 0.3}},
            "skipped": null
        }, {
            "name": "load", "title": "Load", "unit": "requests", "threads": 2, "size": null, "rounds": [], "sides": {}, "ratios": {},
            "agreement": {}, "growth": {}, "skipped": null,
            "figures": {"closed": {"per_second": spread(900.0)}, "course": [1, 2, 3, 4, 5, 6], "held": true}
        }, {
            "name": "gone", "title": "Gone", "unit": "x", "threads": 1, "size": 1, "rounds": [], "sides": {}, "ratios": {},
            "agreement": {}, "growth": {}, "skipped": "there is no data here"
        }]
    })
}

fn tree() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(TARGETS, TARGETS_TOML);
    write("docs/drug.md", "");
    write("README.md", &format!("# A\n\n{BEGIN}\nold\n{END}\nmore\n"));
    let run = "bench/runs/2026-11-26T140000Z-x-2c";
    write(&format!("{run}/drug.json"), &suite().to_string());
    write(&format!("{run}/drug.md"), "a table of the harness");
    let soak = json!({"held": true, "broken": [], "minutes": 60, "fault_count": 0, "servers": {"drug": {
        "all": {"statuses": {"200": 1000, "429": 24}, "right": 990}, "restarts": [{}, {}],
        "memory": {"settled_mb": 200.0, "final_mb": 210.0, "growth_mb": 10.0}}}});
    write(&format!("{run}/soak.json"), &soak.to_string());
    let fuzz = json!([{"date": "d", "machine": {}, "targets": [{"target": "smiles", "minutes": 2.0, "executions": 1000, "edges": 50, "findings": 1}]},
                      {"date": "d", "machine": {}, "targets": [{"target": "smiles", "minutes": 20.0, "executions": 9000, "edges": 60, "findings": 0}]}]);
    write(&format!("{run}/fuzz.json"), &fuzz.to_string());
    let next = json!([{"blind": false, "targets": [{"target": "smiles", "minutes": 3.0, "executions": 500, "edges": 55, "findings": 0}]},
                      {"blind": true, "targets": [{"target": "smiles", "minutes": 9.0, "executions": 9, "findings": 1}]}]);
    write("bench/runs/2026-11-27-x-2c/fuzz.json", &next.to_string());
    folder
}

fn file(root: &Path, path: &str) -> String {
    files(root).unwrap().into_iter().find(|(name, _)| *name == path).unwrap().1
}

#[test]
fn everything_kept_is_in_both_pages() {
    let folder = tree();
    let (markdown, html) = (file(folder.path(), MARKDOWN), file(folder.path(), HTML));
    for words in [
        "9.5× (8.31–10.7) by processor time",
        "test: it holds",
        "not measured in a kept run",
        "its run was not kept",
        "agree: 100 % of 20,000 within 0",
        "OpenEye",
        "there is no data here",
        "closed / per_second",
        "6 values, in the run",
        "25,000",
        "1.01",
        "60 minutes: everything held; 0 faults",
        "1,024",
        "10,500",
    ] {
        assert!(markdown.contains(words), "{words}\n{markdown}");
        assert!(html.replace("<wbr>", "").contains(words), "{words}");
    }
    assert!(markdown.contains("| smiles | 25 | 10,500 | 55 | 1 |"), "runs of fuzzing are added up");
    assert!(html.matches("<svg").count() == 4, "verdicts, ratios of targets, of the suite, growth");
    assert!(!html.contains("<script") && !html.contains(" src="), "it asks for nothing");
    assert_eq!(html, file(folder.path(), HTML), "the same tree, the same bytes");
}

#[test]
fn what_is_stale_is_told_until_it_is_written() {
    let folder = tree();
    let stale_paths = || stale(folder.path()).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(stale_paths(), [Path::new(MARKDOWN), Path::new(HTML), Path::new(README)]);
    assert!(stale(folder.path())[0].1.contains("cargo xtask report"));
    for (path, text) in files(folder.path()).unwrap() {
        std::fs::write(folder.path().join(path), text).unwrap();
    }
    assert!(stale_paths().is_empty());
    let readme = std::fs::read_to_string(folder.path().join(README)).unwrap();
    assert!(readme.starts_with("# A\n") && readme.ends_with("more\n") && !readme.contains("old"));
    assert!(readme.contains("| Molecules | parse | 9.5× (8.31–10.7) | 4× |"), "{readme}");
    std::fs::write(folder.path().join(TARGETS), "part = 3").unwrap();
    assert!(stale(folder.path())[0].1.contains("no report"));
    std::fs::remove_file(folder.path().join(TARGETS)).unwrap();
    assert!(stale_paths().is_empty(), "a tree without targets has no report");
}

#[test]
fn readme_without_its_lines_is_an_error_with_the_remedy() {
    let error = with_table("# A\n", "").unwrap_err().to_string();
    assert!(error.contains(BEGIN) && error.contains(END), "{error}");
    assert!(with_table(&format!("{END}{BEGIN}"), "").is_err());
}
