//! Standard forms of salts, zwitterions and charged drugs against frozen answers of RDKit.
use serde_json::Value;
use strata_chem::Mol;
use strata_chem::standardize::{StandardizeOptions, largest_fragment, neutralize, standardize};

fn mol(smiles: &str) -> Mol {
    Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{smiles}: {e}"))
}

#[test]
fn salts_and_zwitterions_as_rdkit_leaves_them() {
    let all: Value = serde_json::from_str(include_str!("golden/library.json")).expect("JSON");
    let rows = all["standard"].as_array().expect("a list");
    assert!(rows.len() >= 15);
    for row in rows {
        let (given, expected) =
            (row[0].as_str().expect("SMILES"), row[1].as_str().expect("SMILES"));
        let found = standardize(&mol(given), &StandardizeOptions::default()).expect(given);
        assert_eq!(found.canonical_smiles(), mol(expected).canonical_smiles(), "{given}");
    }
}

#[test]
fn standardising_twice_changes_nothing() {
    for smiles in [
        "[NH3+][C@@H](Cc1ccccc1)C(=O)[O-]",
        "C[N+](C)(C)CC(=O)[O-].[Na+].[Cl-]",
        "OC(=O)/C=C/C(=O)O.CN1CCCC1",
        "[O-]c1ccc(cc1)[N+](=O)[O-].[K+]",
    ] {
        let once = standardize(&mol(smiles), &StandardizeOptions::default()).expect(smiles);
        let twice = standardize(&once, &StandardizeOptions::default()).expect(smiles);
        assert_eq!(once.canonical_smiles(), twice.canonical_smiles(), "{smiles}");
    }
}

#[test]
fn steps_can_be_left_out() {
    let nothing = StandardizeOptions {
        largest_fragment: false,
        neutralize: false,
        canonical_tautomer: false,
    };
    let salt = mol("CC(=O)[O-].[Na+]");
    let kept = standardize(&salt, &nothing).expect("kept");
    assert_eq!(kept.canonical_smiles(), salt.canonical_smiles());
    assert_eq!(
        largest_fragment(&salt).expect("part").canonical_smiles(),
        mol("CC(=O)[O-]").canonical_smiles()
    );
    assert_eq!(neutralize(&mol("C[NH3+]")).expect("neutral").canonical_smiles(), "CN");
}

#[test]
fn stereo_survives() {
    let given = mol("C/C=C/[C@H](N)C(=O)[O-].[Na+]");
    let found = standardize(&given, &StandardizeOptions::default()).expect("standard");
    assert_eq!(found.canonical_smiles(), mol("C/C=C/[C@H](N)C(=O)O").canonical_smiles());
}
