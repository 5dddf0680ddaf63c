//! Drawings: well-formed, complete, with highlights, wedges and escaped names.
use strata_chem::Mol;
use strata_chem::depict::{coordinates, grid, svg};

fn mol(smiles: &str) -> Mol {
    Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{smiles}: {e}"))
}

/// Every element that is opened is closed, in order, and text holds no bare `<` or `&`.
fn check_xml(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').expect("`<` without `>`");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "in {text}");
        } else if !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().expect("a name"));
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        for entity in rest.split('&').skip(1) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;"].iter().any(|e| entity.starts_with(e)),
                "&{entity}"
            );
        }
    }
    assert!(open.is_empty(), "{open:?} not closed");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn drawings_are_well_formed_and_complete() {
    for smiles in [
        "C",
        "O",
        "[Na+].[Cl-]",
        "[H][H]",
        "*C",
        "CC#N",
        "C1CC1",
        "[13CH4]",
        "[2H]OC",
        "c1ccccc1",
        "N[Pt](N)(Cl)Cl",
        "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
        "C=C=C",
        "O->[Fe]",
        "[CH3]",
    ] {
        let drawing = svg(&mol(smiles), &[]).expect(smiles);
        check_xml(&drawing);
        assert!(drawing.starts_with("<svg ") && drawing.contains("viewBox"));
    }
    let caffeine = svg(&mol("Cn1cnc2c1c(=O)n(C)c(=O)n2C"), &[]).expect("caffeine");
    assert_eq!(caffeine.matches(">N<").count(), 4);
    assert_eq!(caffeine.matches(">O<").count(), 2);
    assert_eq!(caffeine.matches(">C<").count(), 0, "carbons carry no letter");
    // 15 bonds, of which 4 double: two lines each.
    assert_eq!(caffeine.matches("<line ").count(), 15 + 4);
}

#[test]
fn every_atom_has_a_place_a_bond_apart() {
    for smiles in ["CC(=O)Oc1ccccc1C(=O)O", "C1CC2CCC1N2", "CC(C)(C)c1ccc(O)cc1"] {
        let mol = mol(smiles);
        let points = coordinates(&mol).expect(smiles);
        assert_eq!(points.len(), mol.num_atoms());
        for bond in mol.bonds() {
            let (p, q) = (points[bond.begin as usize], points[bond.end as usize]);
            let length = (p[0] - q[0]).hypot(p[1] - q[1]);
            assert!((0.7..2.6).contains(&length), "{smiles}: bond of {length}");
        }
    }
}

#[test]
fn highlights_mark_atoms_and_the_bonds_between() {
    let aspirin = mol("CC(=O)Oc1ccccc1C(=O)O");
    let drawing = svg(&aspirin, &[0, 1, 2, 9_999]).expect("aspirin");
    check_xml(&drawing);
    let marked = drawing.split("class=\"highlight\"").nth(1).and_then(|t| t.split("</g>").next());
    let marked = marked.expect("a group of highlights");
    assert_eq!(marked.matches("<circle ").count(), 3);
    assert_eq!(marked.matches("<line ").count(), 2);
    assert!(!svg(&aspirin, &[]).expect("aspirin").contains("highlight"));
}

#[test]
fn each_stereocentre_gets_one_wedge() {
    let count = |smiles: &str| {
        let drawing = svg(&mol(smiles), &[]).expect(smiles);
        drawing.matches("class=\"wedge\"").count() + drawing.matches("class=\"hash\"").count()
    };
    assert_eq!(count("C[C@H](N)C(=O)O"), 1);
    assert_eq!(count("CC(N)C(=O)O"), 0);
    assert_eq!(count("CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O"), 3);
    assert_ne!(svg(&mol("C[C@H](N)C(=O)O"), &[]), svg(&mol("C[C@@H](N)C(=O)O"), &[]));
}

#[test]
fn grids_hold_every_molecule_and_its_name() {
    let molecules = [mol("CCO"), mol("c1ccccc1"), mol("CC(=O)O")];
    let long = "x".repeat(100);
    let labels = ["a < b & \"c\"", "ring", long.as_str()];
    let pairs: Vec<(&Mol, &str)> = molecules.iter().zip(labels).collect();
    for columns in [0, 1, 2, 10] {
        let drawing = grid(&pairs, columns);
        check_xml(&drawing);
        assert_eq!(drawing.matches("transform=").count(), 3);
        assert!(drawing.contains("a &lt; b &amp; &quot;c&quot;"));
        assert!(drawing.contains(">ring<") && drawing.contains("x…"));
    }
    check_xml(&grid(&[], 3));
}
