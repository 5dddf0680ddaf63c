//! Vectors and scores of texts against fastembed and sentence-transformers: same model files, same texts, same number of
//! threads, in turns. Prints a line of JSON a configuration.
//!
//! `bench_embed [ROUNDS] [TEXTS] [THREADS,…] [PEERS,…]`; needs `STRATA_SHARED` (articles of STARD, the tokenizer of
//! bge-small-zh-v1.5) and `STRATA_PEER_PYTHON`, a Python with torch, transformers, sentence-transformers, optimum's ONNX
//! backend and fastembed. A peer is followed by `:N` where its batches hold N texts instead of what is usual with it: fastembed's
//! 256 take eleven gigabytes on articles. The models are made by `bench/peers/text/make_models.py`: the shape of bge-small-zh-v1.5 with seeded
//! weights, under the card that is shipped for it.
//!
//! `bench_embed texts SHARED COUNT OUT` writes the texts alone, `bench_embed side MODEL_DIR TEXTS THREADS ANSWERS` is our side of the
//! suite `gov`.
#![allow(clippy::print_stdout, reason = "a program that prints what it measured")]

mod one;
mod peer;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use peer::{Program, median};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["one", ..] => return one::main(&arguments[1..]),
        ["side", model, texts, threads, answers] => {
            return one::side(model, texts, threads.parse()?, answers);
        }
        ["texts", shared, count, out] => {
            let texts = articles(Path::new(shared), count.parse()?)?;
            return Ok(std::fs::write(out, texts.join("\n") + "\n")?);
        }
        _ => {}
    }
    let argument =
        |at: usize, usual: &str| arguments.get(at).map_or(usual, String::as_str).to_owned();
    let rounds: usize = argument(0, "3").parse()?;
    let count: usize = argument(1, "2048").parse()?;
    let (threads, peers) = (argument(2, "1,2"), argument(3, "st-torch,st-onnx,fastembed:32"));
    let python = std::env::var("STRATA_PEER_PYTHON").map_err(|_| "set STRATA_PEER_PYTHON")?;
    let shared = PathBuf::from(std::env::var("STRATA_SHARED").map_err(|_| "set STRATA_SHARED")?);
    let scratch = tempfile::tempdir()?;
    let models = scratch.path().join("models");
    made(
        Command::new(&python)
            .arg(script("make_models.py"))
            .arg(shared.join("models/text/bge-small-zh-v1.5-tokenizer"))
            .arg(&models),
    )?;
    let texts = scratch.path().join("texts.txt");
    std::fs::write(&texts, articles(&shared, count)?.join("\n") + "\n")?;
    for threads in threads.split(',') {
        let run = Duel { python: &python, models: &models, texts: &texts, threads, rounds };
        for line in run.fight(&peers.split(',').collect::<Vec<_>>())? {
            println!("{line}");
        }
    }
    Ok(())
}

/// A program of `bench/peers/text`.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/peers/text").join(name)
}

fn made(command: &mut Command) -> Result<(), Failure> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// Name and text of articles, evenly over the corpus, one line each.
fn articles(shared: &Path, count: usize) -> Result<Vec<String>, Failure> {
    let path = shared.join("data/gov/stard/corpus.jsonl.gz");
    let file = std::fs::File::open(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    let rows: Vec<&str> = text.lines().collect();
    let step = (rows.len() / count.max(1)).max(1);
    let read = |row: &&str| -> Result<String, Failure> {
        let row: Value = serde_json::from_str(row)?;
        let part = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        // Line ends of every kind: Python splits at more of them than Rust.
        let line = format!("{} {}", part("name"), part("text"));
        Ok(line
            .split(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
            .collect::<Vec<_>>()
            .join(" "))
    };
    rows.iter().step_by(step).take(count).map(read).collect()
}

/// One number of threads.
struct Duel<'a> {
    python: &'a str,
    models: &'a Path,
    texts: &'a Path,
    threads: &'a str,
    rounds: usize,
}

impl Duel<'_> {
    /// All programs in turns; a line for each peer.
    fn fight(&self, peers: &[&str]) -> Result<Vec<Value>, Failure> {
        let folder = self.models.parent().unwrap_or(self.models);
        let vectors = |name: &str| folder.join(format!("{name}.f32"));
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("one").arg(self.models.join("embed")).arg(self.texts).arg(self.threads);
        let mut programs = vec![Program::start("strata", command.arg(vectors("strata")))?];
        for peer in peers {
            let (name, batch) = peer.split_once(':').unwrap_or((peer, ""));
            let mut command = Command::new(self.python);
            command
                .arg(script("embed.py"))
                .arg(name)
                .arg(self.models.join("embed"))
                .arg(self.texts);
            command.args(["--threads", self.threads]).arg("--vectors").arg(vectors(peer));
            if !batch.is_empty() {
                command.args(["--batch", batch]);
            }
            programs.push(Program::start(peer, &mut command)?);
        }
        for _ in 0..self.rounds {
            programs.iter_mut().try_for_each(Program::round)?;
        }
        let done: Vec<(String, Vec<Value>)> =
            programs.into_iter().map(Program::end).collect::<Result<_, _>>()?;
        let Some(((_, own), others)) = done.split_first() else { return Ok(Vec::new()) };
        let ours = peer::rows(&vectors("strata"))?;
        others
            .iter()
            .map(|(name, rounds)| {
                let theirs = peer::rows(&vectors(name))?;
                let rate = |rounds: &[Value]| {
                    median(rounds, |round| Some(round["texts"].as_f64()? / round["cpu_seconds"].as_f64()?))
                };
                let wall = |rounds: &[Value]| {
                    median(rounds, |round| Some(round["texts"].as_f64()? / round["seconds"].as_f64()?))
                };
                Ok(json!({
                    "what": "bge-small-zh's shape, vectors of articles", "peer": name, "threads": self.threads,
                    "rounds": self.rounds, "texts_per_cpu_second": [rate(own), rate(rounds)],
                    "cpu_ratio": rate(own) / rate(rounds),
                    "texts_per_second": [wall(own), wall(rounds)], "ratio": wall(own) / wall(rounds),
                    "least_cosine": peer::least_cosine(&ours, &theirs)?,
                    "mean_cosine_of_neighbours": peer::neighbours(&ours),
                    "ours": own, "theirs": rounds,
                }))
            })
            .collect()
    }
}
