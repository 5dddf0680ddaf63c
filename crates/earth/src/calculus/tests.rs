//! Winds whose vorticity and divergence are known.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::grid::EARTH_RADIUS;

/// A function of latitude and longitude, in radians.
type Of<'a> = dyn Fn(f64, f64) -> f64 + 'a;

fn on(grid: &Grid, of: &Of<'_>) -> Vec<f32> {
    (0..grid.len())
        .map(|at| {
            let (lat, lon) = grid.at(at);
            of(lat.to_radians(), lon.to_radians()) as f32
        })
        .collect()
}

/// Root mean square over the area, and largest error.
fn error(grid: &Grid, found: &[f32], expected: &Of<'_>) -> (f64, f64) {
    let expected = on(grid, expected);
    let (mut sum, mut weight, mut most) = (0.0, 0.0, 0.0_f64);
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let apart = f64::from(found - expected);
        let cos = grid.at(at).0.to_radians().cos();
        sum += apart * apart * cos;
        weight += cos;
        most = most.max(apart.abs());
    }
    ((sum / weight).sqrt(), most)
}

const OMEGA: f64 = 7.292e-5;

#[test]
fn solid_rotation_has_twice_its_rate_times_the_sine_of_latitude() {
    for grid in [Grid::regular(181, 360), Grid::regular(90, 180), Grid::gaussian(64, 128)] {
        let grid = Arc::new(grid);
        let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS).unwrap();
        let u = on(&grid, &|lat, _| OMEGA * EARTH_RADIUS * lat.cos());
        let v = vec![0.0; u.len()];
        let vorticity = sphere.vorticity(&u, &v).unwrap();
        let (_, most) = error(&grid, &vorticity, &|lat, _| 2.0 * OMEGA * lat.sin());
        assert!(most < 2.0 * OMEGA * 2e-3, "{grid}: {most:e}");
        let divergence = sphere.divergence(&u, &v).unwrap();
        assert!(divergence.iter().all(|value| value.abs() < 1e-10), "{grid}");
        // The same speeds blowing north flow together.
        let divergence = sphere.divergence(&v, &u).unwrap();
        let (_, most) = error(&grid, &divergence, &|lat, _| -2.0 * OMEGA * lat.sin());
        assert!(most < 2.0 * OMEGA * 2e-3, "{grid}: {most:e}");
    }
}

#[test]
fn rotation_about_a_tilted_axis_blows_over_the_poles() {
    let (sin, cos) = 0.7_f64.sin_cos();
    for grid in [Grid::regular(181, 360), Grid::regular(180, 360), Grid::gaussian(96, 192)] {
        let grid = Arc::new(grid);
        let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS).unwrap();
        let speed = OMEGA * EARTH_RADIUS;
        let u = on(&grid, &|lat, lon| speed * (lat.cos() * cos + lon.cos() * lat.sin() * sin));
        let v = on(&grid, &|_, lon| -speed * lon.sin() * sin);
        let vorticity = sphere.vorticity(&u, &v).unwrap();
        let expected =
            |lat: f64, lon: f64| 2.0 * OMEGA * (lat.sin() * cos - lon.cos() * lat.cos() * sin);
        let (root, most) = error(&grid, &vorticity, &expected);
        assert!(root < 2.0 * OMEGA * 1e-3, "{grid}: {root:e}");
        assert!(most < 2.0 * OMEGA * 2e-2, "{grid}: {most:e}");
        let divergence = sphere.divergence(&u, &v).unwrap();
        let (root, _) = error(&grid, &divergence, &|_, _| 0.0);
        assert!(root < 2.0 * OMEGA * 1e-3, "{grid}: {root:e}");
    }
}

