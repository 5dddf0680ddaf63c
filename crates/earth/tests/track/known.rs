//! Pangu's tracker: cyclones whose first place is known.

use proptest::prelude::*;
use strata_earth::field::Field;
use strata_earth::grid::Grid;
use strata_earth::memory_source::MemorySource;
use strata_earth::source::Source;
use strata_earth::track::pangu::{Pangu, Rules};
use strata_earth::track::sphere::KM_PER_DEGREE;
use strata_earth::track::{Place, Series, Start, Track, TrackError, track};

use crate::vortices::{Vortex, farthest, forecast};

fn starts(vortices: &[Vortex]) -> Vec<Start> {
    let start = |(at, vortex): (usize, &Vortex)| Start {
        id: format!("V{at}"),
        name: String::new(),
        // Best tracks are off by some tens of kilometres.
        place: vortex.path[0].unwrap().step(70.0, 60.0),
    };
    vortices.iter().enumerate().map(start).collect()
}

fn tracked(source: &dyn Source, starts: Vec<Start>) -> Result<Vec<Track>, TrackError> {
    track(
        &Series::new(source, None)?,
        Box::new(Pangu::new(starts, Rules::default())),
        &mut |_, _| {},
    )
}

/// Each is tracked at every time, within a grid cell.
fn all_are_followed(grid: &Grid, vortices: &[Vortex]) {
    let tracks = tracked(&forecast(grid, vortices), starts(vortices)).unwrap();
    let cell = (grid.lats[0] - grid.lats[1]).abs() * KM_PER_DEGREE;
    assert_eq!(tracks.len(), vortices.len());
    for (track, vortex) in tracks.iter().zip(vortices) {
        assert_eq!(track.fixes.len(), vortex.path.len(), "{} of {grid}", track.id);
        let far = farthest(track, vortex);
        assert!(far <= cell, "{}: {far} km of {cell}", track.id);
    }
}

#[test]
fn across_0_and_180_and_over_the_poles() {
    let paths = [
        (Place::new(15.2, 355.0), 80.0),
        (Place::new(-18.7, 176.3), 110.0),
        (Place::new(25.5, -175.0), 290.0),
        (Place::new(80.0, 30.0), 5.0),
        (Place::new(-79.0, 200.0), 175.0),
        (Place::new(60.0, 100.0), 45.0),
    ];
    for grid in [Grid::regular(181, 360), Grid::regular(180, 360)] {
        for (from, bearing) in paths {
            all_are_followed(&grid, &[Vortex::straight(from, bearing, 260.0, 9)]);
        }
    }
}

#[test]
fn regions_and_grids_from_the_south_are_tracked_too() {
    let lats = (0..91).map(|k| 5.0 + f64::from(k) * 0.5).collect();
    let lons = (0..121).map(|k| 150.0 + f64::from(k) * 0.5).collect();
    let region = Grid::rectilinear(lats, lons).unwrap();
    all_are_followed(&region, &[Vortex::straight(Place::new(18.0, 170.0), 60.0, 250.0, 9)]);
}

#[test]
fn several_at_once_keep_their_names_where_paths_cross() {
    let grid = Grid::regular(181, 360);
    // Two that turn about each other, 550 km apart, and one whose path crosses theirs later.
    let middle = |step: usize| Place::new(20.0, 140.0).step(300.0, 60.0 * step as f64);
    let around = |turn: f64| {
        let at = |step: usize| Some(middle(step).step(turn - 25.0 * step as f64, 275.0));
        Vortex { width: 150.0, ..Vortex::on((0..13).map(at).collect()) }
    };
    let crossing =
        Vortex { width: 150.0, ..Vortex::straight(Place::new(10.0, 150.0), 315.0, 150.0, 13) };
    all_are_followed(&grid, &[around(0.0), around(180.0), crossing]);
    // One follows the other at a distance of one step: the nearest low is the other's last place.
    let follow = |lon: f64| Vortex {
        width: 150.0,
        ..Vortex::straight(Place::new(15.0, lon), 275.0, 420.0, 10)
    };
    all_are_followed(&grid, &[follow(160.0), follow(164.4), follow(155.6)]);
}

#[test]
fn where_two_merge_one_goes_on_and_the_other_ends() {
    let grid = Grid::regular(181, 360);
    let deep =
        Vortex { depth: 6000.0, ..Vortex::straight(Place::new(15.0, 140.0), 300.0, 200.0, 12) };
    let meets = deep.path[8].unwrap();
    let from = meets.step(180.0, 1400.0);
    let mut weak = Vortex { depth: 2500.0, width: 200.0, ..Vortex::between(from, meets, 9) };
    let end = weak.path.len();
    weak.path.extend(vec![None; 12 - end]);
    let vortices = [deep, weak];
    let tracks = tracked(&forecast(&grid, &vortices), starts(&vortices)).unwrap();
    assert_eq!(tracks.len(), 2);
    assert_eq!(tracks[0].fixes.len(), 12);
    assert!(farthest(&tracks[0], &vortices[0]) < 111.0);
    let ends = tracks[1].fixes.len();
    assert!((5..=9).contains(&ends), "{ends}");
}

