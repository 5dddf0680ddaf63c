//! Every product of every move is a molecule: it reads back to the same canonical SMILES here, and RDKit, where
//! there is one, sanitises it. BRICS bonds are those RDKit finds.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]
#![allow(clippy::print_stdout, reason = "counts and skips are said")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use strata_chem::Mol;
use strata_chem::edit::fragments::{FragmentLimits, Fragments};
use strata_chem::edit::pairs::{PairLimits, mine};
use strata_chem::edit::{brics, crossover, mutate};
use strata_chem::split::Random;

fn demo_library() -> Vec<Mol> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/demo-library.smi");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| Mol::from_smiles(line).ok()).collect()
}

/// Products of every move, at least `wanted` of them, by move.
fn products(wanted: usize) -> BTreeMap<&'static str, Vec<String>> {
    let library = demo_library();
    let fragments = Fragments::mine(&library, &FragmentLimits::default());
    let pairs = mine(&library, (&[], &[]), &PairLimits::default());
    assert!(fragments.all().len() > 100 && pairs.transformations().len() > 1000);
    let mut random = Random::new(20_261);
    let mut pool = library.clone();
    let mut made: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    while count < wanted {
        let (at, mate) = (random.below(pool.len()), random.below(pool.len()));
        let (mol, other) = (&pool[at], &pool[mate]);
        let r = &mut random;
        let (name, result) = match r.below(13) {
            0 => ("append", mutate::append(mol, r)),
            1 => ("insert", mutate::insert(mol, r)),
            2 => ("delete", mutate::delete(mol, r)),
            3 => ("exchange", mutate::exchange(mol, r)),
            4 => ("bond order", mutate::bond_order(mol, r)),
            5 => ("close ring", mutate::close_ring(mol, r)),
            6 => ("open ring", mutate::open_ring(mol, r)),
            7 => ("chain crossover", crossover::chain(mol, other, r)),
            8 => ("ring crossover", crossover::ring(mol, other, r)),
            9 => ("swap", fragments.swap(mol, r)),
            10 => ("decorate", fragments.decorate(mol, r)),
            11 => ("pair", pairs.apply(mol, r)),
            _ => {
                if let Ok(product) = brics::recombine(&fragments, 40, r) {
                    made.entry("recombine").or_default().push(product.smiles);
                    count += 1;
                }
                continue;
            }
        };
        let Ok((edit, _)) = result else { continue };
        let Ok(product) = edit.finish() else { continue };
        assert_eq!(product.origin.len(), product.mol.num_atoms());
        assert_eq!(product.changed.len(), product.mol.num_atoms());
        made.entry(name).or_default().push(product.smiles.clone());
        count += 1;
        // Products are changed further, so that odd ones are met as well.
        if product.mol.num_atoms() < 45 {
            pool[at] = product.mol;
        }
    }
    made
}

#[test]
fn every_product_reads_back_to_itself() {
    let made = products(20_000);
    assert_eq!(made.len(), 13, "{:?}", made.keys());
    let mut total = 0;
    for (name, list) in &made {
        println!("{name}: {}", list.len());
        assert!(list.len() > 100, "{name}: {}", list.len());
        for smiles in list {
            let read = Mol::from_smiles(smiles).unwrap_or_else(|e| panic!("{name}: {smiles}: {e}"));
            assert_eq!(read.canonical_smiles(), *smiles, "{name}");
            total += 1;
        }
    }
    assert!(total >= 20_000);
    let all: Vec<&str> = made.values().flatten().map(String::as_str).collect();
    if let Some(answers) = rdkit("sanitise", &all) {
        let bad: Vec<&str> =
            all.iter().zip(&answers).filter(|(_, a)| *a != "ok").map(|(s, _)| *s).collect();
        println!("RDKit sanitises {} of {}", all.len() - bad.len(), all.len());
        assert!(
            bad.is_empty(),
            "{} refused by RDKit, such as {:?}",
            bad.len(),
            &bad[..bad.len().min(5)]
        );
    }
}

#[test]
fn moves_are_the_same_for_the_same_seed() {
    assert_eq!(products(300), products(300));
}

/// Molecules of the shared data, or of the demo library where that is absent.
fn some_molecules() -> Vec<String> {
    let shared = std::env::var_os("STRATA_SHARED").map(PathBuf::from);
    let file = shared.map(|dir| dir.join("data/drug/rdkit_testdata/first_5K.smi"));
    match file.and_then(|path| std::fs::read_to_string(path).ok()) {
        Some(text) => {
            text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
        }
        None => demo_library().iter().map(Mol::canonical_smiles).collect(),
    }
}

#[test]
fn brics_bonds_are_rdkits() {
    let smiles: Vec<String> = some_molecules()
        .into_iter()
        .filter(|smiles| Mol::from_smiles(smiles).is_ok())
        .take(2000)
        .collect();
    let list: Vec<&str> = smiles.iter().map(String::as_str).collect();
    let Some(answers) = rdkit("brics", &list) else { return };
    let (mut same, mut differ) = (0, Vec::new());
    for (smiles, theirs) in list.iter().zip(&answers) {
        let mol = Mol::from_smiles(smiles).unwrap();
        let mut ours: Vec<(u32, u32)> = brics::bonds(&mol)
            .iter()
            .map(|cut| {
                let bond = &mol.bonds()[cut.bond];
                (bond.begin.min(bond.end), bond.begin.max(bond.end))
            })
            .collect();
        ours.sort_unstable();
        let ours: Vec<String> = ours.iter().map(|(a, b)| format!("{a}-{b}")).collect();
        if ours.join(",") == *theirs {
            same += 1;
        } else {
            differ.push(format!("{smiles}: ours {} RDKit {theirs}", ours.join(",")));
        }
    }
    println!("BRICS bonds: {same} of {} molecules the same", list.len());
    assert!(list.len() >= 500 && differ.is_empty(), "{differ:#?}");
}

const ORACLE: &str = "
import sys
from rdkit import Chem, rdBase
from rdkit.Chem import BRICS
rdBase.DisableLog('rdApp.*')
for line in sys.stdin:
    mol = Chem.MolFromSmiles(line.strip())
    if sys.argv[1] == 'sanitise':
        print('ok' if mol is not None else 'refused')
    else:
        found = sorted(tuple(sorted(b[0])) for b in BRICS.FindBRICSBonds(mol))
        print(','.join('%d-%d' % pair for pair in found))
";

/// RDKit's answers, a line a molecule; `None`, with a word why, where there is no RDKit.
fn rdkit(mode: &str, smiles: &[&str]) -> Option<Vec<String>> {
    let Some(python) = std::env::var_os("STRATA_RDKIT_PYTHON") else {
        println!("skipped: STRATA_RDKIT_PYTHON names no Python with RDKit");
        return None;
    };
    let mut child = Command::new(python)
        .args(["-c", ORACLE, mode])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let text = smiles.join("\n") + "\n";
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), smiles.len());
    Some(lines)
}
