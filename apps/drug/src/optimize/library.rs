//! Molecules that a search starts from, and the library its moves are mined from.

use std::path::Path;

use rayon::prelude::*;
use rustc_hash::FxHashSet;
use serde::Serialize;
use sha2::{Digest, Sha256};
use strata_chem::Mol;
use strata_chem::alerts::AlertCatalog;
use strata_chem::druglike::Properties;
use strata_chem::edit::fragments::FragmentLimits;
use strata_chem::edit::pairs::PairLimits;
use strata_chem::optimize::MoveSet;
use strata_chem::standardize::{StandardizeOptions, standardize};

use super::OptimizeJobError;
use super::job::Start;
use crate::input::{InputSpec, open, structure};
use crate::screen::hex;

/// The library moves are mined from where none is given: ours, in the public domain.
const OWN: &str = include_str!("../../../../datasets/demo-library.smi");

/// Starts of one search at most.
const MOST_STARTS: usize = 1_000;

/// Molecules of a library that are mined at most: the first ones.
const MOST_MINED: usize = 100_000;

/// Properties whose changes a matched pair tells.
const PROPERTIES: [&str; 5] = ["MolWt", "MolLogP", "TPSA", "QED", "SA"];

/// Which library, and what came of it.
#[derive(Debug, Clone, Serialize)]
pub struct LibraryInfo {
    /// Its file's name, or `built-in`.
    pub name: String,
    /// Molecules that were mined.
    pub molecules: usize,
    /// Rows without a molecule.
    pub failed: usize,
    /// SHA-256 over the canonical SMILES, in order.
    pub sha256: String,
    /// Fragments.
    pub fragments: usize,
    /// Transformations of matched pairs.
    pub transformations: usize,
    /// Whether nothing was left out for the limits' sake.
    pub complete: bool,
}

/// A mined library.
pub(super) struct Mined {
    pub(super) moves: MoveSet,
    /// Canonical SMILES of its molecules.
    pub(super) known: FxHashSet<String>,
    pub(super) info: LibraryInfo,
}

/// Reads the start molecules: a SMILES, or a file of any kind that `screen` reads.
///
/// # Errors
/// A file that cannot be read, a row that is no molecule, none or too many.
pub fn read_starts(start: &str, spec: Option<&InputSpec>) -> Result<Vec<Start>, OptimizeJobError> {
    let fault = |name: String| move |why: String| OptimizeJobError::Start { name, why };
    let Some(spec) = spec else {
        let mol = structure(start).map_err(|error| fault(start.to_owned())(error.to_string()))?;
        return Ok(vec![Start { name: "start".to_owned(), mol }]);
    };
    let mut reader = open(spec)?;
    let layout = reader.layout().clone();
    let mut starts = Vec::new();
    while let Some(record) = reader.next_record()? {
        let name = record.id(&layout, starts.len() as u64).into_owned();
        let mol = record.molecule(&layout);
        let mol = mol.map_err(|error| fault(name.clone())(error.to_string()))?;
        starts.push(Start { name, mol });
        if starts.len() > MOST_STARTS {
            let text = format!("{start} holds more than {MOST_STARTS} start molecules");
            return Err(OptimizeJobError::Request(text));
        }
    }
    if starts.is_empty() {
        return Err(OptimizeJobError::Request(format!("{start} holds no molecule")));
    }
    Ok(starts)
}

/// Reads and mines a library.
pub(super) fn mine(spec: Option<&InputSpec>) -> Result<Mined, OptimizeJobError> {
    let (name, raw, mut complete) = match spec {
        None => (
            "built-in".to_owned(),
            OWN.lines().map(Mol::from_smiles).map(Result::ok).collect(),
            true,
        ),
        Some(spec) => read(spec)?,
    };
    let rows = raw.len();
    let plain = |mol: Mol| standardize(&mol, &StandardizeOptions::default()).ok();
    let library: Vec<Mol> = raw.into_par_iter().flatten().filter_map(plain).collect();
    let none = AlertCatalog::default();
    let names = PROPERTIES.map(str::to_owned);
    let values: Vec<Vec<f64>> = library
        .par_iter()
        .map(|mol| {
            let p = Properties::compute(mol, &none);
            vec![p.mol_wt, p.mol_logp, p.tpsa, p.qed, p.sa]
        })
        .collect();
    let limits = (&FragmentLimits::default(), &PairLimits::default());
    let moves = MoveSet::mine(&library, (&names, &values), limits);
    let smiles: Vec<String> = library.par_iter().map(Mol::canonical_smiles).collect();
    let mut digest = Sha256::new();
    for one in &smiles {
        digest.update(one.as_bytes());
        digest.update(b"\n");
    }
    complete &= moves.pairs.is_complete();
    let info = LibraryInfo {
        name,
        molecules: library.len(),
        failed: rows - library.len(),
        sha256: hex(&digest.finalize()),
        fragments: moves.fragments.all().len(),
        transformations: moves.pairs.transformations().len(),
        complete,
    };
    Ok(Mined { moves, known: smiles.into_iter().collect(), info })
}

type Read = (String, Vec<Option<Mol>>, bool);

fn read(spec: &InputSpec) -> Result<Read, OptimizeJobError> {
    let mut reader = open(spec)?;
    let layout = reader.layout().clone();
    let mut rows = Vec::new();
    let mut complete = true;
    while let Some(record) = reader.next_record()? {
        if rows.len() == MOST_MINED {
            complete = false;
            break;
        }
        rows.push(record.molecule(&layout).ok());
    }
    let path: &Path = &spec.path;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok((name, rows, complete))
}
