//! Features of the passages found for questions, as JSON lines: what `python -m strata_training gov-choice` fits the weights on.
//!
//! ```text
//! choose_features INDEX QUESTIONS MODELS [--within]
//! ```
//! A question is `{"id", "question", "relevant": [id, …]}`; with `--within` its search is kept to the works of the right documents, where
//! passages are told apart that have most of their words in common.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use strata_core::card::ModelStore;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, RunOptions};
use strata_text::choose::{AMONG, Candidate, Choice, NAMES, describe, literal};
use strata_text::date::Date;
use strata_text::embed::{self, Embedder};
use strata_text::index::{Filter, Index, Query, Viewer};

fn embedder(models: &Path) -> Result<Embedder> {
    let store = ModelStore::new(SearchPath::only(models));
    let card = store.card("gov-retriever")?;
    let featuriser = embed::featuriser_of(&card);
    let options = OpenOptions { featuriser, ..OpenOptions::default() };
    Ok(Embedder::new(Arc::new(Model::open(card, store.search(), &options)?))?)
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().flat_map(words).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let within = args.iter().any(|arg| arg == "--within");
    let index = Index::open(Path::new(args.first().context("INDEX")?))?;
    let embedder = embedder(Path::new(args.get(2).context("MODELS")?))?;
    let (snapshot, run, viewer) = (index.snapshot(), RunOptions::default(), Viewer::everything());
    let any_day = Date::new(2026, 1, 1).context("a day")?;
    let (mut reading, mut describing, mut asked) = (0.0, 0.0, 0.0);
    for line in std::fs::read_to_string(args.get(1).context("QUESTIONS")?)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let question = row["question"].as_str().context("question")?;
        let relevant: Vec<String> =
            ["relevant", "doc", "docid"].iter().flat_map(|key| words(&row[*key])).collect();
        let mut filter = Filter::new(viewer.clone(), any_day);
        filter.include_not_in_force = true;
        if within {
            let works = relevant.iter().filter_map(|id| snapshot.summary(id, &viewer));
            filter.works = works.map(|summary| summary.work).collect();
        }
        let vector = embedder.query(question, &run)?;
        let query = Query {
            vector: Some(&vector),
            top: AMONG,
            depth: 1000,
            fusion: embedder.fusion().unwrap_or_default(),
            ..Query::new(question, filter)
        };
        let hits = snapshot.search(&query)?;
        let started = Instant::now();
        let mut documents = Vec::new();
        for hit in &hits {
            documents.push(snapshot.document(&hit.doc, &viewer)?.context("a document")?);
        }
        reading += started.elapsed().as_secs_f64();
        let started = Instant::now();
        let passages: Vec<Candidate<'_>> = hits
            .iter()
            .zip(&documents)
            .map(|(hit, document)| Candidate {
                hit,
                text: document.units[hit.unit].span.of(&document.text).unwrap_or_default(),
            })
            .collect();
        let idf = |token: &str| snapshot.idf(&viewer, token).unwrap_or(0.0);
        let rows = describe(question, &passages, &idf);
        describing += started.elapsed().as_secs_f64();
        asked += 1.0;
        let right: Vec<bool> =
            hits.iter().map(|hit| relevant.contains(&hit.doc.to_string())).collect();
        let order = Choice::shipped().map(|choice| choice.order(question, &passages, &idf));
        let features = rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
        let id = &row["id"];
        println!(
            "{}",
            json!({"id": id, "names": NAMES, "literal": literal(&passages), "rows": features, "right": right, "order": order})
        );
    }
    let each = |sum: f64| sum / asked * 1e3;
    eprintln!(
        "{asked} questions: documents {:.2} ms, features {:.2} ms each",
        each(reading),
        each(describing)
    );
    Ok(())
}
