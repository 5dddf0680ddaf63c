//! `/v1/tracks`: cyclones of a run, by the same function as `strata-weather track`.

use std::sync::{Arc, Mutex, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strata_earth::time::Time;
use strata_earth::track::{Place, write};
use strata_serve::keys::Scope;
use strata_serve::{Kind, Operation, Problem, Reply};

use super::forecast::run;
use crate::store::{Run, Store};
use crate::track::{Method, TrackJob, Tracked, track_forecast};

const CSV: &str = "text/csv";

/// Results that are kept.
const KEPT: usize = 16;

/// What is tracked, and how.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrackAsk {
    /// Model; the one with the newest run where it is left out.
    #[serde(default)]
    model: String,
    /// When the run begins; the newest where it is left out.
    #[serde(default)]
    run: Option<String>,
    /// Member of an ensemble; the control where it is left out.
    #[serde(default)]
    member: Option<u32>,
    /// `pangu` (from known places on) or `tempest` (found freely); the first where places are given.
    #[serde(default)]
    method: Option<String>,
    /// Places to begin from, as `latitude,longitude`; may be repeated.
    #[serde(default)]
    from: Vec<String>,
    /// Cyclones with a warm core only (tempest).
    #[serde(default)]
    warm_core: bool,
    /// `geojson` or `csv`.
    #[serde(default)]
    format: Option<String>,
}

/// Tracks as GeoJSON.
#[derive(Debug, Serialize, JsonSchema)]
struct TrackReply {
    /// Model.
    model: String,
    /// Whose atmosphere it is.
    planet: String,
    /// When the run begins.
    run: String,
    /// Rules that could not be asked, for want of fields.
    notes: Vec<String>,
    /// How many tracks.
    count: usize,
    /// A `FeatureCollection`.
    geojson: Value,
}

type Kept = Mutex<Vec<(Arc<Run>, TrackAsk, Arc<Tracked>)>>;

pub(super) fn operations(store: &Arc<Store>) -> Vec<Operation> {
    let store = Arc::clone(store);
    let kept: Kept = Mutex::default();
    vec![
        Operation::get("tracks", "/v1/tracks")
            .about("Forecasts", "Cyclones of a run", "By the function of `strata-weather track`.")
            .scope(Scope::Read)
            .replies::<TrackAsk, TrackReply, _>(&[CSV], move |_, ask| {
                let reference = ask.run.as_deref().map(Time::parse).transpose();
                let reference = reference.map_err(|error| Problem::field("run", error))?;
                let run = run(&store.snapshot(), &ask.model, reference)?;
                let tracked = tracked(&kept, &run, &ask)?;
                match ask.format.as_deref() {
                    Some("csv") => Ok(Reply::Bytes {
                        content_type: CSV,
                        bytes: write::csv(&tracked.tracks).into(),
                    }),
                    None | Some("geojson") => Ok(Reply::Json(TrackReply {
                        model: run.model.clone(),
                        planet: run.planet.clone(),
                        run: run.reference.to_string(),
                        notes: tracked.notes.clone(),
                        count: tracked.tracks.len(),
                        geojson: write::geojson(&tracked.tracks),
                    })),
                    Some(_) => Err(Problem::field("format", "it is neither geojson nor csv")),
                }
            }),
    ]
}

fn tracked(kept: &Kept, run: &Arc<Run>, ask: &TrackAsk) -> Result<Arc<Tracked>, Problem> {
    let same = |(of, asked, _): &&(Arc<Run>, TrackAsk, Arc<Tracked>)| {
        Arc::ptr_eq(of, run) && asked == &TrackAsk { format: asked.format.clone(), ..ask.clone() }
    };
    let lock = || kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((.., tracked)) = lock().iter().find(same) {
        return Ok(Arc::clone(tracked));
    }
    let source = run.source();
    let tracked = track_forecast(&source, &job(ask)?, &mut |_, _| {}).map_err(|error| {
        Problem::new(Kind::Unprocessable, "no-tracks", error)
            .with_remedy("/v1/models lists the fields of each run")
    })?;
    let tracked = Arc::new(tracked);
    let mut kept = lock();
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push((Arc::clone(run), ask.clone(), Arc::clone(&tracked)));
    Ok(tracked)
}

fn job(ask: &TrackAsk) -> Result<TrackJob, Problem> {
    let method = match ask.method.as_deref() {
        None => None,
        Some("pangu") => Some(Method::Pangu),
        Some("tempest") => Some(Method::Tempest),
        Some(_) => return Err(Problem::field("method", "it is neither pangu nor tempest")),
    };
    let place = |text: &String| {
        let both = text.split_once(',');
        let both = both.and_then(|(lat, lon)| {
            Some((lat.trim().parse::<f64>().ok()?, lon.trim().parse::<f64>().ok()?))
        });
        both.filter(|(lat, lon)| lat.abs() <= 90.0 && lon.abs() <= 360.0)
            .map(|(lat, lon)| Place::new(lat, lon))
            .ok_or_else(|| {
                let text: String = text.chars().take(40).collect();
                Problem::field("from", format!("{text:?} is no place: write latitude,longitude"))
            })
    };
    let from = ask.from.iter().map(place).collect::<Result<_, _>>()?;
    Ok(TrackJob {
        method,
        from,
        member: ask.member,
        warm_core: ask.warm_core,
        ..TrackJob::default()
    })
}
