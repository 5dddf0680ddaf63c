//! Atoms, bonds and the enumerations that describe them.
use super::elements::{ELEMENTS, ISOTOPES};

/// Tetrahedral chirality with respect to the order of [`Mol::neighbors`](super::Mol::neighbors),
/// an implicit hydrogen or lone pair last; the same sense as RDKit's chiral tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Chirality {
    /// Not a stereocentre, or not specified.
    #[default]
    None,
    /// Seen from the first neighbour the others run clockwise (`@@`).
    Clockwise,
    /// Seen from the first neighbour the others run counter-clockwise (`@`).
    CounterClockwise,
}

impl Chirality {
    /// The mirror image.
    #[must_use]
    pub fn inverted(self) -> Self {
        match self {
            Self::None => Self::None,
            Self::Clockwise => Self::CounterClockwise,
            Self::CounterClockwise => Self::Clockwise,
        }
    }
}

/// Hybridisation in RDKit's sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hybridisation {
    /// Dummy atoms and what fits nowhere.
    #[default]
    Unspecified,
    /// s
    S,
    /// sp
    Sp,
    /// sp²
    Sp2,
    /// sp³
    Sp3,
    /// sp³d
    Sp3d,
    /// sp³d²
    Sp3d2,
}

/// Order of a bond. An aromatic bond has order `Aromatic`; see [`Bond::kekule`] for its place in a
/// Kekulé structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BondOrder {
    /// Single.
    #[default]
    Single,
    /// Double.
    Double,
    /// Triple.
    Triple,
    /// Quadruple.
    Quadruple,
    /// Aromatic.
    Aromatic,
    /// Dative, from `begin` to `end`.
    Dative,
    /// Unknown order (`~` in SMILES); counts nothing.
    Zero,
}

/// Direction of a single bond as written: `/` or `\` from its begin to its end atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BondDirection {
    /// None.
    #[default]
    None,
    /// `/`: RDKit's ENDUPRIGHT.
    EndUpRight,
    /// `\`: RDKit's ENDDOWNRIGHT.
    EndDownRight,
}

/// Geometry of a double bond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BondStereo {
    /// None, or not specified.
    #[default]
    None,
    /// The two reference atoms lie on the same side.
    Cis {
        /// Neighbour of the begin atom.
        begin_ref: u32,
        /// Neighbour of the end atom.
        end_ref: u32,
    },
    /// The two reference atoms lie on opposite sides.
    Trans {
        /// Neighbour of the begin atom.
        begin_ref: u32,
        /// Neighbour of the end atom.
        end_ref: u32,
    },
}

/// An atom after sanitising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Atom {
    /// Atomic number; 0 for `*`.
    pub element: u8,
    /// Formal charge.
    pub charge: i8,
    /// Mass number, 0 when not specified.
    pub isotope: u16,
    /// Hydrogens not in the graph: `explicit_hs` and the implicit ones.
    pub total_hs: u8,
    /// Hydrogens given in brackets.
    pub explicit_hs: u8,
    /// True when written in brackets: no hydrogens beyond `explicit_hs`.
    pub no_implicit: bool,
    /// Unpaired electrons.
    pub radicals: u8,
    /// True when part of an aromatic system.
    pub aromatic: bool,
    /// True when in a ring.
    pub in_ring: bool,
    /// Hybridisation.
    pub hybridisation: Hybridisation,
    /// Chirality: RDKit's chiral tag.
    pub chirality: Chirality,
    /// Number of neighbours in the graph.
    pub degree: u8,
    /// Number of ring bonds.
    pub ring_bonds: u8,
    /// Sum of bond orders with `explicit_hs` (RDKit's explicit valence).
    pub explicit_valence: u8,
    /// Atom map number up to 999,999,999, 0 when none.
    pub map_num: u32,
}

impl Atom {
    /// Explicit valence and implicit hydrogens together (RDKit's total valence).
    #[must_use]
    pub fn total_valence(&self) -> u8 {
        self.explicit_valence.saturating_add(self.total_hs.saturating_sub(self.explicit_hs))
    }

    /// Neighbours in the graph and hydrogens together.
    #[must_use]
    pub fn total_degree(&self) -> u8 {
        self.degree.saturating_add(self.total_hs)
    }

    /// The element's symbol.
    #[must_use]
    pub fn symbol(&self) -> &'static str {
        ELEMENTS[self.element as usize].symbol
    }
}

/// A bond after sanitising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bond {
    /// First atom.
    pub begin: u32,
    /// Second atom.
    pub end: u32,
    /// Order.
    pub order: BondOrder,
    /// Order in one Kekulé structure (never `Aromatic`).
    pub kekule: BondOrder,
    /// True when part of an aromatic system.
    pub aromatic: bool,
    /// True when conjugated.
    pub conjugated: bool,
    /// True when in a ring.
    pub in_ring: bool,
    /// Geometry of a double bond.
    pub stereo: BondStereo,
    /// Direction as written.
    pub direction: BondDirection,
}

impl Bond {
    /// The atom at the other end.
    #[must_use]
    pub fn other(&self, atom: u32) -> u32 {
        self.begin ^ self.end ^ atom
    }

    /// What the bond counts towards the valence of `atom`, times two (aromatic is 3).
    #[must_use]
    pub fn twice_valence(&self, atom: u32) -> i32 {
        match self.order {
            BondOrder::Single => 2,
            BondOrder::Double => 4,
            BondOrder::Triple => 6,
            BondOrder::Quadruple => 8,
            BondOrder::Aromatic => 3,
            BondOrder::Dative => 2 * i32::from(self.end == atom),
            BondOrder::Zero => 0,
        }
    }
}

/// One neighbour of an atom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Neighbor {
    /// The neighbour.
    pub atom: u32,
    /// The bond to it.
    pub bond: u32,
}

/// Mass in g/mol: of the isotope, or the average weight when `isotope` is 0; an isotope that is
/// not in the table counts its mass number.
pub(crate) fn mass(element: u8, isotope: u16) -> f64 {
    if isotope == 0 {
        return ELEMENTS[element as usize].weight;
    }
    match ISOTOPES.binary_search_by_key(&(element, isotope), |&(z, a, _)| (z, a)) {
        Ok(at) => ISOTOPES[at].2,
        Err(_) => f64::from(isotope),
    }
}
