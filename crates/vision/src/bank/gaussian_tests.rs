//! Gaussian banks against dense formulas, their live edit and files.

use super::coreset::SplitMix;
use super::*;

const GRID: (usize, usize) = (2, 3);
const DIM: usize = 6;

fn identity() -> Identity {
    let features = FeatureSpec { layers: vec!["a".into()], neighbourhood: 3 };
    Identity { model: "tiny".into(), model_sha256: "ab".into(), preprocess: "p1".into(), features }
}

/// A picture whose places have means and spreads of their own.
fn picture(seed: u64) -> Patches {
    let mut random = SplitMix(seed * 7 + 1);
    let data = (0..GRID.0 * GRID.1 * DIM)
        .map(|at| {
            let draw: f32 = (0..4).map(|_| random.below(2_001) as f32 / 1_000.0 - 1.0).sum();
            draw * (1.0 + (at % 5) as f32) + (at / DIM) as f32
        })
        .collect();
    Patches::new(GRID, DIM, data).expect("patches")
}

fn name(seed: u64) -> Normal {
    Normal { name: seed.to_string(), sha256: String::new() }
}

fn bank(seeds: std::ops::Range<u64>) -> GaussianBank {
    let options = GaussianOptions { components: DIM, ridge: 1e-9, ..GaussianOptions::default() };
    let mut builder = GaussianBuilder::new(identity(), options).expect("options");
    for seed in seeds {
        builder.push(name(seed), &picture(seed)).expect("push");
    }
    builder.finish().expect("bank")
}

/// Mahalanobis distance with the covariance of some pictures at one place, by Gauss and Jordan.
fn plain(pictures: &[Patches], place: usize, vector: &[f32]) -> f64 {
    let rows: Vec<Vec<f64>> = pictures
        .iter()
        .map(|p| p.data()[place * DIM..][..DIM].iter().map(|&x| f64::from(x)).collect())
        .collect();
    let n = rows.len() as f64;
    let mean: Vec<f64> = (0..DIM).map(|k| rows.iter().map(|row| row[k]).sum::<f64>() / n).collect();
    let mut system: Vec<Vec<f64>> = (0..DIM)
        .map(|a| {
            let covariance = |b: usize| {
                rows.iter().map(|r| (r[a] - mean[a]) * (r[b] - mean[b])).sum::<f64>() / (n - 1.0)
            };
            (0..DIM).map(covariance).chain([f64::from(vector[a]) - mean[a]]).collect()
        })
        .collect();
    let off: Vec<f64> = system.iter().map(|row| row[DIM]).collect();
    for pivot in 0..DIM {
        let row = system[pivot].clone();
        for (at, other) in system.iter_mut().enumerate() {
            let factor = if at == pivot {
                (row[pivot] - 1.0) / row[pivot]
            } else {
                other[pivot] / row[pivot]
            };
            other.iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    off.iter().zip(&system).map(|(d, row)| d * row[DIM]).sum::<f64>().sqrt()
}

#[test]
fn distances_are_mahalanobis() {
    let pictures: Vec<Patches> = (0..60).map(picture).collect();
    let bank = bank(0..60);
    let query = picture(500);
    let anomaly = bank.score(&query).expect("score");
    for (place, got) in anomaly.distances.iter().enumerate() {
        let want = plain(&pictures, place, &query.data()[place * DIM..][..DIM]);
        assert!((f64::from(*got) / want - 1.0).abs() < 1e-3, "{place}: {got} {want}");
    }
    assert_eq!(anomaly.score, anomaly.worst().2, "five per cent of six is one");
}

#[test]
fn left_out_is_as_if_never_there() {
    let all = bank(0..20);
    let rest: Vec<Patches> = (0..19).map(picture).collect();
    let query = picture(19);
    let anomaly = all.score_left_out("19", &query).expect("score");
    for (place, got) in anomaly.distances.iter().enumerate() {
        let want = plain(&rest, place, &query.data()[place * DIM..][..DIM]);
        assert!((f64::from(*got) / want - 1.0).abs() < 1e-3, "{place}: {got} {want}");
    }
    assert!(matches!(all.score_left_out("20", &query), Err(BankError::Unknown(_))));
}

#[test]
fn live_edit_and_files() {
    let mut bank = bank(0..60);
    let query = picture(500);
    let before = bank.score(&query).expect("score");
    bank.add(name(60), &picture(60)).expect("add");
    assert!(matches!(bank.add(name(60), &picture(60)), Err(BankError::Duplicate(_))));
    assert_ne!(bank.score(&query).expect("score"), before);
    bank.remove("60", &picture(60)).expect("remove");
    assert!(matches!(bank.remove("60", &picture(60)), Err(BankError::Unknown(_))));
    let after = bank.score(&query).expect("score");
    assert!((after.score / before.score - 1.0).abs() < 1e-5);
    let mut bytes = Vec::new();
    bank.write_to(&mut bytes).expect("in memory");
    let read = |bytes: &[u8]| GaussianBank::read_from(&mut &*bytes, bytes.len() as u64, "x");
    assert_eq!(read(&bytes).expect("read").score(&query).expect("score"), after);
    for at in (0..bytes.len()).step_by(37) {
        assert!(matches!(read(&bytes[..at]), Err(BankError::File { .. })), "cut at {at}");
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(read(&changed).is_err(), "changed at {at}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("g.bank");
    bank.save(&path).expect("save");
    assert_eq!(GaussianBank::load(&path).expect("load").normals(), bank.normals());
    assert!(MemoryBank::load(&path, Precision::Int8).is_err(), "another kind of bank");
}

#[test]
fn equal_pictures_do_no_harm() {
    let mut builder =
        GaussianBuilder::new(identity(), GaussianOptions::default()).expect("options");
    assert!(matches!(
        GaussianBuilder::new(
            identity(),
            GaussianOptions { components: 0, ..GaussianOptions::default() }
        ),
        Err(BankError::Options(_))
    ));
    for seed in 0..50 {
        builder.push(name(seed), &picture(1)).expect("push");
    }
    let bank = builder.finish().expect("bank");
    assert!(bank.score(&picture(2)).expect("score").score.is_finite());
    assert!(
        bank.score(&picture(1)).expect("score").score
            < 1e-2 * bank.score(&picture(2)).expect("score").score
    );
}
