//! Times of reading and writing weather files, for comparison with xarray.
//!
//! `files read PATH` reads every field; `files write nc|maps|series PATH FIELDS` writes fields of 721 x 1440 points. `files side PATH
//! TIMES THREADS ANSWERS` is our side of the suite `weather`: the file is opened and read so many times.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program to measure by")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use strata_earth::field::Header;
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::source::Limits;
use strata_earth::time::{HOUR, Time};
use strata_earth::{netcdf, zarr};
use strata_testkit::bench::{Stopwatch, report, write_answers};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["read", path] => read(&PathBuf::from(path)),
        ["side", path, times, threads, answers] => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse().unwrap());
            let pool = pool.build().unwrap();
            pool.install(|| side(&PathBuf::from(path), times.parse().unwrap(), answers));
        }
        ["write", kind, path, fields] => write(kind, &PathBuf::from(path), fields.parse().unwrap()),
        _ => println!("files read PATH | files write nc|maps|series PATH FIELDS"),
    }
}

fn read(path: &std::path::Path) {
    let start = Instant::now();
    let source = strata_earth::open(path, &Limits::default()).unwrap();
    let opened = start.elapsed();
    let sums = (0..source.headers().len()).into_par_iter().map(|at| {
        let values = source.values(at).unwrap();
        (values.len(), values.iter().filter(|v| !v.is_nan()).map(|v| f64::from(*v)).sum::<f64>())
    });
    let (count, sum) = sums.reduce(|| (0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{} fields, {count} values, sum {sum}: {seconds:.3} s (opening {:.3} s)",
        source.headers().len(),
        opened.as_secs_f64()
    );
}

/// An answer is a field's number of values, their sum, and their sum weighted by place; fields are in the order of these numbers, as
/// programs name and order them differently.
fn side(path: &std::path::Path, times: usize, answers: &str) {
    let all = || -> Vec<[f64; 3]> {
        let source = strata_earth::open(path, &Limits::default()).unwrap();
        (0..source.headers().len())
            .into_par_iter()
            .map(|at| figures(&source.values(at).unwrap()))
            .collect()
    };
    all();
    let watch = Stopwatch::start();
    let mut found = Vec::new();
    for _ in 0..times {
        found = all();
    }
    let took = watch.seconds();
    found.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap());
    let lines: Vec<serde_json::Value> =
        found.iter().map(|field| serde_json::json!(field)).collect();
    write_answers(std::path::Path::new(answers), &lines).unwrap();
    report(found.len() * times, took, &[]);
}

fn figures(values: &[f32]) -> [f64; 3] {
    let (mut count, mut sum, mut weighted) = (0.0, 0.0, 0.0);
    for (at, value) in values.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
        count += 1.0;
        sum += f64::from(*value);
        weighted += f64::from(*value) * ((at % 101) as f64 - 50.0);
    }
    [count, sum, weighted]
}

fn write(kind: &str, path: &std::path::Path, fields: usize) {
    let plan = Plan {
        grid: Arc::new(Grid::regular(721, 1440)),
        reference: Time::parse("2024-05-01").unwrap(),
        steps: (1..=fields as i64 / 4).map(|step| step * 6 * HOUR).collect(),
        members: None,
        variables: vec![
            planned("t", "K", vec![Level::pressure(850.0), Level::pressure(500.0)]),
            planned("2t", "K", vec![Level::height(2.0)]),
            planned("msl", "Pa", vec![Level::MEAN_SEA]),
        ],
        attributes: [("title".to_owned(), "a forecast".to_owned())].into(),
    };
    let series = zarr::Options { chunking: zarr::Chunking::Series(36), level: 1 };
    let mut sink: Box<dyn Sink> = match kind {
        "nc" => Box::new(netcdf::Writer::create(path, &plan, netcdf::Options::default()).unwrap()),
        "maps" => Box::new(zarr::Writer::create(path, &plan, zarr::Options::default()).unwrap()),
        _ => Box::new(zarr::Writer::create(path, &plan, series).unwrap()),
    };
    let mut making = 0.0;
    let start = Instant::now();
    for step in plan.steps.iter().rev() {
        for planned in &plan.variables {
            for level in &planned.levels {
                let header = header(&plan, planned, *level, *step);
                let from = Instant::now();
                let values = values(&plan.grid, *step, level.value as f32);
                making += from.elapsed().as_secs_f64();
                sink.write(&header, &values).unwrap();
            }
        }
    }
    let written = start.elapsed().as_secs_f64();
    sink.finish().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{kind}: {:.2} s, of them {:.2} s to finish; {making:.2} s to make fields beside",
        seconds - making,
        seconds - written
    );
}

fn planned(variable: &str, unit: &str, levels: Vec<Level>) -> Planned {
    Planned { variable: variable.to_owned(), unit: unit.to_owned(), levels }
}

fn header(plan: &Plan, planned: &Planned, level: Level, step: i64) -> Header {
    Header {
        variable: planned.variable.clone(),
        level,
        reference: plan.reference,
        step,
        member: None,
        unit: planned.unit.clone(),
        grid: Arc::clone(&plan.grid),
        attributes: [].into(),
    }
}

/// Waves with a little noise: about as hard to compress as temperature.
fn values(grid: &Grid, step: i64, level: f32) -> Vec<f32> {
    let mut seed = step as u32 ^ level.to_bits();
    let mut values = Vec::with_capacity(grid.len());
    for lat in &grid.lats {
        let base = 230.0 + 60.0 * (lat.to_radians().cos() as f32) - level * 0.01;
        for column in 0..grid.shape.1 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (seed >> 24) as f32 * 1e-3;
            let wave = (column as f32 * 0.013 + step as f32 * 1e-4).sin() * 4.0;
            values.push(base + wave + noise);
        }
    }
    values
}
