//! Standard forms of molecules: largest fragment, neutral, canonical tautomer.

use std::io::Write;

use strata_chem::Mol;
use strata_chem::standardize::{StandardizeOptions, standardize as steps_of};

use super::ToolError;
use crate::input::{RecordReader, record_error, structure};

/// Which steps are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Keep the largest organic fragment only.
    pub largest_fragment: bool,
    /// Remove charges that protons can balance.
    pub neutralize: bool,
    /// Replace the molecule by its canonical tautomer.
    pub canonical_tautomer: bool,
}

/// A molecule's standard form.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Standardized {
    /// The SMILES as given.
    pub smiles: String,
    /// Canonical SMILES of the standard form; empty where there is none.
    pub standard_smiles: String,
    /// Whether a step changed the molecule, beside the way its SMILES is written.
    pub changed: bool,
    /// Stable error code, empty where all went well.
    pub error_code: String,
    /// What was wrong.
    pub error: String,
}

/// The standard form of a SMILES.
#[must_use]
pub fn standardize(smiles: &str, steps: Steps) -> Standardized {
    let form = structure(smiles).and_then(|mol| {
        let before = mol.canonical_smiles();
        let after = apply(&mol, steps).map_err(|error| record_error(&error))?;
        Ok((before != after, after))
    });
    let (changed, standard_smiles, error_code, error) = match form {
        Ok((changed, after)) => (changed, after, String::new(), String::new()),
        Err(error) => (false, String::new(), error.code.into_owned(), error.message),
    };
    Standardized { smiles: smiles.to_owned(), standard_smiles, changed, error_code, error }
}

fn apply(mol: &Mol, steps: Steps) -> Result<String, strata_chem::ChemError> {
    let Steps { largest_fragment, neutralize, canonical_tautomer } = steps;
    let options = StandardizeOptions { largest_fragment, neutralize, canonical_tautomer };
    Ok(steps_of(mol, &options)?.canonical_smiles())
}

/// Standardises the molecules of an input: one comma-separated row each, in order.
///
/// # Errors
/// [`ToolError`] where the input cannot be read or the output not be written.
pub fn table(
    reader: &mut dyn RecordReader,
    steps: Steps,
    out: &mut dyn Write,
) -> Result<(u64, u64), ToolError> {
    let layout = reader.layout().clone();
    let failed = |error: csv::Error| ToolError::Request(format!("cannot write: {error}"));
    let mut writer = csv::Writer::from_writer(out);
    let head = ["id", "smiles", "standard_smiles", "changed", "error_code", "error"];
    writer.write_record(head).map_err(failed)?;
    let (mut rows, mut errors) = (0, 0);
    while let Some(record) = reader.next_record()? {
        let id = record.id(&layout, rows).into_owned();
        // A mol block has no SMILES as given: its canonical one stands for it.
        let form = match (layout.smiles, record.molecule(&layout)) {
            (Some(column), _) => standardize(record.value(column), steps),
            (None, Ok(mol)) => standardize(&mol.canonical_smiles(), steps),
            (None, Err(error)) => Standardized {
                smiles: String::new(),
                standard_smiles: String::new(),
                changed: false,
                error_code: error.code.into_owned(),
                error: error.message,
            },
        };
        rows += 1;
        errors += u64::from(!form.error_code.is_empty());
        let changed = if form.changed { "true" } else { "false" };
        let Standardized { smiles, standard_smiles, error_code, error, .. } = &form;
        let row = [&id, smiles, standard_smiles, changed, error_code, error];
        writer.write_record(row).map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))?;
    Ok((rows, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: Steps =
        Steps { largest_fragment: true, neutralize: true, canonical_tautomer: false };

    #[test]
    fn a_salt_becomes_its_neutral_parent_and_an_error_stays_in_its_place() {
        let salt = standardize("CC(=O)[O-].[Na+]", STEPS);
        assert_eq!((salt.standard_smiles.as_str(), salt.changed), ("CC(=O)O", true));
        let same = standardize("OC(C)=O", STEPS);
        assert_eq!((same.standard_smiles.as_str(), same.changed), ("CC(=O)O", false));
        let bad = standardize("C1CC", STEPS);
        assert_eq!((bad.standard_smiles.as_str(), bad.error_code.as_str()), ("", "parse"));
        assert_eq!(standardize(" ", STEPS).error_code, "empty");
    }
}
