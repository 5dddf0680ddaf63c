//! A library made; the hundred most similar molecules of a library, one query after the other or all at once.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use strata_chem::Mol;
use strata_chem::arena::{Hit, Search};
use strata_chem::db::{FingerprintSpec, Library, LibraryBuilder, build_options, entry};
use strata_testkit::bench::{Stopwatch, percentile, report, since_start, write_answers};

use crate::Outcome;

/// Makes a library as `strata-drug index` does.
pub(crate) fn index(smiles: &[String], path: &str) -> Outcome {
    let spec = FingerprintSpec::default();
    let mut builder = LibraryBuilder::new(Path::new(path), build_options(&spec)?)?;
    for (number, text) in smiles.iter().enumerate() {
        let mol = Mol::from_smiles(text);
        let mol = mol.as_ref().map_err(|_| ("parse", "not readable"));
        builder.push(&entry(&number.to_string(), Some(text), mol, &spec))?;
    }
    Ok(builder.finish()?)
}

/// An answer is a query's hundred scores, descending.
pub(crate) fn run(library: &str, queries: &[String], mode: &str, answers: &str) -> Outcome {
    let library = Library::open(Path::new(library))?;
    let spec = library.fingerprint_spec()?;
    let mols: Vec<Mol> =
        queries.iter().map(|text| Mol::from_smiles(text)).collect::<Result<_, _>>()?;
    let fingerprints: Vec<Vec<u64>> = mols.iter().map(|mol| spec.compute(mol)).collect();
    let search = Search { top_k: Some(100), ..Search::default() };
    let arena = library.arena();
    let mut first = None;
    let mut each = Vec::new();
    let watch = Stopwatch::start();
    let hits: Vec<Vec<Hit>> = if mode == "batch" {
        // The pool has as many threads as the harness allows.
        arena.search_batch(&fingerprints, &search)?
    } else {
        let mut all = Vec::new();
        for fingerprint in &fingerprints {
            let start = Instant::now();
            all.push(arena.search(fingerprint, &search)?);
            each.push(start.elapsed().as_secs_f64() * 1e3);
            first = first.or_else(since_start);
        }
        all
    };
    let times = watch.seconds();
    let first = first.or_else(since_start);
    let rows: Vec<_> =
        hits.iter().map(|one| json!(one.iter().map(|hit| hit.score).collect::<Vec<_>>())).collect();
    write_answers(Path::new(answers), &rows)?;
    let comparisons = (library.len() * queries.len()) as f64;
    let mut further = vec![
        ("first_answer_seconds", json!(first)),
        ("molecules", json!(library.len())),
        ("ns_a_comparison", json!(times.0 * 1e9 / comparisons)),
    ];
    if !each.is_empty() {
        for (name, share) in [("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)] {
            further.push((name, json!(percentile(&mut each, share))));
        }
    }
    report(queries.len(), times, &further);
    Ok(())
}
