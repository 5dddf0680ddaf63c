//! Molecules changed and put together: an editable graph that ends in a checked molecule.
//!
//! [`EditMol`] is a Kekulé graph in which every atom carries its hydrogens. A bond that is added takes
//! hydrogens, one that is removed gives them back, so an atom's valence never changes by accident;
//! [`EditMol::finish`] perceives the result anew and gives it only if its canonical SMILES reads back
//! to itself. Atoms know which atom of the molecule they came from, and whether they were touched.
//!
//! On it stand [`brics`] (fragments and their recombination), [`pairs`] (matched molecular pairs),
//! [`mutate`] and [`crossover`] (the moves of a genetic algorithm).
pub mod brics;
pub mod crossover;
mod finish;
pub mod fragments;
pub mod mutate;
pub mod pairs;
mod pairs_table;
pub mod plausible;

use smallvec::SmallVec;

use crate::error::{ChemError, Result};
use crate::mol::{Atom, BondOrder, BondStereo, Chirality, ELEMENTS, Mol};

pub use finish::Product;

/// An atom without an origin.
pub(crate) const NONE: u32 = u32::MAX;

/// An atom of an editable graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditAtom {
    /// Atomic number; 0 is an attachment point.
    pub element: u8,
    /// Formal charge.
    pub charge: i8,
    /// Mass number; the label of an attachment point.
    pub isotope: u16,
    /// Map number; the number of an attachment point.
    pub map_num: u32,
    /// Hydrogens.
    pub hs: u8,
    chirality: Chirality,
    origin: u32,
    touched: bool,
    alive: bool,
}

/// A bond of an editable graph, of order 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditBond {
    /// First atom.
    pub begin: u32,
    /// Second atom.
    pub end: u32,
    /// 1, 2 or 3.
    pub order: u8,
    stereo: BondStereo,
}

impl EditBond {
    /// The atom at the other end.
    #[must_use]
    pub fn other(&self, atom: u32) -> u32 {
        self.begin ^ self.end ^ atom
    }

    /// Whether an atom is one of its ends.
    #[must_use]
    pub fn has(&self, atom: u32) -> bool {
        self.begin == atom || self.end == atom
    }
}

/// A molecule that can be changed. Bonds keep their order, which stereocentres refer to.
#[derive(Debug, Clone, Default)]
pub struct EditMol {
    atoms: Vec<EditAtom>,
    bonds: Vec<EditBond>,
}

/// A change that the graph does not allow.
pub(crate) fn refused(reason: impl Into<String>) -> ChemError {
    ChemError::Operation { operation: "edit", reason: reason.into() }
}

impl EditMol {
    /// The graph of a molecule; every atom's origin is its own number.
    ///
    /// # Errors
    /// Radicals, hydrogens that are atoms, and dative, quadruple or unknown bonds cannot be edited.
    pub fn from_mol(mol: &Mol) -> Result<Self> {
        let mut atoms = Vec::with_capacity(mol.num_atoms() + 4);
        for (number, atom) in (0u32..).zip(mol.atoms()) {
            if atom.radicals > 0 || atom.element == 1 {
                return Err(refused(format!(
                    "atom {number} ({}) is a radical or a hydrogen atom",
                    atom.symbol()
                )));
            }
            atoms.push(EditAtom {
                element: atom.element,
                charge: atom.charge,
                isotope: atom.isotope,
                map_num: atom.map_num,
                hs: atom.total_hs,
                chirality: atom.chirality,
                origin: number,
                touched: false,
                alive: true,
            });
        }
        let mut bonds = Vec::with_capacity(mol.bonds().len() + 4);
        for bond in mol.bonds() {
            let order = match bond.kekule {
                BondOrder::Single => 1,
                BondOrder::Double => 2,
                BondOrder::Triple => 3,
                _ => return Err(refused("a dative, quadruple or unknown bond cannot be edited")),
            };
            let (begin, end) = (bond.begin, bond.end);
            bonds.push(EditBond { begin, end, order, stereo: bond.stereo });
        }
        Ok(Self { atoms, bonds })
    }

    /// The atoms, removed ones included, so that numbers stay.
    #[must_use]
    pub fn atoms(&self) -> &[EditAtom] {
        &self.atoms
    }

