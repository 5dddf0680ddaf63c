//! `forecast`: from an analysis to a file, as `ai-models` does it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, bail};
use strata_cli::progress::{clock, reporter_of};
use strata_cli::{Globals, say, stop_on_interrupt};
use strata_core::runtime::{CancelToken, Device, DeviceList, PoolConfig};
use strata_core::stream::Update;
use strata_earth::rollout::{
    Area, Config, Ensemble, Family, Method, Order, Perturbation, Selection, Smooth, parse_leads,
};
use strata_earth::time::Time;

use crate::forecast::{Request, Summary, run as make, usual_leads};

/// Make a forecast from an analysis.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather forecast --model dry-planet --file analysis.nc --lead-time 120 --path out.nc
  strata-weather forecast --model pangu-weather --file analysis.grib --date 20240501 --time 0000 --path 'out-{step}.grib'
  strata-weather forecast --model dry-planet --file analysis.nc --steps 6..120/6 --fields t,z --levels 850,500 --area 54/73/3/136 --path cn.npy
  strata-weather forecast --model dry-planet --file analysis.nc --members 20 --perturbation perlin --seed 1 --path ens.nc
  strata-weather forecast … --resume            (after a power cut or Ctrl-C, with the same arguments)

The 24, 6, 3 and 1 h models of a family are combined, the longest first; each is loaded once.")]
pub struct Args {
    /// Family of models, or one model (see `models list`).
    #[arg(long, short, value_name = "NAME")]
    pub model: String,
    /// Files of the analysis.
    #[arg(long, short, value_name = "FILE", required = true, num_args = 1..)]
    pub file: Vec<PathBuf>,
    /// Date of the analysis, needed where the files hold several: 20240501.
    #[arg(long, value_name = "YYYYMMDD")]
    pub date: Option<String>,
    /// Time of day of the analysis, UTC: 0000, 06, 12:00.
    #[arg(long, value_name = "HHMM", requires = "date")]
    pub time: Option<String>,
    /// Hours to forecast.
    #[arg(long, short, value_name = "HOURS", default_value_t = 240)]
    pub lead_time: u32,
    /// Leads to write: 24, 6,12,48 or 6..120/6 [default: every 6 h up to --lead-time].
    #[arg(long, value_name = "HOURS")]
    pub steps: Option<String>,
    /// The file, by its ending; {step} and {member} stand for a file each.
    #[arg(long, short, value_name = "PATH")]
    pub path: String,
    /// What is written of each step.
    #[command(flatten)]
    pub what: WhatArgs,
    /// Members.
    #[command(flatten)]
    pub members: MemberArgs,
    /// Regrid an analysis of another grid than the model's: nearest, bilinear or conservative.
    #[arg(long, value_name = "METHOD")]
    pub regrid: Option<Method>,
    /// How it is run.
    #[command(flatten)]
    pub how: HowArgs,
    /// Metadata of the file; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub metadata: Vec<String>,
    /// Write where the forecast comes from to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub dump_provenance: Option<PathBuf>,
}

/// What is written of each step.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct WhatArgs {
    /// Variables to write, such as t,z,2t [default: all].
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Pressures to write, in hPa [default: all].
    #[arg(long, value_name = "HPA", value_delimiter = ',')]
    pub levels: Vec<f64>,
    /// Area to write: north/west/south/east, in degrees. The model runs on the globe.
    #[arg(long, value_name = "N/W/S/E", allow_hyphen_values = true)]
    pub area: Option<Area>,
}

impl WhatArgs {
    /// As the engine takes it.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection { variables: self.fields.clone(), levels: self.levels.clone(), area: self.area }
    }
}

/// How members of an ensemble differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Not at all.
    None,
    /// Independent noise at every point.
    Gaussian,
    /// Smooth noise on the sphere.
    Perlin,
    /// Bred vectors: what of the noise grows under the model.
    Bred,
    /// Forecasts from earlier analyses in the files (--lags).
    Lagged,
}

/// Members of an ensemble.
#[derive(Debug, Clone, clap::Args)]
pub struct MemberArgs {
    /// Members of an ensemble; the first is not perturbed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub members: u32,
    /// How members differ [default: perlin where there are several].
    #[arg(long, value_name = "KIND")]
    pub perturbation: Option<Kind>,
    /// Standard deviation of the perturbation, in standard deviations of each field over the globe.
    #[arg(long, value_name = "NUMBER", default_value_t = 0.05)]
    pub amplitude: f64,
    /// Which noise: the same seed gives the same members.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
    /// Cycles of bred vectors.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub cycles: u32,
    /// Hours before the analysis of lagged members: 6,12,18.
    #[arg(long, value_name = "HOURS", value_delimiter = ',')]
    pub lags: Vec<u32>,
}

