//! The SMARTS language: what is read, what is refused and where, and patterns built to explode.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::time::Instant;

use strata_chem::Mol;
use strata_chem::alerts::AlertCatalog;
use strata_chem::smarts::{Pattern, PatternOptions, SmartsError, Target};

fn mol(smiles: &str) -> Mol {
    Mol::from_smiles(smiles).unwrap()
}

#[test]
fn errors_tell_the_position() {
    for (text, at) in [
        ("C(C", 1),
        ("CC)", 2),
        ("C[Q]", 2),
        ("[C", 0),
        ("C1CC", 1),
        ("C=", 2),
        ("[$C]", 1),
        ("[#200]", 5),
        ("", 0),
        ("C.", 2),
        ("[D{3}]", 4),
        ("=C", 0),
        ("Cé", 1),
    ] {
        match Pattern::parse(text) {
            Err(SmartsError::Syntax { position, .. }) => assert_eq!(position, at, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn damaged_patterns_never_panic() {
    let text = "[$([#6;X4](-[#1])-[N,O;!R]),$(c1:c:c:c:c:c:1)]-,=;!@[C@H;D{2-3}](=[O-])%12.C%12";
    for end in 0..text.len() {
        let _ = Pattern::parse(&text[..end]);
        let _ = Pattern::parse(&text[end..]);
    }
    assert!(Pattern::parse(&"[$(".repeat(10_000)).is_err());
    assert!(Pattern::parse(&"C(".repeat(5_000)).is_err());
}

#[test]
fn components_can_be_grouped() {
    let (one, two) = (mol("OCCN"), mol("CCO.CN"));
    let apart = Pattern::parse("(O).(N)").unwrap();
    let together = Pattern::parse("(O.N)").unwrap();
    let either = Pattern::parse("O.N").unwrap();
    assert_eq!([apart.matches(&one), apart.matches(&two)], [false, true]);
    assert_eq!([together.matches(&one), together.matches(&two)], [true, false]);
    assert_eq!([either.matches(&one), either.matches(&two)], [true, true]);
}

#[test]
fn explicit_hydrogens_merge_when_asked() {
    let ethanol = mol("CCO");
    let text = "[#6](-[#1])(-[#1])-[#8]-[#1]";
    assert!(!Pattern::parse(text).unwrap().matches(&ethanol));
    let merged = Pattern::parse_with(text, PatternOptions { merge_hydrogens: true }).unwrap();
    assert!(merged.matches(&ethanol));
    assert!(!merged.matches(&mol("COC")));
    assert_eq!(merged.num_atoms(), 2);
}

#[test]
fn find_gives_atoms_in_the_patterns_order() {
    let paracetamol = mol("CC(=O)Nc1ccc(O)cc1");
    let amide = Pattern::parse("[NX3][CX3]=O").unwrap();
    assert_eq!(amide.find(&paracetamol), vec![vec![3, 1, 2]]);
    let ring = Pattern::parse("c1ccccc1").unwrap();
    assert_eq!(ring.count(&paracetamol), 1);
    assert_eq!(ring.find_all(&paracetamol, 100).len(), 12);
    assert_eq!(ring.find_all(&paracetamol, 5).len(), 5);
}

#[test]
fn exploding_patterns_are_given_up() {
    // Every one of 58^6 placements fails only at its end: one chain has no second component.
    let target = mol(&"C".repeat(60));
    let text = "([CH2].[CH2].[CH2].[CH2].[CH2]).([CH2])";
    let explode = Pattern::parse(text).unwrap();
    let start = Instant::now();
    assert_eq!(explode.try_matches(&Target::new(&target)), Err(SmartsError::TooComplex));
    assert!(start.elapsed().as_secs() < 30);
    assert!(!explode.matches(&target));
    // A rule that could not be checked is reported, never passed over.
    let catalog = AlertCatalog::from_smarts_lines(text, "x").unwrap();
    assert_eq!(catalog.hits(&target).len(), 1);
    assert!(catalog.try_hits(&target).is_err());
}

#[test]
fn custom_rules_come_from_toml_and_lines() {
    let text = "set = \"mine\"\n[[alerts]]\nname = \"acid\"\nsmarts = \"C(=O)[OH]\"\ndescription = \"d\"\n\
                [[alerts]]\nname = \"two halogens\"\nsmarts = \"[F,Cl,Br,I]\"\nallowed = 1\n";
    let catalog = AlertCatalog::from_toml(text).unwrap();
    let labels = |smiles: &str| -> Vec<String> {
        catalog.hits(&mol(smiles)).iter().map(|a| a.label()).collect()
    };
    assert_eq!(labels("CC(=O)O"), ["mine:acid"]);
    assert!(labels("CCCl").is_empty());
    assert_eq!(labels("ClCCCl"), ["mine:two halogens"]);
    let lines = AlertCatalog::from_smarts_lines("# mine\nC#N nitrile\n\n[SH]\n", "x").unwrap();
    let hit = &lines.hits_with_atoms(&mol("CC#N"))[0];
    assert_eq!((hit.alert.label().as_str(), hit.atoms.len()), ("x:nitrile", 1));
    let error = AlertCatalog::from_smarts_lines("CC fine\nC( broken", "x").unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = AlertCatalog::from_toml("[[alerts]]\nname = \"b\"\nsmarts = \"[\"\n").unwrap_err();
    assert!(error.to_string().contains("`b`"), "{error}");
}
