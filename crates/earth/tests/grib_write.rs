//! Written GRIB is read back: fields, times, members, levels, files by step.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use strata_earth::field::Header;
use strata_earth::grib::{self, Bits, Writer};
use strata_earth::grid::Grid;
use strata_earth::level::{Level, LevelKind};
use strata_earth::sink::{Plan, Planned, Sink, WriteError};
use strata_earth::source::{Limits, Source};
use strata_earth::time::Time;

fn planned(variable: &str, levels: &[Level]) -> Planned {
    Planned { variable: variable.to_owned(), unit: String::new(), levels: levels.to_vec() }
}

fn plan(grid: Grid, members: Option<u32>) -> Plan {
    let soil = Level { kind: LevelKind::DepthBelowGround, value: 0.07 };
    let model = Level { kind: LevelKind::Model, value: 137.0 };
    Plan {
        grid: Arc::new(grid),
        reference: Time::from_date(2024, 5, 1).unwrap().plus_hours(6),
        steps: vec![0, 6 * 3600, 24 * 3600],
        members,
        variables: vec![
            planned("z", &[Level::pressure(1000.0), Level::pressure(0.5)]),
            planned("2t", &[Level::height(2.0)]),
            planned("msl", &[Level::MEAN_SEA]),
            planned("sp", &[Level::SURFACE]),
            planned("pv", &[soil, model]),
        ],
        attributes: BTreeMap::new(),
    }
}

fn header(plan: &Plan, planned: &Planned, level: Level, step: i64, member: Option<u32>) -> Header {
    Header {
        variable: planned.variable.clone(),
        level,
        reference: plan.reference,
        step,
        member,
        unit: String::new(),
        grid: Arc::clone(&plan.grid),
        attributes: BTreeMap::new(),
    }
}

/// Values of a field: another size for each, some missing in `sp`.
fn values(header: &Header, seed: usize) -> Vec<f32> {
    let size = [1.0e5, 280.0, 1e-6, -3e-3, 5e4][seed % 5];
    let wave = |at: usize| size * (1.0 + 0.1 * ((at * (seed + 3)) as f32 * 0.01).sin());
    let hole = |at: usize| header.variable == "sp" && at.is_multiple_of(3);
    (0..header.grid.len()).map(|at| if hole(at) { f32::NAN } else { wave(at) }).collect()
}

/// Writes every field of a plan, steps backwards.
fn write(path: &Path, plan: &Plan, bits: Bits) -> Vec<(Header, Vec<f32>)> {
    let mut writer = Box::new(Writer::create(path, plan.clone(), bits).unwrap());
    let mut all = Vec::new();
    let members: Vec<Option<u32>> = match plan.members {
        Some(members) => (0..members).map(Some).collect(),
        None => vec![None],
    };
    for step in plan.steps.iter().rev() {
        for member in &members {
            for planned in &plan.variables {
                for level in &planned.levels {
                    let header = header(plan, planned, *level, *step, *member);
                    let values = values(&header, all.len());
                    writer.write(&header, &values).unwrap();
                    all.push((header, values));
                }
            }
        }
    }
    writer.finish().unwrap();
    keep(path, &all);
    all
}

/// Keeps a file and its values for `fixtures/check_grib_written.py`, where that is asked for.
fn keep(path: &Path, all: &[(Header, Vec<f32>)]) {
    let Some(folder) = std::env::var_os("STRATA_GRIB_KEEP") else { return };
    if path.to_string_lossy().contains('{') {
        return;
    }
    let number = std::fs::read_dir(&folder).unwrap().count();
    let kept = Path::new(&folder).join(format!("{number}.grib"));
    std::fs::copy(path, &kept).unwrap();
    let line = |(header, values): &(Header, Vec<f32>)| {
        let (civil, variable) = (header.reference.civil(), &header.variable);
        let member = header.member.map_or("-".to_owned(), |member| member.to_string());
        let date = civil.year * 10_000 + i32::try_from(civil.month * 100 + civil.day).unwrap();
        let clock = civil.hour * 100 + civil.minute;
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let (level, step) = (header.level.value, header.step);
        format!("{variable}\t{level}\t{date}\t{clock}\t{step}\t{member}\t{}\n", values.join(" "))
    };
    let lines: String = all.iter().map(line).collect();
    std::fs::write(kept.with_extension("grib.tsv"), lines).unwrap();
}

