//! Our side of the suite `gov`: articles taken into an index, and questions asked of it.
//!
//! ```text
//! bench_words index INDEX ARTICLES COUNT QUESTIONS ANSWERS    # by words alone
//! bench_words ingest INDEX ARTICLES COUNT THREADS ANSWERS     # with vectors of the shipped retriever
//! bench_words words INDEX QUESTIONS ANSWERS                   # questions by words
//! bench_words ask INDEX QUESTIONS ANSWERS                     # questions by words and vectors, fused
//! ```
//! ARTICLES has a line of JSON an article (`id`, `name`, `text`), `.gz` or not; QUESTIONS a line of JSON a question (`question`). An
//! answer to a question is the scores of its ten best articles and the articles' ids. The peer is `bench/peers/text/bm25.py`.

mod ingest;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use strata_core::card::ModelStore;
use strata_core::paths::search_path;
use strata_core::runtime::{Model, OpenOptions, PoolConfig, RunOptions};
use strata_testkit::bench::{Stopwatch, lines, percentile, report, since_start, write_answers};
use strata_text::date::Date;
use strata_text::embed::{self, Embedder};
use strata_text::index::{Filter, Index, Query, Snapshot, Viewer};

/// The retriever that is shipped.
const MODEL: &str = "gov-retriever";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["index", index, articles, count, questions, answers] => {
            ingest::words(index, articles, count.parse()?, (questions, answers))
        }
        ["ingest", index, articles, count, threads, answers] => {
            ingest::vectors(index, articles, (count.parse()?, threads.parse()?), answers)
        }
        ["words", index, questions, answers] => words(index, questions, answers),
        ["ask", index, questions, answers] => ask(index, questions, answers),
        _ => bail!("usage: bench_words index|ingest|words|ask …; see its head"),
    }
}

/// The texts of a file of questions.
fn questions(path: &str) -> Result<Vec<String>> {
    let question = |line: &String| -> Result<String> {
        let row: Value = serde_json::from_str(line)?;
        Ok(row["question"].as_str().context("no question")?.to_owned())
    };
    lines(Path::new(path)).with_context(|| path.to_owned())?.iter().map(question).collect()
}

/// The model that makes vectors.
fn embedder(sessions: usize) -> Result<Embedder> {
    let store = ModelStore::new(search_path(None));
    let card = store.card(MODEL)?;
    let options = OpenOptions {
        pool: PoolConfig { sessions, ..PoolConfig::default() },
        featuriser: embed::featuriser_of(&card),
        ..OpenOptions::default()
    };
    Ok(Embedder::new(Arc::new(Model::open(card, store.search(), &options)?))?)
}

/// What a question finds: ten scores and ten ids.
fn found(snapshot: &Snapshot, query: &Query<'_>) -> Result<Value> {
    let hits = snapshot.search(query)?;
    let scores = hits.iter().map(|hit| json!(hit.score));
    Ok(Value::Array(scores.chain(hits.iter().map(|hit| json!(&*hit.doc))).collect()))
}

/// The ten best by words.
fn by_words(snapshot: &Snapshot, question: &str) -> Result<Value> {
    let day = Date::new(2025, 1, 1).context("a day")?;
    found(snapshot, &Query::new(question, Filter::new(Viewer::everything(), day)))
}

fn words(index: &str, questions_file: &str, answers: &str) -> Result<()> {
    let index = Index::open(Path::new(index))?;
    let snapshot = index.snapshot();
    measured(&questions(questions_file)?, answers, |question| by_words(&snapshot, question))
}

fn ask(index: &str, questions_file: &str, answers: &str) -> Result<()> {
    let index = Index::open(Path::new(index))?;
    let (snapshot, embedder) = (index.snapshot(), embedder(1)?);
    let fusion = embedder.fusion().unwrap_or_default();
    let day = Date::new(2025, 1, 1).context("a day")?;
    measured(&questions(questions_file)?, answers, |question| {
        let vector = embedder.query(question, &RunOptions::default())?;
        let filter = Filter::new(Viewer::everything(), day);
        found(&snapshot, &Query { vector: Some(&vector), fusion, ..Query::new(question, filter) })
    })
}

/// Asks every question once, after one that warms up.
fn measured(
    questions: &[String],
    answers: &str,
    mut ask: impl FnMut(&str) -> Result<Value>,
) -> Result<()> {
    ask(questions.first().context("no questions")?)?;
    let first = since_start();
    let (mut all, mut times) = (Vec::new(), Vec::new());
    let watch = Stopwatch::start();
    for question in questions {
        let start = Instant::now();
        all.push(ask(question)?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let took = watch.seconds();
    write_answers(Path::new(answers), &all)?;
    let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|share| json!(percentile(&mut times, share)));
    let first = json!(first);
    report(
        questions.len(),
        took,
        &[("p50_ms", p50), ("p95_ms", p95), ("p99_ms", p99), ("first_answer_seconds", first)],
    );
    Ok(())
}
