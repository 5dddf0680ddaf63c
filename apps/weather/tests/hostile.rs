//! Damaged and mistaken analyses through `forecast`: repaired, or refused by name; never a forecast of other values.
//!
//! Each is made of the state that ships (`datasets/weather/analysis.nc`) by our own writers, and goes through the program with the
//! model that ships. What is compared is the forecast's array, which holds values and nothing else.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use strata_earth::field::{Field, Header};
use strata_earth::grib::{Bits, PartFile};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::netcdf::{Options, Writer};
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::source::Limits;
use strata_testkit::kill::Dice;

const PLANET: &str = "idealised-dry-planet";
const GRAVITY: f32 = 9.806_65;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The state that ships.
fn shipped() -> Vec<Field> {
    let path = root().join("datasets/weather/analysis.nc");
    let source = strata_earth::open(&path, &Limits::default()).unwrap();
    (0..source.headers().len()).map(|at| source.field(at).unwrap()).collect()
}

/// A plan of these fields.
fn plan(fields: &[Field], planet: Option<&str>) -> Plan {
    let mut variables: Vec<Planned> = Vec::new();
    for Field { header, .. } in fields {
        match variables.iter_mut().find(|planned| planned.variable == header.variable) {
            Some(planned) => planned.levels.push(header.level),
            None => variables.push(Planned {
                variable: header.variable.clone(),
                unit: header.unit.clone(),
                levels: vec![header.level],
            }),
        }
    }
    let first = &fields[0].header;
    let planet = planet.map(|planet| ("planet".to_owned(), planet.to_owned()));
    Plan {
        grid: Arc::clone(&first.grid),
        reference: first.reference,
        steps: vec![first.step],
        members: None,
        variables,
        attributes: planet.into_iter().collect(),
    }
}

fn fill(mut sink: Box<dyn Sink>, fields: &[Field]) {
    for field in fields {
        sink.write(&field.header, &field.values).unwrap();
    }
    sink.finish().unwrap();
}

fn netcdf(path: &Path, fields: &[Field]) {
    let plan = plan(fields, Some(PLANET));
    fill(Box::new(Writer::create(path, &plan, Options::default()).unwrap()), fields);
}

fn grib(path: &Path, fields: &[Field]) {
    let plan = plan(fields, None);
    fill(Box::new(PartFile::create(path, plan, Bits::ByRange, false).unwrap()), fields);
}

/// What came of a forecast of a day: the array of values and what was told, or what was said on refusing.
fn forecast(file: &Path, model: &str, models: &Path) -> Result<(Vec<u8>, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_strata-weather"))
        .current_dir(folder.path())
        .args(["forecast", "--steps", "24", "--num-threads", "1", "--path", "out.npy", "--model"])
        .arg(model)
        .arg("--models-dir")
        .arg(models)
        .arg("--file")
        .arg(file)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let made = folder.path().join("out.npy");
    if output.status.success() {
        return Ok((std::fs::read(made).unwrap(), text(&output.stdout)));
    }
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!made.exists(), "a forecast was made all the same: {said}");
    assert!(!said.contains("panicked"), "{said}");
    Err(said)
}

/// What was said on refusing.
fn refused(made: Result<(Vec<u8>, String), String>, of: &str) -> String {
    match made {
        Ok((_, told)) => panic!("{of}: a forecast was made: {told}"),
        Err(said) => said,
    }
}

fn dry(file: &Path) -> Result<(Vec<u8>, String), String> {
    forecast(file, "dry-planet", &root().join("shared-models"))
}

/// Fields as they ship, but for some that are changed.
fn changed(of: impl Fn(&Header) -> bool, change: impl Fn(&mut Field)) -> Vec<Field> {
    let mut fields = shipped();
    let mut count = 0;
    for field in fields.iter_mut().filter(|field| of(&field.header)) {
        change(field);
        count += 1;
    }
    assert!(count > 0);
    fields
}

fn is(variable: &str, hpa: f64) -> impl Fn(&Header) -> bool + '_ {
    move |header| header.variable == variable && header.level.is_pressure(hpa)
}

/// A folder, its sound file, and the forecast of that.
fn sound() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sound.nc");
    netcdf(&path, &shipped());
    let values = dry(&path).unwrap().0;
    let original = dry(&root().join("datasets/weather/analysis.nc")).unwrap().0;
    assert!(values == original, "written anew, the state makes another forecast");
    (folder, path, values)
}

