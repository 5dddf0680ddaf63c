//! `/v1/jobs/forecast`: a forecast as a job, by the same function as `strata-weather forecast`. What it writes is a result of the
//! job, and is served from then on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strata_core::paths::SearchPath;
use strata_core::runtime::{CancelToken, PoolConfig};
use strata_earth::rollout::{Area, Family, Method, Order, Progress, Selection, parse_leads};
use strata_serve::jobs::{JobContext, JobFailure, JobKind, JobOutput, JobProgress, ResultFile};
use strata_serve::{JobDoor, Problem, UploadParameters};

use crate::cli::forecast::{Kind, MemberArgs, moment};
use crate::forecast::{Request, Summary, run, usual_leads};
use crate::store::Store;

/// Content types of analyses; they are told by how they begin in any case.
const CONTENT: &[&str] = &[
    "application/octet-stream",
    "application/netcdf",
    "application/x-netcdf",
    "application/x-hdf5",
    "application/wmo-grib",
];

/// The result.
const RESULT: &str = "forecast.nc";

/// Most members.
const MOST_MEMBERS: u32 = 200;

/// Longest forecast, in hours.
const LONGEST: u32 = 24 * 366;

/// What is forecast.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ForecastAsk {
    /// Name of the analysis, a NetCDF or GRIB file.
    #[serde(default = "analysis")]
    filename: String,
    /// Family of models, or one model.
    model: String,
    /// Hours to forecast.
    #[serde(default = "ten_days")]
    lead_time: u32,
    /// Leads to write, such as `6..120/6`; every 6 h where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<String>,
    /// Day of the analysis, needed where the file has several times: 20240501.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    /// Time of day, UTC: 0600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// Variables to write, with commas between; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<String>,
    /// Pressures to write, in hPa, with commas between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    levels: Option<String>,
    /// Area to write: north/west/south/east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    area: Option<String>,
    /// `nearest`, `bilinear` or `conservative`, for an analysis of another grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regrid: Option<String>,
    /// Members of an ensemble; the first is not perturbed.
    #[serde(default = "one")]
    members: u32,
    /// `perlin`, `gaussian` or `bred`; perlin where there are several members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    perturbation: Option<String>,
    /// In standard deviations of each field over the globe.
    #[serde(default = "twentieth")]
    amplitude: f64,
    /// Which noise.
    #[serde(default)]
    seed: u64,
}

fn analysis() -> String {
    "analysis.nc".to_owned()
}

fn ten_days() -> u32 {
    240
}

fn one() -> u32 {
    1
}

fn twentieth() -> f64 {
    0.05
}

impl UploadParameters for ForecastAsk {
    fn file_name(&self) -> &str {
        &self.filename
    }
}

/// What jobs run with.
#[derive(Clone)]
pub(super) struct Means {
    pub(super) store: Arc<Store>,
    pub(super) search: SearchPath,
    pub(super) pool: PoolConfig,
}

/// The address of forecasts.
pub(super) fn door(means: Means) -> JobDoor {
    let kind = Arc::new(ForecastKind { means: means.clone() });
    JobDoor::upload::<ForecastAsk>(
        kind,
        ("forecast_job", "/v1/jobs/forecast"),
        (
            "Make a forecast",
            "Upload an analysis (NetCDF or GRIB); the forecast is a NetCDF file, as `strata-weather forecast` writes it, and is \
             served from then on. The job survives a restart of the server and goes on where it was.",
        ),
        CONTENT,
        move |ask| request(ask, &means).map(drop),
    )
}

