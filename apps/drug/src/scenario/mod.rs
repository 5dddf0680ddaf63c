//! Scenarios: what a good molecule is for one purpose, as data. A TOML file names the models to run,
//! how desirable each property's values are, hard cut-offs, alerts and how all of that becomes a score.
//!
//! The built-in ones are embedded in the program; a user's own file is read in the same way.

mod check;
mod file;
mod scorer;
mod shape;

pub use strata_core::scenario::ScenarioError;
use strata_core::scenario::{Format, built_in_names as names};

pub use file::{
    AlertRule, Cutoff, Desirability, MissingPolicy, Scenario, ScoreMethod, ScoreSettings,
};
pub use scorer::{Part, Scored, Scorer};
pub use shape::{Shape, Side};

/// A scenario and where it came from.
pub type Loaded = strata_core::scenario::Loaded<Scenario>;

impl Format for Scenario {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        ("oral-drug-screen", include_str!("../../scenarios/oral-drug-screen.toml")),
        ("cns-penetration", include_str!("../../scenarios/cns-penetration.toml")),
        ("solubility-triage", include_str!("../../scenarios/solubility-triage.toml")),
        ("admet-profile", include_str!("../../scenarios/admet-profile.toml")),
    ];

    fn name(&self) -> &str {
        &self.name
    }

    fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
        check::check(loaded)
    }
}

/// The scenario that is used where none is asked for.
pub const DEFAULT: &str = "oral-drug-screen";

/// Names of the built-in scenarios.
#[must_use]
pub fn built_in_names() -> Vec<&'static str> {
    names::<Scenario>()
}
