//! `targets` and `rank`, on a small network of several outputs: order, percentiles, kept rows, fusion, and the same over HTTP.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;
mod serve_support;

use std::path::{Path, PathBuf};

use screen_support::{column, has_runtime, program, table, text};
use serde_json::{Value, json};
use serve_support::Server;
use strata_testkit::onnx::Node;
use strata_testkit::serve::encoded;
use strata_testkit::{CardSpec, models, write_card};

const HALOPERIDOL: &str = "O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1";
const TARGETS: [&str; 4] = ["CHEMBL203", "CHEMBL206", "CHEMBL242", "CHEMBL9999999"];

const LIBRARY: &str = "SMILES,ID,price\nCC(=O)Oc1ccccc1C(=O)O,aspirin,3\nC1CC,broken,5\nCCO,ethanol,1\n\
                       Cn1cnc2c1c(=O)n(C)c(=O)n2C,caffeine,2\nCC(=O)Nc1ccc(O)cc1,paracetamol,4\n";

/// A folder with `tiny`, which can be made into a model over tables, and `alone`, the same network with a node too many for that.
fn fixture(dir: &Path) -> PathBuf {
    let folder = dir.join("models");
    for name in ["tiny", "alone"] {
        let mut model = models::quantised_heads(64, 16, &TARGETS);
        if name == "alone" {
            model.graph.nodes.push(Node::new("Identity", &["h"], &["unused"]));
        }
        let spec = CardSpec::new(name).extra("[preprocess]\nradius = 2\nbits = 64\n");
        let written = write_card(&folder, &spec, &model).unwrap().join("card.toml");
        let card = std::fs::read_to_string(&written).unwrap();
        let card = card.replace("kind = \"prediction\"", "kind = \"scientific\"");
        let card = card.replace("task = \"regression\"", "task = \"target-activity\"");
        std::fs::write(written, card).unwrap();
    }
    folder
}

fn run(models: &Path, args: &[&str]) -> (bool, String, String) {
    let output = program().args(args).args(["-q", "--models-dir", text(models)]).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

fn good(models: &Path, args: &[&str]) -> String {
    let (success, out, error) = run(models, args);
    assert!(success, "{args:?}: {error}");
    out
}

fn library(dir: &Path) -> PathBuf {
    let path = dir.join("library.csv");
    std::fs::write(&path, LIBRARY).unwrap();
    path
}

#[test]
fn a_molecules_targets_are_ordered_and_the_same_one_by_one() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = fixture(dir.path());
    let fished = |model: &str, more: &[&str]| -> Value {
        let args = [&["targets", HALOPERIDOL, "--json", "--model", model], more].concat();
        serde_json::from_str::<Value>(&good(&models, &args)).unwrap()[0].clone()
    };
    let (tiny, alone) =
        (fished("tiny", &["--by", "probability"]), fished("alone", &["--by", "probability"]));
    let hits = tiny["targets"].as_array().unwrap();
    assert_eq!(hits.len(), 4);
    for (hit, other) in hits.iter().zip(alone["targets"].as_array().unwrap()) {
        assert_eq!(hit["target"], other["target"]);
        let difference =
            hit["probability"].as_f64().unwrap() - other["probability"].as_f64().unwrap();
        assert!(difference.abs() <= 1e-4, "{hit} {other}");
        assert!((0.0..=100.0).contains(&hit["percentile"].as_f64().unwrap()), "{hit}");
    }
    let falling = |by: &str, hits: &[Value]| {
        hits.windows(2).all(|two| two[0][by].as_f64() >= two[1][by].as_f64())
    };
    assert!(falling("probability", hits));
    let by_percentile = fished("tiny", &[]);
    assert!(falling("percentile", by_percentile["targets"].as_array().unwrap()));
    let second = hits[1]["probability"].to_string();
    assert_eq!(fished("tiny", &["--min", &second])["targets"].as_array().unwrap().len(), 2);
    // A background of the molecule itself puts it in the middle on every target.
    let own = dir.path().join("own.smi");
    std::fs::write(&own, format!("{HALOPERIDOL} h\nbroken b\n")).unwrap();
    let own = fished("tiny", &["--background", text(&own)]);
    assert!(own["targets"].as_array().unwrap().iter().all(|hit| hit["percentile"] == 50.0));
}

#[test]
fn files_of_molecules_keep_their_broken_rows() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (models, input, out) = (fixture(dir.path()), library(dir.path()), dir.path().join("t.csv"));
    let common = ["--model", "tiny", "--top", "2", "--out", text(&out)];
    good(&models, &[&["targets", text(&input)][..], &common].concat());
    let rows = table(&out);
    let expected = ["aspirin", "aspirin", "broken", "ethanol", "ethanol", "caffeine"];
    assert_eq!(column(&rows, "query")[..6], expected);
    assert_eq!(column(&rows, "error_code")[2], "parse");
    assert_eq!(column(&rows, "rank")[..4], ["1", "2", "", "1"]);
    let list = good(&models, &["targets", "--model", "tiny", "--list", "estrogen"]);
    assert!(list.contains("CHEMBL206") && !list.contains("CHEMBL203"), "{list}");
    assert!(list.contains("2 of 4 targets; 3 have a name"), "{list}");
    let (success, _, error) = run(&models, &["targets", "no such file", "--model", "tiny"]);
    assert!(!success && error.contains("neither a file nor a SMILES"), "{error}");
    let (success, _, error) = run(
        &models,
        &[
            "rank",
            text(&input),
            "--target",
            "estrogen",
            "--model",
            "tiny",
            "--out",
            text(&dir.path().join("r.csv")),
        ],
    );
    assert!(!success && error.contains("2 targets") && error.contains("CHEMBL242"), "{error}");
}

