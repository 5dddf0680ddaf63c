//! `/` and `\` marks for the geometry of double bonds.
use super::write::Plan;
use crate::mol::{BondOrder, BondStereo, Mol};

/// Direction of each marked bond, from the atom written first: up or down.
#[derive(Default)]
pub(super) struct Directions {
    marks: Vec<Option<bool>>,
    /// What an unmarked bond must say if it gets a mark: its twin on a double bond has one.
    forced: Vec<Option<bool>>,
}

impl Directions {
    pub(super) fn get(&self, bond: u32) -> Option<bool> {
        self.marks.get(bond as usize).copied().flatten()
    }

    /// Whether the bond puts its other end above `atom`.
    fn side(&self, mol: &Mol, plan: &Plan, bond: u32, atom: u32) -> Option<bool> {
        self.get(bond).map(|up| up == (plan.first_atom(mol, bond) == atom))
    }

    /// Writes a mark and what follows for the other substituents of stereo double bonds.
    fn put(&mut self, mol: &Mol, plan: &Plan, bond: u32, up: bool) {
        self.marks[bond as usize] = Some(up);
        let ends = [mol.bonds()[bond as usize].begin, mol.bonds()[bond as usize].end];
        for atom in ends {
            let neighbours = mol.neighbors(atom as usize);
            let is_stereo = |b: u32| mol.bonds()[b as usize].stereo != BondStereo::None;
            if !neighbours.iter().any(|n| is_stereo(n.bond)) {
                continue;
            }
            let above = up == (plan.first_atom(mol, bond) == atom);
            for n in neighbours.iter().filter(|n| n.bond != bond && !is_stereo(n.bond)) {
                let first = plan.first_atom(mol, n.bond) == atom;
                self.forced[n.bond as usize] = Some(above != first);
            }
        }
    }
}

/// Marks bonds so that every stereo double bond has one marked bond at each end.
pub(super) fn assign(mol: &Mol, plan: &Plan) -> Directions {
    let mut stereo: Vec<u32> = (0..mol.bonds().len() as u32)
        .filter(|&b| mol.bonds()[b as usize].stereo != BondStereo::None)
        .collect();
    if stereo.is_empty() {
        return Directions::default();
    }
    stereo.sort_unstable_by_key(|&b| {
        let bond = &mol.bonds()[b as usize];
        let (x, y) = (plan.position[bond.begin as usize], plan.position[bond.end as usize]);
        (x.min(y), x.max(y))
    });
    let none = vec![None; mol.bonds().len()];
    let mut directions = Directions { marks: none.clone(), forced: none };
    for &b in &stereo {
        mark(mol, plan, b, &mut directions);
    }
    directions
}

/// Side of the reference atom of one end, if a bond there is marked already.
fn known_side(mol: &Mol, plan: &Plan, directions: &Directions, end: (u32, u32)) -> Option<bool> {
    let (atom, reference) = end;
    mol.neighbors(atom as usize).iter().find_map(|n| {
        let up = directions.side(mol, plan, n.bond, atom)?;
        Some(up == (n.atom == reference))
    })
}

fn mark(mol: &Mol, plan: &Plan, b: u32, directions: &mut Directions) {
    let bond = &mol.bonds()[b as usize];
    let (begin_ref, end_ref, trans) = match bond.stereo {
        BondStereo::None => return,
        BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, false),
        BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, true),
    };
    let (mut first, mut second) = ((bond.begin, begin_ref), (bond.end, end_ref));
    if plan.position[first.0 as usize] > plan.position[second.0 as usize] {
        std::mem::swap(&mut first, &mut second);
    }
    let known = known_side(mol, plan, directions, first);
    let other = known_side(mol, plan, directions, second);
    let first_side = known
        .or(other.map(|side| side != trans))
        .or_else(|| forced_side(mol, plan, directions, (first, b)))
        .or_else(|| forced_side(mol, plan, directions, (second, b)).map(|side| side != trans));
    let first_side = first_side.unwrap_or_else(|| {
        // Free choice: the first mark of a group is written `/`.
        let chosen = choose(mol, plan, first.0, b);
        let written_up = plan.first_atom(mol, chosen) == first.0;
        let is_reference = mol.bonds()[chosen as usize].other(first.0) == first.1;
        written_up == is_reference
    });
    if known.is_none() {
        set(mol, plan, directions, (first, b, first_side));
    }
    if other.is_none() {
        set(mol, plan, directions, (second, b, first_side != trans));
    }
}

/// Side of the reference atom that the bond to be marked at an end is bound to say.
fn forced_side(
    mol: &Mol,
    plan: &Plan,
    directions: &Directions,
    end: ((u32, u32), u32),
) -> Option<bool> {
    let ((atom, reference), double) = end;
    let chosen = choose(mol, plan, atom, double);
    let up = directions.forced[chosen as usize]?;
    let above = up == (plan.first_atom(mol, chosen) == atom);
    let is_reference = mol.bonds()[chosen as usize].other(atom) == reference;
    Some(above == is_reference)
}

/// Marks a bond at an end so that its reference atom lies on `side`.
fn set(mol: &Mol, plan: &Plan, directions: &mut Directions, end: ((u32, u32), u32, bool)) {
    let ((atom, reference), double, side) = end;
    let chosen = choose(mol, plan, atom, double);
    let is_reference = mol.bonds()[chosen as usize].other(atom) == reference;
    let above = side == is_reference;
    let up = above == (plan.first_atom(mol, chosen) == atom);
    directions.put(mol, plan, chosen, up);
}

/// The bond to mark at one end: one that can say a direction, not next to another double bond, in the tree, written
/// first.
fn choose(mol: &Mol, plan: &Plan, atom: u32, double: u32) -> u32 {
    mol.neighbors(atom as usize)
        .iter()
        .filter(|n| n.bond != double && mol.bonds()[n.bond as usize].order.has_direction())
        .min_by_key(|n| {
            let shared = mol
                .neighbors(n.atom as usize)
                .iter()
                .any(|m| m.atom != atom && mol.bonds()[m.bond as usize].order == BondOrder::Double);
            let tree = plan.is_tree_bond(mol, n.bond);
            (shared, !tree, plan.position[n.atom as usize])
        })
        .map_or(double, |n| n.bond)
}
