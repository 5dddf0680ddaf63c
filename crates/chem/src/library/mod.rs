//! The chemistry library behind a trait: what is taken from outside instead of written here.
//!
//! Parsing, sanitising, canonical SMILES, fingerprints, descriptors and search are our own. MACCS
//! keys, tautomers and 2D coordinates come from a library, which sees a molecule only as the
//! SMILES we write and whose answers come back in our atom numbers, so it can be exchanged here
//! without another module knowing.
mod chematic;

use crate::error::Result;
use crate::mol::Mol;

pub use chematic::Chematic;

/// What the kit asks of a chemistry library.
///
/// A library that fails or panics on a molecule gives a
/// [`ChemError::Operation`](crate::ChemError::Operation), never a panic.
pub trait ChemLibrary: Send + Sync {
    /// The library's name.
    fn name(&self) -> &'static str;

    /// The library's version.
    fn version(&self) -> &'static str;

    /// The 166 public MACCS keys as RDKit defines them.
    ///
    /// # Errors
    /// When the library cannot handle the molecule.
    fn maccs(&self, mol: &Mol) -> Result<MaccsKeys>;

    /// The tautomer that stands for all of a molecule's: RDKit's rules, scores and limits.
    ///
    /// # Errors
    /// When the molecule is larger than the library's limit or the library cannot handle it.
    fn canonical_tautomer(&self, mol: &Mol) -> Result<Mol>;

    /// 2D coordinates of the atoms in our order, y upwards, a bond about 1.5 long.
    ///
    /// # Errors
    /// When the library cannot lay the molecule out.
    fn layout(&self, mol: &Mol) -> Result<Vec<[f64; 2]>>;
}

/// The library in use.
#[must_use]
pub fn library() -> &'static dyn ChemLibrary {
    &Chematic
}

/// MACCS keys 1 to 166; bit `k` of the words is key `k` (bit 0 is never set), as in RDKit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MaccsKeys {
    words: [u64; 3],
}

impl MaccsKeys {
    /// Number of the last key.
    pub const LAST: usize = 166;

    /// Whether a key (1 to 166) is set.
    #[must_use]
    pub fn contains(&self, key: usize) -> bool {
        (1..=Self::LAST).contains(&key) && self.words[key / 64] >> (key % 64) & 1 == 1
    }

    /// Sets a key; a number outside 1 to 166 changes nothing.
    pub fn insert(&mut self, key: usize) {
        if (1..=Self::LAST).contains(&key) {
            self.words[key / 64] |= 1 << (key % 64);
        }
    }

    /// The keys that are set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (1..=Self::LAST).filter(|&key| self.contains(key))
    }

    /// The bits: a fingerprint of 192 bits, ready for Tanimoto.
    #[must_use]
    pub fn words(&self) -> &[u64; 3] {
        &self.words
    }

    /// Number of keys set.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().map(|w| w.count_ones()).sum()
    }
}
