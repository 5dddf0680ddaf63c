//! The constrained tasks of the field (Jin et al. 2018): raise penalised logP, or bring QED above 0.9, near the start.
//!
//! `bench_optimize [STARTS [BUDGET [SEED [MOLECULES.smi.gz [LIBRARY.smi [BEST.tsv]]]]]]` prints one JSON line a task.
//! Molecules are those of `data/drug/smiles_union` under `STRATA_SHARED` where no file is given. Penalised logP is
//! logP - SA - max(0, largest ring - 6), not normalised; its starts are the lowest 1 of 30 of a seeded sample. The
//! improvement is also given in the normalised units some papers use. The scorer is this crate's Crippen logP, SA
//! score and QED; moves are mined from LIBRARY (the demo library where none is given), starts taken out. BEST.tsv gets
//! each start and its best, for `bench/peers/rdkit_optimize.py` to check.
#![allow(clippy::print_stdout, reason = "the figures are the output")]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::time::Instant;

use rayon::prelude::*;
use strata_chem::descriptors::MolProfile;
use strata_chem::edit::Product;
use strata_chem::edit::fragments::FragmentLimits;
use strata_chem::edit::pairs::PairLimits;
use strata_chem::optimize::{
    Constraints, Control, Goal, Move, MoveSet, OptimizeError, Outcome, Problem, Scorer, Settings,
    Status, Values, Wanted, run,
};
use strata_chem::split::Random;
use strata_chem::{Mol, qed, sa_score};

/// Molecules a start of the first task is the lowest of.
const LOWEST_OF: usize = 30;

/// Mean and standard deviation of logP, -SA and -cycle over ZINC, as papers normalise with.
const ZINC: [(f64, f64); 3] = [
    (2.457_095_396_190_123, 1.434_324_346_402_933_7),
    (-3.052_501_729_320_331, 0.833_534_992_922_041_8),
    (-0.048_569_624_210_327_4, 0.286_021_135_095_832_17),
];

struct Properties {
    columns: Vec<String>,
}

impl Properties {
    fn new() -> Self {
        let columns = ["penalized_logP", "QED", "MolLogP", "SA", "ring_penalty"];
        Self { columns: columns.map(str::to_owned).to_vec() }
    }

    fn of(mol: &Mol) -> Values {
        let profile = MolProfile::new(mol);
        let logp = profile.crippen().logp();
        let sa = sa_score::sa_of(&profile).unwrap_or(10.0);
        let largest = mol.rings().atom_rings().map(<[u32]>::len).max().unwrap_or(0);
        let ring = largest.saturating_sub(6) as f64;
        [logp - sa - ring, qed::qed_of(&profile), logp, sa, ring].map(Some).to_vec()
    }
}

impl Scorer for Properties {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn score(&self, molecules: &[&Product]) -> Result<Vec<Option<Values>>, OptimizeError> {
        Ok(molecules.par_iter().map(|product| Some(Self::of(&product.mol))).collect())
    }
}

struct Go;

impl Control for Go {
    fn go_on(&mut self, _: &Status) -> bool {
        true
    }
}

fn normalised(values: &Values) -> f64 {
    let parts = [2, 3, 4].map(|at: usize| values[at].unwrap_or(0.0));
    let signed = [parts[0], -parts[1], -parts[2]];
    signed.iter().zip(ZINC).map(|(value, (mean, sd))| (value - mean) / sd).sum()
}

/// Molecules as in the tasks' own sets: one piece, neutral, drug-sized, of the usual elements.
fn fit(line: &str) -> Option<Mol> {
    let mol = Mol::from_smiles(line.split_whitespace().next()?).ok()?;
    let usual = |e: u8| matches!(e, 6 | 7 | 8 | 9 | 15 | 16 | 17 | 35 | 53);
    let fine = (10..=38).contains(&mol.num_atoms())
        && mol.components().1 == 1
        && mol.atoms().iter().all(|a| usual(a.element) && a.isotope == 0 && a.radicals == 0)
        && mol.atoms().iter().map(|a| i32::from(a.charge)).sum::<i32>() == 0;
    fine.then_some(mol)
}

