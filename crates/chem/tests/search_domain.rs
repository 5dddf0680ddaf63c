//! Training-domain files: round trip, nearest neighbour by data set, damaged bytes.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use strata_chem::arena::domain::{DomainError, DomainRecord};
use strata_chem::arena::{DomainSet, popcount};

fn records() -> Vec<DomainRecord> {
    (0..300u64)
        .map(|row| {
            let mut words = vec![0u64; 32];
            for step in 0..20 + row % 30 {
                let bit = (row * 7 + step * step * 31) % 2048;
                words[bit as usize / 64] |= 1 << (bit % 64);
            }
            let mask = if row % 3 == 0 { 0b01 } else { 0b11 };
            DomainRecord { mask, words }
        })
        .collect()
}

fn names() -> Vec<String> {
    ["ESOL", "Lipo", "empty"].map(str::to_owned).to_vec()
}

fn written() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.dom");
    DomainSet::write(&path, (2048, 2), &names(), &records()).unwrap();
    std::fs::read(path).unwrap()
}

#[test]
fn a_file_gives_back_the_nearest_of_each_data_set() {
    let set = DomainSet::from_bytes(&written()).unwrap();
    assert_eq!((set.bits(), set.radius(), set.len()), (2048, 2, 300));
    assert_eq!(set.names().collect::<Vec<_>>(), ["ESOL", "Lipo", "empty"]);
    assert_eq!(set.dataset("Lipo"), Some(1));
    let records = records();
    let queries: Vec<&[u64]> = records.iter().map(|record| record.words.as_slice()).collect();
    for (query, nearest) in queries.iter().zip(set.nearest_batch(&queries).unwrap()) {
        for (dataset, hit) in nearest.iter().enumerate() {
            let best = records
                .iter()
                .enumerate()
                .filter(|(_, record)| record.mask >> dataset & 1 == 1)
                .map(|(row, record)| {
                    let common: u32 =
                        query.iter().zip(&record.words).map(|(a, b)| (a & b).count_ones()).sum();
                    let union = popcount(query) + popcount(&record.words) - common;
                    (f64::from(common) / f64::from(union), row as u32)
                })
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            assert_eq!(hit.map(|hit| (hit.score, hit.row)), best);
        }
        assert_eq!(nearest[0].map(|hit| hit.score), Some(1.0));
        assert_eq!(nearest[2], None);
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = written();
    for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        let result = DomainSet::from_bytes(&bytes[..length]);
        assert!(matches!(result, Err(DomainError::Format { .. })), "{length} bytes");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(DomainSet::from_bytes(&longer).is_err());
}

#[test]
fn flipped_bytes_never_panic() {
    let bytes = written();
    for at in 0..bytes.len().min(600) {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Ok(set) = DomainSet::from_bytes(&damaged) {
                assert_eq!(set.len(), 300);
            }
        }
    }
}

#[test]
fn what_has_no_place_in_the_format_is_refused() {
    let path = std::path::Path::new("never-written.dom");
    let mut records = records();
    records[0].mask = 0b1000;
    assert!(DomainSet::write(path, (2048, 2), &names(), &records).is_err());
    records[0].mask = 0;
    assert!(DomainSet::write(path, (2048, 2), &names(), &records).is_err());
    assert!(DomainSet::write(path, (2048, 2), &[], &[]).is_err());
    assert!(!path.exists());
}
