//! Which atoms of a product are as in its start: the large parts that both share.
//!
//! Moves know what they took from the start, but a crossover may bring from another molecule the very group that
//! the start has there. What people look for is the difference, whichever way it came about.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::search::Outcome;
use crate::mol::Mol;

impl Outcome {
    /// Marks in these candidates what differs from their start, where that is less than what the moves touched.
    pub fn mark_differing(&mut self, ids: impl IntoIterator<Item = u32>) {
        let read = |smiles: &str| Mol::from_smiles(smiles).ok();
        let starts = self.candidates.iter().take_while(|candidate| candidate.step.parent.is_none());
        let starts: Vec<_> = starts.map(|start| (start.start, read(&start.smiles))).collect();
        for id in ids {
            let Some(candidate) = self.candidates.get_mut(id as usize) else { continue };
            let start = starts.iter().find(|(number, _)| *number == candidate.start);
            let Some(start) = start.and_then(|(_, mol)| mol.as_ref()) else { continue };
            let Some(product) = read(&candidate.smiles) else { continue };
            let found = differing(start, &product);
            let count = |marks: &[bool]| marks.iter().filter(|marked| **marked).count();
            // A stereo centre turned round differs in no atom or bond: there the moves know better.
            if (1..count(&candidate.changed)).contains(&count(&found)) {
                candidate.changed = found;
            }
        }
    }
}

/// Bonds that an environment reaches.
const RADIUS: usize = 4;
/// Pairs of atoms that a common part is grown from, the most alike first.
const SEEDS: usize = 48;
/// Atoms of the smallest part that counts as kept, beside the first: two carbons are everywhere.
const LEAST: usize = 4;

/// Whether each atom of the product is new or has other bonds or hydrogens than in the start. The common parts are
/// grown greedily from atoms with like environments, so that they may fall short of the largest ones.
pub(super) fn differing(start: &Mol, product: &Mol) -> Vec<bool> {
    let mut common = Common::new(start, product);
    while common.take_part() {}
    (0..product.num_atoms()).map(|atom| !common.same(atom)).collect()
}

/// An atom's environments, by the bonds they reach.
type Environments = Vec<[u64; RADIUS]>;

fn environments(mol: &Mol) -> Environments {
    let label = |at: usize| {
        let atom = &mol.atoms()[at];
        digest(&(atom.element, atom.charge, atom.isotope, atom.aromatic, atom.in_ring))
    };
    let mut all: Environments = (0..mol.num_atoms()).map(|at| [label(at); RADIUS]).collect();
    for radius in 1..RADIUS {
        for at in 0..mol.num_atoms() {
            let beside = |n: &crate::mol::Neighbor| {
                (mol.bonds()[n.bond as usize].order as u8, all[n.atom as usize][radius - 1])
            };
            let mut around: Vec<(u8, u64)> = mol.neighbors(at).iter().map(beside).collect();
            around.sort_unstable();
            all[at][radius] = digest(&(all[at][radius - 1], around));
        }
    }
    all
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

struct Common<'a> {
    start: &'a Mol,
    product: &'a Mol,
    of_start: Environments,
    of_product: Environments,
    /// The start's atom of each of the product's.
    at: Vec<Option<usize>>,
    used: Vec<bool>,
    parts: usize,
}

impl<'a> Common<'a> {
    fn new(start: &'a Mol, product: &'a Mol) -> Self {
        Self {
            start,
            product,
            of_start: environments(start),
            of_product: environments(product),
            at: vec![None; product.num_atoms()],
            used: vec![false; start.num_atoms()],
            parts: 0,
        }
    }

    /// How far around two atoms are alike: 0 where they are of different kinds.
    fn alike(&self, ours: usize, theirs: usize) -> usize {
        let pairs = self.of_product[ours].iter().zip(&self.of_start[theirs]);
        pairs.take_while(|(ours, theirs)| ours == theirs).count()
    }

