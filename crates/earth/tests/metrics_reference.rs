//! The metrics against xarray and NumPy: `fixtures/make_metrics.py` says how the reference values were made.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use strata_earth::climatology::{Builder, Key, Window};
use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::metrics::area::{Area, Weighting};
use strata_earth::metrics::bootstrap::mix;
use strata_earth::metrics::ensemble::{Ensemble, Threshold, brier};
use strata_earth::metrics::seeps::{SeepsClimate, SeepsRules, seeps};
use strata_earth::metrics::spectrum::{Spectra, SpectrumSum, WEATHERBENCH_RADIUS};
use strata_earth::metrics::{Missing, deterministic, ensemble};
use strata_earth::time::{HOUR, Time};

const TOLERANCE: f64 = 1e-6;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn document(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(name)).unwrap()).unwrap()
}

/// The script's generator.
fn noise(seed: u64, count: usize) -> Vec<f64> {
    let uniform = |bits: u64| (mix(bits) >> 11) as f64 * 2.0_f64.powi(-53);
    let start = mix(seed);
    (0..count as u64)
        .map(|at| {
            let part = |k| uniform(start.wrapping_add(at * 4 + k));
            part(0) + part(1) + part(2) + part(3) - 2.0
        })
        .collect()
}

fn field(seed: u64, count: usize, (base, scale): (f64, f64), gaps: bool) -> Vec<f32> {
    let missing = |at: usize| mix(at as u64 ^ mix(seed + 7919)).is_multiple_of(17);
    let value = |(at, noise): (usize, f64)| {
        if gaps && missing(at) { f32::NAN } else { (base + scale * noise) as f32 }
    };
    noise(seed, count).into_iter().enumerate().map(value).collect()
}

fn grid(case: &Value) -> Grid {
    let (rows, columns) = (count(case, "rows"), count(case, "columns"));
    let grid = match case["kind"].as_str().unwrap() {
        "gaussian" => Grid::gaussian(rows, columns),
        _ => Grid::regular(rows, columns),
    };
    if case["descending"].as_bool().unwrap_or(true) {
        return grid;
    }
    Grid::rectilinear(grid.lats.into_iter().rev().collect(), grid.lons).unwrap()
}

fn count(case: &Value, name: &str) -> usize {
    usize::try_from(case[name].as_u64().unwrap()).unwrap()
}

/// Counts what was compared, and tells the largest difference.
#[derive(Default)]
struct Check {
    numbers: usize,
    worst: f64,
}

impl Check {
    fn near(&mut self, what: &str, ours: f64, reference: &Value, scale: f64) {
        self.numbers += 1;
        let Some(reference) = reference.as_f64() else {
            assert!(ours.is_nan(), "{what}: {ours} where the reference has no number");
            return;
        };
        let apart = (ours - reference).abs() / reference.abs().max(scale).max(f64::MIN_POSITIVE);
        self.worst = self.worst.max(apart);
        assert!(apart <= TOLERANCE, "{what}: {ours} against {reference}");
    }

    fn deterministic(
        &mut self,
        what: &str,
        (area, missing): (&Area, Missing),
        fields: [&[f32]; 3],
        reference: &Value,
    ) {
        let pair = deterministic::Pair {
            forecast: fields[0],
            truth: fields[1],
            climatology: Some(fields[2]),
        };
        let scores = deterministic::scores(area, &pair, missing).unwrap();
        let anomaly = scores.anomaly.unwrap();
        for (name, ours) in [
            ("bias", scores.bias),
            ("mae", scores.mae),
            ("mse", scores.mse),
            ("acc", anomaly.acc),
            ("acc_centred", anomaly.acc_centred),
            ("forecast_variance", anomaly.forecast_variance),
            ("truth_variance", anomaly.truth_variance),
        ] {
            self.near(&format!("{what} {name}"), ours, &reference[name], 0.0);
        }
    }

