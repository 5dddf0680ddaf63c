//! `chematic` as the chemistry library: the only file that names it.
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{ChemLibrary, MaccsKeys};
use crate::error::{ChemError, Result};
use crate::mol::Mol;
use crate::smiles::{canonical_ranks, to_smiles_with_order};

/// Most atoms of a molecule whose tautomers are looked for: the search is exponential at worst.
const MAX_TAUTOMER_ATOMS: usize = 300;

/// The `chematic` library in its RDKit-compatible modes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chematic;

impl ChemLibrary for Chematic {
    fn name(&self) -> &'static str {
        "chematic"
    }

    fn version(&self) -> &'static str {
        "1.2.1"
    }

    fn maccs(&self, mol: &Mol) -> Result<MaccsKeys> {
        call("MACCS keys", mol, |outside, _| {
            let bits = chematic::fp::maccs(outside);
            let mut keys = MaccsKeys::default();
            for key in 1..=MaccsKeys::LAST {
                if bits.get(key - 1) {
                    keys.insert(key);
                }
            }
            Ok(keys)
        })
    }

    fn canonical_tautomer(&self, mol: &Mol) -> Result<Mol> {
        if mol.num_atoms() > MAX_TAUTOMER_ATOMS {
            return Err(ChemError::TooLarge {
                what: "molecule for a tautomer search",
                size: mol.num_atoms(),
                limit: MAX_TAUTOMER_ATOMS,
            });
        }
        let smiles = call("tautomer search", mol, |outside, _| {
            chematic::smiles::rdkit_canonical_tautomer(outside).map_err(|e| e.to_string())
        })?;
        Mol::from_smiles(&smiles)
    }

    fn layout(&self, mol: &Mol) -> Result<Vec<[f64; 2]>> {
        call("2D layout", mol, |outside, order| {
            let points = chematic::smiles::rdkit_2d_coords(outside).map_err(|e| e.to_string())?;
            if points.len() != order.len() || points.iter().flatten().any(|v| !v.is_finite()) {
                return Err(format!("{} places for {} atoms", points.len(), order.len()));
            }
            let mut ours = vec![[0.0; 2]; points.len()];
            for (point, &atom) in points.iter().zip(order) {
                ours[atom as usize] = *point;
            }
            Ok(ours)
        })
    }
}

/// Hands a molecule over as SMILES, with the atoms in the order of the text, and turns whatever
/// goes wrong outside into an error.
fn call<T>(
    operation: &'static str,
    mol: &Mol,
    work: impl FnOnce(&chematic::core::Molecule, &[u32]) -> std::result::Result<T, String>,
) -> Result<T> {
    if mol.num_atoms() == 0 {
        return Err(ChemError::Empty);
    }
    let (text, order) = to_smiles_with_order(mol, &canonical_ranks(mol));
    // Nothing of ours is shared with the closure that a panic could leave half done.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let outside = chematic::smiles::parse(&text).map_err(|e| e.to_string())?;
        work(&outside, &order)
    }));
    let reason = match result {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(reason)) => reason,
        Err(panic) => {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            format!("the library stopped on it: {message}")
        }
    };
    Err(ChemError::Operation { operation, reason: format!("{text}: {reason}") })
}
