//! Tests of whole verifications on fields in memory.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use strata_earth::climatology::{Climatology, Window};
use strata_earth::field::{Field, Header};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::memory_source::MemorySource;
use strata_earth::metrics::bootstrap::mix;
use strata_earth::metrics::series::Metric;
use strata_earth::source::Source;
use strata_earth::time::{HOUR, Time};

use super::*;

/// What a made-up field is of.
struct Of<'a> {
    variable: &'a str,
    level: Level,
    unit: &'a str,
    grid: &'a Arc<Grid>,
}

impl Of<'_> {
    fn at(
        &self,
        reference: Time,
        step: i64,
        member: Option<u32>,
        value: impl Fn(f64, f64) -> f64,
    ) -> Field {
        let values = (0..self.grid.len()).map(|point| {
            let (lat, lon) = self.grid.at(point);
            value(lat, lon.rem_euclid(360.0)) as f32
        });
        Field {
            header: Header {
                variable: self.variable.to_owned(),
                level: self.level,
                reference,
                step: step * HOUR,
                member,
                unit: self.unit.to_owned(),
                grid: Arc::clone(self.grid),
                attributes: BTreeMap::new(),
            },
            values: values.collect(),
        }
    }
}

fn start() -> Time {
    Time::from_date(2020, 3, 1).unwrap()
}

/// A wave that drifts eastwards, with noise of its own for each time.
fn wave(time: Time, (lat, lon): (f64, f64)) -> f64 {
    let hours = (time - start()) as f64 / 3600.0;
    let noise = mix(time.0 as u64 ^ (lat * 1000.0 + lon) as u64) as f64 / u64::MAX as f64 - 0.5;
    280.0
        + 5.0 * (3.0 * (lon - 2.0 * hours).to_radians()).cos() * lat.to_radians().cos()
        + 0.1 * noise
}

fn boxed(fields: Vec<Field>) -> Vec<Box<dyn Source>> {
    vec![Box::new(MemorySource::new(fields))]
}

fn inputs<'a>(forecasts: &'a [Box<dyn Source>], truth: &'a [Box<dyn Source>]) -> Inputs<'a> {
    Inputs {
        forecasts,
        truth,
        climatology: None,
        precipitation: None,
        regridder: None,
        progress: None,
    }
}

fn temperature(grid: &Arc<Grid>) -> Of<'_> {
    Of { variable: "t", level: Level::pressure(850.0), unit: "K", grid }
}

fn truth(grid: &Arc<Grid>, days: i64) -> Vec<Field> {
    let hours = (0..=days * 4).map(|at| start().plus_hours(at * 6));
    hours
        .map(|time| temperature(grid).at(time, 0, None, |lat, lon| wave(time, (lat, lon))))
        .collect()
}

/// Forecasts that are too warm by a tenth of a degree for each day.
fn forecasts(grid: &Arc<Grid>, days: i64, warmer: f64) -> Vec<Field> {
    let mut fields = Vec::new();
    for day in 0..days {
        let reference = start().plus_hours(24 * day);
        for step in [24, 48] {
            let valid = reference.plus_hours(step);
            let value = |lat, lon| wave(valid, (lat, lon)) + warmer * step as f64 / 24.0;
            fields.push(temperature(grid).at(reference, step, None, value));
        }
    }
    fields
}

fn figure(report: &Report, variable: &str, lead: f64, metric: Metric) -> f64 {
    let row = report
        .rows
        .iter()
        .find(|row| row.variable == variable && row.lead_hours == lead && row.metric == metric);
    row.unwrap().value.unwrap()
}

