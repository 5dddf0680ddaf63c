//! Forecasts written to NetCDF and Zarr: read back, the same bytes whatever the order and however often the writer was killed.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use strata_earth::field::Header;
use strata_earth::grid::{Grid, GridKind};
use strata_earth::level::Level;
use strata_earth::sink::{Plan, Planned, Sink, WriteError};
use strata_earth::source::Limits;
use strata_earth::time::{HOUR, Time};
use strata_earth::{netcdf, zarr};

fn plan(members: Option<u32>) -> Plan {
    let planned = |variable: &str, unit: &str, levels: Vec<Level>| Planned {
        variable: variable.to_owned(),
        unit: unit.to_owned(),
        levels,
    };
    Plan {
        grid: Arc::new(Grid::regular(19, 36)),
        reference: Time::parse("2024-05-01T06").unwrap(),
        steps: [3, 6, 24, 30].map(|hours| hours * HOUR).to_vec(),
        members,
        variables: vec![
            planned("z", "m2 s-2", vec![Level::pressure(850.0), Level::pressure(500.0)]),
            planned("2t", "K", vec![Level::height(2.0)]),
            planned("q", "kg kg-1", vec![Level::pressure(1000.0)]),
            planned("msl", "Pa", vec![Level::MEAN_SEA]),
        ],
        attributes: BTreeMap::from([
            ("title".to_owned(), "一次预报".to_owned()),
            ("planet".to_owned(), "earth".to_owned()),
            ("provenance".to_owned(), "x".repeat(3000)),
        ]),
    }
}

/// All fields of a plan; values tell the field and the point, some are missing.
fn fields(plan: &Plan) -> Vec<(Header, Vec<f32>)> {
    let mut all = Vec::new();
    let members: Vec<Option<u32>> =
        plan.members.map_or(vec![None], |members| (0..members).map(Some).collect());
    for member in members {
        for (of_step, step) in plan.steps.iter().enumerate() {
            for (of_variable, planned) in plan.variables.iter().enumerate() {
                for (of_level, level) in planned.levels.iter().enumerate() {
                    let header = Header {
                        variable: planned.variable.clone(),
                        level: *level,
                        reference: plan.reference,
                        step: *step,
                        member,
                        unit: planned.unit.clone(),
                        grid: Arc::clone(&plan.grid),
                        attributes: BTreeMap::new(),
                    };
                    let base = member.unwrap_or(0) * 10_000
                        + (of_step * 1000 + of_variable * 100 + of_level * 10) as u32;
                    let value = |point: usize| match (point + of_step) % 97 {
                        0 => f32::NAN,
                        _ => base as f32 + (point as f32 * 0.37).sin() * 3.0,
                    };
                    all.push((header, (0..plan.grid.len()).map(value).collect()));
                }
            }
        }
    }
    all
}

fn shuffled<T>(mut all: Vec<T>, seed: u64) -> Vec<T> {
    let mut seed = seed;
    for at in (1..all.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        all.swap(at, (seed >> 33) as usize % (at + 1));
    }
    all
}

type Fields = Vec<(Header, Vec<f32>)>;

/// What was written is what is read.
fn check(path: &Path, fields: &Fields) {
    let source = strata_earth::open(path, &Limits::default()).unwrap();
    assert!(source.notes().is_empty(), "{:?}", source.notes());
    for (header, values) in fields {
        let same = |one: &Header| {
            one.variable == header.variable
                && one.level == header.level
                && one.step == header.step
                && one.member == header.member
                && one.reference == header.reference
        };
        let found: Vec<usize> =
            (0..source.headers().len()).filter(|at| same(&source.headers()[*at])).collect();
        assert_eq!(found.len(), 1, "{header:?}");
        let read = &source.headers()[found[0]];
        assert_eq!((&read.unit, &read.grid), (&header.unit, &header.grid));
        assert_eq!(read.attributes["planet"], "earth");
        let got = source.values(found[0]).unwrap();
        let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&got), bits(values), "{} {}", header.variable, header.level);
    }
}

