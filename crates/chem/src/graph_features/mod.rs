//! Molecules as graphs for graph neural networks: with the features MolCLR's encoders were trained on here, with
//! Chemprop's in [`chemprop`].
//!
//! MolCLR (Wang et al., Nature Machine Intelligence 2022, 4, 279) numbers atoms by element and chiral
//! tag, bonds by type and direction; hydrogens stay implicit, as in its pre-training, and both
//! directions of a bond carry the same features.
pub mod chemprop;

use sha2::{Digest, Sha256};

use crate::mol::{BondDirection, BondOrder, Chirality};
use crate::{ChemError, Mol, Result};

/// Name of the featuriser, as model cards give it.
pub const MOLCLR_ID: &str = "molclr-graph/1";

/// Elements the encoder has a row for: hydrogen to oganesson.
const ELEMENTS: std::ops::RangeInclusive<u8> = 1..=118;

/// A molecule as a graph: one entry an atom in `atom_type` and `chirality`, two an edge (one for each
/// direction) in `sources`, `targets` and `edge_attr`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MolGraph {
    /// Atomic number minus 1.
    pub atom_type: Vec<i64>,
    /// RDKit's chiral tag: 0 none, 1 clockwise, 2 counter-clockwise.
    pub chirality: Vec<i64>,
    /// The atom each directed edge leaves, from 0.
    pub sources: Vec<i64>,
    /// The atom it enters.
    pub targets: Vec<i64>,
    /// Bond type (0 single, 1 double, 2 triple, 3 aromatic) and direction as written (0 none, 1 up,
    /// 2 down; RDKit's ENDUPRIGHT and ENDDOWNRIGHT).
    pub edge_attr: Vec<[i64; 2]>,
}

impl MolGraph {
    /// The graph of a molecule; several fragments make one unconnected graph.
    ///
    /// # Errors
    /// [`ChemError::Empty`] for a molecule without atoms, [`ChemError::Operation`] for what the
    /// encoder has never seen: dummy atoms and bonds that are neither single, double, triple nor aromatic.
    pub fn molclr(mol: &Mol) -> Result<Self> {
        if mol.atoms().is_empty() {
            return Err(ChemError::Empty);
        }
        let mut graph = Self::default();
        for (at, atom) in mol.atoms().iter().enumerate() {
            if !ELEMENTS.contains(&atom.element) {
                return Err(unknown(format!(
                    "atom {at} ({}) is no element: replace or remove dummy atoms",
                    atom.symbol()
                )));
            }
            graph.atom_type.push(i64::from(atom.element) - 1);
            graph.chirality.push(match atom.chirality {
                Chirality::None => 0,
                Chirality::Clockwise => 1,
                Chirality::CounterClockwise => 2,
            });
        }
        for (at, bond) in mol.bonds().iter().enumerate() {
            let kind = match bond.order {
                BondOrder::Single => 0,
                BondOrder::Double => 1,
                BondOrder::Triple => 2,
                BondOrder::Aromatic => 3,
                order @ (BondOrder::Quadruple | BondOrder::Dative | BondOrder::Zero) => {
                    let name = format!("{order:?}").to_lowercase();
                    return Err(unknown(format!(
                        "bond {at} (atoms {} and {}) is {name}: only single, double, triple and \
                         aromatic bonds are known, so write metal bonds as single ones or as ions",
                        bond.begin, bond.end
                    )));
                }
            };
            let direction = match bond.direction {
                BondDirection::None => 0,
                BondDirection::EndUpRight => 1,
                BondDirection::EndDownRight => 2,
            };
            let (begin, end) = (i64::from(bond.begin), i64::from(bond.end));
            graph.sources.extend([begin, end]);
            graph.targets.extend([end, begin]);
            graph.edge_attr.extend([[kind, direction]; 2]);
        }
        Ok(graph)
    }

    /// Number of atoms.
    #[must_use]
    pub fn atoms(&self) -> usize {
        self.atom_type.len()
    }
}

fn unknown(reason: String) -> ChemError {
    ChemError::Operation { operation: "making MolCLR's graph", reason }
}

/// Graphs of several molecules side by side, as the encoder takes them: atoms one molecule after the
/// other, edges renumbered, and the number of its molecule at each atom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GraphBatch {
    graph: MolGraph,
    molecule: Vec<i64>,
    graphs: usize,
}

impl GraphBatch {
    /// The molecules of an iterator, in its order.
    pub fn of<'a>(graphs: impl IntoIterator<Item = &'a MolGraph>) -> Self {
        let mut batch = Self::default();
        graphs.into_iter().for_each(|graph| batch.push(graph));
        batch
    }

    /// Adds a molecule.
    pub fn push(&mut self, graph: &MolGraph) {
        let offset = self.graph.atoms() as i64;
        self.graph.atom_type.extend(&graph.atom_type);
        self.graph.chirality.extend(&graph.chirality);
        self.graph.sources.extend(graph.sources.iter().map(|atom| atom + offset));
        self.graph.targets.extend(graph.targets.iter().map(|atom| atom + offset));
        self.graph.edge_attr.extend(&graph.edge_attr);
        self.molecule.extend(std::iter::repeat_n(self.graphs as i64, graph.atoms()));
        self.graphs += 1;
    }

    /// Number of molecules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graphs
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.graphs == 0
    }

    /// All molecules as one graph.
    #[must_use]
    pub fn graph(&self) -> &MolGraph {
        &self.graph
    }

    /// The number of each atom's molecule, from 0, ascending.
    #[must_use]
    pub fn molecule(&self) -> &[i64] {
        &self.molecule
    }

    /// Sources of all edges, then their targets: a matrix of two rows.
    #[must_use]
    pub fn edge_index(&self) -> Vec<i64> {
        [self.graph.sources.as_slice(), self.graph.targets.as_slice()].concat()
    }
}

