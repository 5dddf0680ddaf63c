//! Measures the runtime on ONNX files given on the command line: time to load with and without the
//! cache of optimised graphs, memory of larger pools, and time a row. Prints JSON lines.
//!
//! `cargo run --release -p strata-core --example runtime_bench -- load|memory|rows MODEL.onnx…`
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

#[path = "../tests/runtime_support/mod.rs"]
mod runtime_support;

use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use runtime_support::{card_of, ok};
use strata_core::card::Dim;
use strata_core::paths::SearchPath;
use strata_core::runtime::{BatchOptions, Inputs, PoolConfig, RunOptions, SessionPool};
use strata_core::verify::{Limits, VerifiedModel, verify};

/// Rounds of each measurement; the best one counts.
const ROUNDS: usize = 5;
/// Rows of the table.
const ROWS: usize = 256;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let files: Vec<String> = arguments.collect();
    let measure: fn(&str, &VerifiedModel) = match what.as_str() {
        "load" => loads,
        "memory" => memory,
        "rows" => rows,
        _ => return eprintln!("usage: runtime_bench load|memory|rows MODEL.onnx…"),
    };
    for file in files {
        let (card, dir) = card_of(Path::new(&file));
        let search = SearchPath::only(dir.path());
        let name = Path::new(&file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let start = Instant::now();
        let model = ok(verify(&card, &card.variants[0], &search, &Limits::default()));
        let (verify_ms, bytes) = (ms(start), model.file.len());
        println!("{{\"model\": {name:?}, \"bytes\": {bytes}, \"verify_ms\": {verify_ms:.1}}}");
        measure(&name, &model);
    }
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// Processor time of this thread in microseconds where the system tells (other work on the machine
/// doesn't count then), else time since the program began.
fn cpu_us() -> f64 {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.map_or_else(|| ms(*BEGAN) * 1e3, |ns| ns / 1e3)
}

fn best(mut measure: impl FnMut() -> f64) -> f64 {
    (0..ROUNDS).map(|_| measure()).fold(f64::INFINITY, f64::min)
}

fn loads(name: &str, model: &VerifiedModel) {
    let cache = ok(tempfile::tempdir());
    let load = |cached: bool| {
        let graph_cache = cached.then(|| cache.path().to_owned());
        let config = PoolConfig { graph_cache, ..PoolConfig::default() };
        let start = Instant::now();
        drop(ok(SessionPool::load(model, &config)));
        ms(start)
    };
    let stored = load(true);
    // Interleaved, so that both see the same machine.
    let (mut plain, mut hit) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        plain = plain.min(load(false));
        hit = hit.min(load(true));
    }
    println!(
        "{{\"model\": {name:?}, \"load_ms\": {plain:.1}, \"cached_load_ms\": {hit:.1}, \"storing_ms\": {stored:.1}}}"
    );
}

/// Memory that each further session takes. Give one model a process: freed memory is used again.
fn memory(name: &str, model: &VerifiedModel) {
    let before = resident_kib();
    for sessions in [1, 2, 4, 8] {
        let config = PoolConfig { sessions, ..PoolConfig::default() };
        let pool = ok(SessionPool::load(model, &config));
        let kib = resident_kib().saturating_sub(before);
        println!("{{\"model\": {name:?}, \"sessions\": {sessions}, \"resident_kib\": {kib}}}");
        drop(pool);
    }
}

/// Memory of this process, where the system tells.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn rows(name: &str, model: &VerifiedModel) {
    let pool = ok(SessionPool::load(model, &PoolConfig::default()));
    let signature = pool.signature();
    let width = match signature.inputs.as_slice() {
        [port] => match port.shape.last() {
            Some(Dim::Fixed(width)) if port.shape.len() <= 2 => *width as usize,
            _ => return,
        },
        _ => return,
    };
    // Sparse counts, as fingerprints are.
    let table = Array2::from_shape_fn((ROWS, width), |(i, j)| {
        f32::from(u8::from((i * 31 + j * 17) % 41 == 0))
    });
    let sizes: &[usize] =
        if signature.inputs[0].shape.len() == 1 { &[1] } else { &[1, 16, 64, 256] };
    for &size in sizes {
        let options = BatchOptions { max_batch: size, ..BatchOptions::default() };
        let us = best(|| {
            let start = cpu_us();
            ok(pool.run_batched(table.view(), &options));
            (cpu_us() - start) / ROWS as f64
        });
        println!("{{\"model\": {name:?}, \"batch\": {size}, \"cpu_us_per_row\": {us:.1}}}");
    }
    let one = table.row(0);
    if signature.inputs[0].shape.len() == 1 {
        let us = best(|| {
            let start = cpu_us();
            for _ in 0..100 {
                let inputs = Inputs::new().with(&signature.inputs[0].name, one);
                drop(ok(pool.run(&inputs, &RunOptions::default())));
            }
            (cpu_us() - start) / 100.0
        });
        println!("{{\"model\": {name:?}, \"cpu_us_per_call_unread\": {us:.1}}}");
    }
}
