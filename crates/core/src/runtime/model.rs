//! A model that is ready: chosen, verified, loaded, warmed up and checked against its golden
//! example. There is no other way to get one, so that whoever holds a [`Model`] may trust it.
#![allow(clippy::needless_pass_by_value, reason = "array views are references already")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{ArrayView2, ArrayViewMut2};
use thiserror::Error;

use super::RuntimeError;
use super::batch::{BatchOptions, Batched};
use super::device::Device;
use super::first_row;
use super::golden::{self, GoldenReport};
use super::options::{PoolConfig, RunOptions};
use super::output::Outputs;
use super::pool::{Identity, SessionPool};
use super::rows;
use super::session::Source;
use super::tensor::Inputs;
use crate::card::{CardError, Golden, Latency, Machine, ModelCard, Variant};
use crate::paths::SearchPath;
use crate::provenance::{Featuriser, Provenance};
use crate::verify::{self, Limits, VerifiedFile, VerifiedModel, VerifyError};

/// Why a model isn't ready.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The card, or a file that isn't there.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A file isn't what the card says, or is hostile.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// It doesn't load, or doesn't give the golden answer.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The card has no variant of this name.
    #[error("model {model} has no variant {asked:?}; it has {known}")]
    NoVariant {
        /// The model.
        model: String,
        /// Name as asked for.
        asked: String,
        /// Names it has.
        known: String,
    },
    /// The features this build makes aren't those the model was trained on.
    #[error(transparent)]
    Featuriser(#[from] Box<FeaturiserMismatch>),
}

/// A featuriser other than the one a model was trained with.
#[derive(Debug, Error)]
#[error(
    "model {model} was trained on features {expected} (hash {expected_hash}), this build makes \
     {given} (hash {given_hash}); use the version of Strata the model was made with, or retrain it"
)]
pub struct FeaturiserMismatch {
    /// The model.
    pub model: String,
    /// Featuriser on the card.
    pub expected: String,
    /// Its hash.
    pub expected_hash: String,
    /// Featuriser of the caller.
    pub given: String,
    /// Its hash.
    pub given_hash: String,
}

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// Sessions, threads, devices and the rest.
    pub pool: PoolConfig,
    /// Latency class; the card and the device decide which file that is.
    pub latency: Latency,
    /// A variant by name, instead of by class.
    pub variant: Option<String>,
    /// What makes the model's inputs. If the card names one too, they must agree.
    pub featuriser: Option<Featuriser>,
    /// Caps of the verification.
    pub limits: Limits,
    /// Outputs of three axes of which only the first row of the second is read, such as the hidden state of a text's first
    /// token. Where the graph allows, the others are not computed, and the output has one row. A model with a golden
    /// example stays whole: the example compares all of it.
    pub first_rows: Vec<String>,
    /// Whether a network that takes one row of numbers of 0 or more and has an output for each answer may be made into one that
    /// takes a table and gives a table, the outputs being its columns; [`Model::takes_tables`] says whether it was.
    pub rows: bool,
    /// Whether a model without a golden example is run once on zeros, so that the first real call is as fast as the others. Models
    /// that take minutes a call are better off without.
    pub warm_up: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            pool: PoolConfig::default(),
            latency: Latency::Balanced,
            variant: None,
            featuriser: None,
            limits: Limits::default(),
            first_rows: Vec::new(),
            rows: false,
            warm_up: true,
        }
    }
}

/// A model that is ready.
#[derive(Debug)]
pub struct Model {
    card: ModelCard,
    variant: String,
    note: Option<String>,
    pool: SessionPool,
    golden: Option<GoldenReport>,
    opened_in: Duration,
    /// Where its other files are.
    search: SearchPath,
    limits: Limits,
}

