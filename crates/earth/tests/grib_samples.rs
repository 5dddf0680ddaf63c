//! Every GRIB file of cfgrib's and earthkit's samples against what ecCodes reads in it (`fixtures/make_grib_samples.py`), and files
//! of other packings and grids that ecCodes wrote (`fixtures/make_grib_extra.py`).

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use strata_earth::field::Header;
use strata_earth::grib;
use strata_earth::level::LevelKind;
use strata_earth::source::{Limits, Source};
use strata_earth::time::{Civil, Time};

const SAMPLES: &str = include_str!("fixtures/grib_samples.tsv");
const EXTRA: &str = include_str!("fixtures/grib/expected.tsv");

/// A file whose increments are wrong: ecCodes steps latitudes by them and ends 90, 88 .. 20, -90 N; here the first and the last
/// point and the count hold, as ecCodes does with longitudes.
const WRONG_INCREMENTS: &str = "regular_ll_wrong_increment.grib";

/// Counts of what was compared.
#[derive(Debug, Default, PartialEq)]
struct Compared {
    files: usize,
    fields: usize,
    grids: usize,
    refused: usize,
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// Level types of ecCodes whose value is a level's of ours, with the factor between them.
fn level(kind: &str, edition: &str) -> Option<(LevelKind, f64)> {
    Some(match kind {
        "isobaricInhPa" => (LevelKind::Pressure, 1.0),
        "isobaricInPa" => (LevelKind::Pressure, 0.01),
        "surface" => (LevelKind::Surface, 0.0),
        "meanSea" => (LevelKind::MeanSea, 0.0),
        "heightAboveGround" => (LevelKind::HeightAboveGround, 1.0),
        "heightAboveSea" => (LevelKind::HeightAboveSea, 1.0),
        "hybrid" => (LevelKind::Model, 1.0),
        "depthBelowLandLayer" if edition == "1" => (LevelKind::DepthBelowGround, 0.01),
        "theta" => (LevelKind::Theta, 1.0),
        _ => return None,
    })
}

fn same_about(header: &Header, parts: &[&str], place: &str) {
    let [short, kind, value, reference, step, member] = parts[..6] else { panic!("{place}") };
    // A parameter that ecCodes does not know is named by its codes.
    let named = if short == "unknown" || short == "~" {
        header.variable.starts_with("var")
    } else {
        header.variable == short
    };
    assert!(named, "{place}: {} for {short}", header.variable);
    if let Some((kind, factor)) = level(kind, &header.attributes["edition"]) {
        assert_eq!(header.level.kind, kind, "{place} {short}");
        let value = number(value) * factor;
        assert!(
            (header.level.value - value).abs() < 0.51 * factor.max(1e-9),
            "{place} {short} {:?} {value}",
            header.level
        );
    }
    let at = |from: usize, to: usize| reference[from..to].parse::<u32>().unwrap();
    let civil = Civil {
        // A climatology without a year: ecCodes says 0, which is no year that is written; here it is 1.
        year: i32::try_from(at(0, 4)).unwrap().max(1),
        month: at(4, 6),
        day: at(6, 8),
        hour: at(8, 10),
        minute: at(10, 12),
        second: 0,
    };
    assert_eq!(Some(header.reference), Time::from_civil(civil), "{place} {reference}");
    assert_eq!(header.step.to_string(), step, "{place} {short}");
    // ecCodes numbers the one member of no ensemble 0.
    let expected = if member == "-" { "0" } else { member };
    assert_eq!(header.member.unwrap_or(0).to_string(), expected, "{place}");
}

fn same_values(values: &[f32], parts: &[&str], place: &str) {
    let [points, missing, least, mean, most, some] = parts[..] else { panic!("{place}") };
    assert_eq!(values.len().to_string(), points, "{place}");
    let there: Vec<f64> = values.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).collect();
    assert_eq!((values.len() - there.len()).to_string(), missing, "{place}");
    // Rounding to f32, and to the fixture's eight digits.
    let near = |value: f64, expected: f64| {
        (value - expected).abs() <= 1.2e-7 * expected.abs().max(1e-30)
            || value.is_nan() && expected.is_nan()
    };
    for sample in some.split(' ') {
        let (at, expected) = sample.split_once(':').unwrap();
        let value = f64::from(values[at.parse::<usize>().unwrap()]);
        assert!(near(value, number(expected)), "{place} at {at}: {value} for {expected}");
    }
    if there.is_empty() {
        return;
    }
    let (low, high) = there.iter().fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    assert!(near(low, number(least)) && near(high, number(most)), "{place} {low} {high}");
    let average = there.iter().sum::<f64>() / there.len() as f64;
    let size = low.abs().max(high.abs());
    assert!((average - number(mean)).abs() <= 2e-7 * size, "{place} {average} {mean}");
}

