//! Times scoring against a memory bank, and answers a peer that wants to time itself against it in turn.
//!
//! ```text
//! bench_bank BANK.f32 QUERIES.f32 DIM [--float] [--threads N] [--serve]
//! ```
//! Files are rows of `DIM` little-endian f32. Without `--serve` a picture of all queries is scored (PatchCore) ten times.
//! With it, each line on standard input scores once and is answered by `seconds score`; the line `distances PATH` also
//! writes the patch distances. `bench/peers/vision/bank_torch.py` uses that.
#![allow(clippy::print_stdout, reason = "a program")]

use std::io::BufRead;
use std::time::Instant;

use strata_vision::bank::{
    BankBuilder, FeatureSpec, FitOptions, Identity, Keep, MemoryBank, Normal, Patches, Precision,
    Scoring,
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
    let (mut precision, mut threads, mut serve) = (Precision::Int8, 1, false);
    while let Some(option) = options.next() {
        match option.as_str() {
            "--float" => precision = Precision::Float,
            "--serve" => serve = true,
            "--threads" => threads = options.next().ok_or("--threads N")?.parse()?,
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let dim: usize = dim.parse()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let bank = patches(bank, dim)?;
    let queries = patches(queries, dim)?;
    pool.install(|| run(&bank, &queries, precision, serve))
}

/// All rows of a file as one picture.
fn patches(path: &str, dim: usize) -> Result<Patches, Failure> {
    let bytes = std::fs::read(path)?;
    let numbers: Vec<f32> =
        bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Patches::new((1, numbers.len() / dim), dim, numbers)?)
}

fn run(
    bank: &Patches,
    queries: &Patches,
    precision: Precision,
    serve: bool,
) -> Result<(), Failure> {
    let features = FeatureSpec { layers: vec!["bench".to_owned()], neighbourhood: 1 };
    let identity = Identity {
        model: "bench".into(),
        model_sha256: String::new(),
        preprocess: String::new(),
        features,
    };
    let options =
        FitOptions { scoring: Scoring::patchcore(), keep: Keep::All, ..FitOptions::default() };
    // The bank is made of pictures of the queries' size.
    let (count, dim) = (queries.count(), queries.dim());
    let mut builder = BankBuilder::new(identity, options)?;
    for (at, part) in bank.data().chunks_exact(count * dim).enumerate() {
        let normal = Normal { name: at.to_string(), sha256: String::new() };
        builder.push(normal, &Patches::new((1, count), dim, part.to_vec())?)?;
    }
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