/// Molecules that touch every feature: elements, both chiralities, all bond types, both directions.
const PROBES: [&str; 6] =
    ["C", "CC#N", "C[C@H](N)C(=O)O", "C[C@@H](O)c1ccccc1", "F/C=C/F", "F/C=C\\Br.[Na+].[Cl-]"];

/// SHA-256, in hexadecimal, over [`MOLCLR_ID`] and the graphs of the built-in molecules.
#[must_use]
pub fn molclr_hash() -> String {
    let mut digest = Sha256::new();
    digest.update(MOLCLR_ID);
    for smiles in PROBES {
        // Every probe parses: a test holds them to it.
        let Ok(graph) = Mol::from_smiles(smiles).and_then(|mol| MolGraph::molclr(&mol)) else {
            continue;
        };
        digest.update(format!("\n{smiles} {:?} {:?}", graph.atom_type, graph.chirality));
        digest.update(format!(" {:?} {:?}", graph.sources, graph.targets));
        digest.update(format!(" {:?}", graph.edge_attr));
    }
    hex(digest)
}

fn hex(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(bytes);
    hex(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(smiles: &str) -> Result<MolGraph> {
        MolGraph::molclr(&Mol::from_smiles(smiles).unwrap())
    }

    /// L-alanine by hand: seen from N, the written order H, CH3, COOH is clockwise (`@@`); moving the
    /// hydrogen to the end, where implicit ones count, is an even permutation, so it stays clockwise.
    #[test]
    fn alanine_is_as_worked_out_by_hand() {
        let found = graph("N[C@@H](C)C(=O)O").unwrap();
        assert_eq!(found.atom_type, [6, 5, 5, 5, 7, 7]);
        assert_eq!(found.chirality, [0, 1, 0, 0, 0, 0]);
        let mirror = graph("N[C@H](C)C(=O)O").unwrap();
        assert_eq!(mirror.chirality, [0, 2, 0, 0, 0, 0]);
        assert_eq!(found.sources, [0, 1, 1, 2, 1, 3, 3, 4, 3, 5]);
        assert_eq!(found.targets, [1, 0, 2, 1, 3, 1, 4, 3, 5, 3]);
        let kinds: Vec<i64> = found.edge_attr.iter().map(|attr| attr[0]).collect();
        assert_eq!(kinds, [0, 0, 0, 0, 0, 0, 1, 1, 0, 0]);
        assert!(found.edge_attr.iter().all(|attr| attr[1] == 0));
    }

    /// As RDKit 2026.09 tags them.
    #[test]
    fn tags_and_directions_are_rdkits() {
        assert_eq!(graph("N[C@](F)(Cl)Br").unwrap().chirality, [0, 2, 0, 0, 0]);
        let trans = graph("F/C=C/F").unwrap();
        assert_eq!(trans.edge_attr, [[0, 1], [0, 1], [1, 0], [1, 0], [0, 1], [0, 1]]);
        let cis = graph("F/C=C\\F").unwrap();
        assert_eq!(cis.edge_attr, [[0, 1], [0, 1], [1, 0], [1, 0], [0, 2], [0, 2]]);
        let ring = graph("c1ccccc1C#N").unwrap();
        assert_eq!(ring.edge_attr.iter().filter(|attr| attr[0] == 3).count(), 12);
        assert_eq!(ring.edge_attr.iter().filter(|attr| attr[0] == 2).count(), 2);
    }

    #[test]
    fn what_the_encoder_never_saw_is_refused_by_name() {
        for (smiles, what) in
            [("*CC", "atom 0"), ("N->[Pt]", "dative"), ("C~C", "zero"), ("C$C", "quadruple")]
        {
            let Ok(mol) = Mol::from_smiles(smiles) else { panic!("{smiles} does not parse") };
            let error = MolGraph::molclr(&mol).unwrap_err();
            assert_eq!(error.code(), "operation");
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn a_batch_renumbers_its_molecules() {
        let graphs = ["C", "C=O", "CN"].map(|smiles| graph(smiles).unwrap());
        let batch = GraphBatch::of(&graphs);
        assert_eq!((batch.len(), batch.is_empty()), (3, false));
        assert_eq!(batch.molecule(), [0, 1, 1, 2, 2]);
        assert_eq!(batch.graph().atom_type, [5, 5, 7, 5, 6]);
        assert_eq!(batch.edge_index(), [1, 2, 3, 4, 2, 1, 4, 3]);
        assert_eq!(batch.graph().edge_attr, [[1, 0], [1, 0], [0, 0], [0, 0]]);
    }

    /// Another value means other features: embeddings made before cannot be compared with new ones.
    #[test]
    fn probes_parse_and_the_hash_stays() {
        for smiles in PROBES {
            graph(smiles).unwrap();
        }
        let hash = "31f25cffd27533950fe9abc09e5c3a413d012a18c98a31e6b95584296e73612b";
        assert_eq!(molclr_hash(), hash);
    }
}
