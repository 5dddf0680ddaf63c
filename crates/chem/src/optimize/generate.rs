//! A focused library: molecules around a start or on a scaffold, made by the same moves without a scorer.
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::Mol;
use crate::scaffold::murcko_smiles;
use crate::split::Random;

use super::archive::Step;
use super::constraint::{Constraints, Gate, Start, tanimoto, words_of};
use super::moves::{Luck, Move, MoveSet, stream};
use super::propose::{Parent, Pool, Proposer};
use super::search::{Control, Status, Tally};
use super::{MAX_BUDGET, OptimizeError};

/// Steps from the start at most: further away the library is no longer focused.
const DEEPEST: u32 = 6;

/// Proposals made at once.
const BATCH: usize = 128;

/// Batches that bring nothing new after which there is no more.
const PATIENCE: usize = 12;

/// Molecules whose pairs the internal diversity is taken over.
const DIVERSITY_SAMPLE: usize = 2_000;

/// Where a library is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// Analogues of the molecule.
    Molecule,
    /// Molecules that hold the given scaffold unchanged.
    Scaffold,
}

/// A molecule of the library.
#[derive(Debug, Clone)]
pub struct GeneratedMolecule {
    /// Canonical SMILES.
    pub smiles: String,
    /// Similarity to the start.
    pub similarity: f64,
    /// How it came about; parents are places in [`Generated::molecules`], the start being none.
    pub step: Step,
    /// Steps from the start.
    pub depth: u32,
    /// Atoms that are new or changed since the start.
    pub changed: Vec<bool>,
    /// Whether the library it was mined from lacks it.
    pub novel: bool,
    /// Canonical SMILES of its Murcko scaffold.
    pub scaffold: String,
    origin: Vec<Option<u32>>,
}

/// The figures of a generated library, each a share from 0 to 1 but for the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Figures {
    /// Molecules.
    pub molecules: usize,
    /// Share of the changed graphs that were molecules; those that were not are dropped.
    pub graphs_valid: f64,
    /// Share of the molecules that read back to their own canonical SMILES.
    pub validity: f64,
    /// Share of proposals that were new to this library.
    pub uniqueness: f64,
    /// Share of molecules that the mined library lacks.
    pub novelty: f64,
    /// Mean Tanimoto distance of ECFP4 over pairs (of a sample of 2,000 molecules).
    pub internal_diversity: f64,
    /// Murcko scaffolds.
    pub scaffolds: usize,
    /// Scaffolds for each molecule.
    pub scaffold_diversity: f64,
}

/// A generated library.
#[derive(Debug)]
pub struct Generated {
    /// The molecules, in the order in which they were found.
    pub molecules: Vec<GeneratedMolecule>,
    /// Its figures.
    pub figures: Figures,
    /// What became of changes.
    pub tally: Tally,
    /// Whether the control ended it.
    pub stopped: bool,
}

/// Makes a library of `count` molecules around a start; `known` are canonical SMILES that are not novel.
///
/// # Errors
/// A start that cannot be changed, or a count of 0 or above 1,000,000.
pub fn generate(
    (start, around): (&Mol, Around),
    (moves, constraints, known): (&MoveSet, &Constraints, &FxHashSet<String>),
    (count, seed): (usize, u64),
    control: &mut dyn Control,
) -> Result<Generated, OptimizeError> {
    if count == 0 || count > MAX_BUDGET {
        return Err(OptimizeError::Parameter("the count must be from 1 to 1,000,000".to_owned()));
    }
    let prepared =
        Start::new(start).map_err(|source| OptimizeError::Start { number: 1, source })?;
    let starts = [prepared];
    let mut constraints = constraints.clone();
    constraints.keep_scaffold |= around == Around::Scaffold;
    if around == Around::Scaffold && constraints.max_atoms.is_none() {
        // A bare scaffold is small: leave room for what is put on it.
        constraints.max_atoms = Some(start.num_atoms() + 22);
    }
    let gate = Gate::new(&constraints, &starts);
    let proposer = Proposer { moves, gate: &gate };
    let first = GeneratedMolecule {
        smiles: starts[0].product.smiles.clone(),
        similarity: 1.0,
        step: Step { step: Move::Start, detail: String::new(), parent: None, mate: None },
        depth: 0,
        changed: vec![false; starts[0].product.mol.num_atoms()],
        novel: false,
        scaffold: String::new(),
        origin: starts[0].product.origin.clone(),
    };
    let mut walk = Walk { made: vec![first], seen: FxHashSet::default(), tally: Tally::default() };
    walk.seen.insert(walk.made[0].smiles.clone());
    let (mut round, mut idle, mut stopped) = (0, 0, false);
    while walk.made.len() <= count && idle < PATIENCE {
        let status = Status { scored: walk.made.len() - 1, budget: count, best: 0.0, front: 0 };
        if !control.go_on(&status) {
            stopped = true;
            break;
        }
        let before = walk.made.len();
        walk.round(&proposer, moves, (seed, round, count + 1 - before));
        idle = if walk.made.len() == before { idle + 1 } else { 0 };
        round += 1;
    }
    Ok(walk.finish(known, stopped))
}

