//! `run`: a scenario on an analysis: the forecast, the table of its places, and what reaches a threshold.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use strata_cli::{Globals, say};
use strata_core::samples;
use strata_earth::rollout::{Ensemble, Order, Perturbation, Selection, Smooth, parse_leads};

use super::forecast::{HowArgs, arguments, moment, told, with_progress};
use crate::forecast::{Request, run as make};
use crate::points;
use crate::scenario::{Loaded, Members};

/// Run a scenario on an analysis.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather run medium-range
  strata-weather run wind-power analysis.nc --out tonight
  strata-weather run typhoon-watch analysis.grib --date 20240501 --time 0000
  strata-weather run ours.toml analysis.nc")]
pub struct Args {
    /// The scenario by name (see `scenarios`), or a TOML file.
    scenario: String,
    /// Files of the analysis [default: the sample that ships with the scenario].
    files: Vec<PathBuf>,
    /// Date of the analysis, needed where the files hold several: 20240501.
    #[arg(long, value_name = "YYYYMMDD")]
    date: Option<String>,
    /// Time of day of the analysis, UTC.
    #[arg(long, value_name = "HHMM", requires = "date")]
    time: Option<String>,
    /// Another family of models than the scenario's.
    #[arg(long, short, value_name = "NAME")]
    model: Option<String>,
    /// Folder for the results.
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    how: HowArgs,
}

fn ensemble(members: &Members) -> Ensemble {
    let perturbation = match members.perturbation.as_str() {
        "gaussian" => Perturbation::Gaussian,
        "bred" => Perturbation::Bred { cycles: 3 },
        _ => Perturbation::Perlin(Smooth::default()),
    };
    Ensemble { perturbation, amplitude: members.amplitude, seed: members.seed }
}

/// Runs it.
///
/// # Errors
/// A scenario, analysis or model that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let loaded = Loaded::find(&args.scenario)?;
    let scenario = &loaded.scenario;
    let files = match (args.files.as_slice(), &scenario.sample) {
        ([], Some(sample)) => vec![samples::find(sample)?],
        ([], None) => {
            anyhow::bail!("scenario {} has no sample: give the files of an analysis", scenario.name)
        }
        (files, _) => files.to_vec(),
    };
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make {}", args.out.display()))?;
    let task = &scenario.forecast;
    let area = task.area.as_ref().map(|area| area.parse()).transpose()?;
    let leads = parse_leads(&task.steps).map_err(anyhow::Error::msg)?;
    let members = scenario.ensemble.as_ref().map_or(1, |members| members.members);
    let path = args.out.join(&task.path).to_string_lossy().into_owned();
    let request = Request {
        model: args.model.clone().unwrap_or_else(|| task.family.clone()),
        files,
        time: moment(args.date.as_deref(), args.time.as_deref())?,
        regrid: None,
        lags: Vec::new(),
        leads: leads.clone(),
        order: if args.how.nested { Order::Nested } else { Order::ByModel },
        selection: Selection { variables: task.fields.clone(), levels: task.levels.clone(), area },
        members,
        ensemble: scenario.ensemble.as_ref().map(ensemble).unwrap_or_default(),
        path: path.clone(),
        resume: args.how.resume,
        checkpoint: args.how.checkpoint.clone(),
        every: Duration::from_secs(args.how.checkpoint_every),
        pool: args.how.pool()?,
        memory_check: !args.how.no_memory_check,
        metadata: [(
            "scenario".to_owned(),
            format!("{} {} {}", scenario.name, scenario.version, loaded.digest()),
        )]
        .into(),
        arguments: arguments(),
        cancel: None,
    };
    if !globals.quiet {
        say(&format!("{} ({})\n", scenario.title.zh, scenario.title.en))?;
    }
    let search = strata_core::paths::search_path(args.how.models_dir.as_deref());
    let summary =
        with_progress(request, globals, |request, progress| make(request, &search, progress))?;
    if !globals.quiet {
        say(&told(&summary))?;
    }
    if scenario.points.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let rows = points::extract(&points::written(&path, &leads, members), scenario)?;
    let mut put = vec![("points", points::table(&rows))];
    if !scenario.thresholds.is_empty() {
        put.push(("warnings", points::warnings(&rows, &scenario.thresholds)));
    }
    for (what, text) in put {
        let path = points::beside(&args.out, &scenario.name, what);
        strata_cli::atomic::write_whole(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        if !globals.quiet {
            say(&format!("{}: {} rows\n", path.display(), text.lines().count().saturating_sub(1)))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
