//! `/` and `\` marks for the geometry of double bonds.
//!
//! Which bonds get a mark is settled first, then what the marks say: those at one double bond depend on each other, and
//! through bonds between two double bonds, or around a ring, a whole group does.
use super::write::Plan;
use crate::mol::{
    BondDirection, BondOrder, BondStereo, Mol, could_have_geometry, has_direction, perceive,
};

/// Direction of each marked bond, from the atom written first: up or down.
#[derive(Default)]
pub(super) struct Directions {
    marks: Vec<Option<bool>>,
    /// Double bonds whose geometry has to be left out: no marks say it without saying something else that is wrong.
    pub(super) unsayable: Vec<u32>,
}

impl Directions {
    pub(super) fn get(&self, bond: u32) -> Option<bool> {
        self.marks.get(bond as usize).copied().flatten()
    }
}

/// One end of a stereo double bond.
#[derive(Clone, Copy)]
struct End {
    atom: u32,
    double: u32,
    /// The neighbour that the geometry is told by.
    reference: u32,
}

/// The molecule and the order in which it is written.
#[derive(Clone, Copy)]
struct Writing<'a> {
    mol: &'a Mol,
    plan: &'a Plan,
}

/// Marks bonds so that every stereo double bond has one marked bond at each end.
pub(super) fn assign(mol: &Mol, plan: &Plan) -> Directions {
    let mut stereo: Vec<u32> = (0..mol.bonds().len() as u32)
        .filter(|&b| mol.bonds()[b as usize].stereo != BondStereo::None)
        .collect();
    if stereo.is_empty() {
        return Directions::default();
    }
    stereo.sort_unstable_by_key(|&b| plan.place(mol, b));
    let writing = Writing { mol, plan };
    let (marked, overheard) = writing.quiet(&stereo);
    let mut directions = writing.solve(&stereo, &marked);
    if directions.unsayable.is_empty() {
        for double in writing.invented(overheard, &directions) {
            let mut beside = writing.beside(double, &stereo).rev().peekable();
            let last = beside.peek().copied();
            // One that is left out may do for both sides of it.
            if !beside.any(|b| directions.unsayable.contains(&b)) {
                directions.unsayable.extend(last);
            }
        }
    }
    directions
}

