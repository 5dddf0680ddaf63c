//! MACCS keys and tautomers against frozen answers of RDKit; what the library cannot do is an error.
use serde_json::Value;
use strata_chem::Mol;
use strata_chem::library::library;
use strata_chem::maccs::{MaccsKeys, maccs};
use strata_chem::standardize::{StandardizeOptions, standardize};

fn golden(section: &str) -> Vec<(String, Value)> {
    let all: Value = serde_json::from_str(include_str!("golden/library.json")).expect("JSON");
    let rows = all[section].as_array().expect("a list").clone();
    rows.iter().map(|r| (r[0].as_str().expect("SMILES").to_owned(), r[1].clone())).collect()
}

fn mol(smiles: &str) -> Mol {
    Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{smiles}: {e}"))
}

#[test]
fn maccs_keys_are_rdkits() {
    let rows = golden("maccs");
    assert!(rows.len() >= 50);
    for (smiles, expected) in rows {
        let keys = maccs(&mol(&smiles)).expect(&smiles);
        let expected: Vec<usize> = expected
            .as_array()
            .expect("keys")
            .iter()
            .map(|k| k.as_u64().expect("key") as usize)
            .collect();
        assert_eq!(keys.iter().collect::<Vec<_>>(), expected, "{smiles}");
        assert_eq!(keys.count() as usize, expected.len());
    }
}

#[test]
fn keys_outside_the_range_do_not_exist() {
    let mut keys = MaccsKeys::default();
    for key in [0, 167, 191, 192, 5_000] {
        keys.insert(key);
        assert!(!keys.contains(key));
    }
    assert_eq!(keys.count(), 0);
    keys.insert(166);
    assert!(keys.contains(166));
    assert_eq!(keys.words()[2], 1 << (166 - 128));
}

#[test]
fn canonical_tautomers_are_rdkits() {
    for (smiles, expected) in golden("tautomers") {
        let found = library().canonical_tautomer(&mol(&smiles)).expect(&smiles);
        let expected = mol(expected.as_str().expect("SMILES")).canonical_smiles();
        assert_eq!(found.canonical_smiles(), expected, "{smiles}");
    }
}

#[test]
fn tautomers_of_one_compound_become_one() {
    let on_request = StandardizeOptions { canonical_tautomer: true, ..Default::default() };
    for pair in [
        ["Oc1ccccn1", "O=c1cccc[nH]1"],
        ["CC(=O)CC(C)=O", "CC(O)=CC(C)=O"],
        ["Cc1cnc[nH]1", "Cc1c[nH]cn1"],
    ] {
        let [a, b] = pair.map(|s| standardize(&mol(s), &on_request).expect(s).canonical_smiles());
        assert_eq!(a, b);
        let [a, b] = pair.map(|s| {
            standardize(&mol(s), &StandardizeOptions::default()).expect(s).canonical_smiles()
        });
        assert_ne!(a, b, "tautomers are left alone unless asked for");
    }
}

#[test]
fn what_the_library_cannot_do_is_an_error() {
    let long = "C".repeat(400);
    let error = library().canonical_tautomer(&mol(&long)).expect_err("too large");
    assert_eq!(error.code(), "too_large");
    assert!(error.to_string().contains("300"), "{error}");
}

#[test]
fn the_version_named_is_the_version_pinned() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let text = std::fs::read_to_string(root).expect("the workspace's Cargo.toml");
    let pin = format!("{} = {{ version = \"={}\"", library().name(), library().version());
    assert!(text.contains(&pin), "no `{pin}` in Cargo.toml");
}
