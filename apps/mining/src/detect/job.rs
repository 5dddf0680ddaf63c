//! One detection from its source to its result: what the command line calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use strata_core::provenance::Provenance;
use strata_core::stream::{self, Chunk, Options, Outcome, Progress, Sink, StreamError, Tally};
use strata_vision::image::DecodeLimits;

use super::{DetectStages, Detector, Found};
use crate::picture::Pictures;
use crate::save::Saver;

/// Pictures in a chunk: one batch of the model.
const CHUNK: usize = 4;

/// How a detection is carried out.
#[derive(Debug, Clone)]
pub struct DetectJob {
    /// Worker threads; each runs a session of the model.
    pub threads: usize,
    /// Limits of pictures.
    pub limits: DecodeLimits,
    /// Folder for pictures with what was found drawn in.
    pub save: Option<PathBuf>,
}

/// A finished detection.
#[derive(Debug)]
pub struct Detected {
    /// A row a picture, in order.
    pub rows: Vec<Found>,
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

/// Rows in memory.
#[derive(Default)]
pub(crate) struct Rows {
    count: u64,
    pub(crate) digest: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl Sink for Rows {
    fn done(&self) -> (u64, [u8; 32]) {
        (self.count, self.digest)
    }

    fn append(&mut self, chunk: &Chunk) -> Result<(), StreamError> {
        self.count += u64::from(chunk.rows);
        self.digest = chunk.input_digest;
        self.bytes.extend_from_slice(&chunk.payload);
        Ok(())
    }
}

impl Rows {
    /// The rows as they were written.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> Vec<T> {
        let lines = self.bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        // They were written by the stages of the same program.
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

/// Detects in all pictures of a source.
///
/// # Errors
/// [`StreamError`] where the source or the disk fails; what is wrong with one picture is in its row.
pub fn detect(
    detector: &Arc<Detector>,
    pictures: &mut Pictures,
    job: &DetectJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Detected, StreamError> {
    let saver = job.save.clone().map(Saver::new);
    let stages = DetectStages::new(Arc::clone(detector), job.limits, saver);
    let mut rows = Rows::default();
    let started = Instant::now();
    let options = Options { threads: job.threads, chunk: CHUNK, stop };
    let (outcome, tally) = stream::run(pictures, &stages, &mut rows, options, progress)?;
    Ok(Detected {
        rows: rows.parse(),
        tally,
        elapsed: started.elapsed(),
        provenance: Arc::clone(detector.model().provenance()),
        digest: rows.digest,
        interrupted: outcome == Outcome::Interrupted,
    })
}