fn same_grid(header: &Header, parts: &[&str], place: &str) {
    let [shape, kind, points] = parts[..] else { panic!("{place}") };
    let grid = &header.grid;
    // A row count that contradicts the number of values leaves the values of a file without coordinates.
    if !kind.contains("reduced") && kind != "unstructured_grid" {
        assert_eq!(format!("{}x{}", grid.shape.0, grid.shape.1), shape, "{place}");
    }
    for point in points.split(' ').filter(|point| !point.is_empty()) {
        let mut point = point.split(':');
        let index = point.next().unwrap().parse::<usize>().unwrap();
        let (lat, lon) = (number(point.next().unwrap()), number(point.next().unwrap()));
        let (at_lat, at_lon) = grid.at(index);
        let apart = (at_lon - lon).rem_euclid(360.0);
        let apart = apart.min(360.0 - apart) * lat.to_radians().cos().abs();
        // ecCodes turns points back from a rotated pole by arccosines that lose digits.
        let slack = if kind.contains("rotated") { 1e-5 } else { 1e-6 };
        assert!(
            (at_lat - lat).abs() < slack && apart < slack,
            "{place} {kind} {grid} {index}: {at_lat} {at_lon} for {lat} {lon}"
        );
    }
}

fn compare(root: &Path, expected: &str) -> Compared {
    let mut compared = Compared::default();
    let mut lines = expected.lines().peekable();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("file\t").unwrap();
        let path: PathBuf = root.join(name);
        let file = grib::open(&path, &Limits::default()).unwrap();
        compared.files += 1;
        let mut index = 0;
        let mut grid = None;
        while let Some(line) = lines.next_if(|line| !line.starts_with("file\t")) {
            let parts: Vec<&str> = line.split('\t').collect();
            if parts[0] == "grid" {
                grid = Some(parts);
                continue;
            }
            let place = format!("{name} field {index}");
            assert!(index < file.headers().len(), "{place} {:?}", file.notes());
            let header = &file.headers()[index];
            same_about(header, &parts[1..7], &place);
            if let Some(parts) = grid.take_if(|_| !name.ends_with(WRONG_INCREMENTS)) {
                same_grid(header, &parts[1..], &place);
                compared.grids += 1;
            }
            if parts[0] == "refused" {
                assert!(
                    file.values(index).unwrap_err().to_string().contains("spherical harmonics")
                );
                compared.refused += 1;
            } else {
                let values = file.values(index).unwrap_or_else(|error| panic!("{place}: {error}"));
                same_values(&values, &parts[7..], &place);
                compared.fields += 1;
            }
            index += 1;
        }
        assert_eq!(file.headers().len(), index, "{name} {:?}", file.notes());
    }
    compared
}

#[test]
fn samples_are_what_eccodes_reads() {
    let Some(shared) = std::env::var_os("STRATA_SHARED") else {
        println!("skipped: STRATA_SHARED is not set");
        return;
    };
    let compared = compare(&Path::new(&shared).join("data/weather"), SAMPLES);
    println!("{compared:?}");
    assert!(compared.files > 60 && compared.fields > 1500);
}

#[test]
fn other_packings_and_grids_are_what_eccodes_reads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/grib");
    let compared = compare(&root, EXTRA);
    println!("{compared:?}");
    assert!(compared.files > 20);
}
