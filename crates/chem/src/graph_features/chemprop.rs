//! `chemprop-v1-graph/1`: atom and bond features as version 1 of Chemprop computes them (Yang et al., J. Chem.
//! Inf. Model. 2019, 59, 3370), for its directed message passing networks and for any other model of those inputs.
//!
//! | input | shape | what |
//! | --- | --- | --- |
//! | `f_atoms` | atoms, 133 | one-hot of atomic number (101), degree (7), charge (6), chiral tag (5), hydrogens (6) and hybridisation (6), the last place of each for other values; aromatic; mass / 100 |
//! | `f_bonds` | directed bonds, 147 | features of the source atom; then none, single, double, triple, aromatic, conjugated, in a ring, and one-hot of stereo (7: none, any, Z, E, cis, trans, other) |
//! | `bond_source`, `bond_target` | directed bonds | atoms, numbered through the batch |
//! | `bond_reverse` | directed bonds | number of the same bond the other way |
//! | `atom_mol` | atoms | number of its molecule in the batch |
use crate::mol::cip::Geometry;
use crate::mol::{BondOrder, Chirality, Hybridisation};
use crate::{ChemError, Mol, Result};

/// Name of the featuriser, as model cards give it.
pub const CHEMPROP_ID: &str = "chemprop-v1-graph/1";

/// Features of an atom.
pub const ATOM_FEATURES: usize = 133;

/// Features of a directed bond, its source atom's included.
pub const BOND_FEATURES: usize = ATOM_FEATURES + 14;

const DEGREE: u8 = 101;
const CHARGE: u8 = DEGREE + 7;
const CHIRALITY: u8 = CHARGE + 6;
const HYDROGENS: u8 = CHIRALITY + 5;
const HYBRIDISATION: u8 = HYDROGENS + 6;
const AROMATIC: usize = 131;
const MASS: usize = 132;

/// Features of an atom: the columns that are 1, whether it is aromatic, and its mass.
#[derive(Debug, Clone, Copy, PartialEq)]
struct AtomFeatures {
    ones: [u8; 6],
    aromatic: bool,
    mass: f32,
}

/// A bond: its atoms and its own features, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
struct BondFeatures {
    begin: u32,
    end: u32,
    own: [bool; 14],
}

/// A molecule as a graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChempropGraph {
    atoms: Vec<AtomFeatures>,
    bonds: Vec<BondFeatures>,
}

impl ChempropGraph {
    /// The graph of a molecule; several fragments make one unconnected graph.
    ///
    /// # Errors
    /// [`ChemError::Empty`] for a molecule without atoms.
    pub fn new(mol: &Mol) -> Result<Self> {
        if mol.atoms().is_empty() {
            return Err(ChemError::Empty);
        }
        let atoms = (0..mol.num_atoms()).map(|atom| atom_features(mol, atom)).collect();
        let geometry = mol.double_bond_geometry();
        let bonds = mol.bonds().iter().zip(geometry).map(|(bond, geometry)| {
            let mut own = [false; 14];
            match bond.order {
                BondOrder::Single => own[1] = true,
                BondOrder::Double => own[2] = true,
                BondOrder::Triple => own[3] = true,
                BondOrder::Aromatic => own[4] = true,
                BondOrder::Quadruple | BondOrder::Dative | BondOrder::Zero => {}
            }
            (own[5], own[6]) = (bond.conjugated, bond.in_ring);
            let stereo = match geometry {
                None => 0,
                Some(Geometry::Z) => 2,
                Some(Geometry::E) => 3,
            };
            own[7 + stereo] = true;
            BondFeatures { begin: bond.begin, end: bond.end, own }
        });
        Ok(Self { atoms, bonds: bonds.collect() })
    }

    /// Number of atoms.
    #[must_use]
    pub fn atoms(&self) -> usize {
        self.atoms.len()
    }
}

fn atom_features(mol: &Mol, at: usize) -> AtomFeatures {
    let atom = &mol.atoms()[at];
    // The place of a value among the known ones, or the one behind them.
    let place = |value: i32, known: u8| u8::try_from(value).map_or(known, |v| v.min(known));
    let charge = match atom.charge {
        -1 => 0,
        -2 => 1,
        1 => 2,
        2 => 3,
        0 => 4,
        _ => 5,
    };
    let hybridisation = match atom.hybridisation {
        Hybridisation::Sp => 0,
        Hybridisation::Sp2 => 1,
        Hybridisation::Sp3 => 2,
        Hybridisation::Sp3d => 3,
        Hybridisation::Sp3d2 => 4,
        Hybridisation::S | Hybridisation::Unspecified => 5,
    };
    let chirality = match atom.chirality {
        Chirality::None => 0,
        Chirality::Clockwise => 1,
        Chirality::CounterClockwise => 2,
    };
    AtomFeatures {
        ones: [
            place(i32::from(atom.element) - 1, 100),
            DEGREE + place(i32::from(atom.total_degree()), 6),
            CHARGE + charge,
            CHIRALITY + chirality,
            HYDROGENS + place(i32::from(atom.total_hs), 5),
            HYBRIDISATION + hybridisation,
        ],
        aromatic: atom.aromatic,
        mass: (mol.atom_mass(at) * 0.01) as f32,
    }
}

