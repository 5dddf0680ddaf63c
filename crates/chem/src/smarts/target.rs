//! A molecule as the matcher sees it: every atom property a primitive may ask for, adjacency with
//! bond classes, and what the screens need.

use super::query::Prim;
use super::screen::{Has, class};
use crate::Mol;
use crate::mol::{Atom, BondOrder, Hybridisation};

/// The properties of one atom that primitives look at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AtomView {
    pub(crate) element: u8,
    pub(crate) aromatic: bool,
    pub(crate) charge: i8,
    pub(crate) isotope: u16,
    pub(crate) degree: u8,
    pub(crate) heavy_degree: u8,
    pub(crate) total_degree: u8,
    pub(crate) total_hs: u8,
    pub(crate) implicit_hs: u8,
    pub(crate) valence: u8,
    pub(crate) ring_count: u8,
    pub(crate) min_ring: u16,
    pub(crate) ring_bonds: u8,
    pub(crate) hetero_neighbors: u8,
    pub(crate) aliphatic_hetero_neighbors: u8,
    pub(crate) hybridisation: u8,
    /// Bit n: in a ring of n atoms (n up to 63; larger rings share bit 63).
    pub(crate) ring_sizes: u64,
}

impl AtomView {
    pub(crate) fn accepts(&self, prim: &Prim) -> bool {
        let int = i32::from;
        match *prim {
            Prim::Any => true,
            Prim::Aromatic => self.aromatic,
            Prim::Aliphatic => !self.aromatic,
            Prim::Element { number, aromatic } => {
                self.element == number && aromatic.is_none_or(|a| a == self.aromatic)
            }
            Prim::Degree(r) => r.contains(int(self.degree)),
            Prim::HeavyDegree(r) => r.contains(int(self.heavy_degree)),
            Prim::TotalDegree(r) => r.contains(int(self.total_degree)),
            Prim::TotalHs(r) => r.contains(int(self.total_hs)),
            Prim::ImplicitHs(r) => r.contains(int(self.implicit_hs)),
            Prim::Valence(r) => r.contains(int(self.valence)),
            Prim::RingCount(r) => r.contains(int(self.ring_count)),
            Prim::MinRing(r) => r.contains(i32::from(self.min_ring)),
            Prim::RingSize(r) => {
                (0..64).filter(|n| self.ring_sizes >> n & 1 == 1).any(|n| r.contains(n))
            }
            Prim::RingBonds(r) => r.contains(int(self.ring_bonds)),
            Prim::HeteroNeighbors(r) => r.contains(int(self.hetero_neighbors)),
            Prim::AliphaticHeteroNeighbors(r) => r.contains(int(self.aliphatic_hetero_neighbors)),
            Prim::Charge(r) => r.contains(i32::from(self.charge)),
            Prim::Isotope(n) => self.isotope == n,
            Prim::Hybridisation(n) => self.hybridisation == n,
        }
    }
}

/// Bond kind of an aromatic bond.
const AROMATIC: u8 = 4;

/// A neighbour and the class of the bond to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) atom: u32,
    /// Twice the bond kind, plus one in a ring.
    pub(crate) class: u8,
}

/// A molecule prepared for matching; make it once and match many patterns.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub(crate) atoms: Vec<AtomView>,
    starts: Vec<u32>,
    links: Vec<Link>,
    components: Vec<u32>,
    pub(crate) has: Has,
}

impl Target {
    /// Prepares a molecule.
    pub fn new(mol: &Mol) -> Self {
        let count = mol.num_atoms();
        let mut target = Self {
            atoms: Vec::with_capacity(count),
            starts: Vec::with_capacity(count + 1),
            links: Vec::with_capacity(2 * mol.bonds().len()),
            components: mol.components().0,
            has: Has::default(),
        };
        for (index, atom) in mol.atoms().iter().enumerate() {
            target.starts.push(target.links.len() as u32);
            target.has.add_atom(atom.element, atom.aromatic, atom.in_ring);
            let view = target.view(mol, index, atom);
            target.atoms.push(view);
        }
        target.starts.push(target.links.len() as u32);
        for ring in mol.rings().atom_rings() {
            for &atom in ring {
                let view = &mut target.atoms[atom as usize];
                let size = ring.len() as u16;
                view.ring_count = view.ring_count.saturating_add(1);
                view.ring_sizes |= 1 << size.min(63);
                view.min_ring = if view.min_ring == 0 { size } else { view.min_ring.min(size) };
            }
        }
        target.note_bonds(mol);
        target
    }

