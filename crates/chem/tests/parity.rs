//! Parity with RDKit on molecules of the shared data, counted and held to bars.
//!
//! Needs a Python with RDKit (`STRATA_RDKIT_PYTHON`) and the shared data (`STRATA_SHARED`, or `shared`
//! beside the workspace); without them each test prints `skipped:` and why. `STRATA_PARITY_N` sets how
//! many molecules are looked at (2,000; the figures quoted elsewhere are of 20,000). `--nocapture` shows
//! the counts.
#![allow(clippy::print_stdout)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::{MolProfile, NAMES};
use strata_chem::fingerprint::{EcfpParams, ecfp, ecfp_counts};
use strata_chem::{Mol, qed, sa_score, scaffold};

const TOLERANCE: f64 = 1e-3;

/// RDKit's names of the counts, in the order in which the oracle gives them.
const COUNTS: [&str; 8] = [
    "NumHDonors",
    "NumHAcceptors",
    "NHOHCount",
    "NOCount",
    "NumRotatableBonds",
    "NumHeteroatoms",
    "HeavyAtomCount",
    "RingCount",
];

/// How many of how many agree, and the first that do not.
#[derive(Default)]
struct Tally {
    agree: usize,
    total: usize,
    differ: Vec<String>,
}

impl Tally {
    fn add(&mut self, agrees: bool, what: impl FnOnce() -> String) {
        self.total += 1;
        if agrees {
            self.agree += 1;
        } else if self.differ.len() < 10 {
            self.differ.push(what());
        }
    }

    /// Prints the count and holds it to a bar. On few molecules the bar is less than one of them:
    /// a single one may then differ where the bar is below 100 %.
    fn hold(&self, name: &str, bar: f64) -> Option<String> {
        println!("{name}: {} of {} ({} differ)", self.agree, self.total, self.total - self.agree);
        self.differ.iter().for_each(|line| println!("  {line}"));
        let spare = (self.total as f64 * (1.0 - bar)).max(if bar < 1.0 { 1.0 } else { 0.0 });
        let differ = self.total - self.agree;
        let held = self.total > 0 && differ as f64 <= spare + 1e-9;
        (!held).then(|| format!("{name}: {differ} of {} differ, at most {spare}", self.total))
    }
}

