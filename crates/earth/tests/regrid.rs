//! Regridding against xarray and NumPy (`fixtures/make_regrid.py`), and what must hold of any grids.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use strata_earth::grid::{Grid, GridKind};
use strata_earth::regrid::crop::{Area, Crop};
use strata_earth::regrid::search::{Tree, unit};
use strata_earth::regrid::{Method, Regrid, RegridError};

fn on(grid: &Grid, of: impl Fn(f64, f64) -> f64) -> Vec<f32> {
    (0..grid.len())
        .map(|at| {
            let (lat, lon) = grid.at(at);
            of(lat, lon) as f32
        })
        .collect()
}

fn regrid(from: &Grid, to: &Grid, method: Method) -> Regrid {
    Regrid::new(Arc::new(from.clone()), Arc::new(to.clone()), method).unwrap()
}

fn most(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// Area of each point's cell over the sphere's, by the sines of its edges.
fn areas(grid: &Grid) -> Vec<f64> {
    let (rows, columns) = grid.shape;
    let edge = |row: usize| match row {
        0 => 90.0_f64.copysign(grid.lats[0]),
        row if row == rows => 90.0_f64.copysign(grid.lats[rows - 1]),
        row => f64::midpoint(grid.lats[row - 1], grid.lats[row]),
    };
    let sine = |row: usize| edge(row).to_radians().sin();
    let of_row = |row| (sine(row) - sine(row + 1)).abs() / 2.0 / columns as f64;
    (0..rows).flat_map(|row| vec![of_row(row); columns]).collect()
}

fn integral(grid: &Grid, values: &[f32]) -> f64 {
    areas(grid).iter().zip(values).map(|(area, value)| area * f64::from(*value)).sum()
}

#[test]
fn it_gives_what_xarray_and_numpy_give() {
    let text = include_str!("fixtures/regrid.json");
    let all: BTreeMap<String, Vec<f64>> = serde_json::from_str(text).unwrap();
    let single = |name: &str| -> Vec<f32> { all[name].iter().map(|v| *v as f32).collect() };
    let grid =
        |lats: &str, lons: &str| Grid::rectilinear(all[lats].clone(), all[lons].clone()).unwrap();
    let from = grid("lats", "lons");
    assert_eq!(from.kind, GridKind::Gaussian);
    let to = grid("to_lats", "to_lons");
    let coarse = grid("conservative_lats", "conservative_lons");
    for (method, to, name) in [
        (Method::Bilinear, &to, "bilinear"),
        (Method::Nearest, &to, "nearest"),
        (Method::Conservative, &coarse, "conservative"),
    ] {
        let found = regrid(&from, to, method).apply(&single("values")).unwrap();
        assert!(most(&found, &single(name)) < 1e-6, "{name}: {found:?}");
    }
    // The same source from south to north and from 180 W, and the same targets one by one.
    let lats: Vec<f64> = from.lats.iter().rev().copied().collect();
    let lons: Vec<f64> = from.lons.iter().map(|lon| lon - 180.0).collect();
    let turned = Grid::rectilinear(lats, lons).unwrap();
    let values: Vec<f32> =
        (0..200).map(|at| single("values")[(9 - at / 20) * 20 + (at % 20 + 10) % 20]).collect();
    let points = on(&to, |lat, _| lat).iter().map(|v| f64::from(*v)).collect();
    let lons = (0..to.len()).map(|at| to.at(at).1).collect();
    let points = Grid::points(points, lons).unwrap();
    for to in [&to, &points] {
        let found = regrid(&turned, to, Method::Bilinear).apply(&values).unwrap();
        assert!(most(&found, &single("bilinear")) < 1e-5);
    }
}

#[test]
fn constants_and_integrals_are_kept() {
    let grids = [
        Grid::regular(721, 1440),
        Grid::regular(90, 181),
        Grid::gaussian(32, 64),
        Grid::regular(37, 72),
    ];
    for from in &grids {
        for to in &grids {
            for method in [Method::Nearest, Method::Bilinear, Method::Conservative] {
                let constant = vec![101_325.0; from.len()];
                let found = regrid(from, to, method).apply(&constant).unwrap();
                assert!(found.iter().all(|v| *v == 101_325.0), "{method:?} {from} to {to}");
            }
            let values = on(from, |lat, lon| 250.0 + lat + 3.0 * (lon * 0.05).sin());
            let found = regrid(from, to, Method::Conservative).apply(&values).unwrap();
            let (before, after) = (integral(from, &values), integral(to, &found));
            assert!(((after - before) / before).abs() < 1e-6, "{from} to {to}: {before} {after}");
        }
    }
}

#[test]
fn a_pole_without_a_row_is_the_mean_of_the_nearest_one() {
    let (from, to) = (Grid::regular(18, 36), Grid::regular(19, 36));
    let values = on(&from, |lat, lon| if lat > 80.0 { lon } else { 0.0 });
    let found = regrid(&from, &to, Method::Bilinear).apply(&values).unwrap();
    assert!(found[..36].iter().all(|v| (v - 175.0).abs() < 1e-4));
    assert!(found[18 * 36..].iter().all(|v| *v == 0.0));
    // A wind straight over the pole, from 180 E to 0 E: its components there turn with the longitude.
    for north in [1.0, -1.0] {
        let over = |lat: f64, lon: f64| {
            let sin = lat.to_radians().sin();
            (-lon.to_radians().sin(), -sin * lon.to_radians().cos(), sin * north > 0.0)
        };
        let u = on(&from, |lat, lon| 10.0 * over(lat, lon).0);
        let v = on(&from, |lat, lon| 10.0 * over(lat, lon).1);
        let (u, v) = regrid(&from, &to, Method::Bilinear).apply_wind(&u, &v).unwrap();
        for column in 0..36 {
            let row = if north > 0.0 { 0 } else { 18 };
            let (sin, cos) = (f64::from(column) * 10.0).to_radians().sin_cos();
            let at = row * 36 + column as usize;
            assert!((f64::from(u[at]) + 10.0 * sin).abs() < 0.1, "{}", u[at]);
            assert!((f64::from(v[at]) + north * 10.0 * cos).abs() < 0.1, "{}", v[at]);
        }
    }
}

#[test]
fn missing_points_are_left_out_and_outside_is_missing() {
    let (from, columns) = (Grid::regular(180, 360), Grid::regular(45, 90).lons);
    let to =
        Grid::rectilinear((0..45).map(|k| 88.0 - 4.0 * f64::from(k)).collect(), columns).unwrap();
    let mut values = on(&from, |_, lon| lon);
    for row in 40..44 {
        values[row * 360 + 100] = f32::NAN;
        values[row * 360 + 101] = f32::NAN;
        values[row * 360 + 102] = f32::NAN;
    }
    values[0] = f32::NAN;
    let conservative = regrid(&from, &to, Method::Conservative);
    let found = conservative.apply(&values).unwrap();
    // Of one cell 62 % are gone, more than half; of the next 12 %.
    assert!(found[10 * 90 + 25].is_nan() && found[10 * 90 + 26].is_finite());
    let gone = found.iter().filter(|v| v.is_nan()).count();
    let all = conservative.clone().least_share(0.0).apply(&values).unwrap();
    assert!(all.iter().all(|v| v.is_finite()));
    let strict = conservative.least_share(1.0 - 1e-9).apply(&values).unwrap();
    let none_at_all = strict.iter().filter(|v| v.is_nan()).count();
    assert!(gone < none_at_all, "{gone} {none_at_all}");
    assert!(found[0].is_finite() && strict[0].is_nan());

    let lats = (0..11).map(|k| 50.0 - f64::from(k)).collect();
    let lons = (0..21).map(|k| 350.0 + f64::from(k)).collect();
    let region = Grid::rectilinear(lats, lons).unwrap();
    let values = on(&region, |lat, lon| lat + lon);
    let to = Grid::points(
        vec![45.5, 50.0, 40.0, 39.0, 45.0, 45.0, 51.0],
        vec![-5.5, -10.0, 10.0, 0.0, 11.0, 370.0, 350.0],
    )
    .unwrap();
    let found = regrid(&region, &to, Method::Bilinear).apply(&values).unwrap();
    assert_eq!(found[..3], [400.0, 400.0, 410.0]);
    assert!(found[3].is_nan() && found[4].is_nan() && found[6].is_nan());
    assert_eq!(found[5], 415.0);
    let found = regrid(&region, &to, Method::Nearest).apply(&values).unwrap();
    assert!(found[1] == 400.0 && found[3].is_nan());
    assert!(matches!(
        regrid(&region, &to, Method::Nearest).apply(&[1.0]),
        Err(RegridError::Length { found: 1, expected: 231 })
    ));
}

#[test]
fn reduced_grids_and_projections_are_regridded() {
    // A reduced grid: rows of 20, 24, ... points.
    let (mut lats, mut lons) = (Vec::new(), Vec::new());
    for (row, lat) in Grid::gaussian(32, 1).lats.iter().enumerate() {
        let count = 20 + 4 * row.min(31 - row);
        for column in 0..count {
            lats.push(*lat);
            lons.push(360.0 * column as f64 / count as f64);
        }
    }
    let reduced = Grid::points(lats, lons).unwrap();
    let to = Grid::regular(37, 72);
    let wave = |lat: f64, lon: f64| lat + 10.0 * lat.to_radians().cos() * lon.to_radians().cos();
    let found = regrid(&reduced, &to, Method::Bilinear).apply(&on(&reduced, wave)).unwrap();
    // The pole is the mean of the nearest row, 4 degrees off.
    assert!(most(&found[72..36 * 72], &on(&to, wave)[72..36 * 72]) < 0.6);
    assert!((found[0] - 85.76).abs() < 0.01);
    let nearest = regrid(&reduced, &to, Method::Nearest).apply(&on(&reduced, wave)).unwrap();
    assert!(most(&nearest, &on(&to, wave)) < 6.0);
    assert!(
        regrid(&reduced, &to, Method::Bilinear)
            .apply(&vec![7.0; reduced.len()])
            .unwrap()
            .iter()
            .all(|v| *v == 7.0)
    );

    // A polar stereographic grid over the pole.
    let (mut lats, mut lons) = (Vec::new(), Vec::new());
    for y in -20..=20 {
        for x in -20..=20 {
            let (x, y) = (f64::from(x) * 0.02, f64::from(y) * 0.02);
            lats.push(90.0 - 2.0 * x.hypot(y).atan().to_degrees());
            lons.push(y.atan2(x).to_degrees());
        }
    }
    let kind = GridKind::Projected { projection: "polar_stereographic".to_owned() };
    let stereo = Grid::scattered(kind, (41, 41), lats, lons).unwrap();
    let flat = |lat: f64, lon: f64| {
        let [x, y, z] = unit(lat, lon);
        3.0 * x - 2.0 * y + z
    };
    let to = Grid::points(
        vec![89.9, 90.0, 80.0, 65.0, 20.0, 62.0],
        vec![10.0, 0.0, -170.0, 44.0, 0.0, 100.0],
    )
    .unwrap();
    let found = regrid(&stereo, &to, Method::Bilinear).apply(&on(&stereo, flat)).unwrap();
    for (at, found) in found.iter().enumerate() {
        let (lat, lon) = to.at(at);
        if lat > 50.0 {
            assert!((f64::from(*found) - flat(lat, lon)).abs() < 1e-3, "{lat} {lon}: {found}");
        } else {
            assert!(found.is_nan());
        }
    }
    let error = Regrid::new(Arc::new(stereo.clone()), Arc::new(to.clone()), Method::Conservative)
        .unwrap_err();
    assert!(error.to_string().contains("rectilinear"), "{error}");
    let error = Regrid::new(Arc::new(to), Arc::new(stereo), Method::Bilinear).unwrap_err();
    assert!(error.to_string().contains("use nearest"), "{error}");
}

#[test]
fn areas_cross_0_and_180() {
    let grid = Grid::regular(181, 360);
    let values = on(&grid, |lat, lon| lat * 1000.0 + lon);
    for (text, columns, first, last) in [
        ("10/-10/5/20", 31, -10.0, 20.0),
        ("10/350/5/20", 31, 350.0, 380.0),
        ("10/170/5/-170", 21, 170.0, 190.0),
        ("10/0/5/360", 360, 0.0, 359.0),
        ("10/-180/5/180", 360, -180.0, 179.0),
    ] {
        let area: Area = text.parse().unwrap();
        let crop = Crop::new(&grid, &area).unwrap();
        assert_eq!(crop.grid.shape, (6, columns), "{text}");
        assert_eq!((crop.grid.lons[0], crop.grid.lons[columns - 1]), (first, last), "{text}");
        let found = crop.apply(&values).unwrap();
        for (at, value) in found.iter().enumerate() {
            let (lat, lon) = crop.grid.at(at);
            assert_eq!(f64::from(*value), lat * 1000.0 + lon.rem_euclid(360.0));
        }
    }
    assert!("10/0/20/5".parse::<Area>().is_err() && "1/2/3".parse::<Area>().is_err());
    let gap: Area = "10.4/0.2/10.3/0.3".parse().unwrap();
    assert!(matches!(Crop::new(&grid, &gap), Err(RegridError::Empty { .. })));
}

proptest! {
    /// Linear in latitude and in longitude, on steps of any width.
    #[test]
    fn linear_functions_are_exact(
        lat_steps in prop::collection::vec(0.5_f64..8.0, 3..12),
        lon_steps in prop::collection::vec(0.5_f64..8.0, 3..12),
        start in -180.0_f64..180.0,
        shares in prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.0), 1..20),
        flip in any::<bool>(),
    ) {
        let sums = |from: f64, steps: &[f64]| -> Vec<f64> {
            steps.iter().scan(from, |at, step| { *at += step; Some(*at) }).collect()
        };
        let mut lats = sums(-45.0, &lat_steps);
        let lons = sums(start, &lon_steps);
        let within = |values: &[f64], share: f64| values[0] + share * (values[values.len() - 1] - values[0]);
        let to: Vec<(f64, f64)> = shares.iter().map(|(a, b)| (within(&lats, *a), within(&lons, *b))).collect();
        if flip {
            lats.reverse();
        }
        let from = Grid::rectilinear(lats, lons).unwrap();
        let of = |lat: f64, lon: f64| 2.0 * lat - 0.5 * (lon - start) + 3.0;
        let points = Grid::points(to.iter().map(|p| p.0).collect(), to.iter().map(|p| p.1).collect()).unwrap();
        let found = regrid(&from, &points, Method::Bilinear).apply(&on(&from, of)).unwrap();
        for (found, (lat, lon)) in found.iter().zip(&to) {
            prop_assert!((f64::from(*found) - of(*lat, *lon)).abs() < 1e-3);
        }
    }

    #[test]
    fn the_tree_finds_what_a_search_through_all_finds(
        points in prop::collection::vec((-90.0_f64..=90.0, -180.0_f64..360.0), 1..200),
        to in (-90.0_f64..=90.0, -180.0_f64..360.0),
    ) {
        let (lats, lons): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let (found, chord) = Tree::new(&lats, &lons).nearest(to.0, to.1).unwrap();
        let far = |at: usize| {
            let (a, b) = (unit(lats[at], lons[at]), unit(to.0, to.1));
            (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k])).sum::<f64>().sqrt()
        };
        let least = (0..lats.len()).map(far).fold(f64::MAX, f64::min);
        prop_assert!((far(found) - least).abs() < 1e-12 && (chord - least).abs() < 1e-12);
    }
}
