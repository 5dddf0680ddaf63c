//! Labute's approximate surface area and the descriptors that sort it into bins of another property
//! (SMR_VSA, SlogP_VSA, PEOE_VSA, EState_VSA, VSA_EState).

use std::f64::consts::PI;

use super::periodic::element;
use crate::Mol;
use crate::mol::BondOrder;

/// Upper ends of the bins, RDKit's.
pub(crate) const SMR_BINS: [f64; 9] = [1.29, 1.82, 2.24, 2.45, 2.75, 3.05, 3.63, 3.8, 4.0];
pub(crate) const SLOGP_BINS: [f64; 11] =
    [-0.4, -0.2, 0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6];
pub(crate) const PEOE_BINS: [f64; 13] =
    [-0.3, -0.25, -0.20, -0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30];
pub(crate) const ESTATE_BINS: [f64; 10] =
    [-0.390, 0.290, 0.717, 1.165, 1.540, 1.807, 2.05, 4.69, 9.17, 15.0];
pub(crate) const VSA_BINS: [f64; 9] = [4.78, 5.00, 5.410, 5.740, 6.00, 6.07, 6.45, 7.00, 11.0];

/// Labute's surface area, Å².
#[derive(Debug, Clone, Default)]
pub struct Surface {
    /// Share of every atom.
    pub atoms: Vec<f64>,
    /// Share of the hydrogens, as one.
    pub hydrogens: f64,
}

impl Surface {
    /// Area of the whole molecule.
    pub fn total(&self) -> f64 {
        self.atoms.iter().sum::<f64>() + self.hydrogens
    }
}

/// Labute (2000): exposed area of each atom from covalent radii and bond orders.
pub(crate) fn labute(mol: &Mol) -> Surface {
    let radii: Vec<f64> = mol.atoms().iter().map(|a| element(a.element).radius).collect();
    let mut hidden = vec![0.0; radii.len()];
    for bond in mol.bonds() {
        let (a, b) = (bond.begin as usize, bond.end as usize);
        let shortening = match bond.order {
            _ if bond.aromatic => 0.1,
            BondOrder::Double => 0.2,
            BondOrder::Triple => 0.3,
            _ => 0.0,
        };
        let distance = bond_length(radii[a], radii[b], shortening);
        hidden[a] += overlap(radii[a], radii[b], distance);
        hidden[b] += overlap(radii[b], radii[a], distance);
    }
    let hydrogen = element(1).radius;
    let mut hidden_h = 0.0;
    for (radius, hidden) in radii.iter().zip(&mut hidden) {
        let distance = bond_length(*radius, hydrogen, 0.0);
        *hidden += overlap(*radius, hydrogen, distance);
        hidden_h += overlap(hydrogen, *radius, distance);
    }
    let area = |radius: f64, hidden: f64| PI * radius * (4.0 * radius - hidden);
    Surface {
        atoms: radii.iter().zip(&hidden).map(|(&r, &h)| area(r, h)).collect(),
        hydrogens: area(hydrogen, hidden_h),
    }
}

fn bond_length(a: f64, b: f64, shortening: f64) -> f64 {
    (a + b - shortening).max((a - b).abs()).min(a + b)
}

fn overlap(own: f64, other: f64, distance: f64) -> f64 {
    other * other - (own - distance) * (own - distance) / distance
}

/// Adds each value to the bin its key falls into; a key equal to a bound belongs to the bin above,
/// and one that is not a number to the last.
pub(crate) fn binned(keys: &[f64], values: &[f64], bounds: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (key, value) in keys.iter().zip(values) {
        let bin = bounds.iter().position(|bound| key < bound).unwrap_or(bounds.len());
        out[bin] += value;
    }
}
