//! Search, scores, live edit and files of memory banks, against plain computations.

use proptest::prelude::*;

use super::coreset::SplitMix;
use super::index::{Index, Query, squared_distance};
use super::*;
use crate::calibrate::{Calibration, Promise};

fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut random = SplitMix(seed);
    // A sum of draws is nearly normal; squares make some large, as activations are.
    let mut draw = || (0..4).map(|_| random.below(1_001) as f32 / 500.0 - 1.0).sum::<f32>();
    (0..count).map(|_| draw() * draw()).collect()
}

/// Nearest rows by exhaustive exact distances.
fn plain(
    rows: &[f32],
    dim: usize,
    vector: &[f32],
    count: usize,
    skip: impl Fn(usize) -> bool,
) -> Vec<(f32, usize)> {
    let mut all: Vec<(f32, usize)> = rows
        .chunks_exact(dim)
        .enumerate()
        .filter(|(at, _)| !skip(*at))
        .map(|(at, row)| (squared_distance(vector, row), at))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(count);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Every kernel of this machine finds what an exhaustive search finds.
    #[test]
    fn search_is_exhaustive(
        seed in any::<u64>(),
        bank in 1_usize..300,
        queries in 1_usize..20,
        dim in 1_usize..110,
        count in 1_usize..12,
        near in any::<bool>(),
        clusters in 1_usize..12,
        large in prop::sample::select(vec![1.0_f32, 1e-12, 1e12]),
    ) {
        let mut rows = numbers(seed, bank * dim);
        let mut vectors = numbers(seed ^ 1, queries * dim);
        if near {
            // Queries close to bank rows, which are close to each other in each cluster: many near ties, and groups that are
            // passed over.
            let middle = |at: usize| (at % dim + at / dim % clusters * (at % dim % 5)) as f32;
            for vectors in [&mut rows, &mut vectors] {
                for (at, x) in vectors.iter_mut().enumerate() {
                    *x = *x * 0.02 + middle(at);
                }
            }
        }
        rows.iter_mut().chain(&mut vectors).for_each(|x| *x *= large);
        let owners: Vec<u32> = (0..bank as u32).map(|row| row % 3).collect();
        for (precision, choices) in
            [(Precision::Int8, kernel::int8()), (Precision::Float, kernel::float())]
        {
            for choice in choices {
                let index = Index::with_kernel(&rows, dim, precision, choice);
                for (sketched, without) in [(false, None), (true, None), (true, Some((owners.as_slice(), 1)))] {
                    if sketched {
                        index.make_sketch(&rows);
                    }
                    let found = index.search(&rows, &Query { vectors: &vectors, count, without });
                    prop_assert_eq!(found.len(), queries);
                    for (vector, found) in vectors.chunks_exact(dim).zip(&found) {
                        let want = plain(&rows, dim, vector, count, |row| without.is_some() && row % 3 == 1);
                        prop_assert_eq!(found.len(), want.len());
                        for (found, want) in found.iter().zip(want) {
                            // Equal to the last bit: both are the same exact distance.
                            prop_assert_eq!(found.distance, want.0.sqrt(), "{}", choice.name);
                        }
                    }
                }
            }
        }
    }

    /// Whatever the bytes are, they are a bank or an error.
    #[test]
    fn hostile_bytes(at in 0_usize..4_000, value in any::<u8>(), cut in 0_usize..4_000) {
        let bytes = bytes_of(&bank(Keep::All, Scoring::patchcore()));
        let mut changed = bytes.clone();
        let at = at % changed.len();
        changed[at] = value;
        let read = |bytes: &[u8]| MemoryBank::read_from(&mut &*bytes, bytes.len() as u64, "x", Precision::Int8);
        prop_assert_eq!(read(&changed).is_ok(), changed == bytes);
        let cut = cut % bytes.len();
        prop_assert!(read(&bytes[..cut]).is_err());
    }
}

fn identity() -> Identity {
    Identity {
        model: "tiny".into(),
        model_sha256: "ab".into(),
        preprocess: "p1".into(),
        features: FeatureSpec { layers: vec!["a".into()], neighbourhood: 3 },
    }
}

fn normal(name: &str) -> Normal {
    Normal { name: name.into(), sha256: format!("sha of {name}") }
}

const GRID: (usize, usize) = (4, 5);
const DIM: usize = 24;

fn picture(seed: u64) -> Patches {
    Patches::new(GRID, DIM, numbers(seed, GRID.0 * GRID.1 * DIM)).expect("patches")
}

fn bank(keep: Keep, scoring: Scoring) -> MemoryBank {
    let options = FitOptions { keep, scoring, ..FitOptions::default() };
    let mut builder = BankBuilder::new(identity(), options).expect("options");
    for seed in 0..6 {
        builder.push(normal(&format!("n{seed}")), &picture(seed)).expect("push");
    }
    builder.finish(Precision::Int8).expect("bank")
}

