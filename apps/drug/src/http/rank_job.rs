//! `/v1/jobs/rank`: a library ranked for a target as a job, by the same function as `strata-drug rank`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput};
use strata_serve::{JobDoor, UploadParameters};

use super::job::{CONTENT, FormatName, ResultFormat, Told, asked, result_file, said, uploaded};
use super::problems::of_tool;
use super::targets::Targets;
use crate::input::{Format, InputSpec};
use crate::targets::{Actives, DEFAULT_MODEL, Fusion, RankJob, rank_with};
use crate::tools::ToolError;

/// How to rank a library.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RankAsk {
    /// The file's name; its ending (.smi .csv .tsv .sdf, each also .gz, or .parquet) tells the format.
    #[serde(default = "library")]
    filename: String,
    /// The target: its ChEMBL identifier, gene or name; /v1/targets/list has them.
    target: String,
    /// SMILES of molecules known to be active, separated by commas or spaces.
    #[serde(default)]
    actives: String,
    /// How activity and similarity to the actives become one score.
    #[serde(default)]
    fusion: Fusion,
    /// The model.
    #[serde(default = "default_model")]
    model: String,
    /// The format, where the name does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// The column of SMILES.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    smiles_column: Option<String>,
    /// The column of identifiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id_column: Option<String>,
    /// What the table is written as.
    #[serde(default)]
    result: ResultFormat,
}

fn library() -> String {
    "library".to_owned()
}

fn default_model() -> String {
    DEFAULT_MODEL.to_owned()
}

impl UploadParameters for RankAsk {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

/// The address of ranking jobs.
pub(super) fn door(targets: &Arc<Targets>) -> JobDoor {
    JobDoor::upload::<RankAsk>(
        Arc::new(RankKind { targets: Arc::clone(targets) }),
        ("rank", "/v1/jobs/rank"),
        (
            "Rank a library for a target",
            "Upload a library; every row of it gives one row of the result, best first, as with `strata-drug rank`. \
             The job survives a restart of the server and starts again.",
        ),
        CONTENT,
        |ask| actives(ask).map(drop).map_err(|error| of_tool("actives", &error)),
    )
}

fn actives(ask: &RankAsk) -> Result<Option<Actives>, ToolError> {
    let given = ask.actives.split([',', ' ', '\n']).filter(|smiles| !smiles.is_empty());
    let smiles: Vec<String> = given.map(str::to_owned).collect();
    (!smiles.is_empty()).then(|| Actives::from_smiles(&smiles)).transpose()
}

/// Ranks libraries.
struct RankKind {
    targets: Arc<Targets>,
}

impl JobKind for RankKind {
    fn name(&self) -> &'static str {
        "rank"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        let ask: RankAsk = asked(job)?;
        let input = uploaded(job)?;
        let (table, content_type) = ask.result.file();
        let settings = RankJob {
            input: InputSpec {
                path: input.to_path_buf(),
                format: ask.format.map(Format::from),
                smiles_column: ask.smiles_column.clone(),
                id_column: ask.id_column.clone(),
            },
            input_name: job.input_name().map(str::to_owned),
            out: job.out_dir().join(table),
            target: ask.target.clone(),
            names: self.targets.names.clone(),
            actives: actives(&ask).map_err(|error| failure(&error, job))?,
            fusion: ask.fusion,
            model: ask.model.clone(),
            threads: 0,
            top: 0,
            overwrite: job.attempt() > 1,
        };
        let mut progress = Told::new(job);
        let ranked = rank_with(&settings, &*self.targets, (job.stop(), &mut progress));
        let Some(summary) = ranked.map_err(|error| failure(&error, job))? else {
            return Err(JobFailure::Interrupted);
        };
        let file = result_file;
        let mut files = vec![file(table, content_type, "Result, best first")];
        if !matches!(ask.result, ResultFormat::Parquet) {
            let note = format!("{table}.provenance.json");
            files.push(file(&note, "application/json", "Where the result comes from"));
        }
        let summary = json!({
            "rows": summary.counts.rows,
            "good": summary.counts.rows - summary.counts.failed(),
            "failed": summary.counts.errors,
            "target": summary.target,
            "actives": summary.actives,
            "fusion": summary.fusion,
            "provenance": summary.model,
        });
        Ok(JobOutput { files, summary })
    }
}

fn failure(error: &ToolError, job: &JobContext<'_>) -> JobFailure {
    let code = match error {
        ToolError::Input(_) => "input",
        ToolError::Models(_) | ToolError::Model(_) => "models",
        ToolError::Request(_) => "parameters",
        ToolError::Stream(_) => "stream",
        _ => "output",
    };
    said(code, &error.to_string(), job)
}
