//! Tests of the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::memory_source::MemorySource;
use strata_earth::regrid::{Method, Regrid};
use strata_earth::source::ReadError;
use strata_earth::time::{HOUR, Time};

use super::locate::Corner;
use super::*;

/// Numbers without order, the same every time.
fn noise(seed: usize) -> f32 {
    let mixed = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as f32 / (1_u64 << 24) as f32
}

fn forecast(grid: &Arc<Grid>, begin: Time, members: u32) -> MemorySource {
    let mut source = MemorySource::default();
    for member in 0..members {
        for step in [0, 6, 12] {
            for (at, variable) in ["u", "v", "t"].into_iter().enumerate() {
                let header = Header {
                    variable: variable.to_owned(),
                    level: Level::pressure(850.0),
                    reference: begin,
                    step: step * HOUR,
                    member: (members > 1).then_some(member),
                    unit: if variable == "t" { "degC" } else { "m s-1" }.to_owned(),
                    grid: Arc::clone(grid),
                    attributes: BTreeMap::from([
                        ("planet".to_owned(), "idealised-dry-planet".to_owned()),
                        ("title".to_owned(), "Dry Planet forecast: not Earth".to_owned()),
                    ]),
                };
                let seed = (member as usize * 100 + step as usize * 10 + at) * grid.len();
                let values = (0..grid.len()).map(|point| noise(seed + point) * 30.0 - 10.0);
                source.push(Field { header, values: values.collect() });
            }
        }
    }
    source
}

fn store(memory: usize) -> Store {
    Store::new(StoreConfig { folder: None, keep: 2, room: Room::new(memory, None) })
}

fn begin() -> Time {
    Time::from_date(2024, 5, 1).unwrap()
}

fn grids() -> [Arc<Grid>; 4] {
    let local = Grid::rectilinear(vec![30.0, 35.0, 45.0], vec![350.0, 355.0, 5.0, 20.0]).unwrap();
    let mut south_first = Grid::gaussian(32, 64);
    south_first.lats.reverse();
    [Grid::regular(19, 36), Grid::gaussian(32, 64), south_first, local].map(Arc::new)
}

#[test]
fn a_place_has_what_regridding_gives_it() {
    for grid in grids() {
        // In memory, and in a file.
        for memory in [1 << 30, 0] {
            let store = store(memory);
            let source = forecast(&grid, begin(), 2);
            store.put("ours", Arc::new(source.clone()));
            let snapshot = store.snapshot();
            assert_eq!(snapshot.best(), Some("dry-planet"));
            let run = snapshot.run("dry-planet", None).unwrap();
            assert_eq!((run.steps.len(), run.members.len(), run.bands.len()), (3, 2, 3));
            let places: Vec<(f64, f64)> = (0..300)
                .map(|at| {
                    let lat = f64::from(noise(at)) * 180.0 - 90.0;
                    (lat, f64::from(noise(at + 1000)) * 720.0 - 360.0)
                })
                .chain([(90.0, 10.0), (-90.0, 0.0), (45.0, 359.99), (0.0, -180.0), (30.0, 350.0)])
                .collect();
            let (lats, lons) = places.iter().copied().unzip();
            let to = Arc::new(Grid::points(lats, lons).unwrap());
            let regrid = Regrid::new(Arc::clone(&grid), to, Method::Bilinear).unwrap();
            let values = |index| source.values(index).unwrap();
            // The second member at 6 h: fields lie by member, step and variable.
            let at = 9 + 3;
            let (u, v) = regrid.apply_wind(&values(at), &values(at + 1)).unwrap();
            let t = regrid.apply(&values(at + 2)).unwrap();
            let band = |name| run.band(name, Some(850.0)).unwrap();
            let mut inside = 0;
            for (place, (lat, lon)) in places.iter().enumerate() {
                let Some(spot) = run.spot(*lat, *lon) else {
                    assert!(t[place].is_nan(), "{lat} {lon} in {grid}: {}", t[place]);
                    continue;
                };
                inside += 1;
                let near = |ours: f64, theirs: f32, most: f64| {
                    let apart = (ours - f64::from(theirs)).abs();
                    assert!(apart < most, "{lat} {lon}: {ours} {theirs}");
                };
                // At a pole, regridding turns the vector at the columns and is linear between them.
                let polar = |(corner, _): &(Corner, f64)| matches!(corner, Corner::Pole { .. });
                let most = if spot.corners.iter().any(polar) { 2e-2 } else { 6e-5 };
                let (us, vs) = run.wind((band("u"), band("v")), &spot, 2).unwrap();
                near(us[3 + 1], u[place], most);
                near(vs[3 + 1], v[place], most);
                let ts = run.scalar(band("t"), &spot, 2).unwrap();
                // Read as °C, given out in K.
                near(ts[3 + 1] - 273.15, t[place], 6e-5);
            }
            assert!(inside >= 2, "{grid}");
        }
    }
}