impl MemberArgs {
    /// As the engine takes it.
    ///
    /// # Errors
    /// Where arguments contradict each other.
    pub fn ensemble(&self) -> anyhow::Result<Ensemble> {
        let usual = if self.members > 1 { Kind::Perlin } else { Kind::None };
        let kind =
            self.perturbation.unwrap_or(if self.lags.is_empty() { usual } else { Kind::Lagged });
        match (kind, self.lags.is_empty(), self.members) {
            (Kind::Lagged, true, _) => bail!("lagged members need --lags, such as --lags 6,12"),
            (Kind::Gaussian | Kind::Perlin | Kind::Bred, false, _) => {
                bail!("--lags is for --perturbation lagged")
            }
            (Kind::Gaussian | Kind::Perlin | Kind::Bred, _, 1) => {
                bail!("a perturbation needs --members 2 or more")
            }
            (Kind::None, _, 2..) => {
                bail!("members without a perturbation are all the same: give a --perturbation")
            }
            _ => {}
        }
        let perturbation = match kind {
            Kind::None | Kind::Lagged => Perturbation::None,
            Kind::Gaussian => Perturbation::Gaussian,
            Kind::Perlin => Perturbation::Perlin(Smooth::default()),
            Kind::Bred => Perturbation::Bred { cycles: self.cycles },
        };
        Ok(Ensemble { perturbation, amplitude: self.amplitude, seed: self.seed })
    }
}