fn bytes_of(bank: &MemoryBank) -> Vec<u8> {
    let mut bytes = Vec::new();
    bank.write_to(&mut bytes).expect("in memory");
    bytes
}

#[test]
fn patchcore_scores_by_the_formula() {
    let bank = bank(Keep::All, Scoring::patchcore());
    let rows: Vec<f32> = (0..6).flat_map(|seed| picture(seed).data().to_vec()).collect();
    let query = picture(77);
    let anomaly = bank.score(&query).expect("score");
    let nearest: Vec<(f32, usize)> =
        query.rows().map(|v| plain(&rows, DIM, v, 1, |_| false)[0]).collect();
    for (got, want) in anomaly.distances.iter().zip(&nearest) {
        assert_eq!(*got, want.0.sqrt());
    }
    let worst = score::farthest(&anomaly.distances);
    let vector = &query.data()[worst * DIM..][..DIM];
    let row = |at: usize| &rows[at * DIM..][..DIM];
    let around: Vec<f32> = plain(&rows, DIM, row(nearest[worst].1), 9, |_| false)
        .iter()
        .map(|near| squared_distance(vector, row(near.1)).sqrt())
        .collect();
    assert_eq!(around[0], anomaly.distances[worst], "the nearest row is its own first neighbour");
    let sum: f64 = around.iter().map(|d| f64::from(d - around[0]).exp()).sum();
    let want = f64::from(around[0]) * (1.0 - 1.0 / sum);
    assert!((f64::from(anomaly.score) - want).abs() < 1e-5 * want, "{} {want}", anomaly.score);
    assert_eq!(anomaly.worst(), (worst / 5, worst % 5, around[0]));
    assert_eq!(bank.score(&picture(3)).expect("score").score, 0.0, "a picture of the bank");
}

#[test]
fn anomaly_dino_scores_by_the_formula() {
    let bank = bank(Keep::All, Scoring::anomaly_dino());
    let query = picture(78);
    let anomaly = bank.score(&query).expect("score");
    let rows: Vec<Vec<f32>> =
        (0..6).flat_map(|s| picture(s).rows().map(<[f32]>::to_vec).collect::<Vec<_>>()).collect();
    let cosine = |a: &[f32], b: &[f32]| {
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum::<f64>();
        1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    for (got, vector) in anomaly.distances.iter().zip(query.rows()) {
        let want = rows.iter().map(|row| cosine(vector, row)).fold(f64::INFINITY, f64::min);
        assert!((f64::from(*got) - want).abs() < 1e-5, "{got} {want}");
    }
    let most = anomaly.distances.iter().fold(0.0_f32, |most, &x| most.max(x));
    assert_eq!(anomaly.score, most, "one per cent of 20 patches is one");
    let both = bank.score_all(&[query.clone(), picture(2)]).expect("scores");
    assert_eq!(both[0], anomaly);
}

#[test]
fn selection_and_its_memory_limit() {
    let all = bank(Keep::All, Scoring::patchcore());
    assert_eq!(all.stats().vectors, 120);
    let some = bank(Keep::Share(0.25), Scoring::patchcore());
    assert_eq!((some.stats().vectors, some.stats().offered), (30, 120));
    assert_eq!(
        bytes_of(&some),
        bytes_of(&bank(Keep::Share(0.25), Scoring::patchcore())),
        "deterministic"
    );
    // Every vector that was offered is within the cover radius (dim <= 128: nothing is projected).
    for seed in 0..6 {
        let anomaly = some.score(&picture(seed)).expect("score");
        assert!(anomaly.distances.iter().all(|&d| d <= some.stats().cover_radius * 1.000_01));
    }
    let options = FitOptions { keep: Keep::Share(0.1), held: 60, ..FitOptions::default() };
    let mut builder = BankBuilder::new(identity(), options).expect("options");
    for seed in 0..40 {
        builder.push(normal(&format!("n{seed}")), &picture(seed)).expect("push");
    }
    let bounded = builder.finish(Precision::Float).expect("bank");
    assert_eq!(bounded.stats().vectors, 80);
    assert!(matches!(
        BankBuilder::new(identity(), FitOptions { keep: Keep::Share(0.0), ..options }),
        Err(BankError::Options(_))
    ));
}

#[test]
fn live_edit() {
    let mut bank = bank(Keep::All, Scoring::patchcore());
    let (before, query) = (bytes_of(&bank), picture(50));
    let promise = Promise::default();
    bank.set_calibration(Some(
        Calibration::fit(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], promise).expect("fit"),
    ));
    assert!(bank.normalised(4.5).is_some());
    assert!(bank.score(&query).expect("score").score > 0.0);
    let added = bank.add(normal("new"), &query).expect("add");
    assert_eq!((added.kept, added.offered), (20, 20));
    assert!(bank.calibration().is_none(), "scores changed");
    assert_eq!(bank.score(&query).expect("score").score, 0.0);
    assert!(matches!(bank.add(normal("new"), &query), Err(BankError::Duplicate(_))));
    // Left out, the picture scores as it did before it was added.
    let left_out = bank.score_left_out("new", &query).expect("score");
    assert_eq!(bank.remove("new").expect("remove"), 20);
    assert_eq!(bank.score(&query).expect("score"), left_out);
    assert_eq!(bytes_of(&bank), before, "adding and removing leaves no trace");
    assert_eq!(bank.remove("n0").expect("remove"), 20);
    assert_eq!(
        bank.score(&picture(5)).expect("score").score,
        0.0,
        "owners moved down with their pictures"
    );
    assert!(bank.score(&picture(0)).expect("score").score > 0.0);
    assert!(matches!(bank.remove("n0"), Err(BankError::Unknown(_))));
    for seed in 1..5 {
        bank.remove(&format!("n{seed}")).expect("remove");
    }
    assert!(matches!(bank.remove("n5"), Err(BankError::Empty)));
    assert!(matches!(bank.score_left_out("n5", &query), Err(BankError::Empty)));
    let odd = Patches::new((1, 1), DIM, vec![0.0; DIM]).expect("patches");
    assert!(matches!(bank.score(&odd), Err(BankError::Features(_))));
}

