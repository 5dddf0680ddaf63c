//! One inspection from its source to its rows: what the command line calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use strata_core::provenance::Provenance;
use strata_core::stream::{self, Options, Outcome, Progress, Tally};
use strata_vision::bank::AnyBank;
use strata_vision::image::DecodeLimits;

use super::fit::{FitJob, left_out};
use super::stages::{InspectStages, Inspected, Mode};
use super::{FeatureModel, InspectError};
use crate::detect::Rows;
use crate::picture::Pictures;
use crate::save::Saver;

/// Pictures in a chunk.
const CHUNK: usize = 4;

/// How an inspection is carried out.
#[derive(Debug, Clone)]
pub struct InspectJob {
    /// Worker threads; each runs a session of the model.
    pub threads: usize,
    /// Limits of pictures.
    pub limits: DecodeLimits,
    /// Folder for heat maps over the pictures.
    pub save: Option<PathBuf>,
}

/// A finished inspection.
#[derive(Debug)]
pub struct Inspection {
    /// A row a picture, in order.
    pub rows: Vec<Inspected>,
    /// Counts, errors, and where the time went.
    pub tally: Tally,
    /// From the first picture to the last row.
    pub elapsed: Duration,
    /// What the answers come from.
    pub provenance: Arc<Provenance>,
    /// SHA-256 over the pictures' names and bytes.
    pub digest: [u8; 32],
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// Scores all pictures of a source against a bank.
///
/// # Errors
/// [`InspectError`]: a bank of another model, or a source that fails; what is wrong with one picture is in its row.
pub fn inspect(
    features: &Arc<FeatureModel>,
    bank: &Arc<AnyBank>,
    (pictures, job): (&mut Pictures, &InspectJob),
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Inspection, InspectError> {
    bank.identity().check(features.identity())?;
    let saver = job.save.clone().map(Saver::new);
    let mode = Mode::Score(Arc::clone(bank));
    let stages = InspectStages::new(Arc::clone(features), mode, job.limits, saver);
    let mut rows = Rows::default();
    let started = Instant::now();
    let options = Options { threads: job.threads, chunk: CHUNK, stop };
    let (outcome, tally) = stream::run(pictures, &stages, &mut rows, options, progress)?;
    Ok(Inspection {
        rows: rows.parse(),
        tally,
        elapsed: started.elapsed(),
        provenance: Arc::clone(features.model().provenance()),
        digest: rows.digest,
        interrupted: outcome == Outcome::Interrupted,
    })
}

/// The scores of the normals that a bank was made of, each as if it was not in the bank: what a calibration needs.
///
/// # Errors
/// As [`inspect`]
pub fn normal_scores(
    features: &Arc<FeatureModel>,
    bank: &Arc<AnyBank>,
    (pictures, job): (&mut Pictures, &FitJob),
    watching: (&AtomicBool, &mut dyn Progress),
) -> Result<Vec<Inspected>, InspectError> {
    bank.identity().check(features.identity())?;
    left_out(features, bank, pictures, job, watching)
}
