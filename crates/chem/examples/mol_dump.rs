//! Prints what sanitising made of each SMILES on standard input, one line each, for comparison
//! with a reference toolkit: atoms `element,charge,hydrogens,aromatic,hybridisation,radicals,
//! in_ring,valence,chirality`, bonds `begin,end,order,conjugated,direction,stereo`, ring sizes.
//! With `canonical`, `ecfp` or `fcfp` as argument it prints canonical SMILES or the identifiers and
//! counts of the circular fingerprint of radius 2 instead.
#![allow(clippy::print_stdout)]
use std::io::{BufRead, Write};

use strata_chem::Mol;
use strata_chem::fingerprint::EcfpParams;

fn main() -> std::io::Result<()> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match Mol::from_smiles(&line?) {
            Err(error) => writeln!(out, "X {} {error}", error.code())?,
            Ok(mol) if mode == "ecfp" || mode == "fcfp" => {
                let use_features = mode == "fcfp";
                let params = EcfpParams { use_features, ..EcfpParams::default() };
                let counts = strata_chem::fingerprint::ecfp_counts_sparse(&mol, &params);
                let text: Vec<String> = counts.iter().map(|(i, c)| format!("{i}:{c}")).collect();
                writeln!(out, "{}", text.join(";"))?;
            }
            Ok(mol) if mode == "scaffold" => {
                writeln!(
                    out,
                    "{}",
                    strata_chem::scaffold::murcko_smiles(&mol).unwrap_or_else(|e| e.to_string())
                )?;
            }
            Ok(mol) if mode == "parent" => {
                let parent = strata_chem::standardize::standardize(&mol, &Default::default());
                writeln!(
                    out,
                    "{}",
                    parent.map_or_else(|e| e.to_string(), |m| m.canonical_smiles())
                )?;
            }
            Ok(mol) if mode == "canonical" => writeln!(out, "{}", mol.canonical_smiles())?,
            Ok(mol) => writeln!(out, "{}", dump(&mol))?,
        }
    }
    out.flush()
}

fn dump(mol: &Mol) -> String {
    let atoms: Vec<String> = mol
        .atoms()
        .iter()
        .map(|a| {
            format!(
                "{},{},{},{},{:?},{},{},{},{}",
                a.element,
                a.charge,
                a.total_hs,
                u8::from(a.aromatic),
                a.hybridisation,
                a.radicals,
                u8::from(a.in_ring),
                a.total_valence(),
                a.chirality as u8
            )
        })
        .collect();
    let bonds: Vec<String> = mol
        .bonds()
        .iter()
        .map(|b| {
            format!(
                "{},{},{:?},{},{},{}",
                b.begin,
                b.end,
                b.order,
                u8::from(b.conjugated),
                b.direction as u8,
                u8::from(b.stereo != strata_chem::mol::BondStereo::None)
            )
        })
        .collect();
    let mut rings: Vec<String> = Vec::new();
    let mut sizes: Vec<usize> = mol.rings().atom_rings().map(<[u32]>::len).collect();
    sizes.sort_unstable();
    rings.extend(sizes.iter().map(ToString::to_string));
    format!("{}|{}|[{}]", atoms.join(";"), bonds.join(";"), rings.join(","))
}
