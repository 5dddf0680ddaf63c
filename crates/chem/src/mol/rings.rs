//! Ring perception: RDKit's symmetrised smallest set of smallest rings.
//!
//! Each biconnected block is solved by itself: a block with one ring is that ring; otherwise
//! Horton's candidate cycles are sorted by size and reduced over GF(2). Cycles that only cycles of
//! their own size make redundant may be added (symmetrisation, as in cubane).
use smallvec::SmallVec;

use super::{BondOrder, Mol};
use crate::error::{ChemError, Result};

/// Work limit for one ring system, in candidate cycles times their size in words.
const MAX_RING_WORK: usize = 8_000_000;

/// The rings of a molecule.
#[derive(Debug, Clone, Default)]
pub struct Rings {
    atoms: Vec<u32>,
    bonds: Vec<u32>,
    offsets: Vec<u32>,
}

impl Rings {
    /// Number of rings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// True when there is no ring.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn range(&self, ring: usize) -> std::ops::Range<usize> {
        self.offsets[ring] as usize..self.offsets[ring + 1] as usize
    }

    /// The atoms of a ring, in order around it.
    ///
    /// # Panics
    /// When there is no such ring.
    #[must_use]
    pub fn atom_ring(&self, ring: usize) -> &[u32] {
        &self.atoms[self.range(ring)]
    }

    /// The bonds of a ring; bond `i` joins atoms `i` and `i + 1`.
    ///
    /// # Panics
    /// When there is no such ring.
    #[must_use]
    pub fn bond_ring(&self, ring: usize) -> &[u32] {
        &self.bonds[self.range(ring)]
    }

    /// All rings as atoms.
    pub fn atom_rings(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.len()).map(|r| self.atom_ring(r))
    }

    /// All rings as bonds.
    pub fn bond_rings(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.len()).map(|r| self.bond_ring(r))
    }

    /// In how many rings an atom is.
    #[must_use]
    pub fn num_atom_rings(&self, atom: u32) -> usize {
        self.atom_rings().filter(|r| r.contains(&atom)).count()
    }

    /// In how many rings a bond is.
    #[must_use]
    pub fn num_bond_rings(&self, bond: u32) -> usize {
        self.bond_rings().filter(|r| r.contains(&bond)).count()
    }

    /// Size of the smallest ring with an atom, 0 outside rings.
    #[must_use]
    pub fn min_atom_ring_size(&self, atom: u32) -> usize {
        self.atom_rings().filter(|r| r.contains(&atom)).map(<[u32]>::len).min().unwrap_or(0)
    }

    fn push(&mut self, atoms: &[u32], bonds: &[u32]) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.atoms.extend_from_slice(atoms);
        self.bonds.extend_from_slice(bonds);
        self.offsets.push(self.atoms.len() as u32);
    }
}

type Bits = SmallVec<[u64; 1]>;

pub(super) fn perceive(mol: &Mol) -> Result<Rings> {
    let mut rings = Rings::default();
    if mol.bonds.len() < 3 {
        return Ok(rings);
    }
    let mut local = vec![u32::MAX; mol.atoms.len()];
    let mut error = None;
    blocks(mol, |block| {
        if block.len() > 2 && error.is_none() {
            error = solve(mol, block, &mut local, &mut rings).err();
        }
    });
    error.map_or(Ok(rings), Err)
}

fn skipped(mol: &Mol, bond: u32) -> bool {
    matches!(mol.bonds[bond as usize].order, BondOrder::Dative | BondOrder::Zero)
}