struct Walk {
    made: Vec<GeneratedMolecule>,
    seen: FxHashSet<String>,
    tally: Tally,
}

impl Walk {
    fn round(
        &mut self,
        proposer: &Proposer<'_>,
        moves: &MoveSet,
        (seed, round, wanted): (u64, u64, usize),
    ) {
        let luck = Luck::new(moves);
        let this = &*self;
        let pick = |random: &mut Random| {
            // The start one time of four, else any molecule that is not too far away.
            let mut at = random.below(this.made.len());
            if random.below(4) == 0 || this.made[at].depth >= DEEPEST {
                at = 0;
            }
            let one = &this.made[at];
            Parent {
                id: at as u32,
                smiles: &one.smiles,
                start: 0,
                origin: &one.origin,
                changed: &one.changed,
            }
        };
        let known = |smiles: &str| this.seen.contains(smiles);
        let found: Vec<_> = (0..BATCH)
            .into_par_iter()
            .map(|slot| {
                let mut random = stream(seed, [round, 0, slot as u64]);
                proposer.propose(&Pool { pick: &pick, known: &known }, &luck, &mut random)
            })
            .collect();
        let mut left = wanted;
        for (proposal, tally) in found {
            self.tally.add(&tally);
            let Some(proposal) = proposal.filter(|_| left > 0) else { continue };
            if !self.seen.insert(proposal.product.smiles.clone()) {
                self.tally.known += 1;
                continue;
            }
            left -= 1;
            self.made.push(GeneratedMolecule {
                depth: self.made[proposal.parent as usize].depth + 1,
                smiles: proposal.product.smiles,
                similarity: proposal.similarity,
                step: Step {
                    step: proposal.step,
                    detail: proposal.detail,
                    parent: Some(proposal.parent),
                    mate: proposal.mate,
                },
                changed: proposal.changed,
                novel: false,
                scaffold: String::new(),
                origin: proposal.origin,
            });
        }
    }

    fn finish(self, known: &FxHashSet<String>, stopped: bool) -> Generated {
        let mut molecules = self.made;
        // The start is not of the library.
        molecules.remove(0);
        let read: Vec<Option<Mol>> =
            molecules.par_iter().map(|one| Mol::from_smiles(&one.smiles).ok()).collect();
        let valid = molecules
            .iter()
            .zip(&read)
            .filter(|(one, mol)| mol.as_ref().is_some_and(|m| m.canonical_smiles() == one.smiles))
            .count();
        for (one, mol) in molecules.iter_mut().zip(&read) {
            one.novel = !known.contains(&one.smiles);
            one.scaffold = mol.as_ref().and_then(|mol| murcko_smiles(mol).ok()).unwrap_or_default();
            let step = &mut one.step;
            // Places count without the start from here on.
            step.parent = step.parent.and_then(|at| at.checked_sub(1));
            step.mate = step.mate.and_then(|at| at.checked_sub(1));
        }
        let scaffolds: FxHashSet<&str> =
            molecules.iter().map(|one| one.scaffold.as_str()).collect();
        let share =
            |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let (count, tally) = (molecules.len(), &self.tally);
        let built = tally.tried - tally.impossible;
        let unique = tally.proposed as usize;
        let figures = Figures {
            molecules: count,
            graphs_valid: share((built - tally.invalid) as usize, built as usize),
            validity: share(valid, count),
            uniqueness: share(unique, unique + tally.known as usize),
            novelty: share(molecules.iter().filter(|one| one.novel).count(), count),
            internal_diversity: diversity(&read),
            scaffolds: scaffolds.len(),
            scaffold_diversity: share(scaffolds.len(), count),
        };
        Generated { molecules, figures, tally: self.tally, stopped }
    }
}

/// Mean distance over the pairs of an even sample.
fn diversity(molecules: &[Option<Mol>]) -> f64 {
    let step = molecules.len().div_ceil(DIVERSITY_SAMPLE).max(1);
    let sample: Vec<Vec<u64>> = molecules.iter().step_by(step).flatten().map(words_of).collect();
    let pairs = sample.len() * sample.len().saturating_sub(1) / 2;
    if pairs == 0 {
        return 0.0;
    }
    let rows: Vec<f64> = (0..sample.len())
        .into_par_iter()
        .map(|a| sample[a + 1..].iter().map(|b| 1.0 - tanimoto(&sample[a], b)).sum())
        .collect();
    rows.iter().sum::<f64>() / pairs as f64
}