impl Model {
    /// Chooses the variant, verifies its files, loads it on the first device of the list that
    /// works, runs it once on each session and checks the golden example.
    ///
    /// # Errors
    /// [`OpenError`]: the model must not be used then.
    pub fn open(
        card: ModelCard,
        search: &SearchPath,
        options: &OpenOptions,
    ) -> Result<Self, OpenError> {
        let start = Instant::now();
        check_featuriser(&card, options.featuriser.as_ref())?;
        let mut reasons = Vec::new();
        for &device in options.pool.devices.as_slice() {
            // Each device has its own variant: half precision for a GPU, float32 for a processor.
            let (variant, note) = choose(&card, device, options)?;
            let verified = verify::verify(&card, variant, search, &options.limits)?;
            let made = remade(&card, &verified.file, options);
            let mut source = source(&verified);
            if let Some((bytes, made)) = &made {
                (source.bytes, source.made) = (bytes, made);
            }
            let identity = identity(&verified, variant, options);
            let config = PoolConfig { devices: device.into(), ..options.pool.clone() };
            let pool = match SessionPool::from_source(&source, identity, &config) {
                Err(RuntimeError::NoDevice { reasons: why, .. }) => {
                    tracing::warn!(model = card.name, %device, reason = why, "device not used");
                    reasons.push(why);
                    continue;
                }
                other => other?,
            };
            let golden = match warm_up(&card, &pool, search, options) {
                // A device that answers otherwise leaves the model to the next.
                Err(error) if device != Device::Cpu => {
                    tracing::warn!(model = card.name, %device, reason = %error, "device not used");
                    reasons.push(format!("{device}: {error}"));
                    continue;
                }
                other => other?,
            };
            let variant = variant.name.clone();
            let opened_in = start.elapsed();
            tracing::debug!(model = card.name, variant, %device, ?opened_in, "model ready");
            let (search, limits) = (search.clone(), options.limits.clone());
            return Ok(Self { card, variant, note, pool, golden, opened_in, search, limits });
        }
        let (asked, reasons) = (options.pool.devices.to_string(), reasons.join("; "));
        Err(RuntimeError::NoDevice { model: card.name, asked, reasons }.into())
    }

    /// Runs the model; see [`SessionPool::run`].
    ///
    /// # Errors
    /// As [`SessionPool::run`].
    pub fn run(&self, inputs: &Inputs<'_>, options: &RunOptions) -> Result<Outputs, RuntimeError> {
        self.pool.run(inputs, options)
    }

    /// Runs a table of features; see [`SessionPool::run_batched`].
    ///
    /// # Errors
    /// As [`SessionPool::run_batched`].
    pub fn run_batched(
        &self,
        rows: ArrayView2<'_, f32>,
        options: &BatchOptions,
    ) -> Result<Batched, RuntimeError> {
        self.pool.run_batched(rows, options)
    }

    /// Runs a table of features into a table; see [`SessionPool::run_batched_into`].
    ///
    /// # Errors
    /// As [`SessionPool::run_batched_into`].
    pub fn run_batched_into(
        &self,
        rows: ArrayView2<'_, f32>,
        table: ArrayViewMut2<'_, f32>,
        options: &BatchOptions,
    ) -> Result<(), RuntimeError> {
        self.pool.run_batched_into(rows, table, options)
    }

    /// Reads one of its other files (a tokenizer, labels …), verified as the model was.
    ///
    /// # Errors
    /// When the card has no such file, it is absent, or it is not what the card says.
    pub fn read_file(&self, name: &str) -> Result<VerifiedFile, VerifyError> {
        verify::read_file(&self.card, name, &self.search, &self.limits)
    }

    /// Its card.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Name of the variant that was loaded.
    #[must_use]
    pub fn variant(&self) -> &str {
        &self.variant
    }

    /// Why the variant isn't of the class asked for, when it isn't.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Whether its input is a table of rows of any number, and its first output a row of answers for each.
    #[must_use]
    pub fn takes_tables(&self) -> bool {
        let signature = self.pool.signature();
        let ports = signature.inputs.iter().chain(&signature.outputs);
        ports
            .map(|port| &port.shape[..])
            .all(|shape| matches!(shape, [crate::card::Dim::Symbol(_), crate::card::Dim::Fixed(_)]))
    }

    /// Its sessions.
    #[must_use]
    pub fn pool(&self) -> &SessionPool {
        &self.pool
    }

    /// How the golden example went; `None` where the card has none.
    #[must_use]
    pub fn golden(&self) -> Option<GoldenReport> {
        self.golden
    }

    /// What its answers come from.
    #[must_use]
    pub fn provenance(&self) -> &Arc<Provenance> {
        self.pool.provenance()
    }

