//! Broken GRIB: cut, flipped, shuffled and padded files never panic, and never allocate beyond their limits.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use strata_earth::grib;
use strata_earth::source::{Limits, ReadError, Source};

/// Counts what is held, and its peak.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator that counts for a test, and else is the system's")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Points that are allowed here: more than any of the files has.
const LIMITS: Limits = Limits { points: 100_000, fields: 1000 };
/// Octets that reading a file of ours may hold at once: a field in work is numbers of 8 octets, thrice, and coordinates; a decoder of
/// streams has buffers of its own; several cases run at once.
const MOST: usize = 64 << 20;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/grib")
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "grib"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .filter(|(_, bytes)| bytes.len() < 4000)
        .collect();
    files.sort();
    assert!(files.len() > 30);
    files
}

fn try_read(bytes: &[u8]) -> Result<usize, ReadError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let found = grib::open(file.path(), &LIMITS).map(|file| {
        for index in 0..file.headers().len() {
            let points = file.headers()[index].grid.len();
            assert!(points <= LIMITS.points);
            if let Ok(values) = file.values(index) {
                assert_eq!(values.len(), points);
            }
        }
        assert!(file.values(usize::MAX).is_err());
        file.headers().len()
    });
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak < MOST, "{peak} octets held");
    found
}

#[test]
fn every_cut_is_an_error_that_names_the_file() {
    for (name, bytes) in files() {
        for length in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
            let error = try_read(&bytes[..length]).unwrap_err();
            assert!(matches!(error, ReadError::Format { .. }), "{name} {length}: {error}");
        }
        assert_eq!(try_read(&bytes).unwrap(), 1, "{name}");
    }
}

#[test]
fn every_bit_of_a_header_may_flip() {
    for (name, bytes) in files() {
        // Headers of these files end before octet 300; what follows is packed values.
        for at in 0..bytes.len().min(300) {
            for bit in [0, 3, 7] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let _ = try_read(&flipped);
            }
            for octet in [0, 0xff] {
                let mut set = bytes.clone();
                set[at] = octet;
                let _ = try_read(&set);
            }
        }
        println!("{name}");
    }
}

#[test]
fn garbage_between_messages_is_skipped_and_noted() {
    let all = files();
    let mut mixed = b"GRIB header of a mail\n\n".to_vec();
    for (_, bytes) in &all {
        mixed.extend(bytes);
        mixed.extend(b"\x01\rrubbish GRI");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&mixed).unwrap();
    let file = grib::open(file.path(), &LIMITS).unwrap();
    assert_eq!(file.headers().len(), all.len());
    let told = file.notes().iter().any(|note| note.contains("places") && note.contains("skipped"));
    assert!(told, "{:?}", file.notes());
    for index in 0..file.headers().len() {
        file.values(index).unwrap();
    }
}

#[test]
fn more_points_or_fields_than_allowed_are_left_out() {
    let (_, bytes) = files().into_iter().find(|(name, _)| name.contains("g2_constant")).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes.repeat(5)).unwrap();
    let few = Limits { fields: 3, ..LIMITS };
    let held = grib::open(file.path(), &few).unwrap();
    assert_eq!(held.headers().len(), 3);
    assert!(held.notes().iter().any(|note| note.contains("more than 3 fields")));
    let small = Limits { points: 100, ..LIMITS };
    let error = grib::open(file.path(), &small).unwrap_err().to_string();
    assert!(error.contains("more than the 100 allowed"), "{error}");
}

#[test]
fn fields_are_read_by_several_threads() {
    let (_, bytes) = files().into_iter().find(|(name, _)| name.contains("g2_ccsds_16")).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes.repeat(32)).unwrap();
    let file = grib::open(file.path(), &LIMITS).unwrap();
    let first = file.values(0).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (file, first) = (&file, &first);
            scope.spawn(move || {
                for index in (thread..32).step_by(4) {
                    assert_eq!(&file.values(index).unwrap(), first);
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn flipped_octets_never_panic(
        which in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let files = files();
        let mut bytes = files[which.index(files.len())].1.clone();
        for (at, octet) in flips {
            let at = at.index(bytes.len());
            bytes[at] = octet;
        }
        if let Some(cut) = cut {
            let cut = cut.index(bytes.len());
            bytes.remove(cut);
        }
        let _ = try_read(&bytes);
    }
}
