//! `targets`: arguments of [`crate::targets::fish`], and the list of a model's targets.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::atomic::AtomicFile;
use strata_cli::progress::reporter;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say};

use super::common::ModelArgs;
use crate::input::{Format, InputSpec, open, structure};
use crate::screen::Folder;
use crate::targets::{
    Background, COLUMNS, Fished, Fishing, TargetNames, TargetOrder, TargetPredictor, fish,
    fish_file, render, write_csv,
};
use crate::tools::ToolError;

/// Find the protein targets a molecule may act on (target fishing), best first.
///
/// The probabilities are a multitask model's and not calibrated across targets: 0.3 may be much on one and little on another.
/// The percentile says how a score compares with those of reference molecules on the same target: the built-in reference is a
/// small library of drugs and amides; a library like your own makes a better one (--background). The model ships no training
/// molecules, so nothing is said of the nearest known active: `rank --actives` does that for actives of your own.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug targets 'O=C(CCCN1CCC(O)(c2ccc(Cl)cc2)CC1)c1ccc(F)cc1'
  strata-drug targets hits.smi --top 5 --min 0.5 --out targets.csv
  strata-drug targets hits.smi --background vendor.smi.gz --by probability --json
  strata-drug targets --list kinase")]
pub struct Args {
    /// A SMILES, or a file of molecules (or - for standard input).
    #[arg(value_name = "SMILES|FILE", required_unless_present = "list")]
    query: Option<String>,
    /// List the model's targets, or those whose identifier, gene, name, organism or class holds TEXT.
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    list: Option<String>,
    /// At most so many targets a molecule.
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Only targets of at least this probability.
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    min: f64,
    /// What targets are ordered by.
    #[arg(long, value_enum, default_value_t)]
    by: TargetOrder,
    /// Molecules to compare scores with, in place of the built-in reference.
    #[arg(long, value_name = "FILE")]
    background: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// Format of a file, where neither name nor content tells it.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The column of SMILES [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "smiles_column")]
    smiles_column: Option<String>,
    /// The column of identifiers [default: the first with a usual name].
    #[arg(long, value_name = "NAME", visible_alias = "id_column")]
    id_column: Option<String>,
    /// JSON: one object a molecule.
    #[arg(long)]
    json: bool,
    /// Write comma-separated rows to a file instead, one a target.
    #[arg(long, value_name = "CSV")]
    out: Option<PathBuf>,
}

/// Fishes.
///
/// # Errors
/// Where the model or the molecules cannot be read.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    anyhow::ensure!((0.0..=1.0).contains(&args.min), "--min {}: give 0 to 1", args.min);
    let folder = Folder::new(args.model.models_dir.as_deref(), 1);
    let model = TargetPredictor::open(&args.model.model, &folder)?;
    let names = args.model.target_names()?;
    if let Some(text) = &args.list {
        return list(&model, &names, text, args.json);
    }
    let background = match &args.background {
        Some(path) => Background::from_file(&model, path)?,
        None => Background::built_in(&model)?,
    };
    let (top, min, by) = (args.top, args.min, args.by);
    let (model, names, background) = (&model, &names, &background);
    let fishing = Fishing { model, names, background, top, min, by };
    let query = args.query.as_deref().unwrap_or_default();
    if query != "-" && !Path::new(query).is_file() {
        let mol = structure(query).map_err(|error| {
            anyhow::anyhow!("{query:?} is neither a file nor a SMILES: {}", error.message)
        })?;
        return written(args, &fish(&fishing, vec![(query.to_owned(), Ok(mol))]));
    }
    let spec = InputSpec {
        path: PathBuf::from(query),
        format: args.format,
        smiles_column: args.smiles_column.clone(),
        id_column: args.id_column.clone(),
    };
    let mut reader = open(&spec)?;
    let mut progress = reporter(globals.quiet);
    let Some(out) = &args.out else {
        let mut answers = Vec::new();
        fish_file(&fishing, &mut *reader, progress.as_mut(), |some| {
            answers.extend(some);
            Ok(())
        })?;
        drop(progress);
        return written(args, &answers);
    };
    let file = AtomicFile::create(out).with_context(|| out.display().to_string())?;
    let mut csv = csv::Writer::from_writer(file);
    csv.write_record(COLUMNS)?;
    let counts = fish_file(&fishing, &mut *reader, progress.as_mut(), |some| {
        write_csv(&some, &mut csv).map_err(|error| ToolError::io(out)(error.into()))
    })?;
    drop(progress);
    let file = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
    file.commit().with_context(|| out.display().to_string())?;
    if !globals.quiet {
        say(&format!("{}\nWritten: {}\n", counts.line(), out.display()))?;
    }
    Ok(ExitCode::from(u8::from(counts.rows > 0 && counts.failed() == counts.rows)))
}

/// Answers that are all there.
fn written(args: &Args, answers: &[Fished]) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        let file = AtomicFile::create(out).with_context(|| out.display().to_string())?;
        let mut csv = csv::Writer::from_writer(file);
        csv.write_record(COLUMNS)?;
        write_csv(answers, &mut csv)?;
        let file = csv.into_inner().map_err(csv::IntoInnerError::into_error)?;
        file.commit().with_context(|| out.display().to_string())?;
    } else if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(answers)?))?;
    } else {
        say(&render(answers))?;
    }
    // Where all molecules are bad, nothing was fished.
    let all_bad = !answers.is_empty() && answers.iter().all(|one| !one.error_code.is_empty());
    Ok(ExitCode::from(u8::from(all_bad)))
}

fn list(
    model: &TargetPredictor,
    names: &TargetNames,
    text: &str,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let found = names.search(model.ids(), text);
    if json {
        say(&format!("{}\n", serde_json::to_string_pretty(&found)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = TextTable::new(&["target", "gene", "organism", "class", "name"]);
    for info in &found {
        let fields = [&info.target, &info.gene, &info.organism, &info.class, &info.name];
        table.row(fields.map(Clone::clone).to_vec());
    }
    let named = model.ids().iter().filter(|id| !names.of(id).name.is_empty()).count();
    let all = model.ids().len();
    say(&format!(
        "{}{} of {all} targets; {named} have a name here, the others come with --names FILE\n",
        table.render(),
        found.len()
    ))?;
    Ok(ExitCode::SUCCESS)
}
