//! Winds that a GRIB file tells along the axes of a projected grid, and that are read towards east and north: files of ecCodes
//! (`fixtures/make_grib_wind.py`), and public samples.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};

use strata_earth::grib::{self, ALONG, TURNED, WIND};
use strata_earth::source::{Limits, Source};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/grib_wind").join(name)
}

fn open(path: &Path) -> Box<dyn Source> {
    strata_earth::open(path, &Limits::default()).unwrap()
}

#[test]
fn one_wind_everywhere_is_read_as_one_wind() {
    for name in ["lambert.grib", "polar.grib"] {
        let raw = grib::open(&fixture(name), &Limits::default()).unwrap();
        let told = raw.values(1).unwrap();
        let spread = |values: &[f32]| {
            let (least, most) =
                values.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
            most - least
        };
        // Along the axes it is many winds.
        assert!(spread(&told) > 1.0, "{name}: {told:?}");
        let source = open(&fixture(name));
        for (at, expected) in [10.0, 3.0].into_iter().enumerate() {
            let values = source.values(at).unwrap();
            let worst = values.iter().map(|value| (value - expected).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-4, "{name} {at}: {worst}");
            assert_eq!(source.headers()[at].attributes[WIND], TURNED);
        }
    }
}

#[test]
fn a_component_alone_is_refused_by_name() {
    let source = open(&fixture("lambert_lone.grib"));
    assert_eq!(source.headers()[0].attributes[WIND], ALONG);
    assert!(source.notes()[0].contains("1 components"), "{:?}", source.notes());
    let error = source.values(0).unwrap_err().to_string();
    assert!(
        error.contains("10v at")
            && error.contains("lambert")
            && error.contains("10u of that level"),
        "{error}"
    );
}

fn shared(name: &str) -> Option<PathBuf> {
    let Some(shared) = std::env::var_os("STRATA_SHARED") else {
        println!("skipped: STRATA_SHARED is not set");
        return None;
    };
    Some(Path::new(&shared).join("data/weather").join(name))
}

#[test]
fn every_wind_of_a_regional_model_is_turned_and_keeps_its_speed() {
    let Some(path) = shared("cfgrib_samples/nam.t00z.awp21100.tm00.grib2") else { return };
    let raw = grib::open(&path, &Limits::default()).unwrap();
    let source = open(&path);
    let of = |header: &strata_earth::field::Header| header.attributes.get(WIND).cloned();
    let winds: Vec<usize> =
        (0..source.headers().len()).filter(|at| of(&source.headers()[*at]).is_some()).collect();
    assert!(winds.len() > 40, "{}", winds.len());
    let mut most: f64 = 0.0;
    for pair in winds.chunks(2) {
        let [u, v] = pair else { panic!("{pair:?}") };
        assert_eq!(of(&source.headers()[*u]).as_deref(), Some(TURNED));
        let read = |source: &dyn Source| (source.values(*u).unwrap(), source.values(*v).unwrap());
        let (before, after) = (read(&raw), read(source.as_ref()));
        for at in 0..before.0.len() {
            let angle = |(u, v): &(Vec<f32>, Vec<f32>)| f64::from(v[at]).atan2(f64::from(u[at]));
            let speed = |(u, v): &(Vec<f32>, Vec<f32>)| f64::from(u[at]).hypot(f64::from(v[at]));
            assert!((speed(&before) - speed(&after)).abs() < 1e-4);
            if speed(&before) > 1.0 {
                let turn = (angle(&after) - angle(&before) + std::f64::consts::PI)
                    .rem_euclid(std::f64::consts::TAU)
                    - std::f64::consts::PI;
                most = most.max(turn.abs().to_degrees());
                // The cone of this grid touches at 25 N; its vertical meridian is 265 E.
                let lon = source.headers()[*u].grid.at(at).1;
                let lean = -25_f64.to_radians().sin() * (lon - 265.0);
                assert!((turn.to_degrees() - lean).abs() < 1e-3, "{lon}: {turn} {lean}");
            }
        }
    }
    println!("{} components turned by up to {most:.1} degrees", winds.len());
}

#[test]
fn a_wind_on_a_rotated_grid_comes_nearer_to_that_of_the_plain_one() {
    // Two samples of one wind at points 20 degrees apart, whose speeds alone correlate by 0.3: no more than likeness can be asked.
    let folder = "earthkit_samples/tests/data/";
    let Some(rotated) = shared(&format!("{folder}rotated_wind_20x20.grib")) else { return };
    let Some(plain) = shared(&format!("{folder}wind_20x20.grib")) else { return };
    let (plain, turned) = (open(&plain), open(&rotated));
    let raw = grib::open(&rotated, &Limits::default()).unwrap();
    let grid = |source: &dyn Source| std::sync::Arc::clone(&source.headers()[0].grid);
    let way = strata_earth::regrid::Regrid::new(
        grid(plain.as_ref()),
        grid(turned.as_ref()),
        strata_earth::regrid::Method::Bilinear,
    )
    .unwrap();
    let read = |source: &dyn Source| (source.values(0).unwrap(), source.values(1).unwrap());
    let (u, v) = read(plain.as_ref());
    let expected = way.apply_wind(&u, &v).unwrap();
    let apart = |(u, v): (Vec<f32>, Vec<f32>)| {
        let pairs = u.iter().zip(&expected.0).chain(v.iter().zip(&expected.1));
        let squares: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        (squares / u.len() as f64).sqrt()
    };
    let (before, after) = (apart(read(&raw)), apart(read(turned.as_ref())));
    println!("{before:.2} m/s apart along the axes, {after:.2} m/s turned");
    assert!(after < before * 0.85, "{before} {after}");
}
