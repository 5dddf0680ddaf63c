//! `verify`: forecasts against what happened.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use strata_cli::atomic::write_whole;
use strata_cli::{Globals, say};
use strata_earth::climatology::{Climatology, Window};
use strata_earth::metrics::Missing;
use strata_earth::metrics::area::Weighting;
use strata_earth::metrics::bootstrap::Bootstrap;
use strata_earth::metrics::region::Region;
use strata_earth::metrics::series::Metric;
use strata_earth::regrid::Method;
use strata_earth::source::{Limits, Source};

use super::progress::Watch;
use crate::verify::{
    Event, Inputs, Options, PrecipitationClimate, Regridder, Report, Weights, page, plots,
    precipitation_climate, table, verify,
};

/// Verify forecasts against analyses: errors, anomaly correlation, scores of ensembles, spectra, with intervals.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  strata-weather verify forecast.nc --truth analyses.nc --climatology usual.clim
  strata-weather verify out-*.grib --truth era5.grib --regions global,europe,home=40/100/20/120 --metrics rmse,acc
  strata-weather verify ens.grib --truth era5.grib --event 2t=303.15 --plot plots --out scores.json

Fields are paired by variable, level and the time at which they hold; members of a forecast are one ensemble, whose deterministic
scores are its mean's. Grids that differ only in order are brought into order. Regions are WeatherBench 2's, or boxes
NORTH/WEST/SOUTH/EAST. RMSE is the root of the time mean of the area mean; intervals are by a seeded block bootstrap over the
times at which forecasts begin.")]
pub struct Args {
    /// Forecast files of one system.
    #[arg(required = true, value_name = "FORECAST")]
    forecasts: Vec<PathBuf>,
    /// Another system's forecast files: differences to them, with paired intervals.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    common: VerifyArgs,
    /// Where the figures go: .csv or .json.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A folder for plots (SVG) and a page of them all, with the figures: index.html.
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
}

/// Arguments that `verify` and `eval` share.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct VerifyArgs {
    /// Files of what happened: analyses.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub(super) truth: Vec<PathBuf>,
    /// What is usual: a climatology of this program, or a file of fields of one year or more.
    #[arg(long, value_name = "FILE")]
    pub(super) climatology: Option<PathBuf>,
    /// Regions, by name or as boxes.
    #[arg(long, value_delimiter = ',', default_value = "global", value_name = "REGION")]
    regions: Vec<String>,
    /// Metrics; all that can be measured where none is named.
    #[arg(long, value_delimiter = ',', value_name = "METRIC")]
    metrics: Vec<String>,
    /// Area weights.
    #[arg(long, default_value = "wb2", value_parser = ["wb2", "cosine"])]
    weights: String,
    /// Bring forecasts (and the climatology) to the truth's grid where grids differ: nearest, bilinear or conservative.
    #[arg(long, value_name = "METHOD")]
    regrid: Option<Method>,
    /// A missing point makes its time's figure missing, as WeatherBench 2 does; else it is left out.
    #[arg(long)]
    strict_missing: bool,
    /// An event for Brier scores: VARIABLE=THRESHOLD, the variable above it.
    #[arg(long, value_name = "VARIABLE=THRESHOLD")]
    event: Vec<String>,
    /// Files of past precipitation, the same accumulation as the forecast's: its climate, for SEEPS.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    precipitation_history: Vec<PathBuf>,
    /// Zonal energy spectra of forecast and truth, between 30 and 60 degrees.
    #[arg(long)]
    spectra: bool,
    /// Draws of the bootstrap; 0 for no intervals.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    resamples: usize,
    /// Times of a block of the bootstrap; the cube root of their number where none is given.
    #[arg(long, value_name = "N")]
    block: Option<usize>,
    /// Seed of the bootstrap and of ranks among equal members.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl VerifyArgs {
    pub(super) fn options(&self) -> anyhow::Result<Options> {
        let metric = |name: &String| {
            let known = || Metric::ALL.map(Metric::name).join(", ");
            Metric::named(name).with_context(|| format!("{name:?} is no metric: {}", known()))
        };
        let event = |text: &String| {
            let (variable, above) = text.split_once('=').with_context(|| {
                format!("{text:?} is no event: write VARIABLE=THRESHOLD, as in 2t=303.15")
            })?;
            let above = above.parse().with_context(|| format!("{above:?} is no threshold"))?;
            Ok(Event { variable: variable.to_owned(), above })
        };
        let regions = self.regions.iter().map(|region| region.parse::<Region>());
        let metrics: Vec<Metric> =
            self.metrics.iter().map(metric).collect::<anyhow::Result<_>>()?;
        Ok(Options {
            regions: regions.collect::<Result<_, _>>()?,
            weighting: match self.weights.as_str() {
                "cosine" => Weighting::Cosine,
                _ => Weighting::SinDifference,
            },
            missing: if self.strict_missing { Missing::Propagate } else { Missing::Skip },
            metrics: Some(metrics).filter(|metrics| !metrics.is_empty()),
            bootstrap: Bootstrap {
                resamples: self.resamples,
                block: self.block,
                seed: self.seed,
                ..Bootstrap::default()
            },
            events: self.event.iter().map(event).collect::<anyhow::Result<_>>()?,
            spectra: self.spectra,
        })
    }

    pub(super) fn regridder(&self) -> Option<Weights> {
        self.regrid.map(Weights::new)
    }

    pub(super) fn precipitation(&self) -> anyhow::Result<Option<PrecipitationClimate>> {
        match self.precipitation_history.is_empty() {
            true => Ok(None),
            false => precipitation_climate(&open_all(&self.precipitation_history)?).map(Some),
        }
    }

    pub(super) fn climatology(&self) -> anyhow::Result<Option<Climatology>> {
        self.climatology.as_deref().map(|path| climatology(path, Window::None)).transpose()
    }
}

