//! `optimize` and `generate` as a user runs them, and the server's job: the same bytes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod screen_support;
mod serve_support;

use std::path::Path;
use std::process::Output;

use screen_support::{column, has_runtime, program, screened, table, text, tiny_model};
use serde_json::Value;
use serve_support::Server;
use strata_chem::Mol;
use strata_testkit::serve::encoded;

const START: &str = "COc1ccc(cc1)C(=O)NCCc1c[nH]c2ccccc12";

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn good(args: &[&str]) -> String {
    let output = run(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn bad(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Rows of two tables that bear the same SMILES hold the same values in some columns.
fn same_values(ours: &Path, theirs: &Path, names: &[&str]) {
    let (ours, theirs) = (table(ours), table(theirs));
    assert_eq!(column(&ours, "smiles"), column(&theirs, "canonical_smiles"));
    for name in names {
        let pairs = column(&ours, name).into_iter().zip(column(&theirs, name));
        for (row, (a, b)) in pairs.enumerate() {
            let (a, b): (f64, f64) = (a.parse().unwrap(), b.parse().unwrap());
            assert!(a == b, "{name} of row {row}: {a}, but {b} by screen");
        }
    }
}

#[test]
fn a_candidates_numbers_are_those_of_a_screening() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let models = tiny_model(dir.path());
    let at = |name: &str| dir.path().join(name);
    let (out, smiles, again) = (at("out.csv"), at("out.smi"), at("screened.csv"));
    let settings = ["--models", "tiny", "--models-dir", text(&models), "--budget", "200"];
    let goals = ["--goal", "Tiny=max", "--goal", "QED=max", "--similarity", "0.3", "--quiet"];
    for out in [&out, &smiles] {
        good(&[&["optimize", START, "--out", text(out)], &settings[..], &goals[..]].concat());
    }
    screened(&[
        text(&smiles),
        "--out",
        text(&again),
        "--models",
        "tiny",
        "--models-dir",
        text(&models),
        "-q",
    ]);
    same_values(&out, &again, &["Tiny", "Tiny_sd", "QED", "MolLogP", "SA", "TPSA"]);
    let found = table(&out);
    assert!(column(&found, "similarity").iter().all(|s| s.parse::<f64>().unwrap() >= 0.3));
    let ranks = column(&found, "rank");
    assert_eq!(ranks[0], "1");
    let fitness: Vec<f64> = column(&found, "fitness").iter().map(|f| f.parse().unwrap()).collect();
    assert!(fitness.windows(2).all(|pair| pair[0] >= pair[1]));
    for (logp, (sa, both)) in column(&found, "MolLogP")
        .iter()
        .zip(column(&found, "SA").iter().zip(column(&found, "penalized_logP")))
    {
        let number = |text: &str| text.parse::<f64>().unwrap();
        let most = number(logp) - number(sa);
        assert!(number(&both) <= most + 1e-4 && number(&both) > most - 8.0);
    }
}

#[test]
fn every_format_holds_the_same_molecules_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let hits = at("hits.smi");
    std::fs::write(&hits, format!("{START}\tindole\nCC(=O)Nc1ccc(O)cc1\tparacetamol\n")).unwrap();
    let go = |name: &str, threads: &str| {
        let out = at(name);
        good(&[
            "optimize",
            text(&hits),
            "--goal",
            "QED=max:2",
            "--goal",
            "SA=..3",
            "--limit",
            "MolWt=..450",
            "--models",
            "none",
            "--budget",
            "300",
            "--seed",
            "3",
            "--threads",
            threads,
            "--out",
            text(&out),
            "--report",
            text(&at("report.html")),
            "--overwrite",
        ]);
        std::fs::read(out).unwrap()
    };
    let csv = go("one.csv", "1");
    assert_eq!(csv, go("three.csv", "3"));
    let found = table(&at("one.csv"));
    let smiles = column(&found, "smiles");
    assert!(
        smiles.len() >= 100
            && column(&found, "MolWt").iter().all(|w| w.parse::<f64>().unwrap() <= 450.0)
    );
    for one in &smiles {
        assert_eq!(Mol::from_smiles(one).unwrap().canonical_smiles(), *one);
    }
    let starts = column(&found, "start");
    assert!(starts.iter().all(|start| ["indole", "paracetamol"].contains(&start.as_str())));
    assert!(
        column(&found, "derivation")
            .iter()
            .zip(column(&found, "steps"))
            .all(|(way, steps)| { way.split(" > ").count() == steps.parse::<usize>().unwrap() })
    );
    let smi = String::from_utf8(go("x.smi", "2")).unwrap();
    assert_eq!(smi.lines().map(|l| l.split('\t').next().unwrap()).collect::<Vec<_>>(), smiles);
    let sdf = String::from_utf8(go("x.sdf", "2")).unwrap();
    assert_eq!(sdf.matches("$$$$").count(), smiles.len());
    let first = Mol::from_molblock(sdf.split("$$$$").next().unwrap()).unwrap();
    assert_eq!(first.canonical_smiles(), smiles[0]);
    assert_eq!(&go("x.parquet", "2")[..4], b"PAR1");
    let note: Value =
        serde_json::from_slice(&std::fs::read(at("one.csv.provenance.json")).unwrap()).unwrap();
    assert_eq!(
        (note["seed"].as_u64(), note["library"]["name"].as_str()),
        (Some(3), Some("built-in"))
    );
    let report = std::fs::read_to_string(at("report.html")).unwrap();
    for part in ["Pareto front", "<circle", "indole", "What the moves brought", smiles[0].as_str()]
    {
        assert!(report.contains(part) || report.contains(&part.replace('=', "&#61;")), "{part}");
    }
    assert!(report.matches("<svg").count() > 20);
}

#[test]
fn a_scenario_is_raised_and_a_scaffold_kept() {
    if !has_runtime() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.csv");
    let said = good(&[
        "optimize",
        START,
        "--profile",
        "solubility-triage",
        "--scaffold",
        "keep",
        "--budget",
        "250",
        "--forbid-alerts",
        "pains,brenk",
        "--seed",
        "1",
        "--out",
        text(&out),
    ]);
    assert!(said.contains("score as the scenario wants it") && said.contains("Pareto"), "{said}");
    let found = table(&out);
    let score: Vec<f64> = column(&found, "score").iter().map(|s| s.parse().unwrap()).collect();
    let start = dir.path().join("start.smi");
    std::fs::write(&start, format!("{START}\tstart\n")).unwrap();
    let screening = dir.path().join("start.csv");
    screened(&[text(&start), "--out", text(&screening), "--profile", "solubility-triage", "-q"]);
    let before: f64 = column(&table(&screening), "score")[0].parse().unwrap();
    assert!(score[0] > before, "{} is no better than {before}", score[0]);
}

#[test]
fn what_cannot_be_done_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.csv");
    let ask = |more: &[&str]| {
        bad(&[&["optimize", START, "--models", "none", "--out", text(&out)], more].concat())
    };
    assert!(ask(&[]).contains("--goal NAME=max"));
    let said = ask(&["--goal", "hERG=min", "--budget", "50"]);
    assert!(
        said.contains("hERG") && said.contains("penalized_logP") && said.contains("--models"),
        "{said}"
    );
    assert!(ask(&["--goal", "QED=up"]).contains("LOW..HIGH"));
    assert!(ask(&["--goal", "QED=max", "--similarity", "2"]).contains("between 0 and 1"));
    assert!(ask(&["--goal", "QED=max", "--forbid-alerts", "x"]).contains("pains"));
    let name = dir.path().join("out.xyz");
    let said = bad(&["optimize", START, "--goal", "QED=max", "--out", text(&name)]);
    assert!(said.contains(".sdf"), "{said}");
    let said = bad(&["optimize", "C1CC", "--goal", "QED=max", "--out", text(&out)]);
    assert!(said.contains("C1CC"), "{said}");
    std::fs::write(&out, "mine").unwrap();
    assert!(ask(&["--goal", "QED=max"]).contains("--overwrite"));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}

