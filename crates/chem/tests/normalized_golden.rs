//! The rows of `rdkit2d-normalized-200/1` and E and Z of double bonds against values frozen from descriptastorus 2.8
//! with RDKit 2026.09.1 on our own list of molecules (`tests/oracle/make_normalized.py`).
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use serde_json::Value;
use strata_chem::Mol;
use strata_chem::features::{Featuriser, normalized};
use strata_chem::mol::cip::Geometry;

const TOLERANCE: f64 = 1e-4;

fn molecules() -> Vec<(Mol, Value)> {
    let golden: Value = serde_json::from_str(include_str!("golden/normalized.json")).unwrap();
    let rows = golden["molecules"].as_array().unwrap().clone();
    assert!(rows.len() >= 200, "{} molecules", rows.len());
    let read = |row: Value| (Mol::from_smiles(row["smiles"].as_str().unwrap()).unwrap(), row);
    rows.into_iter().map(read).collect()
}

#[test]
fn rows_are_descriptastorus() {
    let featuriser = Featuriser::from_id("rdkit2d-normalized-200/1").unwrap();
    assert_eq!((featuriser.dim(), featuriser.names().len()), (200, 200));
    let mut row = vec![f32::NAN; 200];
    let mut wrong = Vec::new();
    for (mol, expected) in molecules() {
        featuriser.write(&mol, &mut row);
        let theirs = expected["row"].as_array().unwrap();
        for ((name, ours), theirs) in normalized::names().iter().zip(&row).zip(theirs) {
            let theirs = theirs.as_f64().unwrap();
            if (f64::from(*ours) - theirs).abs() > TOLERANCE || ours.is_nan() {
                wrong.push(format!("{name} of {}: {ours}, theirs {theirs}", expected["smiles"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{} values differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn double_bonds_are_rdkits() {
    let mut marked = 0;
    for (mol, expected) in molecules() {
        let theirs = expected["stereo"].as_array().unwrap();
        marked += theirs.len();
        let mut ours: Vec<Value> = Vec::new();
        for (bond, geometry) in mol.bonds().iter().zip(mol.double_bond_geometry()) {
            let kind = match geometry {
                None => continue,
                Some(Geometry::Z) => 2,
                Some(Geometry::E) => 3,
            };
            ours.push(serde_json::json!([bond.begin, bond.end, kind]));
        }
        assert_eq!(&ours, theirs, "{}", expected["smiles"]);
    }
    assert!(marked >= 6, "only {marked} double bonds have a geometry");
}
