//! The molecule: parsed and sanitised once, read by everything else.
//!
//! A [`Mol`] is immutable to its readers: hydrogens counted, rings found, aromaticity, conjugation
//! and hybridisation assigned in RDKit's sense, stereo marks that mean nothing removed.
mod aromatic;
mod build;
pub mod cip;
mod cleanup;
pub mod elements;
mod kekulize;
mod rings;
mod sanitize;
mod stereo;
pub(crate) mod types;
mod valence;

pub use build::MolBuilder;
pub use elements::{ELEMENTS, Element, ISOTOPES};
pub use rings::Rings;
pub use types::{
    Atom, Bond, BondDirection, BondOrder, BondStereo, Chirality, Hybridisation, Neighbor,
};

pub(crate) use stereo::{could_have_geometry, has_direction, perceive};
pub(crate) use valence::{hydrogens_beside_radicals, hydrogens_of_drawing, implied_hydrogens};

use crate::error::Result;

/// Most atoms a molecule may have; more gives [`ChemError::TooLarge`](crate::ChemError::TooLarge).
pub const MAX_ATOMS: usize = 2_000;

/// Greatest atom map number.
pub(crate) const MAX_MAP: u32 = 999_999_999;

/// A molecule, sanitised.
#[derive(Debug, Clone, Default)]
pub struct Mol {
    pub(crate) atoms: Vec<Atom>,
    pub(crate) bonds: Vec<Bond>,
    /// Start of each atom's neighbours in `neighbors`; one longer than `atoms`.
    pub(crate) offsets: Vec<u32>,
    pub(crate) neighbors: Vec<Neighbor>,
    pub(crate) rings: Rings,
}

impl Mol {
    /// Parses and sanitises a SMILES string; accepts what RDKit's `MolFromSmiles` accepts, but for
    /// the empty string and molecules above [`MAX_ATOMS`]. Text after white space is a name and ignored.
    ///
    /// # Errors
    /// Syntax, valences, rings that cannot be kekulised, size.
    pub fn from_smiles(smiles: &str) -> Result<Self> {
        crate::smiles::parse(smiles)
    }

    /// Reads one MDL molblock (V2000 or V3000), stereo from wedged bonds.
    ///
    /// # Errors
    /// Syntax, valences, rings that cannot be kekulised, size.
    pub fn from_molblock(block: &str) -> Result<Self> {
        crate::sdf::mol_from_block(block)
    }

    /// One SMILES string for the molecule, whatever the order of its atoms.
    #[must_use]
    pub fn canonical_smiles(&self) -> String {
        crate::smiles::canonical(self)
    }

    /// The atoms.
    #[must_use]
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The bonds.
    #[must_use]
    pub fn bonds(&self) -> &[Bond] {
        &self.bonds
    }

    /// The neighbours of an atom in the order of their bonds.
    ///
    /// # Panics
    /// When `atom` is not an atom of this molecule.
    #[must_use]
    pub fn neighbors(&self, atom: usize) -> &[Neighbor] {
        &self.neighbors[self.offsets[atom] as usize..self.offsets[atom + 1] as usize]
    }

    /// The rings: RDKit's symmetrised smallest set.
    #[must_use]
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Number of atoms in the graph (hydrogens that are only counted excluded).
    #[must_use]
    pub fn num_atoms(&self) -> usize {
        self.atoms.len()
    }

    /// The bond between two atoms.
    #[must_use]
    pub fn bond_between(&self, a: usize, b: usize) -> Option<usize> {
        self.neighbors(a).iter().find(|n| n.atom as usize == b).map(|n| n.bond as usize)
    }

    /// Mass in g/mol of an atom without its hydrogens: the isotope's, or the average weight.
    #[must_use]
    pub fn atom_mass(&self, atom: usize) -> f64 {
        let atom = &self.atoms[atom];
        types::mass(atom.element, atom.isotope)
    }

    /// Component number of every atom (from 0, by lowest atom) and the number of components.
    #[must_use]
    pub fn components(&self) -> (Vec<u32>, usize) {
        let mut label = vec![u32::MAX; self.atoms.len()];
        let mut stack = Vec::new();
        let mut count = 0;
        for start in 0..self.atoms.len() {
            if label[start] != u32::MAX {
                continue;
            }
            label[start] = count;
            stack.push(start);
            while let Some(at) = stack.pop() {
                for n in self.neighbors(at) {
                    if label[n.atom as usize] == u32::MAX {
                        label[n.atom as usize] = count;
                        stack.push(n.atom as usize);
                    }
                }
            }
            count += 1;
        }
        (label, count as usize)
    }
}
