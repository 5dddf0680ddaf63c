//! Articles into an index, from the file to what can be searched.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use strata_core::runtime::RunOptions;
use strata_testkit::bench::{Stopwatch, lines, report, write_answers};
use strata_text::document::{Document, DocumentKind, Unit, UnitKind};
use strata_text::embed::Embedder;
use strata_text::index::{EmbeddingIdentity, Index, IndexConfig, Prepared};
use strata_text::span::Span;

/// Articles whose vectors are made at a time.
const BATCH: usize = 512;
/// Questions asked of the new index.
const ASKED: usize = 50;

/// An index without vectors; answers are what some questions find in it.
pub(crate) fn words(
    folder: &str,
    articles: &str,
    count: usize,
    (questions, answers): (&str, &str),
) -> Result<()> {
    let watch = Stopwatch::start();
    let index = Index::create(Path::new(folder), &IndexConfig::default())?;
    let mut writer = index.writer()?;
    let documents = read(articles, count)?;
    let taken = documents.len();
    for document in documents {
        writer.put(&Prepared { document, vectors: None, digest: [0; 32] })?;
    }
    writer.commit()?;
    let took = watch.seconds();
    let snapshot = index.snapshot();
    let asked = super::questions(questions)?;
    let found: Vec<Value> = asked
        .iter()
        .take(ASKED)
        .map(|question| super::by_words(&snapshot, question))
        .collect::<Result<_>>()?;
    write_answers(Path::new(answers), &found)?;
    report(taken, took, &[("index_mb", json!(snapshot.stats().bytes as f64 / 1e6))]);
    Ok(())
}

/// An index with the vectors of the shipped retriever; the answer is how many passages it holds.
pub(crate) fn vectors(
    folder: &str,
    articles: &str,
    (count, threads): (usize, usize),
    answers: &str,
) -> Result<()> {
    let embedder = super::embedder(threads)?;
    let watch = Stopwatch::start();
    let embedding = EmbeddingIdentity {
        name: super::MODEL.to_owned(),
        sha256: String::new(),
        dim: embedder.dim(),
    };
    let config = IndexConfig { embedding: Some(embedding), ..IndexConfig::default() };
    let index = Index::create(Path::new(folder), &config)?;
    let mut writer = index.writer()?;
    let documents = read(articles, count)?;
    let taken = documents.len();
    let (mut model, mut rest) = (0.0, documents.into_iter());
    loop {
        let batch: Vec<Document> = rest.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let start = std::time::Instant::now();
        let rows = rows(&embedder, &batch)?;
        model += start.elapsed().as_secs_f64();
        for (document, vectors) in batch.into_iter().zip(rows) {
            writer.put(&Prepared { document, vectors: Some(vectors), digest: [0; 32] })?;
        }
    }
    writer.commit()?;
    let took = watch.seconds();
    let stats = index.snapshot().stats();
    write_answers(Path::new(answers), &[json!(taken)])?;
    let further =
        [("index_mb", json!(stats.bytes as f64 / 1e6)), ("vectors_seconds", json!(model))];
    report(taken, took, &further);
    Ok(())
}

fn rows(embedder: &Embedder, batch: &[Document]) -> Result<Vec<Vec<f32>>> {
    let texts: Vec<String> = batch.iter().map(|one| one.passage(0)).collect();
    let numbers = embedder.passages(&texts, &RunOptions::default())?;
    Ok(numbers.chunks_exact(embedder.dim()).map(<[f32]>::to_vec).collect())
}

/// The first articles of a file, each a document of one passage.
fn read(path: &str, count: usize) -> Result<Vec<Document>> {
    let article = |line: &String| -> Result<Document> {
        let row: Value = serde_json::from_str(line)?;
        let part = |key: &str| row[key].as_str().map(str::to_owned).with_context(|| key.to_owned());
        let text = part("text")?;
        let span = Span::new(0, text.len());
        Ok(Document {
            id: row["id"].to_string(),
            title: part("name")?,
            kind: DocumentKind::Law,
            text,
            units: vec![Unit { kind: UnitKind::Article, span, ..Unit::default() }],
            ..Document::default()
        })
    };
    let lines = lines(Path::new(path)).with_context(|| path.to_owned())?;
    lines.iter().take(count).map(article).collect()
}
