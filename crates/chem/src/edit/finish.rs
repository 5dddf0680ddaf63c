//! From the editable graph to a checked molecule.
use super::{EditMol, NONE, built, refused};
use crate::error::Result;
use crate::mol::{BondOrder, BondStereo, Mol, MolBuilder};
use crate::smiles::{canonical_ranks, to_smiles_with_order};

/// A molecule that was made: its atoms in the order of its canonical SMILES.
#[derive(Debug, Clone)]
pub struct Product {
    /// The molecule, as read from its canonical SMILES.
    pub mol: Mol,
    /// Its canonical SMILES.
    pub smiles: String,
    /// For each atom, the atom of the edited molecule it was; `None` for one that is new.
    pub origin: Vec<Option<u32>>,
    /// For each atom, whether it is new or its element, hydrogens or bonds were changed.
    pub changed: Vec<bool>,
}

impl EditMol {
    /// The molecule of the graph: one connected piece without radicals whose canonical SMILES reads
    /// back to the same canonical SMILES. Rings and aromaticity are perceived anew.
    ///
    /// # Errors
    /// Whatever keeps it from being such a molecule.
    pub fn finish(&self) -> Result<Product> {
        let (mol, numbers) = self.build()?;
        if mol.num_atoms() == 0 || mol.components().1 != 1 {
            return Err(refused("the result is not one connected molecule"));
        }
        if mol.atoms().iter().any(|atom| atom.radicals > 0) {
            return Err(refused("the result is a radical"));
        }
        let (smiles, order) = to_smiles_with_order(&mol, &canonical_ranks(&mol));
        let read = Mol::from_smiles(&smiles)?;
        if read.num_atoms() != order.len() || read.canonical_smiles() != smiles {
            return Err(refused("the result's SMILES does not read back to itself"));
        }
        let from = |&atom: &u32| numbers.get(atom as usize).map(|&n| &self.atoms[n as usize]);
        let origins = order.iter().map(|a| from(a).map(|atom| atom.origin));
        let origin: Vec<Option<u32>> =
            origins.map(|origin| origin.filter(|&origin| origin != NONE)).collect();
        let touched = order.iter().map(|a| from(a).is_none_or(|atom| atom.touched));
        let changed = touched.zip(&origin).map(|(touched, from)| touched || from.is_none());
        Ok(Product { smiles, changed: changed.collect(), origin, mol: read })
    }

    /// The molecule of the graph, whatever its pieces, and the graph's number of each of its atoms.
    ///
    /// # Errors
    /// Valences, rings without a Kekulé structure, size.
    pub(crate) fn build(&self) -> Result<(Mol, Vec<u32>)> {
        let numbers: Vec<u32> = self.alive().collect();
        let mut index = vec![NONE; self.atoms.len()];
        let mut builder = MolBuilder::new();
        for &number in &numbers {
            index[number as usize] = builder.add_atom(built(&self.atoms[number as usize]));
        }
        for bond in &self.bonds {
            let (begin, end) = (index[bond.begin as usize], index[bond.end as usize]);
            let order = match bond.order {
                1 => BondOrder::Single,
                2 => BondOrder::Double,
                _ => BondOrder::Triple,
            };
            let number = builder.add_bond(begin, end, order);
            builder.bonds[number as usize].stereo = self.geometry(bond, &index);
        }
        let mol = builder.finish()?;
        if mol.num_atoms() != numbers.len() {
            return Err(refused("the result lost hydrogen atoms"));
        }
        Ok((mol, numbers))
    }

    /// The geometry of a bond whose references are still there.
    fn geometry(&self, bond: &super::EditBond, index: &[u32]) -> BondStereo {
        let (begin_ref, end_ref, trans) = match bond.stereo {
            BondStereo::None => return BondStereo::None,
            BondStereo::Cis { begin_ref, end_ref } => (begin_ref, end_ref, false),
            BondStereo::Trans { begin_ref, end_ref } => (begin_ref, end_ref, true),
        };
        let stands = bond.order == 2
            && self.bond_between(bond.begin, begin_ref).is_some()
            && self.bond_between(bond.end, end_ref).is_some();
        let (begin_ref, end_ref) = (index[begin_ref as usize], index[end_ref as usize]);
        match (stands, trans) {
            (false, _) => BondStereo::None,
            (true, false) => BondStereo::Cis { begin_ref, end_ref },
            (true, true) => BondStereo::Trans { begin_ref, end_ref },
        }
    }