/// The request without its files, or what is wrong with it.
fn request(ask: &ForecastAsk, means: &Means) -> Result<Request, Problem> {
    let wrong =
        |field: &str, error: &dyn std::fmt::Display| Problem::field(field, error.to_string());
    let family = Family::find(&ask.model, &means.search).map_err(|e| wrong("model", &e))?;
    if !(1..=LONGEST).contains(&ask.lead_time) {
        return Err(Problem::field("lead_time", format!("it is not from 1 to {LONGEST} h")));
    }
    if !(1..=MOST_MEMBERS).contains(&ask.members) {
        return Err(Problem::field("members", format!("it is not from 1 to {MOST_MEMBERS}")));
    }
    let leads = match &ask.steps {
        Some(steps) => parse_leads(steps).map_err(|e| wrong("steps", &e))?,
        None => usual_leads(&family, ask.lead_time),
    };
    if leads.iter().any(|lead| *lead > LONGEST) {
        return Err(Problem::field("steps", format!("a step is beyond {LONGEST} h")));
    }
    let list = |text: &Option<String>| -> Vec<String> {
        let parts = text.iter().flat_map(|text| text.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let level = |text: String| text.parse::<f64>().map_err(|e| wrong("levels", &e));
    let levels = list(&ask.levels).into_iter().map(level).collect::<Result<_, _>>()?;
    let area = ask.area.as_deref().map(str::parse::<Area>).transpose();
    let regrid = ask.regrid.as_deref().map(str::parse::<Method>).transpose();
    let kind = ask.perturbation.as_deref().map(|text| Kind::from_str(text, true)).transpose();
    let members = MemberArgs {
        members: ask.members,
        perturbation: kind.map_err(|e| wrong("perturbation", &e))?,
        amplitude: ask.amplitude,
        seed: ask.seed,
        cycles: 3,
        lags: Vec::new(),
    };
    let time = moment(ask.date.as_deref(), ask.time.as_deref());
    Ok(Request {
        model: ask.model.clone(),
        files: Vec::new(),
        time: time.map_err(|e| wrong("date", &e))?,
        regrid: regrid.map_err(|e| wrong("regrid", &e))?,
        lags: Vec::new(),
        leads,
        order: Order::ByModel,
        selection: Selection {
            variables: list(&ask.fields),
            levels,
            area: area.map_err(|e| wrong("area", &e))?,
        },
        members: ask.members,
        ensemble: members.ensemble().map_err(|e| wrong("perturbation", &e))?,
        path: String::new(),
        resume: false,
        checkpoint: None,
        every: Duration::from_secs(60),
        pool: means.pool.clone(),
        memory_check: true,
        metadata: Default::default(),
        arguments: Vec::new(),
        cancel: None,
    })
}

/// Makes forecasts.
struct ForecastKind {
    means: Means,
}

impl JobKind for ForecastKind {
    fn name(&self) -> &'static str {
        "forecast"
    }

    fn run(&self, job: &JobContext<'_>) -> Result<JobOutput, JobFailure> {
        let ask: ForecastAsk = serde_json::from_value(job.params().clone())
            .map_err(|error| JobFailure::new("parameters", error.to_string()))?;
        let input = job.input().ok_or_else(|| JobFailure::new("no_input", "there is no file"))?;
        let path = job.out_dir().join(RESULT);
        let cancel = CancelToken::new();
        let mut request = request(&ask, &self.means)
            .map_err(|problem| JobFailure::new("parameters", problem.detail))?;
        request.files = vec![input.to_path_buf()];
        request.path = path.to_string_lossy().into_owned();
        request.resume = job.attempt() > 1;
        request.checkpoint = Some(job.dir().join("checkpoint"));
        request.arguments = vec!["serve".to_owned(), format!("job {}", job.id())];
        request.cancel = Some(cancel.clone());
        let told = |progress: Progress| {
            let total = progress.total.max(1);
            job.progress(&JobProgress {
                done: progress.done as u64,
                failed: 0,
                fraction: Some(progress.done as f64 / total as f64),
                message: Some(format!("{} / {total}", progress.done)),
            });
        };
        let summary =
            until(job.stop(), &cancel, || run(&request, &self.means.search, &mut { told }));
        let summary = summary.map_err(|error| match job.stop().load(Ordering::Relaxed) {
            true => JobFailure::Interrupted,
            false => JobFailure::new("forecast", plain(&format!("{error:#}"), job)),
        })?;
        let served = self.serve(&path, &summary, job.id());
        Ok(output(&summary, served.as_deref()))
    }
}

impl ForecastKind {
    /// Puts the result among the forecasts that are served; its name there.
    fn serve(&self, path: &Path, summary: &Summary, id: &str) -> Option<String> {
        let folder = self.means.store.folder()?;
        let time: String = summary
            .provenance
            .reference
            .to_string()
            .chars()
            .filter(|c| !"-:".contains(*c))
            .collect();
        let id: String = id.chars().take(8).collect();
        let name = format!("{}-{}-{id}.nc", summary.provenance.family, time.trim_end_matches('Z'));
        let (part, whole) = (folder.join(format!(".{name}.part")), folder.join(&name));
        let _ = std::fs::remove_file(&part);
        let put = std::fs::create_dir_all(folder)
            // A second name for the same bytes, where both lie on one disk.
            .and_then(|()| match std::fs::hard_link(path, &part) {
                Ok(()) => Ok(()),
                Err(_) => std::fs::copy(path, &part).map(drop),
            })
            .and_then(|()| std::fs::rename(&part, &whole));
        if let Err(error) = put {
            tracing::error!(%error, "a forecast is not served");
            return None;
        }
        if let Err(error) = self.means.store.refresh() {
            tracing::error!(%error, "the folder of forecasts cannot be read");
        }
        Some(name)
    }
}

/// Works; cancels when it is time to stop.
fn until<T>(stop: &AtomicBool, cancel: &CancelToken, work: impl FnOnce() -> T) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if stop.load(Ordering::Relaxed) {
                    return cancel.cancel();
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        result
    })
}

/// A failure in the words of the one who uploaded: with the file's own name, not the server's path.
fn plain(text: &str, job: &JobContext<'_>) -> String {
    let path = job.input().map(|path| path.display().to_string()).unwrap_or_default();
    let text = text.replace(&path, job.input_name().unwrap_or("the file"));
    text.replace(&job.dir().display().to_string(), "the job's folder")
        .replace("--date and --time", "date and time")
        .replace("--regrid ", "regrid=")
}

fn output(summary: &Summary, served: Option<&str>) -> JobOutput {
    let file = ResultFile {
        name: RESULT.to_owned(),
        content_type: "application/netcdf".to_owned(),
        title: "Forecast".to_owned(),
    };
    JobOutput {
        files: vec![file],
        summary: json!({
            "planet": summary.provenance.planet,
            "run": summary.provenance.reference,
            "leads_hours": summary.provenance.leads_hours,
            "repairs": summary.repairs,
            "served": served,
            "report": summary.report,
            "provenance": summary.provenance,
        }),
    }
}
