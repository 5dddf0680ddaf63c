//! One search from its settings to its result: what the command line, the server's job and tests call.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use strata_chem::Mol;
use strata_chem::optimize::{Candidate, Constraints, Goal, Outcome, Problem, Settings, run};
use strata_core::stream::Progress;

use super::control::watched;
use super::library::{self, LibraryInfo};
use super::result::{self, Hit, OptimizeProvenance};
use super::scorer::{StageScorer, layout};
use super::{OptimizeJobError, TableFormat, goals, table};
use crate::input::InputSpec;
use crate::output::write_whole;
use crate::report;
use crate::scenario::{self, Loaded};
use crate::screen::{Folder, ModelChoice, ModelSource, Pipeline};

/// A molecule to start from.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its name.
    pub name: String,
    /// The molecule.
    pub mol: Mol,
}

/// A search's settings.
#[derive(Debug, Clone)]
pub struct OptimizeJob {
    /// What to start from.
    pub starts: Vec<Start>,
    /// The starts' name in the provenance.
    pub input_name: String,
    /// What is wanted, beside the scenario's score.
    pub goals: Vec<Goal>,
    /// A scenario whose score is raised.
    pub scenario: Option<Loaded>,
    /// Models whose endpoints are values too.
    pub models: ModelChoice,
    /// Where the models lie, if not in the usual places.
    pub models_dir: Option<PathBuf>,
    /// What a product must keep.
    pub constraints: Constraints,
    /// A library whose fragments and pairs are the moves; ours where none is given.
    pub library: Option<InputSpec>,
    /// Budget, seed and the like.
    pub settings: Settings,
    /// Ends the search after this time; its result then depends on the machine.
    pub limit: Option<Duration>,
    /// Worker threads; 0 takes all cores.
    pub threads: usize,
    /// How many of the best are written, and of the Pareto front beyond them.
    pub top: usize,
    /// Where the result goes: .csv, .csv.gz, .parquet, .sdf or .smi.
    pub out: PathBuf,
    /// An HTML report.
    pub report: Option<PathBuf>,
    /// Write over results.
    pub overwrite: bool,
}

/// What came out.
#[derive(Debug)]
pub struct Optimized {
    /// The kit's answer: all candidates, the ranking, the front.
    pub outcome: Outcome,
    /// The goals, the scenario's among them.
    pub goals: Vec<Goal>,
    /// Names of the candidates' values.
    pub columns: Vec<String>,
    /// What is written, best first.
    pub hits: Vec<Hit>,
    /// Names of the starts.
    pub starts: Vec<String>,
    /// The library the moves are from.
    pub library: LibraryInfo,
    /// Where the result comes from.
    pub provenance: OptimizeProvenance,
    /// How long the search took.
    pub elapsed: Duration,
    /// Whether the time was over before the budget was.
    pub late: bool,
}

impl Optimized {
    /// Candidates scored in a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.outcome.candidates.len() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// How many of the goals a candidate meets: a range or a full desirability reached, a value better than the
    /// start's. A scenario's score is no goal of its own.
    #[must_use]
    pub fn goals_met(&self, candidate: &Candidate) -> usize {
        let start = self.outcome.candidates.get(candidate.start as usize);
        let met = |goal: &&Goal| {
            let at = self.columns.iter().position(|name| *name == goal.name);
            let of = |candidate: &Candidate| candidate.values.get(at?).copied().flatten();
            goal.on_front
                && of(candidate).is_some_and(|value| goal.reached(value, start.and_then(of)))
        };
        self.goals.iter().filter(met).count()
    }

    /// Which goals are axes of the front.
    #[must_use]
    pub fn on_front(&self) -> Vec<bool> {
        self.goals.iter().map(|goal| goal.on_front).collect()
    }
}

/// Searches with models from their folder.
///
/// # Errors
/// [`OptimizeJobError`]; nothing is written then.
pub fn optimize(
    job: &OptimizeJob,
    stop: &AtomicBool,
    progress: &mut dyn Progress,
) -> Result<Optimized, OptimizeJobError> {
    let folder = Folder::new(job.models_dir.as_deref(), threads(job.threads));
    optimize_with(job, &folder, (stop, progress))
}

