//! JPEGs against libjpeg-turbo's pixels (`tests/data/make_jpeg.py`), and damaged ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use strata_vision::geometry::Size;
use strata_vision::image::{DecodeLimits, Image, decode};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The files of `tests/data/jpeg`, by name.
fn files() -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder().join("jpeg")).expect("a folder");
    let read = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(&path).expect("a file"))
    });
    read.collect()
}

fn read(bytes: &[u8]) -> Image {
    decode(bytes, &DecodeLimits::default()).expect("a JPEG")
}

#[test]
fn pixels_are_those_of_libjpeg_turbo() {
    let about = std::fs::read(folder().join("jpeg.json")).expect("a file");
    let about: serde_json::Value = serde_json::from_slice(&about).expect("JSON");
    let files = files();
    assert!(files.len() >= 30 && about.as_object().expect("an object").len() == files.len());
    for (name, bytes) in files {
        let image = read(&bytes);
        let [width, height] =
            ["width", "height"].map(|side| about[&name][side].as_u64().unwrap_or(0) as u32);
        assert_eq!(image.size(), Size::new(width, height), "{name}");
        let hash = Sha256::digest(image.data());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Some(hash.as_str()), about[&name]["sha256"].as_str(), "{name}");
    }
}

/// The code of the error that reading gives.
fn code(bytes: &[u8]) -> &'static str {
    decode(bytes, &DecodeLimits::default()).map_or_else(|error| error.code(), |_| "read")
}

/// Where a marker lies.
fn marker(bytes: &[u8], code: u8) -> usize {
    bytes.windows(2).position(|pair| pair == [0xFF, code]).expect("a marker")
}

#[test]
fn tables_left_out_are_the_standards() {
    let files = files();
    let bytes = &files["420_33x47"];
    let mut bare = bytes[..2].to_vec();
    let mut at = 2;
    while bytes[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        if bytes[at + 1] != 0xC4 {
            bare.extend_from_slice(&bytes[at..end]);
        }
        at = end;
    }
    bare.extend_from_slice(&bytes[at..]);
    assert!(bare.len() + 400 < bytes.len());
    assert_eq!(read(&bare), read(bytes));
}

#[test]
fn kinds_that_are_not_read_are_told() {
    let files = files();
    let bytes = &files["444_16x16"];
    let frame = marker(bytes, 0xC0);
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] = value;
        code(&changed)
    };
    // Lossless, arithmetic, hierarchical; 12 bits; two components; factors of 3 beside 2.
    for kind in [0xC3, 0xC9, 0xCA, 0xC5, 0xCD] {
        assert_eq!(with(frame + 1, kind), "unsupported", "{kind:x}");
    }
    assert_eq!(with(frame + 4, 12), "unsupported");
    assert_eq!(with(frame + 9, 2), "unsupported");
    let mut odd = bytes.clone();
    odd[frame + 11] = 0x31;
    odd[frame + 14] = 0x21;
    assert_eq!(code(&odd), "unsupported");
    assert_eq!(with(frame + 11, 0x51), "corrupt");
    assert_eq!(with(frame + 11, 0x01), "corrupt");
}

#[test]
fn damage_within_scans_is_told() {
    let files = files();
    // A restart marker out of turn, and a missing one.
    let bytes = &files["420_restart"];
    let restart = marker(bytes, 0xD1);
    let mut wrong = bytes.clone();
    wrong[restart + 1] = 0xD4;
    assert_eq!(code(&wrong), "corrupt");
    let lenient = DecodeLimits { lenient: true, ..DecodeLimits::default() };
    let (whole, part) = (read(bytes), decode(&wrong, &lenient).expect("as far as it goes"));
    assert_eq!(part.size(), whole.size());
    // Two restarts are four units of 16 columns: the first row but for the last row, which is filtered.
    assert_eq!(part.data()[..50 * 3 * 15], whole.data()[..50 * 3 * 15]);
    assert_eq!(part.pixel(40, 36), Some([128; 3]));
    // A progressive file closed after its first scans: of these a component may be missing.
    let bytes = &files["444_progressive"];
    let scans: Vec<usize> =
        (0..bytes.len() - 1).filter(|&at| bytes[at..at + 2] == [0xFF, 0xDA]).collect();
    assert!(scans.len() > 5);
    for cut in [scans[0] + 20, scans[1] + 12] {
        assert_eq!(code(&[&bytes[..cut], b"\xFF\xD9"].concat()), "truncated");
    }
    let separate = &files["separate_scans"];
    let last = separate.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).expect("a scan");
    assert_eq!(code(&[&separate[..last], b"\xFF\xD9"].concat()), "truncated");
}

#[test]
fn coefficients_count_as_memory() {
    let bytes = &files()["420_progressive"];
    let limits = |max_alloc| DecodeLimits { max_alloc, ..DecodeLimits::default() };
    // 35 by 29 pixels are 3 by 2 units of six blocks of 128 bytes.
    let error = decode(bytes, &limits(35 * 29 * 3 + 36 * 128)).expect_err("strips come to it");
    assert_eq!(error.code(), "too_large");
    assert!(decode(bytes, &limits(20_000)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// Changed bytes give a picture or an error and never a panic, which is told as "its decoder gave up".
    #[test]
    fn changed_bytes_are_survived(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        in_scan in any::<bool>(),
        lenient in any::<bool>(),
    ) {
        let files = FILES.get_or_init(|| files().into_values().collect());
        let mut bytes = files[which.index(files.len())].clone();
        let from = if in_scan { marker(&bytes, 0xDA) } else { 2 };
        for (at, value) in changes {
            let at = from + at.index(bytes.len() - from);
            bytes[at] = value;
        }
        let limits = DecodeLimits { max_pixels: 1 << 18, max_alloc: 1 << 24, lenient, ..DecodeLimits::default() };
        match decode(&bytes, &limits) {
            Ok(image) => prop_assert_eq!(image.data().len() as u64, image.size().area() * 3),
            Err(error) => prop_assert!(!error.to_string().contains("gave up"), "{}", error),
        }
    }
}

static FILES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
