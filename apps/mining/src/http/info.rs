//! `/v1/scenarios`: what scenarios and detection models there are, and what is in a scenario.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::card::ModelCard;
use strata_serve::keys::Scope;
use strata_serve::{Nothing, Operation, Problem, Source};
use strata_vision::heads::Head;

use super::engine::Engine;
use crate::models::is_vision;
use crate::scenario::{Loaded, Mode};

/// The scenarios of a server, and the models that detect without one.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioList {
    /// The scenarios.
    scenarios: Vec<ScenarioInfo>,
    /// Models that find things in pictures.
    models: Vec<DetectorInfo>,
}

/// A scenario in short.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioInfo {
    /// Its name.
    name: String,
    /// Its name for people.
    title: String,
    /// The same in Chinese.
    title_zh: String,
    /// What it is for.
    description: String,
    /// Version of the file.
    version: String,
    /// SHA-256 of its text.
    sha256: String,
    /// `detect`, `anomaly` or `belt`.
    mode: String,
    /// Its model; belt geometry needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Whether it answers: its model is ready, or it needs none.
    ready: bool,
    /// What it looks for; empty where its model is not ready, or has no classes.
    classes: Vec<ClassInfo>,
    /// Least score of a detection, where the scenario says.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
}

/// A model that finds things in pictures, and is ready.
#[derive(Debug, Serialize, JsonSchema)]
struct DetectorInfo {
    /// Its name.
    name: String,
    /// The version on its card.
    version: String,
    /// What it finds.
    classes: Vec<ClassInfo>,
    /// Least score of a detection, as its card says.
    confidence: f32,
}

/// A class of things.
#[derive(Debug, Serialize, JsonSchema)]
struct ClassInfo {
    /// Its name.
    name: String,
    /// Its name in Chinese, where the card has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_zh: Option<String>,
}

/// A scenario in full.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioDetail {
    /// In short.
    scenario: ScenarioInfo,
    /// Where its model's answers come from, when it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<Source>,
    /// The file: a start for one's own.
    toml: String,
}

/// Which scenario.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScenarioAsk {
    /// Its name.
    name: String,
}

pub(super) fn operations(engine: &Arc<Engine>) -> Vec<Operation> {
    let (all, one) = (Arc::clone(engine), Arc::clone(engine));
    vec![
        Operation::get("scenarios", "/v1/scenarios")
            .about("Scenarios", "Scenarios, and models that detect without one", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| {
                let scenarios = all.scenarios().iter().map(|loaded| info(&all, loaded)).collect();
                Ok(ScenarioList { scenarios, models: detectors(&all) })
            }),
        Operation::get("scenario", "/v1/scenarios/{name}")
            .about("Scenarios", "A scenario in full", "")
            .scope(Scope::Read)
            .computes(move |_, ask: ScenarioAsk| {
                let loaded = one.scenario(&ask.name).ok_or_else(|| {
                    let text = format!("there is no scenario {:?}", ask.name);
                    Problem::not_found("no-scenario", text).with_remedy("/v1/scenarios lists them")
                })?;
                let served = loaded.scenario.model.as_ref().map(|name| one.hub().get(name, None));
                let served = served.and_then(Result::ok);
                Ok(ScenarioDetail {
                    scenario: info(&one, loaded),
                    provenance: served.map(|served| Source::from(&**served.model().provenance())),
                    toml: loaded.text().to_owned(),
                })
            }),
    ]
}

fn info(engine: &Engine, loaded: &Loaded) -> ScenarioInfo {
    let scenario = &loaded.scenario;
    let served = scenario.model.as_ref().map(|name| engine.hub().get(name, None));
    let ready = served.as_ref().is_none_or(Result::is_ok);
    let head = match (&served, scenario.mode) {
        (Some(Ok(served)), Mode::Detect) => head(served.model().card()),
        _ => None,
    };
    let wanted = &scenario.detect.classes;
    let mut classes = head.as_ref().map(classes).unwrap_or_default();
    classes.retain(|class| wanted.is_empty() || wanted.contains(&class.name));
    ScenarioInfo {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        title_zh: scenario.title_zh.clone(),
        description: scenario.description.trim().to_owned(),
        version: scenario.version.clone(),
        sha256: loaded.digest(),
        mode: scenario.mode.to_string(),
        model: scenario.model.clone(),
        ready,
        classes,
        confidence: scenario.detect.confidence,
    }
}

fn head(card: &ModelCard) -> Option<Head> {
    is_vision(card).then(|| Head::from_table(&card.postprocess).ok()).flatten()
}

fn classes(head: &Head) -> Vec<ClassInfo> {
    let class = |(at, name): (usize, &String)| ClassInfo {
        name: name.clone(),
        name_zh: head.classes_zh().get(at).cloned(),
    };
    head.classes().iter().enumerate().map(class).collect()
}

/// The models that are ready and have a detection head.
fn detectors(engine: &Engine) -> Vec<DetectorInfo> {
    let detector = |name: String| {
        let served = engine.hub().get(&name, None).ok()?;
        let card = served.model().card();
        let head = head(card)?;
        Some(DetectorInfo {
            name: card.name.clone(),
            version: card.version.clone(),
            classes: classes(&head),
            confidence: head.options().confidence,
        })
    };
    engine.hub().names().into_iter().filter_map(detector).collect()
}
