//! Our side: the model under the shipped card, with nothing in it changed but the size and digest of its files.

use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, PoolConfig, RunOptions};
use strata_testkit::bench::{Stopwatch, report, since_start, write_answers};
use strata_text::embed::{Embedder, featuriser_of};

use crate::Failure;

/// Measures: `MODEL_DIR TEXTS THREADS VECTORS [TOKEN_BUDGET]`.
pub(crate) fn main(arguments: &[String]) -> Result<(), Failure> {
    let [folder, texts, threads, vectors, budget @ ..] = arguments else {
        return Err("usage: bench_embed one MODEL_DIR TEXTS THREADS VECTORS [TOKEN_BUDGET]".into());
    };
    let budget = budget.first().map(|text| text.parse::<i64>()).transpose()?;
    let scratch = tempfile::tempdir()?;
    let embedder = open(Path::new(folder), scratch.path(), (threads.parse()?, budget))?;
    let text = std::fs::read_to_string(texts)?;
    let texts: Vec<&str> = text.lines().collect();
    let run = RunOptions::default();
    let mut rows = embedder.passages(&texts[..texts.len().min(64)], &run)?;
    println!("{}", json!({ "peer": "strata", "ready": true }));
    for line in std::io::stdin().lock().lines() {
        line?;
        let (start, cpu) = (Instant::now(), cpu_seconds()?);
        rows = embedder.passages(&texts, &run)?;
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        println!("{}", json!({ "seconds": seconds, "cpu_seconds": cpu, "texts": texts.len() }));
    }
    let bytes: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
    Ok(std::fs::write(vectors, bytes)?)
}

/// A side of a suite: the texts once, after some that warm up. An answer is a text's vector.
pub(crate) fn side(
    folder: &str,
    texts: &str,
    threads: usize,
    answers: &str,
) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let embedder = open(Path::new(folder), scratch.path(), (threads, None))?;
    let text = std::fs::read_to_string(texts)?;
    let texts: Vec<&str> = text.lines().collect();
    let run = RunOptions::default();
    embedder.passages(&texts[..texts.len().min(8)], &run)?;
    let first = since_start();
    let watch = Stopwatch::start();
    let numbers = embedder.passages(&texts, &run)?;
    let took = watch.seconds();
    let rows: Vec<Value> = numbers.chunks_exact(embedder.dim()).map(|row| json!(row)).collect();
    write_answers(Path::new(answers), &rows)?;
    report(texts.len(), took, &[("first_answer_seconds", json!(first))]);
    Ok(())
}

fn open(
    files: &Path,
    scratch: &Path,
    (threads, budget): (usize, Option<i64>),
) -> Result<Embedder, Failure> {
    let shipped =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared-models/bge-small-zh/card.toml");
    let mut card: toml::Table = std::fs::read_to_string(shipped)?.parse()?;
    let folder = scratch.join("bge-small-zh");
    std::fs::create_dir(&folder)?;
    let entries = card.get_mut("files").and_then(toml::Value::as_array_mut).ok_or("no files")?;
    entries.retain(|entry| entry["path"].as_str() != Some("model_quantized.onnx"));
    for entry in entries {
        let name = entry["path"].as_str().unwrap_or_default().to_owned();
        std::fs::copy(files.join(&name), folder.join(&name))?;
        let bytes = std::fs::read(folder.join(&name))?;
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        if let Some(entry) = entry.as_table_mut() {
            entry.insert("bytes".to_owned(), i64::try_from(bytes.len())?.into());
            entry.insert("sha256".to_owned(), digest.into());
        }
    }
    let variants =
        card.get_mut("variants").and_then(toml::Value::as_array_mut).ok_or("variants")?;
    variants.truncate(1);
    if let Some(budget) = budget
        && let Some(table) = card.get_mut("preprocess").and_then(toml::Value::as_table_mut)
    {
        table.insert("token_budget".to_owned(), budget.into());
    }
    std::fs::write(folder.join("card.toml"), toml::to_string(&card)?)?;
    let card = ModelCard::load(&folder)?;
    let options = OpenOptions {
        pool: PoolConfig { sessions: threads, ..PoolConfig::default() },
        featuriser: featuriser_of(&card),
        first_rows: Embedder::first_rows(&card),
        ..OpenOptions::default()
    };
    Ok(Embedder::new(Arc::new(Model::open(card, &SearchPath::only(scratch), &options)?))?)
}

/// Processor time of this process in seconds.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The program's name, in brackets, may hold spaces.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    let used = ticks(11).zip(ticks(12)).ok_or("/proc/self/stat is not as it was")?;
    Ok((used.0 + used.1) / 100.0)
}
