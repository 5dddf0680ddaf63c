//! `strata-drug` in a soak: predictions, searches, drawings, inference; screens and optimisations as jobs.

use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::{Ask, Asking, Disk, Like, Part, Site, Unit, made, text};
use crate::soak::work::Job;

const QUERY: &str = "CC(C)Cc1ccc(cc1)C(C)C(=O)O";

pub(super) fn part(site: &Site, folder: &Path, disk: &Disk) -> Result<Part> {
    let library = text(&folder.join("library.sfp"));
    made(site, "drug", &["index", "datasets/demo-library.smi", "--out", &library, "--quiet"])?;
    Ok(Part {
        name: "drug",
        args: vec![
            "--drug-libraries".to_owned(),
            library,
            "--jobs-dir".to_owned(),
            text(&disk.folder().join("jobs")),
            "--models-control=true".to_owned(),
        ],
        models: &["esol", "lipophilicity", "bbbp"],
        streams: &[],
        documents: false,
        asks,
        jobs,
    })
}

fn asks(a: &Asking<'_>) -> Result<Vec<Ask>> {
    let molecules = ["CC(=O)Oc1ccccc1C(=O)O", QUERY, "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C1CC"];
    let table = json!({ "smiles": molecules });
    let mut asks = vec![
        a.json("predict", 12, "/v1/predict", &table),
        a.json("predict alone", 8, "/v1/predict", &json!({ "smiles": [QUERY] })),
        a.json("search", 8, "/v1/search", &json!({ "smiles": [QUERY], "top_k": 5 })),
        a.json("substructure", 3, "/v1/substructure", &json!({"smarts": "S(=O)(=O)NC(=O)N"})),
        a.json("standardize", 4, "/v1/standardize", &json!({"smiles": ["CC(=O)[O-].[Na+]"]})),
        a.json("describe", 4, "/v1/describe", &json!({ "smiles": QUERY })),
        a.get("depict", 4, Like::Bytes, "/v1/depict?smiles=c1ccccc1O"),
        a.post(("bad json", 2), "/v1/predict", "application/json", b"{\"smiles\": ["),
        a.json("bad field", 2, "/v1/search", &json!({ "smiles": [QUERY], "top": -1 })),
    ];
    asks.extend(a.infer("esol", ["infer esol", "infer esol, bytes"])?);
    asks.extend(a.infer("lipophilicity", ["infer lipophilicity", "infer lipophilicity, bytes"])?);
    Ok(asks)
}

fn jobs(site: &Site, unit: &Unit) -> Result<Vec<Job>> {
    let library = std::fs::read_to_string(site.root.join("datasets/demo-library.smi"))?;
    let lines: Vec<&str> = library.lines().take(400).collect();
    let input = site.work.join("drug/job.smi");
    std::fs::write(&input, lines.join("\n"))?;
    let out = site.work.join("drug/job.csv");
    let models = text(&site.work.join("models"));
    made(
        site,
        "drug",
        &["screen", &text(&input), "--out", &text(&out), "--quiet", "--models-dir", &models],
    )?;
    let screen = Job::known(
        "screen",
        unit,
        "/v1/jobs/screen?filename=job.smi",
        &std::fs::read(&input)?,
        ("result.csv", std::fs::read(&out)?),
    );
    let optimize = Job::tried(
        "optimize",
        unit,
        "/v1/jobs/optimize?filename=hits.smi&goal=QED%3Dmax&budget=200&seed=1",
        b"COc1ccc(cc1)C(=O)NCCc1c[nH]c2ccccc12 hit\n",
        "result.csv",
    )?;
    Ok(vec![screen, optimize])
}