/// Drug-sized molecules of a file, shuffled by the seed.
fn read(path: &str, seed: u64, count: usize) -> Result<Vec<Mol>, Box<dyn Error>> {
    let file = std::fs::File::open(path)?;
    let reader: Box<dyn BufRead> = match path.ends_with(".gz") {
        true => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
        false => Box::new(BufReader::new(file)),
    };
    let mut lines = reader.lines().collect::<Result<Vec<String>, _>>()?;
    Random::new(seed).shuffle(&mut lines);
    Ok(lines.iter().filter_map(|line| fit(line)).take(count).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut number = |usual: u64| args.next().map_or(Ok(usual), |text| text.parse::<u64>());
    let (starts, budget, seed) = (number(200)? as usize, number(1000)? as usize, number(1)?);
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/demo-library.smi");
    let shared = std::env::var("STRATA_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let union = || format!("{shared}/data/drug/smiles_union/union.smi.gz");
    let path = args.next().unwrap_or_else(union);
    let library = args.next().unwrap_or_else(|| demo.to_owned());
    let mut best = args.next().map(std::fs::File::create).transpose()?;
    if !std::path::Path::new(&path).is_file() {
        println!(
            "{}",
            serde_json::json!({ "what": "skipped", "why": "no molecules: set STRATA_SHARED" })
        );
        return Ok(());
    }
    let sample = read(&path, seed, starts * LOWEST_OF)?;
    let mut scored: Vec<(Values, &Mol)> =
        sample.par_iter().map(|mol| (Properties::of(mol), mol)).collect();
    scored.sort_by(|a, b| a.0[0].partial_cmp(&b.0[0]).unwrap_or(std::cmp::Ordering::Equal));
    let low: Vec<&Mol> = scored.iter().take(starts).map(|one| one.1).collect();
    let middling = |mol: &&Mol| (0.7..=0.8).contains(&qed::qed(mol));
    let drugs: Vec<&Mol> = sample.iter().filter(middling).take(starts).collect();
    let began = Instant::now();
    let known: std::collections::HashSet<String> =
        low.iter().chain(&drugs).map(|mol| mol.canonical_smiles()).collect();
    let mut mined = read(&library, seed.wrapping_add(1), 4_000)?;
    mined.retain(|mol| !known.contains(&mol.canonical_smiles()));
    let limits = (&FragmentLimits::default(), &PairLimits::default());
    let moves = MoveSet::mine(&mined, (&[], &[]), limits);
    println!(
        "{}",
        serde_json::json!({
            "what": "moves", "library": library.rsplit('/').next(), "molecules": mined.len(),
            "fragments": moves.fragments.all().len(),
            "transformations": moves.pairs.transformations().len(),
            "seconds": round(began.elapsed().as_secs_f64()),
        })
    );
    for (name, goal, similarity, from) in [
        ("penalized logP", Goal::new("penalized_logP", Wanted::Max), 0.4, &low),
        ("penalized logP", Goal::new("penalized_logP", Wanted::Max), 0.6, &low),
        ("QED above 0.9", Goal::new("QED", Wanted::Max), 0.4, &drugs),
    ] {
        let task = Task { goal, similarity, budget, seed };
        let (line, pairs) = task.run(name, from, &moves)?;
        println!("{line}");
        if let Some(file) = &mut best {
            file.write_all(pairs.as_bytes())?;
        }
    }
    Ok(())
}

struct Task {
    goal: Goal,
    similarity: f64,
    budget: usize,
    seed: u64,
}

impl Task {
    fn run(
        &self,
        name: &str,
        starts: &[&Mol],
        moves: &MoveSet,
    ) -> Result<(serde_json::Value, String), OptimizeError> {
        let column = usize::from(self.goal.name == "QED");
        let began = Instant::now();
        let mut pairs = String::new();
        let (mut gains, mut norms, mut alike, mut firsts) = (vec![], vec![], vec![], vec![]);
        let (mut scored, mut success, mut valid, mut improved) = (0, 0, 0, 0);
        let mut tries: Vec<(Move, u64, u64)> = Vec::new();
        for (at, start) in starts.iter().enumerate() {
            let problem = Problem {
                goals: vec![self.goal.clone()],
                constraints: Constraints { similarity: self.similarity, ..Constraints::default() },
                moves,
                settings: Settings {
                    budget: self.budget,
                    seed: self.seed.wrapping_add(at as u64),
                    ..Settings::default()
                },
            };
            let outcome = run(&[(*start).clone()], &problem, &Properties::new(), &mut Go)?;
            scored += outcome.candidates.len();
            valid += reads_back(&outcome);
            let value =
                |id: u32| outcome.candidates[id as usize].values[column].unwrap_or(f64::NAN);
            for count in &outcome.moves {
                match tries.iter_mut().find(|known| known.0 == count.step) {
                    Some(known) => {
                        (known.1, known.2) = (known.1 + count.made, known.2 + count.stayed);
                    }
                    None => tries.push((count.step, count.made, count.stayed)),
                }
            }
            firsts.push(value(0));
            let best = outcome.ranking.first().copied().unwrap_or(0);
            let better = value(best) > value(0);
            let best = if better { best } else { 0 };
            improved += usize::from(better);
            success += usize::from(if column == 1 { value(best) >= 0.9 } else { better });
            gains.push(value(best) - value(0));
            let of = |id: u32| normalised(&outcome.candidates[id as usize].values);
            norms.push(of(best) - of(0));
            let (first, found) = (&outcome.candidates[0], &outcome.candidates[best as usize]);
            alike.push(found.similarity);
            pairs += &format!(
                "{name}\t{}\t{}\t{}\t{}\t{}\t{}\n",
                self.similarity,
                first.smiles,
                value(0),
                found.smiles,
                value(best),
                found.similarity
            );
        }
        let seconds = began.elapsed().as_secs_f64();
        let share = |part: usize| round(part as f64 / starts.len().max(1) as f64);
        let moves: serde_json::Map<String, serde_json::Value> = tries
            .iter()
            .map(|(step, made, stayed)| (step.name().to_owned(), serde_json::json!([made, stayed])))
            .collect();
        let line = serde_json::json!({
            "what": name, "similarity": self.similarity, "starts": starts.len(),
            "budget_each": self.budget, "seed": self.seed,
            "start_mean": mean(&firsts).0,
            "success": share(success), "improved": share(improved),
            "improvement_mean": mean(&gains).0, "improvement_sd": mean(&gains).1,
            "improvement_normalised_mean": mean(&norms).0, "improvement_normalised_sd": mean(&norms).1,
            "similarity_of_best_mean": mean(&alike).0,
            "candidates": scored, "valid": round(valid as f64 / scored.max(1) as f64),
            "seconds": round(seconds), "candidates_per_second": (scored as f64 / seconds).round(),
            "threads": rayon::current_num_threads(), "moves_made_and_stayed": moves,
        });
        Ok((line, pairs))
    }
}

/// Candidates whose SMILES is read to the same canonical SMILES.
fn reads_back(outcome: &Outcome) -> usize {
    let same =
        |smiles: &str| Mol::from_smiles(smiles).is_ok_and(|mol| mol.canonical_smiles() == smiles);
    outcome.candidates.par_iter().filter(|candidate| same(&candidate.smiles)).count()
}

/// Mean and standard deviation.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
    (round(mean), round(spread.sqrt()))
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
