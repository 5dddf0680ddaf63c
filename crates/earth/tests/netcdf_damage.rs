//! A NetCDF file of ours whose bytes changed since: bits flipped all over it, and places where it may be cut off.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::netcdf::{Options, Writer};
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::source::Limits;
use strata_earth::time::Time;

/// Two variables at two steps.
fn write(path: &Path) {
    let planned = |variable: &str, unit: &str, levels: &[f64]| Planned {
        variable: variable.to_owned(),
        unit: unit.to_owned(),
        levels: levels.iter().copied().map(Level::pressure).collect(),
    };
    let plan = Plan {
        grid: Arc::new(Grid::regular(5, 8)),
        reference: Time::from_date(2024, 5, 1).unwrap(),
        steps: vec![0, 21_600],
        members: None,
        variables: vec![planned("t", "K", &[850.0, 500.0]), planned("u", "m s-1", &[850.0, 500.0])],
        attributes: BTreeMap::from([("planet".to_owned(), "idealised-dry-planet".to_owned())]),
    };
    let mut sink = Writer::create(path, &plan, Options::default()).unwrap();
    let mut start = 250.0;
    for step in plan.steps.clone() {
        for planned in &plan.variables {
            for level in &planned.levels {
                let header = Header {
                    variable: planned.variable.clone(),
                    level: *level,
                    reference: plan.reference,
                    step,
                    member: None,
                    unit: planned.unit.clone(),
                    grid: Arc::clone(&plan.grid),
                    attributes: BTreeMap::new(),
                };
                let values: Vec<f32> = (0..40).map(|at| start + (at * 7 % 11) as f32).collect();
                sink.write(&header, &values).unwrap();
                start += 1.0;
            }
        }
    }
    Box::new(sink).finish().unwrap();
}

type Fields = Vec<(Header, Vec<f32>)>;

/// All of a file, or the first error's words.
fn read(path: &Path) -> Result<Fields, String> {
    let source = strata_earth::open(path, &Limits::default()).map_err(|error| error.to_string())?;
    let field = |(at, header): (usize, &Header)| match source.values(at) {
        Ok(values) => Ok((header.clone(), values)),
        Err(error) => Err(error.to_string()),
    };
    source.headers().iter().enumerate().map(field).collect()
}

#[test]
fn no_flipped_bit_changes_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.nc");
    write(&path);
    let whole = read(&path).unwrap();
    assert_eq!(whole.len(), 8);
    let mut bytes = std::fs::read(&path).unwrap();
    let broken = folder.path().join("broken.nc");
    let (mut refused, mut same) = (0, 0);
    // Every fourth byte of the head, every one of the chunks and the seal.
    let dense = bytes.len() - 600;
    for at in (0..dense).step_by(4).chain(dense..bytes.len()) {
        let bit = 1 << (at * 5 / 4 % 8);
        bytes[at] ^= bit;
        std::fs::write(&broken, &bytes).unwrap();
        bytes[at] ^= bit;
        match read(&broken) {
            Err(why) => {
                assert!(why.contains("broken.nc"), "byte {at}: {why}");
                refused += 1;
            }
            Ok(read) => {
                assert!(read == whole, "byte {at} of {}: other fields are read", bytes.len());
                same += 1;
            }
        }
    }
    // What is the same: the seal itself, and what of deflate's streams says nothing.
    println!("{} bytes: {refused} flips refused, {same} change nothing", bytes.len());
    assert!(same <= 24 + 8 * 6, "{same} flips were not noticed");
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.nc");
    write(&path);
    let bytes = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.nc");
    for length in (0..bytes.len()).rev().step_by(41).chain([1, 8, 47, 48]) {
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let why = read(&cut).unwrap_err();
        assert!(why.contains("cut.nc"), "{length}: {why}");
        if length >= 48 {
            let said = format!("cut short: {length} of {} bytes", bytes.len());
            assert!(why.contains(&said) && why.contains("fetch it again"), "{length}: {why}");
        }
    }
}

#[test]
fn bytes_after_the_end_do_no_harm() {
    // A download that was padded: it has no seal at its end, and is read as any other program's file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.nc");
    write(&path);
    let whole = read(&path).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend([0; 100]);
    std::fs::write(&path, &bytes).unwrap();
    assert!(read(&path).unwrap() == whole);
}
