//! `/v1/belt`: where the belt runs, how it is loaded, whether its cover is cut.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::{Call, Operation, PICTURES, Problem, Reply, Upload};
use strata_vision::belt::{BeltConfig, BeltInspector, BeltReport};

use super::HttpError;
use super::detect::ScenarioRef;
use super::engine::Engine;
use super::picture::{self, JPEG, PNG};
use crate::overlay;
use crate::scenario::Mode;

/// The scenario that is used where none is named.
const USUAL: &str = "belt-deviation";

/// What the belt is to be like.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeltAsk {
    /// A scenario of belt geometry; `belt-deviation` where none is named.
    scenario: Option<String>,
    /// Name of the picture, for the row.
    name: Option<String>,
}

/// What was measured on a picture.
#[derive(Debug, Serialize, JsonSchema)]
struct BeltReply {
    /// Name of the picture.
    image: String,
    /// Columns of the picture.
    width: u32,
    /// Rows of the picture.
    height: u32,
    /// Edges, deviation, load, overflow and tears, as `strata-mining belt` writes them.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    belt: BeltReport,
    /// The scenario.
    scenario: ScenarioRef,
}

/// The inspectors of the scenarios of belt geometry.
type Inspectors = HashMap<String, BeltInspector>;

fn inspectors(engine: &Engine) -> Result<Inspectors, HttpError> {
    let belts = engine.scenarios().iter().filter(|loaded| loaded.scenario.mode == Mode::Belt);
    let inspector = |loaded: &crate::scenario::Loaded| {
        let name = loaded.scenario.name.clone();
        let wrong = |why: String| HttpError::Belt { scenario: name.clone(), why };
        let config = BeltConfig::deserialize(loaded.scenario.belt.clone());
        let config = config.map_err(|error| wrong(error.message().to_owned()))?;
        let made = BeltInspector::new(config).map_err(|error| wrong(error.to_string()))?;
        Ok((name, made))
    };
    belts.map(inspector).collect()
}

pub(super) fn operations(engine: &Arc<Engine>) -> Result<Vec<Operation>, HttpError> {
    let (engine, inspectors) = (Arc::clone(engine), inspectors(engine)?);
    let measure = move |call: &Call, ask: BeltAsk, upload: Upload| {
        measure(&engine, &inspectors, call, (ask, &upload))
    };
    Ok(vec![
        Operation::post("belt", "/v1/belt")
            .about(
                "Pictures",
                "Measure the belt",
                "The body is the picture. Gives edges, deviation, load, overflow and tears by geometry, without a \
                 model; with `Accept: image/jpeg` (or `image/png`) the picture with all of it drawn in.",
            )
            .takes(PICTURES)
            .replies(&[JPEG, PNG], measure),
    ])
}

fn measure(
    engine: &Engine,
    inspectors: &Inspectors,
    call: &Call,
    (ask, upload): (BeltAsk, &Upload),
) -> Result<Reply<BeltReply>, Problem> {
    let name = picture::name(ask.name)?;
    let loaded = engine.of_mode(ask.scenario.as_deref().unwrap_or(USUAL), Mode::Belt)?;
    let inspector = inspectors.get(&loaded.scenario.name).ok_or_else(|| {
        Problem::internal(format!("no inspector of scenario {:?}", loaded.scenario.name))
    })?;
    let mut image = picture::read(call, &name, &upload.bytes)?;
    let belt = inspector.inspect(&image);
    let kind = call.prefers(&["application/json", JPEG, PNG]);
    if kind != "application/json" {
        overlay::belt(&mut image, &belt);
        return picture::reply(kind, &image);
    }
    let (width, height) = (image.width(), image.height());
    let scenario = ScenarioRef::from(loaded);
    Ok(Reply::Json(BeltReply { image: name, width, height, belt, scenario }))
}
