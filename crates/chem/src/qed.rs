//! QED, the quantitative estimate of drug-likeness: Bickerton et al., Nature Chemistry 4, 90-98
//! (2012), with RDKit's property definitions.

use std::sync::LazyLock;

use crate::Mol;
use crate::descriptors::MolProfile;
use crate::smarts::{PatternOptions, PatternSet, Target};

/// The eight properties QED is built on.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct QedProperties {
    /// Molecular weight, g/mol.
    pub mw: f64,
    /// logP (Crippen).
    pub alogp: f64,
    /// Hydrogen-bond acceptors, QED's own definition.
    pub hba: u32,
    /// Hydrogen-bond donors.
    pub hbd: u32,
    /// Topological polar surface area, Å².
    pub psa: f64,
    /// Rotatable bonds.
    pub rotb: u32,
    /// Rings left when atoms of aliphatic rings are taken away.
    pub arom: u32,
    /// Structural alerts that match.
    pub alerts: u32,
}

/// Weights of the eight properties, in the order of [`QedProperties`].
pub type QedWeights = [f64; 8];

/// Weights that gave the highest information content; RDKit's `weights_max`.
pub const WEIGHTS_MAX: QedWeights = [0.50, 0.25, 0.00, 0.50, 0.00, 0.50, 0.25, 1.00];
/// Mean weights, the default; RDKit's `weights_mean`.
pub const WEIGHTS_MEAN: QedWeights = [0.66, 0.46, 0.05, 0.61, 0.06, 0.65, 0.48, 0.95];
/// Equal weights; RDKit's `weights_none`.
pub const WEIGHTS_NONE: QedWeights = [1.0; 8];

/// Parameters A to F and the maximum of each property's desirability function (supplementary table 1
/// of the paper).
const DESIRABILITY: [[f64; 7]; 8] = [
    [2.817065973, 392.5754953, 290.7489764, 2.419764353, 49.22325677, 65.37051707, 104.9805561],
    [3.172690585, 137.8624751, 2.534937431, 4.581497897, 0.822739154, 0.576295591, 131.3186604],
    [2.948620388, 160.4605972, 3.615294657, 4.435986202, 0.290141953, 1.300669958, 148.7763046],
    [1.618662227, 1010.051101, 0.985094388, 0.000000001, 0.713820843, 0.920922555, 258.1632616],
    [1.876861559, 125.2232657, 62.90773554, 87.83366614, 12.01999824, 28.51324732, 104.5686167],
    [0.010000000, 272.4121427, 2.558379970, 1.565547684, 1.271567166, 2.758063707, 105.4420403],
    [3.217788970, 957.7374108, 2.274627939, 0.000000001, 1.317690384, 0.375760881, 312.3372610],
    [0.010000000, 1199.094025, -0.09002883, 0.000000001, 0.185904477, 0.875193782, 417.7253140],
];

const ACCEPTORS: [&str; 11] = [
    "[oH0;X2]",
    "[OH1;X2;v2]",
    "[OH0;X2;v2]",
    "[OH0;X1;v2]",
    "[O-;X1]",
    "[SH0;X2;v2]",
    "[SH0;X1;v2]",
    "[S-;X1]",
    "[nH0;X2]",
    "[NH0;X1;v3]",
    "[$([N;+0;X3;v3]);!$(N[C,S]=O)]",
];

const ALIPHATIC_RING_ATOMS: &str = "[$([A;R][!a])]";

fn pattern_texts() -> impl Iterator<Item = &'static str> {
    let alerts = include_str!("../data/qed_alerts.txt").lines().filter(|l| !l.starts_with("# "));
    ACCEPTORS.into_iter().chain([ALIPHATIC_RING_ATOMS]).chain(alerts)
}

/// Acceptors first, then the aliphatic ring atoms, then the alerts.
static PATTERNS: LazyLock<PatternSet> = LazyLock::new(|| {
    let mut set = PatternSet::new();
    for text in pattern_texts() {
        // All are constants of the program; a test counts them.
        let _ = set.add(text, PatternOptions::default());
    }
    set
});

