//! Morgan's algorithm as RDKit's fingerprint generator runs it.
use std::cell::Cell;

use super::feature_invariants;
use crate::mol::{BondOrder, Mol, types};

/// What fingerprint to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EcfpParams {
    /// Largest radius in bonds: 2 is ECFP4.
    pub radius: usize,
    /// Number of bits.
    pub size: usize,
    /// Pharmacophore features instead of atom types: FCFP.
    pub use_features: bool,
}

impl Default for EcfpParams {
    /// ECFP4 with 2048 bits.
    fn default() -> Self {
        Self { radius: 2, size: 2048, use_features: false }
    }
}

/// Buffers to use again from molecule to molecule.
#[derive(Debug, Default)]
pub struct Scratch {
    current: Vec<u32>,
    next: Vec<u32>,
    /// Bond sets, `words` per atom: of the last round and of this one.
    reach: Vec<u64>,
    reach_next: Vec<u64>,
    dead: Vec<Cell<bool>>,
    round: Vec<u32>,
    /// Bond sets seen so far, one after the other, and an open-addressing table over them.
    seen: Vec<u64>,
    table: Vec<u32>,
}

fn combine(seed: u32, value: u32) -> u32 {
    seed ^ value.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2)
}

/// RDKit's atom invariants for ECFP.
pub fn connectivity_invariants(mol: &Mol, out: &mut Vec<u32>) {
    out.clear();
    let any_hydrogen = mol.atoms().iter().any(|a| a.element == 1);
    for (a, atom) in mol.atoms().iter().enumerate() {
        // Hydrogens that are atoms of the graph ([2H], for one) count as hydrogens too.
        let mut hydrogens = u32::from(atom.total_hs);
        if any_hydrogen {
            let is_h = |n: &&crate::mol::Neighbor| mol.atoms()[n.atom as usize].element == 1;
            hydrogens += mol.neighbors(a).iter().filter(is_h).count() as u32;
        }
        let mut hash = 0;
        for value in [
            u32::from(atom.element),
            u32::from(atom.degree) + u32::from(atom.total_hs),
            hydrogens,
            i32::from(atom.charge) as u32,
        ] {
            hash = combine(hash, value);
        }
        let delta = if atom.isotope == 0 {
            0
        } else {
            (types::mass(atom.element, atom.isotope) - types::mass(atom.element, 0)) as i32
        };
        hash = combine(hash, delta as u32);
        if atom.in_ring {
            hash = combine(hash, 1);
        }
        out.push(hash);
    }
}

/// RDKit's number of a bond type.
fn bond_type(order: BondOrder, aromatic: bool) -> u32 {
    if aromatic {
        return 12;
    }
    match order {
        BondOrder::Zero => 0,
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 12,
        BondOrder::Dative => 17,
    }
}

/// Calls `emit` with the identifier of every environment.
pub(super) fn environments(
    mol: &Mol,
    params: &EcfpParams,
    scratch: &mut Scratch,
    mut emit: impl FnMut(u32),
) {
    environments_by_radius(mol, params, scratch, |_, id| emit(id));
}

/// Calls `emit` with the radius and the identifier of every environment, radius by radius.
pub(super) fn environments_by_radius(
    mol: &Mol,
    params: &EcfpParams,
    scratch: &mut Scratch,
    mut emit: impl FnMut(usize, u32),
) {
    if params.use_features {
        feature_invariants(mol, &mut scratch.current);
    } else {
        connectivity_invariants(mol, &mut scratch.current);
    }
    scratch.current.iter().for_each(|&id| emit(0, id));
    let n = mol.num_atoms();
    let words = mol.bonds().len().div_ceil(64).max(1);
    scratch.prepare(n, words);
    for layer in 0..params.radius {
        scratch.grow(mol, layer as u32, words);
        scratch.settle(words, &mut |id| emit(layer + 1, id));
    }
}

impl Scratch {
    fn prepare(&mut self, n: usize, words: usize) {
        self.reach.clear();
        self.reach.resize(n * words, 0);
        self.reach_next.clear();
        self.reach_next.resize(n * words, 0);
        self.dead.clear();
        self.dead.resize(n, Cell::new(false));
        self.next.clear();
        self.next.resize(n, 0);
        self.seen.clear();
        self.reset_table(64);
    }

    fn reset_table(&mut self, size: usize) {
        self.table.clear();
        self.table.resize(size, u32::MAX);
    }

    /// New identifiers and bond sets of the atoms still alive.
    fn grow(&mut self, mol: &Mol, layer: u32, words: usize) {
        self.round.clear();
        for a in 0..mol.num_atoms() {
            self.next[a] = 0;
            let neighbours = mol.neighbors(a);
            if self.dead[a].get() || neighbours.is_empty() {
                continue;
            }
            let mut pairs: smallvec::SmallVec<[(u32, u32); 8]> = smallvec::SmallVec::new();
            for n in neighbours {
                let (bond, other) = (n.bond as usize, n.atom as usize);
                let target = &mut self.reach_next[a * words..(a + 1) * words];
                target[bond / 64] |= 1 << (bond % 64);
                for (to, from) in target.iter_mut().zip(&self.reach[other * words..]) {
                    *to |= from;
                }
                let bond = &mol.bonds()[bond];
                pairs.push((bond_type(bond.order, bond.aromatic), self.current[other]));
            }
            pairs.sort_unstable();
            let mut id = combine(layer, self.current[a]);
            for (kind, invariant) in pairs {
                id = combine(id, combine(combine(0, kind), invariant));
            }
            self.next[a] = id;
            self.round.push(a as u32);
        }
    }

    /// Emits environments not seen before; atoms that only repeat one are dead from now on.
    fn settle(&mut self, words: usize, emit: &mut impl FnMut(u32)) {
        let mut round = std::mem::take(&mut self.round);
        // Among equal environments of one round the smallest identifier counts.
        round.sort_unstable_by_key(|&a| (self.next[a as usize], a));
        for &a in &round {
            let range = a as usize * words..(a as usize + 1) * words;
            if self.insert(range, words) {
                emit(self.next[a as usize]);
            } else {
                self.dead[a as usize].set(true);
            }
        }
        self.round = round;
        std::mem::swap(&mut self.current, &mut self.next);
        self.reach.copy_from_slice(&self.reach_next);
    }

    fn hash(bits: &[u64]) -> u64 {
        bits.iter()
            .fold(0, |h: u64, &w| (h.rotate_left(23) ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            >> 20
    }

    /// Adds a bond set; false when it was there.
    fn insert(&mut self, range: std::ops::Range<usize>, words: usize) -> bool {
        let count = self.seen.len() / words;
        if (count + 1) * 2 > self.table.len() {
            self.reset_table(self.table.len() * 2);
            for i in 0..count {
                let mut slot = Self::hash(&self.seen[i * words..(i + 1) * words]) as usize;
                loop {
                    slot &= self.table.len() - 1;
                    if self.table[slot] == u32::MAX {
                        self.table[slot] = i as u32;
                        break;
                    }
                    slot += 1;
                }
            }
        }
        let bits = &self.reach_next[range];
        let mut slot = Self::hash(bits) as usize;
        loop {
            slot &= self.table.len() - 1;
            let at = self.table[slot] as usize;
            if at == u32::MAX as usize {
                self.table[slot] = count as u32;
                self.seen.extend_from_slice(bits);
                return true;
            }
            if &self.seen[at * words..(at + 1) * words] == bits {
                return false;
            }
            slot += 1;
        }
    }
}
