//! `adapt`: a model of the user's own measurements, ready for `screen`.
//!
//! Rows are read and merged (`assay`), split, a head is chosen by cross-validation on the training part, judged on
//! the held-out part and calibrated on molecules it was not trained on (`train`), written as an ONNX graph
//! (`graph`) with its card (`card`), and opened the way `screen` opens it: every molecule must come out as the
//! trained head has it, or nothing is left behind.

mod assay;
mod card;
mod graph;
mod proto;
mod report;
mod train;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use ndarray::ArrayView2;
use sha2::{Digest, Sha256};
use strata_chem::arena::DomainSet;
use strata_chem::arena::domain::DomainRecord;
use strata_chem::features::{DEFAULT_ID, Featuriser};
use strata_chem::learn::{Candidate, Task, Watch};
use strata_core::runtime::RunOptions;
use strata_core::stream::{Progress, Update};

pub use assay::{Dropped, FEWEST};
pub use train::HeldOut;

use super::ToolError;
use crate::input::RecordReader;
use crate::screen::{Folder, Molecules, load_models};
use assay::Assay;
use train::Trained;

/// Columns of [`DEFAULT_ID`] that are counts.
const COUNTS: usize = 2048;
/// Morgan radius of the fingerprints.
const RADIUS: u32 = 2;
/// Largest difference between the file and the trained head, in standard deviations of the targets where those are
/// above 1.
const TOLERANCE: f64 = 1e-4;
/// Molecules of the golden example.
const GOLDEN: usize = 8;

/// What the targets are.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// Numbers.
    Regression,
    /// Two classes.
    Classification,
}

/// How held-out molecules are set apart.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SplitKind {
    /// Whole Murcko scaffolds, the rarest for the test: how it does on new chemistry.
    #[default]
    Scaffold,
    /// Shuffled by the seed: how it does on more of the same.
    Random,
}

/// What the head that ships is trained on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FinalRows {
    /// All molecules, once the figures are taken.
    #[default]
    All,
    /// The training part alone: the head the figures are of.
    Train,
}

/// What to make.
#[derive(Clone, Debug, Default)]
pub struct AdaptOptions {
    /// Column of the measurements.
    pub target: String,
    /// Folder of models; the model lies below it under its name.
    pub out: PathBuf,
    /// Name of the model; otherwise from the target's.
    pub name: Option<String>,
    /// Kind of targets; otherwise two distinct values are classes.
    pub task: Option<TargetKind>,
    /// The class that counts as positive; otherwise `active`, `yes`, 1 and the like, or the larger.
    pub positive: Option<String>,
    /// Unit of the values.
    pub unit: Option<String>,
    /// How held-out molecules are set apart.
    pub split: SplitKind,
    /// Seed of everything random.
    pub seed: u64,
    /// What the head that ships is trained on.
    pub final_rows: FinalRows,
    /// Write over an existing model.
    pub force: bool,
}

/// What came out.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Adapted {
    /// The model's name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The column it adds to results.
    pub endpoint: String,
    /// `regression` or `classification`.
    pub task: &'static str,
    /// The negative and the positive class.
    pub classes: Option<[String; 2]>,
    /// Rows read.
    pub rows: u64,
    /// Molecules used.
    pub molecules: usize,
    /// Rows merged into another of the same molecule.
    pub merged: usize,
    /// Molecules whose rows disagree.
    pub conflicts: Vec<String>,
    /// Rows left out, each with its reason.
    pub dropped: Vec<Dropped>,
    /// Molecules of the training, validation and test part.
    pub parts: [usize; 3],
    /// How they were set apart.
    pub split: String,
    /// Figures on the test part.
    pub figures: Vec<HeldOut>,
    /// The blend that was chosen.
    pub chosen: String,
    /// All blends tried, with their out-of-fold error on the training part.
    pub candidates: Vec<(String, f64)>,
    /// Molecules the head that ships was trained on.
    pub trained_on: usize,
    /// Largest difference between the ONNX file and the trained head.
    pub parity: f64,
    /// Remarks on the data.
    pub notes: Vec<String>,
}

/// What cards and reports say beside the assay and the training.
#[derive(Clone)]
struct Facts {
    name: String,
    title: String,
    endpoint: String,
    input: String,
    data_sha256: String,
    featuriser: String,
    featuriser_hash: String,
    width: usize,
    tolerance: f64,
    parity: f64,
}

impl Facts {
    fn model_file(&self) -> String {
        format!("{}.onnx", self.name)
    }
}