#[test]
fn flipped_bits_of_netcdf_are_refused_or_change_nothing() {
    let (folder, path, expected) = sound();
    let whole = std::fs::read(&path).unwrap();
    let broken = folder.path().join("broken.nc");
    let mut dice = Dice::new(20_240_501);
    let (mut refused, mut same) = (0, 0);
    for round in 0..60 {
        // A third falls into the head: coordinates, the index of chunks, attributes.
        let below = if round % 3 == 0 { whole.len().min(20_000) } else { whole.len() } as u64;
        let (at, bit) = ((dice.roll() % below) as usize, dice.roll() % 8);
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << bit;
        std::fs::write(&broken, &bytes).unwrap();
        match dry(&broken) {
            Ok((values, _)) => {
                assert!(values == expected, "bit {bit} of byte {at}: a forecast of other values");
                same += 1;
            }
            Err(said) => {
                assert!(said.contains("broken.nc"), "bit {bit} of byte {at}: {said}");
                assert!(
                    said.contains("damaged") || said.contains("variable "),
                    "bit {bit} of byte {at}: {said}"
                );
                refused += 1;
            }
        }
    }
    println!("60 flips: {refused} refused, {same} changed nothing");
    assert!(refused >= 50, "{refused} of 60 flips were refused");
}

#[test]
fn netcdf_that_ends_early_is_refused() {
    let (folder, path, _) = sound();
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.nc");
    for share in [0.02, 0.1, 0.5, 0.9, 0.999] {
        let length = (whole.len() as f64 * share) as usize;
        std::fs::write(&cut, &whole[..length]).unwrap();
        let said = refused(dry(&cut), "cut");
        assert!(said.contains("cut.nc: the file is cut short"), "{share}: {said}");
        assert!(said.contains("fetch it again"), "{share}: {said}");
    }
    // The file that ships is a classic one.
    let classic = std::fs::read(root().join("datasets/weather/analysis.nc")).unwrap();
    for share in [0.001, 0.02, 0.5, 0.99, 0.999_99] {
        std::fs::write(&cut, &classic[..(classic.len() as f64 * share) as usize]).unwrap();
        let said = refused(dry(&cut), &share.to_string());
        assert!(said.contains("cut.nc"), "{share}: {said}");
    }
}

#[test]
fn wrong_levels_are_refused() {
    let (folder, path, _) = sound();
    // Every variable at 950 hPa in place of 925.
    let ground = |header: &Header| header.level.is_pressure(925.0);
    netcdf(&path, &changed(ground, |field| field.header.level = Level::pressure(950.0)));
    let said = refused(dry(&path), "950 hPa");
    assert!(said.contains("missing: z at 925 hPa, t at 925 hPa, u at 925 hPa"), "{said}");
    assert!(said.contains("the file has") && said.contains("at 950, 850, 700"), "{said}");
    let dropped: Vec<Field> =
        shipped().into_iter().filter(|field| !is("t", 500.0)(&field.header)).collect();
    netcdf(&path, &dropped);
    // The array has all levels of the file, so the one without values is of missing points.
    let said = refused(dry(&path), "path");
    assert!(said.contains("t at 500 hPa"), "{said}");
    // Two levels change places: every value is one that the atmosphere has, at the other level.
    for (variable, pair) in [("z", [500.0, 300.0]), ("t", [850.0, 500.0]), ("z", [250.0, 200.0])] {
        let mut fields = shipped();
        let place = |hpa| fields.iter().position(|field| is(variable, hpa)(&field.header)).unwrap();
        let (a, b) = (place(pair[0]), place(pair[1]));
        let values = std::mem::take(&mut fields[a].values);
        fields[a].values = std::mem::replace(&mut fields[b].values, values);
        netcdf(&path, &fields);
        let said = refused(dry(&path), "path");
        assert!(
            pair.iter()
                .any(|hpa| { said.contains(&format!("{variable} at {hpa} hPa: values from")) })
                || said.contains("contradict each other"),
            "{variable} {pair:?}: {said}"
        );
    }
    drop(folder);
}

