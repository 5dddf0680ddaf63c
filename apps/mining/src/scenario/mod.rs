//! Scenarios: a task of a mine or plant as data. A TOML file names the model, its thresholds, the rules
//! that make events of what it finds, and the sample it can be tried on.

mod check;
mod file;

pub use strata_core::scenario::ScenarioError;
use strata_core::scenario::{Format, built_in_names as names};

pub use file::{AnomalyTask, DetectTask, Mode, Scenario, Tiling};

/// A scenario and where it came from.
pub type Loaded = strata_core::scenario::Loaded<Scenario>;

impl Format for Scenario {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        ("belt-damage", include_str!("../../scenarios/belt-damage.toml")),
        ("belt-deviation", include_str!("../../scenarios/belt-deviation.toml")),
        ("foreign-object", include_str!("../../scenarios/foreign-object.toml")),
        ("ppe-zone", include_str!("../../scenarios/ppe-zone.toml")),
        ("surface-anomaly", include_str!("../../scenarios/surface-anomaly.toml")),
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
