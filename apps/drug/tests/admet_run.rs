//! `admet` and `/v1/admet` with ADMET-AI's models, run for real where their files are present.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;

use std::path::{Path, PathBuf};

use screen_support::{column, has_runtime, program, screened, table, text};
use serde_json::Value;

const ASPIRIN: &str = "CC(=O)Oc1ccccc1C(=O)O";
const HALOPERIDOL: &str = "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1";

/// By the Python package admet-ai 1.4.0 with RDKit 2026.09.1: aspirin, haloperidol; and how far apart is fine.
const EXPECTED: [(&str, [f64; 2], f64); 10] = [
    ("hERG", [0.003373, 0.945420], 2e-05),
    ("AMES", [0.050856, 0.066968], 2e-05),
    ("DILI", [0.854762, 0.076814], 2e-05),
    ("BBB_Martins", [0.810991, 0.980103], 2e-05),
    ("CYP3A4_Veith", [0.000236, 0.128137], 2e-05),
    ("NR-AR-LBD", [0.002197, 0.042408], 2e-05),
    ("Solubility_AqSolDB", [-1.418994, -3.879704], 0.0005),
    ("Half_Life_Obach", [3.538762, 26.637274], 0.01),
    ("VDss_Lombardo", [6.688881, 11.163184], 0.005),
    ("LD50_Zhu", [2.214423, 2.914191], 0.0002),
];

/// The cards as shipped, with the public files beside them, as `models fetch --from` would leave them.
fn models(dir: &Path) -> Option<PathBuf> {
    let Some(shared) = strata_testkit::shared_dir() else {
        strata_testkit::skip("no shared folder with the public models");
        return None;
    };
    let public = shared.join("models/drug/admet_ai");
    if !public.join("admet_ai_regression_ensemble5.onnx").is_file() || !has_runtime() {
        strata_testkit::skip("ADMET-AI's models are not here");
        return None;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for kind in ["classification", "regression"] {
        let (name, file) = (format!("admet-ai-{kind}"), format!("admet_ai_{kind}_ensemble5.onnx"));
        let folder = dir.join("models").join(&name);
        std::fs::create_dir_all(&folder).unwrap();
        for entry in std::fs::read_dir(repository.join("shared-models").join(&name)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
        }
        std::fs::copy(public.join(&file), folder.join(&file)).unwrap();
    }
    Some(dir.join("models"))
}

#[test]
fn a_profile_has_the_packages_numbers_and_the_table_has_the_profiles() {
    let dir = tempfile::tempdir().unwrap();
    let Some(models) = models(dir.path()) else { return };
    let input = dir.path().join("in.csv");
    std::fs::write(&input, format!("smiles\n{ASPIRIN}\nbroken(\n{HALOPERIDOL}\nC\n")).unwrap();
    let out = dir.path().join("out.csv");
    let output = program()
        .args(["admet", text(&input), "--out", text(&out), "-q", "--models-dir", text(&models)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = table(&out);
    for (name, values, near) in EXPECTED {
        let found = column(&rows, name);
        for (row, value) in [(0, values[0]), (2, values[1])] {
            let ours: f64 = found[row].parse().unwrap();
            assert!((ours - value).abs() <= near, "{name} of row {row}: {ours}, theirs {value}");
        }
        assert!(found[1].is_empty() && !found[3].is_empty(), "{name}");
        let percentile = column(&rows, &format!("{name}_reference_percentile"));
        assert!((0.0..=100.0).contains(&percentile[0].parse::<f64>().unwrap()));
    }
    // `screen` with the same scenario writes the same bytes.
    let same = dir.path().join("same.csv");
    let args = [text(&input), "-o", text(&same), "-q", "--profile", "admet-profile"];
    screened(&[&args[..], &["--models-dir", text(&models)]].concat());
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(&same).unwrap());
    // A SMILES alone gives the numbers of its row.
    let report = dir.path().join("aspirin.html");
    let output = program()
        .args([
            "admet",
            ASPIRIN,
            "--json",
            "--models-dir",
            text(&models),
            "--report",
            text(&report),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let profile: Value = serde_json::from_slice(&output.stdout).unwrap();
    let groups = profile["groups"].as_array().unwrap();
    let names: Vec<&str> = groups.iter().map(|group| group["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Absorption", "Distribution", "Metabolism", "Excretion", "Toxicity"]);
    let mut endpoints = 0;
    for endpoint in groups.iter().flat_map(|group| group["endpoints"].as_array().unwrap()) {
        let name = endpoint["name"].as_str().unwrap();
        assert_eq!(endpoint["value"].to_string(), column(&rows, name)[0], "{name}");
        assert!(endpoint["unit"].is_string() && endpoint["percentile"].is_number(), "{name}");
        endpoints += 1;
    }
    assert_eq!(endpoints, 41);
    assert_eq!(profile["domain"], "inside");
    let page = std::fs::read_to_string(&report).unwrap();
    assert!(page.contains("hERG safe") && page.contains("<svg"), "no radar in the report");
}

#[test]
fn another_reference_set_gives_its_own_percentiles() {
    let dir = tempfile::tempdir().unwrap();
    let Some(models) = models(dir.path()) else { return };
    let reference = dir.path().join("drugbank_approved.csv");
    std::fs::write(&reference, "name,hERG,AMES\na,0.0,1.0\nb,1.0,1.0\n").unwrap();
    let (input, out) = (dir.path().join("in.smi"), dir.path().join("out.csv"));
    std::fs::write(&input, format!("{ASPIRIN} aspirin\n")).unwrap();
    let args = ["admet", text(&input), "--out", text(&out), "-q", "--models-dir", text(&models)];
    let output = program().args(args).args(["--reference", text(&reference)]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = table(&out);
    assert_eq!(column(&rows, "hERG_drugbank_approved_percentile"), ["50"]);
    assert_eq!(column(&rows, "AMES_drugbank_approved_percentile"), ["0"]);
    assert!(!rows.0.iter().any(|name| name.contains("reference_percentile")));
    std::fs::write(&reference, "name,other\na,0.0\n").unwrap();
    let output = program()
        .args(args)
        .args(["--reference", text(&reference), "--overwrite"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("drugbank_approved.csv"), "{said}");
}

#[test]
fn what_is_neither_file_nor_molecule_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let Some(models) = models(dir.path()) else { return };
    let output =
        program().args(["admet", "no(such", "--models-dir", text(&models)]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("no(such"), "{said}");
}