#[test]
fn missing_points_are_weighed_out() {
    let grid = Arc::new(Grid::regular(3, 4));
    let source = forecast(&grid, begin(), 1);
    let fields = (0..source.headers().len()).map(|index| {
        let mut field = source.field(index).unwrap();
        field.values[4] = f32::NAN;
        field
    });
    let store = store(1 << 20);
    store.put("ours", Arc::new(MemorySource::new(fields)));
    let snapshot = store.snapshot();
    let run = snapshot.run("dry-planet", None).unwrap();
    let at = |lon: f64| {
        let spot = run.spot(0.0, lon).unwrap();
        run.scalar(run.band("t", Some(850.0)).unwrap(), &spot, 1).unwrap()[0]
    };
    assert!(at(10.0).is_nan() && at(0.0).is_nan());
    assert!((at(60.0) - at(90.0)).abs() < 1e-9);
    let spot = run.spot(0.0, 80.0).unwrap().nearest();
    assert_eq!(spot.corners.len(), 1);
}

#[test]
fn newer_files_take_the_place_of_older_ones() {
    let folder = tempfile::tempdir().unwrap();
    let room = Room::new(1 << 20, None);
    let store =
        Store::new(StoreConfig { folder: Some(folder.path().to_path_buf()), keep: 2, room });
    assert!(!store.refresh().unwrap() && store.snapshot().best().is_none());
    let grid = Arc::new(Grid::regular(3, 4));
    let write = |day: i64| {
        let source = forecast(&grid, begin().plus_hours(24 * day), 1);
        let plan = strata_earth::sink::Plan {
            grid: Arc::clone(&grid),
            reference: begin().plus_hours(24 * day),
            steps: vec![0, 6 * HOUR, 12 * HOUR],
            members: None,
            variables: ["u", "v", "t"]
                .map(|name| strata_earth::sink::Planned {
                    variable: name.to_owned(),
                    unit: "m s-1".to_owned(),
                    levels: vec![Level::pressure(850.0)],
                })
                .to_vec(),
            attributes: source.headers()[0].attributes.clone(),
        };
        let path = folder.path().join(format!("day{day}.nc"));
        let path = path.to_string_lossy();
        let mut sink = crate::forecast::open_output(&path, &plan, false).unwrap();
        for index in 0..source.headers().len() {
            sink.write(&source.headers()[index], &source.values(index).unwrap()).unwrap();
        }
        sink.finish().unwrap();
    };
    write(0);
    std::fs::write(folder.path().join("broken.nc"), b"CDF\x01 and no more").unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"read over").unwrap();
    assert!(store.refresh().unwrap());
    let first = store.snapshot();
    assert_eq!(first.models["dry-planet"].len(), 1);
    assert_eq!(first.troubles.len(), 1);
    assert!(first.troubles[0].file == "broken.nc", "{:?}", first.troubles);
    assert!(!store.refresh().unwrap());
    write(1);
    write(2);
    // A run that is not at its end has its checkpoint beside it.
    write(3);
    std::fs::create_dir(folder.path().join(".day3.nc.strata")).unwrap();
    assert!(store.refresh().unwrap());
    let second = store.snapshot();
    let times: Vec<Time> = second.models["dry-planet"].iter().map(|run| run.reference).collect();
    assert_eq!(times, [begin().plus_hours(48), begin().plus_hours(24)]);
    // Files of runs that are too old to be served are not kept open, and open again where they are wanted.
    let is_open = |day: i64| {
        let path = folder.path().join(format!("day{day}.nc"));
        lock(&store.known).opened[&path].1.is_open()
    };
    // The first snapshot, which is still in use, reads the oldest.
    assert_eq!([0, 1, 2].map(is_open), [true, true, true]);
    // What was asked for before is still there.
    let run = first.run("dry-planet", None).unwrap();
    let spot = run.spot(1.0, 2.0).unwrap();
    assert!(run.scalar(0, &spot, 1).unwrap()[0].is_finite());
    std::fs::remove_file(folder.path().join("day2.nc")).unwrap();
    drop((first, second));
    write(4);
    store.refresh().unwrap();
    assert_eq!(store.snapshot().models["dry-planet"].len(), 2);
    assert_eq!([0, 1, 4].map(is_open), [false, true, true]);
    for day in [1, 4] {
        std::fs::remove_file(folder.path().join(format!("day{day}.nc"))).unwrap();
    }
    store.refresh().unwrap();
    let snapshot = store.snapshot();
    let run = snapshot.run("dry-planet", None).unwrap();
    assert!(run.reference == begin() && is_open(0), "{:?}", snapshot.troubles);
}