/// Calls `found` with the bonds of every biconnected block (Hopcroft and Tarjan, iterative).
fn blocks(mol: &Mol, mut found: impl FnMut(&[u32])) {
    let n = mol.atoms.len();
    let mut depth = vec![0u32; n];
    let mut low = vec![0u32; n];
    let mut edges: Vec<u32> = Vec::with_capacity(mol.bonds.len());
    // (atom, bond it was reached by, next position in its neighbour list)
    let mut stack: Vec<(u32, u32, u32)> = Vec::with_capacity(n);
    let mut time = 0;
    for start in 0..n {
        if depth[start] != 0 {
            continue;
        }
        time += 1;
        depth[start] = time;
        low[start] = time;
        stack.push((start as u32, u32::MAX, 0));
        while let Some(top) = stack.last_mut() {
            let (atom, via) = (top.0 as usize, top.1);
            let Some(&next) = mol.neighbors(atom).get(top.2 as usize) else {
                stack.pop();
                let Some(parent) = stack.last() else { continue };
                let parent = parent.0 as usize;
                low[parent] = low[parent].min(low[atom]);
                if low[atom] >= depth[parent] {
                    let from = edges.iter().rposition(|&e| e == via).unwrap_or(0);
                    found(&edges[from..]);
                    edges.truncate(from);
                }
                continue;
            };
            top.2 += 1;
            if next.bond == via || skipped(mol, next.bond) {
                continue;
            }
            let other = next.atom as usize;
            if depth[other] == 0 {
                time += 1;
                depth[other] = time;
                low[other] = time;
                edges.push(next.bond);
                stack.push((next.atom, next.bond, 0));
            } else if depth[other] < depth[atom] {
                edges.push(next.bond);
                low[atom] = low[atom].min(depth[other]);
            }
        }
    }
}

/// One block with local numbering: `adjacency[v]` = (neighbour, edge).
struct Block<'a> {
    edges: &'a [u32],
    atoms: Vec<u32>,
    adjacency: Vec<SmallVec<[(u16, u16); 4]>>,
}

fn solve(mol: &Mol, edges: &[u32], local: &mut [u32], rings: &mut Rings) -> Result<()> {
    let mut block = Block { edges, atoms: Vec::with_capacity(edges.len()), adjacency: Vec::new() };
    for (e, &bond) in edges.iter().enumerate() {
        let bond = &mol.bonds[bond as usize];
        let ends = [bond.begin, bond.end].map(|a| {
            if local[a as usize] == u32::MAX {
                local[a as usize] = block.atoms.len() as u32;
                block.atoms.push(a);
                block.adjacency.push(SmallVec::new());
            }
            local[a as usize] as u16
        });
        block.adjacency[ends[0] as usize].push((ends[1], e as u16));
        block.adjacency[ends[1] as usize].push((ends[0], e as u16));
    }
    for &a in &block.atoms {
        local[a as usize] = u32::MAX;
    }
    let independent = edges.len() + 1 - block.atoms.len();
    if independent == 1 {
        block.emit(None, rings);
        return Ok(());
    }
    let words = edges.len().div_ceil(64);
    let work = block.atoms.len() * independent * words;
    if work > MAX_RING_WORK {
        return Err(ChemError::TooLarge { what: "ring system", size: work, limit: MAX_RING_WORK });
    }
    let candidates = block.candidates(words);
    for cycle in select(&candidates, independent, edges.len()) {
        block.emit(Some(cycle), rings);
    }
    Ok(())
}

