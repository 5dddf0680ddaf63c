//! Times scoring against a memory bank, and answers a peer that wants to time itself against it in turn.
//!
//! ```text
//! bench_bank BANK.f32 QUERIES.f32 DIM [--float] [--threads N] [--serve | --side PATCHES PICTURES ANSWERS]
//! ```
//! Files are rows of `DIM` little-endian f32. Without `--serve` a picture of all queries is scored (PatchCore) ten times.
//! With it, each line on standard input scores once and is answered by `seconds score`; the line `distances PATH` also
//! writes the patch distances. `bench/peers/vision/bank_torch.py` uses that.
//!
//! `--side` is our side of the suite `mining`: the bank is made of the first pictures of the file, of so many patches each, and
//! every picture of the queries is scored by itself. An answer is a picture's score and its patch distances.
#![allow(clippy::print_stdout, reason = "a program")]

use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use strata_testkit::bench::{Stopwatch, report, write_answers};
use strata_vision::bank::{
    Anomaly, BankBuilder, BankError, FeatureSpec, FitOptions, Identity, Keep, MemoryBank, Normal,
    Patches, Precision, Scoring,
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bank, queries, dim, options @ ..] = arguments.as_slice() else {
        return Err(
            "usage: bench_bank BANK.f32 QUERIES.f32 DIM [--float] [--threads N] [--serve]".into()
        );
    };
    let mut options = options.iter();
    let (mut precision, mut threads, mut serve, mut side) = (Precision::Int8, 1, false, None);
    while let Some(option) = options.next() {
        match option.as_str() {
            "--float" => precision = Precision::Float,
            "--serve" => serve = true,
            "--threads" => threads = options.next().ok_or("--threads N")?.parse()?,
            "--side" => {
                let mut value = || options.next().ok_or("--side PATCHES PICTURES ANSWERS");
                side = Some(Side {
                    patches: value()?.parse()?,
                    pictures: value()?.parse()?,
                    answers: value()?.clone(),
                });
            }
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let dim: usize = dim.parse()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let bank = patches(bank, dim)?;
    let queries = patches(queries, dim)?;
    if let Some(side) = side {
        return pool.install(|| side.run(&bank, &queries, precision));
    }
    pool.install(|| run(&bank, &queries, precision, serve))
}

/// All rows of a file as one picture.
fn patches(path: &str, dim: usize) -> Result<Patches, Failure> {
    let bytes = std::fs::read(path)?;
    let numbers: Vec<f32> =
        bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Patches::new((1, numbers.len() / dim), dim, numbers)?)
}

/// A bank of every patch of some pictures, one after the other.
fn builder(data: &[f32], count: usize, dim: usize) -> Result<BankBuilder, Failure> {
    let features = FeatureSpec { layers: vec!["bench".to_owned()], neighbourhood: 1 };
    let identity = Identity {
        model: "bench".into(),
        model_sha256: String::new(),
        preprocess: String::new(),
        features,
    };
    let options =
        FitOptions { scoring: Scoring::patchcore(), keep: Keep::All, ..FitOptions::default() };
    let mut builder = BankBuilder::new(identity, options)?;
    for (at, part) in data.chunks_exact(count * dim).enumerate() {
        let normal = Normal { name: at.to_string(), sha256: String::new() };
        builder.push(normal, &Patches::new((1, count), dim, part.to_vec())?)?;
    }
    Ok(builder)
}

/// Our side of a suite.
struct Side {
    /// Of a picture.
    patches: usize,
    /// Of the bank.
    pictures: usize,
    answers: String,
}

impl Side {
    fn run(&self, bank: &Patches, queries: &Patches, precision: Precision) -> Result<(), Failure> {
        let (count, dim) = (self.patches, bank.dim());
        let rows = bank.data().get(..self.pictures * count * dim).ok_or("fewer pictures")?;
        let bank: MemoryBank = builder(rows, count, dim)?.finish(precision)?;
        let pictures: Vec<Patches> = queries
            .data()
            .chunks_exact(count * dim)
            .map(|part| Patches::new((1, count), dim, part.to_vec()))
            .collect::<Result<_, _>>()?;
        bank.score(pictures.first().ok_or("no picture to score")?)?;
        let watch = Stopwatch::start();
        let scored: Vec<Anomaly> =
            pictures.iter().map(|one| bank.score(one)).collect::<Result<_, BankError>>()?;
        let times = watch.seconds();
        let answer = |one: &Anomaly| json!([one.score, one.distances]);
        write_answers(
            Path::new(&self.answers),
            &scored.iter().map(answer).collect::<Vec<Value>>(),
        )?;
        let stats = bank.stats();
        report(
            pictures.len(),
            times,
            &[
                ("bank_vectors", json!(stats.vectors)),
                ("bank_mb", json!(stats.bytes as f64 / 1e6)),
                ("kernel", json!(stats.kernel)),
            ],
        );
        Ok(())
    }
}

fn run(
    bank: &Patches,
    queries: &Patches,
    precision: Precision,
    serve: bool,
) -> Result<(), Failure> {
    // The bank is made of pictures of the queries' size.
    let builder = builder(bank.data(), queries.count(), queries.dim())?;
    let start = Instant::now();
    let bank: MemoryBank = builder.finish(precision)?;
    println!("{:?} index {:.3} s", bank.stats(), start.elapsed().as_secs_f64());
    if !serve {
        for _ in 0..10 {
            let start = Instant::now();
            let anomaly = bank.score(queries)?;
            println!("{:.2} ms score {:.6}", start.elapsed().as_secs_f64() * 1e3, anomaly.score);
        }
        return Ok(());
    }
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let start = Instant::now();
        let anomaly = bank.score(queries)?;
        let seconds = start.elapsed().as_secs_f64();
        if let Some(path) = line.strip_prefix("distances ") {
            let bytes: Vec<u8> = anomaly.distances.iter().flat_map(|x| x.to_le_bytes()).collect();
            std::fs::write(path, bytes)?;
        }
        println!("{seconds} {}", anomaly.score);
    }
    Ok(())
}
