//! `/v1/cameras`: how cameras are, what they see, and their zones.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::keys::Scope;
use strata_serve::{Nothing, Operation, Problem};

use super::cameras::Cameras;
use super::picture::JPEG;
use crate::watch::config::ZoneConfig;
use crate::watch::status::{CameraStatus, PassStatus, SinkStatus};
use crate::watch::{Handle, ZoneError};

/// Zones a camera may have.
const ZONES: usize = 200;

/// Pictures a second of a film, where the request does not say.
const RATE: f32 = 5.0;

/// How the cameras are.
#[derive(Debug, Serialize, JsonSchema)]
struct CameraList {
    /// Whether this server is to watch cameras.
    watching: bool,
    /// Why it does not, although it is to.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    /// The cameras; empty until their models are loaded.
    cameras: Vec<CameraStatus>,
    /// Runs of models, each shared by the scenes that need it.
    passes: Vec<PassStatus>,
    /// Where events go.
    sinks: Vec<SinkStatus>,
}

/// Which camera.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CameraAsk {
    /// Its name.
    name: String,
}

/// A film of a camera.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FilmAsk {
    /// The camera.
    name: String,
    /// Most pictures a second, 0.1 to 10; 5 where it is not said.
    #[serde(default)]
    fps: Option<f32>,
}

/// Zones of a camera.
#[derive(Debug, Serialize, JsonSchema)]
struct ZoneList {
    /// Its own zones, and those of all cameras.
    zones: Vec<ZoneInfo>,
}

/// A zone.
#[derive(Debug, Serialize, JsonSchema)]
struct ZoneInfo {
    /// The zone.
    #[serde(flatten)]
    zone: ZoneConfig,
    /// It is one of all cameras, and edited in the configuration.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shared: bool,
}

/// The zones a camera is to have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ZonesAsk {
    /// All its own zones: what is missing here is removed. `camera` may be left out.
    zones: Vec<ZoneConfig>,
}

pub(super) fn operations(cameras: &Arc<Cameras>) -> Vec<Operation> {
    let [all, frame, film, zones, put] = std::array::from_fn(|_| Arc::clone(cameras));
    vec![
        Operation::get("cameras", "/v1/cameras")
            .about("Cameras", "How the watched cameras are", "Frames, drops, latency and state of each.")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| list(&all)),
        Operation::get("frame", "/v1/cameras/{name}/frame")
            .about("Cameras", "The newest picture of a camera", "With what is seen drawn in.")
            .scope(Scope::Read)
            .shows(JPEG, move |_, ask: CameraAsk| frame.screen(&ask.name)),
        Operation::get("film", "/v1/cameras/{name}/live")
            .about("Cameras", "The pictures of a camera as they come", "For an `<img>`.")
            .scope(Scope::Read)
            .films(move |_, ask: FilmAsk| {
                let rate = ask.fps.unwrap_or(RATE);
                if !(0.1..=10.0).contains(&rate) {
                    return Err(Problem::field("fps", format!("{rate} is not from 0.1 to 10")));
                }
                Ok(film.screen(&ask.name)?.film(rate))
            }),
        Operation::get("zones", "/v1/cameras/{name}/zones")
            .about("Cameras", "Zones of a camera", "Areas and lines that rules speak of.")
            .scope(Scope::Read)
            .computes(move |_, ask: CameraAsk| {
                zones.check(&ask.name)?;
                Ok(zones_of(&zones.handle()?, &ask.name))
            }),
        Operation::put("put-zones", "/v1/cameras/{name}/zones")
            .about(
                "Cameras",
                "Give a camera other zones",
                "They take the place of all its own zones at once, are kept in the file of zones beside the \
                 configuration, and count from the next frame. Events of rules whose zone changed end.",
            )
            .scope(Scope::Jobs)
            .computes_at(move |_, at: CameraAsk, ask: ZonesAsk| {
                put.check(&at.name)?;
                let handle = put.handle()?;
                replace(&handle, &at.name, ask.zones)?;
                Ok(zones_of(&handle, &at.name))
            }),
    ]
}

fn list(cameras: &Cameras) -> Result<CameraList, Problem> {
    let (watching, trouble) = (cameras.is_watching(), cameras.trouble());
    let Ok(handle) = cameras.handle() else {
        let (cameras, passes, sinks) = (Vec::new(), Vec::new(), Vec::new());
        return Ok(CameraList { watching, trouble, cameras, passes, sinks });
    };
    let status = handle.status().map_err(Problem::internal)?;
    let (cameras, passes, sinks) = (status.cameras, status.passes, status.sinks);
    Ok(CameraList { watching, trouble, cameras, passes, sinks })
}

fn zones_of(handle: &Handle, camera: &str) -> ZoneList {
    let seen = |zone: &ZoneConfig| zone.camera.as_deref().is_none_or(|own| own == camera);
    let info = |zone: ZoneConfig| ZoneInfo { shared: zone.camera.is_none(), zone };
    ZoneList { zones: handle.zones().into_iter().filter(seen).map(info).collect() }
}

fn replace(handle: &Handle, camera: &str, mut zones: Vec<ZoneConfig>) -> Result<(), Problem> {
    if zones.len() > ZONES {
        let text = format!("{} zones; a camera takes {ZONES}", zones.len());
        return Err(Problem::field("/zones", text));
    }
    for (at, zone) in zones.iter_mut().enumerate() {
        let wrong =
            |field: &str, text: String| Err(Problem::field(format!("/zones/{at}/{field}"), text));
        if zone.camera.as_deref().is_some_and(|other| other != camera) {
            return wrong("camera", format!("it is not {camera:?}: leave it out"));
        }
        zone.camera = Some(camera.to_owned());
        zone.name = zone.name.trim().to_owned();
        if zone.name.is_empty() || zone.name.len() > 200 {
            return wrong("name", "it is empty or longer than 200 bytes".to_owned());
        }
        if let Some(fault) = zone.fault() {
            return Err(Problem::field(
                format!("/zones/{at}"),
                format!("zone {:?} {fault}", zone.name),
            ));
        }
    }
    let twice = zones
        .iter()
        .enumerate()
        .find(|(at, zone)| zones[..*at].iter().any(|z| z.name == zone.name));
    if let Some((at, zone)) = twice {
        let text = format!("there are two zones {:?}", zone.name);
        return Err(Problem::field(format!("/zones/{at}/name"), text));
    }
    let own = |zone: &ZoneConfig| zone.camera.as_deref() == Some(camera);
    let gone = |zone: &ZoneConfig| zones.iter().all(|kept| kept.name != zone.name);
    let remove: Vec<(String, Option<String>)> = handle
        .zones()
        .into_iter()
        .filter(|zone| own(zone) && gone(zone))
        .map(|zone| (zone.name, zone.camera))
        .collect();
    handle.edit_zones(zones, &remove).map_err(|error| match error {
        ZoneError::Config(_) | ZoneError::Written(_) => Problem::field("/zones", error),
        other => Problem::internal(other),
    })
}
