//! The shipped text models on one thread and on two: articles a second for the retriever, milliseconds a passage for the
//! reader. Prints a line of JSON each. `bench_shipped [ROUNDS]`; needs `STRATA_SHARED` (articles of STARD, policies of NCP).
#![allow(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use strata_core::card::ModelStore;
use strata_core::paths::search_path;
use strata_core::runtime::{Model, OpenOptions, PoolConfig, RunOptions};
use strata_text::embed::{self, Embedder};
use strata_text::reader::{self, SpanReader};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let rounds: usize = std::env::args().nth(1).map_or(Ok(3), |text| text.parse())?;
    let shared = PathBuf::from(std::env::var("STRATA_SHARED").map_err(|_| "set STRATA_SHARED")?);
    let articles = articles(&shared)?;
    for threads in [1, 2] {
        let embedder = Embedder::new(open("gov-retriever", threads)?)?;
        let mut best = f64::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            std::hint::black_box(embedder.passages(&articles, &RunOptions::default())?);
            best = best.min(start.elapsed().as_secs_f64());
        }
        let rate = articles.len() as f64 / best;
        println!(
            "{}",
            json!({ "what": "gov-retriever", "threads": threads, "articles": articles.len(), "articles_per_second": rate })
        );
    }
    let reader = SpanReader::new(open("gov-reader", 1)?)?;
    let pairs = pairs(&shared)?;
    let mut times: Vec<f64> = Vec::new();
    for (question, passage) in &pairs {
        let mut best = f64::MAX;
        for _ in 0..rounds {
            let start = Instant::now();
            std::hint::black_box(reader.read(question, passage, 1, &RunOptions::default())?);
            best = best.min(start.elapsed().as_secs_f64() * 1e3);
        }
        times.push(best);
    }
    times.sort_by(f64::total_cmp);
    let characters: usize = pairs.iter().map(|(_, passage)| passage.chars().count()).sum();
    println!(
        "{}",
        json!({
            "what": "gov-reader", "passages": pairs.len(), "characters_mean": characters / pairs.len().max(1),
            "ms_median": times.get(times.len() / 2), "ms_p95": times.get(times.len() * 95 / 100),
        })
    );
    Ok(())
}

fn open(name: &str, sessions: usize) -> Result<Arc<Model>, Failure> {
    let store = ModelStore::new(search_path(None));
    let card = store.card(name)?;
    let options = OpenOptions {
        pool: PoolConfig { sessions, ..PoolConfig::default() },
        featuriser: embed::featuriser_of(&card).or_else(|| reader::featuriser_of(&card)),
        ..OpenOptions::default()
    };
    Ok(Arc::new(Model::open(card, store.search(), &options)?))
}

fn read(path: &Path) -> Result<String, Failure> {
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text)?;
    }
    Ok(text)
}

fn articles(shared: &Path) -> Result<Vec<String>, Failure> {
    let text = read(&shared.join("data/gov/stard/corpus.jsonl.gz"))?;
    let part = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let article = |line: &str| -> Result<String, Failure> {
        let row: Value = serde_json::from_str(line)?;
        Ok(format!("{}。{}", part(&row, "name"), part(&row, "text")))
    };
    text.lines().step_by(3).map(article).collect()
}

/// Questions over encyclopaedia paragraphs of some 500 characters.
fn pairs(shared: &Path) -> Result<Vec<(String, String)>, Failure> {
    let all: Value =
        serde_json::from_str(&read(&shared.join("data/gov/cmrc2018/cmrc2018_dev.json"))?)?;
    let mut found = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let rows = all.get("data").map_or_else(|| list(&all), list);
    for row in rows.iter().take(200) {
        let paragraphs = row.get("paragraphs").map_or_else(|| vec![row.clone()], list);
        for paragraph in paragraphs {
            let context =
                ["context", "context_text"].iter().find_map(|key| paragraph[*key].as_str());
            let question = paragraph["qas"][0].as_object().and_then(|asked| {
                ["question", "query_text"].iter().find_map(|key| asked.get(*key)?.as_str())
            });
            if let (Some(context), Some(question)) = (context, question) {
                found.push((question.to_owned(), context.to_owned()));
            }
        }
    }
    if found.is_empty() { Err("no question in cmrc2018_dev.json".into()) } else { Ok(found) }
}