/// [`optimize`] with models from elsewhere, such as a server's.
///
/// # Errors
/// As [`optimize`].
pub fn optimize_with(
    job: &OptimizeJob,
    models: &dyn ModelSource,
    (stop, progress): (&AtomicBool, &mut dyn Progress),
) -> Result<Optimized, OptimizeJobError> {
    let format = TableFormat::of(&job.out)?;
    writable(&job.out, job.overwrite)?;
    if job.goals.is_empty() && job.scenario.is_none() {
        let text = "nothing is wanted: give --goal NAME=max|min|LOW..HIGH or --profile SCENARIO";
        return Err(OptimizeJobError::Request(text.to_owned()));
    }
    let mined = library::mine(job.library.as_ref())?;
    let (mut provenance, scorer, goals) = prepare(job, models)?;
    let problem = Problem {
        goals,
        constraints: job.constraints.clone(),
        moves: &mined.moves,
        settings: job.settings.clone(),
    };
    let mols: Vec<Mol> = job.starts.iter().map(|start| start.mol.clone()).collect();
    let done = watched(&pool(job.threads)?, (stop, progress), job.limit, |watch| {
        run(&mols, &problem, &scorer, watch)
    });
    let (mut outcome, elapsed, late) = (done.result?, done.elapsed, done.late);
    provenance.library = Some(mined.info.clone());
    provenance.candidates = outcome.candidates.len();
    let starts: Vec<String> = job.starts.iter().map(|start| start.name.clone()).collect();
    let columns = strata_chem::optimize::Scorer::columns(&scorer).to_vec();
    let on_front: Vec<bool> = problem.goals.iter().map(|goal| goal.on_front).collect();
    let hits = result::hits(&outcome, &on_front, job.top);
    outcome.mark_differing(hits.iter().map(|hit| hit.id));
    let (goals, library) = (problem.goals, mined.info);
    let optimized =
        Optimized { outcome, goals, columns, hits, starts, library, provenance, elapsed, late };
    table::write(&job.out, format, &optimized)?;
    if let Some(path) = &job.report {
        write_whole(path, report::optimized(&optimized).as_bytes())?;
    }
    Ok(optimized)
}

/// The scorer, the goals and what the provenance says of both.
fn prepare(
    job: &OptimizeJob,
    models: &dyn ModelSource,
) -> Result<(OptimizeProvenance, StageScorer, Vec<Goal>), OptimizeJobError> {
    let plain;
    let (scenario, choice) = match (&job.scenario, &job.models) {
        (Some(scenario), choice) => (scenario, choice.clone()),
        (None, choice) => {
            plain = Loaded::find(scenario::DEFAULT).map_err(crate::screen::JobError::from)?;
            // Without a scenario no model runs that was not asked for.
            let named = match choice {
                ModelChoice::Scenario => ModelChoice::Only(Vec::new()),
                named @ ModelChoice::Only(_) => named.clone(),
            };
            (&plain, named)
        }
    };
    let pipeline =
        Pipeline::new(layout(), (scenario, &choice, models), (Path::new("start"), None))?;
    let mut goals = match &job.scenario {
        Some(scenario) => goals::of_scenario(scenario, pipeline.numbers()),
        None => Vec::new(),
    };
    goals.extend(job.goals.iter().cloned());
    let provenance = OptimizeProvenance::new(job, &pipeline.provenance);
    Ok((provenance, StageScorer::new(pipeline, job.scenario.is_some()), goals))
}

/// Refuses to write over a result that is not to be.
pub(super) fn writable(out: &Path, overwrite: bool) -> Result<(), OptimizeJobError> {
    match out.exists() && !overwrite {
        true => Err(OptimizeJobError::OutExists { path: out.to_path_buf() }),
        false => Ok(()),
    }
}

pub(super) fn threads(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

/// Threads of one search.
pub(super) fn pool(asked: usize) -> Result<rayon::ThreadPool, OptimizeJobError> {
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads(asked)).build();
    built.map_err(|error| {
        OptimizeJobError::Request(format!("the system refused worker threads: {error}"))
    })
}
