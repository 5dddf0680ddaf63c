//! What one molecule's descriptors share, worked out once when first needed.

use std::cell::OnceCell;

use super::connectivity::{Connectivity, connectivity};
use super::counts::{Composition, Matched, RingCounts, composition, matched, ring_counts};
use super::crippen::{Crippen, crippen};
use super::surface::{Surface, labute};
use super::{charges, topology, tpsa};
use crate::Mol;
use crate::smarts::Target;

/// A molecule with the intermediate results of its descriptors.
#[derive(Debug)]
pub struct MolProfile<'m> {
    mol: &'m Mol,
    target: OnceCell<Target>,
    composition: OnceCell<Composition>,
    matched: OnceCell<Matched>,
    rings: OnceCell<RingCounts>,
    crippen: OnceCell<Crippen>,
    surface: OnceCell<Surface>,
    tpsa: OnceCell<f64>,
    estate: OnceCell<Vec<f64>>,
    charges: OnceCell<Vec<f64>>,
    connectivity: OnceCell<Connectivity>,
}

impl<'m> MolProfile<'m> {
    /// Nothing is computed yet.
    pub fn new(mol: &'m Mol) -> Self {
        Self {
            mol,
            target: OnceCell::new(),
            composition: OnceCell::new(),
            matched: OnceCell::new(),
            rings: OnceCell::new(),
            crippen: OnceCell::new(),
            surface: OnceCell::new(),
            tpsa: OnceCell::new(),
            estate: OnceCell::new(),
            charges: OnceCell::new(),
            connectivity: OnceCell::new(),
        }
    }

    /// The molecule.
    pub fn mol(&self) -> &'m Mol {
        self.mol
    }

    /// The molecule as SMARTS matching sees it.
    pub fn target(&self) -> &Target {
        self.target.get_or_init(|| Target::new(self.mol))
    }

    /// Weights and counts of atoms.
    pub fn composition(&self) -> &Composition {
        self.composition.get_or_init(|| composition(self.mol))
    }

    /// Donors, acceptors, rotatable and amide bonds.
    pub fn matched(&self) -> &Matched {
        self.matched.get_or_init(|| matched(self.target()))
    }

    /// Rings by kind.
    pub fn rings(&self) -> &RingCounts {
        self.rings.get_or_init(|| ring_counts(self.mol))
    }

    /// logP and refractivity contributions.
    pub fn crippen(&self) -> &Crippen {
        self.crippen.get_or_init(|| crippen(self.mol, self.target()))
    }

    /// Labute's surface contributions, Å².
    pub fn surface(&self) -> &Surface {
        self.surface.get_or_init(|| labute(self.mol))
    }

    /// Topological polar surface area, Å².
    pub fn tpsa(&self) -> f64 {
        *self.tpsa.get_or_init(|| tpsa::contributions(self.mol).iter().sum())
    }

    /// EState index of every atom.
    pub fn estate(&self) -> &[f64] {
        self.estate.get_or_init(|| topology::estate(self.mol))
    }

    /// Gasteiger charge of every atom.
    pub fn charges(&self) -> &[f64] {
        self.charges.get_or_init(|| charges::gasteiger(self.mol))
    }

    /// Chi and kappa indices.
    pub fn connectivity(&self) -> &Connectivity {
        self.connectivity.get_or_init(|| connectivity(self.mol))
    }

    /// BalabanJ and BertzCT, which share their distances.
    pub fn balaban_and_bertz(&self) -> [f64; 2] {
        let weighted = topology::weighted_distances(self.mol);
        [topology::balaban_j(self.mol, &weighted), topology::bertz_ct(self.mol, &weighted)]
    }
}
