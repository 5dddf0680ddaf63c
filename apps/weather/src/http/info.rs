//! `/v1/models`: the runs there are, and families of models to run; `/v1/scenarios`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::card::ModelStore;
use strata_core::paths::SearchPath;
use strata_earth::card::{EARTH, is_model};
use strata_earth::rollout::Family;
use strata_earth::time::HOUR;
use strata_serve::keys::Scope;
use strata_serve::{Nothing, Operation, Problem};

use super::variables::{Units, Variable};
use crate::scenario::Loaded;
use crate::store::{Run, Store};

/// What there is.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelList {
    /// Models with their runs.
    models: Vec<ModelInfo>,
    /// The model that answers where none is named.
    best: Option<String>,
    /// Files that are not served, and why.
    troubles: Vec<TroubleInfo>,
    /// Families of models that can be run.
    families: Vec<FamilyInfo>,
}

/// A model and its runs.
#[derive(Debug, Serialize, JsonSchema)]
struct ModelInfo {
    /// Its name, for `models`.
    name: String,
    /// Whose atmosphere it is.
    planet: String,
    /// Whether that is the Earth's.
    earth: bool,
    /// Runs, the newest first.
    runs: Vec<RunInfo>,
}

/// A run.
#[derive(Debug, Serialize, JsonSchema)]
struct RunInfo {
    /// When it begins.
    run: String,
    /// Steps, in hours.
    steps: Vec<f64>,
    /// Members.
    members: usize,
    /// Points, in words.
    grid: String,
    /// Northernmost, westernmost, southernmost and easternmost point, in degrees; null where it goes around the globe.
    area: Option<[f64; 4]>,
    /// Variables with their units, as /v1/fields gives them.
    variables: Vec<VariableInfo>,
    /// Files.
    files: Vec<String>,
    /// What the files say of it.
    about: std::collections::BTreeMap<String, String>,
}

/// A variable.
#[derive(Debug, Serialize, JsonSchema)]
struct VariableInfo {
    /// Its name.
    name: String,
    /// Unit.
    unit: String,
}

/// A file that is not served.
#[derive(Debug, Serialize, JsonSchema)]
struct TroubleInfo {
    /// Its name.
    file: String,
    /// Why.
    why: String,
}

/// A family of models.
#[derive(Debug, Serialize, JsonSchema)]
struct FamilyInfo {
    /// Its name.
    name: String,
    /// Whose atmosphere it is of.
    planet: String,
    /// Hours of its models' steps.
    steps: Vec<u32>,
    /// Licences of its weights.
    licence: String,
    /// Why it cannot be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// The scenarios of a server.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioList {
    /// The scenarios.
    scenarios: Vec<ScenarioInfo>,
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
    /// The same in Chinese.
    description_zh: String,
    /// Version of the file.
    version: String,
    /// SHA-256 of its text.
    sha256: String,
    /// Family of models.
    family: String,
    /// Leads, in hours.
    steps: String,
    /// Members.
    members: u32,
    /// Places that are looked at.
    points: Vec<PlaceInfo>,
}

/// A place.
#[derive(Debug, Serialize, JsonSchema)]
struct PlaceInfo {
    /// Its name.
    name: String,
    /// Latitude, in degrees.
    latitude: f64,
    /// Longitude.
    longitude: f64,
}