    fn ensemble(
        &mut self,
        what: &str,
        (area, missing): (&Area, Missing),
        ensemble: &Ensemble<'_>,
        reference: &Value,
    ) {
        let limit = if what.contains("real") { 280.0 } else { 281.0 };
        let scores = ensemble::scores(area, ensemble, missing).unwrap();
        let brier = brier(area, ensemble, Threshold::Value(limit), missing).unwrap();
        // What differences of larger numbers are made of can be near 0: then the larger number is the scale.
        let scale = if scores.crps_skill.is_nan() { 0.0 } else { scores.crps_skill };
        for (name, ours, scale) in [
            ("crps", scores.crps, scale),
            ("crps_plain", scores.crps_plain, scale),
            ("crps_skill", scores.crps_skill, 0.0),
            ("crps_spread", scores.crps_spread, 1e-12),
            ("mean_mse", scores.mean_mse, 0.0),
            ("variance", scores.variance, 1e-12),
            ("debiased_mean_mse", scores.debiased_mean_mse, 0.0),
            ("brier", brier[0], 0.0),
            ("debiased_brier", brier[1], 0.0),
        ] {
            self.near(&format!("{what} {name}"), ours, &reference[name], scale);
        }
        let ranks = reference["ranks"].as_array().unwrap();
        assert_eq!(ranks.len(), scores.ranks.len());
        let tied = reference["tied"].as_f64().unwrap_or(0.0);
        if tied == 0.0 {
            for (ours, reference) in scores.ranks.iter().zip(ranks) {
                self.near(&format!("{what} ranks"), *ours, reference, 1e-12);
            }
            return;
        }
        // The reference gives a tie the lowest rank, ours draws.
        let (mut drawn, mut lowest) = (0.0, 0.0);
        for (ours, reference) in scores.ranks.iter().zip(ranks) {
            drawn += ours;
            lowest += reference.as_f64().unwrap();
            let between = drawn <= lowest + 1e-9 && drawn >= lowest - tied - 1e-9;
            assert!(between, "{what}: {drawn} {lowest} {tied}");
        }
        assert!((drawn - 1.0).abs() < 1e-9 && (lowest - 1.0).abs() < 1e-9);
    }
}

#[test]
fn every_metric_of_made_up_fields() {
    let document = document("metrics.json");
    let mut check = Check::default();
    for case in document["cases"].as_array().unwrap() {
        let grid = grid(case);
        let points = grid.len();
        let text = |name: &str| case[name].as_str().unwrap();
        let what = format!("{grid} {} {} {}", text("region"), text("weights"), case["seed"]);
        let weighting = match text("weights") {
            "cosine" => Weighting::Cosine,
            _ => Weighting::SinDifference,
        };
        let area = Area::new(&grid, &text("region").parse().unwrap(), weighting).unwrap();
        let gaps = case["gaps"].as_bool().unwrap();
        let missing =
            if case["skip"].as_bool().unwrap() { Missing::Skip } else { Missing::Propagate };
        let seed = case["seed"].as_u64().unwrap();

        let three: Vec<Vec<f32>> = (0..3)
            .map(|k| field(seed + k, points, (280.0 + k as f64, 6.0), gaps && k < 2))
            .collect();
        let [f, o, c] = [&three[0], &three[1], &three[2]].map(Vec::as_slice);
        check.deterministic(&what, (&area, missing), [f, o, c], &case["deterministic"]);

        let u = field(seed + 3, points, (3.0, 9.0), gaps);
        let v = field(seed + 4, points, (-2.0, 9.0), false);
        let pair = |forecast, truth| deterministic::Pair { forecast, truth, climatology: None };
        let wind = deterministic::wind_mse(&area, &pair(&u, f), &pair(&v, o), missing).unwrap();
        check.near(&format!("{what} wind"), wind, &case["wind_mse"], 0.0);

        let members: Vec<Vec<f32>> = (0..case["members"].as_u64().unwrap())
            .map(|k| field(seed + 10 + k, points, (280.0, 5.0), gaps && k == 0))
            .collect();
        let members: Vec<&[f32]> = members.iter().map(Vec::as_slice).collect();
        let ensemble = Ensemble { members: &members, truth: o, seed: 0 };
        check.ensemble(&what, (&area, missing), &ensemble, &case["ensemble"]);

        let rain = |k| -> Vec<f32> {
            let raw = field(seed + k, points, (0.5e-3, 4e-3), gaps);
            raw.into_iter().map(|mm| if mm < 0.0 { 0.0 } else { mm }).collect()
        };
        let climate = SeepsClimate {
            dry_share: field(seed + 7, points, (0.5, 0.25), false),
            heavy_from: field(seed + 8, points, (4e-3, 5e-4), false),
        };
        let score = seeps(&area, (&rain(5), &rain(6)), &climate, &SeepsRules::default()).unwrap();
        check.near(&format!("{what} seeps"), score, &case["seeps"], 0.0);
    }
    println!("{} numbers, largest relative difference {:.1e}", check.numbers, check.worst);
    assert!(check.numbers > 2000);
}

