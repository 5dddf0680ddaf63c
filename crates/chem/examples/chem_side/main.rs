//! Our side of the suite `drug`: the kit's work on molecules, timed, with its answers written down.
//!
//! `chem_side ecfp FILE COUNT ANSWERS`, `chem_side props FILE COUNT ANSWERS`,
//! `chem_side index FILE COUNT LIBRARY`, `chem_side search LIBRARY FILE QUERIES single|batch ANSWERS`. FILE is SMILES, `.gz`
//! or not, of which COUNT are taken evenly. The peers' programs are in `bench/peers/drug`.

mod properties;
mod search;

use std::path::Path;

use serde_json::{Value, json};
use strata_chem::Mol;
use strata_chem::fingerprint::{EcfpParams, Scratch, ecfp_into};
use strata_testkit::bench::{Stopwatch, first_words, report, since_start, write_answers};

pub(crate) type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["ecfp", file, count, answers] => ecfp(file, count.parse()?, answers),
        ["props", file, count, answers] => properties::run(file, count.parse()?, answers),
        ["index", file, count, library] => {
            search::index(&first_words(Path::new(file), count.parse()?)?, library)
        }
        ["search", library, file, queries, mode, answers] => {
            search::run(library, &first_words(Path::new(file), queries.parse()?)?, mode, answers)
        }
        _ => Err("usage: chem_side ecfp|props|index|search …; see its head".into()),
    }
}

/// Parse, canonical SMILES, ECFP4 of 2,048 bits. An answer is the number of atoms and the fingerprint's checksum.
fn ecfp(file: &str, count: usize, answers: &str) -> Outcome {
    let smiles = first_words(Path::new(file), count)?;
    let params = EcfpParams::default();
    let (mut scratch, mut words) = (Scratch::default(), [0u64; 32]);
    let (mut found, mut first) = (Vec::with_capacity(count), None);
    let mut stages = [0.0; 3];
    let watch = Stopwatch::start();
    for text in &smiles {
        let start = std::time::Instant::now();
        let Ok(mol) = Mol::from_smiles(text) else {
            found.push(None);
            continue;
        };
        let parsed = std::time::Instant::now();
        let canonical = mol.canonical_smiles();
        let written = std::time::Instant::now();
        ecfp_into(&mol, &params, &mut scratch, &mut words);
        stages[0] += (parsed - start).as_secs_f64();
        stages[1] += (written - parsed).as_secs_f64();
        stages[2] += written.elapsed().as_secs_f64();
        found.push(Some((mol.num_atoms(), canonical, words)));
        first = first.or_else(since_start);
    }
    let times = watch.seconds();
    let answer = |one: &Option<(usize, String, [u64; 32])>| match one {
        Some((atoms, _, words)) => {
            let mut crc = flate2::Crc::new();
            words.iter().for_each(|word| crc.update(&word.to_le_bytes()));
            json!([atoms, crc.sum()])
        }
        None => Value::Null,
    };
    write_answers(Path::new(answers), &found.iter().map(answer).collect::<Vec<_>>())?;
    let [parse, canonical, ecfp4] = stages;
    report(
        smiles.len(),
        times,
        &[
            ("first_answer_seconds", json!(first)),
            ("parse_seconds", json!(parse)),
            ("canonical_seconds", json!(canonical)),
            ("ecfp4_seconds", json!(ecfp4)),
        ],
    );
    Ok(())
}
