//! Double bonds for aromatic atoms: a perfect matching of those that need one.
use super::{BondOrder, ELEMENTS, Mol, valence};
use crate::error::{ChemError, Result};

const FREE: u32 = u32::MAX;

/// Gives aromatic bonds their place in one Kekulé structure and clears the aromatic marks.
pub(super) fn kekulize(mol: &mut Mol) -> Result<()> {
    let any = mol.atoms.iter().any(|a| a.aromatic) || mol.bonds.iter().any(|b| b.aromatic);
    if any {
        if let Some(atom) =
            mol.atoms.iter().position(|a| a.aromatic && !a.in_ring && a.element != 0)
        {
            return Err(ChemError::AromaticNotInRing { atom });
        }
        // Atoms written lower case, and those that only have an aromatic bond.
        let aromatic: smallvec::SmallVec<[(u32, bool); 64]> = (0u32..)
            .zip(&mol.atoms)
            .map(|(i, atom)| (i, atom.aromatic))
            .filter(|&(i, flag)| {
                flag || mol
                    .neighbors(i as usize)
                    .iter()
                    .any(|n| mol.bonds[n.bond as usize].aromatic)
            })
            .collect();
        assign(mol)?;
        for (a, lower_case) in aromatic {
            valence::settle(mol, a as usize, lower_case)?;
        }
    }
    for bond in &mut mol.bonds {
        bond.kekule = bond.order;
    }
    Ok(())
}

/// A matching that gives every atom its double bond; `extra` are bonds that may be double besides
/// the aromatic ones.
fn cover(mol: &Mol, wants: &[Want], extra: &[u32]) -> Result<Matching> {
    let n = mol.atoms.len();
    let mut graph = Matching {
        adjacency: vec![smallvec::SmallVec::new(); n],
        partner: vec![FREE; n],
        blocked: FREE,
    };
    for (i, bond) in (0u32..).zip(&mol.bonds) {
        let (a, b) = (bond.begin as usize, bond.end as usize);
        let may = bond.aromatic || extra.contains(&i);
        if may && bond.in_ring && wants[a] != Want::None && wants[b] != Want::None {
            graph.adjacency[a].push(bond.end);
            graph.adjacency[b].push(bond.begin);
        }
    }
    graph.greedy(wants);
    let unmatched: Vec<u32> = (0..n as u32)
        .filter(|&a| {
            wants[a as usize] == Want::One
                && graph.partner[a as usize] == FREE
                && !graph.augment(a)
                && !graph.displace(a, wants)
        })
        .collect();
    // Augmenting may have freed an optional atom only, never one that needs a bond.
    if unmatched.is_empty() { Ok(graph) } else { Err(ChemError::Kekulize { atoms: unmatched }) }
}