impl Writing<'_> {
    /// The ends of a double bond, the one written first before the other, and whether the references are trans.
    fn ends(self, double: u32) -> Option<([End; 2], bool)> {
        let bond = &self.mol.bonds()[double as usize];
        let (begin_ref, end_ref, trans) = match bond.stereo {
            BondStereo::None => return None,
            BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, false),
            BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, true),
        };
        let mut ends = [
            End { atom: bond.begin, double, reference: begin_ref },
            End { atom: bond.end, double, reference: end_ref },
        ];
        ends.sort_by_key(|end| self.plan.position[end.atom as usize]);
        Some((ends, trans))
    }

    /// Which bonds get a mark, so that few double bonds without a geometry have marks at both ends; and those that have.
    fn quiet(self, stereo: &[u32]) -> (Vec<bool>, Vec<u32>) {
        let mut avoided = vec![false; self.mol.bonds().len()];
        let mut best: Option<(Vec<bool>, Vec<u32>)> = None;
        loop {
            let marked = self.marked(stereo, &avoided);
            let overheard = self.overheard(&marked);
            let mut changed = false;
            for &double in &overheard {
                let bond = &self.mol.bonds()[double as usize];
                for mark in [bond.begin, bond.end]
                    .into_iter()
                    .flat_map(|a| self.marks_at(&marked, a, double))
                {
                    changed |= !std::mem::replace(&mut avoided[mark as usize], true);
                }
            }
            if best.as_ref().is_none_or(|(_, least)| overheard.len() < least.len()) {
                best = Some((marked, overheard));
            }
            if !changed {
                return best.unwrap_or_default();
            }
        }
    }

    /// Which bonds get a mark: at each end one, unless another double bond has marked one there.
    fn marked(self, stereo: &[u32], avoided: &[bool]) -> Vec<bool> {
        let mut marked = vec![false; self.mol.bonds().len()];
        for (ends, _) in stereo.iter().filter_map(|&b| self.ends(b)) {
            for end in ends {
                if self.marks_at(&marked, end.atom, end.double).next().is_none()
                    && let Some(bond) = self.choose(end, |bond| avoided[bond as usize])
                {
                    marked[bond as usize] = true;
                }
            }
        }
        marked
    }

    /// The marked bonds of an atom beside one of its double bonds.
    fn marks_at(self, marked: &[bool], atom: u32, double: u32) -> impl Iterator<Item = u32> {
        let bonds = self.mol.neighbors(atom as usize).iter().map(|n| n.bond);
        bonds.filter(move |&b| b != double && marked[b as usize])
    }

    /// The bond to mark at one end: one that can say a direction, not to be avoided, not next to another double bond, in
    /// the tree, written first.
    fn choose(self, end: End, avoided: impl Fn(u32) -> bool) -> Option<u32> {
        let Self { mol, plan } = self;
        let open = mol
            .neighbors(end.atom as usize)
            .iter()
            .filter(|n| n.bond != end.double && has_direction(mol, n.bond as usize));
        let best = open.min_by_key(|n| {
            let mut beyond = mol.neighbors(n.atom as usize).iter().filter(|m| m.atom != end.atom);
            let shared = beyond.any(|m| mol.bonds()[m.bond as usize].order == BondOrder::Double);
            let tree = plan.is_tree_bond(mol, n.bond);
            (avoided(n.bond), shared, !tree, plan.position[n.atom as usize])
        });
        best.map(|n| n.bond)
    }

    /// What the marks say; a double bond at which they contradict each other cannot be said.
    fn solve(self, stereo: &[u32], marked: &[bool]) -> Directions {
        let mut groups = Groups::new(marked.len());
        let mut unsayable = Vec::new();
        for &double in stereo {
            let Some((ends, trans)) = self.ends(double) else { continue };
            let [first, second] = ends.map(|end| self.marks_at(marked, end.atom, double));
            let mut sides = first
                .map(|b| (b, self.turned(b, ends[0])))
                .chain(second.map(|b| (b, self.turned(b, ends[1]) != trans)));
            let Some((one, turned)) = sides.next() else { continue };
            let mut agree = true;
            for (other, other_turned) in sides {
                agree &= groups.tie(one, other, turned != other_turned);
            }
            if !agree {
                unsayable.push(double);
            }
        }
        // Free choice: the first mark of a group is written `/`.
        let mut up: Vec<Option<bool>> = vec![None; marked.len()];
        for (ends, _) in stereo.iter().filter_map(|&b| self.ends(b)) {
            // Where this is not the marked one, another double bond has settled the group.
            if let Some(bond) =
                self.choose(ends[0], |b| !marked[b as usize]).filter(|&b| marked[b as usize])
            {
                let (root, odd) = groups.find(bond);
                up[root as usize].get_or_insert(!odd);
            }
        }
        let marks = (0..marked.len()).map(|b| {
            let (root, odd) = groups.find(b as u32);
            up[root as usize].filter(|_| marked[b]).map(|up| up != odd)
        });
        Directions { marks: marks.collect(), unsayable }
    }

    /// Whether a mark at an end says the opposite of the side on which the reference atom lies.
    fn turned(self, bond: u32, end: End) -> bool {
        let is_reference = self.mol.bonds()[bond as usize].other(end.atom) == end.reference;
        (self.plan.first_atom(self.mol, bond) == end.atom) != is_reference
    }

    /// Double bonds without a geometry at both ends of which others have put marks.
    fn overheard(self, marked: &[bool]) -> Vec<u32> {
        let mol = self.mol;
        let all = (0..mol.bonds().len() as u32).filter(|&b| {
            let bond = &mol.bonds()[b as usize];
            bond.order == BondOrder::Double
                && bond.stereo == BondStereo::None
                && [bond.begin, bond.end]
                    .iter()
                    .all(|&a| self.marks_at(marked, a, b).next().is_some())
                && could_have_geometry(mol, b as usize)
        });
        all.collect()
    }

    /// Those of the overheard double bonds that would be read with a geometry they have not, as written.
    fn invented(self, mut overheard: Vec<u32>, directions: &Directions) -> Vec<u32> {
        if overheard.is_empty() {
            return overheard;
        }
        let mut read = self.mol.clone();
        for (b, bond) in read.bonds.iter_mut().enumerate() {
            bond.stereo = BondStereo::None;
            let up = directions.get(b as u32);
            let forward = self.plan.first_atom(self.mol, b as u32) == bond.begin;
            bond.direction = match up.map(|up| up == forward) {
                None => BondDirection::None,
                Some(true) => BondDirection::EndUpRight,
                Some(false) => BondDirection::EndDownRight,
            };
        }
        perceive(&mut read);
        overheard.retain(|&b| read.bonds[b as usize].stereo != BondStereo::None);
        overheard.sort_unstable_by_key(|&b| self.plan.place(self.mol, b));
        overheard
    }

    /// The stereo double bonds, in their order, that are one bond away from a double bond.
    fn beside(self, double: u32, stereo: &[u32]) -> impl DoubleEndedIterator<Item = u32> {
        let bonds = self.mol.bonds();
        let near = move |atom: u32| {
            let around = [bonds[double as usize].begin, bonds[double as usize].end];
            around.iter().any(|&a| self.mol.neighbors(a as usize).iter().any(|n| n.atom == atom))
        };
        stereo.iter().copied().filter(move |&b| {
            b != double && (near(bonds[b as usize].begin) || near(bonds[b as usize].end))
        })
    }
}

/// Bonds whose marks depend on each other, and whether they differ.
struct Groups {
    parent: Vec<(u32, bool)>,
}

impl Groups {
    fn new(bonds: usize) -> Self {
        Self { parent: (0..bonds as u32).map(|b| (b, false)).collect() }
    }

    /// The bond a group is told by, and whether this one differs from it.
    fn find(&self, bond: u32) -> (u32, bool) {
        let (mut at, mut odd) = (bond, false);
        loop {
            let (parent, differs) = self.parent[at as usize];
            if parent == at {
                return (at, odd);
            }
            (at, odd) = (parent, odd != differs);
        }
    }

    /// Says that two marks differ or not; false where that contradicts what was said before.
    fn tie(&mut self, one: u32, other: u32, differ: bool) -> bool {
        let ((a, a_odd), (b, b_odd)) = (self.find(one), self.find(other));
        if a == b {
            return (a_odd != b_odd) == differ;
        }
        self.parent[b as usize] = (a, (a_odd != b_odd) != differ);
        true
    }
}
