//! Retrieval on STARD: ingestion, memory, latency and quality, as JSON lines. Times are CPU time of one thread, with
//! wall time beside it.
//!
//! ```text
//! bench_retrieval [--model NAME | --dim 256 | --docs FILE --queries FILE] [--tune] [--rows N]
//! ```
//!
//! Needs `STRATA_SHARED` (`data/gov/stard`); without it only `--rows 60000` is measured. `--model` makes the vectors with a
//! model of `shared-models`, on one thread, while the articles are taken in. `--docs` and `--queries` are vectors of the articles and of the questions of
//! `queries.dev.jsonl`, in order: `.npy` of f32, or raw little-endian f32 of `--dim` numbers each. With `--dim` alone
//! vectors are random: for latency. `--tune` scores the training questions under other weights of the fields. `--rows N`
//! measures exact search over N random vectors instead.
#![allow(clippy::print_stdout)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use strata_core::card::ModelStore;
use strata_core::paths::search_path;
use strata_core::runtime::{Model, OpenOptions, RunOptions};
use strata_text::date::Date;
use strata_text::document::{Document, DocumentKind, Unit, UnitKind};
use strata_text::embed::{self, Embedder};
use strata_text::fusion::Fusion;
use strata_text::index::{
    EmbeddingIdentity, Filter, Index, IndexConfig, Prepared, Query, Scoring, Snapshot, Viewer,
};
use strata_text::metrics::{mrr_at, recall_at};
use strata_text::span::Span;

/// Articles whose vectors are made at a time.
const BATCH: usize = 512;

struct Question {
    text: String,
    relevant: BTreeSet<String>,
}

/// Vectors, row by row.
struct Vectors {
    dim: usize,
    numbers: Vec<f32>,
}

impl Vectors {
    fn row(&self, at: usize) -> Option<&[f32]> {
        self.numbers.get(at * self.dim..(at + 1) * self.dim)
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (mut dim, mut docs, mut queries, mut tune, mut rows) = (0_usize, None, None, false, None);
    let mut model = None;
    while let Some(arg) = args.next() {
        let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--dim" => dim = value()?.parse()?,
            "--docs" => docs = Some(PathBuf::from(value()?)),
            "--queries" => queries = Some(PathBuf::from(value()?)),
            "--rows" => rows = Some(value()?.parse::<usize>()?),
            "--model" => model = Some(value()?),
            "--tune" => tune = true,
            other => bail!("{other} is no option"),
        }
    }
    let dir = tempfile::tempdir()?;
    if let Some(rows) = rows {
        return scan(dir.path(), rows, if dim == 0 { 256 } else { dim });
    }
    let Some(shared) = strata_testkit::shared_dir() else {
        let what =
            "articles are not measured: set STRATA_SHARED to a folder holding data/gov/stard";
        strata_testkit::skip(what);
        return scan(dir.path(), 60_000, if dim == 0 { 256 } else { dim });
    };
    let stard = shared.join("data/gov/stard");
    let embedder = model.as_deref().map(embedder).transpose()?;
    let real = embedder.is_some() || (docs.is_some() && queries.is_some());
    let made = match (&embedder, &docs, dim) {
        (Some(embedder), ..) => Made::By(embedder),
        (None, Some(path), _) => Made::Before(read_vectors(path, dim)?),
        (None, None, 0) => Made::None,
        (None, None, dim) => Made::Before(random(60_000, dim)),
    };
    let index = ingest(dir.path(), &stard, &made)?;
    drop(made);
    let snapshot = index.snapshot();
    let dev = questions(&stard.join("queries.dev.jsonl"))?;
    let train = questions(&stard.join("queries.train.jsonl"))?;
    let known: BTreeSet<&String> = train.iter().flat_map(|question| &question.relevant).collect();
    let asked = match (&embedder, &queries, snapshot.stats().dim) {
        (Some(embedder), ..) => Some(question_vectors(embedder, &dev)?),
        (None, Some(path), _) => Some(read_vectors(path, dim)?),
        (None, None, 0) => None,
        (None, None, dim) => Some(random(dev.len(), dim)),
    };
    let unseen = |question: &Question| question.relevant.iter().all(|id| !known.contains(id));
    let lexical = measure(&snapshot, &dev, None, Fusion::default())?;
    report("lexical", &dev, &lexical, &unseen, true);
    if let Some(asked) = &asked {
        for (name, fusion) in [
            ("dense", Fusion::Convex { lexical_weight: 0.0 }),
            ("convex .3", Fusion::Convex { lexical_weight: 0.3 }),
            ("adaptive", Fusion::default()),
            ("rrf", Fusion::Rrf { k: 60.0 }),
        ] {
            let found = measure(&snapshot, &dev, Some(asked), fusion)?;
            report(name, &dev, &found, &unseen, real);
        }
    }
    let (open, cpu) = (Instant::now(), thread_cpu());
    drop(Index::open(dir.path())?);
    let (open, cpu) = (open.elapsed().as_secs_f64(), (thread_cpu() - cpu).as_secs_f64());
    println!("{}", json!({"open_s": open, "open_cpu_s": cpu, "peak_mb": peak_mb()}));
    add_ten(&index)?;
    if tune {
        weights(&snapshot, &train)?;
    }
    Ok(())
}

