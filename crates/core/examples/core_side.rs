//! Our side of the suite `core`: what the runtime adds to ONNX Runtime, and how pools grow.
//!
//! `core_side calls CARD FILES BATCH CALLS THREADS ANSWERS`: one session of THREADS threads, call after call.
//! `core_side pool CARD FILES BATCH CALLS SESSIONS ANSWERS`: SESSIONS sessions of one thread, as many callers.
//! `core_side cold CARD FILES BATCH ANSWERS`: verified, loaded, warmed up, golden example checked, one answer.
//! `core_side memory CARD FILES SESSIONS ANSWERS`: a pool of so many sessions, each having answered once.
//!
//! CARD is a folder of `shared-models`, FILES one that holds what is not there, or `-`. The inputs are numbers that
//! `bench/peers/core/onnxruntime_side.py` makes too. An answer is a call's first numbers of each output.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};
use strata_core::card::{Dim, ModelCard};
use strata_core::paths::SearchPath;
use strata_core::runtime::{
    Inputs, Model, OpenOptions, Outputs, PoolConfig, RunOptions, RuntimeError, TensorPort,
};
use strata_testkit::bench::{
    Stopwatch, gather, percentile, report, report_process, since_start, write_answers,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Different inputs, used in turns.
const INPUTS: usize = 8;
/// Numbers of an output that an answer holds.
const SHOWN: usize = 256;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["calls", card, files, batch, calls, threads, answers] => {
            let config = PoolConfig { intra_threads: threads.parse()?, ..PoolConfig::default() };
            run(&open(card, files, config)?, (batch.parse()?, calls.parse()?), answers)
        }
        ["pool", card, files, batch, calls, sessions, answers] => {
            let config = PoolConfig { sessions: sessions.parse()?, ..PoolConfig::default() };
            run(&open(card, files, config)?, (batch.parse()?, calls.parse()?), answers)
        }
        ["cold", card, files, batch, answers] => {
            cold(&open(card, files, PoolConfig::default())?, batch.parse()?, answers)
        }
        ["memory", card, files, sessions, answers] => {
            let config = PoolConfig { sessions: sessions.parse()?, ..PoolConfig::default() };
            let watch = Stopwatch::start();
            let model = open(card, files, config)?;
            memory(&model, &watch, answers)
        }
        _ => Err("usage: core_side calls|pool|cold|memory …; see its head".into()),
    }
}

fn open(card: &str, files: &str, pool: PoolConfig) -> Outcome<Model> {
    let scratch = tempfile::tempdir()?;
    let card = Path::new(card);
    let name = card.file_name().ok_or("CARD is no folder")?;
    // A model whose file lies elsewhere is put together first; what is whole is opened where it is.
    let folder = match files {
        "-" => card.parent().ok_or("CARD lies nowhere")?.to_owned(),
        files => {
            gather(&scratch.path().join(name), &[card, Path::new(files)])?;
            scratch.path().to_owned()
        }
    };
    let card = ModelCard::load(&folder.join(name))?;
    let options = OpenOptions { pool, ..OpenOptions::default() };
    Ok(Model::open(card, &SearchPath::only(&folder), &options)?)
}

/// Number `number` of the inputs: whole numbers below 1,000 in thousandths, by a multiplicative hash of their place.
fn input(port: &TensorPort, batch: usize, number: usize) -> ArrayD<f32> {
    let shape: Vec<usize> = port
        .shape
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) => *size as usize,
            _ => batch,
        })
        .collect();
    let value = |at: usize| {
        let hashed = ((at + number * 7919) as u64 * 2_654_435_761) % 4_294_967_296;
        (hashed % 1000) as f32 / 1000.0
    };
    let length = shape.iter().product();
    let values: Vec<f32> = (0..length).map(value).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap_or_default()
}

fn answer(outputs: &Outputs) -> Result<Value, RuntimeError> {
    let mut all = Vec::new();
    for at in 0..outputs.len() {
        let view = outputs.view_at::<f32>(at)?;
        all.push(view.iter().take(SHOWN).copied().collect::<Vec<f32>>());
    }
    Ok(json!(all))
}

/// Calls from as many threads as the pool has sessions.
fn run(model: &Model, (batch, calls): (usize, usize), answers: &str) -> Outcome {
    let port = &model.pool().signature().inputs[0];
    let inputs: Vec<ArrayD<f32>> = (0..INPUTS).map(|number| input(port, batch, number)).collect();
    let call = |number: usize| {
        let inputs = Inputs::new().with(&port.name, inputs[number % INPUTS].view());
        model.run(&inputs, &RunOptions::default())
    };
    let first = call(0)?;
    let first_answer = since_start();
    drop(first);
    let next = AtomicUsize::new(0);
    let watch = Stopwatch::start();
    let worked: Vec<Vec<f64>> = std::thread::scope(|scope| {
        let work = || -> Result<Vec<f64>, RuntimeError> {
            let (mut each, mut sum) = (Vec::new(), 0.0);
            while next.fetch_add(1, Ordering::Relaxed) < calls {
                let start = Instant::now();
                let outputs = call(each.len())?;
                // What nobody reads may never have been computed.
                sum += outputs.view_at::<f32>(0)?.first().map_or(0.0, |value| f64::from(*value));
                each.push(start.elapsed().as_secs_f64() * 1e3);
            }
            std::hint::black_box(sum);
            Ok(each)
        };
        let threads: Vec<_> = (0..model.pool().sessions()).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Ok(Vec::new())))
            .collect::<Result<_, _>>()
    })?;
    let (seconds, cpu) = watch.seconds();
    let mut each: Vec<f64> = worked.into_iter().flatten().collect();
    let all: Vec<Value> =
        (0..INPUTS).map(|number| Ok(answer(&call(number)?)?)).collect::<Outcome<_>>()?;
    write_answers(Path::new(answers), &all)?;
    report(
        calls,
        (seconds, cpu),
        &[
            ("first_answer_seconds", json!(first_answer)),
            ("p50_ms", json!(percentile(&mut each, 0.5))),
            ("p95_ms", json!(percentile(&mut each, 0.95))),
            ("p99_ms", json!(percentile(&mut each, 0.99))),
            ("us_a_call", json!(seconds * 1e6 / calls as f64)),
        ],
    );
    Ok(())
}

/// One call: what is measured is the process.
fn cold(model: &Model, batch: usize, answers: &str) -> Outcome {
    let port = &model.pool().signature().inputs[0];
    let values = input(port, batch, 0);
    let inputs = Inputs::new().with(&port.name, values.view());
    let first = answer(&model.run(&inputs, &RunOptions::default())?)?;
    let seconds = since_start();
    write_answers(Path::new(answers), &[first])?;
    report_process(1, &[("first_answer_seconds", json!(seconds))]);
    Ok(())
}

/// Every session answers once, then the process ends: its peak is what the pool takes.
fn memory(model: &Model, watch: &Stopwatch, answers: &str) -> Outcome {
    let port = &model.pool().signature().inputs[0];
    let values = input(port, 1, 0);
    let mut last = Value::Null;
    for _ in 0..model.pool().sessions() {
        let inputs = Inputs::new().with(&port.name, values.view());
        last = answer(&model.run(&inputs, &RunOptions::default())?)?;
    }
    write_answers(Path::new(answers), &[last])?;
    report(model.pool().sessions(), watch.seconds(), &[]);
    Ok(())
}
