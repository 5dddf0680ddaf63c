//! One screening from its settings to its result: what the command line, tests and later doors call.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use strata_core::stream::{self, Journal, Opened, Options, Outcome, Progress, StreamError};

use crate::input::{self, InputError, InputSpec, Layout};
use crate::output::{OutFormat, OutputError, Schema, beside, write_note_beside, write_whole};
use crate::report::{self, Report};
use crate::scenario::{Loaded, ScenarioError, Scorer};

use super::finalise::{Target, finalise};
use super::models::{LoadedModels, ModelChoice, ModelsError, load_models};
use super::molecule::{Chemistry, ChemistryError};
use super::source::LibrarySource;
use super::stages::Screening;
use super::{ComputedColumns, Provenance, Summary};

/// Records in a chunk: one inference, and what a kill can lose.
const CHUNK: usize = 256;

/// A screening's settings.
#[derive(Debug, Clone)]
pub struct Job {
    /// What to screen.
    pub input: InputSpec,
    /// Where the result goes.
    pub out: PathBuf,
    /// What a good molecule is.
    pub scenario: Loaded,
    /// Which models to run.
    pub models: ModelChoice,
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
    let (prepared, mut source) = Prepared::new(job)?;
    let identity = prepared.provenance.identity(&prepared.schema, CHUNK);
    let mut journal = match job.resume {
        true => match Journal::resume(&path, &identity)? {
            Opened::Fresh(journal) | Opened::Resumed(journal) => journal,
        },
        false => Journal::create(&path, &identity, job.overwrite)?,
    };
    match prepared.run(job, (&mut source, &mut journal), (stop, progress))? {
        None => Ok(Screened::Interrupted { rows: journal.rows(), journal: path }),
        Some(finished) => {
            journal.remove()?;
            Ok(Screened::Complete(Box::new(finished)))
        }
    }
}

/// Everything that is ready before the first record is read.
struct Prepared {
    models: LoadedModels,
    chemistry: Chemistry,
    layout: Layout,
    schema: Schema,
    scorer: Scorer,
    numbers: Vec<String>,
    provenance: Provenance,
}

impl Prepared {
    fn new(job: &Job) -> Result<(Self, LibrarySource), JobError> {
        let reader = input::open(&job.input)?;
        let layout = reader.layout().clone();
        let scenario = &job.scenario.scenario;
        let names = match &job.models {
            ModelChoice::Scenario => &scenario.models,
            ModelChoice::Only(names) => names,
        };
        let chemistry = Chemistry::new(&job.scenario)?;
        let threads = threads(job);
        let models = load_models(names, job.models_dir.as_ref(), threads)?;
        let computed = ComputedColumns::of(models.predictors());
        // A property that is missing because the user chose other models is left out of the score;
        // one that the scenario's own models do not give is a mistake in the scenario.
        let chosen = matches!(job.models, ModelChoice::Only(_));
        let absent = |name: &str| chosen && !super::columns::is_descriptor(name);
        let scorer = Scorer::bind(&job.scenario, &computed.numbers, absent)?;
        let (schema, numbers) = (Schema::new(&layout, computed.columns), computed.numbers);
        let provenance = Provenance::new(&job.scenario, &models, &job.input.path);
        Ok((
            Self { models, chemistry, layout, schema, scorer, numbers, provenance },
            LibrarySource::new(reader),
        ))
    }

    /// Runs the belt and, when all rows are in, writes everything. `None` when it was stopped.
    fn run(
        mut self,
        job: &Job,
        (source, journal): (&mut LibrarySource, &mut Journal),
        (stop, progress): (&AtomicBool, &mut dyn Progress),
    ) -> Result<Option<Finished>, JobError> {
        let started = Instant::now();
        let mut summary = Summary {
            schema: self.schema.clone(),
            numbers: self.numbers.clone(),
            resumed: journal.rows(),
            left_out: self.scorer.left_out().to_vec(),
            ..Summary::default()
        };
        let stages = Screening {
            layout: &self.layout,
            schema: &self.schema,
            models: &self.models,
            chemistry: &self.chemistry,
            scorer: &self.scorer,
        };
        let options = Options { threads: threads(job), chunk: CHUNK, stop };
        let (outcome, tally) = stream::run(source, &stages, journal, options, progress)?;
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
            layout: &self.layout,
        };
        let digest = journal.input_digest();
        let provenance = &mut self.provenance;
        provenance.input.rows_sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        finalise(journal, target, &mut summary, |summary| {
            provenance.rows = summary.rows;
            provenance.good = summary.good();
            provenance.failed.clone_from(&summary.failed);
            vec![("strata.provenance".to_owned(), provenance.to_json())]
        })?;
        write_note_beside(&job.out, &self.provenance.to_json())?;
        summary.writing = writing.elapsed();
        if let Some(path) = &job.report {
            let report = Report {
                scenario: &job.scenario,
                scorer: &self.scorer,
                summary: &summary,
                provenance: &self.provenance,
            };
            write_whole(path, report::html(&report).as_bytes())?;
        }
        Ok(Some(Finished { summary, provenance: self.provenance }))
    }
}

fn threads(job: &Job) -> usize {
    match job.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}
