//! What a product must keep: likeness to the start, its scaffold, sizes, no alerts. Checked before anything is
//! scored; limits on scored values are checked afterwards.
use crate::alerts::AlertCatalog;
use crate::descriptors::MolProfile;
use crate::edit::plausible::oddities;
use crate::edit::{EditMol, Product};
use crate::fingerprint::{EcfpParams, Scratch, ecfp_into};
use crate::mol::{BondOrder, Mol};
use crate::scaffold::scaffold_atoms;
use crate::standardize::{StandardizeOptions, standardize};
use crate::{ChemError, sa_score};

use super::OptimizeError;
use super::goal::parse_range;

/// Words of a fingerprint of 2048 bits.
const WORDS: usize = 32;

/// A limit on a scored value.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The scorer's column.
    pub name: String,
    /// Lowest value; may be -∞.
    pub low: f64,
    /// Highest value; may be ∞.
    pub high: f64,
}

impl std::str::FromStr for Limit {
    type Err = OptimizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = text.split_once('=').and_then(|(name, range)| {
            let (low, high) = parse_range(range)?;
            let name = name.trim().to_owned();
            (!name.is_empty()).then_some(Self { name, low, high })
        });
        read.ok_or_else(|| OptimizeError::Goal {
            text: text.to_owned(),
            what: "limit",
            remedy: "write NAME=LOW..HIGH, NAME=LOW.. or NAME=..HIGH",
        })
    }
}

/// What a product must keep.
#[derive(Debug, Clone, Default)]
pub struct Constraints {
    /// Least Tanimoto similarity of ECFP4 (2048 bits) to the nearest start.
    pub similarity: f64,
    /// Whether the start's Murcko scaffold stays: each of its atoms and bonds, unchanged.
    pub keep_scaffold: bool,
    /// Structural alerts that no product may have.
    pub alerts: Option<AlertCatalog>,
    /// Highest synthetic accessibility score (1 easy, 10 hard).
    pub max_sa: Option<f64>,
    /// Highest weight, g/mol.
    pub max_weight: Option<f64>,
    /// Most heavy atoms; where none is given, one and a half times the start's and eight more.
    pub max_atoms: Option<usize>,
    /// Limits on scored values.
    pub limits: Vec<Limit>,
}

/// A start, prepared.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) product: Product,
    words: Vec<u64>,
    /// Atoms of its scaffold, and its bonds among them with order and aromaticity.
    atoms: Vec<u32>,
    bonds: Vec<(u32, u32, BondOrder)>,
    oddities: u32,
}

impl Start {
    /// Standardises a molecule and works out what its products are compared with.
    pub(super) fn new(mol: &Mol) -> Result<Self, ChemError> {
        let plain = standardize(mol, &StandardizeOptions::default())?;
        let mut product = EditMol::from_mol(&plain)?.finish()?;
        // The numbers of the start are those of its canonical SMILES from here on.
        product.origin = (0..product.mol.num_atoms() as u32).map(Some).collect();
        let mut words = vec![0; WORDS];
        fingerprint(&product.mol, &mut words);
        let mol = &product.mol;
        let scaffold = scaffold_atoms(mol);
        let inside = |a: u32| scaffold[a as usize];
        let atoms = (0..mol.num_atoms() as u32).filter(|&a| inside(a)).collect();
        let bonds = mol.bonds().iter().filter(|bond| inside(bond.begin) && inside(bond.end));
        let bonds = bonds.map(|bond| (bond.begin, bond.end, bond.order)).collect();
        Ok(Self { words, atoms, bonds, oddities: oddities(mol), product })
    }

    /// Whether a product still has the scaffold, each atom where it was.
    fn scaffold_kept(&self, mol: &Mol, origin: &[Option<u32>]) -> bool {
        let mut place = vec![None; self.product.mol.num_atoms()];
        for (at, from) in origin.iter().enumerate() {
            if let Some(slot) = from.and_then(|from| place.get_mut(from as usize)) {
                *slot = Some(at);
            }
        }
        let start = self.product.mol.atoms();
        let atoms = self.atoms.iter().all(|&a| {
            place[a as usize].is_some_and(|at| {
                let (new, old) = (&mol.atoms()[at], &start[a as usize]);
                (new.element, new.charge, new.aromatic) == (old.element, old.charge, old.aromatic)
            })
        });
        atoms
            && self.bonds.iter().all(|&(a, b, order)| {
                let ends = place[a as usize].zip(place[b as usize]);
                let bond = ends.and_then(|(a, b)| mol.bond_between(a, b));
                bond.is_some_and(|bond| mol.bonds()[bond].order == order)
            })
    }
}

fn fingerprint(mol: &Mol, words: &mut [u64]) {
    ecfp_into(mol, &EcfpParams::default(), &mut Scratch::default(), words);
}

