//! SD files: what V2000 and V3000 blocks mean, broken records in place, and the way out and back.
use std::io::Cursor;

use strata_chem::Mol;
use strata_chem::depict::coordinates;
use strata_chem::sdf::SdfReader;
use strata_chem::sdf_write::write_v2000;

fn mol(smiles: &str) -> Mol {
    Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{smiles}: {e}"))
}

const ALANINE: &str = "alanine
     RDKit          2D

  6  5  0  0  0  0  0  0  0  0999 V2000
    1.5000    1.2990    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    0.7500    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    1.5000   -1.2990    0.0000 N   0  0  0  0  0  0  0  0  0  0  0  0
   -0.7500   -0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
   -1.5000    1.2990    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0
   -1.5000   -1.2990    0.0000 O   0  0  0  0  0  0  0  0  0  0  0  0
  2  1  1  6
  2  3  1  0
  2  4  1  0
  4  5  2  0
  4  6  1  0
M  END
";

const SALT: &str = "
     RDKit          2D

  3  1  0  0  0  0  0  0  0  0999 V2000
   -0.7500    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0
    0.7500   -0.0000    0.0000 N   0  0  0  0  0  0  0  0  0  0  0  0
    0.0000    1.0000    0.0000 Cl  0  0  0  0  0  0  0  0  0  0  0  0
  1  2  1  0
M  CHG  2   2   1   3  -1
M  ISO  1   1  13
M  END
";

const V3000: &str = "
     RDKit          2D

  0  0  0  0  0  0  0  0  0  0999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 6 5 0 0 0
M  V30 BEGIN ATOM
M  V30 1 C 1.500000 1.299038 0.000000 0
M  V30 2 C 0.750000 0.000000 0.000000 0
M  V30 3 N 1.500000 -1.299038 0.000000 0
M  V30 4 C -0.750000 -0.000000 0.000000 0
M  V30 5 O -1.500000 1.299038 0.000000 0
M  V30 6 O -1.500000 -1.299038 0.000000 0 CHG=-1
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 2 1 CFG=3
M  V30 2 1 2 3
M  V30 3 1 2 4
M  V30 4 2 4 5
M  V30 5 1 4 6
M  V30 END BOND
M  V30 END CTAB
M  END
";

/// Blocks written by RDKit for these SMILES.
#[test]
fn blocks_mean_what_rdkit_wrote() {
    for (block, smiles) in
        [(ALANINE, "C[C@H](N)C(=O)O"), (SALT, "[13CH3][NH3+].[Cl-]"), (V3000, "C[C@H](N)C(=O)[O-]")]
    {
        for text in [block.to_owned(), block.replace('\n', "\r\n")] {
            let read = Mol::from_molblock(&text).unwrap_or_else(|e| panic!("{smiles}: {e}"));
            assert_eq!(read.canonical_smiles(), mol(smiles).canonical_smiles());
        }
    }
    let other = ALANINE.replace("  2  1  1  6", "  2  1  1  1");
    let other = Mol::from_molblock(&other).expect("mirror image").canonical_smiles();
    assert_eq!(other, mol("C[C@@H](N)C(=O)O").canonical_smiles());
}

#[test]
fn records_keep_their_place_with_properties_and_breaks() {
    let broken = ALANINE.replace("  4  5  2  0", "  4 99  2  0");
    let file = format!(
        "{ALANINE}> <Activity>\n7.5\n\n>  25 <Note with <angle>>  (1)\ntwo\nlines\n\n$$$$\n{broken}> <id>\nb\n\n$$$$\n{SALT}> <id>\nlast"
    );
    for text in [file.clone(), file.replace('\n', "\r\n")] {
        let records: Vec<_> =
            SdfReader::new(Cursor::new(text)).collect::<Result<_, _>>().expect("readable");
        assert_eq!(records.len(), 3, "a last record needs no $$$$");
        assert_eq!(records[0].name, "alanine");
        assert_eq!(records[0].properties[0], ("Activity".to_owned(), "7.5".to_owned()));
        assert_eq!(records[0].properties[1].1, "two\nlines");
        let error = records[1].mol().expect_err("a bond to atom 99");
        assert_eq!(error.code(), "parse");
        assert!(error.to_string().contains("99"), "{error}");
        assert_eq!(records[1].properties, [("id".to_owned(), "b".to_owned())]);
        assert!(records[2].mol().is_ok());
        assert_eq!(records[2].properties[0].1, "last");
    }
}

#[test]
fn truncated_blocks_are_errors_wherever_they_end() {
    for block in [ALANINE, V3000] {
        let lines: Vec<&str> = block.lines().collect();
        for keep in 0..lines.len() - 2 {
            let text = lines[..keep].join("\n");
            // Cut after the last bond, a block is still whole.
            if let Ok(mol) = Mol::from_molblock(&text) {
                assert!(mol.num_atoms() == 0 || keep + 4 >= lines.len(), "{keep} lines: {text}");
            }
        }
    }
}

