//! `/` and `\`: what several double bonds with a geometry share is written so that it reads back.
use proptest::prelude::*;
use strata_chem::Mol;
use strata_chem::smiles::to_smiles;

fn read(text: &str) -> Mol {
    Mol::from_smiles(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Number of double bonds with a geometry.
fn known(mol: &Mol) -> usize {
    mol.bonds().iter().filter(|bond| bond.stereo != Default::default()).count()
}

/// The canonical form, which is its own canonical form.
fn reads_back(text: &str) -> String {
    let mol = read(text);
    let canonical = mol.canonical_smiles();
    let again = read(&canonical);
    assert_eq!(again.canonical_smiles(), canonical, "{text}");
    canonical
}

/// Marks of one group around a ring were chosen as if they were two, so that they contradicted each other.
#[test]
fn marks_around_a_ring_agree() {
    for (text, same, geometries) in [
        ("C1C/C=C/C=C/C(C)=C/1", "CC1=C/CC/C=C/C=C/1", 3),
        ("N1/C=C/C=C/C(C)=C/C1", "CC1=C/CN/C=C/C=C/1", 3),
        ("C/C=C1/N=C/N=C/CCC1", "C\\C=C1CCC/C=N/C=N/1", 3),
        ("C(C1)/N=C/C=C/C(C)=C/1", "CC1=C/CC/N=C/C=C/1", 3),
    ] {
        let canonical = reads_back(text);
        assert_eq!(canonical, reads_back(same), "{text} and RDKit's form of it");
        assert_eq!(known(&read(&canonical)), geometries, "{canonical}");
        assert_eq!(known(&read(text)), geometries, "{text}");
    }
}

/// Marks of its neighbours would give a double bond a geometry that nobody has said: another bond is marked where there is
/// one, else a geometry is left out.
#[test]
fn no_geometry_is_invented() {
    // The ring's closing bond can be marked instead.
    let canonical = reads_back("CN=C/C=C/1C=C/C=N\\C(F)=C/C=COC=C1N");
    assert_eq!(known(&read(&canonical)), 3, "{canonical}");
    // Opposite sides of one atom are both up, so that the middle bond says nothing.
    for text in ["C/C=C/C=C(/C)/C=C/C", "C/C=N\\C=C(/C)/C=C/C"] {
        let mol = read(text);
        let middle = mol.bonds().iter().filter(|bond| bond.stereo == Default::default());
        assert_eq!(
            middle.filter(|bond| bond.order == strata_chem::mol::BondOrder::Double).count(),
            1
        );
        let written = reads_back(text);
        assert_eq!((known(&mol), known(&read(&written))), (2, 1), "{text}: {written}");
        let order: Vec<u32> = (0..mol.num_atoms() as u32).rev().collect();
        assert_eq!(reads_back(&to_smiles(&mol, &order)).len(), written.len());
    }
}

/// Hundreds of bonds that cannot all be said are not left out one by one.
#[test]
fn long_chains_of_unknown_bonds_are_written_at_once() {
    let start = std::time::Instant::now();
    let canonical = reads_back(&format!("C/C=C{}/C", "/C=C(/C)/C=C".repeat(300)));
    assert_eq!(known(&read(&canonical)), 151);
    assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
}

/// A mark would hide that a bond is aromatic, and a hydrogen whose mark says nothing is only counted.
#[test]
fn marks_stand_where_they_say_something() {
    for (text, canonical) in
        [("S/C=C(/C):C", "C:C(/C)=C\\S"), ("N~C=C/[H]", "C=C~N"), ("F/C=C/[H]", "[H]/C=C/F")]
    {
        assert_eq!(reads_back(text), canonical, "{text}");
    }
}

/// Alternating bonds around a ring, an odd number of them cis: SMILES has no marks for all of them.
#[test]
fn what_a_ring_cannot_say_is_left_out() {
    // Corners of a dodecagon, of which the first bond points inwards: it is trans, and the other five double bonds are cis.
    let corner = |at: i32| match at {
        0 => (3.5, 0.0),
        1 => (2.0, 0.2),
        _ => {
            let angle = f64::from(at) * std::f64::consts::TAU / 12.0;
            (angle.cos() * 3.0, angle.sin() * 3.0)
        }
    };
    let atoms: String = (0..12)
        .map(corner)
        .map(|(x, y)| format!("{x:10.4}{y:10.4}{:10.4} C   0  0\n", 0.0))
        .collect();
    let bonds: String = (0..12)
        .map(|at| format!("{:>3}{:>3}{:>3}\n", at + 1, (at + 1) % 12 + 1, 2 - at % 2))
        .collect();
    let block =
        format!("ring\n\n\n 12 12  0  0  0  0  0  0  0  0999 V2000\n{atoms}{bonds}M  END\n");
    let mol = Mol::from_molblock(&block).expect("a ring");
    let written = reads_back(&mol.canonical_smiles());
    assert_eq!((known(&mol), known(&read(&written))), (6, 4), "{written}");
}

/// Pieces of chains, rings and branches, `/` and `\` among them at random.
const PIECES: [&str; 17] = [
    "C",
    "N",
    "*",
    "C=C",
    "/C=C/",
    "\\C=C/",
    "/C=C",
    "C=C/",
    "N=C/",
    "/C=N\\",
    "/N=C/",
    "C(C)=C/",
    "/C(F)=C/",
    "/*=C\\",
    "C(O)",
    "[C@H](F)",
    "[C@@H](O)",
];

/// A molecule of pieces; after each, a ring opens or closes, or a branch does.
fn chain(pieces: &[(usize, u8)]) -> String {
    let mut text = String::from("C");
    let (mut open, mut rings, mut branches) = (Vec::new(), 0, 0);
    for &(piece, and) in pieces {
        let piece = PIECES[piece];
        let marked = text.ends_with(['/', '\\']);
        text += piece.strip_prefix(['/', '\\']).filter(|_| marked).unwrap_or(piece);
        if text.ends_with(['/', '\\']) {
            continue;
        }
        match and {
            0..5 if rings < 9 => {
                rings += 1;
                text += ["", "=", "/", "\\", ""][and as usize];
                text += &rings.to_string();
                open.push(rings);
            }
            5..9 if !open.is_empty() => text += &open.remove(and as usize % open.len()).to_string(),
            9..11 => {
                branches += 1;
                text += ["(/C", "(\\C"][and as usize - 9];
            }
            11..13 if branches > 0 => {
                branches -= 1;
                text.push(')');
            }
            _ => {}
        }
    }
    if text.ends_with(['/', '\\']) {
        text.push('C');
    }
    text += &")".repeat(branches);
    for ring in open {
        text += &format!("C{ring}");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6000) })]

    #[test]
    fn whatever_shares_marks_reads_back(pieces in prop::collection::vec((0..PIECES.len(), 0u8..20), 4..16)) {
        let text = chain(&pieces);
        if let Ok(mol) = Mol::from_smiles(&text)
            // Aromatic rings with wildcards need not read back.
            && mol.atoms().iter().all(|atom| !atom.aromatic || atom.element != 0)
        {
            reads_back(&text);
        }
    }
}

