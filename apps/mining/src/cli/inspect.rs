//! `inspect`: arguments of [`crate::inspect::inspect`], and its summary for people.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use strata_cli::progress::reporter_of;
use strata_cli::text::TextTable;
use strata_cli::{Globals, atomic, say, stop_on_interrupt};
use strata_vision::bank::{AnyBank, Precision};

use super::detect::threads;
use super::source::SourceArgs;
use crate::detect::write_row;
use crate::inspect::{FeatureModel, InspectJob, Inspected, Inspection, inspect};
use crate::models::{Folder, ModelSource};
use crate::note::Note;

/// Pictures that are listed one by one.
const LISTED: usize = 20;

/// Score pictures against a bank of normals: how unlike they are, and where.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining inspect new/ --bank surface.bank
  strata-mining inspect part.png --bank surface.bank --save maps/
  strata-mining inspect new/ --bank surface.bank --out scores.jsonl

Needs no calibration to give scores; with one (see `fit` and `calibrate`) it also tells which pictures are anomalous.
Exit code 2 says that a picture is.")]
pub struct Args {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// The bank, made by `fit`.
    #[arg(long, value_name = "FILE")]
    pub(super) bank: PathBuf,
    /// Where the rows go: .jsonl or .csv.
    #[arg(long, short, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Draw heat maps over copies of the pictures, in this folder.
    #[arg(long, value_name = "DIR")]
    pub(super) save: Option<PathBuf>,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    pub(super) models_dir: Option<PathBuf>,
    /// Worker threads, each with a session of the model; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    pub(super) overwrite: bool,
}

/// The bank, and the model it was made with.
pub(super) fn open(
    bank: &std::path::Path,
    models_dir: Option<&std::path::Path>,
    threads: usize,
) -> anyhow::Result<(Arc<FeatureModel>, AnyBank)> {
    let bank = AnyBank::load(bank, Precision::Int8)?;
    let folder = Folder::new(models_dir, threads);
    let features = Arc::new(FeatureModel::new(folder.vision(&bank.identity().model)?)?);
    bank.identity().check(features.identity())?;
    Ok((features, bank))
}

/// Inspects.
///
/// # Errors
/// A source, bank or result that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        if !matches!(out.extension().and_then(|e| e.to_str()), Some("jsonl" | "ndjson" | "csv")) {
            bail!("{}: the rows go to a file that ends in .jsonl or .csv", out.display());
        }
        if out.exists() && !args.overwrite {
            bail!("{} exists already: choose another name, or add --overwrite", out.display());
        }
    }
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let threads = threads(args.threads);
    let mut pictures = args.source.open()?;
    let (features, bank) = open(&args.bank, args.models_dir.as_deref(), threads)?;
    let bank = Arc::new(bank);
    let job = InspectJob { threads, limits: args.source.limits(), save: args.save.clone() };
    let mut progress = reporter_of(globals.quiet, "pictures");
    let done = inspect(&features, &bank, (&mut pictures, &job), (&stop, progress.as_mut()));
    drop(progress);
    let done = done?;
    if let Some(out) = &args.out {
        atomic::write_whole(out, &encode(out, &done.rows)?)
            .with_context(|| out.display().to_string())?;
        let mut note =
            Note::new(&args.source.source, &done.tally, &done.digest).with_bank(&args.bank, &bank);
        note.model = Some((*done.provenance).clone());
        note.write_beside(out).with_context(|| out.display().to_string())?;
    }
    if !globals.quiet {
        say(&summary(&done, &bank))?;
        for written in [&args.out, &args.save].into_iter().flatten() {
            say(&format!("written: {}\n", written.display()))?;
        }
    }
    if done.interrupted {
        eprintln!("stopped after {} pictures; the result holds these", done.rows.len());
        return Ok(ExitCode::from(130));
    }
    if !done.rows.is_empty() && done.rows.iter().all(|row| row.error.is_some()) {
        return Ok(ExitCode::FAILURE);
    }
    let anomalous = done.rows.iter().any(|row| row.anomalous == Some(true));
    Ok(if anomalous { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// The rows as the file's name asks for.
fn encode(out: &std::path::Path, rows: &[Inspected]) -> anyhow::Result<Vec<u8>> {
    if out.extension().is_some_and(|e| e == "csv") {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record([
            "image",
            "width",
            "height",
            "score",
            "normalised",
            "threshold",
            "anomalous",
            "worst_x",
            "worst_y",
            "regions",
            "error_code",
            "error",
        ])?;
        for row in rows {
            let number = |value: Option<f32>| value.map(|v| v.to_string()).unwrap_or_default();
            let error = row.error.as_ref();
            table.write_record([
                row.image.clone(),
                row.width.to_string(),
                row.height.to_string(),
                number(row.score),
                number(row.normalised),
                number(row.threshold),
                row.anomalous.map(|a| a.to_string()).unwrap_or_default(),
                number(row.worst.map(|w| w[0])),
                number(row.worst.map(|w| w[1])),
                row.regions.len().to_string(),
                error.map(|e| e.code.clone()).unwrap_or_default(),
                error.map(|e| e.message.clone()).unwrap_or_default(),
            ])?;
        }
        return Ok(table.into_inner()?);
    }
    let mut bytes = Vec::new();
    for row in rows {
        write_row(row, &mut bytes)?;
    }
    Ok(bytes)
}

/// What was found, for people.
fn summary(done: &Inspection, bank: &AnyBank) -> String {
    let mut rows: Vec<&Inspected> = done.rows.iter().collect();
    rows.sort_by(|a, b| {
        b.score.unwrap_or(f32::INFINITY).total_cmp(&a.score.unwrap_or(f32::INFINITY))
    });
    let mut table = TextTable::new(&["picture", "score", "verdict", "regions"]);
    for row in rows.iter().take(LISTED) {
        let verdict = match (&row.error, row.anomalous) {
            (Some(error), _) => error.code.clone(),
            (None, Some(true)) => "ANOMALOUS".to_owned(),
            (None, Some(false)) => "normal".to_owned(),
            (None, None) => "not calibrated".to_owned(),
        };
        let score = row.score.map(|score| format!("{score:.3}")).unwrap_or_default();
        table.row(vec![row.image.clone(), score, verdict, row.regions.len().to_string()]);
    }
    let mut text = table.render();
    if rows.len() > LISTED {
        text += &format!("… and {} with lower scores\n", rows.len() - LISTED);
    }
    for row in rows.iter().filter(|row| row.error.is_some()).take(LISTED) {
        text +=
            &format!("{}\n", row.error.as_ref().map(|e| e.message.as_str()).unwrap_or_default());
    }
    let anomalous = done.rows.iter().filter(|row| row.anomalous == Some(true)).count();
    let seconds = done.elapsed.as_secs_f64().max(1e-9);
    let stats = bank.stats();
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e3 / done.tally.rows.max(1) as f64;
    let times = &done.tally.times;
    text + &format!(
        "\n{anomalous} of {} pictures anomalous; {seconds:.2} s ({:.1}/s)\nms a picture: read {:.2}, decode and prepare {:.2}, \
         model {:.2}, search and drawing {:.2}\n{} bank of {} vectors from {} normals ({}), model {}\n",
        done.rows.len(),
        done.rows.len() as f64 / seconds,
        each(times.source),
        each(times.prepare),
        each(times.infer),
        each(times.interpret),
        bank.method(),
        stats.vectors,
        stats.images,
        stats.kernel,
        done.provenance.model,
    )
}
