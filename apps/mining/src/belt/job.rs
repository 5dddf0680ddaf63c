//! One measurement from its source to its rows: what the command line calls.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use strata_core::stream::{self, Options, Outcome, Progress, StreamError, Tally};
use strata_vision::belt::BeltInspector;
use strata_vision::image::DecodeLimits;

use super::{BeltRow, BeltStages};
use crate::detect::Rows;
use crate::picture::Pictures;
use crate::save::Saver;

/// Pictures in a chunk.
const CHUNK: usize = 4;

/// How a measurement is carried out.
#[derive(Debug, Clone)]
pub struct BeltJob {
    /// Worker threads.
    pub threads: usize,
    /// Limits of pictures.
    pub limits: DecodeLimits,
    /// Folder for pictures with what was measured drawn in.
    pub save: Option<PathBuf>,
}

/// A finished measurement.
#[derive(Debug)]
pub struct Measured {
    /// A row a picture, in order.
    pub rows: Vec<BeltRow>,
    /// Counts, errors, and where the time went.
    pub tally: Tally,
    /// From the first picture to the last row.
    pub elapsed: Duration,
    /// SHA-256 over the pictures' names and bytes.
    pub digest: [u8; 32],
    /// Whether it was stopped before its end.
    pub interrupted: bool,
}

/// Measures the belt on all pictures of a source.
///
/// # Errors
/// [`StreamError`] where the source fails; what is wrong with one picture is in its row.
pub fn measure(
    inspector: &Arc<BeltInspector>,
    pictures: &mut Pictures,
    job: &BeltJob,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Measured, StreamError> {
    let saver = job.save.clone().map(Saver::new);
    let stages = BeltStages::new(Arc::clone(inspector), job.limits, saver);
    let mut rows = Rows::default();
    let started = Instant::now();
    let options = Options { threads: job.threads, chunk: CHUNK, stop };
    let (outcome, tally) = stream::run(pictures, &stages, &mut rows, options, progress)?;
    Ok(Measured {
        rows: rows.parse(),
        tally,
        elapsed: started.elapsed(),
        digest: rows.digest,
        interrupted: outcome == Outcome::Interrupted,
    })
}
