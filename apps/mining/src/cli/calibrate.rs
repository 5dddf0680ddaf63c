//! `calibrate`: a bank's threshold from pictures that are known to be normal, and whether they still look as they did.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use strata_cli::progress::reporter_of;
use strata_cli::{Globals, say, stop_on_interrupt};
use strata_vision::calibrate::{DriftMonitor, DriftOptions, Promise, Verdict};

use super::detect::threads;
use super::fit::{PromiseArgs, calibrated, described};
use super::inspect::open;
use super::source::SourceArgs;
use crate::inspect::{InspectJob, inspect};

/// Set a bank's threshold from normal pictures alone, to a promised number of false alarms; warn of drift.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-mining calibrate last-week/ --bank surface.bank --per-day 1 --frames-per-day 17280
  strata-mining calibrate yesterday/ --bank surface.bank --check

The pictures must be normal and none of those that the bank was made of. With --check nothing is changed: their scores are
compared with those that the threshold was made from, and exit code 2 says that they have drifted.")]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// The bank, made by `fit`.
    #[arg(long, value_name = "FILE")]
    bank: PathBuf,
    #[command(flatten)]
    promise: PromiseArgs,
    /// Only tell whether these pictures have drifted from those of the calibration.
    #[arg(long)]
    check: bool,
    /// JSON.
    #[arg(long)]
    json: bool,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// Worker threads; 0 takes all cores.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// Calibrates, or checks.
///
/// # Errors
/// A source or bank that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let stop = stop_on_interrupt().context("cannot catch Ctrl-C")?;
    let threads = threads(args.threads);
    let (features, bank) = open(&args.bank, args.models_dir.as_deref(), threads)?;
    let bank = Arc::new(bank);
    let job = InspectJob { threads, limits: args.source.limits(), save: None };
    let mut pictures = args.source.open()?;
    let mut progress = reporter_of(globals.quiet, "pictures");
    let done = inspect(&features, &bank, (&mut pictures, &job), (&stop, progress.as_mut()));
    drop(progress);
    let done = done?;
    if done.interrupted {
        eprintln!("stopped: the bank is as it was");
        return Ok(ExitCode::from(130));
    }
    for error in done.rows.iter().filter_map(|row| row.error.as_ref()) {
        eprintln!("left out: {}", error.message);
    }
    let scores: Vec<f32> = done.rows.iter().filter_map(|row| row.score).collect();
    if args.check {
        return check(args, &bank, &scores);
    }
    let usual = bank.calibration().map_or_else(Promise::default, |calibration| calibration.promise);
    let Some(calibration) = calibrated(&scores, args.promise.over(usual)) else {
        return Ok(ExitCode::FAILURE);
    };
    let text = described(Some(&calibration));
    let json = serde_json::to_string_pretty(&calibration)?;
    let mut bank =
        Arc::try_unwrap(bank).map_err(|_| anyhow::anyhow!("the bank is still in use"))?;
    bank.set_calibration(Some(calibration));
    bank.save(&args.bank)?;
    match args.json {
        true => say(&format!("{json}\n"))?,
        false => say(&format!("{text}written: {}\n", args.bank.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(
    args: &Args,
    bank: &strata_vision::bank::AnyBank,
    scores: &[f32],
) -> anyhow::Result<ExitCode> {
    let Some(calibration) = bank.calibration() else {
        bail!(
            "{} has no calibration to compare with: run `calibrate` without --check first",
            args.bank.display()
        );
    };
    let options = DriftOptions { window: scores.len().max(1), ..DriftOptions::default() };
    let mut monitor = DriftMonitor::new(calibration, options);
    let mut last = None;
    for &score in scores {
        last = monitor.push(score).or(last);
    }
    let Some(drift) = last.or_else(|| monitor.now()) else {
        bail!("{} pictures are too few to tell", scores.len());
    };
    let over = scores.iter().filter(|&&score| calibration.is_anomalous(score)).count();
    match args.json {
        true => say(&format!(
            "{}\n",
            serde_json::json!({ "drift": drift, "pictures": scores.len(), "over_threshold": over })
        ))?,
        false => say(&format!(
            "{:?}: {} pictures, {over} over the threshold; Kolmogorov-Smirnov {:.3}, p {:.2e}, shift {:+.2}\n",
            drift.verdict,
            scores.len(),
            drift.statistic,
            drift.p_value,
            drift.shift
        ))?,
    }
    Ok(if drift.verdict != Verdict::Stable { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
