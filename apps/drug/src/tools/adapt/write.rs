//! The folder of an adapted model: written beside its place, opened as `screen` opens it, compared, and put there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use ndarray::ArrayView2;
use strata_chem::arena::DomainSet;
use strata_chem::arena::domain::DomainRecord;
use strata_chem::graph_features::chemprop::{ATOM_FEATURES, BOND_FEATURES, ChempropBatch};
use strata_core::runtime::RunOptions;

use super::assay::{Assay, Molecule};
use super::encoder::graphs;
use super::graph::{INPUT, OUTPUT};
use super::train::{Aside, Trained};
use super::{AdaptOptions, COUNTS, Facts, Features, card, graph};
use crate::screen::{Folder, Molecules, load_models};
use crate::tools::ToolError;

/// Morgan radius of the fingerprints.
const RADIUS: u32 = 2;
/// Molecules of the golden example.
const GOLDEN: usize = 8;
/// Molecules compared at a time.
const COMPARED: usize = 256;
/// The table of the molecules that were set aside.
pub(crate) const HELD_OUT: &str = "held-out.csv";

/// Writes the model beside its place, opens it as `screen` does, compares, and puts it there. The largest difference.
pub(super) fn write(
    (assay, trained, facts): (&Assay, &Trained, &Facts),
    features: &Features,
    options: &AdaptOptions,
    folder: &Path,
) -> Result<f64, ToolError> {
    let out = &options.out;
    std::fs::create_dir_all(out).map_err(ToolError::io(out))?;
    let beside =
        tempfile::Builder::new().prefix(".adapt-").tempdir_in(out).map_err(ToolError::io(out))?;
    let part = beside.path().join(&facts.name);
    std::fs::create_dir(&part).map_err(ToolError::io(&part))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = part.join(name);
        std::fs::write(&path, bytes).map_err(ToolError::io(&path))
    };
    put(&facts.model_file(), &graph::to_onnx(&trained.head, &facts.name, features)?)?;
    domain(assay, trained, &facts.name, &part.join("domain.bin"))?;
    put("golden.json", golden(assay, trained, features)?.as_bytes())?;
    put(HELD_OUT, held_out(&assay.molecules, &trained.aside).as_bytes())?;
    let card = card::card((assay, trained, facts), features, options, &part)?;
    put("card.toml", card.as_bytes())?;
    let parity = compare((assay, trained, facts), features, beside.path())?;
    let known = Facts { parity, ..facts.clone() };
    let readme = card::readme((assay, trained, &known), features, options);
    put("README.md", readme.as_bytes())?;
    if folder.exists() {
        // Out of the way rather than deleted: it goes with the temporary folder once the new one is there.
        std::fs::rename(folder, beside.path().join(".before")).map_err(ToolError::io(folder))?;
    }
    std::fs::rename(&part, folder).map_err(ToolError::io(folder))?;
    Ok(parity)
}

/// Fingerprints of the molecules that were trained on, each once.
fn domain(assay: &Assay, trained: &Trained, name: &str, path: &Path) -> Result<(), ToolError> {
    let words = |row: &usize| {
        let mut words = vec![0u64; COUNTS / 64];
        let counts = assay.molecules[*row].features[..COUNTS].iter().enumerate();
        counts
            .filter(|(_, count)| **count > 0.0)
            .for_each(|(bit, _)| words[bit / 64] |= 1 << (bit % 64));
        words
    };
    let mut seen = BTreeSet::new();
    let fresh = trained.final_rows.iter().map(words).filter(|words| seen.insert(words.clone()));
    let records: Vec<DomainRecord> = fresh.map(|words| DomainRecord { mask: 1, words }).collect();
    Ok(DomainSet::write(path, (COUNTS, RADIUS), &[name.to_owned()], &records)?)
}

/// Measured and predicted values of the molecules set aside.
fn held_out(molecules: &[Molecule], aside: &[Aside]) -> String {
    let intervals = aside.iter().any(|row| row.half.is_some());
    let mut out = "smiles,measured,predicted".to_owned();
    out += if intervals { ",lo,hi\n" } else { "\n" };
    for row in aside {
        // Canonical SMILES hold no comma and no quote.
        let Molecule { smiles, target, .. } = &molecules[row.row];
        let _ = write!(out, "{smiles},{target},{:.5}", row.predicted);
        if let Some(half) = row.half {
            let _ = write!(out, ",{:.5},{:.5}", row.predicted - half, row.predicted + half);
        }
        out.push('\n');
    }
    out
}

