//! Writing SMILES in the order given by ranks.
use smallvec::SmallVec;

use super::direction::{self, Directions};
use super::legit::remove_meaningless;
use super::parse::odd_permutation;
use crate::mol::{BondOrder, BondStereo, Chirality, Mol, Neighbor, implied_hydrogens};

const NONE: u32 = u32::MAX;

/// Writes a molecule as SMILES, atoms of lower rank first. `ranks` must be a permutation.
///
/// A double bond's geometry is left out where SMILES can say it only by giving another double bond a wrong one: in a ring
/// of alternating bonds, or with a double bond of unknown geometry between two of known.
///
/// # Panics
/// When there are fewer ranks than atoms.
#[must_use]
pub fn to_smiles(mol: &Mol, ranks: &[u32]) -> String {
    to_smiles_with_order(mol, ranks).0
}

/// As [`to_smiles`], with the atoms in the order in which they are written.
///
/// # Panics
/// When there are fewer ranks than atoms.
#[must_use]
pub fn to_smiles_with_order(mol: &Mol, ranks: &[u32]) -> (String, Vec<u32>) {
    write_sayable(mol, |_| ranks.to_vec())
}

/// Writes a molecule in the order given by the ranks of what can be said of it.
pub(super) fn write_sayable(mol: &Mol, ranks: impl Fn(&Mol) -> Vec<u32>) -> (String, Vec<u32>) {
    let mut less: Option<Mol> = None;
    loop {
        let now = less.as_ref().unwrap_or(mol);
        let (text, order, unsayable) = write(now, &ranks(now));
        if unsayable.is_empty() {
            return (text, order);
        }
        let mut next = now.clone();
        for bond in unsayable {
            next.bonds[bond as usize].stereo = BondStereo::None;
        }
        remove_meaningless(&mut next);
        less = Some(next);
    }
}

/// Text, order of the atoms, and the double bonds whose geometry the text should not say.
fn write(mol: &Mol, ranks: &[u32]) -> (String, Vec<u32>, Vec<u32>) {
    let n = mol.num_atoms();
    let mut starts: Vec<u32> = vec![0; n];
    for (atom, &rank) in ranks.iter().take(n).enumerate() {
        starts[rank as usize] = atom as u32;
    }
    let mut plan = Plan::new(mol);
    for &start in &starts {
        if plan.position[start as usize] == NONE {
            plan.roots.push(start);
            plan.walk(mol, ranks, start);
        }
    }
    plan.order_children(ranks);
    let mut directions = direction::assign(mol, &plan);
    let unsayable = std::mem::take(&mut directions.unsayable);
    let writer = Writer {
        mol,
        plan: &plan,
        directions,
        out: String::with_capacity(n * 3),
        digits: Vec::new(),
        written: Vec::new(),
    };
    let (text, order) = writer.run();
    (text, order, unsayable)
}

/// The spanning tree to write: who comes when, below whom, and which bonds close rings.
pub(super) struct Plan {
    pub(super) position: Vec<u32>,
    pub(super) parent_bond: Vec<u32>,
    children: Vec<SmallVec<[Neighbor; 3]>>,
    /// Ring bonds at an atom: those closing here, then those opening here, each in order.
    closing: Vec<SmallVec<[Neighbor; 2]>>,
    opening: Vec<SmallVec<[Neighbor; 2]>>,
    roots: SmallVec<[u32; 4]>,
    visited: Vec<u32>,
}

impl Plan {
    fn new(mol: &Mol) -> Self {
        let n = mol.num_atoms();
        Self {
            position: vec![NONE; n],
            parent_bond: vec![NONE; n],
            children: vec![SmallVec::new(); n],
            closing: vec![SmallVec::new(); n],
            opening: vec![SmallVec::new(); n],
            roots: SmallVec::new(),
            visited: Vec::with_capacity(n),
        }
    }

    /// Depth-first from `start`, neighbours by rank.
    fn walk(&mut self, mol: &Mol, ranks: &[u32], start: u32) {
        let mut stack: Vec<(u32, SmallVec<[Neighbor; 4]>)> = Vec::new();
        stack.push((start, self.enter(mol, ranks, start)));
        while let Some((atom, left)) = stack.last_mut() {
            let atom = *atom;
            let Some(next) = left.pop() else {
                stack.pop();
                continue;
            };
            if next.bond == self.parent_bond[atom as usize] {
                continue;
            }
            let seen = self.position[next.atom as usize];
            if seen == NONE {
                self.parent_bond[next.atom as usize] = next.bond;
                self.children[atom as usize].push(next);
                let list = self.enter(mol, ranks, next.atom);
                stack.push((next.atom, list));
            } else if seen < self.position[atom as usize] {
                self.closing[atom as usize].push(next);
                self.opening[next.atom as usize].push(Neighbor { atom, bond: next.bond });
            }
        }
    }

