//! `screen` as people run it: columns, row alignment, formats, determinism, refusals.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;

use std::io::Write;
use std::process::Stdio;

use screen_support::{
    column, demo_library, has_runtime, library, program, refused, screened, table, text,
    tiny_model, tiny_model_hashed,
};

const INPUT: &str = "id,smiles,score,note\n1,CCO,9,\"a, b\"\n2,not a molecule,8,\n3,,7,x\n4,C(C)(C)(C)(C)C,6,\n5\n6,c1ccccc1O,5,\"two\nlines\"\n";

fn write(dir: &tempfile::TempDir, name: &str, contents: &str) -> std::path::PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, contents).unwrap();
    path
}

#[test]
fn every_row_in_is_a_row_out_in_order_with_its_error_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let input = write(&dir, "in.csv", INPUT);
    let out = dir.path().join("out.csv");
    let summary = screened(&[text(&input), "--out", text(&out), "--models", "none"]);
    assert!(summary.contains("6 rows: 2 scored, 4 with an error"), "{summary}");
    let table = table(&out);
    let expected = [
        "id",
        "smiles",
        "score_in",
        "note",
        "canonical_smiles",
        "error_code",
        "error",
        "MolWt",
        "MolLogP",
        "TPSA",
        "NumHDonors",
        "NumHAcceptors",
        "QED",
        "SA",
        "alerts",
        "nn_tanimoto",
        "flags",
        "score",
        "rank",
    ];
    assert_eq!(table.0, expected);
    assert_eq!(column(&table, "id"), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(column(&table, "error_code"), ["", "parse", "empty", "valence", "ragged", ""]);
    assert_eq!(column(&table, "score_in"), ["9", "8", "7", "6", "", "5"]);
    assert_eq!(column(&table, "note")[0], "a, b");
    assert_eq!(column(&table, "note")[5], "two\nlines");
    assert_eq!(column(&table, "canonical_smiles")[5], "Oc1ccccc1");
    assert_eq!(column(&table, "MolWt")[0], "46.069");
    assert_eq!(column(&table, "TPSA")[5], "20.23");
    let said = column(&table, "error").iter().map(|error| !error.is_empty()).collect::<Vec<_>>();
    assert_eq!(said, [false, true, true, true, true, false]);
    let mut ranks = column(&table, "rank");
    ranks.sort();
    assert_eq!(ranks, ["", "", "", "", "1", "2"]);
}

/// Threads and input formats change nothing; the predictions are those of the model.
#[test]
fn the_result_does_not_depend_on_threads() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let input = library(dir.path(), 1400);
    let models = tiny_model(dir.path());
    let mut results = Vec::new();
    for threads in ["1", "2", "3"] {
        let out = dir.path().join(format!("out{threads}.csv"));
        let args = [text(&input), "-o", text(&out), "--threads", threads, "-q"];
        screened(&[&args[..], &["--models", "tiny", "--models-dir", text(&models)]].concat());
        results.push(std::fs::read(&out).unwrap());
    }
    assert!(results[0] == results[1] && results[0] == results[2]);
    let table = table(&dir.path().join("out1.csv"));
    assert_eq!(table.1.len(), 1400);
    let number = |name: &str, row: usize| column(&table, name)[row].parse::<f64>().unwrap();
    // By hand: the features of the first molecule times the model's weights.
    let mut features = vec![0.0f32; 64];
    let mol = strata_chem::Mol::from_smiles("CC(=O)Oc1ccccc1C(=O)O").unwrap();
    screen_support::featuriser().write(&mol, &mut features);
    let seed = |seed: usize| {
        let weight = |at: usize| ((at * 2 + seed) % 11) as f32 * 0.03 - 0.1;
        let sum: f32 = features.iter().enumerate().map(|(at, value)| value * weight(at)).sum();
        f64::from(sum + [0.5, 0.25][seed])
    };
    let (mean, sd) = ((seed(0) + seed(1)) / 2.0, (seed(0) - seed(1)).abs() / 2f64.sqrt());
    assert!((number("Tiny", 0) - mean).abs() < 2e-5, "{} {mean}", number("Tiny", 0));
    assert!((number("Tiny_sd", 0) - sd).abs() < 2e-5);
    assert!((number("Tiny_hi", 0) - (mean + 2.0 * (sd + 0.1))).abs() < 4e-5);
    let notes = std::fs::read_to_string(dir.path().join("out1.csv.provenance.json")).unwrap();
    let notes: serde_json::Value = serde_json::from_str(&notes).unwrap();
    assert_eq!(notes["models"][0]["model"], "tiny");
    assert_eq!(notes["models"][0]["provider"], "CPUExecutionProvider");
    assert_eq!(notes["rows"], 1400);
}

#[test]
fn a_model_of_other_features_is_refused() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model_hashed(dir.path(), &"0".repeat(64));
    let out = dir.path().join("out.csv");
    let error = refused(&[
        text(&demo_library()),
        "-o",
        text(&out),
        "--models",
        "tiny",
        "--models-dir",
        text(&models),
    ]);
    assert!(error.contains("was trained on features") && error.contains("tiny"), "{error}");
    assert!(!out.exists());
}