#[test]
fn written_and_read_again() {
    for smiles in [
        "CC(=O)Oc1ccccc1C(=O)O",
        "C[C@H](N)C(=O)O",
        "CN1CC[C@]23c4c5ccc(O)c4O[C@H]2[C@@H](O)C=C[C@H]3[C@H]1C5",
        "C[C@H](CCCC(C)C)[C@H]1CC[C@@H]2[C@@]1(CC[C@H]3[C@H]2CC=C4[C@@]3(CC[C@@H](C4)O)C)C",
        "OC[C@H]1OC(O)[C@H](O)[C@@H](O)[C@@H]1O",
        "F/C=C/Cl",
        "F/C=C\\Cl",
        "FC=CCl",
        "CC=NO",
        "C1=CCCCCCCCC1",
        "C1CCCC/C=C/CCCC1",
        "[13CH3][NH3+].[Cl-]",
        "C[N+](C)(C)CC(=O)[O-]",
        "[CH3]",
        "C[CH]C",
        "[C]",
        "[CH2]",
        "[H-2]",
        "[PH5]",
        "C[PH4]",
        "[SH4]",
        "[Na]",
        "[NaH]",
        "[AlH3]",
        "[Pt].[PtH2]",
        "[O]",
        "C[Si]C",
        "c1cc[nH]c1",
        "COc1ccc2nc([nH]c2c1)[S@](=O)Cc1ncc(C)c(OC)c1C",
    ] {
        let mol = mol(smiles);
        let points = coordinates(&mol).expect(smiles);
        let text = write_v2000(&mol, "name", &points, &[("key", "value")]).expect(smiles);
        let record = SdfReader::new(Cursor::new(&text)).next().expect("one").expect("readable");
        assert_eq!((record.name.as_str(), record.properties[0].1.as_str()), ("name", "value"));
        let again = record.mol().unwrap_or_else(|e| panic!("{smiles}: {e}\n{text}"));
        assert_eq!(again.canonical_smiles(), mol.canonical_smiles(), "{smiles}\n{text}");
    }
}

#[test]
fn numbers_of_no_atom_are_named() {
    let molblock = |number: &str| {
        let atom = "    0.0000    0.0000    0.0000 C   0  0";
        format!(
            "a\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n{atom}\nM  CHG  1 {number}   1\nM  END\n"
        )
    };
    assert!(Mol::from_molblock(&molblock("1")).is_ok());
    // The last is the least of its type: there is no number before it.
    for number in ["0", "2", "-1", "-2147483648"] {
        let error = Mol::from_molblock(&molblock(number)).expect_err(number).to_string();
        assert!(error.contains(&format!("no atom {number}")), "{error}");
    }
}

/// The valence column (15 for none) and V3000's VAL (-1 for none) give what the drawn bonds leave to hydrogens.
#[test]
fn valences_are_read() {
    let molblock = |atom: &str, valence: i32| {
        let atom = format!("    0.0000    0.0000    0.0000 {atom:<3} 0  0  0  0  0{valence:3}");
        let oxygen = "    1.0000    0.0000    0.0000 O   0  0";
        format!(
            "a\n\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n{atom}\n{oxygen}\n  1  2  1  0\nM  END\n"
        )
    };
    for (atom, valence, smiles) in [
        ("P", 0, "OP"),
        ("P", 5, "O[PH4]"),
        ("Sn", 2, "O[SnH]"),
        ("C", 15, "O[C]"),
        ("C", 2, "O[CH]"),
        ("S", 1, "O[S]"),
    ] {
        let read = Mol::from_molblock(&molblock(atom, valence)).unwrap();
        assert_eq!(read.canonical_smiles(), mol(smiles).canonical_smiles(), "{atom} {valence}");
    }
    let first = "M  V30 1 C 1.500000 1.299038 0.000000 0";
    let plain = V3000.replace(" CFG=3", "");
    for (option, smiles) in [
        (" VAL=0", "CC(N)C(=O)[O-]"),
        (" VAL=-1", "[C]C(N)C(=O)[O-]"),
        (" VAL=2", "[CH]C(N)C(=O)[O-]"),
    ] {
        let block = plain.replace(first, &format!("{first}{option}"));
        let read = Mol::from_molblock(&block).unwrap();
        assert_eq!(read.canonical_smiles(), mol(smiles).canonical_smiles(), "{option}");
    }
    let error = Mol::from_molblock(&plain.replace(first, &format!("{first} VAL=x")));
    assert!(error.expect_err("no number").to_string().contains("`x` is no valence"));
}

/// Columns of four hold numbers of four digits, without a space between.
#[test]
fn property_lines_are_read_by_their_columns() {
    let block = write_v2000(&mol("C[1234CH3]"), "", &[], &[]).unwrap();
    assert!(block.contains("M  ISO  1   21234\n"), "{block}");
    assert_eq!(Mol::from_molblock(&block).unwrap().canonical_smiles(), "C[1234CH3]");
    let lenient = block.replace("M  ISO  1   21234", "M  ISO 1 2 13");
    assert_eq!(Mol::from_molblock(&lenient).unwrap().canonical_smiles(), "C[13CH3]");
}
