//! Clusters and picks against RDKit's on ECFP4 of published drugs (frozen by `oracle/make_metrics.py`).
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use serde_json::Value;
use strata_chem::arena::{FingerprintArena, popcount};
use strata_chem::cluster::{self, MaxMin};

struct Golden {
    rows: Vec<Vec<u64>>,
    arena: FingerprintArena,
    value: Value,
}

fn integers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as u32).collect()
}

fn golden() -> Golden {
    let value: Value = serde_json::from_str(include_str!("golden/cluster.json")).unwrap();
    let rows: Vec<Vec<u64>> = value["fingerprints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bits| {
            let mut words = vec![0u64; 16];
            for bit in integers(bits) {
                words[bit as usize / 64] |= 1 << (bit % 64);
            }
            words
        })
        .collect();
    let arena = FingerprintArena::new(1024, &rows.concat()).unwrap();
    Golden { rows, arena, value }
}

fn distance(a: &[u64], b: &[u64]) -> f64 {
    let common: u32 = a.iter().zip(b).map(|(a, b)| (a & b).count_ones()).sum();
    1.0 - f64::from(common) / f64::from(popcount(a) + popcount(b) - common)
}

#[test]
fn butina_equals_rdkit() {
    let golden = golden();
    for (cutoff, clusters) in golden.value["butina"].as_object().unwrap() {
        let ours = cluster::butina(&golden.arena, cutoff.parse().unwrap()).unwrap();
        let theirs: Vec<Vec<u32>> = clusters.as_array().unwrap().iter().map(integers).collect();
        let ours: Vec<Vec<u32>> = ours.into_iter().map(|cluster| cluster.members).collect();
        assert_eq!(ours, theirs, "cut-off {cutoff}");
    }
}

#[test]
fn maxmin_spreads_like_rdkit() {
    // Ties are broken differently, the distance each pick adds is not.
    let golden = golden();
    let first = integers(&golden.value["maxmin"]["first"]);
    let options = MaxMin { limit: 40, first, ..MaxMin::default() };
    let picks = cluster::maxmin(&golden.arena, &options).unwrap();
    assert_eq!(picks.len(), 40);
    for at in 1..40 {
        let near = picks[..at]
            .iter()
            .map(|&pick| distance(&golden.rows[pick as usize], &golden.rows[picks[at] as usize]));
        let ours = near.fold(f64::INFINITY, f64::min);
        let best = (0..golden.rows.len()).filter(|row| !picks[..at].contains(&(*row as u32)));
        let best = best
            .map(|row| {
                picks[..at]
                    .iter()
                    .map(|&pick| distance(&golden.rows[pick as usize], &golden.rows[row]))
                    .fold(f64::INFINITY, f64::min)
            })
            .fold(0.0, f64::max);
        assert!((ours - best).abs() < 1e-6, "pick {at}: {ours}, best {best}");
    }
    // The first dozen picks have no ties on the way and equal RDKit's spread.
    let spread = golden.value["maxmin"]["spread"].as_array().unwrap();
    let first = distance(&golden.rows[picks[0] as usize], &golden.rows[picks[1] as usize]);
    assert!((first - spread[0].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn leaders_equal_rdkit() {
    let golden = golden();
    for (cutoff, picks) in golden.value["leaders"].as_object().unwrap() {
        let ours = cluster::leaders(&golden.arena, cutoff.parse().unwrap(), usize::MAX).unwrap();
        assert_eq!(ours, integers(picks), "cut-off {cutoff}");
    }
}

#[test]
fn maxmin_stops_at_the_cutoff_and_repeats_by_seed() {
    let golden = golden();
    let options = MaxMin { limit: usize::MAX, cutoff: 0.8, seed: 3, ..MaxMin::default() };
    let picks = cluster::maxmin(&golden.arena, &options).unwrap();
    assert_eq!(picks, cluster::maxmin(&golden.arena, &options).unwrap());
    for (at, &pick) in picks.iter().enumerate() {
        for &other in &picks[..at] {
            let apart = distance(&golden.rows[pick as usize], &golden.rows[other as usize]);
            assert!(apart >= 0.8 - 1e-6, "{pick} {other} {apart}");
        }
    }
    // Every molecule joins a cluster, once; no molecule is farther than the cut-off from its centre.
    let clusters = cluster::assign(&golden.arena, &picks).unwrap();
    let mut all: Vec<u32> = clusters.iter().flat_map(|cluster| cluster.members.clone()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..golden.rows.len() as u32).collect::<Vec<_>>());
    for cluster in &clusters {
        for &member in &cluster.members {
            let centre = &golden.rows[cluster.centroid() as usize];
            assert!(distance(centre, &golden.rows[member as usize]) <= 0.8 + 1e-6);
        }
    }
}

#[test]
fn impossible_requests_are_named() {
    let golden = golden();
    assert!(cluster::butina(&golden.arena, 1.5).unwrap_err().to_string().contains("1.5"));
    let options = MaxMin { limit: 2, first: vec![100_000], ..MaxMin::default() };
    assert!(cluster::maxmin(&golden.arena, &options).is_err());
    let empty = FingerprintArena::new(64, &[]).unwrap();
    assert!(cluster::butina(&empty, 0.4).unwrap().is_empty());
    assert!(cluster::maxmin(&empty, &MaxMin { limit: 3, ..MaxMin::default() }).unwrap().is_empty());
}