#[test]
fn libraries_are_generated_with_their_figures() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("made.csv");
    let args = [
        "generate",
        "--scaffold",
        "c1ccc2[nH]ccc2c1",
        "--count",
        "200",
        "--max-sa",
        "4",
        "--seed",
        "2",
    ];
    let said = good(&[&args[..], &["--out", text(&out), "--json"]].concat());
    let note: Value = serde_json::from_str(&said).unwrap();
    let figures = &note["figures"];
    assert_eq!(
        (figures["molecules"].as_u64(), figures["validity"].as_f64()),
        (Some(200), Some(1.0))
    );
    let found = table(&out);
    let novel = column(&found, "novel").iter().filter(|novel| *novel == "true").count();
    assert_eq!(figures["novelty"].as_f64().unwrap(), novel as f64 / 200.0);
    let mut smiles = column(&found, "smiles");
    smiles.sort();
    smiles.dedup();
    assert_eq!(smiles.len(), 200);
    assert!(bad(&["generate", "--out", text(&out)]).contains("--scaffold"));
}

#[test]
fn a_job_gives_the_commands_bytes_and_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let hits = dir.path().join("hits.smi");
    std::fs::write(&hits, format!("{START}\tindole\n")).unwrap();
    let out = dir.path().join("out.csv");
    good(&[
        "optimize",
        text(&hits),
        "--goal",
        "QED=max",
        "--goal",
        "MolLogP=1..3",
        "--similarity",
        "0.4",
        "--budget",
        "300",
        "--seed",
        "5",
        "--out",
        text(&out),
        "-q",
    ]);
    let server = Server::start_cold(dir.path(), &[]);
    let body = std::fs::read(&hits).unwrap();
    let submit = |query: &str| {
        let path = format!("/v1/jobs/optimize?filename=hits.smi&{query}");
        server.post(&path, "text/plain", &body)
    };
    let goals = format!("goal=QED%3Dmax&goal={}", encoded("MolLogP=1..3"));
    let sent = submit(&format!("{goals}&similarity=0.4&budget=300&seed=5")).expect(202).json();
    let job = server.job(sent["id"].as_str().unwrap());
    assert_eq!(job["state"], "done", "{job}");
    assert_eq!(job["summary"]["scored"], 300);
    assert!(job["summary"]["best"][0]["changed_atoms"].as_array().is_some_and(|a| !a.is_empty()));
    let path = format!("/v1/jobs/{}/files/", job["id"].as_str().unwrap());
    let result = server.get(&format!("{path}result.csv")).expect(200).body;
    assert!(result == std::fs::read(&out).unwrap(), "the job's file is the command's");
    let report = server.get(&format!("{path}report.html")).expect(200);
    assert!(String::from_utf8(report.body).unwrap().contains("Pareto front"));
    for (query, field) in [
        ("", "goal"),
        ("goal=QED", "goal"),
        ("goal=QED%3Dmax&budget=1", "budget"),
        ("goal=QED%3Dmax&similarity=3", "similarity"),
        ("goal=QED%3Dmax&models=nothing", "models"),
        ("goal=QED%3Dmax&forbid_alerts=x", "forbid_alerts"),
        ("goal=QED%3Dmax&scenario=x", "scenario"),
    ] {
        let problem = submit(query).expect(422).json();
        assert!(problem.to_string().contains(field), "{query}: {problem}");
    }
    let long = submit("goal=QED%3Dmax&budget=200000").expect(202).json();
    let id = long["id"].as_str().unwrap();
    server.post(&format!("/v1/jobs/{id}/cancel"), "application/json", b"").expect(200);
    assert_eq!(server.job(id)["state"], "cancelled");
}