/// Graphs of several molecules side by side, as a model takes them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChempropBatch {
    /// Rows of [`ATOM_FEATURES`].
    pub f_atoms: Vec<f32>,
    /// Rows of [`BOND_FEATURES`].
    pub f_bonds: Vec<f32>,
    /// The atom each directed bond leaves.
    pub bond_source: Vec<i64>,
    /// The atom it enters.
    pub bond_target: Vec<i64>,
    /// The same bond the other way.
    pub bond_reverse: Vec<i64>,
    /// The molecule of each atom, ascending.
    pub atom_mol: Vec<i64>,
    /// Number of molecules.
    pub molecules: usize,
}

impl ChempropBatch {
    /// The molecules of an iterator, in its order.
    pub fn of<'a>(graphs: impl IntoIterator<Item = &'a ChempropGraph>) -> Self {
        let mut batch = Self::default();
        graphs.into_iter().for_each(|graph| batch.push(graph));
        batch
    }

    /// Adds a molecule.
    pub fn push(&mut self, graph: &ChempropGraph) {
        let first = self.atom_mol.len();
        for atom in &graph.atoms {
            let start = self.f_atoms.len();
            self.f_atoms.resize(start + ATOM_FEATURES, 0.0);
            let row = &mut self.f_atoms[start..];
            atom.ones.iter().for_each(|&column| row[usize::from(column)] = 1.0);
            row[AROMATIC] = f32::from(u8::from(atom.aromatic));
            row[MASS] = atom.mass;
        }
        self.atom_mol.extend(std::iter::repeat_n(self.molecules as i64, graph.atoms.len()));
        self.molecules += 1;
        for bond in &graph.bonds {
            let (begin, end) = (first + bond.begin as usize, first + bond.end as usize);
            let at = self.bond_source.len() as i64;
            self.bond_source.extend([begin as i64, end as i64]);
            self.bond_target.extend([end as i64, begin as i64]);
            self.bond_reverse.extend([at + 1, at]);
            for source in [begin, end] {
                let atom = source * ATOM_FEATURES..(source + 1) * ATOM_FEATURES;
                self.f_bonds.extend_from_slice(&self.f_atoms[atom]);
                self.f_bonds.extend(bond.own.map(|own| f32::from(u8::from(own))));
            }
        }
    }
}

/// Molecules that touch every feature.
const PROBES: [&str; 9] = [
    "C",
    "CC#N",
    "C[C@H](N)C(=O)O",
    "C[C@@H](O)c1ccccc1",
    "F/C=C/F",
    "F/C=C\\Br.[Na+].[Cl-]",
    "CC/C(Cl)=C(\\C)CO",
    "FS(F)(F)(F)(F)F",
    "[13CH4].Cl[Pt](Cl)(N)N",
];

/// SHA-256, in hexadecimal, over [`CHEMPROP_ID`] and the graphs of the built-in molecules.
#[must_use]
pub fn chemprop_hash() -> String {
    let mut text = CHEMPROP_ID.to_owned();
    for smiles in PROBES {
        // Every probe parses: a test holds them to it.
        let graph = Mol::from_smiles(smiles).and_then(|mol| ChempropGraph::new(&mol));
        let Ok(graph) = graph else { continue };
        text += &format!("\n{smiles}");
        for atom in &graph.atoms {
            text += &format!(" {:?} {} {:.4e}", atom.ones, atom.aromatic, atom.mass);
        }
        for bond in &graph.bonds {
            let own: String = bond.own.iter().map(|&own| if own { '1' } else { '0' }).collect();
            text += &format!(" {}-{} {own}", bond.begin, bond.end);
        }
    }
    super::sha256(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(smiles: &str) -> ChempropGraph {
        ChempropGraph::new(&Mol::from_smiles(smiles).unwrap()).unwrap()
    }

    #[test]
    fn ethanal_is_as_worked_out_by_hand() {
        let batch = ChempropBatch::of(&[graph("C"), graph("CC=O")]);
        assert_eq!((batch.molecules, batch.atom_mol.as_slice()), (2, [0, 1, 1, 1].as_slice()));
        let ones = |row: &[f32]| -> Vec<usize> { (0..131).filter(|&at| row[at] == 1.0).collect() };
        let rows: Vec<Vec<usize>> = batch.f_atoms.chunks(ATOM_FEATURES).map(ones).collect();
        assert_eq!(rows[0], [5, 105, 112, 114, 123, 127]);
        assert_eq!(rows[2], [5, 104, 112, 114, 120, 126]);
        assert_eq!(rows[3], [7, 102, 112, 114, 119, 126]);
        assert!((batch.f_atoms[MASS] - 0.12011).abs() < 1e-6);
        assert_eq!(batch.bond_source, [1, 2, 2, 3]);
        assert_eq!(batch.bond_target, [2, 1, 3, 2]);
        assert_eq!(batch.bond_reverse, [1, 0, 3, 2]);
        let double = &batch.f_bonds[2 * BOND_FEATURES + ATOM_FEATURES..3 * BOND_FEATURES];
        assert_eq!(double[..8], [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn odd_values_take_the_last_place() {
        let dummy = graph("*");
        assert_eq!(dummy.atoms[0].ones[0], 100);
        assert_eq!(graph("[C+3]").atoms[0].ones[2], CHARGE + 5);
        assert!(matches!(ChempropGraph::new(&Mol::default()), Err(ChemError::Empty)));
    }

    /// Another value means that models of this featuriser must be looked at anew.
    #[test]
    fn probes_parse_and_the_hash_stays() {
        PROBES.iter().for_each(|smiles| drop(graph(smiles)));
        assert_eq!(
            chemprop_hash(),
            "32301f9b4456eeb693c7281c2587cb3aa30c54227c4e0fc813ad0eb55f104711"
        );
    }
}