/// The Rossby-Haurwitz wave of Williamson's sixth test.
#[test]
fn a_rossby_haurwitz_wave_converges_with_the_second_order() {
    let (rate, k, waves) = (7.848e-6, 7.848e-6, 4.0);
    let a = EARTH_RADIUS;
    let u = move |lat: f64, lon: f64| {
        let (sin, cos) = lat.sin_cos();
        let wave = cos.powf(waves - 1.0) * (waves * sin * sin - cos * cos) * (waves * lon).cos();
        a * rate * cos + a * k * wave
    };
    let v = move |lat: f64, lon: f64| {
        -a * k * waves * lat.cos().powf(waves - 1.0) * lat.sin() * (waves * lon).sin()
    };
    let vorticity = move |lat: f64, lon: f64| {
        let (sin, cos) = lat.sin_cos();
        let wave =
            sin * cos.powf(waves) * (waves * waves + 3.0 * waves + 2.0) * (waves * lon).cos();
        2.0 * rate * sin - k * wave
    };
    let errors: Vec<f64> = [(46, 90), (91, 180), (181, 360)]
        .into_iter()
        .map(|(rows, columns)| {
            let grid = Arc::new(Grid::regular(rows, columns));
            let sphere = Calculus::new(Arc::clone(&grid), a).unwrap();
            let found = sphere.vorticity(&on(&grid, &u), &on(&grid, &v)).unwrap();
            error(&grid, &found, &vorticity).0
        })
        .collect();
    // 46 rows are half steps from the poles, so the steps of latitude are 180/46, 2 and 1 degrees.
    assert!((errors[1] / errors[2]).log2() > 1.9, "{errors:?}");
    assert!((errors[0] / errors[1]).log2() > 1.9, "{errors:?}");
    assert!(errors[2] < 30.0 * k * 2e-3, "{errors:?}");
}

#[test]
fn a_gradient_points_uphill_also_at_the_poles_and_on_regions() {
    // x, a linear function in space: its gradient is the unit vector to 0 E without its upward part.
    let height = |lat: f64, lon: f64| EARTH_RADIUS * lat.cos() * lon.cos();
    let lats = (0..41).map(|k| 60.0 - f64::from(k)).collect();
    let lons = (0..50).map(|k| 170.0 + f64::from(k)).collect();
    for grid in
        [Grid::regular(181, 360), Grid::regular(180, 360), Grid::rectilinear(lats, lons).unwrap()]
    {
        let grid = Arc::new(grid);
        let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS).unwrap();
        let (east, north) = sphere.gradient(&on(&grid, &height)).unwrap();
        let (root, most) = error(&grid, &east, &|_, lon| -lon.sin());
        assert!(root < 1e-3 && most < 2e-3, "{grid}: {root:e} {most:e}");
        let (root, most) = error(&grid, &north, &|lat, lon| -lat.sin() * lon.cos());
        assert!(root < 1e-3 && most < 2e-3, "{grid}: {root:e} {most:e}");
    }
}

#[test]
fn rows_from_the_south_and_columns_from_180_w_give_the_same() {
    let wind = |lat: f64, lon: f64| 10.0 * (2.0 * lon).cos() * lat.cos() + lat;
    let other = |lat: f64, lon: f64| 5.0 * lon.sin() * lat.cos();
    let north = Arc::new(Grid::regular(37, 72));
    let lats: Vec<f64> = north.lats.iter().rev().copied().collect();
    let lons: Vec<f64> = (0..72).map(|k| f64::from(k) * 5.0 - 180.0).collect();
    let south = Arc::new(Grid::rectilinear(lats, lons).unwrap());
    let found = [north, south].map(|grid| {
        let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS).unwrap();
        sphere.vorticity(&on(&grid, &wind), &on(&grid, &other)).unwrap()
    });
    for row in 0..37 {
        for column in 0..72 {
            let a = found[0][row * 72 + column];
            let b = found[1][(36 - row) * 72 + (column + 36) % 72];
            assert!((a - b).abs() < 1e-10, "{row} {column}: {a:e} {b:e}");
        }
    }
}

#[test]
fn missing_points_spread_to_their_neighbours_alone_and_bad_grids_are_refused() {
    let grid = Arc::new(Grid::regular(19, 36));
    let sphere = Calculus::new(Arc::clone(&grid), EARTH_RADIUS).unwrap();
    let mut u = vec![1.0; grid.len()];
    u[9 * 36 + 5] = f32::NAN;
    let found = sphere.vorticity(&u, &vec![1.0; grid.len()]).unwrap();
    let missing: Vec<usize> = (0..found.len()).filter(|at| found[*at].is_nan()).collect();
    assert_eq!(missing, [8 * 36 + 5, 10 * 36 + 5]);
    assert!(sphere.gradient(&[0.0]).is_err());
    let points = Arc::new(Grid::points(vec![1.0], vec![1.0]).unwrap());
    assert!(Calculus::new(points, EARTH_RADIUS).unwrap_err().to_string().contains("rows"));
}
