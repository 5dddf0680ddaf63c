//! The search: generations on islands, scored in batches, until the budget is spent.
use rayon::prelude::*;

use crate::Mol;

use super::archive::{Archive, Candidate, Step};
use super::constraint::{Gate, Start};
use super::goal::Shape;
use super::moves::{Luck, Move, stream};
use super::propose::{Parent, Pool, Proposal, Proposer};
use super::{MAX_BUDGET, OptimizeError, Problem, Scorer, Values, fronts};

/// Generations between visits of an island's best to the next island.
const VISITS: u64 = 6;

/// Generations without anything new after which the search is over.
const PATIENCE: usize = 12;

/// Least desirability in the mean, so that one zero does not make all else equal.
const FLOOR: f64 = 1e-4;

/// What became of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Changes that were tried.
    pub tried: u64,
    /// The molecule had no place for the change.
    pub impossible: u64,
    /// The changed graph was no molecule.
    pub invalid: u64,
    /// The product was known.
    pub known: u64,
    /// It was too unlike the start.
    pub unlike: u64,
    /// It lost the scaffold.
    pub scaffold: u64,
    /// Its size, oddities, alerts, charges or accessibility were against it.
    pub unfit: u64,
    /// It passed.
    pub proposed: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.impossible += other.impossible;
        self.invalid += other.invalid;
        self.known += other.known;
        self.unlike += other.unlike;
        self.scaffold += other.scaffold;
        self.unfit += other.unfit;
        self.proposed += other.proposed;
    }
}

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Status {
    /// Candidates scored.
    pub scored: usize,
    /// Candidates that may be.
    pub budget: usize,
    /// Best fitness among those within the limits.
    pub best: f64,
    /// Members of the Pareto front.
    pub front: usize,
}

/// Hears how far a search is and may end it.
pub trait Control {
    /// Called after every generation; false ends the search with what there is.
    fn go_on(&mut self, status: &Status) -> bool;
}

/// How often a move made a candidate, and how often that candidate stayed on its island.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveCount {
    /// The move.
    pub step: Move,
    /// Candidates.
    pub made: u64,
    /// Those that stayed.
    pub stayed: u64,
}

/// What came out.
#[derive(Debug)]
pub struct Outcome {
    /// All that was scored, starts first.
    pub candidates: Vec<Candidate>,
    /// Those within the limits that are no starts, best first.
    pub ranking: Vec<u32>,
    /// The members of the Pareto front among them and the starts, by falling fitness.
    pub front: Vec<u32>,
    /// The front's axes of each candidate, in order: the goals' desirabilities, or with a single goal that and
    /// the similarity.
    pub axes: Vec<String>,
    /// The goals' curves.
    pub shapes: Vec<Shape>,
    /// What became of changes.
    pub tally: Tally,
    /// What became of each move's candidates.
    pub moves: Vec<MoveCount>,
    /// Molecules the scorer could not score.
    pub unscored: u64,
    /// Whether the control ended it.
    pub stopped: bool,
}

impl Outcome {
    /// A candidate's point on the front's axes; larger is better.
    #[must_use]
    pub fn point(&self, candidate: &Candidate, on_front: &[bool]) -> Vec<f64> {
        point(candidate.similarity, &candidate.desirability, on_front)
    }

    /// The steps from the start to a candidate, itself last.
    #[must_use]
    pub fn derivation(&self, id: u32) -> Vec<u32> {
        let mut way = vec![id];
        // Parents come before their products.
        while let Some(parent) = way
            .last()
            .and_then(|&at| self.candidates.get(at as usize))
            .and_then(|candidate| candidate.step.parent)
        {
            way.push(parent);
        }
        way.reverse();
        way
    }

    /// Number of the front of each of some candidates among themselves, from 1.
    #[must_use]
    pub fn fronts_of(&self, ids: &[u32], on_front: &[bool]) -> Vec<u32> {
        let known = ids.iter().filter_map(|&id| self.candidates.get(id as usize));
        fronts(&known.map(|candidate| self.point(candidate, on_front)).collect::<Vec<_>>())
    }
}

fn point(similarity: f64, desirability: &[f64], on_front: &[bool]) -> Vec<f64> {
    let axes = desirability.iter().zip(on_front).filter(|(_, on)| **on).map(|(value, _)| *value);
    let mut point: Vec<f64> = axes.collect();
    if point.len() < 2 {
        point.push(similarity);
    }
    point
}

