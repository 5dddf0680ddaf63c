//! `/v1/scenarios`: what scenarios there are, and what is in one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_serve::keys::Scope;
use strata_serve::{Nothing, Operation, Problem};

use super::engine::Engine;
use crate::scenario::{Loaded, Shape};

/// The scenarios of a server.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioList {
    /// The scenario that is used where none is named.
    default: &'static str,
    /// All of them.
    scenarios: Vec<ScenarioInfo>,
}

/// A scenario in short.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioInfo {
    /// Its name.
    name: String,
    /// Its name for people.
    title: String,
    /// What it is for.
    description: String,
    /// Version of the file.
    version: String,
    /// SHA-256 of its text.
    sha256: String,
    /// Its models, and whether each is ready.
    models: Vec<ScenarioModel>,
}

/// A model of a scenario.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioModel {
    /// Its name.
    name: String,
    /// Whether it answers.
    ready: bool,
}

/// A scenario in full.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioDetail {
    /// In short.
    scenario: ScenarioInfo,
    /// What its models predict.
    endpoints: Vec<EndpointInfo>,
    /// How desirable the values of properties are.
    desirability: Vec<DesirabilityInfo>,
    /// Hard limits: crossing one flags the molecule.
    cutoffs: Vec<CutoffInfo>,
    /// Structural alerts that are looked for.
    alerts: Vec<AlertInfo>,
    /// The file: a start for one's own.
    toml: String,
}

/// How desirable the values of a property are.
#[derive(Debug, Serialize, JsonSchema)]
struct DesirabilityInfo {
    /// The property: a numeric column.
    property: String,
    /// Its share of the score.
    weight: f64,
    /// From value to desirability, 0 to 1.
    shape: Shape,
    /// Why.
    reason: String,
}

/// A hard limit.
#[derive(Debug, Serialize, JsonSchema)]
struct CutoffInfo {
    /// The property: a numeric column.
    property: String,
    /// Values below are flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<f64>,
    /// Values above are flagged.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<f64>,
    /// What the score is multiplied with.
    penalty: f64,
}

/// A set of structural alerts.
#[derive(Debug, Serialize, JsonSchema)]
struct AlertInfo {
    /// A built-in set, or the name of a file of one's own.
    set: String,
    /// What the score is multiplied with when any of them hits.
    penalty: f64,
}

/// What a model predicts.
#[derive(Debug, Serialize, JsonSchema)]
struct EndpointInfo {
    /// Name of its column.
    name: String,
    /// Its name for people.
    title: String,
    /// The model.
    model: String,
    /// Unit of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// `regression` or `classification`.
    task: String,
    /// Whether a higher value is the better one.
    #[serde(skip_serializing_if = "Option::is_none")]
    higher_is_better: Option<bool>,
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
            .about("Scenarios", "What a good molecule is, for several purposes", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| {
                let scenarios = all.scenarios().iter().map(|loaded| info(&all, loaded)).collect();
                Ok(ScenarioList { default: crate::scenario::DEFAULT, scenarios })
            }),
        Operation::get("scenario", "/v1/scenarios/{name}")
            .about("Scenarios", "A scenario in full, with what its models predict", "")
            .scope(Scope::Read)
            .computes(move |_, ask: ScenarioAsk| {
                let loaded = one.scenario(&ask.name).map_err(|error| {
                    Problem::not_found("no-scenario", error).with_remedy("/v1/scenarios lists them")
                })?;
                Ok(ScenarioDetail {
                    scenario: info(&one, loaded),
                    endpoints: endpoints(&one, loaded),
                    desirability: desirability(loaded),
                    cutoffs: cutoffs(loaded),
                    alerts: alerts(loaded),
                    toml: loaded.text().to_owned(),
                })
            }),
    ]
}

fn info(engine: &Engine, loaded: &Loaded) -> ScenarioInfo {
    let scenario = &loaded.scenario;
    let model = |name: &String| ScenarioModel {
        name: name.clone(),
        ready: engine.hub().get(name, None).is_ok(),
    };
    ScenarioInfo {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        description: scenario.description.trim().to_owned(),
        version: scenario.version.clone(),
        sha256: loaded.digest(),
        models: scenario.models.iter().map(model).collect(),
    }
}

fn desirability(loaded: &Loaded) -> Vec<DesirabilityInfo> {
    let one = |d: &crate::scenario::Desirability| DesirabilityInfo {
        property: d.property.get_ref().clone(),
        weight: *d.weight.get_ref(),
        shape: *d.shape.get_ref(),
        reason: d.reason.clone(),
    };
    loaded.scenario.desirabilities.iter().map(one).collect()
}

fn cutoffs(loaded: &Loaded) -> Vec<CutoffInfo> {
    let one = |c: &crate::scenario::Cutoff| CutoffInfo {
        property: c.property.get_ref().clone(),
        min: c.min,
        max: c.max,
        penalty: *c.penalty.get_ref(),
    };
    loaded.scenario.cutoffs.iter().map(one).collect()
}

fn alerts(loaded: &Loaded) -> Vec<AlertInfo> {
    let one = |a: &crate::scenario::AlertRule| {
        let name = a.set.as_ref().or(a.file.as_ref());
        let set = name.map(|name| name.get_ref().clone()).unwrap_or_default();
        AlertInfo { set, penalty: *a.penalty.get_ref() }
    };
    loaded.scenario.alerts.iter().map(one).collect()
}

fn endpoints(engine: &Engine, loaded: &Loaded) -> Vec<EndpointInfo> {
    let served = loaded.scenario.models.iter().filter_map(|m| engine.hub().get(m, None).ok());
    let of_model = |served: Arc<strata_core::hub::Served>| {
        let card = served.model().card();
        let endpoint = |endpoint: &strata_core::card::Endpoint| EndpointInfo {
            name: endpoint.name.clone(),
            title: endpoint.title.clone(),
            model: card.name.clone(),
            unit: endpoint.unit.clone(),
            task: match endpoint.task {
                strata_core::card::EndpointTask::Regression => "regression".to_owned(),
                strata_core::card::EndpointTask::Classification => "classification".to_owned(),
            },
            higher_is_better: endpoint.higher_is_better,
        };
        card.endpoints.iter().map(endpoint).collect::<Vec<_>>()
    };
    served.flat_map(of_model).collect()
}