/// A climatology of this program, or that of a file of fields; fields of one time are the climatology of all times.
pub(super) fn climatology(path: &Path, window: Window) -> anyhow::Result<Climatology> {
    if Climatology::is_file(path) {
        return Ok(Climatology::load(path)?);
    }
    let source = strata_earth::open(path, &Limits::default())?;
    let mut times = source.headers().iter().map(strata_earth::field::Header::valid);
    // A file of one time does not say of which days it is a mean: it is taken for all.
    let first = times.next();
    let window = if times.all(|time| Some(time) == first) { Window::AllTimes } else { window };
    let mut builder = strata_earth::climatology::Builder::new(window);
    for (at, header) in source.headers().iter().enumerate() {
        builder.add(header, &source.values(at)?)?;
    }
    builder.finish().with_context(|| format!("{}", path.display()))
}

/// Opens files; what could not be understood in them is logged.
pub(super) fn open_all(paths: &[PathBuf]) -> anyhow::Result<Vec<Box<dyn Source>>> {
    let open = |path: &PathBuf| {
        let source = strata_earth::open(path, &Limits::default())?;
        if let Some(first) = source.notes().first() {
            let count = source.notes().len();
            tracing::warn!(file = %path.display(), "{count} notes, the first: {first}");
        }
        Ok(source)
    };
    paths.iter().map(open).collect()
}

/// Verifies.
///
/// # Errors
/// Files that cannot be read, arguments that name nothing, or nothing that could be compared.
pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<ExitCode> {
    let options = args.common.options()?;
    let climatology = args.common.climatology()?;
    let precipitation = args.common.precipitation()?;
    let regridder = args.common.regridder();
    let truth = open_all(&args.common.truth)?;
    let measured = |paths: &[PathBuf]| {
        let watch = Watch::new(globals.quiet, "times");
        let counted = |done, total| watch.count(done, total);
        let forecasts = open_all(paths)?;
        let inputs = Inputs {
            forecasts: &forecasts,
            truth: &truth,
            climatology: climatology.as_ref(),
            precipitation: precipitation.as_ref(),
            regridder: regridder.as_ref().map(|weights| weights as &dyn Regridder),
            progress: Some(&counted),
        };
        verify(&inputs, &options)
    };
    let verification = measured(&args.forecasts)?;
    let other = match args.against.is_empty() {
        true => None,
        false => Some(measured(&args.against).context("the other forecast")?),
    };
    let report = Report::new(&verification, other.as_ref(), &options);
    if let Some(out) = &args.out {
        let text = match out.extension().and_then(|end| end.to_str()) {
            Some("csv") => report.csv(),
            Some("json") => serde_json::to_string_pretty(&report)? + "\n",
            _ => anyhow::bail!("{}: figures are written as .csv or .json", out.display()),
        };
        write_whole(out, text.as_bytes()).with_context(|| format!("{}", out.display()))?;
    }
    if let Some(folder) = &args.plot {
        std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        let plots = plots(&report)?;
        let index = ("index.html".to_owned(), page(&report, &plots));
        for (name, text) in plots.iter().chain([&index]) {
            let path = folder.join(name);
            write_whole(&path, text.as_bytes()).with_context(|| format!("{}", path.display()))?;
        }
    }
    if !globals.quiet {
        say(&table(&report))?;
    }
    Ok(ExitCode::SUCCESS)
}