#[test]
fn netcdf_is_read_back_and_its_bytes_do_not_depend_on_order() {
    let folder = tempfile::tempdir().unwrap();
    for members in [None, Some(3)] {
        let plan = plan(members);
        let mut bytes = Vec::new();
        for seed in 0..3 {
            let path = folder.path().join(format!("{seed}.nc"));
            let mut writer: Box<dyn Sink> =
                Box::new(netcdf::Writer::create(&path, &plan, netcdf::Options::default()).unwrap());
            for (header, values) in shuffled(fields(&plan), seed) {
                writer.write(&header, &values).unwrap();
            }
            writer.finish().unwrap();
            assert!(!folder.path().join(format!("{seed}.nc.part")).exists());
            check(&path, &fields(&plan));
            bytes.push(std::fs::read(&path).unwrap());
        }
        assert!(bytes[0] == bytes[1] && bytes[1] == bytes[2]);
    }
}

#[test]
fn a_part_is_readable_and_a_killed_writer_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(None);
    let all = shuffled(fields(&plan), 5);
    let whole = folder.path().join("whole.nc");
    let mut writer = netcdf::Writer::create(&whole, &plan, netcdf::Options::default()).unwrap();
    all.iter().for_each(|(header, values)| writer.write(header, values).unwrap());
    Box::new(writer).finish().unwrap();
    let expected = std::fs::read(&whole).unwrap();

    for torn in [0_u64, 1, 30, 500, 3000] {
        let path = folder.path().join(format!("killed{torn}.nc"));
        let part = folder.path().join(format!("killed{torn}.nc.part"));
        let mut writer = netcdf::Writer::create(&path, &plan, netcdf::Options::default()).unwrap();
        all[..7].iter().for_each(|(header, values)| writer.write(header, values).unwrap());
        writer.flush().unwrap();
        // What is flushed can be read by any program that reads NetCDF.
        let named = folder.path().join("part.nc");
        std::fs::copy(&part, &named).unwrap();
        check(&named, &all[..7].to_vec());
        all[7..9].iter().for_each(|(header, values)| writer.write(header, values).unwrap());
        drop(writer);
        // The last writes never reached the disk, or came as rubbish.
        let length = std::fs::metadata(&part).unwrap().len();
        let file = std::fs::OpenOptions::new().append(true).open(&part).unwrap();
        file.set_len(length - torn).unwrap();
        std::io::Write::write_all(&mut &file, &vec![0x5a; (torn % 7) as usize]).unwrap();

        let mut writer = netcdf::Writer::resume(&path, &plan, netcdf::Options::default()).unwrap();
        let kept = all.iter().filter(|(header, _)| writer.has(header)).count();
        assert!(kept <= 9 && (torn > 500 || kept >= 7), "{torn}: {kept}");
        all.iter()
            .filter(|(header, _)| !header.variable.is_empty())
            .for_each(|(header, values)| writer.write(header, values).unwrap());
        Box::new(writer).finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == expected, "{torn}");
    }
    // What is finished stays as it is.
    let again = netcdf::Writer::resume(&whole, &plan, netcdf::Options::default()).unwrap();
    assert!(all.iter().all(|(header, _)| again.has(header)));
    Box::new(again).finish().unwrap();
    assert!(std::fs::read(&whole).unwrap() == expected);
}

#[test]
fn what_the_plan_does_not_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nc");
    let whole = plan(None);
    let mut writer = netcdf::Writer::create(&path, &whole, netcdf::Options::default()).unwrap();
    let (header, values) = fields(&whole).swap_remove(0);
    let told = |result: Result<(), WriteError>| result.unwrap_err().to_string();
    let other = Header { step: 7, ..header.clone() };
    assert!(told(writer.write(&other, &values)).contains("step"));
    let other = Header { level: Level::pressure(10.0), ..header.clone() };
    assert!(told(writer.write(&other, &values)).contains("level"));
    let other = Header { member: Some(1), ..header.clone() };
    assert!(told(writer.write(&other, &values)).contains("member"));
    assert!(told(writer.write(&header, &values[1..])).contains("values"));
    writer.write(&header, &values).unwrap();
    drop(writer);
    let mut other = whole.clone();
    other.steps.push(300 * HOUR);
    let error = netcdf::Writer::resume(&path, &other, netcdf::Options::default()).err().unwrap();
    assert!(error.to_string().contains("another plan"), "{error}");
    let mut twice = whole;
    twice.variables.push(twice.variables[0].clone());
    assert!(netcdf::Writer::create(&path, &twice, netcdf::Options::default()).is_err());
}

