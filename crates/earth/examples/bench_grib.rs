//! CPU seconds that reading every value of a GRIB file takes: `bench_grib FILE [TIMES]`.
//!
//! `bench_grib --write FILE [STEPS]` writes a file to read: 15 fields of 721 x 1440 a step, four steps where none are given. The peer is
//! `bench/peers/weather/read_grib.py`.

#![allow(clippy::print_stdout, reason = "a program that prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use strata_earth::field::Header;
use strata_earth::grib::{self, Bits, Writer};
use strata_earth::grid::Grid;
use strata_earth::level::Level;
use strata_earth::sink::{Plan, Planned, Sink};
use strata_earth::source::{Limits, Source};
use strata_earth::time::Time;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--write", path] => write(Path::new(path), 4),
        ["--write", path, steps] => write(Path::new(path), steps.parse()?),
        [path] => read(Path::new(path), 1),
        [path, times] => read(Path::new(path), times.parse()?),
        _ => Err("usage: bench_grib FILE [TIMES] | --write FILE".into()),
    }
}

/// CPU time of this process and its system calls, in seconds (Linux, which counts hundredths).
fn cpu() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(") ").next().unwrap_or("");
    let ticks = |field: usize| after_name.split(' ').nth(field).unwrap_or("").parse::<f64>();
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Reads all values `times` times and tells the average: hundredths of a second are coarse, small files need hundreds of times.
fn read(path: &Path, times: usize) -> Result<(), Box<dyn Error>> {
    let all = || -> Result<usize, Box<dyn Error>> {
        let file = grib::open(path, &Limits::default())?;
        let mut values = 0;
        for index in 0..file.headers().len() {
            values += file.values(index)?.len();
        }
        Ok(values)
    };
    let values = all()?;
    let start = cpu()?;
    for _ in 0..times {
        all()?;
    }
    let seconds = (cpu()? - start) / times as f64;
    println!("{seconds:.5} s CPU, {values} values");
    Ok(())
}

fn write(path: &Path, steps: i64) -> Result<(), Box<dyn Error>> {
    let levels: Vec<Level> =
        [1000.0, 850.0, 700.0, 500.0, 250.0].into_iter().map(Level::pressure).collect();
    let variable = |name: &str| Planned {
        variable: name.to_owned(),
        unit: String::new(),
        levels: levels.clone(),
    };
    let plan = Plan {
        grid: Arc::new(Grid::regular(721, 1440)),
        reference: Time::from_date(2024, 5, 1).ok_or("no date")?,
        steps: (0..steps).map(|step| step * 6 * 3600).collect(),
        members: None,
        variables: ["z", "t", "u"].into_iter().map(variable).collect(),
        attributes: BTreeMap::new(),
    };
    let mut writer = Box::new(Writer::create(path, plan.clone(), Bits::ByRange)?);
    let mut seed = 0_u32;
    for step in &plan.steps {
        for planned in &plan.variables {
            for level in &planned.levels {
                seed += 1;
                let header = Header {
                    variable: planned.variable.clone(),
                    level: *level,
                    reference: plan.reference,
                    step: *step,
                    member: None,
                    unit: String::new(),
                    grid: Arc::clone(&plan.grid),
                    attributes: BTreeMap::new(),
                };
                let wave = |at: usize| {
                    let noise = (at as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 20;
                    250.0 + 30.0 * ((at / 1440) as f32 * 0.01).sin() + noise as f32 * 1e-3
                };
                let values: Vec<f32> = (0..plan.grid.len()).map(wave).collect();
                writer.write(&header, &values)?;
            }
        }
    }
    writer.finish()?;
    Ok(())
}
