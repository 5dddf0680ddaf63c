//! The commands beside `screen`, run as a user runs them.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const MOLECULES: &str = "CC(=O)Oc1ccccc1C(=O)O\taspirin
OC(=O)c1ccccc1O\tsalicylic acid
CC(=O)Nc1ccc(O)cc1\tparacetamol
CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC\ttriacontane
C(C)(C)(C)(C)C\tfive bonds
Cn1cnc2c1c(=O)n(C)c(=O)n2C\tcaffeine
Cn1c(=O)c2[nH]cnc2n(C)c1=O\ttheophylline
not_a_smiles\tbroken
O=C(O)c1ccccc1OC(=O)c1ccccc1\tbenzoylsalicylic acid
";

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("molecules.smi"), MOLECULES).unwrap();
        Desk { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_strata-drug"))
            .current_dir(self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Standard output of a command that must succeed.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.good(arguments)).unwrap()
    }

    /// Standard error of a command that must fail.
    fn bad(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn indexed() -> Desk {
    let desk = Desk::new();
    let summary = desk.json(&["index", "molecules.smi", "--out", "lib.sfp", "--json"]);
    assert_eq!((summary["rows"].as_u64(), summary["molecules"].as_u64()), (Some(9), Some(7)));
    assert_eq!(summary["errors"].as_object().unwrap().values().count(), 2);
    desk
}

#[test]
fn index_and_search_find_the_molecule_and_its_like() {
    let desk = indexed();
    let result = desk.json(&["search", "OC(=O)c1ccccc1OC(C)=O", "--db", "lib.sfp", "--json"]);
    let hits = result[0]["hits"].as_array().unwrap();
    assert_eq!((hits[0]["id"].as_str(), hits[0]["score"].as_f64()), (Some("aspirin"), Some(1.0)));
    assert_eq!((hits[0]["row"].as_u64(), hits[0]["rank"].as_u64()), (Some(1), Some(1)));
    assert_eq!(hits.len(), 7);
    let text = desk.good(&["search", "CC(=O)Oc1ccccc1C(=O)O", "--db", "lib.sfp", "--top-k", "2"]);
    assert!(text.lines().count() == 3 && text.contains("1.0000"), "{text}");
    let within =
        ["search", "CC(=O)Oc1ccccc1C(=O)O", "--db", "lib.sfp", "--threshold", "0.4", "--json"];
    for hit in desk.json(&within)[0]["hits"].as_array().unwrap() {
        assert!(hit["score"].as_f64().unwrap() >= 0.4);
    }
}

#[test]
fn a_file_of_queries_keeps_its_rows_and_their_errors() {
    let desk = indexed();
    let said = desk.good(&[
        "search",
        "molecules.smi",
        "--db",
        "lib.sfp",
        "--top-k",
        "1",
        "--out",
        "hits.csv",
    ]);
    assert!(said.contains("9 queries, 7 hits"), "{said}");
    let lines = desk.lines("hits.csv");
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[0], "query,rank,score,id,smiles,row,error_code,error");
    assert!(lines[1].starts_with("aspirin,1,1,aspirin,"), "{}", lines[1]);
    assert!(lines[5].starts_with("five bonds,,,,,,valence,"), "{}", lines[5]);
    assert!(lines[8].starts_with("broken,,,,,,parse,"), "{}", lines[8]);
}

#[test]
fn tversky_finds_the_part_in_the_whole() {
    let desk = indexed();
    let arguments = ["search", "OC(=O)c1ccccc1O", "--db", "lib.sfp", "--metric", "tversky"];
    let weights = ["--alpha", "1", "--beta", "0", "--json"];
    let tversky = desk.json(&[&arguments[..], &weights].concat());
    let tanimoto = desk.json(&["search", "OC(=O)c1ccccc1O", "--db", "lib.sfp", "--json"]);
    let score = |result: &Value, id: &str| {
        let hits = result[0]["hits"].as_array().unwrap();
        hits.iter().find(|hit| hit["id"] == id).unwrap()["score"].as_f64().unwrap()
    };
    assert!(score(&tversky, "aspirin") > score(&tanimoto, "aspirin"));
    assert!(desk.bad(&[&arguments[..], &["--alpha", "nan"]].concat()).contains("weights"));
}

