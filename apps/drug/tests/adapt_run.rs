//! `adapt` as people run it: a model of measurements, what is left out and why, and `screen` with the new model.
#![allow(clippy::unwrap_used, reason = "a test's helpers stop the test as it does itself")]

mod screen_support;
mod serve_support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use screen_support::{column, demo_library, has_runtime, program, screened, table, text};
use serve_support::Server;
use strata_chem::split::Random;

/// Molecules of the demo library that can be read, with their logP.
fn molecules(rows: usize) -> Vec<(String, f64)> {
    let demo = std::fs::read_to_string(demo_library()).unwrap();
    let smiles = demo.lines().filter_map(|line| line.split_whitespace().next());
    let read =
        smiles.filter_map(|smiles| Some((smiles, strata_chem::Mol::from_smiles(smiles).ok()?)));
    let logp = |(smiles, mol): (&str, strata_chem::Mol)| {
        (smiles.to_owned(), strata_chem::descriptors::mol_logp(&mol))
    };
    read.map(logp).take(rows).collect()
}

/// An assay of logP with noise, and with rows of every kind that cannot be used.
fn assay(dir: &Path, rows: usize) -> PathBuf {
    let mut random = Random::new(11);
    let mut csv = "compound,structure,logP measured,class\n".to_owned();
    for (at, (smiles, logp)) in molecules(rows).into_iter().enumerate() {
        let noise = (0..12).map(|_| random.below(1000) as f64 / 1000.0).sum::<f64>() - 6.0;
        let value = logp + 0.1 * noise;
        let class = if value > 2.0 { "Active" } else { "inactive" };
        let _ = writeln!(csv, "m{at},{smiles},{value:.3},{class}");
    }
    csv += "bad1,C(C)(C)(C)(C)C,1.0,Active\nbad2,CCCl,,\nbad3,CCBr,>4,\nbad4,CCI,high,\n";
    csv += "twice,OCCCCCCCCCC,3.0,Active\ntwice,CCCCCCCCCCO,3.1,Active\n";
    let path = dir.join("assay.csv");
    std::fs::write(&path, csv).unwrap();
    path
}

/// Runs `adapt`: whether it worked, standard output, standard error.
fn adapt(args: &[&str]) -> (bool, String, String) {
    let output = program().arg("adapt").args(args).output().unwrap();
    let words = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), words(output.stdout), words(output.stderr))
}