    /// Time from the call to ready.
    #[must_use]
    pub fn opened_in(&self) -> Duration {
        self.opened_in
    }
}

impl SessionPool {
    /// Loads a verified model, from the bytes that were verified, without warming it up or checking
    /// its golden example: [`Model::open`] does all of it.
    ///
    /// # Errors
    /// When the ONNX Runtime library is missing or wrong, no device of the list works, or ONNX
    /// Runtime refuses the model.
    pub fn load(verified: &VerifiedModel, config: &PoolConfig) -> Result<Self, RuntimeError> {
        let identity = Identity {
            version: verified.version.clone(),
            file: verified.file.name.clone(),
            sha256: verified.file.sha256.clone(),
            precision: "unknown".to_owned(),
            featuriser: None,
        };
        Self::from_source(&source(verified), identity, config)
    }
}

/// The graph that the options ask for in place of the file's, and what to call it; a golden example keeps a model as it is.
fn remade(
    card: &ModelCard,
    bytes: &[u8],
    options: &OpenOptions,
) -> Option<(Vec<u8>, &'static str)> {
    if card.golden.is_some() {
        return None;
    }
    if options.rows {
        return rows::table(bytes).map(|table| (table, "rows of "));
    }
    let cut = first_row::cut(bytes, &options.first_rows);
    cut.filter(|_| !options.first_rows.is_empty()).map(|cut| (cut, "first row of "))
}

fn source(verified: &VerifiedModel) -> Source<'_> {
    let external = verified.external.iter();
    Source {
        model: &verified.name,
        bytes: &verified.file,
        made: "",
        external: external.map(|(name, file)| (name.clone(), Arc::from(&file[..]))).collect(),
    }
}

fn identity(verified: &VerifiedModel, variant: &Variant, options: &OpenOptions) -> Identity {
    Identity {
        version: verified.version.clone(),
        file: verified.file.name.clone(),
        sha256: verified.file.sha256.clone(),
        precision: format!("{:?}", variant.precision).to_ascii_lowercase(),
        featuriser: options.featuriser.clone(),
    }
}

fn choose<'a>(
    card: &'a ModelCard,
    device: Device,
    options: &OpenOptions,
) -> Result<(&'a Variant, Option<String>), OpenError> {
    let Some(name) = &options.variant else {
        let chosen = card.select(options.latency, &Machine::new(device.name()))?;
        return Ok((chosen.variant, chosen.fallback));
    };
    let named = card.variants.iter().find(|variant| variant.name == *name);
    let variant = named.ok_or_else(|| {
        let known: Vec<&str> = card.variants.iter().map(|variant| variant.name.as_str()).collect();
        let (model, asked, known) = (card.name.clone(), name.clone(), known.join(", "));
        OpenError::NoVariant { model, asked, known }
    })?;
    Ok((variant, None))
}

fn check_featuriser(card: &ModelCard, given: Option<&Featuriser>) -> Result<(), OpenError> {
    let (Some(given), Some((id, hash))) = (given, card.featuriser()) else { return Ok(()) };
    if id == given.id && hash.is_none_or(|hash| hash == given.hash) {
        return Ok(());
    }
    Err(Box::new(FeaturiserMismatch {
        model: card.name.clone(),
        expected: id.to_owned(),
        expected_hash: hash.unwrap_or("not on the card").to_owned(),
        given: given.id.clone(),
        given_hash: given.hash.clone(),
    })
    .into())
}

fn warm_up(
    card: &ModelCard,
    pool: &SessionPool,
    search: &SearchPath,
    options: &OpenOptions,
) -> Result<Option<GoldenReport>, OpenError> {
    if let Some(Golden { file, tolerance }) = &card.golden {
        let json = verify::read_file(card, file, search, &options.limits)?;
        return Ok(Some(golden::check(pool, &json, &card.dir.join(file), *tolerance)?));
    }
    if !options.warm_up {
        return Ok(None);
    }
    // Zeros may be no valid input (a text of no tokens): a failure says nothing about the model.
    if let Err(error) = golden::run_zeros(pool) {
        tracing::debug!(model = card.name, %error, "warm-up with zeros failed");
    }
    Ok(None)
}
