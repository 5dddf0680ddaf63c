//! 2D drawings as SVG; layout and drawing are `chematic`'s.
use std::collections::HashSet;

use crate::error::{ChemError, Result};
use crate::mol::Mol;
use crate::smiles::{canonical_ranks, to_smiles_with_order};

/// Draws a molecule as SVG, with some atoms (and the bonds between them) highlighted.
///
/// # Errors
/// When the molecule cannot be laid out.
pub fn svg(mol: &Mol, highlight: &[u32]) -> Result<String> {
    let (text, order) = to_smiles_with_order(mol, &canonical_ranks(mol));
    let drawing = chematic::smiles::parse(&text).map_err(|e| ChemError::Operation {
        operation: "depiction",
        reason: format!("{text}: {e:?}"),
    })?;
    if highlight.is_empty() {
        return Ok(chematic::depict::depict_svg(&drawing));
    }
    let atoms: HashSet<_> = (0u32..)
        .zip(&order)
        .filter(|(_, atom)| highlight.contains(atom))
        .map(|(at, _)| chematic::core::AtomIdx(at))
        .collect();
    Ok(chematic::depict::depict_svg_highlighted(&drawing, &atoms, &HashSet::new()))
}
