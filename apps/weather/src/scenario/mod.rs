//! Scenarios: a forecasting task as data. A TOML file names the models, leads, fields and members, and the places, quantities and
//! thresholds that an office looks at.

mod check;

use serde::{Deserialize, Serialize};
pub use strata_core::scenario::ScenarioError;
use strata_core::scenario::{Format, built_in_names as names};

/// A scenario and where it came from.
pub type Loaded = strata_core::scenario::Loaded<Scenario>;

impl Format for Scenario {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        ("medium-range", include_str!("../../scenarios/medium-range.toml")),
        ("typhoon-watch", include_str!("../../scenarios/typhoon-watch.toml")),
        ("city-forecast", include_str!("../../scenarios/city-forecast.toml")),
        ("wind-power", include_str!("../../scenarios/wind-power.toml")),
    ];

    fn name(&self) -> &str {
        &self.name
    }

    fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
        check::check(loaded)
    }
}

/// Names of the built-in scenarios.
#[must_use]
pub fn built_in_names() -> Vec<&'static str> {
    names::<Scenario>()
}

/// A task, as data.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name: what commands and requests call it.
    pub name: String,
    /// Version of the scenario.
    pub version: String,
    /// Title for people.
    pub title: Words,
    /// What it is for and what it rests on.
    pub description: Words,
    /// What is forecast.
    pub forecast: Task,
    /// Members; one forecast where there is none.
    pub ensemble: Option<Members>,
    /// Places whose values are put into a table.
    #[serde(default)]
    pub points: Vec<Point>,
    /// What is looked at there.
    #[serde(default)]
    pub series: Vec<Series>,
    /// When it is worth a warning.
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    /// An analysis to try it with, in the repository.
    pub sample: Option<String>,
}

/// Text in both languages.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What is forecast.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Family of models.
    pub family: String,
    /// Leads, as in `6..240/6`, in hours.
    pub steps: String,
    /// Variables that are written; all where none is named.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Pressures that are written, in hPa; all where none is named.
    #[serde(default)]
    pub levels: Vec<f64>,
    /// Area that is written, as `N/W/S/E`.
    pub area: Option<String>,
    /// The file, by its ending; `{step}` stands for a file each.
    pub path: String,
}

/// Members of an ensemble.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Members {
    /// How many.
    pub members: u32,
    /// `gaussian`, `perlin` or `bred`.
    pub perturbation: String,
    /// In standard deviations of each field.
    pub amplitude: f64,
    /// Which noise.
    #[serde(default)]
    pub seed: u64,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Latitude, in degrees.
    pub latitude: f64,
    /// Longitude.
    pub longitude: f64,
}

/// A quantity at the places.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name in tables.
    pub name: String,
    /// What it is taken from, the first that the model has: `2t`, `t@925` (a pressure), `wind@10m`, `wind@925` (speed).
    pub from: Vec<String>,
}

/// A threshold on a series.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Its name in tables.
    pub name: String,
    /// The series.
    pub series: String,
    /// Reached from here upwards.
    pub above: Option<f32>,
    /// Reached from here downwards.
    pub below: Option<f32>,
}

impl Threshold {
    /// Whether a value reaches it.
    #[must_use]
    pub fn reached(&self, value: f32) -> bool {
        self.above.is_some_and(|above| value >= above)
            || self.below.is_some_and(|below| value <= below)
    }
}
