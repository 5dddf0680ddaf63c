//! Search against comparing every pair: same rows, same scores, same order, on every instruction set.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use proptest::prelude::*;
use strata_chem::arena::{FingerprintArena, Hit, Kernel, Metric, Search, popcount};

/// Fingerprints as chemistry makes them: some bits in nearly all, most rare; near-duplicates and empty ones too.
fn fingerprints(bits: usize, count: usize, seed: u64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = bits / 64;
    let mut all: Vec<u64> = Vec::with_capacity(count * words);
    for row in 0..count {
        let mut fingerprint = vec![0u64; words];
        match random() % 8 {
            0 if row > 0 => {
                let other = (random() as usize % row) * words;
                fingerprint.copy_from_slice(&all[other..other + words]);
                let bit = random() as usize % bits;
                fingerprint[bit / 64] ^= 1 << (bit % 64);
            }
            1 if random() % 4 == 0 => {}
            2 if random() % 4 == 0 => fingerprint.fill(u64::MAX),
            _ => {
                for _ in 0..random() % 60 {
                    // The product of two uniform numbers favours low bits.
                    let bit = (random() as usize % bits) * (random() as usize % bits) / bits;
                    fingerprint[bit / 64] |= 1 << (bit % 64);
                }
            }
        }
        all.extend(fingerprint);
    }
    all
}

fn brute_force(words: usize, all: &[u64], query: &[u64], search: &Search) -> Vec<Hit> {
    let mut hits: Vec<Hit> = all
        .chunks_exact(words)
        .enumerate()
        .map(|(row, other)| {
            let common = query.iter().zip(other).map(|(a, b)| (a & b).count_ones()).sum();
            let score = search.metric.score(popcount(query), popcount(other), common);
            Hit { row: row as u32, score }
        })
        .filter(|hit| hit.score >= search.threshold)
        .collect();
    hits.sort_by(Hit::ranking);
    hits.truncate(search.top_k.unwrap_or(usize::MAX));
    hits
}

fn kernels() -> Vec<Kernel> {
    let all = [Kernel::Portable, Kernel::Avx2, Kernel::Avx512];
    all.into_iter().filter(|kernel| kernel.is_available()).collect()
}

fn metric() -> impl Strategy<Value = Metric> {
    prop_oneof![
        3 => Just(Metric::Tanimoto),
        1 => (0.0..2.0f64, 0.0..2.0f64).prop_map(|(alpha, beta)| Metric::Tversky { alpha, beta }),
        1 => Just(Metric::Tversky { alpha: 1.0, beta: 0.0 }),
    ]
}

fn search() -> impl Strategy<Value = Search> {
    let threshold = prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..1.0f64];
    let top_k = prop_oneof![Just(None), (0usize..40).prop_map(Some), Just(Some(5000))];
    (metric(), threshold, top_k, any::<bool>())
        .prop_map(|(metric, threshold, top_k, prune)| Search { metric, threshold, top_k, prune })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn equals_brute_force(
        seed in any::<u64>(),
        count in 0usize..3000,
        words in prop_oneof![Just(1usize), Just(3), Just(16), Just(32)],
        search in search(),
    ) {
        let all = fingerprints(words * 64, count, seed);
        let mut arena = FingerprintArena::new(words * 64, &all).unwrap();
        let mut queries: Vec<Vec<u64>> =
            fingerprints(words * 64, 6, !seed).chunks_exact(words).map(<[u64]>::to_vec).collect();
        queries.extend(all.chunks_exact(words).step_by(997).map(<[u64]>::to_vec));
        let expected: Vec<Vec<Hit>> =
            queries.iter().map(|query| brute_force(words, &all, query, &search)).collect();
        for kernel in kernels() {
            arena.set_kernel(kernel).unwrap();
            for (query, expected) in queries.iter().zip(&expected) {
                prop_assert_eq!(&arena.search(query, &search).unwrap(), expected, "{:?}", kernel);
            }
            prop_assert_eq!(&arena.search_batch(&queries, &search).unwrap(), &expected);
        }
    }
}

#[test]
fn blocks_and_threads_do_not_change_the_answer() {
    // More rows than one block, so that walks cross from block to block.
    let (words, count) = (4, 40_000);
    let all = fingerprints(words * 64, count, 7);
    let arena = FingerprintArena::new(words * 64, &all).unwrap();
    let queries: Vec<&[u64]> = all.chunks_exact(words).step_by(211).collect();
    for search in [
        Search { top_k: Some(17), ..Search::default() },
        Search { threshold: 0.6, ..Search::default() },
        Search { top_k: Some(5), prune: false, ..Search::default() },
    ] {
        let expected: Vec<Vec<Hit>> =
            queries.iter().map(|query| brute_force(words, &all, query, &search)).collect();
        for threads in [1, 2, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let hits = pool.install(|| arena.search_batch(&queries, &search)).unwrap();
            assert_eq!(hits, expected, "{threads} threads");
        }
    }
}

#[test]
fn scores_of_all_molecules_equal_brute_force() {
    let words = 32;
    let mut all = fingerprints(words * 64, 1500, 3);
    // A dense query needs more than eight planes.
    all.extend(vec![u64::MAX; words]);
    let arena = FingerprintArena::new(words * 64, &all).unwrap();
    for query in all.chunks_exact(words).rev().step_by(300) {
        let mut scores = vec![0f32; arena.len()];
        arena.scores(query, Metric::Tanimoto, &mut scores).unwrap();
        for hit in brute_force(words, &all, query, &Search::default()) {
            assert_eq!(scores[hit.row as usize], hit.score as f32, "row {}", hit.row);
        }
    }
}

#[test]
fn every_fingerprint_comes_back() {
    let words = 3;
    let all = fingerprints(words * 64, 1234, 11);
    let arena = FingerprintArena::new(words * 64, &all).unwrap();
    let mut seen = vec![false; 1234];
    let mut bits_before = 0;
    arena.for_each(|row, fingerprint| {
        let at = row as usize * words;
        assert_eq!(fingerprint, &all[at..at + words]);
        assert!(popcount(fingerprint) >= bits_before);
        bits_before = popcount(fingerprint);
        seen[row as usize] = true;
    });
    assert!(seen.iter().all(|&seen| seen));
}

#[test]
fn wrong_lengths_and_weights_are_named() {
    assert!(FingerprintArena::new(100, &[]).unwrap_err().to_string().contains("100 bits"));
    assert!(FingerprintArena::new(128, &[0; 3]).is_err());
    let arena = FingerprintArena::new(128, &[1, 2, 3, 4]).unwrap();
    assert!(arena.top_k(&[1], 1).is_err());
    let metric = Metric::Tversky { alpha: f64::NAN, beta: 1.0 };
    assert!(arena.search(&[1, 2], &Search { metric, ..Search::default() }).is_err());
    let empty = FingerprintArena::new(128, &[]).unwrap();
    assert_eq!(empty.nearest(&[1, 2]).unwrap(), None);
    assert_eq!(empty.nearest_batch(&[[1, 2]]).unwrap(), vec![None]);
}
