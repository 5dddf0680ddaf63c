//! One screening from its settings to its result: what the command line, tests and later doors call.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use strata_core::stream::{self, Journal, Opened, Options, Outcome, Progress, StreamError};

use crate::input::{self, InputError, InputSpec};
use crate::output::{OutFormat, OutputError, beside, write_note_beside, write_whole};
use crate::report::{self, Report};
use crate::scenario::{Loaded, ScenarioError};

use super::finalise::{Target, finalise};
use super::models::{Folder, ModelChoice, ModelSource, ModelsError};
use super::molecule::ChemistryError;
use super::pipeline::{Pipeline, hex};
use super::source::LibrarySource;
use super::{Provenance, Reference, ReferenceError, Summary};

/// Records in a chunk: one inference, and what a kill can lose.
const CHUNK: usize = 256;

/// A screening's settings.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to screen.
    pub input: InputSpec,
    /// The input's name in the provenance, where it is another than its file's.
    pub input_name: Option<String>,
    /// Where the result goes.
    pub out: PathBuf,
    /// What a good molecule is.
    pub scenario: Loaded,
    /// Which models to run.
    pub models: ModelChoice,
    /// A table of predictions for a reference set, in place of the models' own.
    pub reference: Option<PathBuf>,
    /// Where the models lie, if not in the usual places.
    pub models_dir: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// How many of the best the summary, the report and `top_out` hold.
    pub top: usize,
    /// A further file with the best alone, by rank.
    pub top_out: Option<PathBuf>,
    /// An HTML report.
    pub report: Option<PathBuf>,
    /// Go on with an unfinished run.
    pub resume: bool,
    /// Write over results and unfinished runs.
    pub overwrite: bool,
}

/// Why a screening has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The input.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The models.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The chemistry's own tables, or a file of alerts.
    #[error(transparent)]
    Chemistry(#[from] ChemistryError),
    /// The reference set.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The belt.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The result.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The result is there already.
    #[error("{} exists already: choose another name, or add --overwrite", path.display())]
    OutExists {
        /// The result.
        path: PathBuf,
    },
}

/// How a screening ended.
#[derive(Debug)]
pub enum Screened {
    /// The result is written.
    Complete(Box<Finished>),
    /// Stopped on request; `rows` rows wait in the journal.
    Interrupted {
        /// Rows that are done.
        rows: u64,
        /// The journal.
        journal: PathBuf,
    },
    /// There was nothing to resume: the result is there and no run is unfinished.
    AlreadyComplete,
}

/// A finished screening.
#[derive(Debug)]
pub struct Finished {
    /// Counts, hits, distributions, times.
    pub summary: Summary,
    /// Where the result comes from.
    pub provenance: Provenance,
}

/// The journal of a result: `OUT.partial`.
#[must_use]
pub fn journal_path(out: &Path) -> PathBuf {
    beside(out, ".partial")
}

/// Screens a library.
///
/// # Errors
/// [`JobError`]; whatever was done is in the journal and can be resumed.
pub fn screen(
    job: &Job,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Screened, JobError> {
    let folder = Folder::new(job.models_dir.as_deref(), threads(job));
    screen_with(job, &folder, (stop, progress))
}

/// [`screen`] with models from elsewhere, such as a server's.
///
/// # Errors
/// As [`screen`].
pub fn screen_with(
    job: &Job,
    models: &dyn ModelSource,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Screened, JobError> {
    let path = journal_path(&job.out);
    // All that can be wrong with the settings is said before a minute of work is done.
    for out in std::iter::once(&job.out).chain(&job.top_out) {
        OutFormat::of(out)?;
        if out.exists() && !job.overwrite && !job.resume {
            return Err(JobError::OutExists { path: out.clone() });
        }
    }
    if job.resume && job.out.exists() && !path.exists() {
        return Ok(Screened::AlreadyComplete);
    }
    let reader = input::open(&job.input)?;
    let layout = reader.layout().clone();
    let chosen = (&job.scenario, &job.models, models);
    let named = job.input_name.as_ref().map(Path::new).unwrap_or(&job.input.path);
    let reference = job.reference.as_deref().map(Reference::open).transpose()?;
    let mut pipeline = Pipeline::new(layout, chosen, (named, reference))?;
    let mut source = LibrarySource::new(reader);
    let identity = pipeline.provenance.identity(&pipeline.screening.schema, CHUNK);
    let mut journal = match job.resume {
        true => match Journal::resume(&path, &identity)? {
            Opened::Fresh(journal) | Opened::Resumed(journal) => journal,
        },
        false => Journal::create(&path, &identity, job.overwrite)?,
    };
    match run(&mut pipeline, job, (&mut source, &mut journal), (stop, progress))? {
        None => Ok(Screened::Interrupted { rows: journal.rows(), journal: path }),
        Some(finished) => {
            journal.remove()?;
            Ok(Screened::Complete(Box::new(finished)))
        }
    }
}

/// Runs the belt and, when all rows are in, writes everything. `None` when it was stopped.
fn run(
    pipeline: &mut Pipeline,
    job: &Job,
    (source, journal): (&mut LibrarySource, &mut Journal),
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Option<Finished>, JobError> {
    let started = Instant::now();
    let screening = &pipeline.screening;
    let mut summary = Summary {
        schema: screening.schema.clone(),
        numbers: pipeline.numbers.clone(),
        resumed: journal.rows(),
        left_out: screening.scorer.left_out().to_vec(),
        ..Summary::default()
    };
    let options = Options { threads: threads(job), chunk: CHUNK, stop };
    let (outcome, tally) = stream::run(source, screening, journal, options, progress)?;
    summary.belt = started.elapsed();
    (summary.screened, summary.times) = (tally.rows, tally.times);
    if outcome == Outcome::Interrupted {
        return Ok(None);
    }
    let writing = Instant::now();
    let target = Target {
        out: &job.out,
        top_out: job.top_out.as_deref(),
        top: job.top,
        layout: &screening.layout,
    };
    let digest = journal.input_digest();
    let provenance = &mut pipeline.provenance;
    provenance.input.rows_sha256 = hex(&digest);
    finalise(journal, target, &mut summary, |summary| {
        provenance.rows = summary.rows;
        provenance.good = summary.good();
        provenance.failed.clone_from(&summary.failed);
        vec![("strata.provenance".to_owned(), provenance.to_json())]
    })?;
    write_note_beside(&job.out, &provenance.to_json())?;
    summary.writing = writing.elapsed();
    if let Some(path) = &job.report {
        let report = Report {
            scenario: &job.scenario,
            scorer: &screening.scorer,
            summary: &summary,
            provenance,
        };
        write_whole(path, report::html(&report).as_bytes())?;
    }
    Ok(Some(Finished { summary, provenance: provenance.clone() }))
}

fn threads(job: &Job) -> usize {
    match job.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}