#[test]
fn errors_come_out_by_lead_and_what_is_unpaired_is_named() {
    let grid = Arc::new(Grid::regular(19, 36));
    let mut fields = forecasts(&grid, 10, 0.1);
    let humidity = Of { variable: "q", unit: "kg kg-1", ..temperature(&grid) };
    fields.push(humidity.at(start(), 24, None, |_, _| 0.0));
    let high = Of { level: Level::pressure(50.0), ..temperature(&grid) };
    fields.push(high.at(start(), 24, None, |_, _| 0.0));
    let celsius = Of { unit: "degC", ..temperature(&grid) };
    fields.push(celsius.at(start(), 6, None, |_, _| 0.0));
    let (forecasts, truth) = (boxed(fields), boxed(truth(&grid, 10)));
    let options = Options::default();
    let verification = verify(&inputs(&forecasts, &truth), &options).unwrap();
    let report = Report::new(&verification, None, &options);
    // The forecast of the tenth day for the twelfth has no truth.
    assert_eq!(report.pairs, 19);
    for (lead, bias) in [(24.0, 0.1), (48.0, 0.2)] {
        assert!((figure(&report, "t", lead, Metric::Bias) - bias).abs() < 1e-4);
        assert!((figure(&report, "t", lead, Metric::Rmse) - bias).abs() < 1e-4);
    }
    let unpaired: Vec<String> = report.unpaired.iter().map(ToString::to_string).collect();
    let named = |field: &str, why: &str| {
        unpaired.iter().any(|gap| gap.starts_with(field) && gap.contains(why))
    };
    assert!(named("q at 850 hPa", "no such variable"), "{unpaired:?}");
    assert!(named("t at 50 hPa", "no such level"), "{unpaired:?}");
    assert!(
        named("t at 850 hPa", "no such time (1 fields, the first of 2020-03-10T00:00:00Z + 48 h)"),
        "{unpaired:?}"
    );
    assert!(named("t at 850 hPa", "degC"), "{unpaired:?}");
    let text = table(&report);
    assert!(
        text.contains("24 h") && text.contains("rmse") && text.contains("not compared: q"),
        "{text}"
    );
    let csv = report.csv();
    assert_eq!(csv.lines().count(), report.rows.len() + 1);
    assert!(csv.lines().all(|line| line.split(',').count() == 12), "{csv}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["rows"][0]["metric"], "rmse");
    let plots = plots(&report).unwrap();
    assert!(
        plots.iter().any(|(name, svg)| name == "t-850_hPa-rmse.svg" && svg.ends_with("</svg>\n"))
    );
}

#[test]
fn grids_in_another_order_are_compared_and_others_need_a_regridder() {
    let grid = Arc::new(Grid::regular(19, 36));
    let lats = grid.lats.iter().rev().copied().collect();
    let lons = (0..36).map(|at| -180.0 + 10.0 * f64::from(at)).collect();
    let turned = Arc::new(Grid::rectilinear(lats, lons).unwrap());
    let truth = boxed(truth(&grid, 4));
    let options = Options::default();
    let flipped = boxed(forecasts(&turned, 3, 0.1));
    let report = Report::new(&verify(&inputs(&flipped, &truth), &options).unwrap(), None, &options);
    assert!((figure(&report, "t", 24.0, Metric::Rmse) - 0.1).abs() < 1e-4);

    let fine = Arc::new(Grid::regular(37, 72));
    let fine = boxed(forecasts(&fine, 3, 0.1));
    let error = verify(&inputs(&fine, &truth), &options).unwrap_err().to_string();
    assert!(error.contains("regridded") && error.contains("37 x 72"), "{error}");

    /// Every second point.
    struct Thin;
    impl Regridder for Thin {
        fn regrid(
            &self,
            from: &Arc<Grid>,
            to: &Arc<Grid>,
            values: &[f32],
        ) -> anyhow::Result<Vec<f32>> {
            let (rows, columns) = to.shape;
            let at = |row, column| values[2 * row * from.shape.1 + 2 * column];
            Ok((0..rows).flat_map(|row| (0..columns).map(move |column| at(row, column))).collect())
        }
    }
    let thinned = Inputs { regridder: Some(&Thin), ..inputs(&fine, &truth) };
    let report = Report::new(&verify(&thinned, &options).unwrap(), None, &options);
    assert!((figure(&report, "t", 24.0, Metric::Rmse) - 0.1).abs() < 1e-4);
}

#[test]
fn members_are_one_ensemble_and_winds_are_vectors() {
    let grid = Arc::new(Grid::regular(32, 64));
    let (mut ahead, mut what_came) = (Vec::new(), Vec::new());
    let draw = |seed: u64, (lat, lon): (f64, f64)| {
        let at = (lat * 977.0 + lon * 31.0).to_bits();
        (0..12).map(|k| mix(at ^ mix(seed * 12 + k)) as f64 / u64::MAX as f64).sum::<f64>() - 6.0
    };
    for (number, name) in ["10u", "10v"].into_iter().enumerate() {
        let of = Of { variable: name, level: Level::height(10.0), unit: "m s**-1", grid: &grid };
        for day in 0..6_u64 {
            let seed = 1000 * (number as u64 + 1) + 100 * day;
            let reference = start().plus_hours(24 * day as i64);
            for member in 0..9 {
                let value = |lat, lon| draw(seed + 1 + u64::from(member), (lat, lon));
                ahead.push(of.at(reference, 12, Some(member), value));
            }
            let of = Of { unit: "m s-1", ..of };
            what_came
                .push(of.at(reference.plus_hours(12), 0, None, |lat, lon| draw(seed, (lat, lon))));
        }
    }
    let (ahead, what_came) = (boxed(ahead), boxed(what_came));
    let options = Options {
        events: vec![Event { variable: "10u".to_owned(), above: 1.0 }],
        spectra: true,
        ..Options::default()
    };
    let verification = verify(&inputs(&ahead, &what_came), &options).unwrap();
    let report = Report::new(&verification, None, &options);
    let near = |metric, expected: f64, slack: f64| {
        let found = figure(&report, "10u", 12.0, metric);
        assert!((found - expected).abs() < slack, "{metric:?}: {found} for {expected}");
    };
    // Members and truth of one standard normal distribution: a reliable ensemble of nine.
    near(Metric::Spread, 1.0, 0.02);
    near(Metric::SpreadSkillAdjusted, 1.0, 0.03);
    near(Metric::EnsembleMeanRmse, (10.0_f64 / 9.0).sqrt(), 0.03);
    near(Metric::Rmse, (10.0_f64 / 9.0).sqrt(), 0.03);
    near(Metric::Crps, 1.0 / std::f64::consts::PI.sqrt(), 0.02);
    near(Metric::DebiasedEnsembleMeanMse, 1.0, 0.05);
    let rare = 0.1587;
    near(Metric::DebiasedBrier, rare * (1.0 - rare), 0.01);
    let wind = figure(&report, "10wind", 12.0, Metric::WindVectorRmse);
    assert!((wind - (20.0_f64 / 9.0).sqrt()).abs() < 0.05, "{wind}");
    let histogram = &report.histograms[0];
    assert_eq!(histogram.shares.len(), 10);
    assert!(histogram.shares.iter().all(|share| (share - 0.1).abs() < 0.02), "{histogram:?}");
    assert_eq!(report.spectra.len(), 2);
    assert!(report.spectra[0].waves.len() == 32 && report.spectra[0].waves[3][1] > 0.0);
    assert!(plots(&report).unwrap().iter().any(|(name, _)| name.contains("ranks")));
}

#[test]
fn the_better_of_two_forecasts_is_told() {
    let grid = Arc::new(Grid::regular(19, 36));
    let truth = boxed(truth(&grid, 14));
    let (good, bad) = (boxed(forecasts(&grid, 12, 0.1)), boxed(forecasts(&grid, 12, 0.2)));
    let options = Options::default();
    let good = verify(&inputs(&good, &truth), &options).unwrap();
    let bad = verify(&inputs(&bad, &truth), &options).unwrap();
    let report = Report::new(&good, Some(&bad), &options);
    let row = report.differences.iter().find(|row| row.metric == Metric::Rmse).unwrap();
    assert_eq!((row.better, row.difference.count), (Some("this"), 12));
    let other = Report::new(&bad, Some(&good), &options);
    assert_eq!(other.differences[0].better, Some("other"));
}

#[test]
fn baselines_horizons_and_published_figures() {
    let grid = Arc::new(Grid::regular(19, 36));
    let fields = truth(&grid, 20);
    let usual = Climatology::build(&fields, Window::AllTimes).unwrap();
    let truth = boxed(fields);
    let options = Options {
        regions: vec!["global".parse().unwrap(), "tropics".parse().unwrap()],
        ..Options::default()
    };
    let alone = Inputs { climatology: Some(&usual), ..inputs(&[], &truth) };
    let leads = [6, 12, 24, 48].map(|hours| hours * HOUR);
    let report = evaluate(&alone, &options, Some(&usual), &leads).unwrap();
    let names: Vec<&str> = report.systems.iter().map(|system| system.name.as_str()).collect();
    assert_eq!(names, ["persistence", "climatology", "time_mean"]);
    // Wave 3 moves 2 degrees an hour: its correlation after h hours is the cosine of 6 h degrees, 0 after 15 h.
    let persistence = &report.systems[0];
    let horizon = persistence.horizons.iter().find(|horizon| horizon.region == "global").unwrap();
    let at = |hours: f64| (6.0 * hours).to_radians().cos();
    let expected = 6.0 + 6.0 * (at(6.0) - 0.6) / (at(6.0) - at(12.0));
    assert!(
        (horizon.hours.value - expected).abs() < 0.05 && !horizon.beyond,
        "{horizon:?} {expected}"
    );
    let (low, high) = (horizon.hours.low.unwrap(), horizon.hours.high.unwrap());
    assert!(low <= horizon.hours.value && horizon.hours.value <= high && high - low < 0.5);
    assert!(report.scoreboard.is_empty() && report.against.is_empty());

    let of = Of { variable: "z", level: Level::pressure(500.0), unit: "m2 s-2", grid: &grid };
    let ahead: Vec<Field> = (0..9)
        .map(|day| of.at(start().plus_hours(24 * day), 72, None, |_, _| 50100.0 + day as f64))
        .collect();
    let what_came: Vec<Field> = (0..12)
        .map(|day| of.at(start().plus_hours(24 * day), 0, None, |_, _| 50000.0 + 50.0 * day as f64))
        .collect();
    let (ahead, what_came) = (boxed(ahead), boxed(what_came));
    let report = evaluate(&inputs(&ahead, &what_came), &Options::default(), None, &leads).unwrap();
    assert_eq!(report.systems.len(), 2);
    let standing =
        report.scoreboard.iter().find(|standing| standing.published.system == "IFS").unwrap();
    assert!(standing.ours > 152.8 && standing.ratio > 1.0);
    assert_eq!(report.against[0].baseline, Baseline::Persistence);
    assert!(serde_json::to_string(&report).unwrap().contains("\"rmse\":152.8"));
    assert!(report.scoreboard_note.contains("ERA5"));
    assert!(evaluate(&inputs(&[], &what_came), &Options::default(), None, &[1]).is_err());
}

#[test]
fn published_figures_of_the_earth_do_not_stand_beside_another_planet_s() {
    let grid = Arc::new(Grid::regular(9, 16));
    let of = Of { variable: "z", level: Level::pressure(500.0), unit: "m2 s-2", grid: &grid };
    let on = |planet: &str, step: i64| {
        let day = |day: i64| {
            let mut field = of
                .at(start().plus_hours(24 * day), step, None, |lat, _| 50000.0 + lat + day as f64);
            field.header.attributes.insert("planet".to_owned(), planet.to_owned());
            field
        };
        boxed((0..9).map(day).collect())
    };
    let (ahead, came) = (on("idealised-dry-planet", 72), on("idealised-dry-planet", 0));
    let calls = std::sync::Mutex::new(Vec::new());
    let told = |done: usize, total: usize| calls.lock().unwrap().push((done, total));
    let with = Inputs { progress: Some(&told), ..inputs(&ahead, &came) };
    let report = evaluate(&with, &Options::default(), None, &[]).unwrap();
    assert!(report.scoreboard.is_empty());
    assert!(report.scoreboard_note.contains("another planet (idealised-dry-planet)"));
    let calls = calls.into_inner().unwrap();
    let (_, total) = calls[0];
    assert!(calls.contains(&(total, total)) && calls.len() == total, "{calls:?}");
    // And forecasts of one planet are not verified against another.
    let earth = on("earth", 0);
    let error = verify(&inputs(&ahead, &earth), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("different planets (earth, idealised-dry-planet)"), "{error}");
}
