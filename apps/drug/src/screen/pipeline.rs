//! Everything that is ready before the first record is read, for a job and for a request alike.

use std::path::Path;

use crate::input::Layout;
use crate::output::Schema;
use crate::scenario::{Loaded, Scorer};

use super::models::{ModelChoice, ModelSource, load_models};
use super::molecule::Chemistry;
use super::stages::Screening;
use super::{ComputedColumns, JobError, Provenance, Reference};

/// A scenario with its models, bound to the columns of an input.
pub(crate) struct Pipeline {
    pub(crate) screening: Screening,
    /// The numeric columns a scenario can use, in the order in which rows carry them.
    pub(super) numbers: Vec<String>,
    pub(crate) provenance: Provenance,
}

impl Pipeline {
    /// The numeric columns a scenario can use, in the order in which rows carry them.
    pub(crate) fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// Opens the models and binds the scenario to their columns. `input` names the input in the
    /// provenance; a reference set given takes the place of the models' own.
    ///
    /// # Errors
    /// [`JobError`]: a model that is not ready, or a scenario that asks for what no model gives.
    pub(crate) fn new(
        layout: Layout,
        (scenario, choice, source): (&Loaded, &ModelChoice, &dyn ModelSource),
        (input, reference): (&Path, Option<Reference>),
    ) -> Result<Self, JobError> {
        let names = match choice {
            ModelChoice::Scenario => &scenario.scenario.models,
            ModelChoice::Only(names) => names,
        };
        let chemistry = Chemistry::new(scenario)?;
        let mut models = load_models(names, source)?;
        if let Some(reference) = reference {
            reference.check(models.predictors())?;
            models.references = vec![reference];
        }
        let computed = ComputedColumns::of(&models);
        // A property that is missing because the user chose other models is left out of the score;
        // one that the scenario's own models do not give is a mistake in the scenario.
        let chosen = matches!(choice, ModelChoice::Only(_));
        let absent = |name: &str| chosen && !super::columns::is_descriptor(name);
        let scorer = Scorer::bind(scenario, &computed.numbers, absent)?;
        let provenance = Provenance::new(scenario, &models, input);
        let (schema, numbers) = (Schema::new(&layout, computed.columns), computed.numbers);
        let screening = Screening { layout, schema, models, chemistry, scorer };
        Ok(Self { screening, numbers, provenance })
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