/// Single bonds of dummy atoms in rings whose other atoms are all aromatic.
fn dummy_bonds(mol: &Mol) -> Vec<u32> {
    let dummy = |a: u32| mol.atoms[a as usize].element == 0;
    let mut found: Vec<u32> = Vec::new();
    for (atoms, bonds) in mol.rings.atom_rings().zip(mol.rings.bond_rings()) {
        if atoms.iter().any(|&a| dummy(a))
            && atoms.iter().all(|&a| dummy(a) || mol.atoms[a as usize].aromatic)
        {
            found.extend(bonds.iter().filter(|&&b| {
                let bond = &mol.bonds[b as usize];
                bond.order == BondOrder::Single && (dummy(bond.begin) || dummy(bond.end))
            }));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn assign(mol: &mut Mol) -> Result<()> {
    let mut wants: Vec<Want> = (0..mol.atoms.len()).map(|a| want(mol, a)).collect();
    let graph = match cover(mol, &wants, &[]) {
        Ok(graph) => graph,
        Err(error) => {
            // Bonds of a dummy atom in an aromatic ring are single as written (`c1ccc*c1`) and may
            // be double where the ring has no Kekulé structure otherwise.
            let bridges = dummy_bonds(mol);
            if bridges.is_empty() {
                return Err(error);
            }
            for &b in &bridges {
                let bond = &mol.bonds[b as usize];
                for a in [bond.begin, bond.end] {
                    if mol.atoms[a as usize].element == 0 {
                        wants[a as usize] = Want::Maybe;
                    }
                }
            }
            let graph = cover(mol, &wants, &bridges)?;
            for &b in &bridges {
                mol.bonds[b as usize].aromatic = true;
            }
            graph
        }
    };
    for bond in &mut mol.bonds {
        if !bond.aromatic {
            continue;
        }
        let both = mol.atoms[bond.begin as usize].aromatic && mol.atoms[bond.end as usize].aromatic;
        // Between two atoms of chains an aromatic bond stays what it is.
        let ring = mol.atoms[bond.begin as usize].in_ring || mol.atoms[bond.end as usize].in_ring;
        if !(ring || both) {
            continue;
        }
        let double = bond.in_ring && graph.partner[bond.begin as usize] == bond.end;
        bond.order = if double { BondOrder::Double } else { BondOrder::Single };
        bond.aromatic = false;
    }
    for atom in &mut mol.atoms {
        atom.aromatic = false;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// No double bond.
    None,
    /// Exactly one.
    One,
    /// One or none: a dummy atom.
    Maybe,
}

fn want(mol: &Mol, a: usize) -> Want {
    let atom = &mol.atoms[a];
    let aromatic =
        atom.aromatic || mol.neighbors(a).iter().any(|n| mol.bonds[n.bond as usize].aromatic);
    if !aromatic || !atom.in_ring {
        return Want::None;
    }
    if atom.element == 0 {
        return Want::Maybe;
    }
    let mut sum = i32::from(atom.total_hs);
    let mut ignored = 0;
    for n in mol.neighbors(a) {
        let bond = &mol.bonds[n.bond as usize];
        let contribution = if bond.aromatic { 1 } else { (bond.twice_valence(a as u32) + 1) / 2 };
        sum += contribution;
        ignored += i32::from(contribution == 0);
    }
    let element = &ELEMENTS[atom.element as usize];
    let mut charge = i32::from(atom.charge);
    let early = element.outer_electrons < 4;
    if early || (atom.element == 6 && charge > 0) {
        charge = -charge;
    }
    let mut valence = i32::from(element.valences[0]) + charge;
    let total = i32::from(atom.total_valence());
    for &v in element.valences[1..].iter().take_while(|&&v| v > 0) {
        if total <= valence {
            break;
        }
        valence = i32::from(v) + charge;
    }
    let degree = i32::from(atom.total_degree()) - ignored;
    let radicals = i32::from(atom.radicals);
    if degree + radicals >= valence {
        Want::None
    } else if valence == sum + radicals + 1
        || (radicals == 0 && atom.no_implicit && valence == sum + 2)
    {
        Want::One
    } else {
        Want::None
    }
}

/// Matching in a general graph: greedy first, then Edmonds' augmenting paths.
struct Matching {
    adjacency: Vec<smallvec::SmallVec<[u32; 3]>>,
    partner: Vec<u32>,
    /// An atom that the search leaves out.
    blocked: u32,
}

impl Matching {
    fn pair(&mut self, a: u32, b: u32) {
        self.partner[a as usize] = b;
        self.partner[b as usize] = a;
    }

    /// Matches atoms with one choice left first, then along chains.
    fn greedy(&mut self, wants: &[Want]) {
        let mut free: Vec<u8> = self.adjacency.iter().map(|l| l.len() as u8).collect();
        let mut stack: Vec<u32> = Vec::new();
        let forced = |free: &[u8], a: u32| free[a as usize] == 1;
        stack.extend((0..wants.len() as u32).filter(|&a| forced(&free, a)));
        for start in 0..wants.len() as u32 {
            loop {
                let a = match stack.pop() {
                    Some(a) => a,
                    None if self.partner[start as usize] == FREE
                        && wants[start as usize] == Want::One
                        && free[start as usize] > 0 =>
                    {
                        start
                    }
                    None => break,
                };
                if self.partner[a as usize] != FREE || wants[a as usize] != Want::One {
                    continue;
                }
                let choice = self.adjacency[a as usize]
                    .iter()
                    .copied()
                    .filter(|&b| self.partner[b as usize] == FREE)
                    .min_by_key(|&b| (wants[b as usize] != Want::One, free[b as usize]));
                let Some(b) = choice else {
                    free[a as usize] = 0;
                    continue;
                };
                self.pair(a, b);
                for end in [a, b] {
                    for &c in &self.adjacency[end as usize] {
                        let left = &mut free[c as usize];
                        *left = left.saturating_sub(1);
                        if *left == 1 && self.partner[c as usize] == FREE {
                            stack.push(c);
                        }
                    }
                }
            }
        }
    }

    /// Edmonds' blossom search from one free atom; true when a matching that covers it was made.
    fn augment(&mut self, root: u32) -> bool {
        let n = self.partner.len();
        let mut base: Vec<u32> = (0..n as u32).collect();
        let mut parent = vec![FREE; n];
        let mut even = vec![false; n];
        let mut queue = vec![root];
        even[root as usize] = true;
        let mut head = 0;
        while head < queue.len() {
            let v = queue[head];
            head += 1;
            for i in 0..self.adjacency[v as usize].len() {
                let w = self.adjacency[v as usize][i];
                if base[v as usize] == base[w as usize]
                    || self.partner[v as usize] == w
                    || w == self.blocked
                {
                    continue;
                }
                let mate = self.partner[w as usize];
                if w == root || (mate != FREE && parent[mate as usize] != FREE) {
                    self.contract(v, w, &mut base, &mut parent, &mut even, &mut queue);
                } else if parent[w as usize] == FREE {
                    parent[w as usize] = v;
                    if mate == FREE {
                        self.flip(w, &parent);
                        return true;
                    }
                    even[mate as usize] = true;
                    queue.push(mate);
                }
            }
        }
        false
    }

    /// Covers one more atom at the cost of a dummy atom that can do without.
    fn displace(&mut self, root: u32, wants: &[Want]) -> bool {
        for (dummy, want) in wants.iter().enumerate() {
            let mate = self.partner[dummy];
            if *want != Want::Maybe || mate == FREE {
                continue;
            }
            let before = self.partner.clone();
            self.partner[dummy] = FREE;
            self.partner[mate as usize] = FREE;
            self.blocked = dummy as u32;
            let covered =
                self.augment(root) && (self.partner[mate as usize] != FREE || self.augment(mate));
            self.blocked = FREE;
            if covered {
                return true;
            }
            self.partner = before;
        }
        false
    }

    fn flip(&mut self, mut w: u32, parent: &[u32]) {
        while w != FREE {
            let v = parent[w as usize];
            let next = self.partner[v as usize];
            self.pair(v, w);
            w = next;
        }
    }

    fn common(&self, a: u32, b: u32, base: &[u32], parent: &[u32]) -> u32 {
        let mut seen = vec![false; base.len()];
        let mut at = a;
        loop {
            at = base[at as usize];
            seen[at as usize] = true;
            let mate = self.partner[at as usize];
            if mate == FREE || parent[mate as usize] == FREE {
                break;
            }
            at = parent[mate as usize];
        }
        at = b;
        loop {
            at = base[at as usize];
            if seen[at as usize] {
                return at;
            }
            let mate = self.partner[at as usize];
            if mate == FREE || parent[mate as usize] == FREE {
                return at;
            }
            at = parent[mate as usize];
        }
    }

    #[allow(clippy::too_many_arguments)] // The state of one search; a struct would only rename it.
    fn contract(
        &self,
        v: u32,
        w: u32,
        base: &mut [u32],
        parent: &mut [u32],
        even: &mut [bool],
        queue: &mut Vec<u32>,
    ) {
        let top = self.common(v, w, base, parent);
        let mut blossom = vec![false; base.len()];
        for (mut at, mut child) in [(v, w), (w, v)] {
            while base[at as usize] != top {
                let mate = self.partner[at as usize];
                blossom[base[at as usize] as usize] = true;
                blossom[base[mate as usize] as usize] = true;
                parent[at as usize] = child;
                child = mate;
                at = parent[mate as usize];
            }
        }
        for i in 0..base.len() {
            if blossom[base[i] as usize] {
                base[i] = top;
                if !even[i] {
                    even[i] = true;
                    queue.push(i as u32);
                }
            }
        }
    }
}