fn lines(path: &Path) -> Result<impl Iterator<Item = Result<Value>>> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let reader: Box<dyn Read> = match path.extension().is_some_and(|e| e == "gz") {
        true => Box::new(flate2::read::GzDecoder::new(file)),
        false => Box::new(file),
    };
    Ok(BufReader::new(reader).lines().map(|line| Ok(serde_json::from_str(&line?)?)))
}

fn questions(path: &Path) -> Result<Vec<Question>> {
    lines(path)?
        .map(|line| {
            let line = line?;
            let text = line["question"].as_str().context("question")?.to_owned();
            let relevant = line["relevant"].as_array().context("relevant")?;
            Ok(Question { text, relevant: relevant.iter().map(ToString::to_string).collect() })
        })
        .collect()
}

/// An article as a document of one passage, as the record of a corpus is read.
fn article(line: &Value) -> Result<Document> {
    let text = line["text"].as_str().context("text")?.to_owned();
    let span = Span::new(0, text.len());
    let unit = Unit { kind: UnitKind::Article, span, ..Unit::default() };
    Ok(Document {
        id: line["id"].to_string(),
        title: line["name"].as_str().context("name")?.to_owned(),
        kind: DocumentKind::Law,
        text,
        units: vec![unit],
        ..Document::default()
    })
}

/// A model that is shipped, on one thread.
fn embedder(name: &str) -> Result<Embedder> {
    let store = ModelStore::new(search_path(None));
    let card = store.card(name)?;
    let options = OpenOptions { featuriser: embed::featuriser_of(&card), ..OpenOptions::default() };
    Ok(Embedder::new(Arc::new(Model::open(card, store.search(), &options)?))?)
}

/// Where the articles' vectors come from.
enum Made<'a> {
    None,
    Before(Vectors),
    By(&'a Embedder),
}

impl Made<'_> {
    fn dim(&self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Before(vectors) => Some(vectors.dim),
            Self::By(embedder) => Some(embedder.dim()),
        }
    }

    /// The vectors of some articles, the first of which has this number.
    fn rows(&self, first: usize, documents: &[Document]) -> Result<Vec<Option<Vec<f32>>>> {
        match self {
            Self::None => Ok(vec![None; documents.len()]),
            Self::Before(vectors) => (first..first + documents.len())
                .map(|at| Ok(Some(vectors.row(at).context("too few vectors")?.to_vec())))
                .collect(),
            Self::By(embedder) => {
                let texts: Vec<String> = documents.iter().map(|one| one.passage(0)).collect();
                let numbers = embedder.passages(&texts, &RunOptions::default())?;
                Ok(numbers.chunks_exact(embedder.dim()).map(|row| Some(row.to_vec())).collect())
            }
        }
    }
}

fn config(dim: Option<usize>) -> IndexConfig {
    let embedding =
        dim.map(|dim| EmbeddingIdentity { name: "bench".into(), sha256: String::new(), dim });
    IndexConfig { embedding, ..IndexConfig::default() }
}

fn ingest(dir: &Path, stard: &Path, made: &Made<'_>) -> Result<Index> {
    let documents: Vec<Document> = lines(&stard.join("corpus.jsonl.gz"))?
        .map(|line| article(&line?))
        .collect::<Result<_>>()?;
    let index = Index::create(dir, &config(made.dim()))?;
    let mut writer = index.writer()?;
    let (wall, cpu, before) = (Instant::now(), thread_cpu(), peak_mb());
    let count = documents.len();
    let mut rest = documents.into_iter();
    for first in (0..count).step_by(BATCH) {
        let batch: Vec<Document> = rest.by_ref().take(BATCH).collect();
        let rows = made.rows(first, &batch)?;
        for (document, vectors) in batch.into_iter().zip(rows) {
            writer.put(&Prepared { document, vectors, digest: [0; 32] })?;
        }
    }
    writer.commit()?;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), (thread_cpu() - cpu).as_secs_f64());
    let stats = index.snapshot().stats();
    println!(
        "{}",
        json!({
            "documents": count, "cpu_s": cpu, "wall_s": wall,
            "documents_per_cpu_s": count as f64 / cpu, "disk_mb": stats.bytes as f64 / 1e6,
            "segments": stats.segments, "peak_mb_before": before, "peak_mb": peak_mb(),
        })
    );
    Ok(index)
}