    /// The bonds, in the order stereocentres refer to.
    #[must_use]
    pub fn bonds(&self) -> &[EditBond] {
        &self.bonds
    }

    /// Numbers of the atoms that are there.
    pub fn alive(&self) -> impl Iterator<Item = u32> + '_ {
        (0u32..).zip(&self.atoms).filter(|(_, atom)| atom.alive).map(|(number, _)| number)
    }

    /// Number of atoms that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alive().count()
    }

    /// Whether no atom is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alive().next().is_none()
    }

    /// Forgets where atoms came from: they are new to another molecule.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        for atom in &mut self.atoms {
            atom.origin = NONE;
        }
        self
    }

    /// Bonds of an atom, by number.
    #[must_use]
    pub fn bonds_of(&self, atom: u32) -> SmallVec<[usize; 6]> {
        (0..self.bonds.len()).filter(|&b| self.bonds[b].has(atom)).collect()
    }

    /// The bond between two atoms.
    #[must_use]
    pub fn bond_between(&self, a: u32, b: u32) -> Option<usize> {
        self.bonds.iter().position(|bond| bond.has(a) && bond.has(b))
    }

    fn atom(&mut self, atom: u32) -> Result<&mut EditAtom> {
        let found = self.atoms.get_mut(atom as usize).filter(|atom| atom.alive);
        found.ok_or_else(|| refused(format!("there is no atom {atom}")))
    }

    /// Marks an atom as changed and forgets its handedness.
    fn touch(&mut self, atom: u32) {
        if let Some(atom) = self.atoms.get_mut(atom as usize) {
            atom.touched = true;
            atom.chirality = Chirality::None;
        }
    }

    /// Adds an atom with the hydrogens of its lowest valence.
    ///
    /// # Errors
    /// An element without a fixed valence.
    pub fn add_atom(&mut self, element: u8) -> Result<u32> {
        let hs = lowest_valence(element).ok_or_else(|| refused("the element has no valence"))?;
        self.atoms.push(EditAtom {
            element,
            charge: 0,
            isotope: 0,
            map_num: 0,
            hs,
            chirality: Chirality::None,
            origin: NONE,
            touched: true,
            alive: true,
        });
        Ok(self.atoms.len() as u32 - 1)
    }

    /// Bonds two atoms; each gives up as many hydrogens as the bond's order.
    ///
    /// # Errors
    /// Atoms that are bonded already or lack the hydrogens.
    pub fn connect(&mut self, a: u32, b: u32, order: u8) -> Result<usize> {
        if a == b || self.bond_between(a, b).is_some() || !(1..=3).contains(&order) {
            return Err(refused("the atoms are bonded already"));
        }
        for end in [a, b] {
            self.take_hydrogens(end, order)?;
        }
        self.bonds.push(EditBond { begin: a, end: b, order, stereo: BondStereo::None });
        Ok(self.bonds.len() - 1)
    }

    fn take_hydrogens(&mut self, at: u32, count: u8) -> Result<()> {
        let atom = self.atom(at)?;
        if atom.element != 0 {
            let left = atom.hs.checked_sub(count);
            atom.hs = left.ok_or_else(|| refused(format!("atom {at} has no free valence")))?;
        }
        self.touch(at);
        Ok(())
    }

    fn give_hydrogens(&mut self, at: u32, count: u8) {
        if let Some(atom) = self.atoms.get_mut(at as usize)
            && atom.element != 0
        {
            atom.hs = atom.hs.saturating_add(count);
        }
        self.touch(at);
    }

    /// Removes a bond; its ends get hydrogens.
    ///
    /// # Errors
    /// A bond that is not there.
    pub fn disconnect(&mut self, bond: usize) -> Result<()> {
        if bond >= self.bonds.len() {
            return Err(refused("there is no such bond"));
        }
        let gone = self.bonds.remove(bond);
        self.give_hydrogens(gone.begin, gone.order);
        self.give_hydrogens(gone.end, gone.order);
        Ok(())
    }

    /// Changes the order of a bond.
    ///
    /// # Errors
    /// A bond that is not there, an order outside 1 to 3, ends without the hydrogens.
    pub fn set_order(&mut self, bond: usize, order: u8) -> Result<()> {
        let old = *self.bonds.get(bond).ok_or_else(|| refused("there is no such bond"))?;
        if !(1..=3).contains(&order) {
            return Err(refused("a bond's order is 1, 2 or 3"));
        }
        for end in [old.begin, old.end] {
            match order.checked_sub(old.order) {
                Some(more) => self.take_hydrogens(end, more)?,
                None => self.give_hydrogens(end, old.order - order),
            }
        }
        self.bonds[bond].order = order;
        self.bonds[bond].stereo = BondStereo::None;
        Ok(())
    }

    /// Turns an atom into another element, neutral, with the hydrogens its lowest valence leaves.
    ///
    /// # Errors
    /// More bonds than that valence.
    pub fn set_element(&mut self, at: u32, element: u8) -> Result<()> {
        let used: u8 = self.bonds.iter().filter(|b| b.has(at)).map(|b| b.order).sum();
        let free = lowest_valence(element).and_then(|valence| valence.checked_sub(used));
        let hs = free.ok_or_else(|| refused("the element takes fewer bonds"))?;
        let atom = self.atom(at)?;
        (atom.element, atom.hs, atom.charge, atom.isotope) = (element, hs, 0, 0);
        self.touch(at);
        Ok(())
    }

    /// Removes an atom; its neighbours get hydrogens.
    ///
    /// # Errors
    /// An atom that is not there.
    pub fn remove_atom(&mut self, at: u32) -> Result<()> {
        self.atom(at)?.alive = false;
        while let Some(bond) = self.bonds.iter().position(|bond| bond.has(at)) {
            self.disconnect(bond)?;
        }
        Ok(())
    }

    /// Cuts a bond in two, each end with an attachment point in the bond's place, so that
    /// stereocentres keep their sense. `labels` are the isotope and the map number of the point at
    /// the begin and at the end atom. Gives the two points.
    ///
    /// # Errors
    /// A bond that is not there.
    pub fn cut(&mut self, bond: usize, labels: [(u16, u32); 2]) -> Result<[u32; 2]> {
        let old = *self.bonds.get(bond).ok_or_else(|| refused("there is no such bond"))?;
        let mut points = [0; 2];
        for (point, (isotope, map_num)) in points.iter_mut().zip(labels) {
            *point = self.add_atom(0)?;
            let atom = self.atom(*point)?;
            (atom.isotope, atom.map_num) = (isotope, map_num);
        }
        self.bonds[bond] = EditBond { end: points[0], stereo: BondStereo::None, ..old };
        let second = EditBond { begin: points[1], stereo: BondStereo::None, ..old };
        self.bonds.insert(bond + 1, second);
        self.rename_references(old.begin, old.end, points[0]);
        self.rename_references(old.end, old.begin, points[1]);
        Ok(points)
    }

    /// Double bonds at `at` that referred to its neighbour `old` refer to `new`.
    fn rename_references(&mut self, at: u32, old: u32, new: u32) {
        for bond in &mut self.bonds {
            let (begin, end) = (bond.begin, bond.end);
            if let BondStereo::Cis { begin_ref, end_ref }
            | BondStereo::Trans { begin_ref, end_ref } = &mut bond.stereo
            {
                if begin == at && *begin_ref == old {
                    *begin_ref = new;
                }
                if end == at && *end_ref == old {
                    *end_ref = new;
                }
            }
        }
    }

    /// Adds another graph; its atoms get the numbers from the one given back.
    pub fn absorb(&mut self, other: &Self) -> u32 {
        let offset = self.atoms.len() as u32;
        self.atoms.extend_from_slice(&other.atoms);
        self.bonds.extend(other.bonds.iter().map(|bond| {
            let shift = |stereo| match stereo {
                BondStereo::None => BondStereo::None,
                BondStereo::Cis { begin_ref, end_ref } => {
                    BondStereo::Cis { begin_ref: begin_ref + offset, end_ref: end_ref + offset }
                }
                BondStereo::Trans { begin_ref, end_ref } => {
                    BondStereo::Trans { begin_ref: begin_ref + offset, end_ref: end_ref + offset }
                }
            };
            EditBond {
                begin: bond.begin + offset,
                end: bond.end + offset,
                order: bond.order,
                stereo: shift(bond.stereo),
            }
        }));
        offset
    }

    /// Joins the neighbours of two attachment points by a bond in the place of the first point's and
    /// removes the points.
    ///
    /// # Errors
    /// Points that are none, or bonds of different order.
    pub fn join(&mut self, first: u32, second: u32) -> Result<()> {
        let (a, b) = (self.point_bond(first)?, self.point_bond(second)?);
        let (left, right) = (self.bonds[a].other(first), self.bonds[b].other(second));
        let order = self.bonds[a].order;
        if order != self.bonds[b].order || left == right || left == second {
            return Err(refused("the attachment points do not fit"));
        }
        if self.bond_between(left, right).is_some() {
            return Err(refused("the atoms are bonded already"));
        }
        // The bond takes the first point's place, which moves it in the second neighbour's order.
        let before = |at: usize| self.bonds[..at].iter().filter(|bond| bond.has(right)).count();
        let moved = before(b).abs_diff(before(a)) - usize::from(b < a && before(a) > before(b));
        if moved % 2 == 1 {
            let atom = &mut self.atoms[right as usize];
            atom.chirality = atom.chirality.inverted();
        }
        let old = self.bonds[a];
        let end = |atom: u32| if atom == first { right } else { atom };
        self.bonds[a] = EditBond { begin: end(old.begin), end: end(old.end), ..old };
        self.rename_references(left, first, right);
        self.rename_references(right, second, left);
        self.bonds.remove(b);
        for point in [first, second] {
            self.atoms[point as usize].alive = false;
        }
        for end in [left, right] {
            self.atoms[end as usize].touched = true;
        }
        Ok(())
    }

    fn point_bond(&self, point: u32) -> Result<usize> {
        let is_point =
            self.atoms.get(point as usize).is_some_and(|atom| atom.alive && atom.element == 0);
        let bond = self.bonds.iter().position(|bond| bond.has(point));
        bond.filter(|_| is_point).ok_or_else(|| refused("there is no such attachment point"))
    }

    /// Attachment points, by map number and then by place.
    #[must_use]
    pub fn points(&self) -> SmallVec<[u32; 4]> {
        let mut found: SmallVec<[u32; 4]> =
            self.alive().filter(|&a| self.atoms[a as usize].element == 0).collect();
        found.sort_by_key(|&a| (self.atoms[a as usize].map_num, a));
        found
    }

    /// Which atoms hang together with one.
    #[must_use]
    pub fn component(&self, start: u32) -> Vec<bool> {
        let mut seen = vec![false; self.atoms.len()];
        let mut stack = vec![start];
        seen[start as usize] = true;
        while let Some(at) = stack.pop() {
            for bond in self.bonds.iter().filter(|bond| bond.has(at)) {
                let next = bond.other(at);
                if !std::mem::replace(&mut seen[next as usize], true) {
                    stack.push(next);
                }
            }
        }
        seen
    }

    /// The part of the graph whose atoms are marked; whole components only keep their stereo.
    #[must_use]
    pub fn part(&self, keep: &[bool]) -> Self {
        let mut part = self.clone();
        for (atom, &keep) in part.atoms.iter_mut().zip(keep) {
            atom.alive &= keep;
        }
        let there = |a: u32| part.atoms[a as usize].alive;
        part.bonds.retain(|bond| there(bond.begin) && there(bond.end));
        part
    }
}

/// The lowest valence of an element, of those that have one; an attachment point has none to fill.
fn lowest_valence(element: u8) -> Option<u8> {
    if element == 0 {
        return Some(0);
    }
    let valences = ELEMENTS.get(element as usize)?.valences;
    valences.first().and_then(|&v| u8::try_from(v).ok()).filter(|&v| v > 0)
}

/// An atom as the builder takes it.
fn built(atom: &EditAtom) -> Atom {
    Atom {
        element: atom.element,
        charge: atom.charge,
        isotope: atom.isotope,
        map_num: atom.map_num,
        explicit_hs: atom.hs,
        no_implicit: true,
        chirality: atom.chirality,
        ..Atom::default()
    }
}
