//! Heads behind the shipped encoder, as files.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::path::{Path, PathBuf};

use strata_chem::learn::{
    BoostSettings, Choice, Data, Ensemble, KernelSettings, PartSettings, Recipe, RecipePart, View,
    fit,
};

use super::assay::Molecule;
use super::train::{Aside, Trained};
use super::*;
use crate::screen::Folder;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Molecules of the demo library with their number of heavy atoms, the rarer scaffolds among them.
fn measured(rows: usize, task: Task) -> Assay {
    let text = std::fs::read_to_string(repository().join("datasets/demo-library.smi")).unwrap();
    let featuriser = Featuriser::from_id(DEFAULT_ID).unwrap();
    let read = |line: &str| {
        let mol = strata_chem::Mol::from_smiles(line.split_whitespace().next()?).ok()?;
        let mut features = vec![0.0; featuriser.dim()];
        featuriser.write(&mol, &mut features);
        let atoms = mol.num_atoms() as f64;
        let target = match task {
            Task::Regression => atoms / 10.0,
            Task::Classification => f64::from(u8::from(atoms > 24.0)),
        };
        let scaffold = strata_chem::scaffold::murcko_smiles(&mol).ok()?;
        Some(Molecule { smiles: mol.canonical_smiles(), scaffold, features, target })
    };
    Assay {
        molecules: text.lines().filter_map(read).take(rows).collect(),
        task,
        classes: None,
        rows: rows as u64,
        dropped: Vec::new(),
        merged: 0,
        conflicts: Vec::new(),
        notes: Vec::new(),
    }
}

/// A head of all kinds of parts, two of which see the encoder.
fn recipe(task: Task) -> Recipe {
    let trees = BoostSettings {
        rounds: 8,
        leaves: 4,
        rate: 0.1,
        least: 3,
        features: 0.5,
        rows: 0.8,
        l2: 1.0,
        random_cuts: false,
    };
    let kernel = |view| KernelSettings { tanimoto: 0.4, gamma: 0.4, ridge: 0.03, view };
    let parts = [
        PartSettings::Trees(trees),
        PartSettings::Kernel(kernel(View::Descriptors)),
        PartSettings::Linear { ridge: 1.0, view: View::Descriptors },
        PartSettings::Kernel(kernel(View::Encoder)),
        PartSettings::Linear { ridge: 3.0, view: View::Encoder },
    ];
    let part = |settings: PartSettings| RecipePart { settings, weight: 0.2, affine: (1.1, 0.05) };
    Recipe { task, parts: parts.map(part).into(), last: (0.9, -0.1) }
}

fn trained(assay: &Assay, features: &Features) -> Trained {
    let rows: Vec<usize> = (0..assay.molecules.len()).collect();
    let targets: Vec<f64> = assay.molecules.iter().map(|molecule| molecule.target).collect();
    let weights = vec![1.0; rows.len()];
    let recipe = recipe(assay.task);
    let data = Data {
        table: features.table(),
        rows: &rows,
        targets: &targets,
        weights: &weights,
        task: assay.task,
    };
    let watch = Watch { stop: &AtomicBool::new(false), step: &|_, _| {} };
    let ensemble = Ensemble { recipe: &recipe, members: train::MEMBERS, seed: 0 };
    let head = fit(&data, &ensemble, &watch).unwrap();
    Trained {
        parts: [rows.clone(), vec![0]],
        choice: Choice { recipe, candidates: Vec::new(), chosen: "all".to_owned() },
        figures: Vec::new(),
        aside: vec![Aside { row: 0, predicted: 1.0, half: Some(0.5) }],
        head,
        final_rows: rows,
        interval: None,
        threshold: None,
    }
}

/// The file is the encoder and the head in one graph: `screen`'s way of opening and running it gives the members'
/// answers for every molecule, from its graph and its row.
#[test]
fn a_head_behind_the_encoder_is_one_model() {
    if !strata_core::paths::ort_library().is_ok_and(|path| path.is_file()) {
        strata_testkit::skip("no ONNX Runtime library: run `cargo xtask setup`");
        return;
    }
    let models = Folder::new(Some(&repository().join("shared-models")), 1);
    for (task, name) in [(Task::Regression, "size"), (Task::Classification, "large")] {
        let assay = measured(70, task);
        let encoder = Encoder::find(None, &models).unwrap().unwrap();
        let label = encoder.label();
        let featuriser = Featuriser::from_id(DEFAULT_ID).unwrap();
        let features = Features::of(&assay, featuriser, Some(encoder)).unwrap();
        assert_eq!(features.table().width(), 2158 + 512);
        let trained = trained(&assay, &features);
        let facts = Facts {
            name: name.to_owned(),
            title: name.to_owned(),
            endpoint: name.to_owned(),
            input: "demo".to_owned(),
            data_sha256: digest(&assay),
            featuriser: features.of_head(&trained.head),
            tolerance: TOLERANCE,
            parity: 0.0,
        };
        let dir = tempfile::tempdir().unwrap();
        let options = AdaptOptions { out: dir.path().to_path_buf(), ..AdaptOptions::default() };
        let folder = dir.path().join(name);
        let parity =
            write::write((&assay, &trained, &facts), &features, &options, &folder).unwrap();
        assert!(parity < TOLERANCE, "{parity}");
        let card = std::fs::read_to_string(folder.join("card.toml")).unwrap();
        assert!(card.contains("chemprop-v1-graph/1+ecfp4c-2048+rdkit-110/1"), "{card}");
        assert!(card.contains("f_atoms") && card.contains("[\"molecules\", 2158]"), "{card}");
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        assert!(
            readme.contains(&label) && readme.contains("with the encoder's vector"),
            "{readme}"
        );
        let held = std::fs::read_to_string(folder.join(HELD_OUT)).unwrap();
        assert!(held.ends_with(",1.00000,0.50000,1.50000\n"), "{held}");
    }
}

#[test]
fn without_the_encoder_the_usual_features_are_left() {
    let nowhere = tempfile::tempdir().unwrap();
    let card = nowhere.path().join("no-models");
    let none = Encoder::find(Some(encoder::NONE), &Folder::new(Some(&card), 1)).unwrap();
    assert!(none.is_err_and(|why| why.contains("as asked")));
    let named = Encoder::find(Some("no-such-encoder"), &Folder::new(Some(&card), 1));
    assert!(named.is_err_and(|error| error.to_string().contains("no-such-encoder")));
}
