//! `adapt`: a model of the user's own measurements.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_chem::learn::LearnError;
use strata_cli::progress::reporter;
use strata_cli::{Globals, say, stop_on_interrupt};

use crate::screen::Folder;
use crate::tools::ToolError;
use crate::tools::adapt::{AdaptOptions, FinalRows, SplitKind, TargetKind, adapt};

use super::common::InputArgs;

/// Train a model on your own measurements, ready for `screen`.
///
/// Reads molecules with a value or a class each, sets a part aside, chooses a head (boosted trees, a kernel machine,
/// a linear model, a kernel machine that sees an encoder's vectors too, or a blend) by cross-validation on the rest,
/// reports figures with intervals on the part set aside, calibrates 90 % intervals or probabilities on molecules not
/// trained on, and writes an ONNX model with its card.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug adapt assay.csv --target pIC50 --out models
  strata-drug adapt assay.csv --smiles-column SMILES --target active --name herg --out models --split random
  strata-drug screen library.smi --models-dir models --models herg --out hits.csv")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The column of measurements: numbers, or two classes. Empty = missing.
    #[arg(long, value_name = "COLUMN", visible_alias = "target_column")]
    target: String,
    /// Folder of models; the new one lies below it under its name.
    #[arg(long, short, value_name = "DIR")]
    out: PathBuf,
    /// Name of the model [default: from the target column's].
    #[arg(long)]
    name: Option<String>,
    /// Kind of measurements [default: classification where there are two distinct values].
    #[arg(long, value_enum)]
    task: Option<TargetKind>,
    /// The class that counts as positive [default: active, yes, 1 and the like, or the larger].
    #[arg(long, value_name = "CLASS")]
    positive: Option<String>,
    /// Unit of the values, for the card.
    #[arg(long)]
    unit: Option<String>,
    /// How molecules are set aside.
    #[arg(long, value_enum, default_value = "scaffold")]
    split: SplitKind,
    /// What the written model is trained on, once the figures are taken.
    #[arg(long, value_enum, default_value = "all")]
    train_on: FinalRows,
    /// The encoder whose vectors are features too, taken where they make the out-of-fold error 0.5 % less: its name, or `none`
    /// [default: molecule-encoder where it is there].
    #[arg(long, value_name = "NAME")]
    encoder: Option<String>,
    /// Where the encoder lies [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Write over an existing model.
    #[arg(long, visible_alias = "overwrite")]
    force: bool,
    /// The summary as JSON, with every row that was left out.
    #[arg(long)]
    json: bool,
}

/// Adapts.
///
/// # Errors
/// Where the input or its columns cannot be read, there is too little to learn from, or files cannot be written.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let mut reader = args.input.open()?;
    let path = &args.input.input;
    let input = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let options = AdaptOptions {
        target: args.target,
        out: args.out,
        name: args.name,
        task: args.task,
        positive: args.positive,
        unit: args.unit,
        split: args.split,
        seed: args.seed,
        final_rows: args.train_on,
        encoder: args.encoder,
        force: args.force,
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let models = Folder::new(args.models_dir.as_deref(), threads);
    let mut progress = reporter(globals.quiet);
    let adapted = adapt(reader.as_mut(), &input, (&options, &models), (&stop, progress.as_mut()));
    drop(progress);
    let adapted = match adapted {
        Err(ToolError::Learn(LearnError::Stopped)) => {
            eprintln!("stopped: no model was written");
            return Ok(ExitCode::from(130));
        }
        other => other?,
    };
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&adapted)?))?;
    } else if !globals.quiet {
        say(&adapted.render())?;
    }
    Ok(ExitCode::SUCCESS)
}