/// An island: the molecules that live there, best first.
struct Island {
    members: Vec<(f64, u32)>,
    luck: Luck,
}

impl Island {
    /// Lets a candidate in if it is better than the worst, or there is room; whether it stayed.
    fn settle(&mut self, fitness: f64, id: u32, room: usize) -> bool {
        if self.members.iter().any(|member| member.1 == id) {
            return false;
        }
        let place = self.members.partition_point(|member| member.0 >= fitness);
        self.members.insert(place, (fitness, id));
        self.members.truncate(room);
        place < room
    }
}

/// The state of a search.
struct Search<'a> {
    problem: &'a Problem<'a>,
    scorer: &'a dyn Scorer,
    /// Column and curve of each goal, and column of each limit.
    goals: Vec<(usize, Shape)>,
    limits: Vec<usize>,
    on_front: Vec<bool>,
    archive: Archive,
    islands: Vec<Island>,
    tally: Tally,
    moves: Vec<MoveCount>,
    unscored: u64,
    /// Best fitness within the limits.
    best: f64,
}

/// Searches for better analogues of the starts.
///
/// # Errors
/// [`OptimizeError`]: no start, a start that cannot be changed or scored, a goal nothing computes, numbers out of
/// range, or a scorer that gives up.
pub fn run(
    starts: &[Mol],
    problem: &Problem<'_>,
    scorer: &dyn Scorer,
    control: &mut dyn Control,
) -> Result<Outcome, OptimizeError> {
    check(starts, problem)?;
    let prepared: Vec<Start> = (1..)
        .zip(starts)
        .map(|(number, mol)| {
            Start::new(mol).map_err(|source| OptimizeError::Start { number, source })
        })
        .collect::<Result<_, _>>()?;
    let gate = Gate::new(&problem.constraints, &prepared);
    let proposer = Proposer { moves: problem.moves, gate: &gate };
    let mut search = Search::begin(&gate, problem, scorer)?;
    let (mut generation, mut idle, mut stopped) = (0, 0, false);
    let budget = problem.settings.budget;
    while search.archive.candidates.len() < budget && idle < PATIENCE {
        if !control.go_on(&search.status()) {
            stopped = true;
            break;
        }
        let proposals = search.propose(&proposer, generation);
        idle = if proposals.is_empty() { idle + 1 } else { 0 };
        search.score(proposals)?;
        generation += 1;
        if generation % VISITS == 0 {
            search.visit();
        }
    }
    control.go_on(&search.status());
    Ok(search.finish(stopped))
}

fn check(starts: &[Mol], problem: &Problem<'_>) -> Result<(), OptimizeError> {
    let settings = &problem.settings;
    let fault = |text: &str| Err(OptimizeError::Parameter(text.to_owned()));
    match () {
        () if starts.is_empty() => fault("there is no start molecule"),
        () if problem.goals.is_empty() => fault("there is no goal, such as QED=max"),
        () if !problem.goals.iter().any(|goal| goal.weight > 0.0) => {
            fault("no goal has a weight above 0")
        }
        () if !(0.0..=1.0).contains(&problem.constraints.similarity) => {
            fault("the similarity must lie between 0 and 1")
        }
        () if settings.budget <= starts.len() || settings.budget > MAX_BUDGET => {
            fault("the budget must be larger than the number of starts and at most 1,000,000")
        }
        () if !(1..=64).contains(&settings.islands)
            || !(2..=10_000).contains(&settings.population)
            || !(1..=4096).contains(&settings.batch) =>
        {
            fault("islands: 1 to 64; population: 2 to 10,000; batch: 1 to 4,096")
        }
        () => Ok(()),
    }
}

