//! NetCDF and Zarr files read as xarray reads them: files made by `fixtures/make_files.py`, and the shared samples.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use strata_earth::source::{Limits, ReadError, Source};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join(name)).unwrap()).unwrap()
}

fn open(path: &Path) -> Box<dyn Source> {
    strata_earth::open(path, &Limits::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Equal to the rounding of float32: xarray unpacks in other steps.
fn near(got: f32, expected: &Value) -> bool {
    match expected.as_f64() {
        None => got.is_nan(),
        Some(expected) => (f64::from(got) - expected).abs() <= expected.abs() * 3e-7 + 1e-12,
    }
}

#[test]
fn files_of_all_layouts_are_what_xarray_says() {
    for (name, fields) in json("files.json").as_object().unwrap() {
        let source = open(&fixtures().join("files").join(name));
        let headers = source.headers();
        let list = |fields: &[String]| fields.join("\n");
        let told: Vec<String> = headers
            .iter()
            .map(|one| format!("{} {} {} {}", one.variable, one.level, one.reference, one.step))
            .collect();
        let fields = fields.as_array().unwrap();
        assert_eq!(headers.len(), fields.len(), "{name}: {:?}\n{}", source.notes(), list(&told));
        let text = |field: &Value, key: &str| field[key].as_str().unwrap().to_owned();
        for field in fields {
            // Each field once, whatever the order of variables.
            let matches = |at: &usize| {
                let one = &headers[*at];
                one.variable == text(field, "variable")
                    && one.level.to_string() == text(field, "level")
                    && one.reference.to_string() == text(field, "reference")
                    && one.step == field["step"].as_i64().unwrap()
                    && one.member.map(u64::from) == field["member"].as_u64()
                    && one.unit == text(field, "unit")
            };
            let found: Vec<usize> = (0..headers.len()).filter(matches).collect();
            assert_eq!(
                found.len(),
                1,
                "{name}: {} {} {}\n{}",
                field["variable"],
                field["level"],
                field["reference"],
                list(&told)
            );
            let values = source.values(found[0]).unwrap();
            let grid = &headers[found[0]].grid;
            assert_eq!(serde_json::json!([grid.shape.0, grid.shape.1]), field["shape"], "{name}");
            assert!(grid.to_string().contains(&text(field, "grid")), "{name}: {grid}");
            let expected = field["values"].as_array().unwrap();
            assert_eq!(values.len(), expected.len());
            for (got, expected) in values.iter().zip(expected) {
                assert!(
                    near(*got, expected),
                    "{name}: {} {got} {expected}",
                    headers[found[0]].variable
                );
            }
        }
    }
}

#[test]
fn shared_samples_are_what_xarray_says() {
    let Some(shared) = std::env::var_os("STRATA_SHARED").map(PathBuf::from) else {
        println!("skipped: STRATA_SHARED is not set");
        return;
    };
    for (name, sample) in json("shared_files.json").as_object().unwrap() {
        let source = open(&shared.join("data/weather").join(name));
        let fields = sample["fields"].as_array().unwrap();
        assert_eq!(source.headers().len(), fields.len(), "{name}: {:?}", source.notes());
        for field in fields {
            let at = source.headers().iter().position(|one| {
                one.attributes["name"] == field["name"].as_str().unwrap()
                    && field["level"].as_f64().is_none_or(|level| one.level.is_pressure(level))
            });
            let at = at.unwrap_or_else(|| panic!("{name}: {} {}", field["name"], field["level"]));
            let header = &source.headers()[at];
            assert_eq!(
                header.reference.to_string(),
                field["reference"].as_str().unwrap(),
                "{name}"
            );
            assert_eq!(
                (header.step, header.unit.as_str()),
                (0, field["unit"].as_str().unwrap()),
                "{name}"
            );
            let ends = |values: &[f64]| serde_json::json!([values[0], values[values.len() - 1]]);
            assert_eq!(
                (ends(&header.grid.lats), ends(&header.grid.lons)),
                (sample["lats"].clone(), sample["lons"].clone())
            );
            let values = source.values(at).unwrap();
            let sum: f64 =
                values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value)).sum();
            let expected = field["sum"].as_f64().unwrap();
            let size: f64 = values
                .iter()
                .filter(|value| !value.is_nan())
                .map(|value| f64::from(value.abs()))
                .sum();
            assert!(
                (sum - expected).abs() <= size * 1e-6,
                "{name} {}: {sum} {expected}",
                field["name"]
            );
            assert_eq!(
                values.iter().filter(|value| value.is_nan()).count() as u64,
                field["missing"].as_u64().unwrap()
            );
            for (step, expected) in field["some"].as_array().unwrap().iter().enumerate() {
                let place = ((values.len() - 1) as f64 * step as f64 / 6.0) as usize;
                assert!(
                    near(values[place], expected),
                    "{name} {}: {} {expected}",
                    field["name"],
                    values[place]
                );
            }
        }
    }
}

