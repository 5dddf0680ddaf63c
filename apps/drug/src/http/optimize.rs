//! `/v1/jobs/optimize`: better analogues as a job, by the same function as `strata-drug optimize`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_chem::alerts::AlertCatalog;
use strata_chem::optimize::{Candidate, Constraints, Goal, Limit, OptimizeError, Settings};
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput};
use strata_serve::{JobDoor, Problem, UploadParameters};

use super::engine::Engine;
use super::job::{CONTENT, Told, asked, result_file, served, uploaded, without_paths};
use super::problems::of_engine;
use crate::input::InputSpec;
use crate::optimize::{OptimizeJob, OptimizeJobError, Optimized, optimize_with, read_starts};
use crate::screen::ModelChoice;

/// Candidates one job may score.
const MOST: usize = 200_000;

/// Starts a summary tells of.
const STARTS: usize = 100;

/// What is wanted of better analogues.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OptimizeAsk {
    /// The file's name; its ending (.smi .csv .tsv .sdf, each also .gz, or .parquet) tells the format.
    #[serde(default = "hits")]
    filename: String,
    /// Goals: NAME=max, NAME=min, NAME=LOW..HIGH, with :WEIGHT behind it if not 1. Repeatable.
    #[serde(default)]
    goal: Vec<String>,
    /// A scenario whose score is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scenario: Option<String>,
    /// Models whose endpoints are values too, separated by commas, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<String>,
    /// Least Tanimoto similarity (ECFP4) to the nearest start.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    similarity: f64,
    /// Whether the start's Murcko scaffold stays unchanged.
    #[serde(default)]
    keep_scaffold: bool,
    /// Alert sets that no product may hit: pains, brenk, nih, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forbid_alerts: Option<String>,
    /// Highest synthetic accessibility score (1 easy, 10 hard).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_sa: Option<f64>,
    /// Highest weight, g/mol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_weight: Option<f64>,
    /// Only candidates with NAME=LOW..HIGH are hits. Repeatable.
    #[serde(default)]
    limit: Vec<String>,
    /// Candidates to score.
    #[serde(default = "budget")]
    #[schemars(range(min = 2, max = 200000))]
    budget: usize,
    /// The random choices: the same seed gives the same result.
    #[serde(default)]
    seed: u64,
    /// How many of the best are written, and of the Pareto front beyond them.
    #[serde(default = "top")]
    #[schemars(range(min = 1, max = 10000))]
    top: usize,
}

fn hits() -> String {
    "hits.smi".to_owned()
}

fn budget() -> usize {
    5_000
}

fn top() -> usize {
    200
}

impl UploadParameters for OptimizeAsk {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

impl OptimizeAsk {
    fn goals(&self) -> Result<Vec<Goal>, OptimizeError> {
        self.goal.iter().map(|goal| goal.parse()).collect()
    }

