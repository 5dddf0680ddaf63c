//! A focused library from its settings to its file.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use strata_chem::Mol;
use strata_chem::optimize::{self, Around, Constraints, Generated};
use strata_core::provenance::STRATA_VERSION;
use strata_core::stream::Progress;

use super::control::watched;
use super::job::{pool, writable};
use super::library::{LibraryInfo, mine};
use super::{OptimizeJobError, TableFormat, table};
use crate::input::InputSpec;

/// A library's settings.
#[derive(Debug, Clone)]
pub struct GenerateJob {
    /// The molecule or scaffold.
    pub start: Mol,
    /// Which of the two.
    pub around: Around,
    /// What every molecule must keep.
    pub constraints: Constraints,
    /// A library whose fragments and pairs are the moves; ours where none is given.
    pub library: Option<InputSpec>,
    /// Molecules.
    pub count: usize,
    /// The random choices.
    pub seed: u64,
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// Where the molecules go: .csv, .csv.gz, .parquet, .sdf or .smi.
    pub out: PathBuf,
    /// Write over results.
    pub overwrite: bool,
}

/// A library that was made.
#[derive(Debug)]
pub struct GeneratedLibrary {
    /// The molecules and their figures.
    pub generated: Generated,
    /// Canonical SMILES of the start.
    pub start: String,
    /// The library the moves are from, against which novelty is counted.
    pub library: LibraryInfo,
    seed: u64,
}

impl GeneratedLibrary {
    /// Where the library comes from, as JSON.
    #[must_use]
    pub fn provenance(&self) -> String {
        let note = serde_json::json!({
            "strata": STRATA_VERSION, "start": self.start, "seed": self.seed,
            "library": self.library, "figures": self.generated.figures,
        });
        // Serialising plain strings and numbers cannot fail.
        serde_json::to_string_pretty(&note).unwrap_or_default()
    }
}

/// Makes the library and writes it.
///
/// # Errors
/// [`OptimizeJobError`]; nothing is written then.
pub fn generate(
    job: &GenerateJob,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<GeneratedLibrary, OptimizeJobError> {
    let format = TableFormat::of(&job.out)?;
    writable(&job.out, job.overwrite)?;
    let mined = mine(job.library.as_ref())?;
    let given = (&mined.moves, &job.constraints, &mined.known);
    let start = (&job.start, job.around);
    let size = (job.count, job.seed);
    let made = watched(&pool(job.threads)?, (stop, progress), None, |watch| {
        optimize::generate(start, given, size, watch)
    });
    let library = GeneratedLibrary {
        generated: made.result?,
        start: job.start.canonical_smiles(),
        library: mined.info,
        seed: job.seed,
    };
    table::write_generated(&job.out, format, &library)?;
    Ok(library)
}