#[test]
fn what_is_no_file_of_fields_is_told_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let told = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        match strata_earth::open(&path, &Limits::default()) {
            Ok(_) => panic!("{name} was opened"),
            Err(error) => error.to_string(),
        }
    };
    assert!(told("a.npy", b"\x93NUMPY\x01\0").contains("card"));
    assert!(told("a.txt", b"hello").contains("none of the formats"));
    assert!(told("a", b"").contains("empty"));
    assert!(told("a.nc", b"CDF\x01\0\0").contains("NetCDF"));
    let nothing = strata_earth::open(folder.path(), &Limits::default()).err().unwrap().to_string();
    assert!(nothing.contains("zarr.json"), "{nothing}");
    let missing = strata_earth::open(&folder.path().join("none"), &Limits::default());
    assert!(matches!(missing.err().unwrap(), ReadError::Io { .. }));
}

#[test]
fn limits_hold() {
    let path = fixtures().join("files/cds_old.nc");
    let few = Limits { fields: 5, ..Limits::default() };
    let source = strata_earth::open(&path, &few).unwrap();
    assert!(
        source.headers().len() == 4 && source.notes()[0].contains("more than 5 fields"),
        "{:?}",
        source.notes()
    );
    let small = Limits { points: 39, ..Limits::default() };
    let error = strata_earth::open(&path, &small).err().unwrap().to_string();
    assert!(error.contains("40 points are more than 39"), "{error}");
}

/// Reads all of a file whose bytes were changed: an error or values, never a panic, never much memory.
fn read_all(path: &Path) {
    let limits = Limits { points: 1 << 16, fields: 1 << 10 };
    let Ok(source) = strata_earth::open(path, &limits) else { return };
    for (at, header) in source.headers().iter().enumerate() {
        if let Ok(values) = source.values(at) {
            assert_eq!(values.len(), header.grid.len());
        }
    }
}

#[test]
fn broken_bytes_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % below.max(1)
    };
    for entry in std::fs::read_dir(fixtures().join("files")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let whole = std::fs::read(&path).unwrap();
        let broken = folder.path().join(path.file_name().unwrap());
        for round in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..=random(4) {
                let at = random(if round % 2 == 0 { bytes.len() } else { bytes.len().min(4096) });
                bytes[at] = if round % 3 == 0 { 0xff } else { random(256) as u8 };
            }
            if round % 10 == 0 {
                bytes.truncate(random(whole.len()));
            }
            std::fs::write(&broken, &bytes).unwrap();
            read_all(&broken);
        }
    }
}

#[test]
fn broken_stores_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["weatherbench.zarr", "sharded.zarr"] {
        let from = fixtures().join("files").join(name);
        let to = folder.path().join(name);
        let mut files = Vec::new();
        copy(&from, &to, &mut files);
        let mut seed = 12_345_u64;
        for file in &files {
            let whole = std::fs::read(file).unwrap();
            for _ in 0..12 {
                let mut bytes = whole.clone();
                for _ in 0..2 {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let at = (seed >> 33) as usize % bytes.len();
                    bytes[at] = if file.extension().is_some() {
                        b"0123456789-[]{}x"[(seed >> 20) as usize % 16]
                    } else {
                        (seed >> 20) as u8
                    };
                }
                std::fs::write(file, &bytes).unwrap();
                read_all(&to);
            }
            std::fs::write(file, &whole).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path, files: &mut Vec<PathBuf>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, files);
        } else {
            std::fs::copy(&path, &target).unwrap();
            files.push(target);
        }
    }
}

/// Each array of a Zarr store tells its own sizes: one that lies on more longitudes than there are has no place on the map.
#[test]
fn an_array_beyond_its_coordinates_is_left_out_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.zarr");
    copy(&fixtures().join("files/weatherbench.zarr"), &store, &mut Vec::new());
    let metadata = store.join(".zmetadata");
    let text = std::fs::read_to_string(&metadata).unwrap();
    let fields = open(&store).headers().len();
    std::fs::write(&metadata, text.replace("\"shape\": [2, 8, 5]", "\"shape\": [2, 9, 5]"))
        .unwrap();
    let source = open(&store);
    assert_eq!(source.headers().len(), fields - 2);
    let note = source.notes().iter().find(|note| note.contains("2m_temperature")).unwrap();
    assert!(note.contains("longitude has 9 places") && note.contains("has 8"), "{note}");
}