impl<'a> Search<'a> {
    /// Scores the starts and puts them on every island.
    fn begin(
        gate: &Gate<'_>,
        problem: &'a Problem<'a>,
        scorer: &'a dyn Scorer,
    ) -> Result<Self, OptimizeError> {
        let columns = scorer.columns();
        let column = |name: &String| {
            columns.iter().position(|known| known == name).ok_or_else(|| OptimizeError::Unknown {
                name: name.clone(),
                known: columns.join(", "),
            })
        };
        let at: Vec<usize> =
            problem.goals.iter().map(|goal| column(&goal.name)).collect::<Result<_, _>>()?;
        let limits = problem.constraints.limits.iter().map(|limit| column(&limit.name));
        let limits = limits.collect::<Result<_, _>>()?;
        let products: Vec<_> = gate.starts.iter().map(|start| &start.product).collect();
        let values = scorer.score(&products)?;
        let mean = |column: usize| {
            let known: Vec<f64> =
                values.iter().flatten().filter_map(|row| row.get(column).copied()?).collect();
            (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
        };
        let goals = at.iter().zip(&problem.goals).map(|(&at, goal)| (at, goal.shape(mean(at))));
        let settings = &problem.settings;
        let island = || Island { members: Vec::new(), luck: Luck::new(problem.moves) };
        let mut search = Self {
            goals: goals.collect(),
            limits,
            on_front: problem.goals.iter().map(|goal| goal.on_front).collect(),
            archive: Archive::default(),
            islands: (0..settings.islands).map(|_| island()).collect(),
            tally: Tally::default(),
            moves: Move::ALL.map(|step| MoveCount { step, made: 0, stayed: 0 }).to_vec(),
            unscored: 0,
            best: 0.0,
            problem,
            scorer,
        };
        for (number, (product, values)) in products.into_iter().zip(values).enumerate() {
            let source = || crate::edit::refused("it cannot be scored");
            let values = values
                .ok_or_else(|| OptimizeError::Start { number: number + 1, source: source() })?;
            if !search.archive.note(&product.smiles) {
                continue;
            }
            let step = Step { step: Move::Start, detail: String::new(), parent: None, mate: None };
            let mut candidate = search.candidate(&product.smiles, values, step);
            candidate.similarity = 1.0;
            candidate.start = number as u32;
            candidate.origin.clone_from(&product.origin);
            candidate.changed = vec![false; product.origin.len()];
            let (fitness, id) = (candidate.fitness, candidate.id);
            search.keep(candidate);
            for island in &mut search.islands {
                island.settle(fitness, id, settings.population);
            }
        }
        Ok(search)
    }

    fn candidate(&self, smiles: &str, values: Values, step: Step) -> Candidate {
        let value = |column: usize| values.get(column).copied().flatten();
        let desirability: Vec<f64> = self
            .goals
            .iter()
            .map(|&(column, shape)| value(column).map_or(0.0, |value| shape.of(value)))
            .collect();
        let (mut sum, mut weights) = (0.0, 0.0);
        for (goal, part) in self.problem.goals.iter().zip(&desirability) {
            sum += goal.weight * part.max(FLOOR).ln();
            weights += goal.weight;
        }
        let limits = self.problem.constraints.limits.iter().zip(&self.limits);
        let broken = limits
            .filter(|(limit, column)| {
                value(**column).is_none_or(|value| value < limit.low || value > limit.high)
            })
            .count();
        Candidate {
            id: self.archive.next_id(),
            smiles: smiles.to_owned(),
            values,
            desirability,
            // A broken limit halves the fitness: such molecules may be on the way, never hits.
            fitness: (sum / weights).exp() * 0.5f64.powi(broken as i32),
            similarity: 0.0,
            within_limits: broken == 0,
            start: 0,
            step,
            depth: 0,
            changed: Vec::new(),
            origin: Vec::new(),
        }
    }

    fn keep(&mut self, candidate: Candidate) {
        let point = point(candidate.similarity, &candidate.desirability, &self.on_front);
        let hit = candidate.within_limits;
        if hit {
            self.best = self.best.max(candidate.fitness);
        }
        self.archive.keep(candidate, hit.then_some(&point));
    }

    fn parent(&self, id: u32) -> Parent<'_> {
        let candidate = &self.archive.candidates[id as usize];
        Parent {
            id,
            smiles: &candidate.smiles,
            start: candidate.start,
            origin: &candidate.origin,
            changed: &candidate.changed,
        }
    }

