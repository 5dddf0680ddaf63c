//! Molecular descriptors under RDKit's names and with RDKit's values.
//!
//! [`MolProfile`] works out what the descriptors of one molecule share (pattern matches, Crippen and
//! surface contributions, distances, charges) once, when first asked for. The functions of this
//! module are shortcuts for a single value.

mod charges;
mod connectivity;
mod counts;
mod crippen;
pub(crate) mod periodic;
mod profile;
mod surface;
mod table;
mod topology;

pub use charges::gasteiger;
pub use connectivity::Connectivity;
pub use counts::{Composition, Matched, RingCounts};
pub use crippen::{Contribution, Crippen};
pub use profile::MolProfile;
pub use surface::Surface;
pub use table::NAMES;
mod tpsa;

use crate::Mol;

/// Average molecular weight, g/mol (MolWt).
pub fn mol_wt(mol: &Mol) -> f64 {
    counts::composition(mol).weight
}

/// Octanol-water partition coefficient by Wildman and Crippen (MolLogP).
pub fn mol_logp(mol: &Mol) -> f64 {
    MolProfile::new(mol).crippen().logp()
}

/// Molar refractivity by Wildman and Crippen (MolMR).
pub fn mol_mr(mol: &Mol) -> f64 {
    MolProfile::new(mol).crippen().mr()
}

/// Topological polar surface area, Å² (TPSA).
pub fn tpsa(mol: &Mol) -> f64 {
    tpsa::contributions(mol).iter().sum()
}

/// Hydrogen-bond donors (NumHDonors).
pub fn num_h_donors(mol: &Mol) -> u32 {
    MolProfile::new(mol).matched().donors
}

/// Hydrogen-bond acceptors (NumHAcceptors).
pub fn num_h_acceptors(mol: &Mol) -> u32 {
    MolProfile::new(mol).matched().acceptors
}

/// Rotatable bonds, strict definition (NumRotatableBonds).
pub fn num_rotatable_bonds(mol: &Mol) -> u32 {
    MolProfile::new(mol).matched().rotatable
}

/// Every descriptor of [`NAMES`], in that order.
///
/// # Panics
/// If `out` is not as long as [`NAMES`].
pub fn compute_all(mol: &Mol, out: &mut [f64]) {
    MolProfile::new(mol).descriptors(out);
}

/// The value of one descriptor by its RDKit name, `None` where the name is unknown.
pub fn by_name(mol: &Mol, name: &str) -> Option<f64> {
    let index = NAMES.iter().position(|known| *known == name)?;
    let mut values = vec![0.0; NAMES.len()];
    compute_all(mol, &mut values);
    Some(values[index])
}
