//! The search keeps its promises: budget, limits, likeness, scaffold, alerts, the way back, the same answer on
//! any number of threads; and it finds what is asked for.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]
#![allow(clippy::print_stdout, reason = "what was found is said")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashSet;
use strata_chem::alerts::AlertCatalog;
use strata_chem::descriptors::MolProfile;
use strata_chem::edit::Product;
use strata_chem::edit::fragments::FragmentLimits;
use strata_chem::edit::pairs::PairLimits;
use strata_chem::optimize::{
    Around, Constraints, Control, Move, MoveSet, OptimizeError, Outcome, Problem, Scorer, Settings,
    Status, Values, generate, run,
};
use strata_chem::smarts::Pattern;
use strata_chem::{Mol, qed, sa_score, scaffold};

const START: &str = "COc1ccc(cc1)C(=O)NCCc1c[nH]c2ccccc12";

static LIBRARY: LazyLock<Vec<Mol>> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/demo-library.smi");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| Mol::from_smiles(line).ok()).collect()
});

static MOVES: LazyLock<MoveSet> = LazyLock::new(|| {
    let limits = (&FragmentLimits::default(), &PairLimits::default());
    MoveSet::mine(&LIBRARY, (&[], &[]), limits)
});

/// QED, logP, SA; counts what it scored.
struct Properties {
    columns: Vec<String>,
    scored: AtomicUsize,
}

impl Properties {
    fn new() -> Self {
        let columns = ["QED", "MolLogP", "SA"].map(str::to_owned).to_vec();
        Self { columns, scored: AtomicUsize::new(0) }
    }
}

impl Scorer for Properties {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn score(&self, molecules: &[&Product]) -> Result<Vec<Option<Values>>, OptimizeError> {
        self.scored.fetch_add(molecules.len(), Ordering::Relaxed);
        let one = |product: &&Product| {
            let profile = MolProfile::new(&product.mol);
            let sa = sa_score::sa_of(&profile);
            Some(vec![Some(qed::qed_of(&profile)), Some(profile.crippen().logp()), sa])
        };
        Ok(molecules.iter().map(one).collect())
    }
}

/// Lets a search run for some generations.
struct Generations(usize);

