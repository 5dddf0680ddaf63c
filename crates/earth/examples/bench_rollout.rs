//! What a rollout costs beyond its model: prints a line of JSON with wall time, CPU time and peak memory.
//!
//! ```text
//! bench_rollout MODELS FAMILY [--mode engine|bare] [--leads 6..72/6 | --leads-of-6h 12] [--out null|FILE.npy|FILE.nc|DIR.zarr] [--check]
//!               [--threads 1] [--nested] [--answers FILE]
//! ```
//!
//! `bare` steps through the same models with the same buffers and does nothing else. The models are made by
//! `tests/fixtures/make_models.py DIR --size 721x1440 --pangu`; `bench/peers/weather/rollout.py` runs the same files as Python
//! programs do. `--out null` takes every field and writes none. `--check` reads what `identity` or `shift` wrote and compares
//! every value with what these models make of the start. `--answers` writes figures of every field of the `.npy` that was written, in
//! its order: our side of the suite `weather`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use strata_core::paths::SearchPath;
use strata_core::runtime::{OpenOptions, PoolConfig, RunOptions};
use strata_earth::card::Contract;
use strata_earth::field::Header;
use strata_earth::raw::RawSink;
use strata_earth::rollout::{
    Buffers, Config, Family, Initial, Order, Rollout, Saving, Schedule, Stepper, parse_leads,
};
use strata_earth::sink::{Plan, Sink, WriteError};
use strata_earth::source::Limits;
use strata_earth::state::{Place, State};
use strata_earth::time::Time;
use strata_earth::{netcdf, open, zarr};
use strata_testkit::bench::{Stopwatch, report, write_answers};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Takes everything and reads a value of each field.
struct Null {
    fields: usize,
    sum: f64,
}

impl Sink for Null {
    fn write(&mut self, _: &Header, values: &[f32]) -> Result<(), WriteError> {
        self.fields += 1;
        self.sum += f64::from(values.first().copied().unwrap_or(0.0));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), WriteError> {
        eprintln!("{} fields, {}", self.fields, self.sum);
        Ok(())
    }
}

fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (models, family) = (args.next().ok_or("MODELS")?, args.next().ok_or("FAMILY")?);
    let (mut mode, mut leads, mut out) =
        ("engine".to_owned(), "6..72/6".to_owned(), "null".to_owned());
    let (mut threads, mut nested, mut check, mut answers) = (1, false, false, None);
    let mut folder = std::env::temp_dir();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--mode" => mode = value()?,
            "--leads" => leads = value()?,
            "--leads-of-6h" => leads = format!("6..{}/6", 6 * value()?.parse::<u32>()?),
            "--out" => out = value()?,
            "--threads" => threads = value()?.parse()?,
            "--answers" => answers = Some(value()?),
            "--folder" => folder = PathBuf::from(value()?),
            "--nested" => nested = true,
            "--check" => check = true,
            other => return Err(format!("{other} is no option").into()),
        }
    }
    let search = SearchPath::only(&models);
    let family = Family::find(&family, &search)?;
    let leads = parse_leads(&leads)?;
    let order = if nested { Order::Nested } else { Order::ByModel };
    let pool = PoolConfig { intra_threads: threads, ..Config::default().pool };
    let initial = initial(&family);
    let start =
        check.then(|| (family.name.clone(), initial.state.clone(), family.contract.clone()));
    let state_bytes = family.contract.state_bytes();
    let points = family.contract.grid.latitudes * family.contract.grid.longitudes;
    let watch = Stopwatch::start();
    let runs = match mode.as_str() {
        "bare" => bare(&family, &search, &leads, order, pool, initial)?,
        _ => {
            let saving = Saving {
                folder: folder.join("strata-bench-states"),
                every: Duration::from_secs(3600),
                resume: false,
            };
            let config = Config { leads, order, pool, saving: Some(saving), ..Config::default() };
            let rollout = Rollout::new(family, &search, vec![initial], config)?;
            let sink: Box<dyn Sink> = match out.as_str() {
                "null" => Box::new(Null { fields: 0, sum: 0.0 }),
                path => file(Path::new(path), rollout.plan())?,
            };
            rollout.run(sink, &mut |_| ())?.runs
        }
    };
    let took = watch.seconds();
    let peak = peak_bytes();
    report(
        runs,
        took,
        &[
            ("mode", json!(mode)),
            ("runs", json!(runs)),
            ("wall_s", json!(took.0)),
            ("cpu_s", json!(took.1)),
            ("cpu_s_a_run", json!(took.1 / runs as f64)),
            ("peak_mb", json!(peak as f64 / 1e6)),
            ("states_of_peak", json!(peak as f64 / state_bytes as f64)),
            ("threads", json!(threads)),
        ],
    );
    if let Some(path) = answers {
        write_answers(Path::new(&path), &figures(Path::new(&out), points)?)?;
    }
    match start {
        Some((family, state, contract)) => compare(Path::new(&out), &family, &state, &contract),
        None => Ok(()),
    }
}