    /// Numbers an atom; its neighbours, lowest rank last for popping.
    fn enter(&mut self, mol: &Mol, ranks: &[u32], atom: u32) -> SmallVec<[Neighbor; 4]> {
        self.position[atom as usize] = self.visited.len() as u32;
        self.visited.push(atom);
        let mut list: SmallVec<[Neighbor; 4]> = SmallVec::from_slice(mol.neighbors(atom as usize));
        list.sort_unstable_by_key(|n| std::cmp::Reverse(ranks[n.atom as usize]));
        list
    }

    /// Short branches first, the longest as the main chain.
    fn order_children(&mut self, ranks: &[u32]) {
        let mut size = vec![1u32; self.position.len()];
        for &atom in self.visited.iter().rev() {
            let total: u32 =
                self.children[atom as usize].iter().map(|c| size[c.atom as usize]).sum();
            size[atom as usize] += total;
            if self.children[atom as usize].len() > 1 {
                self.children[atom as usize]
                    .sort_unstable_by_key(|c| (size[c.atom as usize], ranks[c.atom as usize]));
            }
        }
        // The order of writing decides what a ring bond's first atom is; positions stay valid for
        // that because an ancestor always comes before its descendants.
        for list in self.opening.iter_mut().chain(&mut self.closing) {
            if list.len() > 1 {
                list.sort_unstable_by_key(|n| ranks[n.atom as usize]);
            }
        }
    }

    /// The atom of a bond that is written first.
    pub(super) fn first_atom(&self, mol: &Mol, bond: u32) -> u32 {
        let bond = &mol.bonds()[bond as usize];
        if self.position[bond.begin as usize] < self.position[bond.end as usize] {
            bond.begin
        } else {
            bond.end
        }
    }

    /// Where a bond is written: first by the atom that comes first.
    pub(super) fn place(&self, mol: &Mol, bond: u32) -> (u32, u32) {
        let bond = &mol.bonds()[bond as usize];
        let ends = [bond.begin, bond.end].map(|atom| self.position[atom as usize]);
        (ends[0].min(ends[1]), ends[0].max(ends[1]))
    }

    pub(super) fn is_tree_bond(&self, mol: &Mol, bond: u32) -> bool {
        let b = &mol.bonds()[bond as usize];
        self.parent_bond[b.begin as usize] == bond || self.parent_bond[b.end as usize] == bond
    }
}

struct Writer<'a> {
    mol: &'a Mol,
    plan: &'a Plan,
    directions: Directions,
    out: String,
    /// Bond that holds each ring number, from 1.
    digits: Vec<u32>,
    written: Vec<u32>,
}

enum Step {
    Atom(Neighbor),
    Close,
}