    /// Grows the largest further part; false where there is none worth it.
    fn take_part(&mut self) -> bool {
        let mut seeds = Vec::new();
        for ours in (0..self.at.len()).filter(|&ours| self.at[ours].is_none()) {
            for theirs in (0..self.used.len()).filter(|&theirs| !self.used[theirs]) {
                let alike = self.alike(ours, theirs);
                if alike > 0 {
                    seeds.push((std::cmp::Reverse(alike), ours, theirs));
                }
            }
        }
        seeds.sort_unstable();
        let grown = seeds.iter().take(SEEDS).map(|&(_, ours, theirs)| self.grow(ours, theirs));
        // The first of the largest: the same on every run.
        let best = grown.reduce(|best, next| if next.len() > best.len() { next } else { best });
        let least = if self.parts == 0 { 1 } else { LEAST };
        let Some(part) = best.filter(|part| part.len() >= least) else { return false };
        for (ours, theirs) in part {
            self.at[ours] = Some(theirs);
            self.used[theirs] = true;
        }
        self.parts += 1;
        true
    }

    /// The pairs reached from a pair over like bonds to like atoms.
    fn grow(&self, ours: usize, theirs: usize) -> Vec<(usize, usize)> {
        let mut at = self.at.clone();
        let mut used = self.used.clone();
        let mut pairs = vec![(ours, theirs)];
        (at[ours], used[theirs]) = (Some(theirs), true);
        let mut next = 0;
        while let Some(&(ours, theirs)) = pairs.get(next) {
            next += 1;
            for n in self.product.neighbors(ours) {
                let to = n.atom as usize;
                if at[to].is_some() {
                    continue;
                }
                let order = self.product.bonds()[n.bond as usize].order;
                let like = self.start.neighbors(theirs).iter().filter(|m| {
                    !used[m.atom as usize] && self.start.bonds()[m.bond as usize].order == order
                });
                let like = like.map(|m| (self.alike(to, m.atom as usize), m.atom as usize));
                let best = like.filter(|(alike, _)| *alike > 0).max_by_key(|(alike, _)| *alike);
                if let Some((_, found)) = best {
                    (at[to], used[found]) = (Some(found), true);
                    pairs.push((to, found));
                }
            }
        }
        pairs
    }

    /// Whether an atom has the same hydrogens and bonds to the same atoms as in the start.
    fn same(&self, ours: usize) -> bool {
        let Some(theirs) = self.at[ours] else { return false };
        let (now, before) = (&self.product.atoms()[ours], &self.start.atoms()[theirs]);
        now.total_hs == before.total_hs
            && now.degree == before.degree
            && self.product.neighbors(ours).iter().all(|n| {
                let there =
                    self.at[n.atom as usize].and_then(|to| self.start.bond_between(theirs, to));
                let order = self.product.bonds()[n.bond as usize].order;
                there.is_some_and(|bond| self.start.bonds()[bond].order == order)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The marked atoms of a product.
    fn marked(start: &str, product: &str) -> Vec<usize> {
        let [start, product] = [start, product].map(|smiles| Mol::from_smiles(smiles).unwrap());
        let differing = differing(&start, &product);
        (0..differing.len()).filter(|&at| differing[at]).collect()
    }

    #[test]
    fn only_what_differs_is_marked() {
        // Nothing; an atom more and the one it hangs on; an exchanged atom and its neighbour.
        assert!(marked("Cc1ccccc1", "c1ccccc1C").is_empty());
        assert_eq!(marked("c1ccccc1", "Cc1ccccc1"), [0, 1]);
        assert_eq!(marked("Clc1ccccc1", "Fc1ccccc1"), [0, 1]);
    }

    #[test]
    fn both_ends_of_an_exchanged_linker_are_kept() {
        let found = marked("c1ccccc1CC(=O)NCc1ccncc1", "c1ccccc1S(=O)(=O)OCc1ccncc1");
        // Phenyl's last atom, the sulfonyl with its ester oxygen, and perhaps the carbon behind it.
        assert!(
            (5..=10).contains(found.first().unwrap())
                && found.iter().all(|at| (5..=10).contains(at)),
            "{found:?}"
        );
    }

    #[test]
    fn a_fragment_left_out_marks_where_it_was() {
        // Celecoxib without its tolyl: the pyrazole's atom has a hydrogen more.
        let celecoxib = "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F";
        let found = marked(celecoxib, "NS(=O)(=O)c1ccc(cc1)-n1ccc(n1)C(F)(F)F");
        assert_eq!(found, [11]);
    }
}