/// A file by its name's ending.
fn file(path: &Path, plan: &Plan) -> Result<Box<dyn Sink>, Failure> {
    Ok(match path.extension().and_then(|ending| ending.to_str()) {
        Some("nc") => Box::new(netcdf::Writer::create(path, plan, netcdf::Options::default())?),
        Some("zarr") => Box::new(zarr::Writer::create(path, plan, zarr::Options::default())?),
        _ => Box::new(RawSink::create(path, plan, false)?),
    })
}

/// Reads a file back and compares it, bit by bit, with what the models of the fixtures make of the start.
fn compare(path: &Path, family: &str, start: &State, contract: &Contract) -> Result<(), Failure> {
    let places: Vec<Place> = contract.fields().collect();
    let humid = places.iter().any(|place| place.variable == "q");
    let source = open(path, &Limits::default())?;
    for (index, header) in source.headers().iter().enumerate() {
        let same = |place: &&Place| place.variable == header.variable && place.at() == header.level;
        let place = places.iter().find(same).ok_or_else(|| format!("{header:?} is no field"))?;
        let mut expected = start.ports[place.port][place.range.clone()].to_vec();
        let mut hours = header.step / 3600;
        let columns = contract.grid.longitudes;
        while hours > 0 && family == "shift" {
            let step = [24, 6, 3, 1].into_iter().find(|step| *step <= hours).unwrap_or(1);
            let added = [(24, 1.0), (6, 0.125), (3, 1.0 / 64.0), (1, 1.0 / 512.0)];
            let added =
                added.iter().find(|(size, _)| *size == step).map_or(0.0, |(_, added)| *added);
            let added = (added * if humid { 1e-3 } else { 1.0 }) as f32;
            for row in expected.chunks_mut(columns) {
                row.rotate_right(step as usize);
                row.iter_mut().for_each(|value| *value += added);
            }
            hours -= step;
        }
        let values = source.values(index)?;
        let wrong =
            values.iter().zip(&expected).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
        if wrong > 0 || values.len() != expected.len() {
            return Err(format!("{header:?}: {wrong} of {} values differ", expected.len()).into());
        }
    }
    eprintln!("{} fields are as they must be, bit for bit", source.headers().len());
    Ok(())
}

/// An atmosphere that is sane to the health check.
fn initial(family: &Family) -> Initial {
    let contract = &family.contract;
    let mut ports: Vec<Vec<f32>> =
        (0..contract.ports.len()).map(|port| vec![0.0; contract.port_len(port)]).collect();
    for place in contract.fields() {
        let base = match place.variable.as_str() {
            "z" => 5e4,
            "t" | "2t" => 270.0,
            "msl" | "sp" => 1e5,
            "q" => 1e-3,
            _ => 3.0,
        };
        let scale = base * 1e-3;
        for (point, value) in ports[place.port][place.range].iter_mut().enumerate() {
            *value = base + scale * ((point * 7919) % 101) as f32 / 101.0;
        }
    }
    Initial { state: State { reference: Time(0), ports }, planet: contract.planet.clone() }
}

/// The same steps of the same models, and nothing else.
#[allow(clippy::too_many_arguments, reason = "what the engine gets as a config")]
fn bare(
    family: &Family,
    search: &SearchPath,
    leads: &[u32],
    order: Order,
    pool: PoolConfig,
    initial: Initial,
) -> Result<usize, Failure> {
    let schedule = Schedule::new(&family.name, &family.steps(), leads, order)?;
    let options = OpenOptions { pool, warm_up: false, ..OpenOptions::default() };
    let mut from = Buffers::of(initial.state, &family.contract)?;
    let mut into = Buffers::zeros(&family.contract)?;
    let mut loaded: Option<(u32, Stepper)> = None;
    for run in &schedule.runs {
        if loaded.as_ref().is_none_or(|(step, _)| *step != run.step) {
            drop(loaded.take());
            loaded = Some((run.step, Stepper::open(&family.models[&run.step], search, &options)?));
        }
        let (_, stepper) = loaded.as_mut().ok_or("no model")?;
        let made = stepper.step(&from, into, &RunOptions::default())?;
        into = std::mem::replace(&mut from, made);
    }
    Ok(schedule.runs.len())
}

/// Of every field of an `.npy`: its mean, its mean weighted by place, its first and last value.
fn figures(path: &Path, points: usize) -> Result<Vec<Value>, Failure> {
    let mut file = std::io::BufReader::new(std::fs::File::open(path)?);
    let mut head = [0; 10];
    file.read_exact(&mut head)?;
    let header = u64::from(u16::from_le_bytes([head[8], head[9]]));
    std::io::copy(&mut (&mut file).take(header), &mut std::io::sink())?;
    let (mut bytes, mut all) = (vec![0; 4 * points], Vec::new());
    while file.read_exact(&mut bytes).is_ok() {
        let values =
            bytes.as_chunks::<4>().0.iter().map(|four| f64::from(f32::from_le_bytes(*four)));
        let (mut sum, mut weighted) = (0.0, 0.0);
        for (at, value) in values.clone().enumerate() {
            sum += value;
            weighted += value * ((at % 101) as f64 - 50.0);
        }
        let count = points as f64;
        let ends = (values.clone().next(), values.clone().next_back());
        all.push(json!([sum / count, weighted / count, ends.0, ends.1]));
    }
    Ok(all)
}

/// Most memory that was resident.
fn peak_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
