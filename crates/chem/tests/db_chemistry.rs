//! Libraries of real molecules: the screen never loses a match, search finds what comparing every pair finds.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use std::path::{Path, PathBuf};

use strata_chem::Mol;
use strata_chem::arena::popcount;
use strata_chem::db::{FingerprintSpec, Library, LibraryBuilder, build_options, entry};
use strata_chem::smarts::Pattern;

fn demo() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/demo-library.smi");
    let text = std::fs::read_to_string(file).unwrap();
    let pair = |line: &str| {
        let (smiles, id) = line.split_once('\t').unwrap_or((line, ""));
        (smiles.to_owned(), id.to_owned())
    };
    text.lines().filter(|line| !line.is_empty()).map(pair).collect()
}

fn build(path: PathBuf) -> (PathBuf, Vec<(Mol, String)>, usize) {
    let spec = FingerprintSpec::default();
    let mut builder = LibraryBuilder::new(&path, build_options(&spec).unwrap()).unwrap();
    let (mut good, mut bad) = (Vec::new(), 0);
    for (smiles, id) in demo() {
        match Mol::from_smiles(&smiles) {
            Ok(mol) => {
                builder.push(&entry(&id, Some(&smiles), Ok(&mol), &spec)).unwrap();
                good.push((mol, smiles));
            }
            Err(error) => {
                let error = error.to_string();
                builder.push(&entry(&id, None, Err(("bad", &error)), &spec)).unwrap();
                bad += 1;
            }
        }
    }
    builder.finish().unwrap();
    (path, good, bad)
}

const PATTERNS: [&str; 30] = [
    "c1ccccc1",
    "C(=O)[OH]",
    "[NX3][CX3](=O)c1ccccc1",
    "c1ccc2[nH]ccc2c1",
    "[#6]~[#7]",
    "*",
    "[!#6]",
    "[R2]",
    "S(=O)(=O)N",
    "[F,Cl,Br,I]",
    "C1CCNCC1",
    "[n;r6]",
    "[$(C(=O)O)]",
    "[$([NX3;H2]),$([OH])]c",
    "a:a:a:a:a:a",
    "[C@H](N)C(=O)O",
    "N~*~*~O",
    "[CH3]",
    "[D3]",
    "[+1]",
    "C#N",
    "c1cncnc1",
    "(c1ccccc1).(C(F)(F)F)",
    "CC(C)C",
    "O=C1CCCC1",
    "[CX4]([CH3])[CH3]",
    "[c;!$(c-[#1,#6,#7])]",
    "C=C-C=O",
    "[H]O",
    "[#6;!R][#6;!R][#6;!R][#6;!R]",
];

#[test]
fn the_screen_loses_no_match() {
    let folder = tempfile::tempdir().unwrap();
    let (path, good, bad) = build(folder.path().join("demo.sfp"));
    let library = Library::open(&path).unwrap();
    library.verify().unwrap();
    assert_eq!((library.len(), library.bad_rows().unwrap().len()), (good.len(), bad));
    assert!(bad > 0, "the demo library has broken rows");
    let mut spared = 0;
    for smarts in PATTERNS {
        let pattern = Pattern::parse(smarts).unwrap();
        let brute: Vec<u32> = (0u32..)
            .zip(&good)
            .filter(|(_, (mol, _))| pattern.matches(mol))
            .map(|(number, _)| number)
            .collect();
        let found = library.substructure(&pattern, usize::MAX).unwrap();
        assert_eq!(found.molecules, brute, "{smarts}");
        assert!(found.given_up.is_empty());
        spared += library.len() - found.matched;
        let first = library.substructure(&pattern, 3).unwrap().molecules;
        assert_eq!(first, brute[..brute.len().min(3)]);
    }
    // A screen that lets everything through would pass all of the above.
    assert!(spared * 4 > PATTERNS.len() * library.len(), "only {spared} matches spared");
}

#[test]
fn a_molecule_finds_itself_and_its_neighbours() {
    let folder = tempfile::tempdir().unwrap();
    let (path, good, _) = build(folder.path().join("demo.sfp"));
    let library = Library::open(&path).unwrap();
    let spec = library.fingerprint_spec().unwrap();
    let prints: Vec<Vec<u64>> = good.iter().map(|(mol, _)| spec.compute(mol)).collect();
    for (number, (_, smiles)) in good.iter().enumerate().step_by(37) {
        let query = &prints[number];
        let hits = library.arena().top_k(query, 10).unwrap();
        assert_eq!(hits[0].score, 1.0);
        let tied = hits.iter().take_while(|hit| hit.score == 1.0);
        assert!(tied.into_iter().any(|hit| library.molecule(hit.row).unwrap().smiles == smiles));
        let mut all: Vec<f64> = prints
            .iter()
            .map(|other| {
                let common: u32 = query.iter().zip(other).map(|(a, b)| (a & b).count_ones()).sum();
                f64::from(common) / f64::from(popcount(query) + popcount(other) - common)
            })
            .collect();
        all.sort_by(|a, b| b.total_cmp(a));
        let scores: Vec<f64> = hits.iter().map(|hit| hit.score).collect();
        assert_eq!(scores, all[..10]);
    }
}

#[test]
fn other_fingerprints_are_refused_when_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sfp");
    let mut options = build_options(&FingerprintSpec::default()).unwrap();
    options.description = options.description.replace("hash=", "hash=0000");
    LibraryBuilder::new(&path, options).unwrap().finish().unwrap();
    let error = Library::open(&path).unwrap().fingerprint_spec().unwrap_err();
    assert!(error.to_string().contains("index the input again"), "{error}");
    let specs = [
        FingerprintSpec::default(),
        FingerprintSpec { radius: 3, ..FingerprintSpec::default() },
        FingerprintSpec { use_features: true, ..FingerprintSpec::default() },
    ];
    let hashes: Vec<String> = specs.iter().map(|spec| spec.hash().unwrap()).collect();
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2]);
}