#[test]
fn other_grids_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let lats: Vec<f64> = (0..12).map(|at| 30.0 + f64::from(at) * 0.5).collect();
    let lons: Vec<f64> = (0..12).map(|at| 100.0 + f64::from(at)).collect();
    let projected = GridKind::Projected { projection: "lambert_conformal".to_owned() };
    for (name, grid) in [
        ("points", Grid::points(lats.clone(), lons.clone()).unwrap()),
        ("projected", Grid::scattered(projected, (3, 4), lats, lons).unwrap()),
        ("gaussian", Grid::gaussian(8, 16)),
    ] {
        let plan = Plan { grid: Arc::new(grid), ..plan(None) };
        let write = |mut writer: Box<dyn Sink>| {
            fields(&plan).iter().for_each(|(header, values)| writer.write(header, values).unwrap());
            writer.finish().unwrap();
        };
        let nc = folder.path().join(format!("{name}.nc"));
        write(Box::new(netcdf::Writer::create(&nc, &plan, netcdf::Options::default()).unwrap()));
        let options = zarr::Options { chunking: zarr::Chunking::Series(5), level: 3 };
        let store = folder.path().join(format!("{name}.zarr"));
        write(Box::new(zarr::Writer::create(&store, &plan, options).unwrap()));
        for path in [nc, store] {
            let source = strata_earth::open(&path, &Limits::default()).unwrap();
            let (header, values) = &fields(&plan)[5];
            let at = source.headers().iter().position(|one| {
                (&one.variable, one.level, one.step)
                    == (&header.variable, header.level, header.step)
            });
            let got = source.values(at.unwrap()).unwrap();
            assert!(got.iter().zip(values).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
            let grid = &source.headers()[0].grid;
            assert_eq!((grid.shape, &grid.lats), (plan.grid.shape, &plan.grid.lats));
        }
    }
}

fn all_bytes(folder: &Path, prefix: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all_bytes(&path, prefix, into);
        } else {
            into.insert(
                path.strip_prefix(prefix).unwrap().display().to_string(),
                std::fs::read(&path).unwrap(),
            );
        }
    }
}

#[test]
fn zarr_is_read_back_in_both_chunkings_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(Some(2));
    for chunking in [zarr::Chunking::Maps, zarr::Chunking::Series(10)] {
        let options = zarr::Options { chunking, level: 1 };
        let whole = folder.path().join(format!("{chunking:?}.zarr"));
        let mut writer: Box<dyn Sink> =
            Box::new(zarr::Writer::create(&whole, &plan, options).unwrap());
        for (header, values) in fields(&plan) {
            writer.write(&header, &values).unwrap();
        }
        writer.finish().unwrap();
        check(&whole, &fields(&plan));

        let killed = folder.path().join(format!("{chunking:?}-killed.zarr"));
        let all = shuffled(fields(&plan), 3);
        let mut writer = zarr::Writer::create(&killed, &plan, options).unwrap();
        all[..11].iter().for_each(|(header, values)| writer.write(header, values).unwrap());
        drop(writer);
        let mut writer = zarr::Writer::resume(&killed, &plan, options).unwrap();
        let kept = all.iter().filter(|(header, _)| writer.has(header)).count();
        assert!((8..=11).contains(&kept), "{kept}");
        all.iter().for_each(|(header, values)| writer.write(header, values).unwrap());
        Box::new(writer).finish().unwrap();
        let (mut one, mut other) = (BTreeMap::new(), BTreeMap::new());
        all_bytes(&whole, &whole, &mut one);
        all_bytes(&killed, &killed, &mut other);
        assert!(one == other);

        // Finished: nothing is lost by going on.
        let again: Box<dyn Sink> = Box::new(zarr::Writer::resume(&killed, &plan, options).unwrap());
        assert!(all.iter().all(|(header, _)| again.has(header)));
        again.finish().unwrap();
        check(&killed, &fields(&plan));
        let other = Plan { attributes: BTreeMap::new(), ..plan.clone() };
        assert!(zarr::Writer::resume(&killed, &other, options).is_err());
    }
    std::fs::create_dir_all(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/letter.txt"), "dear").unwrap();
    assert!(
        zarr::Writer::create(&folder.path().join("mine"), &plan, zarr::Options::default()).is_err()
    );
    assert!(folder.path().join("mine/letter.txt").is_file());
}