impl Writer<'_> {
    fn run(mut self) -> (String, Vec<u32>) {
        let mut stack: Vec<(Step, bool)> = Vec::new();
        for (i, &root) in self.plan.roots.iter().enumerate() {
            if i > 0 {
                self.out.push('.');
            }
            stack.push((Step::Atom(Neighbor { atom: root, bond: NONE }), false));
            while let Some((step, branch)) = stack.pop() {
                let Step::Atom(at) = step else {
                    self.out.push(')');
                    continue;
                };
                if branch {
                    self.out.push('(');
                }
                if at.bond != NONE {
                    let from = self.mol.bonds()[at.bond as usize].other(at.atom);
                    self.bond(at.bond, from);
                }
                self.atom(at.atom);
                self.ring_numbers(at.atom);
                let children = &self.plan.children[at.atom as usize];
                for (k, &child) in children.iter().enumerate().rev() {
                    let branch = k + 1 < children.len();
                    if branch {
                        stack.push((Step::Close, false));
                    }
                    stack.push((Step::Atom(child), branch));
                }
            }
        }
        (self.out, self.written)
    }

    fn bond(&mut self, bond: u32, from: u32) {
        let b = &self.mol.bonds()[bond as usize];
        let written_aromatic = |a: u32| {
            let atom = &self.mol.atoms()[a as usize];
            atom.aromatic && aromatic_symbol(atom.element).is_some()
        };
        let both = written_aromatic(b.begin) && written_aromatic(b.end);
        if let Some(up) = self.directions.get(bond) {
            self.out.push(if up { '/' } else { '\\' });
            return;
        }
        match b.order {
            BondOrder::Single if both => self.out.push('-'),
            BondOrder::Aromatic if !both => self.out.push(':'),
            BondOrder::Single | BondOrder::Aromatic => {}
            BondOrder::Double => self.out.push('='),
            BondOrder::Triple => self.out.push('#'),
            BondOrder::Quadruple => self.out.push('$'),
            BondOrder::Zero => self.out.push('~'),
            BondOrder::Dative if b.begin == from => self.out.push_str("->"),
            BondOrder::Dative => self.out.push_str("<-"),
        }
    }

    fn ring_numbers(&mut self, atom: u32) {
        let plan = self.plan;
        let (closing, opening) = (&plan.closing[atom as usize], &plan.opening[atom as usize]);
        let mut freed: SmallVec<[usize; 4]> = SmallVec::new();
        for n in closing {
            if let Some(slot) = self.digits.iter().position(|&b| b == n.bond) {
                self.number(slot + 1);
                freed.push(slot);
            }
        }
        for n in opening {
            let slot = match self.digits.iter().position(|&b| b == NONE) {
                Some(slot) => slot,
                None => {
                    self.digits.push(NONE);
                    self.digits.len() - 1
                }
            };
            self.digits[slot] = n.bond;
            self.bond(n.bond, atom);
            self.number(slot + 1);
        }
        for slot in freed {
            self.digits[slot] = NONE;
        }
    }

    fn number(&mut self, number: usize) {
        use std::fmt::Write;
        let result = match number {
            0..10 => write!(self.out, "{number}"),
            10..100 => write!(self.out, "%{number}"),
            _ => write!(self.out, "%({number})"),
        };
        debug_assert!(result.is_ok());
    }

    fn atom(&mut self, a: u32) {
        use std::fmt::Write;
        self.written.push(a);
        let atom = &self.mol.atoms()[a as usize];
        let aromatic = atom.aromatic.then(|| aromatic_symbol(atom.element)).flatten();
        let symbol = aromatic.unwrap_or_else(|| atom.symbol());
        let plain = atom.charge == 0
            && atom.isotope == 0
            && atom.map_num == 0
            && atom.chirality == Chirality::None
            && matches!(atom.element, 0 | 5..=9 | 15..=17 | 35 | 53)
            && i32::from(atom.total_hs) == implied_hydrogens(self.mol, a as usize);
        if plain {
            self.out.push_str(symbol);
            return;
        }
        self.out.push('[');
        if atom.isotope > 0 {
            let _ = write!(self.out, "{}", atom.isotope);
        }
        self.out.push_str(symbol);
        if atom.chirality != Chirality::None {
            let clockwise = self.written_clockwise(a);
            self.out.push_str(if clockwise { "@@" } else { "@" });
        }
        match atom.total_hs {
            0 => {}
            1 => self.out.push('H'),
            n => {
                let _ = write!(self.out, "H{n}");
            }
        }
        match atom.charge {
            0 => {}
            1 => self.out.push('+'),
            -1 => self.out.push('-'),
            c => {
                let _ = write!(self.out, "{c:+}");
            }
        }
        if atom.map_num > 0 {
            let _ = write!(self.out, ":{}", atom.map_num);
        }
        self.out.push(']');
    }

    /// Chirality with respect to the order in which the neighbours are written.
    fn written_clockwise(&self, a: u32) -> bool {
        let atom = &self.mol.atoms()[a as usize];
        let plan = self.plan;
        let mut bonds: SmallVec<[u32; 8]> = SmallVec::new();
        let first = plan.parent_bond[a as usize] == NONE;
        if !first {
            bonds.push(plan.parent_bond[a as usize]);
        }
        let (closing, opening) = (&plan.closing[a as usize], &plan.opening[a as usize]);
        bonds.extend(closing.iter().chain(opening).map(|n| n.bond));
        bonds.extend(plan.children[a as usize].iter().map(|n| n.bond));
        let three = bonds.len() == 3;
        let unsaturated = self.mol.neighbors(a as usize).iter().any(|n| {
            !matches!(
                self.mol.bonds()[n.bond as usize].order,
                BondOrder::Single | BondOrder::Dative
            )
        });
        let inverted = three
            && ((first && atom.total_hs == 1)
                || (atom.total_hs == 0 && closing.len() + opening.len() == 1 && !unsaturated));
        (atom.chirality == Chirality::Clockwise) != (odd_permutation(&bonds) != inverted)
    }
}

fn aromatic_symbol(element: u8) -> Option<&'static str> {
    Some(match element {
        5 => "b",
        6 => "c",
        7 => "n",
        8 => "o",
        14 => "si",
        15 => "p",
        16 => "s",
        33 => "as",
        34 => "se",
        52 => "te",
        _ => return None,
    })
}
