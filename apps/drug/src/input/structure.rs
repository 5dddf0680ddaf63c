//! From a row of text to a molecule.

use strata_chem::{ChemError, Mol};
use strata_core::stream::RecordError;

use super::{Layout, Record};

impl Record {
    /// Parses the row's structure.
    ///
    /// # Errors
    /// The row's own error, `empty` where there is no structure, or the chemistry's error.
    pub fn molecule(&self, layout: &Layout) -> Result<Mol, RecordError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if let Some(block) = &self.molblock {
            return Mol::from_molblock(block).map_err(|error| record_error(&error));
        }
        structure(layout.smiles.map_or("", |column| self.value(column)))
    }
}

/// Parses a structure given as SMILES.
///
/// # Errors
/// `empty` where there is none, or the chemistry's error.
pub fn structure(smiles: &str) -> Result<Mol, RecordError> {
    let smiles = smiles.trim();
    if smiles.is_empty() {
        return Err(RecordError::new("empty", "the row has no structure"));
    }
    Mol::from_smiles(smiles).map_err(|error| record_error(&error))
}

/// A chemistry error as the error of a row: its stable code, its text.
#[must_use]
pub fn record_error(error: &ChemError) -> RecordError {
    RecordError::new(error.code(), error.to_string())
}