    fn constraints(&self) -> Result<Constraints, Problem> {
        let sets = self.forbid_alerts.as_deref().unwrap_or_default().to_ascii_lowercase();
        let names: Vec<&str> =
            sets.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let alerts = match names.is_empty() {
            true => None,
            false => Some(
                AlertCatalog::builtin(&names).map_err(|e| Problem::field("forbid_alerts", e))?,
            ),
        };
        let limits: Result<Vec<Limit>, OptimizeError> =
            self.limit.iter().map(|limit| limit.parse()).collect();
        Ok(Constraints {
            similarity: self.similarity,
            keep_scaffold: self.keep_scaffold,
            alerts,
            max_sa: self.max_sa,
            max_weight: self.max_weight,
            limits: limits.map_err(|error| Problem::field("limit", error))?,
            ..Constraints::default()
        })
    }
}

/// The address of searches.
pub(super) fn door(engine: &Arc<Engine>) -> JobDoor {
    let kind = Arc::new(OptimizeKind { engine: Arc::clone(engine) });
    let engine = Arc::clone(engine);
    JobDoor::upload::<OptimizeAsk>(
        kind,
        ("optimize", "/v1/jobs/optimize"),
        (
            "Find better analogues",
            "Upload the molecules to start from; the result is ranked analogues with their Pareto front and the way \
             to each, as with `strata-drug optimize`. Moves are mined from the program's own small library. A job \
             that a restart cut off begins anew, and gives the same.",
        ),
        CONTENT,
        move |ask| check(&engine, ask),
    )
}

/// What can be said before the upload.
fn check(engine: &Engine, ask: &OptimizeAsk) -> Result<(), Problem> {
    ask.goals().map_err(|error| Problem::field("goal", error))?;
    ask.constraints()?;
    if let Some(name) = &ask.scenario {
        engine.scenario(name).map_err(|error| of_engine(&error))?;
    }
    if ask.goal.is_empty() && ask.scenario.is_none() {
        return Err(Problem::field("goal", "give a goal, such as QED=max, or a scenario"));
    }
    if !(0.0..=1.0).contains(&ask.similarity) {
        return Err(Problem::field("similarity", "it must be from 0 to 1"));
    }
    if !(2..=MOST).contains(&ask.budget) {
        return Err(Problem::field("budget", format!("it must be from 2 to {MOST}")));
    }
    if !(1..=10_000).contains(&ask.top) {
        return Err(Problem::field("top", "it must be from 1 to 10000"));
    }
    served(engine, Some(&choice(ask)))
}

fn choice(ask: &OptimizeAsk) -> ModelChoice {
    ask.models.as_ref().and_then(|names| names.parse().ok()).unwrap_or_default()
}

/// Searches for better analogues.
struct OptimizeKind {
    engine: Arc<Engine>,
}

impl JobKind for OptimizeKind {
    fn name(&self) -> &'static str {
        "optimize"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        let ask: OptimizeAsk = asked(job)?;
        let input = uploaded(job)?;
        let scenario = ask.scenario.as_ref().map(|name| self.engine.scenario(name).cloned());
        let spec = InputSpec {
            path: input.to_path_buf(),
            format: None,
            smiles_column: None,
            id_column: None,
        };
        let name = job.input_name().unwrap_or("the file");
        let starts = read_starts(name, Some(&spec)).map_err(|error| failure(&error, job))?;
        let parameters = |text: String| JobFailure::new("parameters", text);
        let settings = OptimizeJob {
            starts,
            input_name: name.to_owned(),
            goals: ask.goals().map_err(|error| parameters(error.to_string()))?,
            scenario: scenario
                .transpose()
                .map_err(|error| JobFailure::new("scenario", error.to_string()))?,
            models: choice(&ask),
            models_dir: None,
            constraints: ask
                .constraints()
                .map_err(|_| parameters("a limit or alert set".into()))?,
            library: None,
            settings: Settings { budget: ask.budget, seed: ask.seed, ..Settings::default() },
            limit: None,
            threads: 0,
            top: ask.top,
            out: job.out_dir().join("result.csv"),
            report: Some(job.out_dir().join("report.html")),
            // An attempt that was killed may have left a result that is not the job's yet.
            overwrite: true,
        };
        let mut progress = Told::of(job, "candidates");
        let result = optimize_with(&settings, &**self.engine.hub(), (job.stop(), &mut progress));
        let result = result.map_err(|error| failure(&error, job))?;
        match result.outcome.stopped {
            true => Err(JobFailure::Interrupted),
            false => Ok(output(&result)),
        }
    }
}

/// Failures in the words of the one who uploaded: with the file's own name, not the server's path.
fn failure(error: &OptimizeJobError, job: &JobContext<'_>) -> JobFailure {
    let code = match error {
        OptimizeJobError::Input(_) | OptimizeJobError::Start { .. } => "input",
        OptimizeJobError::Models(_) => "models",
        OptimizeJobError::Search(_) | OptimizeJobError::Request(_) => "parameters",
        OptimizeJobError::Output(_) | OptimizeJobError::OutExists { .. } => "output",
    };
    let text = without_paths(&error.to_string(), job);
    JobFailure::new(code, text.replace("--models NAME", "the parameter models"))
}

fn output(result: &Optimized) -> JobOutput {
    let file = result_file;
    let files = vec![
        file("result.csv", "text/csv", "Analogues, best first"),
        file("report.html", "text/html", "Report"),
        file("result.csv.provenance.json", "application/json", "Where the result comes from"),
    ];
    let outcome = &result.outcome;
    let values = |candidate: &Candidate| {
        let values = result.columns.iter().zip(&candidate.values);
        let values = values.map(|(name, value)| (name.clone(), json!(value)));
        values.collect::<serde_json::Map<String, serde_json::Value>>()
    };
    let starts = outcome.candidates.iter().take_while(|candidate| candidate.step.parent.is_none());
    let starts = starts.take(STARTS).map(|candidate| {
        json!({
            "name": result.starts.get(candidate.start as usize),
            "smiles": candidate.smiles,
            "values": values(candidate),
        })
    });
    let best = result.hits.iter().take(20).map(|hit| {
        let candidate = &outcome.candidates[hit.id as usize];
        let changed = candidate.changed.iter().enumerate().filter(|(_, changed)| **changed);
        json!({
            "rank": hit.rank,
            "smiles": candidate.smiles,
            "fitness": candidate.fitness,
            "pareto_front": hit.front,
            "similarity": candidate.similarity,
            "derivation": crate::optimize::way(result, hit.id),
            "changed_atoms": changed.map(|(at, _)| at).collect::<Vec<_>>(),
            "values": values(candidate),
        })
    });
    let summary = json!({
        "starts": starts.collect::<Vec<_>>(),
        "scored": outcome.candidates.len(),
        "within_limits": outcome.ranking.len(),
        "front": outcome.front.len(),
        "axes": outcome.axes,
        "best": best.collect::<Vec<_>>(),
        "provenance": result.provenance,
    });
    JobOutput { files, summary }
}
