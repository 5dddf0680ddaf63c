//! Descriptors, QED and alerts of molecules, from SMILES.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::{MolProfile, NAMES};
use strata_chem::{Mol, qed};
use strata_testkit::bench::{Stopwatch, first_words, report, since_start, write_answers};

use crate::Outcome;

/// An answer is the descriptors in the order of `descriptors::NAMES`, QED, and the names of PAINS and Brenk rules.
pub(crate) fn run(file: &str, count: usize, answers: &str) -> Outcome {
    let smiles = first_words(Path::new(file), count)?;
    // Reading the catalogue's patterns is part of the start, as it is of the peer's.
    let catalog = AlertCatalog::builtin(&["pains", "brenk"])?;
    let (mut found, mut first) = (Vec::with_capacity(count), None);
    let mut stages = [0.0; 4];
    let watch = Stopwatch::start();
    for text in &smiles {
        let start = Instant::now();
        let Ok(mol) = Mol::from_smiles(text) else {
            found.push(None);
            continue;
        };
        let parsed = Instant::now();
        let mut row = vec![0.0; NAMES.len()];
        let profile = MolProfile::new(&mol);
        profile.descriptors(&mut row);
        let described = Instant::now();
        let qed = qed::qed_of(&profile);
        let judged = Instant::now();
        let mut names: Vec<&str> = catalog.hits(&mol).iter().map(|a| a.name.as_str()).collect();
        names.sort_unstable();
        stages[0] += (parsed - start).as_secs_f64();
        stages[1] += (described - parsed).as_secs_f64();
        stages[2] += (judged - described).as_secs_f64();
        stages[3] += judged.elapsed().as_secs_f64();
        found.push(Some((row, qed, names)));
        first = first.or_else(since_start);
    }
    let times = watch.seconds();
    let answer = |one: &Option<(Vec<f64>, f64, Vec<&str>)>| match one {
        // What is not finite has no place in JSON: null, on both sides.
        Some((row, qed, names)) => json!([row, qed, names]),
        None => Value::Null,
    };
    write_answers(Path::new(answers), &found.iter().map(answer).collect::<Vec<_>>())?;
    let [parse, descriptors, qed, alerts] = stages;
    report(
        smiles.len(),
        times,
        &[
            ("first_answer_seconds", json!(first)),
            ("parse_seconds", json!(parse)),
            ("descriptors_seconds", json!(descriptors)),
            ("qed_seconds", json!(qed)),
            ("alerts_seconds", json!(alerts)),
        ],
    );
    Ok(())
}
