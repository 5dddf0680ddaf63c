//! SMILES: reading, canonical ranking and writing.
mod canon;
mod direction;
pub(crate) mod legit;
mod parse;
mod symbols;
mod write;

pub use canon::{canonical_ranks, symmetry_classes};
pub(crate) use parse::parse;
pub use write::{to_smiles, to_smiles_with_order};

use crate::mol::Mol;

/// The canonical SMILES of a molecule.
pub(crate) fn canonical(mol: &Mol) -> String {
    write::write_sayable(mol, canonical_ranks).0
}
