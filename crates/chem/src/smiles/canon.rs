//! Canonical ranking: partition refinement with stereo, ties broken by a bounded search.
//!
//! Atoms are sorted by what they are, then split by what their neighbours are until nothing changes;
//! stereocentres whose neighbours are told apart split further by their handedness. Ties that
//! remain are nearly always symmetric and broken anywhere; where that is not certain (stereo that
//! depends on the choice, fused rings) every choice is followed, leaving out those that give a
//! numbering already seen, and the smallest certificate wins.
use rustc_hash::FxHashSet;

use crate::mol::{BondOrder, BondStereo, Chirality, Mol};

/// Most complete numberings compared for one molecule.
const MAX_LEAVES: usize = 2_000;
/// Most atom visits in the search; bounds the time for large cages.
const MAX_WORK: usize = 2_000_000;

/// Canonical rank of every atom: a permutation that depends on the molecule only.
#[must_use]
pub fn canonical_ranks(mol: &Mol) -> Vec<u32> {
    let mut partition = Partition::new(mol, true);
    partition.refine(mol);
    if partition.is_discrete() {
        return partition.class;
    }
    if partition.needs_search(mol) {
        let mut search = Search { mol, best: None, seen: FxHashSet::default(), leaves: 0, work: 0 };
        search.explore(&partition);
        if let Some((_, ranks)) = search.best {
            return ranks;
        }
    }
    partition.break_ties(mol);
    partition.class
}

