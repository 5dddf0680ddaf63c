//! Bytes from outside: errors, never a panic or a hang.
use std::time::{Duration, Instant};

use proptest::prelude::*;
use strata_chem::Mol;

fn exercise(text: &str) {
    let start = Instant::now();
    if let Ok(mol) = Mol::from_smiles(text) {
        let canonical = mol.canonical_smiles();
        match Mol::from_smiles(&canonical) {
            Ok(again) => assert_eq!(again.canonical_smiles(), canonical, "from {text}"),
            Err(error) => panic!("{text} gives {canonical}: {error}"),
        }
        let _ = strata_chem::fingerprint::ecfp(&mol, &Default::default());
        let _ = strata_chem::scaffold::murcko_smiles(&mol);
        let _ = strata_chem::standardize::standardize(&mol, &Default::default());
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{text} took too long");
}

const SEEDS: [&str; 4] = [
    "CC(=O)Oc1ccccc1C(=O)O",
    "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
    "C/C=C/c1nc([nH]n1)[S@](=O)CC[N+](C)(C)[O-]",
    "[Fe+2].c1cc[cH-]c1.[2H]C([2H])#N",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn random_text(text in "[CNOPSFcnos()\\[\\]=#@+\\-123%/\\\\.H*]{0,40}") {
        exercise(&text);
    }

    #[test]
    fn any_text(text in "\\PC{0,60}") {
        exercise(&text);
    }

    #[test]
    fn mutated(seed in 0usize..4, at in 0usize..60, byte in 32u8..127, cut in 0usize..60) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        exercise(&String::from_utf8_lossy(&bytes));
        bytes.truncate(cut);
        exercise(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn molblocks(text in "\\PC{0,80}", counts in 0u16..999) {
        let block = format!("x\n\n\n{counts:3}{counts:3}  0  0  0  0  0  0  0  0999 V2000\n{text}\n");
        let _ = Mol::from_molblock(&block);
    }
}

/// Atoms without a bond are alike: none of their orders need be tried for each numbering of a cage.
#[test]
fn single_atoms_beside_cages_cost_little() {
    let found = include_str!("../../../fuzz/regressions/smiles/cages_and_single_atoms");
    let text = [found.trim(); 4].join(".");
    let start = Instant::now();
    exercise(&text);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn too_large_and_ring_heavy_input() {
    let chain = "C".repeat(5_000);
    assert_eq!(Mol::from_smiles(&chain).expect_err("too large").code(), "too_large");
    assert_eq!(Mol::from_smiles("").expect_err("empty").code(), "empty");
    let deep = "C(".repeat(900) + &")".repeat(900);
    assert!(Mol::from_smiles(&deep).is_err());
    exercise(&("C(".repeat(900) + "C" + &")".repeat(900)));
    // A ladder of 300 fused rings and a clique of dummy atoms.
    let mut ladder = String::from("C1CC");
    for i in 0..300 {
        let (a, b) = (1 + i % 2, 2 - i % 2);
        ladder.push_str(&format!("C{b}C{a}C"));
    }
    exercise(&ladder);
    let mut clique = String::new();
    for i in 0..40u32 {
        clique.push('*');
        for j in 0..40u32 {
            if i.abs_diff(j) > 1 {
                clique.push_str(&format!("%({})", 100 + i.min(j) * 100 + i.max(j)));
            }
        }
    }
    exercise(&clique);
}

#[test]
fn a_hydrogen_too_many_is_refused_and_one_in_place_is_not() {
    for text in [
        "[H]C(C)(C)(C)C",
        "[H]N(C)(C)C",
        "[H]O(C)C",
        "[H]ClC",
        "[H]B(C)(C)C",
        "[H]C([2H])#N",
        "[H]S(=O)(=O)(C)C",
    ] {
        assert_eq!(Mol::from_smiles(text).expect_err(text).code(), "valence", "{text}");
    }
    for (text, same) in [
        ("[H]OC", "CO"),
        ("[H][N+](C)(C)C", "C[NH+](C)C"),
        ("[H]S(C)C", "C[SH2]C"),
        ("[H]n1cccc1", "c1cc[nH]c1"),
    ] {
        let canonical = |s| Mol::from_smiles(s).expect(s).canonical_smiles();
        assert_eq!(canonical(text), canonical(same));
    }
}

#[test]
fn dummy_atoms_may_complete_aromatic_rings() {
    for text in ["Cc1ccc*c1", "Cc1*cccc1", "c1cn*([nH]1)C", "c1nc([*H]n1)C"] {
        exercise(text);
        assert!(Mol::from_smiles(text).is_ok(), "{text}");
    }
}

#[test]
fn large_labels_are_kept_and_do_not_depend_on_the_order() {
    for (text, other) in [
        ("[CH3:300000]C[CH3:200000]", "[CH3:200000]C[CH3:300000]"),
        ("[3000CH3]C[2000CH3]", "[2000CH3]C[3000CH3]"),
    ] {
        let canonical = |text| Mol::from_smiles(text).expect(text).canonical_smiles();
        assert_eq!(canonical(text), canonical(other));
        assert_eq!(canonical(&canonical(text)), canonical(text));
    }
    assert!(Mol::from_smiles("[CH4:999999999]").is_ok());
    assert!(Mol::from_smiles("[CH4:1000000000]").is_err());
}

/// A double bond with geometry beside another one, as at a sulfur of valence 6: only a single bond says a direction.
#[test]
fn directions_stand_on_single_bonds_alone() {
    for (text, canonical) in [
        ("F/C=S(/C)=O", "C/S(=O)=C/F"),
        ("F\\C=S(=O)/C", "C/S(=O)=C\\F"),
        ("F/C=S(/O)=O", "O=S(/O)=C\\F"),
        ("F/C=S(\\O)=O", "O=S(/O)=C/F"),
        ("F/C=S(=N)=O", "N=S(=O)=CF"),
        ("F/C=C=C/F", "FC=C=CF"),
    ] {
        assert_eq!(Mol::from_smiles(text).expect(text).canonical_smiles(), canonical, "{text}");
        assert_eq!(Mol::from_smiles(canonical).expect(text).canonical_smiles(), canonical);
    }
}
