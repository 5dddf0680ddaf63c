//! `/v1/jobs/screen`: a library as a job, by the same function as `strata-drug screen`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_core::stream::{Progress, Update};
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput, JobProgress, ResultFile};
use strata_serve::{JobDoor, Problem, UploadParameters};

use super::engine::Engine;
use super::problems::of_engine;
use crate::input::{Format, InputSpec};
use crate::scenario;
use crate::screen::{Finished, Job, JobError, ModelChoice, Screened, Summary, screen_with};

/// Content types of molecule libraries.
pub(super) const CONTENT: &[&str] = &[
    "application/octet-stream",
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "chemical/x-mdl-sdfile",
    "chemical/x-daylight-smiles",
    "application/gzip",
    "application/vnd.apache.parquet",
];

/// How to screen a library.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScreenAsk {
    /// The file's name; its ending (.smi .csv .tsv .sdf, each also .gz, or .parquet) tells the format.
    #[serde(default = "library")]
    filename: String,
    /// What a good molecule is.
    #[serde(default = "default_scenario")]
    scenario: String,
    /// Models to run in place of the scenario's, separated by commas, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<String>,
    /// The format, where the name does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// The column of SMILES.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    smiles_column: Option<String>,
    /// The column of identifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_column: Option<String>,
    /// How many of the best the report and the short list hold.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 10000))]
    top: u32,
    /// What the table is written as.
    #[serde(default)]
    result: ResultFormat,
}

fn library() -> String {
    "library".to_owned()
}

fn default_scenario() -> String {
    scenario::DEFAULT.to_owned()
}

fn fifty() -> u32 {
    50
}

/// Formats of molecule libraries.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum FormatName {
    Smi,
    Csv,
    Tsv,
    Sdf,
    Parquet,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Smi => Self::Smi,
            FormatName::Csv => Self::Csv,
            FormatName::Tsv => Self::Tsv,
            FormatName::Sdf => Self::Sdf,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

/// What results are written as.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(super) enum ResultFormat {
    /// Comma-separated values.
    #[default]
    #[serde(rename = "csv")]
    Csv,
    /// The same, compressed.
    #[serde(rename = "csv.gz")]
    CsvGz,
    /// Apache Parquet.
    #[serde(rename = "parquet")]
    Parquet,
}

impl ResultFormat {
    pub(super) fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("result.csv", "text/csv"),
            Self::CsvGz => ("result.csv.gz", "application/gzip"),
            Self::Parquet => ("result.parquet", "application/vnd.apache.parquet"),
        }
    }
}

impl UploadParameters for ScreenAsk {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

/// The address of screening jobs.
pub(super) fn door(engine: &Arc<Engine>) -> JobDoor {
    let kind = Arc::new(ScreenKind { engine: Arc::clone(engine) });
    let engine = Arc::clone(engine);
    JobDoor::upload::<ScreenAsk>(
        kind,
        ("screen", "/v1/jobs/screen"),
        (
            "Screen a library",
            "Upload a library; every row of it gives one row of the result, as with `strata-drug screen`. \
             The job survives a restart of the server and goes on where it was.",
        ),
        CONTENT,
        move |ask| check(&engine, ask),
    )
}

/// What can be said before the upload.
fn check(engine: &Engine, ask: &ScreenAsk) -> Result<(), Problem> {
    engine.scenario(&ask.scenario).map_err(|error| of_engine(&error))?;
    if ask.top == 0 || ask.top > 10_000 {
        return Err(Problem::field("top", "it must be from 1 to 10000"));
    }
    served(engine, choice(ask).as_ref())
}

/// Refuses models that the server has not.
pub(super) fn served(engine: &Engine, choice: Option<&ModelChoice>) -> Result<(), Problem> {
    if let Some(ModelChoice::Only(names)) = choice {
        let known = engine.hub().names();
        if let Some(name) = names.iter().find(|name| !known.contains(name)) {
            let text = format!("there is no model {name:?}; this server has {}", known.join(", "));
            return Err(Problem::field("models", text));
        }
    }
    Ok(())
}

/// What was asked for with the upload.
pub(super) fn asked<T: DeserializeOwned>(job: &JobContext<'_>) -> Result<T, JobFailure> {
    serde_json::from_value(job.params().clone())
        .map_err(|error| JobFailure::new("parameters", error.to_string()))
}

/// The file that was uploaded.
pub(super) fn uploaded<'a>(job: &'a JobContext<'_>) -> Result<&'a Path, JobFailure> {
    job.input().ok_or_else(|| JobFailure::new("no_input", "there is no file"))
}

/// A file of a job's results.
pub(super) fn result_file(name: &str, content_type: &str, title: &str) -> ResultFile {
    ResultFile {
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        title: title.to_owned(),
    }
}

fn choice(ask: &ScreenAsk) -> Option<ModelChoice> {
    ask.models.as_ref().and_then(|names| names.parse().ok())
}

/// Screens libraries.
struct ScreenKind {
    engine: Arc<Engine>,
}

impl JobKind for ScreenKind {
    fn name(&self) -> &'static str {
        "screen"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        let ask: ScreenAsk = asked(job)?;
        let input = uploaded(job)?;
        let scenario = self.engine.scenario(&ask.scenario);
        let scenario =
            scenario.map_err(|error| JobFailure::new("scenario", error.to_string()))?.clone();
        let out = |name: &str| job.out_dir().join(name);
        let (table, content_type) = ask.result.file();
        let settings = Job {
            reference: None,
            input: InputSpec {
                path: input.to_path_buf(),
                format: ask.format.map(Format::from),
                smiles_column: ask.smiles_column.clone(),
                id_column: ask.id_column.clone(),
            },
            input_name: job.input_name().map(str::to_owned),
            out: out(table),
            scenario,
            models: choice(&ask).unwrap_or_default(),
            models_dir: None,
            threads: 0,
            top: ask.top as usize,
            top_out: Some(out("top.csv")),
            report: Some(out("report.html")),
            // An attempt that was killed left a journal, or results that are not the job's yet.
            resume: job.attempt() > 1 && !out(table).exists(),
            overwrite: job.attempt() > 1 && out(table).exists(),
        };
        let mut progress = Told::new(job);
        let screened = screen_with(&settings, &**self.engine.hub(), (job.stop(), &mut progress));
        match screened.map_err(|error| failure(&error, job))? {
            Screened::Interrupted { .. } => Err(JobFailure::Interrupted),
            Screened::AlreadyComplete => {
                Err(JobFailure::new("already_complete", "the result was there already"))
            }
            Screened::Complete(finished) => Ok(output(&finished, table, content_type)),
        }
    }
}