/// A scenario in full.
#[derive(Debug, Serialize, JsonSchema)]
struct ScenarioDetail {
    /// In short.
    scenario: ScenarioInfo,
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

pub(super) fn operations(
    store: &Arc<Store>,
    search: SearchPath,
    scenarios: Vec<Loaded>,
) -> Vec<Operation> {
    let (store, scenarios) = (Arc::clone(store), Arc::new(scenarios));
    let all = Arc::clone(&scenarios);
    vec![
        Operation::get("models", "/v1/models")
            .about("Forecasts", "Runs that are served, and models to run", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| Ok(models(&store, &search))),
        Operation::get("scenarios", "/v1/scenarios")
            .about("Scenarios", "Scenarios", "")
            .scope(Scope::Read)
            .computes(move |_, _: Nothing| {
                Ok(ScenarioList { scenarios: all.iter().map(scenario).collect() })
            }),
        Operation::get("scenario", "/v1/scenarios/{name}")
            .about("Scenarios", "A scenario in full", "")
            .scope(Scope::Read)
            .computes(move |_, ask: ScenarioAsk| {
                let named = scenarios.iter().find(|loaded| loaded.scenario.name == ask.name);
                let loaded = named.ok_or_else(|| {
                    let text = format!("there is no scenario {:?}", ask.name);
                    Problem::not_found("no-scenario", text).with_remedy("/v1/scenarios lists them")
                })?;
                let toml = loaded.text().to_owned();
                Ok(ScenarioDetail { scenario: scenario(loaded), toml })
            }),
    ]
}

fn models(store: &Store, search: &SearchPath) -> ModelList {
    let snapshot = store.snapshot();
    let model = |(name, runs): (&String, &Vec<Arc<Run>>)| {
        let planet = runs.first().map(|run| run.planet.clone()).unwrap_or_default();
        ModelInfo {
            name: name.clone(),
            earth: planet == EARTH,
            planet,
            runs: runs.iter().map(|run| self::run(run)).collect(),
        }
    };
    let trouble = |trouble: &crate::store::Trouble| TroubleInfo {
        file: trouble.file.clone(),
        why: trouble.why.clone(),
    };
    ModelList {
        models: snapshot.models.iter().map(model).collect(),
        best: snapshot.best().map(str::to_owned),
        troubles: snapshot.troubles.iter().map(trouble).collect(),
        families: families(search),
    }
}

fn run(run: &Run) -> RunInfo {
    let units = Units { speed: super::variables::Speed::Ms, ..Units::default() };
    let variable = |name: String| {
        let found = Variable::find(run, &name)?;
        Some(VariableInfo { name, unit: units.of(found.kind).0.to_owned() })
    };
    let line = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        (least, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    };
    let lons = strata_earth::grid::unwrapped(&run.grid.lons);
    let ((south, north), (west, east)) = (line(&run.grid.lats), line(&lons));
    let area = (!run.grid.is_global()).then_some([north, west, south, east]);
    let shown = ["title", "source", "schedule", "ensemble", "history", "institution", "centre"];
    let about = run.attributes.iter().filter(|(key, _)| shown.contains(&key.as_str()));
    RunInfo {
        run: run.reference.to_string(),
        steps: run.steps.iter().map(|step| *step as f64 / HOUR as f64).collect(),
        members: run.members.len(),
        grid: run.grid.to_string(),
        area,
        variables: Variable::all(run).into_iter().filter_map(variable).collect(),
        files: run.files.iter().map(crate::store::Seen::name).collect(),
        about: about.map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}

/// Families whose cards lie in the folders of models.
fn families(search: &SearchPath) -> Vec<FamilyInfo> {
    let models = ModelStore::new(search.clone());
    let mut names: Vec<String> = models
        .cards()
        .filter_map(|(_, card)| card.ok().filter(is_model))
        .filter_map(|card| Some(card.preprocess.get("family")?.as_str()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    let family = |name: String| match Family::find(&name, search) {
        Ok(family) => {
            let mut licences: Vec<String> =
                family.models.values().map(|model| model.card.licence.clone()).collect();
            licences.sort();
            licences.dedup();
            FamilyInfo {
                planet: family.contract.planet.clone(),
                steps: family.steps(),
                licence: licences.join(", "),
                name,
                trouble: None,
            }
        }
        Err(error) => FamilyInfo {
            name,
            planet: String::new(),
            steps: Vec::new(),
            licence: String::new(),
            trouble: Some(error.to_string()),
        },
    };
    names.into_iter().map(family).collect()
}

fn scenario(loaded: &Loaded) -> ScenarioInfo {
    let scenario = &loaded.scenario;
    let place = |point: &crate::scenario::Point| PlaceInfo {
        name: point.name.clone(),
        latitude: point.latitude,
        longitude: point.longitude,
    };
    ScenarioInfo {
        name: scenario.name.clone(),
        title: scenario.title.en.clone(),
        title_zh: scenario.title.zh.clone(),
        description: scenario.description.en.trim().to_owned(),
        description_zh: scenario.description.zh.trim().to_owned(),
        version: scenario.version.clone(),
        sha256: loaded.digest(),
        family: scenario.forecast.family.clone(),
        steps: scenario.forecast.steps.clone(),
        members: scenario.ensemble.as_ref().map_or(1, |members| members.members),
        points: scenario.points.iter().map(place).collect(),
    }
}