#[test]
fn heights_for_geopotentials_are_repaired_where_they_say_so() {
    let (_folder, path, expected) = sound();
    let heights = |name: &str, unit: &str| {
        let fields = changed(
            |header| header.variable == "z",
            |field| {
                name.clone_into(&mut field.header.variable);
                unit.clone_into(&mut field.header.unit);
                field.values.iter_mut().for_each(|value| *value /= GRAVITY);
            },
        );
        netcdf(&path, &fields);
        dry(&path)
    };
    for (name, unit) in [("gh", "gpm"), ("gh", "m"), ("z", "gpm")] {
        let (values, told) = heights(name, unit).unwrap();
        assert!(told.contains("became z in m2 s-2, times 9.80665 (7 fields)"), "{told}");
        near(&values, &expected, name);
    }
    // What says that it is geopotential, and is not.
    let said = refused(heights("z", "m2 s-2"), "heights");
    assert!(
        said.contains("z at 500 hPa: values from") && said.contains("give them as gh"),
        "{said}"
    );
}

#[test]
fn celsius_and_hectopascals_are_repaired() {
    let (_folder, path, expected) = sound();
    for (unit, told_as) in [("degC", "degC became K"), ("K", "degrees Celsius by its values")] {
        let fields = changed(
            |header| header.variable == "t",
            |field| {
                unit.clone_into(&mut field.header.unit);
                field.values.iter_mut().for_each(|value| *value -= 273.15);
            },
        );
        netcdf(&path, &fields);
        let (values, told) = dry(&path).unwrap();
        assert!(told.contains(told_as) && told.contains("(7 fields)"), "{told}");
        near(&values, &expected, unit);
    }
    let fields = changed(
        |header| header.variable == "sp",
        |field| field.values.iter_mut().for_each(|value| *value /= 100.0),
    );
    netcdf(&path, &fields);
    let (values, told) = dry(&path).unwrap();
    assert!(told.contains("sp: hPa by its values became Pa"), "{told}");
    near(&values, &expected, "hPa");
    // No unit of temperature at all.
    netcdf(
        &path,
        &changed(|header| header.variable == "t", |field| field.header.unit = "Pa".into()),
    );
    let said = refused(dry(&path), "path");
    assert!(
        said.contains("t at 925 hPa: its unit \"Pa\"") && said.contains("K is expected"),
        "{said}"
    );
}

/// The values of an array, after its head (format 1.0 of NumPy).
fn values_of(bytes: &[u8]) -> &[u8] {
    &bytes[10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))..]
}

/// Equal to what rounding of the input makes of a forecast.
fn near(values: &[u8], expected: &[u8], what: &str) {
    assert_eq!(values.len(), expected.len());
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        let words = values_of(bytes).chunks_exact(4);
        words.map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect()
    };
    for (value, expected) in numbers(values).iter().zip(numbers(expected)) {
        let apart = (value - expected).abs();
        assert!(apart <= expected.abs() * 1e-5 + 0.02, "{what}: {value} {expected}");
    }
}

#[test]
fn a_patch_of_missing_points_is_refused_with_its_place() {
    let (_folder, path, _) = sound();
    let fields = changed(is("u", 300.0), |field| {
        let columns = field.header.grid.shape.1;
        for row in 10..14 {
            field.values[row * columns + 20..row * columns + 25].fill(f32::NAN);
        }
    });
    netcdf(&path, &fields);
    let said = refused(dry(&path), "path");
    assert!(said.contains("u at 300 hPa: 20 of 2048 points are missing"), "{said}");
    assert!(said.contains("112.5 to 135 E") && said.contains("need every point"), "{said}");
}

#[test]
fn rows_and_columns_in_another_order_make_the_same_bytes() {
    let (_folder, path, expected) = sound();
    let arranged = |lats: Vec<f64>, lons: Vec<f64>, row: &dyn Fn(usize) -> usize, from: usize| {
        let grid = Arc::new(Grid::rectilinear(lats, lons).unwrap());
        let fields = changed(
            |_| true,
            |field| {
                let (rows, columns) = field.header.grid.shape;
                let before = std::mem::take(&mut field.values);
                for at in 0..rows {
                    let row = &before[row(at) * columns..][..columns];
                    field.values.extend(row[from..].iter().chain(&row[..from]));
                }
                field.header.grid = Arc::clone(&grid);
            },
        );
        netcdf(&path, &fields);
        dry(&path).unwrap()
    };
    let grid = Arc::clone(&shipped()[0].header.grid);
    let rows = grid.shape.0;
    let southward: Vec<f64> = grid.lats.iter().rev().copied().collect();
    let (values, told) = arranged(southward.clone(), grid.lons.clone(), &|at| rows - 1 - at, 0);
    assert!(told.contains("latitudes ran from south to north: flipped (29 fields)"), "{told}");
    assert!(values == expected, "flipped rows make another forecast");
    let half = grid.shape.1 / 2;
    let west: Vec<f64> =
        grid.lons[half..].iter().map(|lon| lon - 360.0).chain(grid.lons[..half].to_vec()).collect();
    let (values, told) = arranged(southward, west, &|at| rows - 1 - at, half);
    assert!(told.contains("longitudes began at -180 E"), "{told}");
    assert!(values == expected, "columns from -180 make another forecast");
}

