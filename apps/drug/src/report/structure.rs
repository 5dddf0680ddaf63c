//! Structures of the hits as inline SVG.

use strata_chem::{Mol, depict};

/// The drawing of a molecule; `None` where it cannot be laid out, and the SMILES has to do.
pub(super) fn svg(smiles: &str) -> Option<String> {
    depict::svg(&Mol::from_smiles(smiles).ok()?, &[]).ok()
}
