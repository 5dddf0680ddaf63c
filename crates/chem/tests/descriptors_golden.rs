//! Descriptors, alerts, synthetic accessibility and SMARTS counts against values frozen from RDKit
//! 2026.09.1 on our own list of molecules (`tests/oracle/freeze_properties.py`).
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use serde_json::Value;
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::{MolProfile, NAMES};
use strata_chem::fingerprint::{EcfpParams, ecfp_counts};
use strata_chem::smarts::Pattern;
use strata_chem::{Mol, sa_score};

const TOLERANCE: f64 = 1e-3;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/properties.json")).unwrap()
}

fn molecules(golden: &Value) -> Vec<(Mol, &Value)> {
    let rows = golden["molecules"].as_array().unwrap();
    assert!(rows.len() >= 200, "{} molecules", rows.len());
    rows.iter()
        .map(|row| {
            let smiles = row["smiles"].as_str().unwrap();
            (Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{smiles}: {e}")), row)
        })
        .collect()
}

#[test]
fn descriptors_have_rdkits_values() {
    let golden = golden();
    let names: Vec<&str> =
        golden["names"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert_eq!(names, NAMES);
    let mut row = vec![0.0; NAMES.len()];
    for (mol, expected) in molecules(&golden) {
        MolProfile::new(&mol).descriptors(&mut row);
        for ((name, ours), theirs) in
            NAMES.iter().zip(&row).zip(expected["descriptors"].as_array().unwrap())
        {
            let theirs = theirs.as_f64().unwrap();
            let difference = (ours - theirs).abs();
            assert!(
                difference <= TOLERANCE.max(theirs.abs() * 1e-6),
                "{name} of {}: {ours}, RDKit {theirs}",
                expected["smiles"]
            );
        }
    }
}

#[test]
fn alerts_are_rdkits() {
    let golden = golden();
    let catalog = AlertCatalog::builtin(&["pains", "brenk", "nih"]).unwrap();
    let mut fired = 0;
    for (mol, expected) in molecules(&golden) {
        let ours: Vec<String> = catalog.hits(&mol).iter().map(|a| a.label()).collect();
        let theirs: Vec<&str> =
            expected["alerts"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
        assert_eq!(ours, theirs, "{}", expected["smiles"]);
        fired += ours.len();
    }
    assert!(fired > 50, "only {fired} alerts in the whole list");
}

#[test]
fn synthetic_accessibility_is_rdkits() {
    let golden = golden();
    for (mol, expected) in molecules(&golden) {
        let ours = sa_score::sa_score(&mol).unwrap();
        let theirs = expected["sa"].as_f64().unwrap();
        assert!(
            (ours - theirs).abs() <= TOLERANCE,
            "{}: {ours}, RDKit {theirs}",
            expected["smiles"]
        );
    }
}

#[test]
fn smarts_counts_are_rdkits() {
    let golden = golden();
    let patterns: Vec<Pattern> = golden["patterns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| Pattern::parse(p.as_str().unwrap()).unwrap())
        .collect();
    for (mol, expected) in molecules(&golden) {
        for (pattern, theirs) in patterns.iter().zip(expected["counts"].as_array().unwrap()) {
            let ours = pattern.count(&mol) as u64;
            assert_eq!(
                Some(ours),
                theirs.as_u64(),
                "{} in {}",
                pattern.as_str(),
                expected["smiles"]
            );
        }
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn fingerprints_are_rdkits() {
    let golden = golden();
    for (mol, expected) in molecules(&golden) {
        let counts = ecfp_counts(&mol, &EcfpParams::default());
        let text: String = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(bit, count)| format!("{bit}:{count};"))
            .collect();
        let theirs = expected["ecfp4"].as_str().unwrap();
        assert_eq!(format!("{:016x}", fnv1a(&text)), theirs, "{}", expected["smiles"]);
    }
}

/// The list is written in one order of atoms only: the canonical SMILES must give the same molecule
/// back, in numbers that RDKit froze from the first form.
#[test]
fn canonical_smiles_keep_rdkits_values() {
    let golden = golden();
    let mut row = vec![0.0; NAMES.len()];
    for (mol, expected) in molecules(&golden) {
        let canonical = mol.canonical_smiles();
        let again = Mol::from_smiles(&canonical).unwrap();
        assert_eq!(again.canonical_smiles(), canonical, "{}", expected["smiles"]);
        MolProfile::new(&again).descriptors(&mut row);
        for name in ["MolWt", "TPSA", "MolLogP", "qed", "RingCount", "NumRotatableBonds"] {
            let column = NAMES.iter().position(|&n| n == name).unwrap();
            let theirs = expected["descriptors"][column].as_f64().unwrap();
            assert!((row[column] - theirs).abs() <= TOLERANCE, "{name} of {canonical}");
        }
    }
}