fn failure(error: &JobError, job: &JobContext<'_>) -> JobFailure {
    let code = match error {
        JobError::Input(_) => "input",
        JobError::Scenario(_) => "scenario",
        JobError::Models(_) => "models",
        JobError::Chemistry(_) => "chemistry",
        JobError::Stream(_) => "stream",
        JobError::Reference(_) => "reference",
        JobError::Output(_) | JobError::OutExists { .. } => "output",
    };
    said(code, &error.to_string(), job)
}

/// A failure in the words of the one who uploaded: with the file's own name, not the server's path.
pub(super) fn said(code: &'static str, text: &str, job: &JobContext<'_>) -> JobFailure {
    // What the command line calls by its flags are parameters here.
    let text = without_paths(text, job)
        .replace("--smiles-column", "the parameter smiles_column")
        .replace("--id-column", "the parameter id_column")
        .replace("--format ", "format=");
    JobFailure::new(code, text)
}

/// A text with the uploaded file's own name, not the server's paths.
pub(super) fn without_paths(text: &str, job: &JobContext<'_>) -> String {
    let path = job.input().map(|path| path.display().to_string()).unwrap_or_default();
    let text = text.replace(&path, job.input_name().unwrap_or("the file"));
    text.replace(&job.dir().display().to_string(), "the job's folder")
}

fn output(finished: &Finished, table: &str, content_type: &str) -> JobOutput {
    let file = result_file;
    let mut files = vec![
        file(table, content_type, "Result"),
        file("top.csv", "text/csv", "The best, by rank"),
        file("report.html", "text/html", "Report"),
    ];
    if table != ResultFormat::Parquet.file().0 {
        let note = format!("{table}.provenance.json");
        files.push(file(&note, "application/json", "Where the result comes from"));
    }
    JobOutput { files, summary: summary(&finished.summary, finished) }
}

fn summary(summary: &Summary, finished: &Finished) -> serde_json::Value {
    json!({
        "rows": summary.rows,
        "good": summary.good(),
        "failed": summary.failed,
        "flagged": summary.flagged,
        "alerted": summary.alerted,
        "left_out": summary.left_out,
        "provenance": finished.provenance,
    })
}

/// Progress of the belt as the job's.
pub(super) struct Told<'a, 'b> {
    job: &'a JobContext<'b>,
    started: Instant,
    first: Option<u64>,
    /// What is counted.
    rows: &'static str,
}

impl<'a, 'b> Told<'a, 'b> {
    pub(super) fn new(job: &'a JobContext<'b>) -> Self {
        Self::of(job, "molecules")
    }

    pub(super) fn of(job: &'a JobContext<'b>, rows: &'static str) -> Self {
        Self { job, started: Instant::now(), first: None, rows }
    }
}

impl Progress for Told<'_, '_> {
    fn update(&mut self, update: &Update) {
        let first = *self.first.get_or_insert(update.resumed);
        let seconds = self.started.elapsed().max(Duration::from_millis(1)).as_secs_f64();
        let rate = (update.rows - first) as f64 / seconds;
        self.job.progress(&JobProgress {
            done: update.rows,
            failed: update.failed,
            fraction: update.fraction,
            message: Some(format!("{rate:.0} {}/s", self.rows)),
        });
    }
}
