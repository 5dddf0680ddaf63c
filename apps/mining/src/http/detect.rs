//! `/v1/detect`: a picture to the things found in it, or to the picture with them drawn in.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::batching::Ask;
use strata_core::provenance::STRATA_VERSION;
use strata_serve::{Call, Operation, PICTURES, Problem, Reply, Source, Upload, aside, through};
use strata_vision::heads::Head;

use super::engine::{Engine, Key, Ready};
use super::picture::{self, JPEG, PNG};
use super::problems::{of_trouble, too_long};
use crate::detect::Found;
use crate::overlay;
use crate::picture::Picture;
use crate::scenario::Loaded;

/// Longest list of classes, in bytes.
const LONGEST: usize = 4096;

/// Smallest tile, in pixels.
const SMALLEST: u32 = 32;

/// How a picture is looked at. What is left out is the scenario's, or the model card's.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DetectAsk {
    /// A scenario of detection.
    scenario: Option<String>,
    /// A model to use in place of the scenario's, or without one.
    model: Option<String>,
    /// Least score of a detection, from 0 to 1.
    conf: Option<f32>,
    /// Overlap (IoU) from which two boxes of a class are one thing, from 0 to 1.
    iou: Option<f32>,
    /// Names of the classes to look for, with commas between.
    classes: Option<String>,
    /// Look at tiles of so many pixels, for small things in large pictures; 0 for the whole at once.
    tile: Option<u32>,
    /// Name of the picture, for the row.
    name: Option<String>,
}

/// The things found in a picture.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DetectReply {
    /// The row that `strata-mining detect` writes for this picture.
    #[serde(flatten)]
    found: Found,
    /// The scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario: Option<ScenarioRef>,
    /// How it was looked at.
    settings: SettingsInfo,
    /// Where the answer comes from.
    provenance: Source,
}

/// Which scenario.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ScenarioRef {
    /// Its name.
    name: String,
    /// Its version.
    version: String,
    /// SHA-256 of its text.
    sha256: String,
    /// Version of Strata.
    strata: String,
}

impl From<&Loaded> for ScenarioRef {
    fn from(loaded: &Loaded) -> Self {
        Self {
            name: loaded.scenario.name.clone(),
            version: loaded.scenario.version.clone(),
            sha256: loaded.digest(),
            strata: STRATA_VERSION.to_owned(),
        }
    }
}

/// How a picture was looked at.
#[derive(Debug, Serialize, JsonSchema)]
struct SettingsInfo {
    /// Least score.
    confidence: f32,
    /// Least score of the scenario, or of the model's card: what counts without a wish.
    usual_confidence: f32,
    /// Overlap from which two boxes are one thing.
    iou: f32,
    /// Side of the tiles; absent where the picture was looked at as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    tile: Option<u32>,
}

pub(super) fn operations(engine: &Arc<Engine>) -> Vec<Operation> {
    let engine = Arc::clone(engine);
    vec![
        Operation::post("detect", "/v1/detect")
            .about(
                "Pictures",
                "Find things in a picture",
                "The body is the picture. Gives the row that `strata-mining detect` writes, with the same \
                 numbers; with `Accept: image/jpeg` (or `image/png`) the picture with the boxes drawn in.",
            )
            .takes(PICTURES)
            .replies_later(&[JPEG, PNG], move |call, ask, upload| {
                detect(Arc::clone(&engine), call, ask, upload)
            }),
    ]
}

fn share(field: &str, value: Option<f32>) -> Result<Option<u32>, Problem> {
    match value {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(Problem::field(field, format!("{value} is not from 0 to 1")))
        }
        // 0 and -0 are one value.
        value => Ok(value.map(|value| (value + 0.0).to_bits())),
    }
}

fn key(ask: &DetectAsk) -> Result<Key, Problem> {
    let classes = match ask.classes.as_deref() {
        Some(classes) if classes.len() > LONGEST => return Err(too_long("classes", LONGEST)),
        Some(classes) => {
            let names = classes.split(',').map(str::trim).filter(|name| !name.is_empty());
            Some(names.map(str::to_owned).collect::<Vec<_>>()).filter(|names| !names.is_empty())
        }
        None => None,
    };
    if let Some(tile) = ask.tile.filter(|tile| (1..SMALLEST).contains(tile)) {
        let text = format!("tiles of {tile} pixels are too small: {SMALLEST} is the least");
        return Err(Problem::field("tile", text));
    }
    Ok(Key {
        scenario: ask.scenario.clone().filter(|name| !name.is_empty()),
        model: ask.model.clone().filter(|name| !name.is_empty()),
        confidence: share("conf", ask.conf)?,
        iou: share("iou", ask.iou)?,
        classes,
        tile: ask.tile,
    })
}

async fn detect(
    engine: Arc<Engine>,
    call: Call,
    ask: DetectAsk,
    upload: Upload,
) -> Result<Reply<DetectReply>, Problem> {
    let (key, name) = (key(&ask)?, picture::name(ask.name)?);
    let ready = match engine.bound(&key) {
        Some(ready) => ready,
        None => {
            let (engine, key) = (Arc::clone(&engine), key.clone());
            aside(move || engine.get(&key)).await??
        }
    };
    let request = Ask {
        rows: 1,
        caller: call.caller.id,
        priority: call.caller.priority,
        deadline: Some(call.deadline),
        ..Ask::default()
    };
    let picture = Picture::encoded(name.clone(), upload.bytes.to_vec());
    let done = through(&ready.batcher, request, vec![picture], &call.cancel).await?;
    engine.count(&done.value.tally.times);
    let row = done.value.rows.first().map(Vec::as_slice).unwrap_or_default();
    let found: Found = serde_json::from_slice(row).map_err(Problem::internal)?;
    if let Some(trouble) = &found.error {
        return Err(of_trouble(trouble));
    }
    let kind = call.prefers(&["application/json", JPEG, PNG]);
    if kind == "application/json" {
        return Ok(Reply::Json(answer(&engine, &key, (&ready, found))));
    }
    // Decoding once more costs less than keeping every picture for those who want it drawn on.
    aside(move || {
        let mut image = picture::read(&call, &name, &upload.bytes)?;
        overlay::detections(&mut image, &found.objects);
        picture::reply(kind, &image)
    })
    .await?
}

fn answer(engine: &Engine, key: &Key, (ready, found): (&Ready, Found)) -> DetectReply {
    let loaded = key.scenario.as_deref().and_then(|name| engine.scenario(name));
    let settings = ready.detector.settings();
    let own = loaded.and_then(|loaded| loaded.scenario.detect.confidence);
    let of_card = || {
        let head = Head::from_table(&ready.detector.model().card().postprocess);
        head.map_or(settings.decode.confidence, |head| head.options().confidence)
    };
    DetectReply {
        found,
        scenario: loaded.map(ScenarioRef::from),
        settings: SettingsInfo {
            confidence: settings.decode.confidence,
            usual_confidence: own.unwrap_or_else(of_card),
            iou: settings.decode.iou,
            tile: settings.tile.map(|tiling| tiling.size),
        },
        provenance: Source::from(&**ready.detector.model().provenance()),
    }
}
