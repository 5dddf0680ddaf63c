//! Times the property stages on a file of SMILES and prints one JSON line for each:
//! `bench_props FILE [MOLECULES]`, one SMILES a line.
//!
//! Figures are CPU microseconds a molecule on one thread, the best of three passes.
#![allow(clippy::print_stdout)]

use std::hint::black_box;

use strata_chem::descriptors::{MolProfile, NAMES, gasteiger};
use strata_chem::smarts::Target;
use strata_chem::{Mol, alerts::AlertCatalog, qed};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: bench_props FILE [MOLECULES]")?;
    let limit = arguments.next().map_or(Ok(usize::MAX), |n| n.parse())?;
    let text = std::fs::read_to_string(path)?;
    let smiles: Vec<&str> =
        text.lines().filter_map(|l| l.split_whitespace().next()).take(limit).collect();
    let mols: Vec<Mol> = smiles.iter().filter_map(|s| Mol::from_smiles(s).ok()).collect();
    let pains = AlertCatalog::pains();
    let both = AlertCatalog::builtin(&["pains", "brenk"])?;
    let targets: Vec<Target> = mols.iter().map(Target::new).collect();
    let bench = Bench { molecules: mols.len() };
    bench.stage("parse", || smiles.iter().filter_map(|s| Mol::from_smiles(s).ok()).count());
    bench.stage("match target", || mols.iter().map(|m| Target::new(m).len()).sum());
    bench.stage("PAINS", || targets.iter().map(|t| pains.hits_on(t).len()).sum());
    bench.stage("PAINS + Brenk", || targets.iter().map(|t| both.hits_on(t).len()).sum());
    bench.stage("TPSA", || mols.iter().map(|m| MolProfile::new(m).tpsa() as usize).sum());
    bench.stage("composition", || {
        mols.iter().map(|m| MolProfile::new(m).composition().heavy_atoms as usize).sum()
    });
    bench.stage("target + counts", || {
        mols.iter().map(|m| MolProfile::new(m).matched().donors as usize).sum()
    });
    bench.stage("target + Crippen", || {
        mols.iter().map(|m| MolProfile::new(m).crippen().atoms.len()).sum()
    });
    bench.stage("rings", || mols.iter().map(|m| MolProfile::new(m).rings().rings as usize).sum());
    bench.stage("connectivity", || {
        mols.iter().map(|m| MolProfile::new(m).connectivity().chi[0] as usize).sum()
    });
    bench.stage("EState", || mols.iter().map(|m| MolProfile::new(m).estate().len()).sum());
    bench.stage("Balaban + Bertz", || {
        mols.iter().map(|m| MolProfile::new(m).balaban_and_bertz()[0] as usize).sum()
    });
    bench.stage("Gasteiger", || mols.iter().map(|m| gasteiger(m).len()).sum());
    bench.stage("QED, all of it", || mols.iter().map(|m| (qed::qed(m) * 10.0) as usize).sum());
    bench.stage("all descriptors", || {
        let mut row = vec![0.0; NAMES.len()];
        mols.iter().for_each(|m| {
            MolProfile::new(m).descriptors(&mut row);
            black_box(&row);
        });
        mols.len()
    });
    Ok(())
}

struct Bench {
    molecules: usize,
}

impl Bench {
    fn stage(&self, name: &str, mut run: impl FnMut() -> usize) {
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let start = cpu_seconds();
            black_box(run());
            best = best.min(cpu_seconds() - start);
        }
        let each = best * 1e6 / self.molecules as f64;
        println!(
            r#"{{"stage":"{name}","molecules":{},"cpu_us_per_molecule":{each:.2}}}"#,
            self.molecules
        );
    }
}

/// CPU time of this thread where the system tells it (Linux), else wall time.
fn cpu_seconds() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or_else(|| start.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}