    /// Canonical SMILES without the check that it reads back: for fragments that are only keys.
    pub(crate) fn smiles(&self) -> Result<String> {
        Ok(self.build()?.0.canonical_smiles())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(smiles: &str) -> EditMol {
        EditMol::from_mol(&Mol::from_smiles(smiles).unwrap()).unwrap()
    }

    #[test]
    fn an_untouched_graph_is_the_molecule() {
        for smiles in [
            "CC(=O)Oc1ccccc1C(=O)O",
            "C[C@H](N)C(=O)O",
            "C/C=C/C(=O)N[C@@H](C)c1c[nH]c2ccccc12",
            "C[N+](C)(C)CC([O-])=O",
            "O=[N+]([O-])c1ccc(cc1)S(=O)(=O)N1CCC[C@H]1C#N",
            "F/C=C\\Cl",
            "[13CH3]C1CC1",
        ] {
            let product = edit(smiles).finish().unwrap();
            assert_eq!(product.smiles, Mol::from_smiles(smiles).unwrap().canonical_smiles());
            assert!(product.changed.iter().all(|changed| !changed));
        }
    }

    #[test]
    fn valence_is_kept() {
        let mut ethanol = edit("CCO");
        let fluorine = ethanol.add_atom(9).unwrap();
        ethanol.connect(2, fluorine, 1).unwrap();
        assert!(ethanol.connect(2, 0, 1).is_err(), "oxygen has two bonds already");
        ethanol.set_order(0, 3).unwrap();
        assert!(ethanol.set_order(0, 4).is_err());
        assert!(ethanol.set_element(0, 9).is_err(), "fluorine takes one bond");
        assert_eq!(ethanol.finish().unwrap().smiles, "C#COF");
        assert!(ethanol.set_order(1, 2).is_err(), "the carbon has four bonds");
    }

    #[test]
    fn aromatic_rings_are_perceived_anew() {
        let mut benzene = edit("c1ccccc1");
        benzene.set_element(0, 7).unwrap();
        let pyridine = benzene.finish().unwrap();
        assert_eq!(pyridine.smiles, Mol::from_smiles("n1ccccc1").unwrap().canonical_smiles());
        assert_eq!(pyridine.changed.iter().filter(|c| **c).count(), 1);
        let mut cyclohexane = edit("C1CCCCC1");
        for bond in [0, 2, 4] {
            cyclohexane.set_order(bond, 2).unwrap();
        }
        assert_eq!(cyclohexane.finish().unwrap().smiles, "c1ccccc1");
    }

    #[test]
    fn cuts_and_joins_keep_handedness() {
        // Cut and joined again, whichever end is cut: the same molecule.
        for smiles in [
            "N[C@@H](C)C(=O)O",
            "C[C@](N)(CC)C(=O)O",
            "O[C@H]1CCC[C@@H]1c1ccccc1",
            "C/C(CC)=C/C(=O)NC",
            "F/C(CC)=C(\\C)CO",
        ] {
            let expected = Mol::from_smiles(smiles).unwrap().canonical_smiles();
            let whole = edit(smiles);
            for bond in 0..whole.bonds().len() {
                for swap in [false, true] {
                    let mut cut = whole.clone();
                    let [a, b] = cut.cut(bond, [(0, 1), (0, 2)]).unwrap();
                    let (a, b) = if swap { (b, a) } else { (a, b) };
                    cut.join(a, b).unwrap();
                    let double = whole.bonds()[bond].order == 2;
                    let made = cut.finish().unwrap().smiles;
                    assert!(double || made == expected, "{smiles} bond {bond}: {made}");
                }
            }
        }
    }

    #[test]
    fn unfit_molecules_are_refused() {
        for smiles in ["[CH3]", "[2H]C", "C->[Fe]"] {
            let mol = Mol::from_smiles(smiles).unwrap();
            assert!(EditMol::from_mol(&mol).is_err(), "{smiles}");
        }
        let mut two = edit("CCC");
        two.disconnect(0).unwrap();
        assert!(two.finish().is_err(), "two pieces");
    }
}
