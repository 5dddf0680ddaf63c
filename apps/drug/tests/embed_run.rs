//! `embed`: the shipped encoder; MolCLR's encoder run for real where its file is present; its graphs, and what
//! is said where the file is absent, always.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;

use std::path::{Path, PathBuf};
use std::process::Output;

use screen_support::{column, demo_library, has_runtime, program, table, text};
use strata_chem::Mol;
use strata_chem::graph_features::MolGraph;

const FILE: &str = "molclr_gcn.onnx";

/// By RDKit 2026.09 and onnxruntime 1.32 in Python: SMILES, the first four numbers, the vector's length.
const EXPECTED: [(&str, [f64; 4], f64); 4] = [
    ("CC(=O)Oc1ccccc1C(=O)O", [0.058_557, 0.000_314, -0.000_535, 0.001_314], 23.916_02),
    ("N[C@@H](C)C(=O)O", [1.037_918, 0.002_619, 0.005_581, -0.000_917], 9.968_71),
    ("F/C=C/F", [0.424_327, -0.011_878, 0.014_685, 0.002_031], 78.570_44),
    ("C", [0.220_608, -0.002_652, -0.000_376, -0.002_083], 90.104_55),
];

/// A folder of models with the card as shipped, and the file beside it if asked for.
fn models(dir: &Path, file: Option<&Path>) -> PathBuf {
    let models = dir.join("models");
    let folder = models.join("molclr-gcn");
    std::fs::create_dir_all(&folder).unwrap();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let card = repository.join("shared-models/molclr-gcn/card.toml");
    std::fs::copy(card, folder.join("card.toml")).unwrap();
    if let Some(file) = file {
        std::fs::copy(file, folder.join(FILE)).unwrap();
    }
    models
}

/// The models with the real file; says so where it is not here.
fn real_models(dir: &Path) -> Option<PathBuf> {
    let Some(shared) = strata_testkit::shared_dir() else {
        strata_testkit::skip("no shared folder with the public models");
        return None;
    };
    let file = shared.join("models/drug/molclr_gcn").join(FILE);
    if !file.is_file() || !has_runtime() {
        strata_testkit::skip("MolCLR's encoder is not here");
        return None;
    }
    Some(models(dir, Some(&file)))
}

fn embed(input: &Path, models: &Path, out: &Path, more: &[&str]) -> Output {
    let args = ["embed", text(input), "--out", text(out), "--models-dir", text(models), "-q"];
    program().args(args).args(more).output().unwrap()
}