#[test]
fn a_selecting_bank_takes_only_what_is_new() {
    let mut bank = bank(Keep::Share(0.5), Scoring::patchcore());
    let known = bank.add(normal("known"), &picture(1)).expect("add");
    assert_eq!(known.kept, 0, "covered already");
    let far: Vec<f32> = picture(9).data().iter().map(|x| x + 50.0).collect();
    let far = Patches::new(GRID, DIM, far).expect("patches");
    let before = bank.score(&far).expect("score");
    let added = bank.add(normal("far"), &far).expect("add");
    assert!((1..=10).contains(&added.kept), "{added:?}");
    assert!(bank.score(&far).expect("score").score < before.score / 5.0);
}

#[test]
fn files_are_whole_and_say_what_they_belong_to() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("normal.bank");
    let mut bank = bank(Keep::Share(0.5), Scoring::anomaly_dino());
    let scores: Vec<f32> = (0..60_u8).map(f32::from).collect();
    bank.set_calibration(Some(Calibration::fit(&scores, Promise::default()).expect("fit")));
    bank.save(&path).expect("save");
    bank.save(&path).expect("save over it");
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").collect();
    assert_eq!(names.len(), 1, "no temporary file stays");
    let read = MemoryBank::load(&path, Precision::Int8).expect("load");
    assert_eq!(bytes_of(&read), bytes_of(&bank));
    assert_eq!(read.score(&picture(60)).expect("score"), bank.score(&picture(60)).expect("score"));
    assert!(matches!(bank.save(&folder.path().join("no/folder")), Err(BankError::Io { .. })));
    assert!(read.identity().check(&identity()).is_ok());
    let mut other = identity();
    other.features.layers.push("b".into());
    let error = read.identity().check(&other).expect_err("other layers").to_string();
    assert!(error.contains("layers a") && error.contains("a+b"), "{error}");
    for other in [
        Identity { model_sha256: "cd".into(), ..identity() },
        Identity { preprocess: "p2".into(), ..identity() },
        Identity {
            features: FeatureSpec { neighbourhood: 1, ..identity().features },
            ..identity()
        },
    ] {
        assert!(matches!(read.identity().check(&other), Err(BankError::Mismatch { .. })));
    }
}

#[test]
fn announced_counts_are_not_believed() {
    let bytes = bytes_of(&bank(Keep::All, Scoring::patchcore()));
    let length = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
    let header = String::from_utf8(bytes[24..24 + length].to_vec()).expect("JSON");
    for (from, to) in [
        ("\"rows\":120", "\"rows\":120000000000"),
        ("\"rows\":120", "\"rows\":18446744073709551615"),
        ("\"dim\":24", "\"dim\":65536"),
        ("\"dim\":24", "\"dim\":0"),
        ("\"grid\":[4,5]", "\"grid\":[0,5]"),
        ("\"n5\"", "\"n4\""),
        ("\"radius\":0.0", "\"radius\":-1.0"),
    ] {
        let changed = header.replacen(from, to, 1);
        assert_ne!(changed, header, "{from}");
        let mut forged = bytes[..12].to_vec();
        forged.extend((changed.len() as u32).to_le_bytes());
        forged.extend(crc32fast::hash(changed.as_bytes()).to_le_bytes());
        forged.extend(&bytes[20..24]);
        forged.extend(changed.as_bytes());
        forged.extend(&bytes[24 + length..]);
        let read =
            MemoryBank::read_from(&mut &*forged, forged.len() as u64, "forged", Precision::Int8);
        assert!(matches!(read, Err(BankError::File { .. })), "{to}");
    }
}