/// Trains on the rows of a reader and writes a model; `input` is the data's name on the card.
///
/// # Errors
/// [`ToolError`]: nothing is left in the folder then.
pub fn adapt(
    reader: &mut dyn RecordReader,
    input: &str,
    options: &AdaptOptions,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Adapted, ToolError> {
    let name = match &options.name {
        Some(name) => name.clone(),
        None => slug(&options.target),
    };
    let folder = options.out.join(&name);
    refuse(&name, &folder, options.force)?;
    let featuriser = Featuriser::from_id(DEFAULT_ID)?;
    let assay = assay::read(reader, options, &featuriser, progress)?;
    let width = featuriser.dim();
    let features: Vec<f32> =
        assay.molecules.iter().flat_map(|m| m.features.iter().copied()).collect();
    let rows = assay.rows;
    let progress = RefCell::new(progress);
    let step = |stage: &str, done: f64| {
        tracing::info!(stage, "adapt");
        let whole = match stage {
            "out-of-fold heads" => 0.5 + 0.4 * done,
            "head" => 0.9 + 0.1 * done,
            _ => 0.5 * done,
        };
        let failed = assay.dropped.len() as u64;
        let update = Update { rows, resumed: 0, failed, fraction: Some(whole) };
        progress.borrow_mut().update(&update);
    };
    let watch = Watch { stop, step: &step };
    let trained = train::train(&assay, (&features, width, COUNTS), options, &watch)?;
    let targets = || assay.molecules.iter().map(|molecule| molecule.target);
    let mean = targets().sum::<f64>() / assay.molecules.len() as f64;
    let variance =
        targets().map(|t| (t - mean).powi(2)).sum::<f64>() / assay.molecules.len() as f64;
    let mut facts = Facts {
        title: format!("{} (adapted)", options.target.trim()),
        endpoint: card::endpoint(&options.target),
        input: input.to_owned(),
        data_sha256: digest(&assay),
        featuriser: featuriser.id().to_owned(),
        featuriser_hash: featuriser.hash(),
        width,
        tolerance: TOLERANCE * variance.sqrt().max(1.0),
        parity: 0.0,
        name,
    };
    facts.parity = write((&assay, &trained, &facts), &features, options, &folder)?;
    let split = &trained.split;
    let candidate = |candidate: &Candidate| (candidate.name.clone(), candidate.loss);
    Ok(Adapted {
        name: facts.name,
        folder,
        endpoint: facts.endpoint,
        task: if assay.task == Task::Regression { "regression" } else { "classification" },
        classes: assay.classes,
        rows,
        molecules: assay.molecules.len(),
        merged: assay.merged,
        conflicts: assay.conflicts,
        dropped: assay.dropped,
        parts: [split.train.len(), split.valid.len(), split.test.len()],
        split: card::split_name(options),
        chosen: trained.choice.chosen.clone(),
        candidates: trained.choice.candidates.iter().map(candidate).collect(),
        figures: trained.figures,
        trained_on: trained.final_rows.len(),
        parity: facts.parity,
        notes: assay.notes,
    })
}

/// A model's name from a column's.
fn slug(target: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = target.chars().map(plain).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(60).collect();
    if name.is_empty() { "adapted".to_owned() } else { name }
}

fn refuse(name: &str, folder: &Path, force: bool) -> Result<(), ToolError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        let text = format!("--name {name:?}: use 1 to 64 of a-z, 0-9, - and _");
        return Err(ToolError::Request(text));
    }
    if folder.exists() && !force {
        let text =
            format!("{} exists already: choose another --name, or add --force", folder.display());
        return Err(ToolError::Request(text));
    }
    if folder.exists() && !folder.join("card.toml").is_file() {
        let text = format!(
            "{} is no model: it is not written over, not even with --force",
            folder.display()
        );
        return Err(ToolError::Request(text));
    }
    Ok(())
}