/// QED with mean weights, 0 to 1.
pub fn qed(mol: &Mol) -> f64 {
    qed_of(&MolProfile::new(mol))
}

/// QED of a molecule whose other properties are computed too.
pub fn qed_of(profile: &MolProfile<'_>) -> f64 {
    weighted(&properties(profile), &WEIGHTS_MEAN)
}

/// QED from its properties with weights of choice.
pub fn weighted(properties: &QedProperties, weights: &QedWeights) -> f64 {
    let values = [
        properties.mw,
        properties.alogp,
        f64::from(properties.hba),
        f64::from(properties.hbd),
        properties.psa,
        f64::from(properties.rotb),
        f64::from(properties.arom),
        f64::from(properties.alerts),
    ];
    let sum: f64 = values
        .iter()
        .zip(&DESIRABILITY)
        .zip(weights)
        .map(|((value, parameters), weight)| weight * desirability(*value, parameters).ln())
        .sum();
    (sum / weights.iter().sum::<f64>()).exp()
}

/// Asymmetric double sigmoid, scaled to 1 at its maximum.
fn desirability(x: f64, &[a, b, c, d, e, f, max]: &[f64; 7]) -> f64 {
    let rise = 1.0 + (-(x - c + d / 2.0) / e).exp();
    let fall = 1.0 + (-(x - c - d / 2.0) / f).exp();
    (a + b / rise * (1.0 - 1.0 / fall)) / max
}

/// The eight properties.
pub fn properties(profile: &MolProfile<'_>) -> QedProperties {
    let target = profile.target();
    let mut on = PATTERNS.on(target);
    // Fixed small patterns: running out of steps would need a molecule beyond any we accept.
    let hba = (0..ACCEPTORS.len()).map(|i| on.count(i).unwrap_or(0) as u32).sum();
    let aliphatic = on.single_atom_set(ACCEPTORS.len());
    let alerts =
        (ACCEPTORS.len() + 1..PATTERNS.len()).filter(|&i| on.matches(i).unwrap_or(false)).count();
    QedProperties {
        mw: profile.composition().weight,
        alogp: profile.crippen().logp(),
        hba,
        hbd: profile.matched().donors,
        psa: profile.tpsa(),
        rotb: profile.matched().rotatable,
        arom: rings_without(target, &aliphatic),
        alerts: alerts as u32,
    }
}

/// Independent cycles of the graph without the atoms of a set.
fn rings_without(target: &Target, removed: &[u64]) -> u32 {
    let kept = |atom: u32| removed[(atom >> 6) as usize] >> (atom & 63) & 1 == 0;
    let count = target.len() as u32;
    let mut seen = vec![false; count as usize];
    let (mut atoms, mut ends, mut parts) = (0u32, 0u32, 0u32);
    let mut stack = Vec::new();
    for start in (0..count).filter(|&a| kept(a)) {
        if seen[start as usize] {
            continue;
        }
        parts += 1;
        seen[start as usize] = true;
        stack.push(start);
        while let Some(atom) = stack.pop() {
            atoms += 1;
            for link in target.neighbors(atom) {
                if kept(link.atom) {
                    ends += 1;
                    if !seen[link.atom as usize] {
                        seen[link.atom as usize] = true;
                        stack.push(link.atom);
                    }
                }
            }
        }
    }
    (ends / 2 + parts).saturating_sub(atoms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_parses() {
        assert_eq!(PATTERNS.len(), 11 + 1 + 116);
    }

    #[test]
    fn desirability_peaks_at_one() {
        for parameters in &DESIRABILITY {
            let best = (0..40_000)
                .map(|i| desirability(f64::from(i) / 50.0, parameters))
                .fold(0.0, f64::max);
            assert!((0.9..=1.001).contains(&best), "{parameters:?}: {best}");
        }
    }

    #[test]
    fn every_pattern_is_read() {
        for text in pattern_texts() {
            let read = PatternSet::new().add(text, PatternOptions::default());
            assert!(read.is_ok(), "{text}: {:?}", read.err());
        }
        // RDKit's QED has 116 structural alerts.
        assert_eq!(pattern_texts().count(), ACCEPTORS.len() + 1 + 116);
    }
}