/// The oracle at work: its answers arrive line by line.
fn oracle(mode: &str, data: &str, count: usize) -> Option<Child> {
    let Some(python) = std::env::var_os("STRATA_RDKIT_PYTHON") else {
        println!("skipped: STRATA_RDKIT_PYTHON names no Python with RDKit");
        return None;
    };
    let shared = std::env::var_os("STRATA_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("data/drug").join(data);
    if !path.exists() {
        println!("skipped: no shared data at {}", path.display());
        return None;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/parity.py");
    let child = Command::new(&python)
        .arg(script)
        .arg(mode)
        .arg(&path)
        .arg(count.to_string())
        .stdout(Stdio::piped())
        .spawn();
    Some(child.unwrap_or_else(|error| panic!("{}: {error}", python.display())))
}

/// Calls `look` with every answer, and makes sure that the oracle came to its end.
fn each_answer(mut child: Child, mut look: impl FnMut(&Value)) {
    let output = child.stdout.take().expect("a pipe was asked for");
    for line in BufReader::new(output).lines() {
        let line = line.expect("the oracle writes text");
        look(&serde_json::from_str(&line).expect("the oracle writes JSON lines"));
    }
    let status = child.wait().expect("the oracle ends");
    assert!(status.success(), "the oracle ended with {status}");
}

fn wanted(default: usize) -> usize {
    std::env::var("STRATA_PARITY_N").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} of {row}"))
}

fn near(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= TOLERANCE
}

/// The counts of RDKit that are compared, by their place among the descriptors.
fn count_columns() -> [usize; 8] {
    COUNTS.map(|name| NAMES.iter().position(|&n| n == name).unwrap_or_else(|| panic!("{name}")))
}

#[derive(Default)]
struct Figures {
    acceptance: Tally,
    orders: Tally,
    idempotent: Tally,
    bits: Tally,
    counts: Tally,
    tpsa: Tally,
    qed: Tally,
    logp: Tally,
    lipinski: Tally,
    pains: Tally,
    sa: Tally,
    scaffolds: Tally,
    /// Our scaffold for RDKit's, and RDKit's for ours.
    pairs: [HashMap<String, String>; 2],
}

impl Figures {
    fn look(&mut self, row: &Value, columns: &[usize; 8]) {
        let smiles = row["smiles"].as_str().expect("a SMILES");
        let ours = Mol::from_smiles(smiles);
        let accepted = row["ok"] == true;
        self.acceptance.add(ours.is_ok() == accepted, || {
            format!("{smiles}: RDKit accepts: {accepted}, we: {:?}", ours.as_ref().err())
        });
        let (Ok(mol), true) = (ours, accepted) else { return };
        self.canonical(row, smiles, &mol);
        self.fingerprints(row, smiles, &mol);
        self.properties(row, smiles, &mol, columns);
        self.scaffold(row, smiles, &mol);
    }

    fn canonical(&mut self, row: &Value, smiles: &str, mol: &Mol) {
        let canonical = mol.canonical_smiles();
        let orders = row["random"].as_array().expect("random orders");
        assert_eq!(orders.len(), 10);
        let other = orders.iter().filter_map(Value::as_str).find_map(|text| {
            let found = Mol::from_smiles(text).map(|m| m.canonical_smiles());
            (found.as_ref() != Ok(&canonical)).then(|| format!("{text} gives {found:?}"))
        });
        self.orders.add(other.is_none(), || format!("{smiles}: {canonical}, but {other:?}"));
        let again = Mol::from_smiles(&canonical).map(|m| m.canonical_smiles());
        self.idempotent.add(again.as_ref() == Ok(&canonical), || {
            format!("{smiles}: {canonical} becomes {again:?}")
        });
    }

    fn fingerprints(&mut self, row: &Value, smiles: &str, mol: &Mol) {
        let params = EcfpParams::default();
        let words = ecfp(mol, &params);
        let set = (0..2048u64).filter(|&b| words[(b / 64) as usize] >> (b % 64) & 1 == 1);
        let bits = row["bits"].as_array().expect("bits").iter().filter_map(Value::as_u64);
        self.bits.add(set.eq(bits), || smiles.to_owned());
        let folded = ecfp_counts(mol, &params);
        let ours = (0u64..).zip(folded.into_iter().map(u64::from)).filter(|c| c.1 > 0);
        let theirs = row["counts"].as_array().expect("counts").iter();
        let theirs = theirs.filter_map(|pair| Some((pair[0].as_u64()?, pair[1].as_u64()?)));
        self.counts.add(ours.eq(theirs), || smiles.to_owned());
    }

    fn properties(&mut self, row: &Value, smiles: &str, mol: &Mol, columns: &[usize; 8]) {
        let profile = MolProfile::new(mol);
        let sa = sa_score::sa_of(&profile).unwrap_or(f64::NAN);
        for (tally, ours, key) in [
            (&mut self.tpsa, profile.tpsa(), "tpsa"),
            (&mut self.qed, qed::qed_of(&profile), "qed"),
            (&mut self.logp, profile.crippen().logp(), "logp"),
            (&mut self.sa, sa, "sa"),
        ] {
            let theirs = number(row, key);
            tally.add(near(ours, theirs), || format!("{smiles}: {ours}, RDKit {theirs}"));
        }
        let mut descriptors = [0.0; NAMES.len()];
        profile.descriptors(&mut descriptors);
        let ours = columns.map(|column| descriptors[column]);
        let theirs: Vec<f64> =
            row["lipinski"].as_array().expect("counts").iter().filter_map(Value::as_f64).collect();
        self.lipinski.add(ours[..] == theirs[..], || {
            format!("{smiles}: {COUNTS:?} {ours:?}, RDKit {theirs:?}")
        });
        let mut names: Vec<&str> = AlertCatalog::pains()
            .hits_on(profile.target())
            .iter()
            .map(|a| a.name.as_str())
            .collect();
        names.sort_unstable();
        let theirs: Vec<&str> =
            row["pains"].as_array().expect("alerts").iter().filter_map(Value::as_str).collect();
        self.pains.add(names == theirs, || format!("{smiles}: {names:?}, RDKit {theirs:?}"));
    }

    /// Two molecules share a scaffold here exactly when they do in RDKit.
    fn scaffold(&mut self, row: &Value, smiles: &str, mol: &Mol) {
        let theirs = row["scaffold"].as_str().expect("a scaffold").to_owned();
        let ours = scaffold::murcko_smiles(mol).unwrap_or_else(|error| error.to_string());
        let [forth, back] = &mut self.pairs;
        let agrees = *forth.entry(theirs.clone()).or_insert_with(|| ours.clone()) == ours
            && *back.entry(ours.clone()).or_insert_with(|| theirs.clone()) == theirs;
        self.scaffolds.add(agrees, || format!("{smiles}: {ours}, RDKit {theirs}"));
    }
}

#[test]
fn molecules_equal_rdkits() {
    let count = wanted(2_000);
    let Some(child) = oracle("molecules", "smiles_union/union.smi.gz", count) else { return };
    let (mut figures, columns) = (Figures::default(), count_columns());
    each_answer(child, |row| figures.look(row, &columns));
    assert_eq!(figures.acceptance.total, count, "molecules looked at");
    let failed: Vec<String> = [
        (&figures.acceptance, "acceptance", 1.0),
        (&figures.orders, "canonical SMILES of 10 random orders", 0.9999),
        (&figures.idempotent, "canonical SMILES read again", 0.9999),
        (&figures.bits, "ECFP4 bits", 0.9999),
        (&figures.counts, "ECFP4 counts", 0.9999),
        (&figures.tpsa, "TPSA", 0.999),
        (&figures.qed, "QED", 0.999),
        (&figures.logp, "MolLogP", 0.999),
        (&figures.lipinski, "Lipinski counts", 0.999),
        (&figures.pains, "PAINS", 0.999),
        (&figures.scaffolds, "Murcko scaffolds", 0.999),
        (&figures.sa, "SA score", 0.995),
    ]
    .into_iter()
    .filter_map(|(tally, name, bar)| tally.hold(name, bar))
    .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn moleculenet_is_accepted_as_rdkit_accepts_it() {
    let Some(child) = oracle("acceptance", "moleculenet", wanted(2_000)) else { return };
    let mut files: Vec<(String, Tally)> = Vec::new();
    each_answer(child, |row| {
        let file = row["file"].as_str().expect("a file");
        if files.last().is_none_or(|last| last.0 != file) {
            files.push((file.to_owned(), Tally::default()));
        }
        let (smiles, accepted) = (row["smiles"].as_str().expect("a SMILES"), row["ok"] == true);
        let ours = Mol::from_smiles(smiles);
        if let Some((_, tally)) = files.last_mut() {
            tally.add(ours.is_ok() == accepted, || {
                format!("{smiles}: RDKit accepts: {accepted}, we: {:?}", ours.err())
            });
        }
    });
    let failed: Vec<String> =
        files.iter().filter_map(|(file, tally)| tally.hold(file, 1.0)).collect();
    assert!(!files.is_empty() && failed.is_empty(), "{failed:#?}");
}