    /// A generation's proposals, each once, with their islands.
    fn propose(&mut self, proposer: &Proposer<'_>, generation: u64) -> Vec<(usize, Proposal)> {
        let settings = &self.problem.settings;
        let left = settings.budget - self.archive.candidates.len();
        let wanted = settings.batch.min(left);
        let this = &*self;
        let made: Vec<_> = (0..wanted)
            .into_par_iter()
            .map(|slot| {
                let island = slot % settings.islands;
                let mut random = stream(settings.seed, [generation, island as u64, slot as u64]);
                let pick = |random: &mut crate::split::Random| {
                    let members = &this.islands[island].members;
                    let front = &this.archive.front;
                    // Now and then from the front, whose members may live nowhere.
                    let from_front = random.below(8) == 0;
                    let id = front.get(random.below(front.len())).filter(|_| from_front);
                    // The best of two: members are sorted.
                    let best = random.below(members.len()).min(random.below(members.len()));
                    this.parent(id.unwrap_or_else(|| members[best].1))
                };
                let known = |smiles: &str| this.archive.knows(smiles);
                let luck = &this.islands[island].luck;
                (island, proposer.propose(&Pool { pick: &pick, known: &known }, luck, &mut random))
            })
            .collect();
        let mut fresh = Vec::with_capacity(made.len());
        for (island, (proposal, tally)) in made {
            self.tally.add(&tally);
            // Two places may have found the same.
            if let Some(proposal) = proposal.filter(|p| self.archive.note(&p.product.smiles)) {
                fresh.push((island, proposal));
            }
        }
        fresh
    }

    /// Scores proposals and lets the good ones live.
    fn score(&mut self, proposals: Vec<(usize, Proposal)>) -> Result<(), OptimizeError> {
        let products: Vec<_> = proposals.iter().map(|(_, proposal)| &proposal.product).collect();
        let values = self.scorer.score(&products)?;
        for island in &mut self.islands {
            island.luck.fade();
        }
        for ((island, proposal), values) in proposals.into_iter().zip(values) {
            let Some(values) = values else {
                self.unscored += 1;
                continue;
            };
            let Proposal { product, step, detail, parent, mate, start, similarity, .. } = proposal;
            let how = Step { step, detail, parent: Some(parent), mate };
            let mut candidate = self.candidate(&product.smiles, values, how);
            (candidate.start, candidate.similarity) = (start, similarity);
            candidate.depth = self.archive.candidates[parent as usize].depth + 1;
            (candidate.origin, candidate.changed) = (proposal.origin, proposal.changed);
            let (fitness, id) = (candidate.fitness, candidate.id);
            self.keep(candidate);
            let home = &mut self.islands[island];
            let stayed = home.settle(fitness, id, self.problem.settings.population);
            home.luck.count(step, stayed);
            if let Some(count) = self.moves.iter_mut().find(|count| count.step == step) {
                count.made += 1;
                count.stayed += u64::from(stayed);
            }
        }
        Ok(())
    }

    /// The best of each island also lives on the next one.
    fn visit(&mut self) {
        let best: Vec<Option<(f64, u32)>> =
            self.islands.iter().map(|island| island.members.first().copied()).collect();
        let count = self.islands.len();
        for (at, visitor) in best.into_iter().enumerate() {
            if let Some((fitness, id)) = visitor {
                let next = &mut self.islands[(at + 1) % count];
                next.settle(fitness, id, self.problem.settings.population);
            }
        }
    }

    fn status(&self) -> Status {
        Status {
            scored: self.archive.candidates.len(),
            budget: self.problem.settings.budget,
            best: self.best,
            front: self.archive.front.len(),
        }
    }

    fn finish(self, stopped: bool) -> Outcome {
        let Self { archive: Archive { candidates, front, .. }, .. } = self;
        let by_fitness = |a: &u32, b: &u32| {
            let fitness = |id: &u32| candidates[*id as usize].fitness;
            fitness(b).total_cmp(&fitness(a)).then(a.cmp(b))
        };
        let hit =
            |candidate: &&Candidate| candidate.within_limits && candidate.step.step != Move::Start;
        let mut ranking: Vec<u32> = candidates.iter().filter(hit).map(|c| c.id).collect();
        ranking.sort_by(by_fitness);
        let mut front: Vec<u32> = front.ids().collect();
        front.sort_by(by_fitness);
        let goals = self.problem.goals.iter().filter(|goal| goal.on_front);
        let mut axes: Vec<String> = goals.map(|goal| goal.name.clone()).collect();
        if axes.len() < 2 {
            axes.push("similarity".to_owned());
        }
        Outcome {
            ranking,
            front,
            axes,
            shapes: self.goals.iter().map(|goal| goal.1).collect(),
            tally: self.tally,
            moves: self.moves,
            unscored: self.unscored,
            stopped,
            candidates,
        }
    }
}