#[test]
fn what_is_no_cyclone_any_more_ends_the_track() {
    let grid = Grid::regular(91, 180);
    let way = || Vortex::straight(Place::new(20.0, 140.0), 300.0, 200.0, 8);
    // Fades away.
    let mut fading = way();
    fading.path.truncate(5);
    let still = Vortex { depth: 0.0, wind: 0.0, ..way() };
    let tracks = tracked(&forecast(&grid, &[fading, still]), starts(&[way()])).unwrap();
    assert_eq!(tracks[0].fixes.len(), 5);
    // Does not turn: a low without vorticity, or with the wrong one.
    for wind in [1.0, -40.0] {
        let other = Vortex { wind, ..way() };
        assert!(
            tracked(&forecast(&grid, &[other]), starts(&[way()])).unwrap().is_empty(),
            "{wind}"
        );
    }
    // Outside the tropics a maximum of thickness is asked for.
    let cold =
        Vortex { warmth: -150.0, ..Vortex::straight(Place::new(45.0, 180.0), 60.0, 200.0, 6) };
    assert!(
        tracked(&forecast(&grid, std::slice::from_ref(&cold)), starts(&[cold])).unwrap().is_empty()
    );
    // Too fast: 500 km in six hours.
    let fast = Vortex::straight(Place::new(20.0, 140.0), 300.0, 500.0, 4);
    let tracks = tracked(&forecast(&grid, std::slice::from_ref(&fast)), starts(&[fast])).unwrap();
    assert_eq!(tracks[0].fixes.len(), 1);
}

fn without(source: &MemorySource, variable: &str) -> MemorySource {
    let fields = (0..source.headers().len()).map(|at| source.field(at).unwrap());
    MemorySource::new(fields.filter(|field| field.header.variable != variable))
}

#[test]
fn missing_fields_are_named_and_the_land_asks_for_wind() {
    let grid = Grid::regular(91, 180);
    let vortex =
        Vortex { wind: 20.0, ..Vortex::straight(Place::new(20.0, 140.0), 300.0, 200.0, 5) };
    let source = forecast(&grid, std::slice::from_ref(&vortex));
    let begin = || starts(std::slice::from_ref(&vortex));
    let error = tracked(&without(&source, "msl"), begin()).unwrap_err().to_string();
    assert!(error.contains("(msl)"), "{error}");
    let error = tracked(&without(&source, "u"), begin()).unwrap_err().to_string();
    assert!(error.contains("u and v at 850 hPa at 2023-08-01T00"), "{error}");
    assert_eq!(tracked(&without(&source, "z"), begin()).unwrap()[0].fixes.len(), 5);

    let mut land = source.field(0).unwrap();
    land.header.variable = "lsm".to_owned();
    land.header.level = strata_earth::level::Level::SURFACE;
    land.header.unit = "1".to_owned();
    land.values.fill(1.0);
    let with_land = |calm: bool| {
        let change = |at: usize| {
            let Field { header, mut values } = source.field(at).unwrap();
            if calm && header.variable.starts_with("10") && header.step > 2 * 21_600 {
                values.iter_mut().for_each(|value| *value *= 0.3);
            }
            Field { header, values }
        };
        let fields = (0..source.headers().len()).map(change);
        MemorySource::new(fields.chain([land.clone()]))
    };
    assert_eq!(tracked(&with_land(false), begin()).unwrap()[0].fixes.len(), 5);
    assert_eq!(tracked(&with_land(true), begin()).unwrap()[0].fixes.len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Paths that turn and change their speed, from anywhere.
    #[test]
    fn no_path_is_lost(
        lat in -84.0_f64..84.0,
        lon in -180.0_f64..180.0,
        bearing in 0.0_f64..360.0,
        turns in prop::collection::vec((-35.0_f64..35.0, 20.0_f64..330.0), 7),
    ) {
        // Between hemispheres cyclones lose their sense.
        prop_assume!(lat.abs() > 12.0);
        let mut path = vec![Place::new(lat, lon)];
        let mut way = bearing;
        for (turn, km) in turns {
            let last = path[path.len() - 1];
            let next = last.step(way, km);
            // The direction on arrival, turned.
            way = next.bearing(last) + 180.0 + turn;
            path.push(next);
        }
        prop_assume!(path.iter().all(|place| place.lat * lat > 0.0 && place.lat.abs() > 3.0));
        let vortex = Vortex::on(path.into_iter().map(Some).collect());
        all_are_followed(&Grid::regular(121, 240), &[vortex]);
    }
}