/// The tests' models that add to a state, as models of the Earth: GRIB is of no other planet.
fn models_of_the_earth(to: &Path) -> PathBuf {
    let from = root().join("crates/earth/tests/fixtures/models/shift-24");
    let folder = to.join("models/shift-24");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(from.join("model.onnx"), folder.join("model.onnx")).unwrap();
    let card = std::fs::read_to_string(from.join("card.toml")).unwrap();
    let card = card.replace(&format!("planet = \"{PLANET}\""), "planet = \"earth\"");
    assert!(!card.contains(PLANET));
    std::fs::write(folder.join("card.toml"), card).unwrap();
    to.join("models")
}

/// A state of the tests' models, in hydrostatic balance.
fn small() -> Vec<Field> {
    let grid = Arc::new(Grid::regular(9, 16));
    let reference = shipped()[0].header.reference;
    let state: [(&str, &str, Level, f32); 8] = [
        ("z", "m2 s-2", Level::pressure(850.0), 14_000.0),
        ("z", "m2 s-2", Level::pressure(500.0), 55_650.0),
        ("z", "m2 s-2", Level::pressure(250.0), 104_100.0),
        ("t", "K", Level::pressure(850.0), 281.0),
        ("t", "K", Level::pressure(500.0), 256.0),
        ("t", "K", Level::pressure(250.0), 221.0),
        ("msl", "Pa", Level::MEAN_SEA, 100_500.0),
        ("2t", "K", Level::height(2.0), 285.0),
    ];
    let field = |(variable, unit, level, base): (&str, &str, Level, f32)| Field {
        header: Header {
            variable: variable.to_owned(),
            level,
            reference: reference.plus_hours(24 * 366 * 2023),
            step: 0,
            member: None,
            unit: unit.to_owned(),
            grid: Arc::clone(&grid),
            attributes: BTreeMap::new(),
        },
        values: (0..grid.len()).map(|point| base + (point * 7 % 11) as f32).collect(),
    };
    state.map(field).to_vec()
}

#[test]
fn grib_that_ends_early_is_refused_by_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let models = models_of_the_earth(folder.path());
    let path = folder.path().join("analysis.grib");
    grib(&path, &small());
    let (values, _) = forecast(&path, "shift", &models).unwrap();
    assert_eq!(values_of(&values).len(), 8 * 9 * 16 * 4);
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.grib");
    let starts: Vec<usize> =
        (0..whole.len() - 4).filter(|at| whole[*at..].starts_with(b"GRIB")).collect();
    assert_eq!(starts.len(), 8);
    // Within each message, at its end but for an octet, and between messages.
    for (count, start) in starts.iter().enumerate().skip(1) {
        for length in [*start, start - 1, start + 20, start + 150] {
            if length < starts[1] {
                // Not one message is whole: below.
                continue;
            }
            std::fs::write(&cut, &whole[..length]).unwrap();
            let said = refused(forecast(&cut, "shift", &models), "cut");
            let name = ["z", "t", "msl", "2t"];
            assert!(
                said.contains("cut.grib") && said.contains("missing: "),
                "{count} messages, {length} octets: {said}"
            );
            assert!(name.iter().any(|name| said.contains(&format!("{name} at "))), "{said}");
            if length != *start {
                assert!(said.contains("could not be read: message"), "{length}: {said}");
            }
        }
    }
    for length in [0, 3, 20, starts[1] - 1] {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let said = refused(forecast(&cut, "shift", &models), "cut");
        assert!(said.contains("cut.grib"), "{length}: {said}");
        assert!(length < 20 || said.contains("fetch the file again"), "{length}: {said}");
    }
}

#[test]
fn the_dry_planet_in_grib_is_refused_as_of_the_earth() {
    let (folder, _, _) = sound();
    let path = folder.path().join("planet.grib");
    grib(&path, &shipped());
    let said = refused(dry(&path), "path");
    assert!(
        said.contains("planet.grib")
            && said.contains("of earth, the model of idealised-dry-planet"),
        "{said}"
    );
}
