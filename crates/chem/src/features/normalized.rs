//! `rdkit2d-normalized-200`: 200 of RDKit's descriptors, each replaced by its cumulative distribution over the
//! ChEMBL molecules descriptastorus fitted (its `RDKit2DNormalized`), the row that Chemprop's published models read.
//!
//! What is not a number becomes 0. The distribution fitted to Ipc is 1 to twelve digits wherever Ipc is a finite
//! number, so that Ipc itself is not worked out.
use std::sync::LazyLock;

use super::cdf::{self, Curve};
use crate::descriptors::{MolProfile, NAMES};
use crate::fingerprint;
use crate::smarts::{PatternOptions, PatternSet};

/// Number of columns.
pub const COLUMNS: usize = 200;

/// Where a column's value comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum From {
    /// Position in [`NAMES`].
    Descriptor(usize),
    /// Position in the fragment patterns.
    Fragment(usize),
    /// Distinct environments of up to so many bonds, a heavy atom.
    Density(usize),
    /// Largest, smallest, largest and smallest in size.
    Charge(usize),
    /// NumRadicalElectrons.
    Radicals,
    /// See the head of this file.
    Ipc,
}

struct Tables {
    names: Vec<&'static str>,
    from: Vec<From>,
    fragments: PatternSet,
    curves: Vec<Curve>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let text = include_str!("../../data/rdkit2d_normalized.tsv");
    let mut tables = Tables {
        names: Vec::with_capacity(COLUMNS),
        from: Vec::with_capacity(COLUMNS),
        fragments: PatternSet::new(),
        // Data of this program; `the_tables_are_whole` holds them to their form.
        curves: cdf::read(include_bytes!("../../data/rdkit2d_cdf.bin")).unwrap_or_default(),
    };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, smarts) = line.split_once('\t').unwrap_or((line, ""));
        let from = match name {
            "FpDensityMorgan1" => From::Density(1),
            "FpDensityMorgan2" => From::Density(2),
            "FpDensityMorgan3" => From::Density(3),
            "MaxPartialCharge" => From::Charge(0),
            "MinPartialCharge" => From::Charge(1),
            "MaxAbsPartialCharge" => From::Charge(2),
            "MinAbsPartialCharge" => From::Charge(3),
            "NumRadicalElectrons" => From::Radicals,
            _ if !smarts.is_empty() => {
                let at = tables.fragments.add(smarts, PatternOptions::default());
                at.map_or(From::Ipc, From::Fragment)
            }
            _ => NAMES.iter().position(|known| *known == name).map_or(From::Ipc, From::Descriptor),
        };
        tables.names.push(name);
        tables.from.push(from);
    }
    tables
});

/// Names of the columns, RDKit's, in their order.
#[must_use]
pub fn names() -> &'static [&'static str] {
    &TABLES.names
}

/// The descriptors before they are normalised, in the order of [`names`]; Ipc is infinite.
#[must_use]
pub fn raw(profile: &MolProfile<'_>) -> [f64; COLUMNS] {
    let mut descriptors = [0.0; NAMES.len()];
    profile.descriptors(&mut descriptors);
    raw_with(profile, &descriptors)
}

/// [`raw`] where the descriptors of [`NAMES`] are there already.
pub(super) fn raw_with(
    profile: &MolProfile<'_>,
    descriptors: &[f64; NAMES.len()],
) -> [f64; COLUMNS] {
    let mol = profile.mol();
    let charges = charges(profile);
    let environments = fingerprint::distinct_environments(mol);
    let heavy = profile.composition().heavy_atoms;
    let mut fragments = TABLES.fragments.on(profile.target());
    let mut out = [0.0; COLUMNS];
    for (place, from) in out.iter_mut().zip(&TABLES.from) {
        *place = match *from {
            From::Descriptor(at) => descriptors[at],
            // These patterns are fixed and small: they cannot run out of steps on a molecule we accept.
            From::Fragment(at) => fragments.count(at).unwrap_or(0) as f64,
            From::Density(_) if heavy == 0 => 0.0,
            From::Density(radius) => f64::from(environments[radius]) / f64::from(heavy),
            From::Charge(at) => charges[at],
            From::Radicals => mol.atoms().iter().map(|atom| f64::from(atom.radicals)).sum(),
            From::Ipc => f64::INFINITY,
        };
    }
    out
}

/// Writes the normalised row.
pub(super) fn write(profile: &MolProfile<'_>, descriptors: &[f64; NAMES.len()], out: &mut [f32]) {
    let raw = raw_with(profile, descriptors);
    for ((place, value), curve) in out.iter_mut().zip(raw).zip(&TABLES.curves) {
        *place = curve.at(value);
    }
}

/// MaxPartialCharge, MinPartialCharge, MaxAbsPartialCharge, MinAbsPartialCharge. A charge that is not a number
/// (metals) is forgotten at the next atom, as in RDKit.
fn charges(profile: &MolProfile<'_>) -> [f64; 4] {
    let (mut least, mut most) = (500.0, -500.0);
    for &charge in profile.charges() {
        least = if least < charge { least } else { charge };
        most = if most > charge { most } else { charge };
    }
    let (a, b) = (f64::abs(least), f64::abs(most));
    // Python's max and min: the first, unless the second is greater or smaller.
    [most, least, if b > a { b } else { a }, if b < a { b } else { a }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        assert_eq!((TABLES.names.len(), TABLES.curves.len()), (COLUMNS, COLUMNS));
        let ipc: Vec<&str> = TABLES
            .names
            .iter()
            .zip(&TABLES.from)
            .filter(|(_, from)| **from == From::Ipc)
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(ipc, ["Ipc"]);
        assert_eq!(TABLES.fragments.len(), 85);
    }
}