/// By MolCLR's encoder.
fn embedded(input: &Path, models: &Path, out: &Path, more: &[&str]) {
    let output = embed(input, models, out, &[&["--model", "molclr-gcn"], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The vectors of a result: columns `e0` to the last.
fn vectors(out: &Path) -> Vec<Vec<f64>> {
    let (header, rows) = table(out);
    let first = header.iter().position(|name| name == "e0").unwrap();
    assert_eq!(header.len(), first + 512);
    assert_eq!(header.last().unwrap(), "e511");
    let numbers = |row: &Vec<String>| row[first..].iter().flat_map(|cell| cell.parse()).collect();
    rows.iter().map(numbers).collect()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_graph_is_as_worked_out_by_hand() {
    // trans-1-chloropropene: Cl0 / C1 = C2 / C3.
    let graph = MolGraph::molclr(&Mol::from_smiles("Cl/C=C/C").unwrap()).unwrap();
    assert_eq!(graph.atom_type, [16, 5, 5, 5]);
    assert_eq!(graph.chirality, [0; 4]);
    assert_eq!(graph.sources, [0, 1, 1, 2, 2, 3]);
    assert_eq!(graph.targets, [1, 0, 2, 1, 3, 2]);
    assert_eq!(graph.edge_attr, [[0, 1], [0, 1], [1, 0], [1, 0], [0, 1], [0, 1]]);
}

#[test]
fn an_absent_file_says_how_to_bring_it() {
    let dir = tempfile::tempdir().unwrap();
    let (models, out) = (models(dir.path(), None), dir.path().join("out.csv"));
    let (library, model) = (demo_library(), "molclr-gcn");
    let args = ["embed", text(&library), "--out", text(&out), "--models-dir", text(&models)];
    let args = [args.as_slice(), &["--model", model]].concat();
    let cache = dir.path().join("cache");
    let output = program().args(args).env("STRATA_CACHE", cache).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for part in [FILE, "models fetch molclr-gcn --from DIR", "40c6d625", "molclr-gcn/molclr_gcn"] {
        assert!(stderr.contains(part), "{part} in {stderr}");
    }
    assert!(!out.exists());
}

#[test]
fn a_model_that_is_no_encoder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let models = screen_support::tiny_model(dir.path());
    let out = dir.path().join("out.csv");
    let output = embed(&demo_library(), &models, &out, &["--model", "tiny"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("molclr-graph/1"), "{stderr}");
}

/// The golden example's graphs were made by RDKit, ours are made here from the same SMILES.
#[test]
fn the_shipped_encoder_gives_its_golden_vectors_from_smiles() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models");
    let golden = models.join("molecule-encoder/golden.json");
    if !has_runtime() {
        return strata_testkit::skip("no ONNX Runtime");
    }
    let golden = std::fs::read(golden).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (input, out) = (dir.path().join("in.smi"), dir.path().join("out.csv"));
    let smiles: Vec<&str> =
        golden["smiles"].as_array().unwrap().iter().flat_map(|text| text.as_str()).collect();
    std::fs::write(&input, smiles.join("\n") + "\n").unwrap();
    let output = embed(&input, &models, &out, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = golden["outputs"]["embedding"]["data"].as_array().unwrap();
    let expected: Vec<f64> = expected.iter().flat_map(serde_json::Value::as_f64).collect();
    let found = vectors(&out);
    assert_eq!((found.len(), expected.len()), (smiles.len(), smiles.len() * 512));
    for ((vector, wanted), smiles) in found.iter().zip(expected.chunks(512)).zip(&smiles) {
        assert!(largest_difference(vector, wanted) < 1e-4, "{smiles}");
    }
}

#[test]
fn vectors_are_those_of_python_and_bad_rows_stay_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let Some(models) = real_models(dir.path()) else { return };
    let (input, out) = (dir.path().join("in.csv"), dir.path().join("out.csv"));
    let mut lines = "name,structure,note\n".to_owned();
    for (at, (smiles, ..)) in EXPECTED.iter().enumerate() {
        lines += &format!("m{at},{smiles},given\n");
    }
    lines += "broken,C1CC,given\ndummy,*CC,given\nnothing,,given\nlast,CCO,given\n";
    std::fs::write(&input, lines).unwrap();
    let columns = ["--smiles-column", "structure", "--id-column", "name"];
    embedded(&input, &models, &out, &columns);
    let rows = table(&out);
    let names = ["m0", "m1", "m2", "m3", "broken", "dummy", "nothing", "last"];
    assert_eq!(column(&rows, "name"), names);
    let codes = ["", "", "", "", "parse", "operation", "empty", ""];
    assert_eq!(column(&rows, "error_code"), codes);
    assert_eq!(column(&rows, "note"), ["given"; 8]);
    assert_eq!(column(&rows, "canonical_smiles")[7], "CCO");
    assert!(column(&rows, "error")[5].contains("dummy"), "{:?}", column(&rows, "error"));
    let vectors = vectors(&out);
    for (vector, (smiles, first, length)) in vectors.iter().zip(&EXPECTED) {
        assert!(largest_difference(&vector[..4], first) < 1e-4, "{smiles}: {:?}", &vector[..4]);
        let found = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
        assert!((found - length).abs() < 1e-3, "{smiles}: {found}");
    }
    assert!(vectors[4..7].iter().all(Vec::is_empty));
    let note = std::fs::read_to_string(dir.path().join("out.csv.provenance.json")).unwrap();
    let note: serde_json::Value = serde_json::from_str(&note).unwrap();
    assert_eq!((&note["model"]["model"], &note["rows"]), (&"molclr-gcn".into(), &8.into()));
    assert_eq!(note["errors"]["operation"], 1);
    let again = embed(&input, &models, &out, &[&["--model", "molclr-gcn"], &columns[..]].concat());
    assert!(String::from_utf8_lossy(&again.stderr).contains("--overwrite"));
}

#[test]
fn a_vector_depends_on_neither_neighbours_nor_threads_nor_format() {
    let dir = tempfile::tempdir().unwrap();
    let Some(models) = real_models(dir.path()) else { return };
    let demo = std::fs::read_to_string(demo_library()).unwrap();
    let lines: Vec<&str> = demo.lines().take(150).collect();
    let path = |name: &str| dir.path().join(name);
    let write = |name: &str, lines: &[&str]| {
        std::fs::write(path(name), lines.join("\n") + "\n").unwrap();
        path(name)
    };
    let forward = write("forward.smi", &lines);
    embedded(&forward, &models, &path("one.csv"), &["--threads", "1"]);
    embedded(&forward, &models, &path("three.csv"), &["--threads", "3"]);
    let bytes = |name: &str| std::fs::read(path(name)).unwrap();
    assert!(bytes("one.csv") == bytes("three.csv"), "threads change the result");
    // Other neighbours: every batch is made of other molecules, and one molecule is alone.
    let mut backward = lines[1..].to_vec();
    backward.reverse();
    let backward = write("backward.smi", &backward);
    embedded(&backward, &models, &path("backward.csv"), &[]);
    embedded(&write("alone.smi", &lines[..1]), &models, &path("alone.csv"), &[]);
    let all = vectors(&path("one.csv"));
    let mut others = vectors(&path("backward.csv"));
    others.extend(vectors(&path("alone.csv")));
    others.reverse();
    assert_eq!((all.len(), others.len()), (150, 150));
    for ((one, other), line) in all.iter().zip(&others).zip(&lines) {
        let scale = one.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
        assert!(largest_difference(one, other) <= 1e-5 * scale, "{line}");
    }
    // Parquet holds the same numbers.
    embedded(&forward, &models, &path("out.parquet"), &[]);
    let spec = strata_drug::input::InputSpec { path: path("out.parquet"), ..Default::default() };
    let mut reader = strata_drug::input::open(&spec).unwrap();
    for vector in &all {
        let record = reader.next_record().unwrap().unwrap();
        let first = record.len() - 512;
        let found = (first..record.len()).flat_map(|at| record.value(at).parse());
        assert_eq!(&found.collect::<Vec<f64>>(), vector);
    }
    assert!(reader.next_record().unwrap().is_none());
}
