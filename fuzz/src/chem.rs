//! Targets of `strata-chem`: SMILES, SD files, SMARTS.

use strata_chem::Mol;
use strata_chem::descriptors::{self, MolProfile};
use strata_chem::fingerprint::{EcfpParams, ecfp};
use strata_chem::sdf::SdfReader;
use strata_chem::sdf_write::write_v2000;
use strata_chem::smarts::Pattern;
use strata_chem::{depict, scaffold};

/// Longest text taken: real ones are shorter, and longer ones only make the same search slower.
const MOST: usize = 400;

/// SMILES: the canonical form reads as a molecule of the same atoms, and is its own canonical form.
pub fn smiles(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > MOST {
        return;
    }
    let Ok(mol) = Mol::from_smiles(text) else { return };
    let canonical = round_trip(&mol);
    assert!(canonical.is_ascii(), "{canonical:?}");
    computed(&mol);
}

/// SD files: each record, and each molecule written as a record and read again.
pub fn molfile(data: &[u8]) {
    for record in SdfReader::new(data).take(8) {
        let Ok(record) = record else { return };
        let Ok(mol) = record.mol() else { continue };
        // A record may hold no atoms; a SMILES may not.
        if !(1..=100).contains(&mol.num_atoms()) {
            continue;
        }
        round_trip(&mol);
        let Ok(block) = write_v2000(&mol, &record.name, &[], &[]) else { continue };
        let read = Mol::from_molblock(&block);
        let read = read.unwrap_or_else(|error| panic!("{error}: written as\n{block}"));
        // A hydrogen that shows a geometry is an atom of the graph, and none where there are no coordinates.
        let heavy = |mol: &Mol| mol.atoms().iter().filter(|atom| atom.element != 1).count();
        assert_eq!(heavy(&read), heavy(&mol), "written as\n{block}");
    }
}

/// SMARTS against a few molecules: whatever is a pattern can be looked for.
pub fn smarts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if text.len() > MOST {
        return;
    }
    let Ok(pattern) = Pattern::parse(text) else { return };
    for smiles in ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)O.[Na+]", "C1CC2CC1CC2/C=C/[2H]"] {
        let Ok(mol) = Mol::from_smiles(smiles) else { continue };
        for found in pattern.find_all(&mol, 100) {
            assert_eq!(found.len(), pattern.num_atoms());
            assert!(found.iter().all(|&atom| (atom as usize) < mol.num_atoms()), "{found:?}");
        }
    }
}

fn round_trip(mol: &Mol) -> String {
    let canonical = mol.canonical_smiles();
    let again = Mol::from_smiles(&canonical);
    if !has_usual_rings(mol) {
        return canonical;
    }
    let again = again.unwrap_or_else(|error| panic!("{canonical:?} is canonical, and {error}"));
    assert_eq!(again.num_atoms(), mol.num_atoms(), "{canonical}");
    assert_eq!(again.canonical_smiles(), canonical, "the canonical form of a canonical form");
    canonical
}

/// Whether aromatic atoms are the usual ones. RDKit's model calls rings aromatic of which neither RDKit nor Strata finds the
/// double bonds again, or which have several sets of them: with wildcards, boron, charges of two, sulfur of three bonds.
/// Their canonical form need not read back.
fn has_usual_rings(mol: &Mol) -> bool {
    mol.atoms().iter().filter(|atom| atom.aromatic).all(|atom| {
        matches!((atom.element, atom.degree), (6 | 7, _) | (8 | 16, 2)) && atom.charge.abs() <= 1
    })
}

/// What screening computes of a molecule.
fn computed(mol: &Mol) {
    if mol.num_atoms() > 100 {
        return;
    }
    let bits = ecfp(mol, &EcfpParams::default());
    assert!(!bits.is_empty());
    let mut values = vec![0.0; descriptors::NAMES.len()];
    MolProfile::new(mol).descriptors(&mut values);
    let _ = scaffold::murcko(mol);
    let _ = depict::coordinates(mol);
}