/// SHA-256 over molecules and targets.
fn digest(assay: &Assay) -> String {
    let mut hasher = Sha256::new();
    for molecule in &assay.molecules {
        hasher.update(format!("{}\t{:?}\n", molecule.smiles, molecule.target));
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the model beside its place, opens it as `screen` does, compares, and puts it there. The largest difference.
fn write(
    (assay, trained, facts): (&Assay, &Trained, &Facts),
    features: &[f32],
    options: &AdaptOptions,
    folder: &Path,
) -> Result<f64, ToolError> {
    let out = &options.out;
    std::fs::create_dir_all(out).map_err(ToolError::io(out))?;
    let beside =
        tempfile::Builder::new().prefix(".adapt-").tempdir_in(out).map_err(ToolError::io(out))?;
    let part = beside.path().join(&facts.name);
    std::fs::create_dir(&part).map_err(ToolError::io(&part))?;
    let put = |name: &str, bytes: &[u8]| {
        let path = part.join(name);
        std::fs::write(&path, bytes).map_err(ToolError::io(&path))
    };
    put(&facts.model_file(), &graph::to_onnx(&trained.head, &facts.name, (facts.width, COUNTS)))?;
    domain(assay, trained, &facts.name, &part.join("domain.bin"))?;
    put("golden.json", golden(assay, trained, facts.width).as_bytes())?;
    put("card.toml", card::card((assay, trained, facts), options, &part)?.as_bytes())?;
    let parity = compare(trained, facts, features, beside.path())?;
    let known = Facts { parity, ..facts.clone() };
    put("README.md", card::readme((assay, trained, &known), options).as_bytes())?;
    if folder.exists() {
        // Out of the way rather than deleted: it goes with the temporary folder once the new one is there.
        std::fs::rename(folder, beside.path().join(".before")).map_err(ToolError::io(folder))?;
    }
    std::fs::rename(&part, folder).map_err(ToolError::io(folder))?;
    Ok(parity)
}

/// Fingerprints of the molecules that were trained on, each once.
fn domain(assay: &Assay, trained: &Trained, name: &str, path: &Path) -> Result<(), ToolError> {
    let words = |row: &usize| {
        let mut words = vec![0u64; COUNTS / 64];
        let counts = assay.molecules[*row].features[..COUNTS].iter().enumerate();
        counts
            .filter(|(_, count)| **count > 0.0)
            .for_each(|(bit, _)| words[bit / 64] |= 1 << (bit % 64));
        words
    };
    let mut seen = BTreeSet::new();
    let fresh = trained.final_rows.iter().map(words).filter(|words| seen.insert(words.clone()));
    let records: Vec<DomainRecord> = fresh.map(|words| DomainRecord { mask: 1, words }).collect();
    Ok(DomainSet::write(path, (COUNTS, RADIUS), &[name.to_owned()], &records)?)
}

/// The golden example: molecules spread over the data, with the trained head's answers.
fn golden(assay: &Assay, trained: &Trained, width: usize) -> String {
    let n = assay.molecules.len();
    let rows: Vec<usize> = (0..GOLDEN).map(|at| at * (n - 1) / (GOLDEN - 1)).collect();
    let features: Vec<f32> =
        rows.iter().flat_map(|&r| assay.molecules[r].features.iter().copied()).collect();
    let answers: Vec<f64> =
        rows.iter().flat_map(|&row| trained.head.predict(&assay.molecules[row].features)).collect();
    let smiles: Vec<&str> = rows.iter().map(|&row| assay.molecules[row].smiles.as_str()).collect();
    let (input, output) = (graph::INPUT, graph::OUTPUT);
    let json = serde_json::json!({
        "smiles": smiles,
        "inputs": { input: { "shape": [GOLDEN, width], "data": features } },
        "outputs": { output: { "shape": [GOLDEN, trained.head.members], "data": answers } },
    });
    format!("{json}\n")
}

/// Opens the model as `screen` does and compares every molecule with the trained head.
fn compare(
    trained: &Trained,
    facts: &Facts,
    features: &[f32],
    models: &Path,
) -> Result<f64, ToolError> {
    let wrong =
        |text: String| ToolError::Request(format!("the written model was not usable: {text}"));
    let loaded = load_models(std::slice::from_ref(&facts.name), &Folder::new(Some(models), 1))?;
    let [model] = loaded.predictors() else { return Err(wrong("it is not one model".to_owned())) };
    let mut largest = 0.0f64;
    for rows in features.chunks(256 * facts.width) {
        let n = rows.len() / facts.width;
        let view = ArrayView2::from_shape((n, facts.width), rows)
            .map_err(|error| wrong(error.to_string()))?;
        let mut answers = vec![0.0f32; n * model.width()];
        let molecules = Molecules { rows: view, graphs: &[] };
        let run = model.predict(molecules, &RunOptions::default(), &mut answers);
        run.map_err(|error| wrong(error.message.clone()))?;
        for (row, answers) in rows.chunks(facts.width).zip(answers.chunks(model.width())) {
            for (expected, &got) in trained.head.predict(row).into_iter().zip(answers) {
                let difference = (expected - f64::from(got)).abs();
                // Written so that a difference that is no number counts as wrong.
                largest = if difference <= largest { largest } else { difference };
            }
        }
    }
    match largest <= facts.tolerance {
        true => Ok(largest),
        false => Err(wrong(format!("it differs from the trained head by {largest:.2e}"))),
    }
}