fn test(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

impl Block<'_> {
    /// Writes the cycle made of the edges in `bits` (all edges when `None`) as a ring.
    fn emit(&self, bits: Option<&Bits>, rings: &mut Rings) {
        let inside = |e: u16| bits.is_none_or(|b| test(b, e as usize));
        let first = (0..self.edges.len()).find(|&e| inside(e as u16)).unwrap_or(0);
        let Some(start) = (0..self.atoms.len())
            .find(|&v| self.adjacency[v].iter().any(|&(_, e)| e as usize == first))
        else {
            return;
        };
        let (mut atoms, mut bonds) = (SmallVec::<[u32; 16]>::new(), SmallVec::<[u32; 16]>::new());
        let (mut at, mut via) = (start as u16, u16::MAX);
        loop {
            let next = self.adjacency[at as usize].iter().find(|&&(_, e)| e != via && inside(e));
            let Some(&(to, edge)) = next else { return };
            atoms.push(self.atoms[at as usize]);
            bonds.push(self.edges[edge as usize]);
            (at, via) = (to, edge);
            if at as usize == start {
                break;
            }
            if atoms.len() > self.atoms.len() {
                return;
            }
        }
        rings.push(&atoms, &bonds);
    }

    /// Horton's candidates: for every root and edge the cycle through both along shortest paths.
    fn candidates(&self, words: usize) -> Vec<(u32, Bits)> {
        let n = self.atoms.len();
        let mut out: Vec<(u32, Bits)> = Vec::new();
        let mut distance = vec![u32::MAX; n];
        let mut branch = vec![u16::MAX; n];
        let mut parent = vec![(u16::MAX, u16::MAX); n];
        let mut queue: Vec<u16> = Vec::with_capacity(n);
        for root in 0..n {
            distance.fill(u32::MAX);
            queue.clear();
            queue.push(root as u16);
            distance[root] = 0;
            branch[root] = u16::MAX;
            parent[root] = (u16::MAX, u16::MAX);
            let mut head = 0;
            while head < queue.len() {
                let v = queue[head] as usize;
                head += 1;
                for &(w, e) in &self.adjacency[v] {
                    if e == parent[v].1 {
                        continue;
                    }
                    let w_at = w as usize;
                    if distance[w_at] == u32::MAX {
                        distance[w_at] = distance[v] + 1;
                        branch[w_at] = if v == root { w } else { branch[v] };
                        parent[w_at] = (v as u16, e);
                        queue.push(w);
                    } else if w_at != root
                        && v != root
                        && branch[w_at] != branch[v]
                        && (distance[w_at] < distance[v]
                            || (distance[w_at] == distance[v] && w_at < v))
                    {
                        let mut bits: Bits = SmallVec::from_elem(0, words);
                        bits[e as usize / 64] |= 1 << (e % 64);
                        for mut at in [v, w_at] {
                            while at != root {
                                let (up, edge) = parent[at];
                                bits[edge as usize / 64] |= 1 << (edge % 64);
                                at = up as usize;
                            }
                        }
                        out.push((distance[v] + distance[w_at] + 1, bits));
                    }
                }
            }
        }
        out.sort_unstable();
        out.dedup();
        out
    }
}

/// Basis rows in echelon form: pivot bit and row.
#[derive(Default)]
struct Echelon {
    rows: Vec<(usize, Bits)>,
}

impl Echelon {
    fn reduce(&self, bits: &Bits) -> Option<(usize, Bits)> {
        let mut rest = bits.clone();
        for (pivot, row) in &self.rows {
            if test(&rest, *pivot) {
                rest.iter_mut().zip(row).for_each(|(a, b)| *a ^= b);
            }
        }
        let word = rest.iter().position(|&w| w != 0)?;
        Some((word * 64 + rest[word].trailing_zeros() as usize, rest))
    }
}

/// The minimum cycle basis and the cycles that are as good as a member of it.
fn select(candidates: &[(u32, Bits)], independent: usize, edges: usize) -> Vec<&Bits> {
    let mut basis = Echelon::default();
    let mut chosen: Vec<&Bits> = Vec::with_capacity(independent);
    let mut extras: Vec<&Bits> = Vec::new();
    let mut at = 0;
    while at < candidates.len() && basis.rows.len() < independent {
        let size = candidates[at].0;
        let end = at + candidates[at..].iter().take_while(|c| c.0 == size).count();
        let smaller = basis.rows.len();
        for (_, bits) in &candidates[at..end] {
            if let Some(row) = basis.reduce(bits) {
                basis.rows.push(row);
                chosen.push(bits);
            } else {
                let below = Echelon { rows: basis.rows[..smaller].to_vec() };
                if below.reduce(bits).is_some() {
                    extras.push(bits);
                }
            }
        }
        at = end;
    }
    let mut uses = vec![0u32; edges];
    for bits in &chosen {
        (0..edges).filter(|&e| test(bits, e)).for_each(|e| uses[e] += 1);
    }
    let population = |b: &Bits| b.iter().map(|w| w.count_ones()).sum::<u32>();
    let basis_size = chosen.len();
    for extra in extras {
        // An extra ring counts when it could take a basis ring's place without losing a bond.
        let replaces = chosen[..basis_size].iter().any(|ring| {
            population(ring) == population(extra)
                && ring.iter().zip(extra).any(|(a, b)| a & b != 0)
                && (0..edges).all(|e| !test(ring, e) || uses[e] != 1 || test(extra, e))
        });
        if replaces {
            chosen.push(extra);
        }
    }
    chosen
}
