//! TempestExtremes' tracker: cyclones are found without a place to begin from.

use proptest::prelude::*;
use strata_earth::grid::Grid;
use strata_earth::track::sphere::KM_PER_DEGREE;
use strata_earth::track::tempest::{Rules, Tempest};
use strata_earth::track::{Place, Series, Track, track};

use crate::vortices::{Vortex, farthest, forecast, time};

fn tracked(grid: &Grid, vortices: &[Vortex], rules: Rules) -> Vec<Track> {
    let source = forecast(grid, vortices);
    track(&Series::new(&source, None).unwrap(), Box::new(Tempest::new(rules)), &mut |_, _| {})
        .unwrap()
}

/// Each vortex has one track, which follows it from its first to its last time; there is no other track.
fn all_are_found(grid: &Grid, vortices: &[Vortex]) {
    let tracks = tracked(grid, vortices, Rules::default());
    let cell = (grid.lats[0] - grid.lats[1]).abs() * KM_PER_DEGREE;
    assert_eq!(tracks.len(), vortices.len(), "{tracks:?}");
    for vortex in vortices {
        let there = vortex.path.iter().flatten().count();
        let near = |track: &&Track| {
            let first = vortex.path.iter().position(Option::is_some).unwrap();
            track.fixes[0].time == time(first)
                && track.fixes[0].place().distance(vortex.path[first].unwrap()) <= cell
        };
        let track = tracks.iter().find(near).unwrap();
        assert_eq!(track.fixes.len(), there);
        assert!(farthest(track, vortex) <= cell, "{} km", farthest(track, vortex));
    }
}

#[test]
fn several_are_found_across_0_180_and_the_poles() {
    let grid = Grid::regular(181, 360);
    let straight = |lat, lon, bearing| Vortex::straight(Place::new(lat, lon), bearing, 240.0, 8);
    all_are_found(
        &grid,
        &[
            straight(15.0, 356.0, 80.0),
            straight(-20.0, 177.0, 100.0),
            straight(82.0, 60.0, 350.0),
            straight(-83.0, 10.0, 170.0),
            straight(35.0, -120.0, 45.0),
        ],
    );
}

#[test]
fn shallow_lows_short_lives_and_long_gaps_count_as_the_rules_say() {
    let grid = Grid::regular(121, 240);
    let way = |count| Vortex::straight(Place::new(20.0, 140.0), 300.0, 100.0, count);
    let shallow = Vortex { depth: 150.0, ..way(8) };
    assert!(tracked(&grid, std::slice::from_ref(&shallow), Rules::default()).is_empty());
    assert_eq!(tracked(&grid, &[shallow], Rules { rise: 50.0, ..Rules::default() }).len(), 1);
    // Too wide: pressure has not risen by 200 Pa within 5.5 degrees.
    let wide = Vortex { depth: 1000.0, width: 2000.0, ..way(8) };
    assert!(tracked(&grid, &[wide], Rules::default()).is_empty());
    // A life of 6 hours, then 12.
    let mut life = way(6);
    life.path[2..].fill(None);
    let base = Vortex { depth: 0.0, ..way(6) };
    assert!(tracked(&grid, &[life.clone(), base.clone()], Rules::default()).is_empty());
    life.path[2] = Some(Place::new(21.0, 138.0));
    assert_eq!(tracked(&grid, &[life, base], Rules::default()).len(), 1);
    // 24 hours without a low are bridged, 30 are not.
    for (gone, tracks) in [(3, 1), (4, 2)] {
        let mut gap = way(12);
        gap.path[4..4 + gone].fill(None);
        assert_eq!(tracked(&grid, &[gap], Rules::default()).len(), tracks, "{gone}");
    }
}

#[test]
fn warm_cores_are_asked_for_by_name() {
    let grid = Grid::regular(91, 180);
    let source = forecast(&grid, &[Vortex::straight(Place::new(20.0, 140.0), 300.0, 200.0, 4)]);
    let rules = Rules { warm_core: true, ..Rules::default() };
    let error =
        track(&Series::new(&source, None).unwrap(), Box::new(Tempest::new(rules)), &mut |_, _| {})
            .unwrap_err();
    assert!(error.to_string().contains("500 and 300 hPa"), "{error}");
}

#[test]
fn where_two_merge_one_track_ends() {
    let grid = Grid::regular(181, 360);
    let deep =
        Vortex { depth: 6000.0, ..Vortex::straight(Place::new(15.0, 140.0), 300.0, 150.0, 14) };
    let meets = deep.path[9].unwrap();
    let mut weak =
        Vortex { depth: 2500.0, ..Vortex::between(meets.step(180.0, 1800.0), meets, 10) };
    weak.path.extend(vec![None; 4]);
    let tracks = tracked(&grid, &[deep.clone(), weak], Rules::default());
    assert_eq!(tracks.len(), 2);
    let long = tracks.iter().find(|track| track.fixes.len() == 14).unwrap();
    assert!(farthest(long, &deep) < 111.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Pairs on paths of their own, never nearer than lows are told apart, are never lost, swapped or doubled.
    #[test]
    fn pairs_are_neither_lost_nor_swapped(
        lat in -70.0_f64..70.0,
        lon in -180.0_f64..180.0,
        apart in 950.0_f64..1600.0,
        turn in 0.0_f64..360.0,
        ways in prop::collection::vec((0.0_f64..360.0, 30.0_f64..350.0), 2),
    ) {
        prop_assume!(lat.abs() > 8.0);
        let first = Place::new(lat, lon);
        let second = first.step(turn, apart);
        let vortices: Vec<Vortex> = [first, second]
            .into_iter()
            .zip(&ways)
            .map(|(from, (bearing, km))| Vortex::straight(from, *bearing, *km, 6))
            .collect();
        let paths = || vortices[0].path.iter().flatten().zip(vortices[1].path.iter().flatten());
        prop_assume!(paths().all(|(a, b)| a.distance(*b) > 900.0));
        all_are_found(&Grid::regular(121, 240), &vortices);
    }
}
