//! MACCS keys: 166 yes-or-no questions about a structure.
use crate::error::Result;
pub use crate::library::MaccsKeys;
use crate::library::library;
use crate::mol::Mol;

/// The MACCS keys of a molecule, as RDKit's `MACCSkeys` defines them.
///
/// # Errors
/// When the chemistry library cannot handle the molecule.
pub fn maccs(mol: &Mol) -> Result<MaccsKeys> {
    library().maccs(mol)
}
