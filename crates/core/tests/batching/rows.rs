//! Whether a row's answer depends on the batch it is in: the shipped models, at several batch sizes.

use std::path::{Path, PathBuf};

use crate::runtime_support::ok;
use ndarray::{Array2, s};
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{BatchOptions, Model, OpenOptions, PoolConfig};

/// Rows of each model's table: the golden example's first, then made-up counts like theirs.
const ROWS: usize = 256;

fn models_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models")
}

/// Every model of the repository whose file is here, with one float32 table as input.
fn shipped() -> Vec<String> {
    let mut names = Vec::new();
    for entry in ok(std::fs::read_dir(models_dir())) {
        let name = ok(entry).file_name().to_string_lossy().into_owned();
        // Tables of features alone; pictures and graphs have tests of their own.
        let golden =
            std::fs::read(models_dir().join(&name).join("golden.json")).unwrap_or_default();
        let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap_or_default();
        let shipped = models_dir().join(&name).join(format!("{name}.onnx")).is_file();
        let alone = golden["inputs"].as_object().is_some_and(|inputs| inputs.len() == 1);
        if shipped && alone && golden["inputs"]["features"].is_object() {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// The golden example's rows and then rows of small counts and descriptor-like numbers.
fn table(name: &str) -> Array2<f32> {
    let json = ok(std::fs::read(models_dir().join(name).join("golden.json")));
    let json: serde_json::Value = ok(serde_json::from_slice(&json));
    let features = &json["inputs"]["features"];
    let width = features["shape"][1].as_u64().expect("a table") as usize;
    let golden: Vec<f32> = features["data"]
        .as_array()
        .expect("numbers")
        .iter()
        .map(|x| x.as_f64().expect("a number") as f32)
        .collect();
    let given = golden.len() / width;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    Array2::from_shape_fn((ROWS, width), |(i, j)| {
        if i < given {
            return golden[i * width + j];
        }
        let r = random();
        // Like fingerprints: most counts are zero. The columns behind them vary about a golden row.
        match j {
            0..2048 if !r.is_multiple_of(32) => 0.0,
            0..2048 => (r >> 8) as f32 % 5.0,
            _ => golden[(i % given) * width + j] * (0.5 + (r >> 40) as f32 / (1_u64 << 24) as f32),
        }
    })
}

/// Largest difference between a row's answers at this batch size and alone, and how many values differ.
fn compare(model: &Model, rows: &Array2<f32>, size: usize, alone: &Array2<f32>) -> (f32, usize) {
    let options = BatchOptions { max_batch: size, ..BatchOptions::default() };
    let table = ok(model.run_batched(rows.view(), &options)).values;
    let mut largest = 0.0_f32;
    let mut differ = 0;
    for (a, b) in table.iter().zip(alone) {
        differ += usize::from(a.to_bits() != b.to_bits());
        largest = largest.max((a - b).abs());
    }
    (largest, differ)
}

fn open(name: &str, threads: usize) -> Model {
    let card = ok(ModelCard::load(&models_dir().join(name)));
    let pool = PoolConfig { intra_threads: threads, ..PoolConfig::default() };
    let options = OpenOptions { pool, ..OpenOptions::default() };
    ok(Model::open(card, &SearchPath::only(models_dir()), &options))
}

fn alone(model: &Model, rows: &Array2<f32>) -> Array2<f32> {
    let one = BatchOptions { max_batch: 1, ..BatchOptions::default() };
    ok(model.run_batched(rows.view(), &one)).values
}

/// What lets the server batch at will and still give the command line's digests.
#[test]
fn with_one_thread_a_rows_answer_is_the_same_bits_in_any_batch() {
    let names = shipped();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        let (model, rows) = (open(&name, 1), table(&name));
        let alone = alone(&model, &rows);
        for size in [1, 2, 7, 64, 256] {
            assert_eq!(compare(&model, &rows, size, &alone), (0.0, 0), "{name} by {size}");
        }
        // In another place, beside others.
        let (rows, alone) = (rows.slice(s![3..131, ..]), alone.slice(s![3..131, ..]));
        let moved = compare(&model, &rows.to_owned(), 64, &alone.to_owned());
        assert_eq!(moved, (0.0, 0), "{name}, moved by 3");
    }
}

/// ONNX Runtime adds the trees up in another order when it shares them out to threads, and whether
/// it does depends on the number of rows: within single precision, but not the same bits.
#[test]
fn with_more_threads_a_rows_answer_is_the_same_within_single_precision() {
    for name in shipped() {
        let (model, rows) = (open(&name, 2), table(&name));
        let alone = alone(&model, &rows);
        for size in [2, 64, 256] {
            let (largest, differ) = compare(&model, &rows, size, &alone);
            assert!(largest < 1e-5, "{name} by {size}: {differ} differ, by {largest:e} at most");
        }
    }
}