/// The golden example: molecules spread over the data, with the trained head's answers.
fn golden(assay: &Assay, trained: &Trained, features: &Features) -> Result<String, ToolError> {
    let (n, table) = (assay.molecules.len(), features.table());
    let rows: Vec<usize> = (0..GOLDEN).map(|at| at * (n - 1) / (GOLDEN - 1)).collect();
    let width = features.width();
    let values: Vec<f32> =
        rows.iter().flat_map(|&r| table.row(r)[..width].iter().copied()).collect();
    let answers: Vec<f64> =
        rows.iter().flat_map(|&row| trained.head.predict(table.row(row))).collect();
    let molecules: Vec<Molecule> = rows.iter().map(|&row| assay.molecules[row].clone()).collect();
    let smiles: Vec<&str> = molecules.iter().map(|molecule| molecule.smiles.as_str()).collect();
    let mut inputs = serde_json::json!({ INPUT: { "shape": [GOLDEN, width], "data": values } });
    if features.encoder_of(&trained.head).is_some() {
        let batch = ChempropBatch::of(&graphs(&molecules).map_err(ToolError::Record)?);
        let (atoms, bonds) = (batch.atom_mol.len(), batch.bond_source.len());
        inputs["f_atoms"] =
            serde_json::json!({ "shape": [atoms, ATOM_FEATURES], "data": batch.f_atoms });
        inputs["f_bonds"] =
            serde_json::json!({ "shape": [bonds, BOND_FEATURES], "data": batch.f_bonds });
        for (name, data) in [
            ("bond_source", &batch.bond_source),
            ("bond_target", &batch.bond_target),
            ("bond_reverse", &batch.bond_reverse),
            ("atom_mol", &batch.atom_mol),
        ] {
            inputs[name] = serde_json::json!({ "shape": [data.len()], "data": data });
        }
    }
    let json = serde_json::json!({
        "smiles": smiles,
        "inputs": inputs,
        "outputs": { OUTPUT: { "shape": [GOLDEN, trained.head.members], "data": answers } },
    });
    Ok(format!("{json}\n"))
}

/// Opens the model as `screen` does and compares every molecule with the trained head.
fn compare(
    (assay, trained, facts): (&Assay, &Trained, &Facts),
    features: &Features,
    models: &Path,
) -> Result<f64, ToolError> {
    let wrong =
        |text: String| ToolError::Request(format!("the written model was not usable: {text}"));
    let loaded = load_models(std::slice::from_ref(&facts.name), &Folder::new(Some(models), 1))?;
    let [model] = loaded.predictors() else { return Err(wrong("it is not one model".to_owned())) };
    let (table, width) = (features.table(), features.width());
    let sees_graphs = features.encoder_of(&trained.head).is_some();
    let mut largest = 0.0f64;
    for (chunk, molecules) in assay.molecules.chunks(COMPARED).enumerate() {
        let rows: Vec<f32> = molecules.iter().flat_map(|m| m.features.iter().copied()).collect();
        let view = ArrayView2::from_shape((molecules.len(), width), &rows)
            .map_err(|error| wrong(error.to_string()))?;
        let mut answers = vec![0.0f32; molecules.len() * model.width()];
        let graphs = match sees_graphs {
            true => graphs(molecules).map_err(ToolError::Record)?,
            false => Vec::new(),
        };
        let run = model.predict(
            Molecules { rows: view, graphs: &graphs },
            &RunOptions::default(),
            &mut answers,
        );
        run.map_err(|error| wrong(error.message.clone()))?;
        for (at, answers) in answers.chunks(model.width()).enumerate() {
            let row = table.row(chunk * COMPARED + at);
            for (expected, &got) in trained.head.predict(row).into_iter().zip(answers) {
                let difference = (expected - f64::from(got)).abs();
                // Written so that a difference that is no number counts as wrong.
                largest = if difference <= largest { largest } else { difference };
            }
        }
    }
    match largest <= facts.tolerance {
        true => Ok(largest),
        false => Err(wrong(format!("it differs from the trained head by {largest:.2e}"))),
    }
}
