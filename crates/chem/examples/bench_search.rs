//! Measures similarity search on a file of fingerprints (raw little-endian words, 2,048 bits each).
//!
//! `bench_search FILE` prints a table; `bench_search FILE --serve` answers queries on standard input so that
//! `bench/peers/fpsim2_search.py` can interleave it with FPSim2. Times are CPU seconds of this process where the
//! system tells them (Linux), wall seconds elsewhere.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use strata_chem::arena::{FingerprintArena, Hit, Kernel, Metric, Search, popcount};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const BITS: usize = 2048;
const WORDS: usize = BITS / 64;

/// CPU seconds of the calling thread.
fn cpu_seconds(start: Instant) -> f64 {
    let thread = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let spent = thread.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    spent.map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let before = cpu_seconds(start);
    let result = work();
    (cpu_seconds(start) - before, result)
}

fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let Some(file) = arguments.next() else {
        return Err("usage: bench_search FILE [--serve]".into());
    };
    let bytes = std::fs::read(&file)?;
    let words: Vec<u64> = bytes
        .chunks_exact(8)
        .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
        .collect();
    let (seconds, arena) = timed(|| FingerprintArena::new(BITS, &words));
    let arena = arena?;
    let mut out = std::io::stdout();
    writeln!(out, "{} fingerprints, {:?}, built in {seconds:.2} s", arena.len(), arena.kernel())?;
    if arguments.next().as_deref() == Some("--serve") {
        out.flush()?;
        return serve(&arena, &words, &mut out);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| table(&arena, &words, &mut out))
}

/// Lines `top K ROW` or `within T ROW`; answers `nanoseconds hits sum-of-scores`.
fn serve(arena: &FingerprintArena, words: &[u64], out: &mut std::io::Stdout) -> Outcome {
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let fields: Vec<&str> = line.split(' ').collect();
        let [what, value, row] = fields[..] else { return Err("three fields a line".into()) };
        let row: usize = row.parse()?;
        let query = &words[row * WORDS..(row + 1) * WORDS];
        let search = match what {
            "top" => Search { top_k: Some(value.parse()?), ..Search::default() },
            _ => Search { threshold: value.parse()?, ..Search::default() },
        };
        let start = Instant::now();
        let hits: Vec<Hit> = arena.search(query, &search)?;
        let nanoseconds = start.elapsed().as_nanos();
        let sum: f64 = hits.iter().map(|hit| hit.score).sum();
        writeln!(out, "{nanoseconds} {} {sum}", hits.len())?;
        out.flush()?;
    }
    Ok(())
}

fn table(arena: &FingerprintArena, words: &[u64], out: &mut std::io::Stdout) -> Outcome {
    let count = arena.len();
    let queries: Vec<&[u64]> = (0..192)
        .map(|at| (at * 1_409 + 7) % count)
        .map(|row| &words[row * WORDS..][..WORDS])
        .collect();
    let best = |work: &mut dyn FnMut() -> f64| (0..5).map(|_| work()).fold(f64::INFINITY, f64::min);
    let top = Search { top_k: Some(100), ..Search::default() };
    let within = Search { threshold: 0.7, ..Search::default() };
    for kernel in [Kernel::Portable, Kernel::Avx2, Kernel::Avx512] {
        if !kernel.is_available() {
            continue;
        }
        let mut arena = arena.clone();
        arena.set_kernel(kernel)?;
        for (name, search) in [
            ("top 100", top),
            ("top 100, every pair scored", Search { prune: false, ..top }),
            ("threshold 0.7", within),
            ("threshold 0.7, every pair scored", Search { prune: false, ..within }),
        ] {
            let single = best(&mut || {
                let one = || queries[..64].iter().map(|query| arena.search(query, &search)).count();
                timed(|| black_box(one())).0
            });
            let batch =
                best(&mut || timed(|| black_box(arena.search_batch(&queries[..64], &search))).0);
            let pairs = 64.0 * count as f64;
            writeln!(
                out,
                "{kernel:?} {name}: one at a time {:.1} µs/query, 64 at once {:.1} µs/query, {:.3} ns/comparison",
                single / 64.0 * 1e6,
                batch / 64.0 * 1e6,
                batch / pairs * 1e9
            )?;
        }
        let mut scores = vec![0f32; count];
        let all = best(&mut || timed(|| arena.scores(queries[0], Metric::Tanimoto, &mut scores)).0);
        writeln!(
            out,
            "{kernel:?} all scores written out: {:.3} ns/comparison",
            all / count as f64 * 1e9
        )?;
    }
    row_wise(words, &queries, count, out)?;
    nearest(words, &queries, out)
}

/// The usual layout, for comparison: one fingerprint after another, `popcnt` on each word.
fn row_wise(words: &[u64], queries: &[&[u64]], count: usize, out: &mut std::io::Stdout) -> Outcome {
    let bits: Vec<u32> = words.chunks_exact(WORDS).map(popcount).collect();
    let (seconds, _) = timed(|| {
        for query in &queries[..8] {
            let own = popcount(query);
            let near = words.chunks_exact(WORDS).zip(&bits).filter(|(other, bits)| {
                let common: u32 = query.iter().zip(*other).map(|(a, b)| (a & b).count_ones()).sum();
                f64::from(common) >= 0.7 * f64::from(own + **bits - common)
            });
            black_box(near.count());
        }
    });
    writeln!(
        out,
        "row-wise words, portable: {:.3} ns/comparison",
        seconds / 8.0 / count as f64 * 1e9
    )?;
    Ok(())
}

/// Nearest of 55,000 training fingerprints for molecules that are not among them.
fn nearest(words: &[u64], queries: &[&[u64]], out: &mut std::io::Stdout) -> Outcome {
    let rows = words.len() / WORDS;
    let training = rows.min(55_000);
    let arena = FingerprintArena::new(BITS, &words[..training * WORDS])?;
    let fresh: Vec<&[u64]> = words[(rows - rows.min(4096)) * WORDS..].chunks_exact(WORDS).collect();
    let (seconds, _) = timed(|| black_box(arena.nearest_batch(&fresh)));
    writeln!(
        out,
        "nearest of {training}: {:.0} ns/molecule in batches",
        seconds / fresh.len() as f64 * 1e9
    )?;
    let (seconds, _) = timed(|| queries.iter().map(|query| arena.nearest(query)).count());
    writeln!(
        out,
        "nearest of {training}: {:.0} ns one at a time",
        seconds / queries.len() as f64 * 1e9
    )?;
    Ok(())
}
