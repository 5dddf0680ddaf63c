//! `rank`: arguments of [`crate::targets::rank`], and the best for people.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use strata_cli::progress::reporter;
use strata_cli::text::TextTable;
use strata_cli::{Globals, say, stop_on_interrupt};

use super::common::{InputArgs, ModelArgs};
use crate::input::InputSpec;
use crate::targets::{Actives, Fusion, RankJob, RankSummary, rank};

/// Rank a library for one target: by a model's probability of activity, with --actives also by similarity to them.
///
/// Every input row gives one row of OUT, best first, those with an error last: the given columns, then canonical_smiles,
/// error_code, error, activity (the model's probability), with --actives similarity (the largest ECFP4 Tanimoto to an active)
/// and nearest_active, then score (the fusion of the two, else the activity) and rank.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-drug rank vendor.csv.gz --target CHEMBL203 --out egfr.csv
  strata-drug rank vendor.csv.gz --target ROCK2 --actives known.smi --out rock2.parquet
  strata-drug targets --list 'receptor'")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,
    /// The target: its ChEMBL identifier, gene or name (see `targets --list`).
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// Molecules known to be active on the target.
    #[arg(long, value_name = "FILE")]
    actives: Option<PathBuf>,
    /// How activity and similarity become one score.
    #[arg(long, value_enum, default_value_t)]
    fusion: Fusion,
    /// The result: .csv, .csv.gz or .parquet.
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// How many of the best the summary shows.
    #[arg(long, value_name = "N", default_value_t = 12)]
    top: usize,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
    /// Write over an existing result.
    #[arg(long)]
    overwrite: bool,
    /// The summary as JSON.
    #[arg(long)]
    json: bool,
}

/// Ranks.
///
/// # Errors
/// As [`rank`], or where Ctrl-C cannot be caught.
pub(super) fn run(args: Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let actives = args.actives.map(|path| InputSpec { path, ..InputSpec::default() });
    let job = RankJob {
        input: args.input.spec(),
        input_name: None,
        out: args.out,
        target: args.target,
        names: args.model.target_names()?,
        actives: actives.as_ref().map(Actives::from_file).transpose()?,
        fusion: args.fusion,
        model: args.model.model,
        threads: args.threads,
        top: args.top,
        overwrite: args.overwrite,
    };
    let started = Instant::now();
    let mut progress = reporter(globals.quiet);
    let ranked = rank(&job, args.model.models_dir.as_deref(), &stop, progress.as_mut());
    drop(progress);
    let Some(summary) = ranked? else {
        eprintln!("stopped: nothing was written");
        return Ok(ExitCode::from(130));
    };
    if args.json {
        say(&format!("{}\n", serde_json::to_string_pretty(&summary)?))?;
    } else if !globals.quiet {
        let seconds = started.elapsed().as_secs_f64();
        say(&format!("{}Written: {} in {seconds:.1} s\n", text(&summary), job.out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(summary: &RankSummary) -> String {
    let target = &summary.target;
    let mut text = format!("{} ({})\n{}\n", target.label(), target.target, summary.counts.line());
    if let Some(fusion) = summary.fusion {
        text += &format!("{} actives, fusion by {fusion}\n", summary.actives);
    }
    if summary.actives_unreadable > 0 {
        text += &format!("{} actives could not be read\n", summary.actives_unreadable);
    }
    let mut table =
        TextTable::new(&["rank", "name", "score", "activity", "similarity", "structure"]);
    for best in &summary.best {
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("{v:.3}"));
        table.row(vec![
            best.rank.to_string(),
            best.id.clone(),
            format!("{:.4}", best.score),
            number(best.activity),
            number(best.similarity),
            best.smiles.clone(),
        ]);
    }
    text + &table.render()
}