impl Control for Generations {
    fn go_on(&mut self, status: &Status) -> bool {
        assert!(status.scored <= status.budget);
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

fn search(goals: &[&str], constraints: Constraints, settings: Settings) -> Outcome {
    let goals = goals.iter().map(|goal| goal.parse().unwrap()).collect();
    let problem = Problem { goals, constraints, moves: &MOVES, settings };
    let start = [Mol::from_smiles(START).unwrap()];
    let properties = Properties::new();
    let outcome = run(&start, &problem, &properties, &mut Generations(usize::MAX)).unwrap();
    assert_eq!(properties.scored.load(Ordering::Relaxed), outcome.candidates.len());
    outcome
}

fn settings(budget: usize, seed: u64) -> Settings {
    Settings { budget, seed, ..Settings::default() }
}

#[test]
fn a_goal_is_reached_within_budget_and_constraints() {
    let constraints = Constraints {
        similarity: 0.4,
        alerts: Some(AlertCatalog::builtin(&["pains", "brenk"]).unwrap()),
        max_sa: Some(4.0),
        limits: vec!["MolLogP=1..4".parse().unwrap()],
        ..Constraints::default()
    };
    let outcome = search(&["QED=max"], constraints, settings(1500, 1));
    assert_eq!(outcome.candidates.len(), 1500);
    let start = &outcome.candidates[0];
    let best = &outcome.candidates[outcome.ranking[0] as usize];
    let qed = |candidate: &strata_chem::optimize::Candidate| candidate.values[0].unwrap();
    println!("QED {:.3} to {:.3}: {} {:?}", qed(start), qed(best), best.smiles, outcome.tally);
    assert!(qed(best) > 0.9 && qed(best) > qed(start) + 0.1);
    let alerts = AlertCatalog::builtin(&["pains", "brenk"]).unwrap();
    let mut seen = FxHashSet::default();
    for &id in &outcome.ranking {
        let candidate = &outcome.candidates[id as usize];
        let mol = Mol::from_smiles(&candidate.smiles).unwrap();
        assert_eq!(mol.canonical_smiles(), candidate.smiles);
        assert!(seen.insert(&candidate.smiles), "{} twice", candidate.smiles);
        assert!(candidate.similarity >= 0.4 && alerts.hits(&mol).is_empty());
        assert!(candidate.values[2].unwrap() <= 4.0);
        assert!((1.0..=4.0).contains(&candidate.values[1].unwrap()));
        assert_eq!(candidate.changed.len(), mol.num_atoms());
        assert!(candidate.changed.iter().any(|changed| *changed), "{}", candidate.smiles);
    }
}

#[test]
fn every_candidate_goes_back_to_the_start() {
    let outcome = search(&["QED=max"], Constraints::default(), settings(600, 2));
    let start = Mol::from_smiles(&outcome.candidates[0].smiles).unwrap();
    for candidate in &outcome.candidates {
        let way = outcome.derivation(candidate.id);
        assert_eq!((way[0], way.len() as u32), (0, candidate.depth + 1));
        assert_eq!(*way.last().unwrap(), candidate.id);
        let mol = Mol::from_smiles(&candidate.smiles).unwrap();
        // An atom that is said to be unchanged is the start's, with its hydrogens and neighbours.
        for (at, (changed, origin)) in candidate.changed.iter().zip(&candidate.origin).enumerate() {
            let Some(origin) = origin else {
                assert!(changed, "a new atom is a change");
                continue;
            };
            let (new, old) = (&mol.atoms()[at], &start.atoms()[*origin as usize]);
            if !changed {
                assert_eq!(
                    (new.element, new.charge, new.total_hs, new.degree),
                    (old.element, old.charge, old.total_hs, old.degree),
                    "{} atom {at}",
                    candidate.smiles
                );
            }
        }
    }
    let used: FxHashSet<Move> = outcome.candidates.iter().map(|c| c.step.step).collect();
    assert!(used.len() >= 10, "{used:?}");
}

#[test]
fn threads_do_not_matter_and_seeds_do() {
    let names = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let outcome = pool.install(|| {
            search(&["QED=max", "SA=min"], Constraints::default(), settings(500, seed))
        });
        let list = outcome.candidates.into_iter().map(|c| (c.smiles, c.step, c.fitness.to_bits()));
        (list.collect::<Vec<_>>(), outcome.front)
    };
    let one = names(1, 5);
    assert_eq!(one, names(3, 5));
    assert_ne!(one.0, names(1, 6).0);
}

#[test]
fn the_front_holds_what_nothing_beats() {
    let outcome = search(&["QED=max", "MolLogP=min"], Constraints::default(), settings(800, 3));
    assert_eq!(outcome.axes, ["QED", "MolLogP"]);
    let value = |id: u32, at: usize| outcome.candidates[id as usize].values[at].unwrap();
    assert!(outcome.front.len() > 2);
    for &id in &outcome.front {
        for other in &outcome.candidates {
            let (q, l) = (other.values[0].unwrap(), other.values[1].unwrap());
            // Isomers differ in the last bit of a sum.
            let (dq, dl) = (q - value(id, 0), value(id, 1) - l);
            let better = dq >= 0.0 && dl >= 0.0 && dq + dl > 1e-9;
            assert!(!better, "{} beats {}", other.smiles, outcome.candidates[id as usize].smiles);
        }
    }
    let ranks = outcome.fronts_of(&outcome.front, &[true, true]);
    assert!(ranks.iter().all(|rank| *rank == 1));
}

#[test]
fn a_kept_scaffold_stays() {
    let constraints = Constraints { keep_scaffold: true, ..Constraints::default() };
    let outcome = search(&["SA=min", "QED=max"], constraints, settings(400, 4));
    let mol = Mol::from_smiles(START).unwrap();
    // The hydrogen of a ring's nitrogen may be replaced: that is a substituent.
    let text = scaffold::murcko(&mol).unwrap().canonical_smiles().replace("[nH]", "n");
    let pattern = Pattern::parse(&text).unwrap();
    assert!(outcome.ranking.len() > 300);
    for &id in &outcome.ranking {
        let smiles = &outcome.candidates[id as usize].smiles;
        assert!(pattern.matches(&Mol::from_smiles(smiles).unwrap()), "{smiles}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let start = [Mol::from_smiles(START).unwrap()];
    let go = |goals: &[&str], starts: &[Mol], budget: usize, generations: usize| {
        let problem = Problem {
            goals: goals.iter().map(|goal| goal.parse().unwrap()).collect(),
            constraints: Constraints::default(),
            moves: &MOVES,
            settings: settings(budget, 0),
        };
        run(starts, &problem, &Properties::new(), &mut Generations(generations))
    };
    let said = go(&["hERG=min"], &start, 100, 9).unwrap_err().to_string();
    assert!(said.contains("hERG") && said.contains("MolLogP"), "{said}");
    assert!(go(&["QED=max"], &[], 100, 9).is_err() && go(&[], &start, 100, 9).is_err());
    assert!(go(&["QED=max"], &start, 1, 9).is_err());
    let radical = [Mol::from_smiles("C[CH]C").unwrap()];
    assert!(matches!(
        go(&["QED=max"], &radical, 100, 9),
        Err(OptimizeError::Start { number: 1, .. })
    ));
    let stopped = go(&["QED=max"], &start, 100_000, 4).unwrap();
    assert!(stopped.stopped && stopped.candidates.len() < 300 && !stopped.ranking.is_empty());
}

#[test]
fn libraries_are_made_on_a_scaffold_and_around_a_molecule() {
    let known: FxHashSet<String> = LIBRARY.iter().map(Mol::canonical_smiles).collect();
    let scaffold = Mol::from_smiles("c1ccc2[nH]ccc2c1").unwrap();
    let constraints = Constraints { max_sa: Some(5.0), ..Constraints::default() };
    let given = (&*MOVES, &constraints, &known);
    let make = |around| {
        let mut control = Generations(usize::MAX);
        generate((&scaffold, around), given, (500, 9), &mut control).unwrap()
    };
    let on = make(Around::Scaffold);
    println!("{:?} {:?}", on.figures, on.tally);
    assert_eq!((on.molecules.len(), on.figures.validity), (500, 1.0));
    assert!(on.figures.novelty > 0.9 && on.figures.internal_diversity > 0.4);
    let indole = Pattern::parse("c1ccc2nccc2c1").unwrap();
    for one in &on.molecules {
        let mol = Mol::from_smiles(&one.smiles).unwrap();
        assert!(indole.matches(&mol), "{}", one.smiles);
        assert!(one.step.parent.is_none_or(|at| (at as usize) < on.molecules.len()));
    }
    let names: Vec<&String> = on.molecules.iter().map(|one| &one.smiles).collect();
    let again = make(Around::Scaffold);
    assert_eq!(names, again.molecules.iter().map(|one| &one.smiles).collect::<Vec<_>>());
    let free = make(Around::Molecule);
    assert!(free.figures.scaffolds > 50);
    let none = generate((&scaffold, Around::Scaffold), given, (0, 9), &mut Generations(9));
    assert!(none.is_err());
}