#[test]
fn formats_hold_the_same_values() {
    let dir = tempfile::tempdir().unwrap();
    let input = write(&dir, "in.csv", INPUT);
    let path = |name: &str| dir.path().join(name);
    for name in ["out.csv", "out.csv.gz", "out.parquet"] {
        screened(&[text(&input), "-o", text(&path(name)), "--models", "none", "-q"]);
    }
    let plain = std::fs::read(path("out.csv")).unwrap();
    let mut zipped = Vec::new();
    let file = std::fs::File::open(path("out.csv.gz")).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut zipped).unwrap();
    assert_eq!(plain, zipped);
    // Parquet goes back in as an input, and its columns come through as they were.
    let again = path("again.csv");
    screened(&[text(&path("out.parquet")), "-o", text(&again), "--models", "none", "-q"]);
    let (first, second) = (table(&path("out.csv")), table(&again));
    for (name, given) in [
        ("id", "id"),
        ("note", "note"),
        ("error_code", "error_code_in"),
        ("MolWt", "MolWt_in"),
        ("QED", "QED_in"),
        // The library's own `score` is `score_in` already.
        ("score_in", "score_in"),
        ("score", "score_in_in"),
        ("rank", "rank_in"),
    ] {
        assert_eq!(column(&first, name), column(&second, given), "{name}");
    }
}

#[test]
fn standard_input_is_read_like_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(&dir, "in.csv", INPUT);
    let (piped, read) = (dir.path().join("piped.csv"), dir.path().join("read.csv"));
    let mut child = program()
        .args(["screen", "-", "-o", text(&piped), "--models", "none", "-q"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(INPUT.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    screened(&[text(&file), "-o", text(&read), "--models", "none", "-q"]);
    assert_eq!(std::fs::read(piped).unwrap(), std::fs::read(read).unwrap());
}

#[test]
fn empty_and_hopeless_inputs_give_their_rows_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    for (name, text_in, rows) in [("empty.smi", "", 0), ("bad.smi", "x a\n(( b\n", 2)] {
        let input = write(&dir, name, text_in);
        for format in ["csv", "parquet"] {
            let out = dir.path().join(format!("{name}.{format}"));
            let report = dir.path().join(format!("{name}.{format}.html"));
            let args = [text(&input), "-o", text(&out), "--models", "none"];
            let summary = screened(&[&args[..], &["--report", text(&report)]].concat());
            assert!(summary.contains(&format!("{rows} rows: 0 scored")), "{summary}");
            assert!(std::fs::read_to_string(&report).unwrap().contains("No molecule has a score"));
            if format == "csv" {
                assert_eq!(table(&out).1.len(), rows);
            }
        }
    }
}

#[test]
fn the_best_are_shown_written_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.csv");
    let (top, report) = (dir.path().join("top.csv"), dir.path().join("report.html"));
    let demo = demo_library();
    let args = [text(&demo), "-o", text(&out), "--models", "none", "--top", "7"];
    screened(&[&args[..], &["--top-out", text(&top), "--report", text(&report)]].concat());
    let best = table(&top);
    assert_eq!(column(&best, "rank"), ["1", "2", "3", "4", "5", "6", "7"]);
    let scores: Vec<f64> = column(&best, "score").iter().map(|s| s.parse().unwrap()).collect();
    assert!(scores.windows(2).all(|pair| pair[0] >= pair[1]));
    let all = table(&out);
    let highest = column(&all, "score").iter().filter_map(|s| s.parse().ok()).fold(0.0, f64::max);
    assert_eq!(scores[0], highest);
    let page = std::fs::read_to_string(&report).unwrap();
    assert_eq!(page.matches("<article").count(), 7);
    assert_eq!(page.matches("<figure><svg").count(), 7, "every hit is drawn");
    for outside in ["http://", "https://", "<script", "src="] {
        let page = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!page.contains(outside), "the report asks for {outside}");
    }
}

#[test]
fn a_scenario_of_ones_own_is_used_and_its_mistakes_are_named_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let good = "name = \"mine\"\ntitle = \"Mine\"\ndescription = \"x\"\nversion = \"1\"\n[[desirability]]\nproperty = \"MolWt\"\nshape = { step = { at = 50.0, good = \"below\" } }\n[[cutoff]]\nproperty = \"MolWt\"\nmin = 50.0\npenalty = 0.5\n[[alerts]]\nfile = \"rules.smarts\"\npenalty = 0.0\n";
    let profile = write(&dir, "mine.toml", good);
    write(&dir, "rules.smarts", "[OX2H]c phenol\n");
    let input = write(&dir, "in.smi", "CCO a\nCCCCCC b\nOc1ccccc1 c\n");
    let out = dir.path().join("out.csv");
    let base =
        [text(&input), "-o", text(&out), "--models", "none", "-q", "--overwrite", "--profile"];
    screened(&[&base[..], &[text(&profile)]].concat());
    let table = table(&out);
    // Light: desirable, but past the cut-off. Heavy: not desirable (the floor). Phenol: the rule.
    assert_eq!(column(&table, "score"), ["0.5", "0.01", "0"]);
    assert_eq!(column(&table, "flags"), ["MolWt<50", "", ""]);
    assert_eq!(column(&table, "alerts"), ["", "", "rules:phenol"]);
    assert_eq!(column(&table, "rank"), ["1", "2", "3"]);
    for (from, to, line, word) in [
        ("penalty = 0.5", "penality = 0.5", 11, "penality"),
        ("property = \"MolWt\"\nshape", "property = \"Weight\"\nshape", 6, "Weight"),
        ("penalty = 0.0", "penalty = 7.0", 14, "between 0"),
        ("step = { at = 50.0, good = \"below\" }", "ramp = { worst = 1.0, best = 1.0 }", 7, "step"),
    ] {
        write(&dir, "bad.toml", &good.replacen(from, to, 1));
        let bad = dir.path().join("bad.toml");
        // The scenario's own models: a property that no column has is a mistake.
        let own = [text(&input), "-o", text(&out), "-q", "--overwrite", "--profile", text(&bad)];
        let error = refused(&own);
        assert!(error.contains(&format!("bad.toml:{line}:")) && error.contains(word), "{error}");
    }
    let error = refused(&[&base[..], &["no-such-thing"]].concat());
    assert!(error.contains("oral-drug-screen"), "{error}");
}
