//! What of a search is kept for its table and report, and where it comes from.

use rustc_hash::FxHashSet;
use serde::Serialize;
use strata_chem::optimize::{Outcome, Wanted};
use strata_core::provenance::{Featuriser, Provenance as ModelProvenance};

use super::job::OptimizeJob;
use super::library::LibraryInfo;
use crate::screen::Provenance;

/// A candidate that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its number among the candidates.
    pub id: u32,
    /// Its place by fitness, from 1.
    pub rank: usize,
    /// Its front among what is written, from 1.
    pub front: u32,
}

/// The best, and as many members of the Pareto front beyond them, by falling fitness: with many goals most
/// candidates are on the front.
pub(super) fn hits(outcome: &Outcome, on_front: &[bool], top: usize) -> Vec<Hit> {
    let front: FxHashSet<u32> = outcome.front.iter().copied().collect();
    let ranked = || (1..).zip(outcome.ranking.iter().copied());
    let beyond = ranked().skip(top).filter(|(_, id)| front.contains(id)).take(top);
    let kept: Vec<(usize, u32)> = ranked().take(top).chain(beyond).collect();
    let ids: Vec<u32> = kept.iter().map(|one| one.1).collect();
    let fronts = outcome.fronts_of(&ids, on_front);
    kept.into_iter().zip(fronts).map(|((rank, id), front)| Hit { id, rank, front }).collect()
}

/// Where a result comes from. Holds nothing that changes from run to run.
#[derive(Debug, Clone, Serialize)]
pub struct OptimizeProvenance {
    /// Version of the program.
    pub strata: String,
    /// The scenario whose score is raised, with its version and SHA-256.
    pub scenario: Option<String>,
    /// The goals that were given, in words.
    pub goals: Vec<String>,
    /// The models, in the order of their columns.
    pub models: Vec<ModelProvenance>,
    /// What made their features.
    pub featurisers: Vec<Featuriser>,
    /// The starts' file, or `SMILES`.
    pub input: String,
    /// Canonical SMILES of the starts.
    pub starts: Vec<String>,
    /// The library the moves are from.
    pub library: Option<LibraryInfo>,
    /// Candidates that may be scored.
    pub budget: usize,
    /// The random choices.
    pub seed: u64,
    /// Islands, molecules on each, candidates scored at once.
    pub islands: [usize; 3],
    /// Least similarity to the nearest start.
    pub similarity: f64,
    /// Whether the scaffold was kept.
    pub keep_scaffold: bool,
    /// Candidates scored.
    pub candidates: usize,
}

impl OptimizeProvenance {
    pub(super) fn new(job: &OptimizeJob, screening: &Provenance) -> Self {
        let stamp = &screening.scenario;
        let scenario = format!("{} {} {}", stamp.name, stamp.version, stamp.sha256);
        let settings = &job.settings;
        Self {
            strata: screening.strata.clone(),
            scenario: job.scenario.is_some().then_some(scenario),
            goals: job.goals.iter().map(|goal| said(&goal.name, &goal.wanted)).collect(),
            models: screening.models.clone(),
            featurisers: screening.featurisers.clone(),
            input: job.input_name.clone(),
            starts: job.starts.iter().map(|start| start.mol.canonical_smiles()).collect(),
            library: None,
            budget: settings.budget,
            seed: settings.seed,
            islands: [settings.islands, settings.population, settings.batch],
            similarity: job.constraints.similarity,
            keep_scaffold: job.constraints.keep_scaffold,
            candidates: 0,
        }
    }

    /// As JSON for people and programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Serialising plain strings and numbers cannot fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// A goal in words.
pub(crate) fn said(name: &str, wanted: &Wanted) -> String {
    match wanted {
        Wanted::Max => format!("{name}=max"),
        Wanted::Min => format!("{name}=min"),
        Wanted::Range { low, high } => {
            let end =
                |value: f64| if value.is_finite() { value.to_string() } else { String::new() };
            format!("{name}={}..{}", end(*low), end(*high))
        }
        Wanted::Shaped(_) => format!("{name} as the scenario wants it"),
    }
}
