//! Circular fingerprints: ECFP and FCFP, RDKit's Morgan generator bit for bit.
mod features;
mod morgan;

pub use features::feature_invariants;
pub use morgan::{EcfpParams, Scratch, connectivity_invariants};

use crate::mol::Mol;

/// Identifiers of all environments with how often each occurs, sorted by identifier.
#[must_use]
pub fn ecfp_counts_sparse(mol: &Mol, params: &EcfpParams) -> Vec<(u32, u32)> {
    let mut ids = Vec::new();
    morgan::environments(mol, params, &mut Scratch::default(), |id| ids.push(id));
    ids.sort_unstable();
    let mut out: Vec<(u32, u32)> = Vec::with_capacity(ids.len());
    for id in ids {
        match out.last_mut() {
            Some(last) if last.0 == id => last.1 += 1,
            _ => out.push((id, 1)),
        }
    }
    out
}

/// How many different environments of up to 0, 1, 2 and 3 bonds a molecule has.
pub(crate) fn distinct_environments(mol: &Mol) -> [u32; 4] {
    let params = EcfpParams { radius: 3, ..EcfpParams::default() };
    let mut seen = rustc_hash::FxHashSet::default();
    let mut counts = [0; 4];
    morgan::environments_by_radius(mol, &params, &mut Scratch::default(), |radius, id| {
        counts[radius.min(3)] += u32::from(seen.insert(id));
    });
    for radius in 1..4 {
        counts[radius] += counts[radius - 1];
    }
    counts
}

/// Sets the fingerprint's bits in `words` (bit `i` is bit `i % 64` of word `i / 64`), clearing the
/// rest. Nothing is allocated once `scratch` has grown to the molecule.
///
/// # Panics
/// When `words` holds fewer than `params.size` bits or the size is 0.
pub fn ecfp_into(mol: &Mol, params: &EcfpParams, scratch: &mut Scratch, words: &mut [u64]) {
    assert!(params.size > 0 && words.len() * 64 >= params.size, "words must hold params.size bits");
    words.fill(0);
    let size = params.size as u32;
    morgan::environments(mol, params, scratch, |id| {
        let bit = (id % size) as usize;
        words[bit / 64] |= 1 << (bit % 64);
    });
}

/// The fingerprint as words of 64 bits.
///
/// # Panics
/// When the size is 0.
#[must_use]
pub fn ecfp(mol: &Mol, params: &EcfpParams) -> Vec<u64> {
    let mut words = vec![0; params.size.div_ceil(64)];
    ecfp_into(mol, params, &mut Scratch::default(), &mut words);
    words
}

/// Adds the folded counts to `counts` (one entry a bit), which is cleared first.
///
/// # Panics
/// When `counts` is not `params.size` long or the size is 0.
pub fn ecfp_counts_into(mol: &Mol, params: &EcfpParams, scratch: &mut Scratch, counts: &mut [f32]) {
    assert!(params.size > 0 && counts.len() == params.size, "one count a bit");
    counts.fill(0.0);
    let size = params.size as u32;
    morgan::environments(mol, params, scratch, |id| counts[(id % size) as usize] += 1.0);
}

/// Folded counts, one entry a bit.
///
/// # Panics
/// When the size is 0.
#[must_use]
pub fn ecfp_counts(mol: &Mol, params: &EcfpParams) -> Vec<u32> {
    let mut counts = vec![0; params.size];
    let size = params.size as u32;
    morgan::environments(mol, params, &mut Scratch::default(), |id| {
        counts[(id % size) as usize] += 1;
    });
    counts
}