    /// An atom without its rings; its links are added on the way.
    fn view(&mut self, mol: &Mol, index: usize, atom: &Atom) -> AtomView {
        let mut view = AtomView {
            element: atom.element,
            aromatic: atom.aromatic,
            charge: atom.charge,
            isotope: atom.isotope,
            degree: atom.degree,
            total_degree: atom.total_degree(),
            total_hs: atom.total_hs,
            implicit_hs: atom.total_hs,
            valence: atom.total_valence(),
            ring_bonds: atom.ring_bonds,
            hybridisation: match atom.hybridisation {
                Hybridisation::S => 0,
                Hybridisation::Sp => 1,
                Hybridisation::Sp2 => 2,
                Hybridisation::Sp3 => 3,
                Hybridisation::Sp3d => 4,
                Hybridisation::Sp3d2 => 5,
                Hybridisation::Unspecified => u8::MAX,
            },
            ..AtomView::default()
        };
        for neighbor in mol.neighbors(index) {
            let other = &mol.atoms()[neighbor.atom as usize];
            let bond = &mol.bonds()[neighbor.bond as usize];
            let kind: u8 = match bond.order {
                _ if bond.aromatic => AROMATIC,
                BondOrder::Single => 0,
                BondOrder::Double => 1,
                BondOrder::Triple => 2,
                BondOrder::Quadruple => 3,
                BondOrder::Aromatic => AROMATIC,
                BondOrder::Dative => 5,
                BondOrder::Zero => 7,
            };
            self.links.push(Link { atom: neighbor.atom, class: kind * 2 + u8::from(bond.in_ring) });
            let hetero = !matches!(other.element, 1 | 6);
            view.total_hs += u8::from(other.element == 1);
            view.heavy_degree += u8::from(other.element != 1);
            view.hetero_neighbors += u8::from(hetero);
            view.aliphatic_hetero_neighbors += u8::from(hetero && !other.aromatic);
        }
        view
    }

    /// Notes bond types and paths of three atoms for the screens.
    fn note_bonds(&mut self, mol: &Mol) {
        let mut has = std::mem::take(&mut self.has);
        let code = |atom: u32| {
            let view = &self.atoms[atom as usize];
            class(view.element).map(|class| (class, view.aromatic))
        };
        for (middle, _) in mol.atoms().iter().enumerate() {
            let links = self.neighbors(middle as u32);
            let Some(center) = code(middle as u32) else {
                has.bonds += links.iter().filter(|l| l.atom as usize > middle).count();
                continue;
            };
            for (i, link) in links.iter().enumerate() {
                let Some(end) = code(link.atom) else {
                    has.bonds += usize::from(link.atom as usize > middle);
                    continue;
                };
                if link.atom as usize > middle {
                    has.add_bond(center, end, link.class / 2);
                }
                for second in &links[i + 1..] {
                    if let Some(other) = code(second.atom) {
                        has.add_path(
                            [(end.0, link.class / 2), (other.0, second.class / 2)],
                            center.0,
                        );
                    }
                }
            }
        }
        self.has = has;
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// Whether there are no atoms.
    pub fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    /// All atoms, as one word of a bit set.
    pub(crate) fn all(&self, word: usize) -> u64 {
        let rest = self.atoms.len().saturating_sub(word * 64);
        if rest >= 64 { u64::MAX } else { (1 << rest) - 1 }
    }

    pub(crate) fn neighbors(&self, atom: u32) -> &[Link] {
        let (start, end) = (self.starts[atom as usize], self.starts[atom as usize + 1]);
        &self.links[start as usize..end as usize]
    }

    pub(crate) fn bond_class(&self, a: u32, b: u32) -> Option<u8> {
        self.neighbors(a).iter().find(|l| l.atom == b).map(|l| l.class)
    }

    pub(crate) fn component(&self, atom: u32) -> u32 {
        self.components[atom as usize]
    }
}
