//! `adapt`: a model of the user's own measurements, ready for `screen`.
//!
//! Rows are read and merged (`assay`), split, a head is chosen by cross-validation on the training part, judged on
//! the held-out part and calibrated on molecules it was not trained on (`train`), written as an ONNX graph (`graph`),
//! behind the encoder's where it sees its vectors (`encoder`, `join`), with its card (`card`), and opened the way
//! `screen` opens it (`write`): every molecule must come out as the trained head has it, or nothing is left behind.

mod assay;
mod card;
mod encoder;
mod graph;
mod join;
mod proto;
mod report;
mod train;
mod write;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use strata_chem::features::{DEFAULT_ID, Featuriser, ModelFeaturiser};
use strata_chem::learn::{Candidate, Head, Table, Task, Watch};
use strata_core::stream::{Progress, Update};

pub use assay::{Dropped, FEWEST};
pub use train::HeldOut;
pub(crate) use write::HELD_OUT;

use super::ToolError;
use crate::input::RecordReader;
use crate::screen::ModelSource;
use assay::Assay;
use encoder::Encoder;

/// Columns of [`DEFAULT_ID`] that are counts.
const COUNTS: usize = 2048;
/// Largest difference between the file and the trained head, in standard deviations of the targets where those are
/// above 1.
const TOLERANCE: f64 = 1e-4;

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
    /// The encoder whose vectors are features too: `none`, or otherwise `molecule-encoder` where it is there.
    pub encoder: Option<String>,
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
    /// Molecules trained on and set aside.
    pub parts: [usize; 2],
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
    /// The encoder whose vectors the head sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
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
    featuriser: ModelFeaturiser,
    tolerance: f64,
    parity: f64,
}

impl Facts {
    fn model_file(&self) -> String {
        format!("{}.onnx", self.name)
    }
}

/// Trains on the rows of a reader and writes a model; `input` is the data's name on the card, `models` has the encoder.
///
/// # Errors
/// [`ToolError`]: nothing is left in the folder then.
pub fn adapt(
    reader: &mut dyn RecordReader,
    input: &str,
    (options, models): (&AdaptOptions, &dyn ModelSource),
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Adapted, ToolError> {
    let name = match &options.name {
        Some(name) => name.clone(),
        None => slug(&options.target),
    };
    let folder = options.out.join(&name);
    refuse(&name, &folder, options.force)?;
    let featuriser = Featuriser::from_id(DEFAULT_ID)?;
    let mut assay = assay::read(reader, options, &featuriser, progress)?;
    let encoder = Encoder::find(options.encoder.as_deref(), models)?;
    let encoder = encoder.map_err(|why| assay.notes.push(why)).ok();
    let features = Features::of(&assay, featuriser, encoder)?;
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
    let trained = train::train(&assay, features.table(), options, &watch)?;
    let targets = || assay.molecules.iter().map(|molecule| molecule.target);
    let mean = targets().sum::<f64>() / assay.molecules.len() as f64;
    let variance =
        targets().map(|t| (t - mean).powi(2)).sum::<f64>() / assay.molecules.len() as f64;
    let mut facts = Facts {
        title: format!("{} (adapted)", options.target.trim()),
        endpoint: card::endpoint(&options.target),
        input: input.to_owned(),
        data_sha256: digest(&assay),
        featuriser: features.of_head(&trained.head),
        tolerance: TOLERANCE * variance.sqrt().max(1.0),
        parity: 0.0,
        name,
    };
    facts.parity = write::write((&assay, &trained, &facts), &features, options, &folder)?;
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
        parts: trained.parts.map(|part| part.len()),
        split: card::split_name(options),
        chosen: trained.choice.chosen.clone(),
        candidates: trained.choice.candidates.iter().map(candidate).collect(),
        figures: trained.figures,
        trained_on: trained.final_rows.len(),
        parity: facts.parity,
        encoder: features.encoder_of(&trained.head).map(Encoder::label),
        notes: assay.notes,
    })
}

/// The features of all molecules, a row each: counts and descriptors, then the encoder's vector where there is one.
struct Features {
    rows: Vec<f32>,
    featuriser: Featuriser,
    encoder: Option<Encoder>,
}

impl Features {
    fn of(
        assay: &Assay,
        featuriser: Featuriser,
        encoder: Option<Encoder>,
    ) -> Result<Self, ToolError> {
        let vectors = match &encoder {
            Some(encoder) => encoder.vectors(&assay.molecules)?,
            None => Vec::new(),
        };
        let width = encoder.as_ref().map_or(0, Encoder::width);
        let mut rows = Vec::with_capacity(assay.molecules.len() * (featuriser.dim() + width));
        for (at, molecule) in assay.molecules.iter().enumerate() {
            rows.extend_from_slice(&molecule.features);
            rows.extend_from_slice(&vectors[at * width..(at + 1) * width]);
        }
        Ok(Self { rows, featuriser, encoder })
    }

    /// Columns of fingerprint and descriptors.
    fn width(&self) -> usize {
        self.featuriser.dim()
    }

    fn table(&self) -> Table<'_> {
        let embedding = self.encoder.as_ref().map_or(0, Encoder::width);
        Table::new(&self.rows, self.width() + embedding, COUNTS).with_embedding(embedding)
    }

    /// The encoder, where a head needs it.
    fn encoder_of(&self, head: &Head) -> Option<&Encoder> {
        self.encoder.as_ref().filter(|_| head.recipe.sees_encoder())
    }

    /// What a model of the head reads of a molecule.
    fn of_head(&self, head: &Head) -> ModelFeaturiser {
        let graph = self.encoder_of(head).is_some();
        ModelFeaturiser { graph, rows: Some(self.featuriser.clone()) }
    }
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

#[cfg(test)]
mod tests;
