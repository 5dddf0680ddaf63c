//! Time per molecule and stage on one thread, as JSON lines.
//!
//! Usage: `bench_chem FILE.smi [ROUNDS]`; `bench/peers/rdkit_chem.py` runs it in turns with RDKit.
#![allow(clippy::print_stdout)]
use std::time::{Duration, Instant};

use strata_chem::Mol;
use strata_chem::fingerprint::{EcfpParams, Scratch, ecfp_into};

fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().unwrap_or_else(|| "molecules.smi".into());
    let rounds: usize = args.next().and_then(|r| r.parse().ok()).unwrap_or(1);
    let text = std::fs::read_to_string(path)?;
    let smiles: Vec<&str> = text.lines().collect();
    for round in 0..rounds {
        measure(&smiles, round);
    }
    Ok(())
}

fn measure(smiles: &[&str], round: usize) {
    let params = EcfpParams::default();
    let (mut scratch, mut words) = (Scratch::default(), [0u64; 32]);
    let mut time = [Duration::ZERO; 3];
    let (mut good, mut check) = (0usize, 0usize);
    for text in smiles {
        let start = Instant::now();
        let Ok(mol) = Mol::from_smiles(text) else { continue };
        let parsed = Instant::now();
        let canonical = mol.canonical_smiles();
        let written = Instant::now();
        ecfp_into(&mol, &params, &mut scratch, &mut words);
        time[0] += parsed - start;
        time[1] += written - parsed;
        time[2] += written.elapsed();
        good += 1;
        check += canonical.len() + words.iter().map(|w| w.count_ones() as usize).sum::<usize>();
    }
    let each = |d: Duration| d.as_secs_f64() * 1e6 / smiles.len().max(1) as f64;
    println!(
        "{{\"tool\":\"strata\",\"round\":{round},\"molecules\":{},\"good\":{good},\
         \"parse_us\":{:.2},\"canonical_us\":{:.2},\"ecfp4_us\":{:.2},\"total_us\":{:.2},\
         \"check\":{check}}}",
        smiles.len(),
        each(time[0]),
        each(time[1]),
        each(time[2]),
        each(time.iter().sum()),
    );
}