#[test]
fn a_model_of_measurements_screens_at_once() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (data, models) = (assay(dir.path(), 260), dir.path().join("models"));
    let args = [
        text(&data),
        "--smiles-column",
        "structure",
        "--target",
        "logP measured",
        "--out",
        text(&models),
        "--split",
        "random",
        "--unit",
        "log10(ratio)",
        "--json",
        "-q",
    ];
    let (good, json, error) = adapt(&args);
    assert!(good, "{error}");
    let made: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(made["name"], "logp-measured");
    assert_eq!(made["rows"], 266);
    let mut reasons: Vec<(u64, &str)> = Vec::new();
    for row in made["dropped"].as_array().unwrap() {
        reasons.push((row["row"].as_u64().unwrap(), row["reason"].as_str().unwrap()));
    }
    let expected = [
        (261, "valence"),
        (262, "target_missing"),
        (263, "target_censored"),
        (264, "target_not_a_number"),
    ];
    assert_eq!(reasons, expected);
    // Nothing is lost: used, merged or left out.
    let count = |key: &str| made[key].as_u64().unwrap();
    assert_eq!(count("molecules") + count("merged") + 4, 266);
    assert!(count("merged") >= 1);
    let figure = |name: &str| {
        let figures = made["figures"].as_array().unwrap();
        figures.iter().find(|figure| figure["metric"] == name).unwrap().clone()
    };
    let rmse = figure("RMSE");
    let (value, baseline) = (rmse["value"].as_f64().unwrap(), rmse["baseline"].as_f64().unwrap());
    assert!(value < 0.5 * baseline, "{value} against {baseline}");
    let ends = rmse["interval"].as_array().unwrap();
    assert!(ends[0].as_f64().unwrap() < value && value < ends[1].as_f64().unwrap());
    assert!(made["parity"].as_f64().unwrap() <= 1e-3);

    // The molecules set aside, whose error is the figure told.
    let held = std::fs::read_to_string(models.join("logp-measured/held-out.csv")).unwrap();
    let rows: Vec<Vec<&str>> = held.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["smiles", "measured", "predicted", "lo", "hi"]);
    assert_eq!(rows.len() as u64 - 1, made["parts"][1].as_u64().unwrap());
    let value = |row: &Vec<&str>, at: usize| row[at].parse::<f64>().unwrap();
    let square = |row: &Vec<&str>| (value(row, 1) - value(row, 2)).powi(2);
    let mean = rows[1..].iter().map(square).sum::<f64>() / (rows.len() - 1) as f64;
    assert!((mean.sqrt() - rmse["value"].as_f64().unwrap()).abs() < 1e-4);

    let readme = std::fs::read_to_string(models.join("logp-measured/README.md")).unwrap();
    assert!(readme.contains("knowing nothing") && readme.contains("assay.csv"), "{readme}");
    let out = dir.path().join("out.csv");
    let model =
        ["--models", "logp-measured", "--models-dir", text(&models), "-o", text(&out), "-q"];
    screened(&[&[text(&demo_library())][..], &model[..]].concat());
    let table = table(&out);
    let read = |name: &str| -> Vec<f64> {
        column(&table, name).iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect()
    };
    let (predicted, logp) = (read("logP measured"), read("MolLogP"));
    let (low, high, near) =
        (read("logP measured_lo"), read("logP measured_hi"), read("nn_tanimoto"));
    let figures = strata_chem::metrics::regression(&logp, &predicted);
    assert!(figures.n > 900 && figures.r2.unwrap() > 0.7, "{figures:?}");
    let inside =
        (0..logp.len()).filter(|&row| low[row] <= logp[row] && logp[row] <= high[row]).count();
    assert!(inside as f64 / figures.n as f64 > 0.8, "{inside} of {}", figures.n);
    // Of the molecules trained on, the domain has all.
    let known = near.iter().take(200).filter(|similarity| !similarity.is_nan());
    assert!(known.clone().count() > 190 && known.clone().all(|similarity| *similarity > 0.999));

    let onnx = || std::fs::read(models.join("logp-measured/logp-measured.onnx")).unwrap();
    let before = onnx();
    let (good, _, error) = adapt(&args);
    assert!(!good && error.contains("--force"), "{error}");
    let (good, _, error) = adapt(&[&args[..], &["--force"]].concat());
    assert!(good, "{error}");
    assert!(onnx() == before, "the same seed gives the same bytes");
    let left = std::fs::read_dir(&models).unwrap().count();
    assert_eq!(left, 1, "nothing else is left in the folder");
}

#[test]
fn classes_are_found_and_give_probabilities() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (data, models) = (assay(dir.path(), 220), dir.path().join("models"));
    let columns = ["--smiles-column", "structure", "--target", "class", "--name", "lipophilic"];
    let args =
        [&[text(&data), "--out", text(&models), "--seed", "3", "-q", "--json"][..], &columns[..]]
            .concat();
    let (good, json, error) = adapt(&args);
    assert!(good, "{error}");
    let made: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(made["task"], "classification");
    assert_eq!(made["classes"], serde_json::json!(["inactive", "Active"]));
    let out = dir.path().join("out.csv");
    let model = ["--models", "lipophilic", "--models-dir", text(&models), "-o", text(&out), "-q"];
    screened(&[&[text(&demo_library())][..], &model[..]].concat());
    let table = table(&out);
    let (mut labels, mut chances) = (Vec::new(), Vec::new());
    for (chance, logp) in column(&table, "class").iter().zip(column(&table, "MolLogP")) {
        if let (Ok(chance), Ok(logp)) = (chance.parse::<f64>(), logp.parse::<f64>()) {
            assert!((0.0..=1.0).contains(&chance));
            labels.push(f64::from(u8::from(logp > 2.0)));
            chances.push(chance);
        }
    }
    let figures = strata_chem::metrics::classification(&labels, &chances);
    assert!(figures.n > 900 && figures.roc_auc.unwrap() > 0.9, "{figures:?}");
}

