//! Library files: what goes in comes out, search equals search in memory, damaged bytes give errors.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::path::{Path, PathBuf};

use strata_chem::arena::{FingerprintArena, Search};
use strata_chem::db::{BuildOptions, Entry, Library, LibraryBuilder, LibraryError};

const BITS: usize = 256;
const SCREEN: usize = 64;

fn options() -> BuildOptions {
    let description = "fingerprint=none\nkey=value".to_owned();
    BuildOptions { fingerprint_bits: BITS, screen_bits: SCREEN, description }
}

fn fingerprint(number: usize) -> Vec<u64> {
    let mut words = vec![0u64; BITS / 64];
    let mut state = number as u64 + 1;
    for _ in 0..number % 50 {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        let bit = (state >> 40) as usize % BITS;
        words[bit / 64] |= 1 << (bit % 64);
    }
    words
}

fn row(number: usize) -> Entry {
    if number % 101 == 7 {
        return Entry::Bad {
            id: format!("id\t{number}"),
            code: "valence".to_owned(),
            message: "five bonds\nat a carbon".to_owned(),
        };
    }
    Entry::Molecule {
        id: format!("id {number} µ"),
        smiles: "C".repeat(number % 9),
        fingerprint: fingerprint(number),
        screen: vec![number as u64],
    }
}

fn build(path: &Path, rows: usize) {
    let mut builder = LibraryBuilder::new(path, options()).unwrap();
    for number in 0..rows {
        builder.push(&row(number)).unwrap();
    }
    assert!(!path.exists(), "nothing is seen before the end");
    builder.finish().unwrap();
}

fn small() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small.sfp");
    build(&path, 700);
    (folder, path)
}

#[test]
fn search_on_disk_equals_search_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.sfp");
    // More than one sorted run (65,536) and several blocks.
    let rows = 80_000;
    build(&path, rows);
    let library = Library::open(&path).unwrap();
    library.verify().unwrap();
    let good: Vec<usize> = (0..rows).filter(|number| number % 101 != 7).collect();
    assert_eq!((library.len(), library.input_rows()), (good.len(), rows as u64));
    let words: Vec<u64> = good.iter().flat_map(|&number| fingerprint(number)).collect();
    let memory = FingerprintArena::new(BITS, &words).unwrap();
    for query in [1, 49, 77_777].map(fingerprint) {
        for search in [
            Search { top_k: Some(50), ..Search::default() },
            Search { threshold: 0.4, ..Search::default() },
        ] {
            let hits = library.arena().search(&query, &search).unwrap();
            assert_eq!(hits, memory.search(&query, &search).unwrap());
        }
    }
    for (number, &input_row) in good.iter().enumerate().step_by(997) {
        let molecule = library.molecule(number as u32).unwrap();
        assert_eq!(molecule.input_row, input_row as u64);
        assert_eq!(molecule.id, format!("id {input_row} µ"));
        assert_eq!(molecule.smiles, "C".repeat(input_row % 9));
    }
    assert!(library.molecule(good.len() as u32).is_err());
}

#[test]
fn bad_rows_are_listed_not_dropped() {
    let (_folder, path) = small();
    let library = Library::open(&path).unwrap();
    let bad = library.bad_rows().unwrap();
    assert_eq!(bad.len(), 7);
    assert_eq!(bad.len() + library.len(), 700);
    assert_eq!((bad[1].input_row, bad[1].id, bad[1].code), (108, "id 108", "valence"));
    assert_eq!(bad[1].message, "five bonds at a carbon");
    assert!(library.description().contains("key=value"));
}

#[test]
fn an_empty_library_is_a_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.sfp");
    build(&path, 0);
    let library = Library::open(&path).unwrap();
    library.verify().unwrap();
    assert!(library.is_empty() && library.bad_rows().unwrap().is_empty());
    assert!(library.arena().top_k(&fingerprint(3), 5).unwrap().is_empty());
}

/// Everything a caller may do with a library that opened; must not panic.
fn use_all(library: &Library) {
    let _ = library.verify();
    let _ = library.bad_rows();
    let numbers = library.arena().search(&fingerprint(33), &Search::default());
    for hit in numbers.into_iter().flatten() {
        let _ = library.molecule(hit.row);
    }
}

#[test]
fn damaged_files_never_panic_and_verify_tells() {
    let (folder, path) = small();
    let bytes = std::fs::read(&path).unwrap();
    let damaged_path = folder.path().join("damaged.sfp");
    let mut state = 9u64;
    let mut random = |limit: usize| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 33) as usize % limit
    };
    for round in 0..300 {
        let mut damaged = bytes.clone();
        // Half of the rounds aim at the head.
        let at = if round % 2 == 0 { random(4096) } else { random(bytes.len()) };
        let before = damaged[at];
        damaged[at] = damaged[at].wrapping_add(1 + random(255) as u8);
        assert_ne!(before, damaged[at]);
        std::fs::write(&damaged_path, &damaged).unwrap();
        match Library::open(&damaged_path) {
            Err(_) => {}
            Ok(library) => {
                use_all(&library);
                // Bytes between sections belong to none.
                let padding = library.verify().is_ok();
                assert!(!padding || before == 0, "round {round}: byte {at} went unnoticed");
            }
        }
    }
}

#[test]
fn every_truncation_is_an_error() {
    let (folder, path) = small();
    let bytes = std::fs::read(&path).unwrap();
    let short = folder.path().join("short.sfp");
    for length in (0..bytes.len()).step_by(1009).chain([4095, 4096, bytes.len() - 1]) {
        std::fs::write(&short, &bytes[..length]).unwrap();
        assert!(Library::open(&short).is_err(), "{length} bytes");
    }
}

#[test]
fn lies_in_a_head_with_a_good_checksum_are_found() {
    use sha2::{Digest, Sha256};
    let (folder, path) = small();
    let bytes = std::fs::read(&path).unwrap();
    let lying = folder.path().join("lying.sfp");
    // Each number of the head in turn: counts, places and lengths of sections.
    for at in (16..4096 - 32).step_by(8).take(70) {
        for value in [0u64, 1, 63, 1 << 20, u64::MAX, u64::MAX - 63, 1 << 40] {
            let mut damaged = bytes.clone();
            damaged[at..at + 8].copy_from_slice(&value.to_le_bytes());
            let digest = Sha256::digest(&damaged[..4096 - 32]);
            damaged[4096 - 32..4096].copy_from_slice(&digest);
            std::fs::write(&lying, &damaged).unwrap();
            if let Ok(library) = Library::open(&lying) {
                use_all(&library);
            }
        }
    }
}

#[test]
fn other_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library.smi");
    std::fs::write(&path, "CCO ethanol\n".repeat(1000)).unwrap();
    assert!(matches!(Library::open(&path), Err(LibraryError::NotALibrary)));
    assert!(matches!(
        Library::open(folder.path()),
        Err(LibraryError::NotALibrary | LibraryError::Io { .. })
    ));
    let absent = Library::open(&folder.path().join("absent.sfp")).unwrap_err();
    assert!(absent.to_string().contains("absent.sfp"));
    let wrong = Entry::Molecule {
        id: String::new(),
        smiles: String::new(),
        fingerprint: vec![0],
        screen: vec![0],
    };
    let mut builder = LibraryBuilder::new(&folder.path().join("new.sfp"), options()).unwrap();
    assert!(builder.push(&wrong).is_err());
}