/// How a forecast is run.
#[derive(Debug, Clone, clap::Args)]
pub struct HowArgs {
    /// Go on with a run that was cut off; the arguments must be the same.
    #[arg(long)]
    pub resume: bool,
    /// Folder of the checkpoint [default: hidden, beside the file].
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Seconds between checkpoints; 0 makes one after every step.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub checkpoint_every: u64,
    /// Threads of the model [default: one a core].
    #[arg(long, value_name = "N")]
    pub num_threads: Option<usize>,
    /// Run on a GPU of `--device` (cuda where none is named) or not at all.
    #[arg(long)]
    pub only_gpu: bool,
    /// Run depth first with all models loaded, instead of one model after the other with states waiting on the disk.
    #[arg(long)]
    pub nested: bool,
    /// Run even if it is not expected to fit into memory.
    #[arg(long)]
    pub no_memory_check: bool,
    /// Where the models lie [default: shared-models beside or above the program or this folder].
    #[arg(long, alias = "assets", value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

impl HowArgs {
    /// Devices and threads as the engine takes them.
    ///
    /// # Errors
    /// A list of devices without a GPU where only a GPU will do.
    pub fn pool(&self) -> anyhow::Result<PoolConfig> {
        let mut devices = DeviceList::default();
        if self.only_gpu {
            let gpus = devices.as_slice().iter().filter(|device| **device != Device::Cpu);
            let gpus: Vec<&str> = gpus.map(|device| device.name()).collect();
            let list = if gpus.is_empty() { "cuda".to_owned() } else { gpus.join(",") };
            devices = list.parse()?;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(PoolConfig {
            devices,
            intra_threads: self.num_threads.unwrap_or(cores),
            whole_graph: false,
            ..Config::default().pool
        })
    }
}

/// A date and a time of day.
///
/// # Errors
/// Texts that are none.
pub fn moment(date: Option<&str>, time: Option<&str>) -> anyhow::Result<Option<Time>> {
    let Some(date) = date else { return Ok(None) };
    let text = match time {
        None => date.to_owned(),
        // Hours may be written without their zero.
        Some(hour) if hour.len() == 1 => format!("{date}T0{hour}"),
        Some(time) => format!("{date}T{time}"),
    };
    Ok(Some(Time::parse(&text)?))
}

impl Args {
    /// The request they stand for.
    ///
    /// # Errors
    /// Arguments that say nothing sensible.
    pub fn request(&self) -> anyhow::Result<Request> {
        let search = strata_core::paths::search_path(self.how.models_dir.as_deref());
        let leads = match &self.steps {
            Some(steps) => parse_leads(steps).map_err(anyhow::Error::msg)?,
            None => usual_leads(&Family::find(&self.model, &search)?, self.lead_time),
        };
        let pair = |text: &String| {
            let (key, value) = text
                .split_once('=')
                .with_context(|| format!("--metadata {text}: write KEY=VALUE"))?;
            Ok((key.trim().to_owned(), value.to_owned()))
        };
        Ok(Request {
            model: self.model.clone(),
            files: self.file.clone(),
            time: moment(self.date.as_deref(), self.time.as_deref())?,
            regrid: self.regrid,
            lags: self.members.lags.clone(),
            leads,
            order: if self.how.nested { Order::Nested } else { Order::ByModel },
            selection: self.what.selection(),
            members: self.members.members,
            ensemble: self.members.ensemble()?,
            path: self.path.clone(),
            resume: self.how.resume,
            checkpoint: self.how.checkpoint.clone(),
            every: Duration::from_secs(self.how.checkpoint_every),
            pool: self.how.pool()?,
            memory_check: !self.how.no_memory_check,
            metadata: self.metadata.iter().map(pair).collect::<anyhow::Result<_>>()?,
            arguments: arguments(),
            cancel: None,
        })
    }
}

/// The program's arguments without those that do not change the result: a run that went on has the metadata of one that did not
/// have to.
#[must_use]
pub fn arguments() -> Vec<String> {
    std::env::args()
        .skip(1)
        .filter(|argument| argument != "--resume" && argument != "--quiet" && argument != "-q")
        .collect()
}

/// Runs it.
///
/// # Errors
/// A model, file or argument that cannot be used.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let search = strata_core::paths::search_path(args.how.models_dir.as_deref());
    let summary = with_progress(args.request()?, globals, |request, progress| {
        make(request, &search, progress)
    })?;
    if let Some(path) = &args.dump_provenance {
        let json = serde_json::to_vec_pretty(&summary)?;
        strata_cli::atomic::write_whole(path, &json)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if !globals.quiet {
        say(&told(&summary))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a request with progress on standard error, to be stopped by Ctrl-C.
///
/// # Errors
/// What the run reports.
pub fn with_progress(
    mut request: Request,
    globals: &Globals,
    work: impl FnOnce(
        &Request,
        &mut dyn FnMut(strata_earth::rollout::Progress),
    ) -> anyhow::Result<Summary>,
) -> anyhow::Result<Summary> {
    let stop = stop_on_interrupt()?;
    let cancel = CancelToken::new();
    request.cancel = Some(cancel.clone());
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let watcher = {
        let over = std::sync::Arc::clone(&over);
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                if stop.load(Ordering::Relaxed) {
                    return cancel.cancel();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        })
    };
    let mut bar = reporter_of(globals.quiet, "runs");
    let mut first = None;
    let result = work(&request, &mut |progress| {
        let resumed = *first.get_or_insert(progress.done as u64 - 1);
        let fraction = Some(progress.done as f64 / progress.total.max(1) as f64);
        bar.update(&Update { rows: progress.done as u64, resumed, failed: 0, fraction });
    });
    over.store(true, Ordering::Relaxed);
    let _ = watcher.join();
    result
}

/// What people want to know of it.
#[must_use]
pub fn told(summary: &Summary) -> String {
    let facts = &summary.provenance;
    let mut text = String::new();
    for repair in &summary.repairs {
        text += &format!("analysis: {repair}\n");
    }
    if facts.planet != strata_earth::card::EARTH {
        text += &format!("planet: {}, not Earth weather\n", facts.planet);
    }
    if let Some(ensemble) = &facts.ensemble {
        text += &format!("ensemble: {ensemble}\n");
    }
    for model in &facts.models {
        text += &format!(
            "{} {}: {} runs of {} h ({})\n",
            model.model, model.version, model.runs, model.step_hours, model.licence
        );
    }
    let report = &summary.report;
    let took = clock(Duration::from_secs_f64(report.seconds.max(0.0)));
    let last = facts.leads_hours.last().copied().unwrap_or(0);
    let ran_on = report.ran_on.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    text += &format!(
        "{}: {} leads to {last} h from {}, {} runs in {took} ({:.1} s in the models, {ran_on}){}\n",
        summary.path,
        facts.leads_hours.len(),
        facts.reference,
        report.runs,
        report.model_seconds,
        if summary.resumed { ", gone on with" } else { "" }
    );
    text
}
