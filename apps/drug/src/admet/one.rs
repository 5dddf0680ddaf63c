//! The profile of one molecule on the command line: its record through the stages that `screen` runs.

use std::path::Path;

use strata_core::runtime::RunOptions;
use strata_core::stream::{Interpret, RecordError, Stages};

use super::{Catalog, Profile, SCENARIO};
use crate::input::{Column, ColumnKind, Layout, Record};
use crate::output::{OutputError, RowReader};
use crate::scenario::{Loaded, ScenarioError};
use crate::screen::{
    JobError, ModelChoice, ModelSource, OwnedCell, Pipeline, Provenance, Reference, Screening,
};

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdmetError {
    /// The models, the scenario or the chemistry.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The scenario.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The row.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The profile of a molecule by the models of `source`, and where it comes from. A SMILES that is no molecule gives
/// a profile with an error.
///
/// # Errors
/// [`AdmetError`]: models that are not here say how to fetch them.
pub fn profile_of(
    smiles: &str,
    source: &dyn ModelSource,
    reference: Option<Reference>,
) -> Result<(Profile, Provenance), AdmetError> {
    let scenario = Loaded::find(SCENARIO)?;
    let column = |name: &str| Column { name: name.to_owned(), kind: ColumnKind::Text };
    let layout =
        Layout { columns: vec![column("smiles"), column("id")], smiles: Some(0), id: Some(1) };
    let chosen = (&scenario, &ModelChoice::Scenario, source);
    let pipeline = Pipeline::new(layout, chosen, (Path::new("molecule"), reference))?;
    let screening = &pipeline.screening;
    let mut record = Record::default();
    record.push(smiles);
    record.push("");
    let mut bytes = Vec::new();
    if let Err(error) = run(screening, &record, &mut bytes) {
        bytes.clear();
        screening.failed(&record, &error, &mut bytes);
    }
    let schema = screening.schema();
    let mut cells = Vec::new();
    let whole = RowReader::new(&bytes).row(schema.columns.len() - 1, &mut cells);
    whole.ok_or(OutputError::Damaged { row: 0 })?;
    let cells: Vec<OwnedCell> = cells.into_iter().map(OwnedCell::from).collect();
    let profile = Catalog::of(screening.predictors()).profile(schema, &cells);
    Ok((profile, pipeline.provenance))
}

fn run(screening: &Screening, record: &Record, out: &mut Vec<u8>) -> Result<(), RecordError> {
    let mut scratch = screening.scratch(1);
    let prepared = screening.prepare(record, 0, &mut scratch)?;
    screening.infer(0..1, &RunOptions::default(), &mut scratch)?;
    screening.interpret(Interpret { record, prepared: &prepared, slot: 0 }, &scratch, out)
}
