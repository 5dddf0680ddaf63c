//! Molecules, canonical SMILES, fingerprints and scaffolds against RDKit's frozen answers.
use serde_json::Value;
use strata_chem::Mol;
use strata_chem::fingerprint::{EcfpParams, ecfp, ecfp_counts};

fn golden() -> Vec<Value> {
    let text = include_str!("golden/graph.json");
    serde_json::from_str(text).expect("the golden file is JSON")
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or("")
}

fn good() -> Vec<(Value, Mol)> {
    let rows = golden().into_iter().filter(|r| r["ok"] == true);
    rows.map(|r| {
        let mol = Mol::from_smiles(text(&r, "smiles"));
        let mol = mol.unwrap_or_else(|e| panic!("{}: {e}", r["smiles"]));
        (r, mol)
    })
    .collect()
}

#[test]
fn accepts_what_rdkit_accepts() {
    let rows = golden();
    assert!(rows.len() >= 230);
    for row in rows {
        let ours = Mol::from_smiles(text(&row, "smiles"));
        assert_eq!(ours.is_ok(), row["ok"] == true, "{}: {:?}", row["smiles"], ours.err());
    }
}

#[test]
fn perceives_as_rdkit_does() {
    for (row, mol) in good() {
        let numbers = |key: &str| -> Vec<u64> {
            let list = row[key].as_array().expect("a list");
            list.iter().map(|v| v.as_u64().expect("a number")).collect()
        };
        let name = &row["smiles"];
        let hs: Vec<u64> = mol.atoms().iter().map(|a| u64::from(a.total_hs)).collect();
        assert_eq!(hs, numbers("hydrogens"), "hydrogens of {name}");
        let aromatic: Vec<u64> = mol.atoms().iter().map(|a| u64::from(a.aromatic)).collect();
        assert_eq!(aromatic, numbers("aromatic"), "aromatic atoms of {name}");
        let conjugated: Vec<u64> = mol.bonds().iter().map(|b| u64::from(b.conjugated)).collect();
        assert_eq!(conjugated, numbers("conjugated"), "conjugated bonds of {name}");
        let mut rings: Vec<u64> = mol.rings().atom_rings().map(|r| r.len() as u64).collect();
        rings.sort_unstable();
        assert_eq!(rings, numbers("rings"), "rings of {name}");
        let hybrid: Vec<String> =
            mol.atoms().iter().map(|a| format!("{:?}", a.hybridisation).to_uppercase()).collect();
        let theirs: Vec<&str> = row["hybridisation"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(hybrid, theirs, "hybridisation of {name}");
    }
}

#[test]
fn canonical_smiles_do_not_depend_on_the_order_of_atoms() {
    for (row, mol) in good() {
        let canonical = mol.canonical_smiles();
        let others = row["random"].as_array().expect("a list").iter().filter_map(Value::as_str);
        for other in others.chain([text(&row, "rdkit"), canonical.as_str()]) {
            let again = Mol::from_smiles(other).expect("RDKit's and our SMILES are readable");
            assert_eq!(again.canonical_smiles(), canonical, "{} as {other}", row["smiles"]);
        }
    }
}

#[test]
fn stereo_is_kept_and_told_apart() {
    for (one, other) in [
        ("C[C@H](N)O", "C[C@@H](N)O"),
        ("F/C=C/F", "F/C=C\\F"),
        ("C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1"),
        ("C[S@](=O)CC", "C[S@@](=O)CC"),
        ("C[C@H](O)[C@H](O)C", "C[C@H](O)[C@@H](O)C"),
    ] {
        let canonical = |s: &str| Mol::from_smiles(s).expect("valid").canonical_smiles();
        assert_ne!(canonical(one), canonical(other), "{one} and {other} differ");
    }
    let plain = Mol::from_smiles("CC(C)(C)O").expect("valid").canonical_smiles();
    let marked = Mol::from_smiles("C[C@](C)(C)O").expect("valid").canonical_smiles();
    assert_eq!(plain, marked, "a mark on no stereocentre is dropped");
}

#[test]
fn fingerprints_equal_rdkits() {
    for (row, mol) in good() {
        for (key, radius, size, use_features) in
            [("ecfp4", 2, 2048, false), ("fcfp4", 2, 2048, true), ("ecfp6_1024", 3, 1024, false)]
        {
            let params = EcfpParams { radius, size, use_features };
            let counts = ecfp_counts(&mol, &params);
            let words = ecfp(&mol, &params);
            let mut expected = vec![0u32; size];
            for pair in row[key].as_array().expect("a list") {
                let bit = pair[0].as_u64().expect("a bit") as usize;
                expected[bit] = pair[1].as_u64().expect("a count") as u32;
            }
            assert_eq!(counts, expected, "{key} of {}", row["smiles"]);
            for (bit, &count) in expected.iter().enumerate() {
                assert_eq!(words[bit / 64] >> (bit % 64) & 1 == 1, count > 0, "{key} bit {bit}");
            }
        }
    }
}

#[test]
fn scaffolds_equal_rdkits() {
    for (row, mol) in good() {
        let ours = strata_chem::scaffold::murcko_smiles(&mol).expect("a scaffold");
        let theirs = text(&row, "scaffold");
        let theirs = if theirs.is_empty() {
            String::new()
        } else {
            let mol = Mol::from_smiles(theirs).expect("RDKit's scaffold is readable");
            mol.canonical_smiles()
        };
        assert_eq!(ours, theirs, "scaffold of {}", row["smiles"]);
    }
}