fn same(path: &Path, all: &[(Header, Vec<f32>)], steps: f32) {
    let file = grib::open(path, &Limits::default()).unwrap();
    assert!(file.notes().is_empty(), "{:?}", file.notes());
    assert_eq!(file.headers().len(), all.len());
    for (index, (expected, values)) in all.iter().enumerate() {
        let header = &file.headers()[index];
        assert_eq!(header.variable, expected.variable);
        assert_eq!(header.level.kind, expected.level.kind);
        assert!((header.level.value - expected.level.value).abs() < 1e-9);
        assert_eq!((header.reference, header.step), (expected.reference, expected.step));
        assert_eq!(header.member, expected.member);
        assert!(header.grid.same_points(&expected.grid), "{} {}", header.grid, expected.grid);
        assert_eq!(header.grid.kind, expected.grid.kind);
        let there = || values.iter().filter(|value| !value.is_nan());
        let low = there().fold(f32::MAX, |low, value| low.min(*value));
        let high = there().fold(f32::MIN, |high, value| high.max(*value));
        // A step of a power of two is at most twice the range over the steps; values are at most half of it off, and rounded.
        let slack = (high - low) / steps + 1.2e-7 * high.abs().max(low.abs());
        for (value, expected) in file.values(index).unwrap().iter().zip(values) {
            let near = (value - expected).abs() <= slack || value.is_nan() && expected.is_nan();
            assert!(near, "{} {value} for {expected} within {slack}", header.variable);
        }
    }
}

#[test]
fn fields_come_back_from_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.grib");
    let plain = plan(Grid::regular(37, 72), None);
    same(&path, &write(&path, &plain, Bits::Sixteen), 65_535.0);
    let ensemble = plan(Grid::gaussian(32, 64), Some(3));
    same(&path, &write(&path, &ensemble, Bits::TwentyFour), 16_777_215.0);
    let lats: Vec<f64> = (0..9).map(|row| -30.0 + f64::from(row) * 0.7).collect();
    let lons: Vec<f64> = (0..7).map(|column| -5.0 + f64::from(column) * 1.5).collect();
    let region = plan(Grid::rectilinear(lats, lons).unwrap(), None);
    same(&path, &write(&path, &region, Bits::ByRange), 65_535.0);
}

#[test]
fn a_pattern_makes_a_file_of_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = folder.path().join("out-{step}.grib");
    let plan = plan(Grid::regular(19, 36), Some(2));
    let all = write(&pattern, &plan, Bits::ByRange);
    for hours in [0_i64, 6, 24] {
        let of: Vec<_> =
            all.iter().filter(|(header, _)| header.step == hours * 3600).cloned().collect();
        same(&folder.path().join(format!("out-{hours}.grib")), &of, 65_535.0);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_was_not_announced_or_has_no_code_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("refused.grib");
    let plan = plan(Grid::regular(19, 36), None);
    let mut writer = Writer::create(&path, plan.clone(), Bits::ByRange).unwrap();
    let good = header(&plan, &plan.variables[0], Level::pressure(1000.0), 0, None);
    let zeros = vec![0.0; 19 * 36];
    writer.write(&good, &zeros).unwrap();
    let mut refuse = |header: Header, values: &[f32]| {
        let error = writer.write(&header, values).unwrap_err();
        assert!(matches!(error, WriteError::Unfit { .. }), "{error}");
    };
    refuse(Header { variable: "q".to_owned(), ..good.clone() }, &zeros);
    refuse(Header { level: Level::pressure(999.0), ..good.clone() }, &zeros);
    refuse(Header { step: 1, ..good.clone() }, &zeros);
    refuse(Header { member: Some(0), ..good.clone() }, &zeros);
    refuse(Header { reference: Time(0), ..good.clone() }, &zeros);
    refuse(Header { grid: Arc::new(Grid::regular(36, 19)), ..good.clone() }, &zeros);
    refuse(good.clone(), &zeros[1..]);
    refuse(good, &[f32::INFINITY; 19 * 36]);
    let mut unknown = plan.clone();
    unknown.variables.push(planned("no_such_variable", &[Level::SURFACE]));
    assert!(Writer::create(&path, unknown, Bits::ByRange).is_err());
    let mut scattered = plan;
    scattered.grid = Arc::new(Grid::points(vec![1.0, 2.0], vec![1.0, 2.0]).unwrap());
    let points = header(&scattered, &scattered.variables[0], Level::pressure(1000.0), 0, None);
    let mut writer = Writer::create(&path, scattered, Bits::ByRange).unwrap();
    assert!(writer.write(&points, &[1.0, 2.0]).unwrap_err().to_string().contains("regular"));
}