#[test]
fn what_cannot_be_learnt_from_is_refused_with_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (assay(dir.path(), 60), dir.path().join("models"));
    let with = |target: &str, more: &[&str]| {
        let args = ["--smiles-column", "structure", "--target", target, "--out", text(&out), "-q"];
        let (good, _, error) = adapt(&[&[text(&data)][..], &args[..], more].concat());
        assert!(!good);
        error
    };
    let error = with("pIC50", &[]);
    assert!(
        error.contains("\"pIC50\"") && error.contains("compound, structure, logP measured, class"),
        "{error}"
    );
    assert!(with("structure", &[]).contains("column of SMILES"));
    assert!(with("compound", &[]).contains("neither numbers nor two classes"));
    assert!(with("class", &["--positive", "toxic"]).contains("Active"));
    assert!(with("logP measured", &["--name", "Not Plain"]).contains("a-z"));
    assert!(with("logP measured", &["--task", "classification"]).contains("two classes"));
    let few = assay(dir.path(), 12);
    let args =
        ["--smiles-column", "structure", "--target", "logP measured", "--out", text(&out), "-q"];
    let (good, _, error) = adapt(&[&[text(&few)][..], &args[..]].concat());
    assert!(!good && error.contains("at least 30") && error.contains("1 valence"), "{error}");
    assert!(!out.exists(), "nothing is written");
}

#[test]
fn a_job_gives_the_files_of_the_command() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (data, models) = (assay(dir.path(), 120), dir.path().join("models"));
    let args = ["--smiles-column", "structure", "--target", "class", "--seed", "3", "--json", "-q"];
    // The server of this test has no encoder.
    let args = [&[text(&data), "--out", text(&models), "--encoder", "none"][..], &args].concat();
    let (good, json, error) = adapt(&args);
    assert!(good, "{error}");
    let made: serde_json::Value = serde_json::from_str(&json).unwrap();
    let served = dir.path().join("served");
    std::fs::create_dir(&served).unwrap();
    let server = Server::start(dir.path(), &["--models-dir", text(&served)]);
    let send = |query: &str| {
        let address = format!("/v1/jobs/adapt?filename=assay.csv&{query}");
        let job = server.post(&address, "text/csv", &std::fs::read(&data).unwrap()).expect(202);
        server.job(job.json()["id"].as_str().unwrap())
    };
    let done = send("smiles_column=structure&target=class&seed=3&encoder=none");
    assert_eq!(done["state"], "done", "{done}");
    for key in ["name", "rows", "molecules", "figures", "dropped", "chosen"] {
        assert_eq!(done["summary"][key], made[key], "{key}");
    }
    let id = done["id"].as_str().unwrap();
    for file in
        ["class.onnx", "card.toml", "golden.json", "domain.bin", "README.md", "held-out.csv"]
    {
        let reply = server.get(&format!("/v1/jobs/{id}/files/{file}")).expect(200);
        assert!(reply.body == std::fs::read(models.join("class").join(file)).unwrap(), "{file}");
    }
    assert!(!done.to_string().contains(text(dir.path())), "the server's folders stay its own");
    let usual = send("smiles_column=structure&target=class&seed=3");
    let notes = usual["summary"]["notes"].to_string();
    assert!(notes.contains("without the vectors of molecule-encoder"), "{notes}");
    let unknown = send("smiles_column=structure&target=class&encoder=nothing");
    assert!(unknown["error"]["message"].to_string().contains("nothing"), "{unknown}");
    let failed = send("smiles_column=structure&target=pIC50");
    assert_eq!(failed["state"], "failed");
    let words = failed.to_string();
    assert!(words.contains("pIC50") && words.contains("logP measured"), "{words}");
    server.post("/v1/jobs/adapt?filename=assay.csv&target=", "text/csv", b"a,b\n").expect(422);
}