fn filter() -> Result<Filter> {
    Ok(Filter::new(Viewer::everything(), Date::new(2025, 1, 1).context("a day")?))
}

struct Found {
    ranked: Vec<Vec<String>>,
    cpu: Vec<f64>,
    wall: Vec<f64>,
}

fn measure(
    snapshot: &Snapshot,
    questions: &[Question],
    vectors: Option<&Vectors>,
    fusion: Fusion,
) -> Result<Found> {
    let mut found = Found { ranked: Vec::new(), cpu: Vec::new(), wall: Vec::new() };
    let base = Query { top: 100, depth: 100, fusion, ..Query::new("", filter()?) };
    snapshot.search(&Query { text: "劳动", ..base.clone() })?;
    for (at, question) in questions.iter().enumerate() {
        let vector = vectors.and_then(|vectors| vectors.row(at));
        let query = Query { text: &question.text, vector, ..base.clone() };
        let (wall, cpu) = (Instant::now(), thread_cpu());
        let hits = snapshot.search(&query)?;
        found.cpu.push((thread_cpu() - cpu).as_secs_f64() * 1e3);
        found.wall.push(wall.elapsed().as_secs_f64() * 1e3);
        found.ranked.push(hits.iter().map(|hit| hit.doc.to_string()).collect());
    }
    Ok(found)
}

/// Vectors of questions, made one by one as they are when they are asked.
fn question_vectors(embedder: &Embedder, questions: &[Question]) -> Result<Vectors> {
    let (mut numbers, mut cpu) = (Vec::new(), Vec::new());
    for question in questions {
        let used = thread_cpu();
        numbers.extend(embedder.query(&question.text, &RunOptions::default())?);
        cpu.push((thread_cpu() - used).as_secs_f64() * 1e3);
    }
    let (p50, p99) = (percentile(&cpu, 0.5), percentile(&cpu, 0.99));
    println!("{}", json!({"question_vector_cpu_ms_p50": p50, "question_vector_cpu_ms_p99": p99}));
    Ok(Vectors { dim: embedder.dim(), numbers })
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let values: Vec<f64> = values.flatten().collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn quality<'a>(pairs: impl Iterator<Item = (&'a Question, &'a Vec<String>)> + Clone) -> Value {
    json!({
        "questions": pairs.clone().count(),
        "mrr10": mean(pairs.clone().map(|(q, r)| mrr_at(r, &q.relevant, 10))),
        "recall1": mean(pairs.clone().map(|(q, r)| recall_at(r, &q.relevant, 1))),
        "recall10": mean(pairs.clone().map(|(q, r)| recall_at(r, &q.relevant, 10))),
        "recall100": mean(pairs.map(|(q, r)| recall_at(r, &q.relevant, 100))),
    })
}

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

fn report(
    name: &str,
    questions: &[Question],
    found: &Found,
    unseen: &dyn Fn(&Question) -> bool,
    meaningful: bool,
) {
    let pairs = questions.iter().zip(&found.ranked);
    let mut line = json!({
        "retriever": name,
        "cpu_ms_p50": percentile(&found.cpu, 0.5), "cpu_ms_p99": percentile(&found.cpu, 0.99),
        "wall_ms_p50": percentile(&found.wall, 0.5), "wall_ms_p99": percentile(&found.wall, 0.99),
    });
    if meaningful {
        line["all"] = quality(pairs.clone());
        line["gold_unseen_in_train"] = quality(pairs.filter(|(question, _)| unseen(question)));
    }
    println!("{line}");
}

/// Ten documents more, in a commit of their own.
fn add_ten(index: &Index) -> Result<()> {
    let dim = index.snapshot().stats().dim;
    let mut writer = index.writer()?;
    let (wall, cpu) = (Instant::now(), thread_cpu());
    for number in 0..10 {
        let line = json!({"id": format!("new-{number}"), "name": "新规定", "text": "新的规定。"});
        let vectors = (dim > 0).then(|| random(1, dim).numbers);
        writer.put(&Prepared { document: article(&line)?, vectors, digest: [0; 32] })?;
    }
    writer.commit()?;
    let cpu = (thread_cpu() - cpu).as_secs_f64();
    println!("{}", json!({"ten_more_cpu_s": cpu, "ten_more_s": wall.elapsed().as_secs_f64()}));
    Ok(())
}

