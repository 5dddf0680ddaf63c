//! Synthetic accessibility: Ertl and Schuffenhauer, Journal of Cheminformatics 1:8 (2009), with the
//! fragment contributions and the formula of RDKit's `Contrib/SA_Score`. 1 is easy, 10 hard.

mod centres;
mod fragments;

use crate::Mol;
use crate::descriptors::MolProfile;
use crate::fingerprint::{EcfpParams, ecfp_counts_sparse};

pub use centres::count_stereocentres;

/// Score of a fragment the table does not know.
const UNKNOWN_FRAGMENT: f64 = -4.0;

/// Synthetic accessibility of a molecule, 1 (easy) to 10 (hard); `None` for one without atoms.
pub fn sa_score(mol: &Mol) -> Option<f64> {
    sa_of(&MolProfile::new(mol))
}

/// Synthetic accessibility of a molecule whose other properties are computed too.
pub fn sa_of(profile: &MolProfile<'_>) -> Option<f64> {
    let params = EcfpParams { radius: 2, ..EcfpParams::default() };
    sa_with(profile, ecfp_counts_sparse(profile.mol(), &params).into_iter())
}

/// The score with the molecule's Morgan environments (radius 2, identifier and count, each once).
fn sa_with(
    profile: &MolProfile<'_>,
    environments: impl Iterator<Item = (u32, u32)>,
) -> Option<f64> {
    let (mut sum, mut total, mut distinct) = (0.0, 0u32, 0u32);
    for (id, count) in environments {
        sum += fragments::score(id).unwrap_or(UNKNOWN_FRAGMENT) * f64::from(count);
        total += count;
        distinct += 1;
    }
    if total == 0 {
        return None;
    }
    let atoms = profile.mol().num_atoms() as f64;
    let rings = profile.rings();
    let penalty = |count: u32| (f64::from(count) + 1.0).log10();
    let complexity = atoms.powf(1.005) - atoms
        + penalty(count_stereocentres(profile.mol()))
        + penalty(rings.spiro)
        + penalty(rings.bridgeheads)
        + if rings.macrocycles > 0 { 2f64.log10() } else { 0.0 };
    // Repeated fragments make symmetrical molecules easier.
    let symmetry =
        if atoms > f64::from(distinct) { (atoms / f64::from(distinct)).ln() * 0.5 } else { 0.0 };
    Some(scaled(sum / f64::from(total) - complexity + symmetry))
}

/// From the raw sum, about -4 (hard) to 2.5 (easy), to 1..10; the upper end is smoothed.
fn scaled(raw: f64) -> f64 {
    let (low, high) = (-4.0, 2.5);
    let score = 11.0 - (raw - low + 1.0) / (high - low) * 9.0;
    let score = if score > 8.0 { 8.0 + (score - 8.0).ln() } else { score };
    score.clamp(1.0, 10.0)
}