#[test]
fn spectra_of_made_up_fields() {
    let document = document("metrics.json");
    let mut check = Check::default();
    for case in document["spectra"].as_array().unwrap() {
        let grid = grid(case);
        let mut sum =
            SpectrumSum::new(&Spectra::new(&grid, WEATHERBENCH_RADIUS).unwrap(), Missing::Skip);
        sum.add(&field(5, grid.len(), (54000.0, 900.0), false)).unwrap();
        for (row, reference) in case["spectrum"].as_array().unwrap().iter().enumerate() {
            let reference = reference.as_array().unwrap();
            let ours = sum.row(row);
            assert_eq!(ours.len(), reference.len());
            for (k, (ours, reference)) in ours.iter().zip(reference).enumerate() {
                // Circles at the poles have no length but rounding.
                check.near(&format!("{grid} row {row} wave {k}"), *ours, reference, 1.0);
            }
        }
    }
    println!("{} numbers, largest relative difference {:.1e}", check.numbers, check.worst);
}

#[test]
fn the_climatology_of_three_years() {
    let document = document("metrics.json");
    let grid = Arc::new(Grid::regular(2, 2));
    let mut builder = Builder::new(Window::default());
    let start = Time::from_date(2018, 1, 1).unwrap();
    let header = |reference| Header {
        variable: "t".to_owned(),
        level: Level::pressure(850.0),
        reference,
        step: 0,
        member: None,
        unit: "K".to_owned(),
        grid: Arc::clone(&grid),
        attributes: [].into(),
    };
    for at in 0..(365 + 365 + 366) * 2 {
        let values = field(9000 + at, 4, (280.0, 8.0), true);
        builder.add(&header(start + at as i64 * 12 * HOUR), &values).unwrap();
    }
    let climatology = builder.finish().unwrap();
    let key = Key::new("t", Level::pressure(850.0));
    let mut check = Check::default();
    for case in document["climatology"].as_array().unwrap() {
        let day = case["day"].as_i64().unwrap();
        let hour = case["hour"].as_i64().unwrap();
        let time = Time::from_date(2024, 1, 1).unwrap() + (day - 1) * 24 * HOUR + hour * HOUR;
        let ours = climatology.at(time, &key).unwrap().unwrap();
        for (ours, reference) in ours.iter().zip(case["values"].as_array().unwrap()) {
            check.near(&format!("day {day} hour {hour}"), f64::from(*ours), reference, 0.0);
        }
    }
    println!("{} numbers, largest relative difference {:.1e}", check.numbers, check.worst);
    assert_eq!(check.numbers, 72);
}

#[test]
fn era5_s_ensemble() {
    let document = document("metrics_real.json");
    let (rows, columns) = (count(&document, "rows"), count(&document, "columns"));
    let (points, members) = (rows * columns, count(&document, "members"));
    let bytes = std::fs::read(fixture("metrics_real.f32")).unwrap();
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
    let fields: Vec<&[f32]> = values.chunks_exact(points).collect();
    assert_eq!(fields.len(), 2 * members);
    let grid = Grid::regular(rows, columns);
    let mut check = Check::default();
    let usual: Vec<f32> =
        fields[0].iter().zip(fields[members]).map(|(a, b)| (a + b) / 2.0 + 1.0).collect();
    for case in document["cases"].as_array().unwrap() {
        let region = case["region"].as_str().unwrap();
        let area = Area::new(&grid, &region.parse().unwrap(), Weighting::default()).unwrap();
        let what = format!("real {region}");
        let ensemble = Ensemble { members: &fields[1..members], truth: fields[0], seed: 0 };
        check.ensemble(&what, (&area, Missing::Skip), &ensemble, &case["ensemble"]);
        let three = [fields[0], fields[members], &usual];
        check.deterministic(&what, (&area, Missing::Skip), three, &case["deterministic"]);
    }
    let mut sum =
        SpectrumSum::new(&Spectra::new(&grid, WEATHERBENCH_RADIUS).unwrap(), Missing::Skip);
    sum.add(fields[0]).unwrap();
    for (row, reference) in document["spectrum"].as_array().unwrap().iter().enumerate() {
        for (ours, reference) in sum.row(row + 4).iter().zip(reference.as_array().unwrap()) {
            check.near("spectrum", *ours, reference, 0.0);
        }
    }
    println!("{} numbers, largest relative difference {:.1e}", check.numbers, check.worst);
}
