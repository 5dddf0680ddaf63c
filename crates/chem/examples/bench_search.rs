//! Measures similarity search on a file of fingerprints (raw little-endian words, 2,048 bits each).
//!
//! `bench_search FILE` prints a table; `bench_search FILE --serve` answers queries on standard input so that
//! `bench/peers/fpsim2_search.py` can interleave it with FPSim2. Each time of the table is the shortest of several runs,
//! so that other work on the machine counts least.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

use strata_chem::arena::{FingerprintArena, Hit, Kernel, Metric, Search, popcount};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const BITS: usize = 2048;
const WORDS: usize = BITS / 64;

/// Seconds of the shortest of `runs` runs.
fn shortest(runs: usize, mut work: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(once).fold(f64::INFINITY, f64::min)
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
    let start = Instant::now();
    let arena = FingerprintArena::new(BITS, &words)?;
    let seconds = start.elapsed().as_secs_f64();
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
            let one =
                |query: &&[u64]| shortest(9, || drop(black_box(arena.search(query, &search))));
            let single: f64 = queries[..64].iter().map(one).sum();
            let batch =
                shortest(40, || drop(black_box(arena.search_batch(&queries[..64], &search))));
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
        let metric = Metric::Tanimoto;
        let all = shortest(9, || drop(black_box(arena.scores(queries[0], metric, &mut scores))));
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
    let query = queries[0];
    let own = popcount(query);
    let seconds = shortest(5, || {
        let near = words.chunks_exact(WORDS).zip(&bits).filter(|(other, bits)| {
            let common: u32 = query.iter().zip(*other).map(|(a, b)| (a & b).count_ones()).sum();
            f64::from(common) >= 0.7 * f64::from(own + **bits - common)
        });
        black_box(near.count());
    });
    writeln!(out, "row-wise words, portable: {:.3} ns/comparison", seconds / count as f64 * 1e9)?;
    Ok(())
}

/// Nearest of 55,000 training fingerprints for molecules that are not among them.
fn nearest(words: &[u64], queries: &[&[u64]], out: &mut std::io::Stdout) -> Outcome {
    let rows = words.len() / WORDS;
    let training = rows.min(55_000);
    let arena = FingerprintArena::new(BITS, &words[..training * WORDS])?;
    let fresh: Vec<&[u64]> = words[(rows - rows.min(4096)) * WORDS..].chunks_exact(WORDS).collect();
    // Tiles of 64, as a screen has them; each is short enough to run undisturbed now and then.
    let tile = |tile: &[&[u64]]| shortest(9, || drop(black_box(arena.nearest_batch(tile))));
    let seconds: f64 = fresh.chunks(64).take(16).map(tile).sum();
    let batched = seconds / fresh.len().min(1024) as f64 * 1e9;
    writeln!(out, "nearest of {training}: {batched:.0} ns/molecule in tiles of 64")?;
    let one = |query: &&[u64]| shortest(9, || drop(black_box(arena.nearest(query))));
    let seconds: f64 = queries.iter().map(one).sum();
    let single = seconds / queries.len() as f64 * 1e9;
    writeln!(out, "nearest of {training}: {single:.0} ns one at a time")?;
    Ok(())
}