/// A file that opens, and whose values are gone.
struct Cut(MemorySource, &'static str);

impl Source for Cut {
    fn format(&self) -> &'static str {
        "netcdf"
    }

    fn headers(&self) -> &[Header] {
        self.0.headers()
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn values(&self, _index: usize) -> Result<Vec<f32>, ReadError> {
        Err(ReadError::Format { path: self.1.into(), why: "it ends early".to_owned() })
    }
}

#[test]
fn a_forecast_that_cannot_be_read_leaves_the_place_to_an_older_one() {
    let grid = Arc::new(Grid::regular(5, 8));
    let whole = |at: u64| -> (Seen, Arc<dyn Source>) {
        (seen(&format!("whole{at}.nc"), at), Arc::new(forecast(&grid, begin(), 1)))
    };
    let cut = |at: u64, path| -> (Seen, Arc<dyn Source>) {
        (seen(path, at), Arc::new(Cut(forecast(&grid, begin(), 1), path)))
    };
    let served = |sources| {
        let snapshot = store(1 << 30).runs(sources, Vec::new());
        let run = snapshot.run("dry-planet", None);
        (run.map(|run| run.files[0].name()), snapshot.troubles.len())
    };
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(served(vec![whole(1), cut(2, "cut2.nc")]), (name("whole1.nc"), 1));
    assert_eq!(served(vec![whole(1), cut(2, "cut2.nc"), cut(3, "cut3.nc")]).0, name("whole1.nc"));
    assert_eq!(served(vec![cut(1, "cut1.nc"), whole(2)]), (name("whole2.nc"), 1));
    assert_eq!(served(vec![cut(1, "cut1.nc"), cut(2, "cut2.nc")]), (None, 2));
}

fn seen(name: &str, second: u64) -> Seen {
    let changed = std::time::UNIX_EPOCH + std::time::Duration::from_secs(second);
    Seen { changed: Some(changed), ..Seen::memory(name) }
}

#[test]
fn a_forecast_that_was_made_again_takes_the_place_of_the_older_one() {
    let grid = Arc::new(Grid::regular(5, 8));
    let store = store(1 << 30);
    let source = |warmer: f32| -> Arc<dyn Source> {
        let made = forecast(&grid, begin(), 1);
        let mut source = MemorySource::default();
        for (index, header) in made.headers().iter().enumerate() {
            let values = made.values(index).unwrap();
            let values = values.iter().map(|value| value + warmer).collect();
            source.push(Field { header: header.clone(), values });
        }
        Arc::new(source)
    };
    let value = |snapshot: &Snapshot| {
        let run = snapshot.run("dry-planet", None).unwrap();
        let spot = run.spot(0.0, 0.0).unwrap();
        run.scalar(run.band("t", Some(850.0)).unwrap(), &spot, 1).unwrap()[0]
    };
    let alone = value(&store.runs(vec![(seen("a.nc", 5), source(0.0))], Vec::new()));
    for (first, second) in [(5, 9), (9, 5)] {
        let sources =
            vec![(seen("a.nc", first), source(0.0)), (seen("b.nc", second), source(100.0))];
        let snapshot = store.runs(sources, Vec::new());
        assert_eq!(snapshot.best(), Some("dry-planet"), "{:?}", snapshot.troubles);
        let (newer, older, warmer) =
            if first > second { ("a.nc", "b.nc", 0.0) } else { ("b.nc", "a.nc", 100.0) };
        assert!((value(&snapshot) - alone - warmer).abs() < 1e-3);
        let [trouble] = snapshot.troubles.as_slice() else { panic!("{:?}", snapshot.troubles) };
        assert!(trouble.file == older && trouble.why.starts_with(newer), "{trouble:?}");
    }
}
