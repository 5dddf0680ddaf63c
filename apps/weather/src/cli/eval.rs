//! `eval`: forecasts of many initial times with baselines and published figures.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::atomic::write_whole;
use strata_cli::{Globals, say};
use strata_earth::climatology::Window;
use strata_earth::time::HOUR;

use super::progress::Watch;
use super::verify::{VerifyArgs, climatology, open_all};
use crate::verify::{Inputs, Regridder, evaluate};

/// Evaluate forecasts of many initial times beside persistence, climatology and published figures.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather eval --forecasts runs/*.nc --truth era5-2018.nc --climatology usual.clim --out eval.json
  strata-weather eval --truth test.nc --climatology train.nc --leads 24,48,72,96,120

Prints JSON: each system's figures with intervals, the lead time at which anomaly correlation falls below 0.6, the differences to the
baselines over the same forecasts, and published figures beside yours. Without forecasts the baselines alone are evaluated, from each
time of the truth.")]
pub struct Args {
    /// Forecast files of one system.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    forecasts: Vec<PathBuf>,
    #[command(flatten)]
    common: VerifyArgs,
    /// Fields whose mean over all times is a baseline, as of the years a model was trained on.
    #[arg(long, value_name = "FILE")]
    time_mean: Option<PathBuf>,
    /// Lead times in hours, where there are no forecasts.
    #[arg(long, value_delimiter = ',', default_value = "24,48,72,96,120", value_name = "HOURS")]
    leads: Vec<i64>,
    /// Where the JSON goes; standard output where none is given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Evaluates.
///
/// # Errors
/// Files that cannot be read, or nothing that could be compared.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = args.common.options()?;
    let usual = args.common.climatology()?;
    let precipitation = args.common.precipitation()?;
    let regridder = args.common.regridder();
    let time_mean = match &args.time_mean {
        Some(path) => Some(climatology(path, Window::AllTimes)?),
        None => None,
    };
    let (forecasts, truth) = (open_all(&args.forecasts)?, open_all(&args.common.truth)?);
    let watch = Watch::new(globals.quiet, "times");
    let counted = |done, total| watch.count(done, total);
    let inputs = Inputs {
        forecasts: &forecasts,
        truth: &truth,
        climatology: usual.as_ref(),
        precipitation: precipitation.as_ref(),
        regridder: regridder.as_ref().map(|weights| weights as &dyn Regridder),
        progress: Some(&counted),
    };
    let leads: Vec<i64> = args.leads.iter().map(|hours| hours * HOUR).collect();
    let report = evaluate(&inputs, &options, time_mean.as_ref(), &leads)?;
    drop(watch);
    let text = serde_json::to_string_pretty(&report)? + "\n";
    match &args.out {
        Some(out) => {
            write_whole(out, text.as_bytes()).with_context(|| format!("{}", out.display()))?;
        }
        None => say(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}
