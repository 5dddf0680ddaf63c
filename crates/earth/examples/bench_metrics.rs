//! Time of all deterministic metrics, anomaly correlation and spectra of many global fields:
//! `cargo run --release -p strata-earth --no-default-features --example bench_metrics FIELDS.f32 ROWS COLUMNS [THREADS [PAIRS ANSWERS]]`
//!
//! The file holds 32-bit floats (little endian): the climatology, then forecast and truth by turns, all in memory before the
//! clock starts. `bench/peers/weather/metrics.py` writes it, and measures the same with xarray. Prints one line of JSON. With the first
//! PAIRS and ANSWERS it is our side of the suite `weather`.

use std::io::Read;
use std::path::Path;

use rayon::prelude::*;
use strata_earth::grid::Grid;
use strata_earth::metrics::area::{Area, Weighting};
use strata_earth::metrics::deterministic::{Pair, scores};
use strata_earth::metrics::region::Region;
use strata_earth::metrics::series::{Component, Metric, Series};
use strata_earth::metrics::spectrum::{Spectra, SpectrumSum, WEATHERBENCH_RADIUS};
use strata_earth::metrics::{MetricError, Missing};
use strata_earth::time::Time;
use strata_testkit::bench::{Stopwatch, report, write_answers};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize| args.get(at).and_then(|arg| arg.parse::<usize>().ok());
    let (Some(path), Some(rows), Some(columns)) = (args.get(1), number(2), number(3)) else {
        return Err("FIELDS.f32 ROWS COLUMNS [THREADS]".into());
    };
    rayon::ThreadPoolBuilder::new().num_threads(number(4).unwrap_or(2)).build_global()?;
    let grid = Grid::regular(rows, columns);
    let values = read(Path::new(path), number(5).map(|pairs| (1 + 2 * pairs) * grid.len()))?;
    let fields: Vec<&[f32]> = values.chunks_exact(grid.len()).collect();
    let (usual, pairs) = fields.split_first().ok_or("an empty file")?;
    let (pairs, _) = pairs.as_chunks::<2>();
    let pairs = pairs.get(..number(5).unwrap_or(pairs.len())).ok_or("fewer pairs")?;

    let watch = Stopwatch::start();
    let area = Area::new(&grid, &Region::global(), Weighting::default())?;
    let spectra = Spectra::new(&grid, WEATHERBENCH_RADIUS)?;
    let fresh = || SpectrumSum::new(&spectra, Missing::Propagate);
    let measured =
        pairs.par_chunks(pairs.len().div_ceil(16).max(1)).map(|pairs| -> Result<_, MetricError> {
            let (mut of_forecast, mut of_truth) = (fresh(), fresh());
            let mut numbers = Vec::with_capacity(pairs.len());
            for [forecast, truth] in pairs {
                let pair = Pair { forecast, truth, climatology: Some(usual) };
                numbers.push(scores(&area, &pair, Missing::Propagate)?);
                of_forecast.add(forecast)?;
                of_truth.add(truth)?;
            }
            Ok((numbers, of_forecast, of_truth))
        });
    let measured: Vec<_> = measured.collect::<Result<_, _>>()?;
    let mut series = Series::new(1, Missing::Propagate);
    let (mut of_forecast, mut of_truth) = (fresh(), fresh());
    for (numbers, forecast, truth) in &measured {
        for scores in numbers {
            let Some(anomaly) = scores.anomaly else { continue };
            let time = Time(series.times().len() as i64);
            series.push(
                time,
                &[
                    (Component::Bias, scores.bias),
                    (Component::Mae, scores.mae),
                    (Component::Mse, scores.mse),
                    (Component::Acc, anomaly.acc),
                    (Component::AccCentred, anomaly.acc_centred),
                    (Component::ForecastVariance, anomaly.forecast_variance),
                    (Component::TruthVariance, anomaly.truth_variance),
                ],
            );
        }
        of_forecast.merge(forecast);
        of_truth.merge(truth);
    }
    let figure = |metric| series.metric(metric).unwrap_or(f64::NAN);
    let took = watch.seconds();
    let figures = [
        ("rmse", figure(Metric::Rmse)),
        ("mae", figure(Metric::Mae)),
        ("bias", figure(Metric::Bias)),
        ("acc", figure(Metric::Acc)),
        ("acc_centred", figure(Metric::AccCentred)),
        ("activity", figure(Metric::Activity)),
        ("truth_activity", figure(Metric::TruthActivity)),
        ("spectrum_forecast", of_forecast.row(rows / 4)[5]),
        ("spectrum_truth", of_truth.row(rows / 4)[5]),
        ("wall", took.0),
        ("cpu", took.1),
    ]
    .map(|(name, value)| (name, serde_json::json!(value)));
    if let Some(path) = args.get(6) {
        let answers: Vec<_> = figures[..9].iter().map(|(_, value)| value.clone()).collect();
        write_answers(Path::new(path), &answers)?;
    }
    report(pairs.len(), took, &figures);
    Ok(())
}

/// The first numbers of a file, or all.
fn read(path: &Path, count: Option<usize>) -> std::io::Result<Vec<f32>> {
    let file = std::fs::File::open(path)?;
    let there = usize::try_from(file.metadata()?.len() / 4).unwrap_or(usize::MAX);
    let count = count.map_or(there, |count| count.min(there));
    let mut values = Vec::with_capacity(count);
    let mut file = std::io::BufReader::with_capacity(1 << 20, file);
    let mut number = [0; 4];
    for _ in 0..count {
        file.read_exact(&mut number)?;
        values.push(f32::from_le_bytes(number));
    }
    Ok(values)
}
