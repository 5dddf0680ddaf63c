//! Detection with YOLOX-nano against onnxruntime + OpenCV: same pictures, same model file, same number of threads, in turns.
//! Prints a line of JSON a configuration, and one that compares the boxes.
//!
//! `bench_vision [ROUNDS] [PICTURES]`; needs the model (`strata-mining models fetch yolox-nano`), `STRATA_SHARED` for the pictures and
//! `STRATA_PEER_PYTHON`, a Python with onnxruntime and opencv-python-headless.
#![allow(clippy::print_stdout, reason = "a program that prints what it measured")]

mod one;
mod parity;
mod side;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use strata_core::card::ModelStore;
use strata_core::paths::search_path;

const MODEL: &str = "yolox-nano";
const CONF: &str = "0.05";
const IOU: &str = "0.45";

/// A part of the program that another process runs.
type Part = fn(&[String]) -> anyhow::Result<()>;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let alone: Option<Part> = match args.first().map(String::as_str) {
        Some("one") => Some(one::main),
        Some("side") => Some(side::main),
        _ => None,
    };
    if let Some(alone) = alone {
        // As the program does.
        strata_core::memory::share_arena();
        return alone(&args[1..]);
    }
    let rounds: usize = args.first().map_or(Ok(5), |text| text.parse())?;
    let count: usize = args.get(1).map_or(Ok(200), |text| text.parse())?;
    let python = std::env::var("STRATA_PEER_PYTHON").context("set STRATA_PEER_PYTHON")?;
    let pictures = pictures(count)?;
    let model = model_file()?;
    let scratch = tempfile::tempdir()?;
    let (ours, theirs) = (scratch.path().join("ours.jsonl"), scratch.path().join("theirs.jsonl"));
    for (workers, intra) in [(2, 1), (1, 2), (1, 1)] {
        let (mut own, mut peer) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let results = [
                us(workers, intra, (&ours, &pictures))?,
                them(&python, &model, (workers, intra), (&theirs, &pictures))?,
            ];
            // The first round warms the files' cache.
            if round > 0 {
                let [a, b] = results;
                own.push(a);
                peer.push(b);
            }
        }
        println!("{}", compare((workers, intra), &own, &peer));
    }
    println!("{}", parity::compare(&theirs, &ours)?);
    Ok(())
}

fn pictures(count: usize) -> anyhow::Result<Vec<PathBuf>> {
    let shared = std::env::var("STRATA_SHARED").context("set STRATA_SHARED")?;
    let folder = Path::new(&shared).join("data/mining/conveyor_belt_defects/valid/images");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut all: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    all.sort();
    all.truncate(count);
    Ok(all)
}

fn model_file() -> anyhow::Result<PathBuf> {
    let store = ModelStore::new(search_path(None));
    let card = store.card(MODEL)?;
    let file = card.files.first().context("the card names no file")?;
    Ok(card.locate(file, store.search())?)
}

fn us(
    workers: usize,
    intra: usize,
    (boxes, pictures): (&Path, &[PathBuf]),
) -> anyhow::Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["one", MODEL, &workers.to_string(), &intra.to_string(), "1", CONF, IOU])
        .arg(boxes)
        .args(pictures);
    measured(&mut command)
}

fn them(
    python: &str,
    model: &Path,
    (workers, intra): (usize, usize),
    (boxes, pictures): (&Path, &[PathBuf]),
) -> anyhow::Result<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/peers/vision/yolox_opencv.py");
    let mut command = Command::new(python);
    command.arg(script).arg(model).args(pictures);
    command.args([
        "--workers",
        &workers.to_string(),
        "--intra",
        &intra.to_string(),
        "--conf",
        CONF,
        "--iou",
        IOU,
    ]);
    measured(command.arg("--boxes").arg(boxes))
}

fn measured(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output()?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn median(rounds: &[Value], key: &str) -> f64 {
    let mut values: Vec<f64> = rounds.iter().filter_map(|round| round[key].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn compare((workers, intra): (usize, usize), own: &[Value], peer: &[Value]) -> Value {
    let ratio = |key: &str| median(own, key) / median(peer, key);
    json!({
        "what": "yolox-nano, decode to boxes", "workers": workers, "intra_threads": intra, "rounds": own.len(),
        "images_per_second": [median(own, "images_per_second"), median(peer, "images_per_second")],
        "images_per_second_ratio": ratio("images_per_second"),
        "cpu_ms_per_image": [median(own, "cpu_ms_per_image"), median(peer, "cpu_ms_per_image")],
        "cpu_ratio": ratio("cpu_ms_per_image"),
        "peak_bytes": [median(own, "peak_bytes"), median(peer, "peak_bytes")],
        "peak_ratio": ratio("peak_bytes"),
        "ours": own, "peer": peer,
    })
}