/// An aromatic bond from a ring to an atom outside is single, and leaves that atom its hydrogen; as in RDKit.
#[test]
fn an_aromatic_bond_out_of_a_ring_is_single() {
    for (text, same) in [
        ("C:c1ccccc1", "Cc1ccccc1"),
        ("O:c1ccccc1:C", "Oc1ccccc1C"),
        ("C:N1CCCC1", "CN1CCCC1"),
        ("C:S1CCC1", "C[SH]1CCC1"),
        ("N:C:c1ccccc1", "N:Cc1ccccc1"),
    ] {
        assert_eq!(reads_back(text), reads_back(same), "{text}");
    }
    assert_eq!(reads_back("CC:C"), "C:CC", "between atoms of chains it stays");
}

/// A hydrogen whose mark has no other to go with says nothing, and is counted.
#[test]
fn a_hydrogen_at_a_cumulated_bond_is_counted() {
    for text in ["*=[K](\\[H])=[C+3]/[H]", "*=[K]([H])=[C+3][H]"] {
        assert!(read(text).atoms().iter().all(|atom| atom.element != 1), "{text}");
        reads_back(text);
    }
    assert_eq!(read("[H]/C(F)=N/[H]").num_atoms(), 4, "a hydrogen that shows a geometry stays");
}

/// Hydrogens drawn at a ligand make its bond to the metal one too many: it is dative, as in RDKit, before they are counted.
#[test]
fn drawn_hydrogens_of_ligands_are_counted() {
    for (text, same) in [
        ("[H]N([H])([H])[Pt](Cl)(Cl)N([H])([H])[H]", "N->[Pt](<-N)(Cl)Cl"),
        ("[H]O([H])[Fe]", "O->[Fe]"),
        ("[H]/C(F)=N(/[H])[Pt]", "FC=N->[Pt]"),
        ("[H]/C=N(/C)[Pt]", "[H]/C=N(/C)->[Pt]"),
    ] {
        assert_eq!(reads_back(text), reads_back(same), "{text}");
    }
}
