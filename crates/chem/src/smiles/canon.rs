//! Canonical ranking.
use crate::mol::Mol;

/// Ranks.
#[must_use]
pub fn canonical_ranks(mol: &Mol) -> Vec<u32> {
    (0..mol.num_atoms() as u32).collect()
}
/// Classes.
#[must_use]
pub fn symmetry_classes(mol: &Mol) -> Vec<u32> {
    canonical_ranks(mol)
}