#[test]
fn a_library_is_ranked_and_every_row_is_there() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (models, input) = (fixture(dir.path()), library(dir.path()));
    let actives = dir.path().join("actives.smi");
    std::fs::write(
        &actives,
        "CC(=O)Nc1ccc(OCC)cc1 phenacetin\nnothing x\nCN1C=NC2=C1C(=O)NC(=O)N2C theobromine\n",
    )
    .unwrap();
    let ranked = |name: &str, more: &[&str]| {
        let out = dir.path().join(name);
        let args =
            ["rank", text(&input), "--target", "EGFR", "--model", "tiny", "--out", text(&out)];
        good(&models, &[&args, more].concat());
        table(&out)
    };
    let numbers = |rows: &(Vec<String>, Vec<Vec<String>>), name: &str| -> Vec<f64> {
        column(rows, name).iter().filter_map(|cell| cell.parse().ok()).collect()
    };
    let plain = ranked("plain.csv", &[]);
    assert_eq!(
        plain.0,
        [
            "SMILES",
            "ID",
            "price",
            "canonical_smiles",
            "error_code",
            "error",
            "activity",
            "score",
            "rank"
        ]
    );
    assert_eq!(column(&plain, "rank"), ["1", "2", "3", "4", ""]);
    assert_eq!(
        (&column(&plain, "ID")[4][..], &column(&plain, "error_code")[4][..]),
        ("broken", "parse")
    );
    let activity = numbers(&plain, "activity");
    assert!(activity.len() == 4 && activity.windows(2).all(|two| two[0] >= two[1]), "{activity:?}");
    // The same probability as `targets` gives.
    let first = column(&plain, "SMILES")[0].clone();
    let fished = good(&models, &["targets", &first, "--json", "--model", "tiny"]);
    let fished: Value = serde_json::from_str(&fished).unwrap();
    let own = fished[0]["targets"].as_array().unwrap().iter().find(|hit| hit["gene"] == "EGFR");
    assert!((own.unwrap()["probability"].as_f64().unwrap() - activity[0]).abs() < 1e-4);
    for fusion in ["z-score", "rank-sum", "reciprocal-rank", "best-rank"] {
        let fused =
            ranked(&format!("{fusion}.csv"), &["--actives", text(&actives), "--fusion", fusion]);
        let scores = numbers(&fused, "score");
        assert!(scores.len() == 4 && scores.windows(2).all(|two| two[0] >= two[1]), "{scores:?}");
        let at = column(&fused, "ID").iter().position(|id| id == "paracetamol").unwrap();
        assert_eq!(column(&fused, "nearest_active")[at], "phenacetin");
        let similarity = column(&fused, "similarity")[at].parse::<f64>().unwrap();
        assert!(similarity > 0.4 && similarity < 1.0, "{similarity}");
        let mut prices = column(&fused, "price");
        prices.sort();
        assert_eq!(prices, ["1", "2", "3", "4", "5"]);
    }
    let (success, _, error) = run(
        &models,
        &[
            "rank",
            text(&input),
            "--target",
            "EGFR",
            "--model",
            "tiny",
            "--out",
            text(&dir.path().join("plain.csv")),
        ],
    );
    assert!(!success && error.contains("--overwrite"), "{error}");
}

#[test]
fn the_server_gives_what_the_command_line_gives() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (models, input, out) = (fixture(dir.path()), library(dir.path()), dir.path().join("r.csv"));
    let server = Server::start(dir.path(), &["--models-dir", text(&models)]);
    let ask = json!({ "smiles": [HALOPERIDOL, "C1CC"], "model": "tiny", "top": 3 });
    let reply = server.json("/v1/targets", &ask).expect(200).json();
    let line = good(&models, &["targets", HALOPERIDOL, "--json", "--model", "tiny", "--top", "3"]);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(reply["results"][0], line[0]);
    assert_eq!(reply["results"][1]["error_code"], "parse");
    server.json("/v1/targets", &json!({ "smiles": ["C"], "model": "none such" })).expect(422);
    server.json("/v1/targets", &json!({ "smiles": [], "model": "tiny" })).expect(422);
    let list = server.get("/v1/targets/list?model=tiny&text=EGFR").expect(200).json();
    assert_eq!((&list["of"], &list["targets"][0]["target"]), (&json!(4), &json!("CHEMBL203")));
    let active = "CC(=O)Nc1ccc(OCC)cc1";
    let address = format!(
        "/v1/jobs/rank?filename=library.csv&model=tiny&target=EGFR&actives={}",
        encoded(active)
    );
    let job = server.post(&address, "text/csv", LIBRARY.as_bytes()).expect(202).json();
    let done = server.job(job["id"].as_str().unwrap());
    assert_eq!((&done["state"], &done["summary"]["rows"]), (&json!("done"), &json!(5)), "{done}");
    let address = format!("/v1/jobs/{}/files/result.csv", done["id"].as_str().unwrap());
    let actives = dir.path().join("a.smi");
    std::fs::write(&actives, format!("{active} {active}\n")).unwrap();
    good(
        &models,
        &[
            "rank",
            text(&input),
            "--target",
            "EGFR",
            "--model",
            "tiny",
            "--out",
            text(&out),
            "--actives",
            text(&actives),
        ],
    );
    assert_eq!(server.get(&address).expect(200).text(), std::fs::read_to_string(&out).unwrap());
}
