//! Element facts the descriptors need, and the reader of our tables.

use crate::mol::ELEMENTS;

/// Radii Rb0 in ångström by atomic number (Labute's surface and Hall and Kier's alpha), from RDKit's
/// periodic table (BSD-3-Clause).
const RADII: [f64; 119] = [
    0.0, 0.33, 0.7, 1.23, 0.9, 0.82, 0.77, 0.7, 0.66, 0.611, 0.7, 1.54, 1.36, 1.18, 0.937, 0.89,
    1.04, 0.997, 1.74, 2.03, 1.74, 1.44, 1.32, 1.22, 1.18, 1.17, 1.17, 1.16, 1.15, 1.17, 1.25,
    1.26, 1.188, 1.2, 1.17, 1.167, 1.91, 2.16, 1.91, 1.62, 1.45, 1.34, 1.3, 1.27, 1.25, 1.25, 1.28,
    1.34, 1.48, 1.44, 1.385, 1.4, 1.378, 1.387, 1.98, 2.35, 1.98, 1.69, 1.83, 1.82, 1.81, 1.8, 1.8,
    1.99, 1.79, 1.76, 1.75, 1.74, 1.73, 1.72, 1.94, 1.72, 1.44, 1.34, 1.3, 1.28, 1.26, 1.27, 1.3,
    1.34, 1.49, 1.48, 1.48, 1.45, 1.46, 1.45, 2.4, 2.0, 1.9, 1.88, 1.79, 1.61, 1.58, 1.55, 1.53,
    1.07, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0,
];

/// What is known of an element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    /// Standard atomic weight, g/mol.
    pub(crate) weight: f64,
    /// Mass of the most common isotope, g/mol.
    pub(crate) monoisotopic: f64,
    /// Radius Rb0, Å.
    pub(crate) radius: f64,
    /// Electrons in the outer shell.
    pub(crate) outer_electrons: i32,
}

/// The element with this atomic number; beyond the table, the dummy atom.
pub(crate) fn element(number: u8) -> Facts {
    let index = usize::from(number);
    let index = if index < ELEMENTS.len() { index } else { 0 };
    let known = &ELEMENTS[index];
    Facts {
        weight: known.weight,
        monoisotopic: known.common_isotope_mass,
        radius: RADII[index],
        outer_electrons: i32::from(known.outer_electrons),
    }
}

/// The rows of a table of ours, comments left out.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table
        .lines()
        .filter(|line| !line.starts_with("# ") && !line.is_empty())
        .map(|line| line.split('\t').collect())
}
