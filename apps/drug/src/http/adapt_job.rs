//! `/v1/jobs/adapt`: a model of a caller's own measurements as a job, by the same function as `strata-drug adapt`.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_chem::learn::LearnError;
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput, ResultFile};
use strata_serve::{JobDoor, Problem, UploadParameters};

use super::engine::Engine;
use super::job::{CONTENT, FormatName, Told, asked, result_file, said, uploaded};
use crate::input::{Format, InputSpec, open};
use crate::tools::ToolError;
use crate::tools::adapt::{
    AdaptOptions, Adapted, FinalRows, HELD_OUT, SplitKind, TargetKind, adapt,
};

/// What is to be learnt of a file of measurements.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdaptAsk {
    /// The file's name; its ending (.smi .csv .tsv .sdf, each also .gz, or .parquet) tells the format.
    #[serde(default = "assay")]
    filename: String,
    /// The column of measurements: numbers, or two classes. Empty = missing.
    target: String,
    /// The model's name; otherwise from the target column's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Kind of measurements; otherwise two distinct values are classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<TargetKind>,
    /// The class that counts as positive; otherwise active, yes, 1 and the like, or the larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positive: Option<String>,
    /// Unit of the values, for the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// How molecules are set aside.
    #[serde(default)]
    split: SplitKind,
    /// What the written model is trained on, once the figures are taken.
    #[serde(default)]
    train_on: FinalRows,
    /// The encoder whose vectors are features too: a model of the server, or `none`; otherwise molecule-encoder where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoder: Option<String>,
    /// Seed of everything random.
    #[serde(default)]
    seed: u64,
    /// The format, where the name does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<FormatName>,
    /// The column of SMILES.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    smiles_column: Option<String>,
}

fn assay() -> String {
    "assay.csv".to_owned()
}

impl UploadParameters for AdaptAsk {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

/// The address of models that are adapted.
pub(super) fn door(engine: &Arc<Engine>) -> JobDoor {
    JobDoor::upload::<AdaptAsk>(
        Arc::new(AdaptKind { engine: Arc::clone(engine) }),
        ("adapt", "/v1/jobs/adapt"),
        (
            "Train a model on measurements",
            "Upload molecules with a value or a class each; the results are the files of a model, which make a folder \
             of models once they lie in a folder of the model's name, as with `strata-drug adapt`. The summary has its \
             figures on molecules that were set aside, and every row that was left out. A job that a restart cut off \
             begins anew, and gives the same.",
        ),
        CONTENT,
        |ask| match ask.target.trim() {
            "" => Err(Problem::field("target", "name the column of measurements")),
            _ => Ok(()),
        },
    )
}

/// Trains models.
struct AdaptKind {
    engine: Arc<Engine>,
}

impl JobKind for AdaptKind {
    fn name(&self) -> &'static str {
        "adapt"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        let ask: AdaptAsk = asked(job)?;
        let input = uploaded(job)?;
        let spec = InputSpec {
            path: input.to_path_buf(),
            format: ask.format.map(Format::from),
            smiles_column: ask.smiles_column.clone(),
            id_column: None,
        };
        let out = job.out_dir().join("models");
        // An attempt that was killed may have left something.
        remove(&out).map_err(|error| said("output", &error.to_string(), job))?;
        let options = AdaptOptions {
            target: ask.target,
            out: out.clone(),
            name: ask.name,
            task: ask.task,
            positive: ask.positive,
            unit: ask.unit,
            split: ask.split,
            seed: ask.seed,
            final_rows: ask.train_on,
            encoder: ask.encoder,
            force: false,
        };
        let mut reader = open(&spec).map_err(|error| said("input", &error.to_string(), job))?;
        let name = job.input_name().unwrap_or("the file");
        let mut progress = Told::new(job);
        let adapted = adapt(
            reader.as_mut(),
            name,
            (&options, &**self.engine.hub()),
            (job.stop(), &mut progress),
        );
        let mut adapted = adapted.map_err(|error| failure(&error, job))?;
        let files = hand_over(&adapted, job.out_dir())
            .map_err(|error| said("output", &error.to_string(), job))?;
        remove(&out).map_err(|error| said("output", &error.to_string(), job))?;
        // The server's own folder is nobody's business.
        adapted.folder = adapted.name.clone().into();
        let summary = serde_json::to_value(&adapted)
            .map_err(|error| JobFailure::new("output", error.to_string()))?;
        Ok(JobOutput { files, summary })
    }
}

fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The model's files as results of the job.
fn hand_over(adapted: &Adapted, out: &Path) -> std::io::Result<Vec<ResultFile>> {
    let model = format!("{}.onnx", adapted.name);
    let known = [
        (model.as_str(), "application/octet-stream", "The model"),
        ("card.toml", "application/toml", "Its card"),
        ("golden.json", "application/json", "Its golden example"),
        ("domain.bin", "application/octet-stream", "Its training domain"),
        ("README.md", "text/markdown", "What to know of it"),
        (HELD_OUT, "text/csv", "The molecules set aside, measured and predicted"),
    ];
    let mut files = Vec::new();
    for (name, content_type, title) in known {
        std::fs::rename(adapted.folder.join(name), out.join(name))?;
        files.push(result_file(name, content_type, title));
    }
    Ok(files)
}

fn failure(error: &ToolError, job: &JobContext<'_>) -> JobFailure {
    let code = match error {
        ToolError::Learn(LearnError::Stopped) => return JobFailure::Interrupted,
        ToolError::Learn(_) => "data",
        ToolError::Input(_) => "input",
        ToolError::Request(_) => "parameters",
        _ => "output",
    };
    let text = error.to_string();
    let flags = ["encoder", "name", "target", "task", "positive", "unit", "split"];
    let text = flags.iter().fold(text, |text, flag| {
        text.replace(&format!("--{flag}"), &format!("the parameter {flag}"))
    });
    said(code, &text, job)
}