/// Quality on the training questions under other weights.
fn weights(snapshot: &Snapshot, train: &[Question]) -> Result<()> {
    for k1 in [0.9, 1.2, 1.6] {
        for b in [0.3, 0.5, 0.75] {
            for title in [0.5, 1.0, 2.0] {
                let mut scoring = Scoring { k1, ..Scoring::default() };
                (scoring.b, scoring.title) = (b, title);
                let other = snapshot.with_scoring(scoring)?;
                let found = measure(&other, train, None, Fusion::default())?;
                let quality = quality(train.iter().zip(&found.ranked));
                println!("{}", json!({"k1": k1, "b": b, "title": title, "train": quality}));
            }
        }
    }
    Ok(())
}

/// Exact search over random vectors.
fn scan(dir: &Path, rows: usize, dim: usize) -> Result<()> {
    let index = Index::create(dir, &config(Some(dim)))?;
    let mut writer = index.writer()?;
    let vectors = random(1000, dim);
    for at in 0..rows.div_ceil(1000) {
        // A thousand passages a document: what is measured are vectors.
        let unit = Unit { kind: UnitKind::Article, span: Span::new(0, 3), ..Unit::default() };
        let units = vec![unit; 1000];
        let document =
            Document { id: at.to_string(), text: "一".into(), units, ..Document::default() };
        let mut numbers = vectors.numbers.clone();
        let sign =
            |bit: usize| if (at * 2_654_435_761) >> (bit % 24) & 1 == 1 { -1.0 } else { 1.0 };
        numbers.iter_mut().enumerate().for_each(|(bit, number)| *number *= sign(bit));
        writer.put(&Prepared { document, vectors: Some(numbers), digest: [0; 32] })?;
    }
    writer.commit()?;
    let asked = random(100, dim);
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    for at in 0..100 {
        let base = Query { top: 100, depth: 100, ..Query::new("", filter()?) };
        let query = Query { vector: asked.row(at), ..base };
        let (start, used) = (Instant::now(), thread_cpu());
        index.snapshot().search(&query)?;
        cpu.push((thread_cpu() - used).as_secs_f64() * 1e3);
        wall.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{}",
        json!({
            "vectors": rows, "dim": dim, "segments": index.snapshot().stats().segments,
            "cpu_ms_p50": percentile(&cpu, 0.5), "cpu_ms_p99": percentile(&cpu, 0.99),
            "wall_ms_p50": percentile(&wall, 0.5), "peak_mb": peak_mb(),
        })
    );
    Ok(())
}

/// Vectors of length 1 whose numbers are close to normal.
fn random(count: usize, dim: usize) -> Vectors {
    let mut dice = strata_testkit::kill::Dice::new(count as u64);
    let mut uniform = || (dice.roll() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let mut numbers = Vec::with_capacity(count * dim);
    for _ in 0..count {
        let row: Vec<f32> = (0..dim).map(|_| uniform() + uniform() + uniform()).collect();
        let length = row.iter().map(|n| n * n).sum::<f32>().sqrt();
        numbers.extend(row.iter().map(|n| n / length));
    }
    Vectors { dim, numbers }
}

fn read_vectors(path: &Path, dim: usize) -> Result<Vectors> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let (dim, body) = match bytes.strip_prefix(b"\x93NUMPY\x01\x00") {
        None => (dim, bytes.as_slice()),
        Some(rest) => {
            let (length, rest) = rest.split_first_chunk::<2>().context("npy header")?;
            let (head, body) =
                rest.split_at_checked(usize::from(u16::from_le_bytes(*length))).context("npy")?;
            let head = std::str::from_utf8(head)?;
            if !head.contains("'<f4'") || head.contains("'fortran_order': True") {
                bail!("{} is no row-major array of f32", path.display());
            }
            let shape = head.split("'shape': (").nth(1).context("npy shape")?;
            let columns = shape.split(')').next().and_then(|shape| shape.split(',').nth(1));
            (columns.context("npy shape")?.trim().parse()?, body)
        }
    };
    let numbers: Vec<f32> =
        body.as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
    if dim == 0 || !numbers.len().is_multiple_of(dim) {
        bail!("{} holds no rows of {dim} numbers; give --dim", path.display());
    }
    Ok(Vectors { dim, numbers })
}

/// CPU time of this thread.
#[allow(unsafe_code, reason = "the standard library has no clock of a thread's CPU time")]
fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, which is valid for writes and outlives it.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "this system has no clock of a thread's CPU time");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Most memory that the process had, mapped files it touched included (Linux; zero elsewhere).
fn peak_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.trim().split(' ').next()?.parse::<f64>().ok());
    kb.unwrap_or_default() / 1024.0
}