#[test]
fn substructure_finds_what_contains_the_pattern() {
    let desk = indexed();
    let result = desk.json(&["substructure", "C(=O)[OH]", "--db", "lib.sfp", "--json"]);
    let ids: Vec<&str> =
        result["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["aspirin", "salicylic acid", "benzoylsalicylic acid"]);
    let said = desk.good(&["substructure", "c1ncnc1", "--db", "lib.sfp", "--count"]);
    assert!(said.starts_with("2 of 7 molecules"), "{said}");
    assert!(desk.bad(&["substructure", "C(", "--db", "lib.sfp"]).contains("SMARTS"));
}

#[test]
fn what_is_no_library_is_told() {
    let desk = Desk::new();
    let said = desk.bad(&["search", "CCO", "--db", "molecules.smi"]);
    assert!(said.contains("molecules.smi") && said.contains("strata-drug index"), "{said}");
    let said = desk.bad(&["search", "CCO", "--db", "absent.sfp"]);
    assert!(said.contains("absent.sfp"), "{said}");
    let desk = indexed();
    let said = desk.bad(&["search", "C((", "--db", "lib.sfp"]);
    assert!(said.contains("neither a file nor a SMILES"), "{said}");
    let mut bytes = std::fs::read(desk.path("lib.sfp")).unwrap();
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    std::fs::write(desk.path("lib.sfp"), bytes).unwrap();
    let said = desk.bad(&["search", "CCO", "--db", "lib.sfp", "--verify"]);
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn filter_keeps_what_passes_and_says_why_not() {
    let desk = Desk::new();
    let arguments = ["filter", "molecules.smi", "--out", "good.smi", "--rejected", "bad.csv"];
    let rules = ["--lipinski", "--veber", "--where", "QED>0.4", "--json"];
    let summary = desk.json(&[&arguments[..], &rules].concat());
    let (passed, rejected) =
        (summary["passed"].as_u64().unwrap(), summary["rejected"].as_u64().unwrap());
    assert_eq!(passed + rejected, 7);
    assert_eq!(desk.lines("good.smi").len() as u64, passed);
    let bad = desk.lines("bad.csv");
    assert_eq!(bad.len() as u64, 1 + rejected + 2, "every other row, the broken ones too");
    let triacontane = bad.iter().find(|line| line.contains("triacontane")).unwrap();
    assert!(triacontane.contains("Veber (NumRotatableBonds > 10)"), "{triacontane}");
    assert!(desk.bad(&["filter", "molecules.smi", "--out", "x.smi"]).contains("no rule"));
    let typo = desk.bad(&["filter", "molecules.smi", "--out", "x.smi", "--where", "Weight<3"]);
    assert!(typo.contains("no property"), "{typo}");
    let alerts = desk.write("own.smarts", "C(=O)[OH] acid\n");
    let own =
        ["filter", "molecules.smi", "--out", "no_acids.csv", "--alerts", alerts.to_str().unwrap()];
    desk.good(&own);
    let kept = desk.lines("no_acids.csv").join("\n");
    assert!(!kept.contains("aspirin") && kept.contains("caffeine"), "{kept}");
}

#[test]
fn clusters_hold_every_row_once() {
    let desk = Desk::new();
    desk.good(&["cluster", "molecules.smi", "--cutoff", "0.6", "--out", "clusters.csv"]);
    let lines = desk.lines("clusters.csv");
    assert_eq!(lines.len(), 10);
    assert!(lines[0].ends_with("cluster,cluster_size,is_centre,error_code,error"), "{}", lines[0]);
    assert!(lines[5].contains("valence") && lines[8].contains("parse"));
    for method in ["butina", "maxmin"] {
        let result = desk.json(&[
            "cluster",
            "molecules.smi",
            "--method",
            method,
            "--cutoff",
            "0.6",
            "--json",
        ]);
        let clusters = result["clusters"].as_array().unwrap();
        let members: usize = clusters.iter().map(|c| c["members"].as_array().unwrap().len()).sum();
        assert_eq!(members, 7, "{method}");
        let together = |a: &str, b: &str| {
            clusters.iter().any(|cluster| {
                let members = cluster["members"].as_array().unwrap();
                members.iter().any(|id| id == a) && members.iter().any(|id| id == b)
            })
        };
        assert!(
            together("caffeine", "caffeine") && !together("caffeine", "triacontane"),
            "{method}"
        );
    }
    assert!(desk.bad(&["cluster", "molecules.smi", "--cutoff", "2"]).contains("between 0 and 1"));
}

#[test]
fn splits_keep_scaffolds_together_and_list_errors() {
    let desk = Desk::new();
    let rows: String = (0..40)
        .map(|n| {
            format!(
                "{}C{},{n}\n",
                ["c1ccccc1", "C1CCCCC1", "c1ccncc1", "C"][n % 4],
                "C".repeat(n / 4)
            )
        })
        .collect();
    desk.write("set.csv", &format!("smiles,label\n{rows}C(((,40\n"));
    for method in ["scaffold", "scaffold-balanced", "random"] {
        let summary =
            desk.json(&["split", "set.csv", "--method", method, "--out-dir", method, "--json"]);
        let size = |part: &str| summary[part].as_u64().unwrap() as usize;
        assert_eq!(size("train") + size("valid") + size("test"), 40, "{method}");
        for part in ["train", "valid", "test"] {
            assert_eq!(desk.lines(&format!("{method}/{part}.csv")).len(), size(part) + 1);
        }
        let errors = desk.lines(&format!("{method}/errors.csv"));
        assert!(errors.len() == 2 && errors[1].starts_with("C(((,40"), "{errors:?}");
    }
    let scaffolds = |part: &str| -> std::collections::BTreeSet<String> {
        let lines = desk.lines(&format!("scaffold/{part}.csv"));
        lines[1..].iter().map(|line| line.rsplit(',').next().unwrap().to_owned()).collect()
    };
    assert!(scaffolds("train").is_disjoint(&scaffolds("test")));
    let said = desk.bad(&["split", "set.csv", "--fractions", "0.5,0.1,0.1", "--out-dir", "x"]);
    assert!(said.contains("sum 1"), "{said}");
}

#[test]
fn eval_gives_the_figures_by_their_names() {
    let desk = Desk::new();
    desk.write("scores.csv", "name,active,score\na,1,0.9\nb,0,0.8\nc,1,0.7\nd,0,0.1\ne,,0.5\n");
    let data = ["eval", "--data", "scores.csv", "--label", "active", "--pred", "score"];
    let figures = desk.json(&[&data[..], &["--json"]].concat());
    assert_eq!((figures["n"].as_u64(), figures["missing"].as_u64()), (Some(4), Some(1)));
    assert_eq!(figures["roc_auc"].as_f64(), Some(0.75));
    for key in ["rmse", "mae", "r2", "pr_auc", "ef1", "ef5", "bedroc"] {
        assert!(figures.get(key).is_some(), "{key}");
    }
    assert!(figures["rmse"].is_null() && figures["ef1"].as_f64() == Some(2.0));
    assert!(desk.good(&data).contains("ROC-AUC"));
    desk.write("numbers.csv", "y,p\n1.5,1\n2.5,3\n4,4.5\n");
    let figures =
        desk.json(&["eval", "--data", "numbers.csv", "--label", "y", "--pred", "p", "--json"]);
    assert_eq!(
        (figures["task"].as_str(), figures["rmse"].as_f64()),
        (Some("regression"), Some(0.5))
    );
    let said = desk.bad(&["eval", "--data", "numbers.csv", "--label", "z", "--pred", "p"]);
    assert!(said.contains("no column named \"z\"") && said.contains("y, p"), "{said}");
    let said = desk.bad(&["eval", "--data", "numbers.csv", "--label", "p", "--pred", "p"]);
    assert!(said.contains("p_in"), "{said}");
}

#[test]
fn describe_names_descriptors_rules_and_alerts() {
    let desk = Desk::new();
    let aspirin = desk.json(&["describe", "CC(=O)Oc1ccccc1C(=O)O", "--json"]);
    let value = |name: &str| aspirin["descriptors"][name].as_f64().unwrap();
    // RDKit 2026.09: 180.159, 1.3101, 63.6, 0.5501.
    assert!((value("MolWt") - 180.159).abs() < 1e-3 && (value("MolLogP") - 1.3101).abs() < 1e-3);
    assert!((value("TPSA") - 63.6).abs() < 1e-3);
    assert!((aspirin["QED"].as_f64().unwrap() - 0.5501).abs() < 1e-3);
    assert!(desk.good(&["describe", "CC(=O)Oc1ccccc1C(=O)O"]).contains("Lipinski"));
    let lines = desk.good(&["describe", "molecules.smi", "--json"]);
    assert_eq!(lines.lines().count(), 9);
    assert!(lines.lines().nth(4).unwrap().contains("\"error_code\":\"valence\""));
    let rhodanine = desk.json(&["describe", "O=C1NC(=S)SC1=Cc1ccccc1", "--json"]);
    let alerts = rhodanine["alerts"].as_array().unwrap();
    assert!(alerts.iter().any(|alert| alert["alert"].as_str().unwrap().contains("PAINS")));
}

#[test]
fn models_are_listed_verified_and_missed_by_name() {
    let desk = Desk::new();
    let models = desk.path("models");
    let spec = strata_testkit::CardSpec::new("tiny");
    strata_testkit::write_card(&models, &spec, &strata_testkit::models::identity(3)).unwrap();
    let folder = models.to_str().unwrap();
    // What this model takes in, no card says: it is no model of molecules.
    let said = desk.good(&["models", "--models-dir", folder, "list"]);
    assert_eq!(said, "no models of this program; 1 of others: see --all\n");
    assert!(desk.good(&["models", "--models-dir", folder, "list", "--all"]).contains("tiny"));
    assert!(desk.good(&["models", "--models-dir", folder, "show", "tiny"]).contains("licence"));
    let results = desk.json(&["models", "--models-dir", folder, "verify", "--all", "--json"]);
    assert_eq!(results.as_array().unwrap().len(), 1);
    assert!(results.as_array().unwrap().iter().all(|result| result["problem"] == ""));
    let onnx = std::fs::read_dir(models.join("tiny")).unwrap().flatten().map(|entry| entry.path());
    let onnx = onnx.into_iter().find(|path| is_onnx(path)).unwrap();
    let mut bytes = std::fs::read(&onnx).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&onnx, bytes).unwrap();
    let output = desk.run(&["models", "--models-dir", folder, "verify", "tiny"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOT GOOD"));
    let said = desk.bad(&["models", "--models-dir", folder, "show", "none"]);
    assert!(said.contains("no model named"), "{said}");
}

#[test]
fn a_model_file_is_brought_from_a_folder_under_any_name() {
    let desk = Desk::new();
    let models = desk.path("models");
    let spec = strata_testkit::CardSpec::new("tiny");
    strata_testkit::write_card(&models, &spec, &strata_testkit::models::identity(3)).unwrap();
    let onnx = std::fs::read_dir(models.join("tiny")).unwrap().flatten().map(|entry| entry.path());
    let onnx = onnx.into_iter().find(|path| is_onnx(path)).unwrap();
    let stick = desk.path("stick");
    std::fs::create_dir_all(stick.join("below")).unwrap();
    let fetch = |from: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_strata-drug"))
            .args(["models", "--models-dir"])
            .arg(&models)
            .args(["fetch", "tiny", "--from"])
            .arg(from)
            .env("STRATA_CACHE", desk.path("cache"))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    std::fs::rename(&onnx, stick.join("below/some.bin")).unwrap();
    let empty = desk.path("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let (good, said) = fetch(&empty);
    assert!(!good && said.contains("lies below"), "{said}");
    let (good, said) = fetch(&stick);
    assert!(good && said.contains("fetched to"), "{said}");
    assert_eq!(fetch(&stick), (true, "every file is here\n".to_owned()));
}

fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "onnx")
}

#[test]
fn drawings_are_svg_and_pages() {
    let desk = Desk::new();
    let drawing = desk.good(&["depict", "CC(=O)Oc1ccccc1C(=O)O"]);
    assert!(drawing.contains("<svg") && drawing.contains("</svg>"));
    let plain = desk.good(&["depict", "CCO"]);
    assert_ne!(plain, desk.good(&["depict", "CCO", "--highlight", "[OH]"]));
    desk.write("named.smi", "CCO\t<script>alert(1)</script>\nC(((\tbroken\n");
    let said = desk.good(&["depict", "named.smi", "--out", "page.html"]);
    assert!(said.contains("1 molecules, 1 with an error"), "{said}");
    let page = std::fs::read_to_string(desk.path("page.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("<script") && page.contains("&lt;script"));
    assert!(desk.bad(&["depict", "named.smi"]).contains("--out"));
}

#[test]
fn every_help_has_an_example() {
    let desk = Desk::new();
    for command in [
        "index",
        "search",
        "substructure",
        "filter",
        "cluster",
        "split",
        "eval",
        "describe",
        "depict",
        "embed",
        "models",
        "keys",
        "serve",
    ] {
        let help = desk.good(&[command, "--help"]);
        assert!(help.contains("Examples:\n  strata-drug"), "{command}");
    }
}