/// Class of every atom under refinement with stereo: equal numbers for equivalent atoms.
#[must_use]
pub fn symmetry_classes(mol: &Mol) -> Vec<u32> {
    let mut partition = Partition::new(mol, true);
    partition.refine(mol);
    partition.class
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// An ordered partition of the atoms into cells.
#[derive(Clone)]
pub(super) struct Partition {
    /// Atoms sorted by cell.
    order: Vec<u32>,
    /// Position in `order` where the atom's cell starts.
    pub(super) class: Vec<u32>,
    /// What each bond is, stereo included once known.
    bond_code: Vec<u8>,
    /// Stereo elements not yet described: atom, or bond with the high bit set.
    pub(super) pending: Vec<u32>,
    keys: Vec<(u64, u32)>,
}

pub(super) const BOND: u32 = 1 << 31;

impl Partition {
    pub(super) fn new(mol: &Mol, stereo: bool) -> Self {
        let n = mol.num_atoms();
        let mut smallest = vec![0u8; n];
        for ring in mol.rings().atom_rings() {
            let size = ring.len().min(255) as u8;
            for &a in ring {
                let slot = &mut smallest[a as usize];
                *slot = if *slot == 0 { size } else { (*slot).min(size) };
            }
        }
        let mut keys: Vec<(u64, u32)> =
            (0..n).map(|a| (invariant(mol, a, smallest[a]), a as u32)).collect();
        // Few fields do not fit the packed invariant; by them the order must not be that of the input either.
        keys.sort_unstable_by(|a, b| {
            let exact = || whole(mol, a.1).cmp(&whole(mol, b.1));
            a.0.cmp(&b.0).then_with(exact).then(a.1.cmp(&b.1))
        });
        let mut class = vec![0; n];
        let mut start = 0;
        for i in 0..n {
            if i > 0
                && (keys[i].0, whole(mol, keys[i].1)) != (keys[i - 1].0, whole(mol, keys[i - 1].1))
            {
                start = i;
            }
            class[keys[i].1 as usize] = start as u32;
        }
        let order = keys.iter().map(|k| k.1).collect();
        let bond_code = mol.bonds().iter().map(|b| order_code(b.order)).collect();
        let mut pending = Vec::new();
        if stereo {
            let chiral = |a: &usize| mol.atoms()[*a].chirality != Chirality::None;
            pending.extend((0..n).filter(chiral).map(|a| a as u32));
            let bonds = mol.bonds().iter().enumerate();
            pending.extend(
                bonds.filter(|(_, b)| b.stereo != BondStereo::None).map(|(i, _)| i as u32 | BOND),
            );
        }
        Self { order, class, bond_code, pending, keys }
    }

    fn is_discrete(&self) -> bool {
        (1..self.order.len()).all(|i| self.class[self.order[i] as usize] as usize == i)
    }

    fn cell_end(&self, start: usize) -> usize {
        let mut end = start + 1;
        while end < self.order.len() && self.class[self.order[end] as usize] as usize == start {
            end += 1;
        }
        end
    }

    /// Splits cells by neighbours and stereo until nothing changes.
    pub(super) fn refine(&mut self, mol: &Mol) {
        loop {
            while self.split_by_neighbours(mol) {}
            if self.pending.is_empty() || !self.split_by_stereo(mol) {
                return;
            }
        }
    }

    fn split_by_neighbours(&mut self, mol: &Mol) -> bool {
        let mut changed = false;
        let mut start = 0;
        while start < self.order.len() {
            let end = self.cell_end(start);
            if end - start > 1 {
                self.keys.clear();
                for &a in &self.order[start..end] {
                    let mut sum = 0u64;
                    for n in mol.neighbors(a as usize) {
                        let code = u64::from(self.bond_code[n.bond as usize]);
                        sum = sum.wrapping_add(mix(u64::from(self.class[n.atom as usize]) << 8
                            | code
                            | 1 << 40));
                    }
                    self.keys.push((sum, a));
                }
                changed |= self.apply_keys(start);
            }
            start = end;
        }
        changed
    }

    /// Reorders one cell by `keys` and splits it where they differ.
    fn apply_keys(&mut self, start: usize) -> bool {
        if self.keys.iter().all(|k| k.0 == self.keys[0].0) {
            return false;
        }
        self.keys.sort_unstable();
        let mut at = start;
        for (i, &(key, atom)) in self.keys.iter().enumerate() {
            if i > 0 && key != self.keys[i - 1].0 {
                at = start + i;
            }
            self.order[start + i] = atom;
            self.class[atom as usize] = at as u32;
        }
        true
    }

    /// Describes stereo elements whose neighbours are told apart by now.
    fn split_by_stereo(&mut self, mol: &Mol) -> bool {
        let mut pending = std::mem::take(&mut self.pending);
        let mut handed: Vec<(u32, u8)> = Vec::new();
        let before = pending.len();
        pending.retain(|&element| {
            if element & BOND == 0 {
                let Some(parity) = self.parity(mol, element as usize) else { return true };
                handed.push((element, 1 + u8::from(parity)));
            } else {
                let bond = (element & !BOND) as usize;
                let Some(trans) = self.geometry(mol, bond) else { return true };
                self.bond_code[bond] = 10 + u8::from(trans);
            }
            false
        });
        let resolved = pending.len() < before;
        self.pending = pending;
        if !handed.is_empty() {
            let mut start = 0;
            while start < self.order.len() {
                let end = self.cell_end(start);
                if end - start > 1 {
                    self.keys.clear();
                    for &a in &self.order[start..end] {
                        let hand = handed.iter().find(|h| h.0 == a).map_or(0, |h| h.1);
                        self.keys.push((u64::from(hand), a));
                    }
                    self.apply_keys(start);
                }
                start = end;
            }
        }
        resolved
    }

    /// Handedness of a centre with respect to the classes of its neighbours.
    fn parity(&self, mol: &Mol, a: usize) -> Option<bool> {
        let neighbours = mol.neighbors(a);
        let mut odd = mol.atoms()[a].chirality == Chirality::Clockwise;
        for (i, x) in neighbours.iter().enumerate() {
            for y in &neighbours[i + 1..] {
                let (x, y) = (self.class[x.atom as usize], self.class[y.atom as usize]);
                if x == y {
                    return None;
                }
                odd ^= x > y;
            }
        }
        Some(odd)
    }

    /// Whether the highest-class substituents of a double bond are trans.
    fn geometry(&self, mol: &Mol, b: usize) -> Option<bool> {
        let bond = &mol.bonds()[b];
        let (begin_ref, end_ref, mut trans) = match bond.stereo {
            BondStereo::None => return None,
            BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, false),
            BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, true),
        };
        for (atom, other, reference) in
            [(bond.begin, bond.end, begin_ref), (bond.end, bond.begin, end_ref)]
        {
            for n in mol.neighbors(atom as usize) {
                if n.atom == other || n.atom == reference {
                    continue;
                }
                let (x, y) = (self.class[n.atom as usize], self.class[reference as usize]);
                if x == y {
                    return None;
                }
                trans ^= x > y;
            }
        }
        Some(trans)
    }

    /// Whether ties may be more than symmetry.
    fn needs_search(&self, mol: &Mol) -> bool {
        if !self.pending.is_empty() {
            return true;
        }
        let mut start = 0;
        while start < self.order.len() {
            let end = self.cell_end(start);
            if end - start > 1 && mol.atoms()[self.order[start] as usize].ring_bonds > 2 {
                return true;
            }
            start = end;
        }
        false
    }

    /// First cell with a tie, those of twins with no bond or one to the same atom left out: they are symmetric.
    fn tied_cell(&self, mol: &Mol, twins_too: bool) -> Option<(usize, usize)> {
        let mut start = 0;
        while start < self.order.len() {
            let end = self.cell_end(start);
            if end - start > 1 && (twins_too || !self.are_twins(mol, start, end)) {
                return Some((start, end));
            }
            start = end;
        }
        None
    }

    fn are_twins(&self, mol: &Mol, start: usize, end: usize) -> bool {
        let hub = |a: u32| match mol.neighbors(a as usize) {
            [] => Some(None),
            [only] => Some(Some(only.atom)),
            _ => None,
        };
        let first = hub(self.order[start]);
        first.is_some() && self.order[start + 1..end].iter().all(|&a| hub(a) == first)
    }

    /// Puts one atom of a cell before the others.
    fn individualise(&mut self, start: usize, end: usize, atom: u32) {
        let at = self.order[start..end].iter().position(|&a| a == atom).unwrap_or(0);
        self.order.swap(start, start + at);
        for i in start + 1..end {
            self.class[self.order[i] as usize] = start as u32 + 1;
        }
    }

    fn break_ties(&mut self, mol: &Mol) {
        while let Some((start, end)) = self.tied_cell(mol, true) {
            if self.are_twins(mol, start, end) {
                for i in start..end {
                    self.class[self.order[i] as usize] = i as u32;
                }
                continue;
            }
            let atom = self.order[start];
            self.individualise(start, end, atom);
            self.refine(mol);
        }
        // Stereo marks that the twins resolved say nothing.
        self.pending.clear();
    }

    /// A number that is the same for two numberings exactly when they give the same graph.
    fn certificate(&self, mol: &Mol) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for &a in &self.order {
            let mut sum = 0u64;
            for n in mol.neighbors(a as usize) {
                // Stereo bonds are described anew: their code must not depend on when it was set.
                let code = match self.geometry(mol, n.bond as usize) {
                    Some(trans) => 10 + u64::from(trans),
                    None => u64::from(order_code(mol.bonds()[n.bond as usize].order)),
                };
                sum = sum.wrapping_add(mix(u64::from(self.class[n.atom as usize]) << 8
                    | code
                    | 1 << 40));
            }
            let atom = &mol.atoms()[a as usize];
            if atom.chirality != Chirality::None {
                let hand = self.parity(mol, a as usize).map_or(0, |p| 1 + u64::from(p));
                sum = sum.wrapping_add(mix(hand | 1 << 50));
            }
            hash = mix(hash ^ sum).wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
        hash
    }
}

