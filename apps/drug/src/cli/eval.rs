//! `eval`: figures of merit of a table of predictions.

use std::path::PathBuf;
use std::process::ExitCode;

use strata_cli::{Globals, say};

use crate::tools::evaluate::{EvalOptions, Task, evaluate};

/// Compute RMSE, ROC-AUC, enrichment and other figures of a table with labels and predictions.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug eval --data predictions.csv --label measured --pred ESOL
  strata-drug eval --data screen.csv --label active --pred score --json
  strata-drug eval --data tox.csv --label a,b --pred a_pred,b_pred     (mean over tasks)")]
pub struct Args {
    /// Table with a header (.csv, .tsv, .parquet, each text format also .gz).
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Column of labels; several, separated by commas, are tasks to average over. Empty = missing.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', required = true)]
    label: Vec<String>,
    /// Column of predictions or scores, one for each label column.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', required = true)]
    pred: Vec<String>,
    /// Kind of labels [default: classification where all are 0 or 1].
    #[arg(long, value_enum)]
    task: Option<Task>,
    /// Bootstrap samples for a 95 % interval of RMSE or ROC-AUC (one task only).
    #[arg(long, value_name = "N", default_value_t = 0)]
    bootstrap: usize,
    /// Seed of the bootstrap.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// JSON with the keys rmse mae r2 roc_auc pr_auc ef1 ef5 bedroc n.
    #[arg(long)]
    json: bool,
}

/// Evaluates.
///
/// # Errors
/// Where the table or its columns cannot be read.
pub(super) fn run(args: Args, _: &Globals) -> anyhow::Result<ExitCode> {
    let options = EvalOptions {
        labels: args.label,
        predictions: args.pred,
        task: args.task,
        bootstrap: args.bootstrap,
        seed: args.seed,
    };
    let figures = evaluate(&args.data, &options)?;
    match args.json {
        true => say(&format!("{}\n", serde_json::to_string_pretty(&figures)?))?,
        false => say(&figures.render())?,
    }
    Ok(ExitCode::SUCCESS)
}