/// Tanimoto similarity; 0 for two empty fingerprints.
pub(super) fn tanimoto(a: &[u64], b: &[u64]) -> f64 {
    let (mut both, mut any) = (0u32, 0u32);
    for (a, b) in a.iter().zip(b) {
        both += (a & b).count_ones();
        any += (a | b).count_ones();
    }
    if any == 0 { 0.0 } else { f64::from(both) / f64::from(any) }
}

/// ECFP4 of 2048 bits.
pub(super) fn words_of(mol: &Mol) -> Vec<u64> {
    let mut words = vec![0; WORDS];
    fingerprint(mol, &mut words);
    words
}

/// The gate every product passes before it is scored.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    constraints: &'a Constraints,
    pub(super) starts: &'a [Start],
    max_atoms: usize,
}

/// Why a product was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Size,
    Odd,
    Likeness,
    Scaffold,
    Alert,
    Access,
    Charge,
}

impl<'a> Gate<'a> {
    pub(super) fn new(constraints: &'a Constraints, starts: &'a [Start]) -> Self {
        let largest = starts.iter().map(|start| start.product.mol.num_atoms()).max().unwrap_or(0);
        let max_atoms = constraints.max_atoms.unwrap_or(largest * 3 / 2 + 8);
        Self { constraints, starts, max_atoms }
    }

    /// Similarity to the nearest start.
    pub(super) fn similarity(&self, mol: &Mol) -> f64 {
        let mut words = [0; WORDS];
        fingerprint(mol, &mut words);
        self.starts.iter().map(|start| tanimoto(&words, &start.words)).fold(0.0, f64::max)
    }

    /// Checks a product whose atoms come from `origin` of the start `root`; gives its similarity.
    pub(super) fn admit(
        &self,
        product: &Product,
        (root, origin): (usize, &[Option<u32>]),
    ) -> Result<f64, Refusal> {
        let (mol, wanted) = (&product.mol, self.constraints);
        if mol.num_atoms() > self.max_atoms || mol.num_atoms() < 3 {
            return Err(Refusal::Size);
        }
        let start = &self.starts[root];
        if wanted.keep_scaffold && !start.scaffold_kept(mol, origin) {
            return Err(Refusal::Scaffold);
        }
        let similarity = self.similarity(mol);
        if similarity < wanted.similarity {
            return Err(Refusal::Likeness);
        }
        if oddities(mol) > start.oddities {
            return Err(Refusal::Odd);
        }
        if mol.atoms().iter().any(|atom| atom.charge != 0) {
            let plain = standardize(mol, &StandardizeOptions::default());
            if !plain.is_ok_and(|plain| plain.canonical_smiles() == product.smiles) {
                return Err(Refusal::Charge);
            }
        }
        let profile = MolProfile::new(mol);
        if wanted.max_weight.is_some_and(|most| profile.composition().weight > most) {
            return Err(Refusal::Size);
        }
        if wanted.max_sa.is_some_and(|most| sa_score::sa_of(&profile).is_none_or(|sa| sa > most)) {
            return Err(Refusal::Access);
        }
        let alerts = wanted.alerts.as_ref();
        if alerts.is_some_and(|alerts| !alerts.hits_on(profile.target()).is_empty()) {
            return Err(Refusal::Alert);
        }
        Ok(similarity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::mutate;
    use crate::split::Random;

    #[test]
    fn limits_are_read() {
        let limit: Limit = "SA=..4".parse().unwrap();
        assert_eq!((limit.name.as_str(), limit.high), ("SA", 4.0));
        assert!("SA".parse::<Limit>().is_err() && "SA=4".parse::<Limit>().is_err());
    }

    #[test]
    fn a_kept_scaffold_is_in_every_product_that_passes() {
        let start = Start::new(&Mol::from_smiles("Cc1ccc(cc1)C(=O)NCCN1CCOCC1").unwrap()).unwrap();
        let scaffold = crate::scaffold::murcko(&start.product.mol).unwrap().canonical_smiles();
        let pattern = crate::smarts::Pattern::parse(&scaffold).unwrap();
        let starts = [start];
        let constraints = Constraints { keep_scaffold: true, ..Constraints::default() };
        let gate = Gate::new(&constraints, &starts);
        let mut random = Random::new(1);
        let (mut passed, mut refused) = (0, 0);
        for _ in 0..2000 {
            let mol = &gate.starts[0].product.mol;
            let made = match random.below(3) {
                0 => mutate::append(mol, &mut random),
                1 => mutate::delete(mol, &mut random),
                _ => mutate::exchange(mol, &mut random),
            };
            let Ok(product) = made.and_then(|(edit, _)| edit.finish()) else { continue };
            match gate.admit(&product, (0, &product.origin)) {
                Ok(_) => {
                    assert!(pattern.matches(&product.mol), "{}", product.smiles);
                    passed += 1;
                }
                Err(Refusal::Scaffold) => refused += 1,
                Err(_) => {}
            }
        }
        assert!(passed > 100 && refused > 100, "{passed} {refused}");
    }
}