fn order_code(order: BondOrder) -> u8 {
    match order {
        BondOrder::Single => 1,
        BondOrder::Double => 2,
        BondOrder::Triple => 3,
        BondOrder::Quadruple => 4,
        BondOrder::Aromatic => 5,
        BondOrder::Dative => 6,
        BondOrder::Zero => 7,
    }
}

/// What an atom is, the number of neighbours first so that chain ends come first.
fn invariant(mol: &Mol, a: usize, smallest_ring: u8) -> u64 {
    let atom = &mol.atoms()[a];
    let field = |value: u64, bits: u32| value.min((1 << bits) - 1);
    let mut key = field(u64::from(atom.degree), 4);
    for (value, bits) in [
        (u64::from(smallest_ring), 6),
        (u64::from(atom.element), 7),
        (u64::from(atom.isotope), 10),
        (u64::from(atom.total_hs), 4),
        ((i64::from(atom.charge) + 128) as u64, 8),
        (u64::from(atom.aromatic), 1),
        (u64::from(atom.chirality != Chirality::None), 1),
        (u64::from(atom.map_num), 17),
    ] {
        key = key << bits | field(value, bits);
    }
    key
}

/// What the packed invariant may cut off.
fn whole(mol: &Mol, a: u32) -> (u8, u16, u8, u32) {
    let atom = &mol.atoms()[a as usize];
    (atom.degree, atom.isotope, atom.total_hs, atom.map_num)
}

struct Search<'a> {
    mol: &'a Mol,
    best: Option<(u64, Vec<u32>)>,
    seen: FxHashSet<u64>,
    leaves: usize,
    work: usize,
}

impl Search<'_> {
    fn spent(&self) -> bool {
        self.leaves > MAX_LEAVES || self.work > MAX_WORK
    }

    /// Records a complete numbering; true when an equal one was seen before.
    fn leaf(&mut self, mut partition: Partition) -> bool {
        self.leaves += 1;
        partition.break_ties(self.mol);
        let certificate = partition.certificate(self.mol);
        if self.best.as_ref().is_none_or(|b| certificate < b.0) {
            self.best = Some((certificate, partition.class));
        }
        !self.seen.insert(certificate)
    }

    fn explore(&mut self, partition: &Partition) {
        let Some((start, end)) = partition.tied_cell(self.mol, false) else {
            self.leaf(partition.clone());
            return;
        };
        for i in start..end {
            self.work += self.mol.num_atoms();
            if self.spent() && self.best.is_some() {
                return;
            }
            let mut next = partition.clone();
            next.individualise(start, end, partition.order[i]);
            next.refine(self.mol);
            if i > start && self.leaf(next.clone()) {
                continue;
            }
            self.explore(&next);
        }
    }
}
