//! The benchmark's targets and molecules: which ChEMBL target each is, fingerprints and predictions of its compounds.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use rayon::prelude::*;
use serde_json::{Value, json};
use strata_chem::Mol;
use strata_chem::arena::FingerprintArena;
use strata_chem::fingerprint::{EcfpParams, ecfp};
use strata_drug::targets::{Background, TargetPredictor};

/// The benchmark's targets and what they are in ChEMBL.
pub(crate) const TARGETS: &str = include_str!("targets.csv");

/// A target of the benchmark.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) set: String,
    pub(crate) name: String,
    /// ChEMBL identifier; empty where the model lacks it.
    pub(crate) target: String,
    pub(crate) protein: String,
}

impl Target {
    /// Its place among the model's outputs.
    pub(crate) fn output(&self, model: &TargetPredictor) -> Option<usize> {
        model.ids().iter().position(|id| *id == self.target)
    }

    /// A seed of its own.
    pub(crate) fn seed(&self) -> u64 {
        self.name.bytes().fold(1469, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003)
    }
}

pub(crate) fn read(table: &str) -> Result<Vec<Target>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record?;
        let field = |at: usize| record.get(at).unwrap_or_default().to_owned();
        all.push(Target { set: field(0), name: field(1), target: field(2), protein: field(3) });
    }
    Ok(all)
}

/// Molecules of a target: actives first.
pub(crate) struct Molecules {
    pub(crate) actives: usize,
    pub(crate) unreadable: usize,
    fingerprints: Vec<Vec<u64>>,
    /// Probabilities on the target, where the model has it.
    pub(crate) activity: Option<Vec<f32>>,
    /// All targets' probabilities of the actives.
    of_actives: Vec<f32>,
}

impl Molecules {
    pub(crate) fn read(folder: &Path, target: &Target, model: &TargetPredictor) -> Result<Self> {
        let (mut mols, mut unreadable, mut actives) = (Vec::new(), 0, 0);
        for kind in ["actives", "decoys"] {
            let file = format!("{0}/cmp_list_{0}_{1}_{kind}.dat.gz", target.set, target.name);
            let path = folder.join(file);
            let file = std::fs::File::open(&path).with_context(|| path.display().to_string())?;
            let lines: Vec<String> =
                BufReader::new(MultiGzDecoder::new(file)).lines().collect::<Result<_, _>>()?;
            let smiles = lines.iter().filter(|line| !line.starts_with('#'));
            let smiles: Vec<&str> = smiles.filter_map(|line| line.split('\t').nth(2)).collect();
            let read: Vec<Option<Mol>> =
                smiles.par_iter().map(|smiles| Mol::from_smiles(smiles).ok()).collect();
            unreadable += read.iter().filter(|mol| mol.is_none()).count();
            mols.extend(read.into_iter().flatten());
            if kind == "actives" {
                actives = mols.len();
            }
        }
        let fingerprints = mols.par_iter().map(|mol| ecfp(mol, &EcfpParams::default())).collect();
        let predict = |mols: &[Mol]| -> Result<Vec<f32>> {
            let rows: Result<Vec<Vec<f32>>, _> = mols
                .par_chunks(256)
                .map(|part| model.predict_mols(&part.iter().collect::<Vec<_>>()))
                .collect();
            Ok(rows.map_err(|error| anyhow::anyhow!("{}", error.message))?.concat())
        };
        let width = model.ids().len();
        let (activity, of_actives) = match target.output(model) {
            None => (None, Vec::new()),
            Some(at) => {
                let all = predict(&mols)?;
                let own = all.iter().skip(at).step_by(width).copied().collect();
                (Some(own), all[..actives * width].to_vec())
            }
        };
        Ok(Self { actives, unreadable, fingerprints, activity, of_actives })
    }

    pub(crate) fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Each molecule's largest Tanimoto similarity to the queries.
    pub(crate) fn similarity(&self, queries: &[usize]) -> Vec<f32> {
        let words: Vec<u64> =
            queries.iter().flat_map(|&at| self.fingerprints[at].clone()).collect();
        let arena =
            FingerprintArena::new(2048, &words).and_then(|a| a.nearest_batch(&self.fingerprints));
        let found = arena.unwrap_or_default();
        found.into_iter().map(|hit| hit.map_or(0.0, |hit| hit.score as f32)).collect()
    }

    /// For each active, the rank of its own target among all: by probability, by percentile, by standard score of the logit.
    pub(crate) fn own_target_ranks(
        &self,
        target: &Target,
        model: &TargetPredictor,
        background: &Background,
    ) -> Vec<[usize; 3]> {
        let Some(own) = target.output(model) else { return Vec::new() };
        let width = model.ids().len();
        let logit = |p: f32| {
            let p = f64::from(p).clamp(1e-6, 1.0 - 1e-6);
            (p / (1.0 - p)).ln()
        };
        let moments: Vec<(f64, f64)> = (0..width)
            .map(|at| {
                let logits: Vec<f64> = background.of_target(at).iter().map(|&p| logit(p)).collect();
                let n = logits.len() as f64;
                let mean = logits.iter().sum::<f64>() / n;
                let spread = logits.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
                (mean, spread.sqrt().max(1e-9))
            })
            .collect();
        let rank = |values: &[f64]| 1 + values.iter().filter(|&&value| value > values[own]).count();
        let ranks = |row: &[f32]| {
            let by_score: Vec<f64> = row.iter().map(|&p| f64::from(p)).collect();
            let percentile =
                |(at, &p): (usize, &f32)| background.percentile(at, p) + f64::from(p) * 1e-6;
            let by_percentile: Vec<f64> = row.iter().enumerate().map(percentile).collect();
            let standard = |(at, &p): (usize, &f32)| (logit(p) - moments[at].0) / moments[at].1;
            let by_standard: Vec<f64> = row.iter().enumerate().map(standard).collect();
            [rank(&by_score), rank(&by_percentile), rank(&by_standard)]
        };
        self.of_actives.chunks(width).map(ranks).collect()
    }
}

/// How often an active's own target is among the first of all.
pub(crate) fn fishing_line(ranks: &[[usize; 3]], targets: usize) -> Value {
    let of = |at: usize| {
        let mut own: Vec<usize> = ranks.iter().map(|ranks| ranks[at]).collect();
        own.sort_unstable();
        let within = |k: usize| {
            let found = own.partition_point(|&rank| rank <= k) as f64;
            (found / own.len().max(1) as f64 * 1e4).round() / 1e4
        };
        json!({ "top_1": within(1), "top_5": within(5), "top_10": within(10), "top_50": within(50),
                "median_rank": own.get(own.len() / 2) })
    };
    json!({ "target_fishing": "actives of the targets of the model, rank of their own target",
            "actives": ranks.len(), "targets": targets,
            "probability": of(0), "percentile": of(1), "standard_score": of(2) })
}
