//! Scenarios: a task of an office as data. A TOML file names the models, how much is looked through, when to refuse, what
//! to show, and questions to try it with.

mod check;
mod file;

pub use strata_core::scenario::ScenarioError;
use strata_core::scenario::{Format, built_in_names as names};

pub use file::{
    AnswerTask, Corpus, GuideTask, Mode, ModelNames, RetrievalTask, RouteTask, Scenario, Words,
};

/// A scenario and where it came from.
pub type Loaded = strata_core::scenario::Loaded<Scenario>;

impl Format for Scenario {
    const BUILT_IN: &'static [(&'static str, &'static str)] = &[
        ("policy-qa", include_str!("../../scenarios/policy-qa.toml")),
        ("service-guide", include_str!("../../scenarios/service-guide.toml")),
        ("hotline-dispatch", include_str!("../../scenarios/hotline-dispatch.toml")),
        ("legal-check", include_str!("../../scenarios/legal-check.toml")),
    ];

    fn name(&self) -> &str {
        &self.name
    }

    fn check(loaded: &Loaded) -> Result<(), ScenarioError> {
        check::check(loaded)
    }
}

/// The scenario that is used where none is asked for.
pub const DEFAULT: &str = "policy-qa";

/// Names of the built-in scenarios.
#[must_use]
pub fn built_in_names() -> Vec<&'static str> {
    names::<Scenario>()
}
