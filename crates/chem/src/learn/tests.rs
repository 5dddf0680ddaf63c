//! Tests of heads on data whose truth is known.
#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it must be")]

use super::bins::Bins;
use super::calibrate::{Guess, Interval, best_threshold, platt};
use super::tree::{Ground, Growth, grow};
use super::*;
use crate::split::Random;

const COUNTS: usize = 24;
const WIDTH: usize = 30;

/// Counts of 0 to 3 and normal descriptors; the target is a sum over a few of both, and noise.
fn synthetic(rows: usize, seed: u64) -> (Vec<f32>, Vec<f64>) {
    let mut random = Random::new(seed);
    let (mut values, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..rows {
        let counts = (0..COUNTS).map(|_| random.below(8).saturating_sub(4) as f32);
        let row: Vec<f32> = counts.collect();
        let descriptors: Vec<f32> = (COUNTS..WIDTH).map(|_| normal(&mut random) as f32).collect();
        let truth = f64::from(row[0] * 0.5 - row[1] + descriptors[0]);
        targets.push(
            truth + 0.7 * f64::from((descriptors[1] * 2.0).sin()) + 0.3 * normal(&mut random),
        );
        values.extend(row);
        values.extend(descriptors);
    }
    (values, targets)
}

fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| unit(random)).sum::<f64>() - 6.0
}

fn silent(_: &str, _: f64) {}

fn watched<T>(work: impl FnOnce(&Watch<'_>) -> T) -> T {
    work(&Watch { stop: &AtomicBool::new(false), step: &silent })
}

/// A tree of two leaves makes the cut that an exhaustive search over all values finds.
#[test]
fn a_stump_is_the_best_of_all_cuts() {
    let (values, targets) = synthetic(60, 3);
    let table = Table::new(&values, WIDTH, COUNTS);
    let rows: Vec<usize> = (0..60).collect();
    let slopes: Vec<(f64, f64)> = targets.iter().map(|target| (-target, 1.0)).collect();
    let (least, l2) = (5usize, 1.0);
    let mut best = (0.0, 0usize, 0.0f32);
    for column in 0..WIDTH {
        for &at in &rows {
            let cut = table.row(at)[column];
            let left: Vec<usize> =
                rows.iter().copied().filter(|&r| table.row(r)[column] <= cut).collect();
            if left.len() < least || rows.len() - left.len() < least {
                continue;
            }
            let sum: f64 = targets.iter().sum();
            let of_left: f64 = left.iter().map(|&r| targets[r]).sum();
            let part = |sum: f64, n: usize| sum * sum / (n as f64 + l2);
            let gain =
                part(of_left, left.len()) + part(sum - of_left, 60 - left.len()) - part(sum, 60);
            if gain > best.0 + 1e-9 {
                best = (gain, column, cut);
            }
        }
    }
    let bins = Bins::new(table, &rows, least);
    let ground = Ground { table, rows: &rows, bins: &bins, slopes: &slopes };
    let growth = Growth { leaves: 2, least, l2, rate: 1.0, features: 1.0, random_cuts: false };
    let tree = grow(&ground, (0..60).collect(), &growth, &mut Random::new(1));
    let root = tree.nodes[0];
    assert_eq!(root.column as usize, best.1);
    let side = |threshold: f32| {
        rows.iter().map(|&r| table.row(r)[best.1] <= threshold).collect::<Vec<_>>()
    };
    assert_eq!(side(root.threshold), side(best.2));
    // A leaf's value is the ridge mean of its rows.
    let left: Vec<f64> =
        rows.iter().filter(|&&r| table.row(r)[best.1] <= best.2).map(|&r| targets[r]).collect();
    let mean = left.iter().sum::<f64>() / (left.len() as f64 + l2);
    assert!((f64::from(tree.nodes[root.left as usize].value) - mean).abs() < 1e-5);
}

/// Histograms obtained by subtraction lead to the same tree as their own sums: leaves hold what they predict.
#[test]
fn a_large_tree_without_shrinkage_gives_each_leaf_its_rows_mean() {
    let (values, targets) = synthetic(200, 4);
    let table = Table::new(&values, WIDTH, COUNTS);
    let rows: Vec<usize> = (0..200).collect();
    let slopes: Vec<(f64, f64)> = targets.iter().map(|target| (-target, 1.0)).collect();
    let bins = Bins::new(table, &rows, 4);
    let ground = Ground { table, rows: &rows, bins: &bins, slopes: &slopes };
    let growth =
        Growth { leaves: 20, least: 4, l2: 0.0, rate: 1.0, features: 1.0, random_cuts: false };
    let tree = grow(&ground, (0..200).collect(), &growth, &mut Random::new(1));
    let mut of_leaf: std::collections::BTreeMap<u32, Vec<f64>> = std::collections::BTreeMap::new();
    for &row in &rows {
        of_leaf.entry(tree.predict(table.row(row)).to_bits()).or_default().push(targets[row]);
    }
    assert_eq!(of_leaf.len(), 20);
    for (value, members) in of_leaf {
        let mean = members.iter().sum::<f64>() / members.len() as f64;
        assert!(members.len() >= 4 && (f64::from(f32::from_bits(value)) - mean).abs() < 1e-5);
    }
}

fn learnt(data: &Data<'_>, seed: u64) -> Head {
    let folds = random_folds(data.rows.len(), 5, seed);
    watched(|watch| {
        let choice = choose(data, &folds, seed, watch).unwrap();
        assert!(choice.candidates.iter().any(|candidate| candidate.name == choice.chosen));
        fit(data, &Ensemble { recipe: &choice.recipe, members: 5, seed }, watch).unwrap()
    })
}

#[test]
fn a_head_beats_the_mean_by_far_and_is_the_same_for_its_seed() {
    let (values, targets) = synthetic(500, 5);
    let table = Table::new(&values, WIDTH, COUNTS);
    let (train, test): (Vec<usize>, Vec<usize>) = (0..500).partition(|row| row % 5 != 0);
    let of = |rows: &[usize]| rows.iter().map(|&row| targets[row]).collect::<Vec<f64>>();
    let known = of(&train);
    let ones = vec![1.0; train.len()];
    let data =
        Data { table, rows: &train, targets: &known, weights: &ones, task: Task::Regression };
    let head = learnt(&data, 1);
    let guesses: Vec<f64> =
        test.iter().map(|&row| Guess::of(&head.predict(table.row(row))).mean).collect();
    let figures = crate::metrics::regression(&of(&test), &guesses);
    assert!(figures.r2.unwrap() > 0.8, "{figures:?}");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| learnt(&data, 1)), head, "threads change nothing");
    assert_ne!(learnt(&data, 2), head, "a seed changes something");
}

#[test]
fn classes_are_told_apart_with_probabilities_that_hold() {
    let (values, targets) = synthetic(800, 6);
    let table = Table::new(&values, WIDTH, COUNTS);
    let mut random = Random::new(9);
    let labels: Vec<f64> = targets
        .iter()
        .map(|target| f64::from(u8::from(unit(&mut random) < boost::sigmoid(1.5 * target))))
        .collect();
    let (train, test): (Vec<usize>, Vec<usize>) = (0..800).partition(|row| row % 4 != 0);
    let of = |rows: &[usize]| rows.iter().map(|&row| labels[row]).collect::<Vec<f64>>();
    let known = of(&train);
    let ones = vec![1.0; train.len()];
    let data =
        Data { table, rows: &train, targets: &known, weights: &ones, task: Task::Classification };
    let head = learnt(&data, 1);
    let chances: Vec<f64> =
        test.iter().map(|&row| Guess::of(&head.predict(table.row(row))).mean).collect();
    assert!(chances.iter().all(|chance| (0.0..=1.0).contains(chance)));
    let truth = of(&test);
    assert!(crate::metrics::classification(&truth, &chances).roc_auc.unwrap() > 0.8);
    assert!(calibrate::calibration_error(&truth, &chances) < 0.12);
}

/// Out-of-fold residuals give intervals that cover 90 % of new rows, on average over data sets.
#[test]
fn conformal_intervals_cover_nine_in_ten() {
    let (mut covered, mut all) = (0.0, 0.0);
    for seed in 0..6 {
        let (values, targets) = synthetic(400, 20 + seed);
        let table = Table::new(&values, WIDTH, COUNTS);
        let (train, test): (Vec<usize>, Vec<usize>) = (0..400).partition(|row| row % 4 != 0);
        let of = |rows: &[usize]| rows.iter().map(|&row| targets[row]).collect::<Vec<f64>>();
        let known = of(&train);
        let ones = vec![1.0; train.len()];
        let data =
            Data { table, rows: &train, targets: &known, weights: &ones, task: Task::Regression };
        let folds = random_folds(train.len(), 5, seed);
        let recipe = Recipe {
            task: Task::Regression,
            parts: vec![RecipePart {
                settings: PartSettings::Linear { ridge: 0.03, view: View::Descriptors },
                weight: 1.0,
                affine: (1.0, 0.0),
            }],
            last: (1.0, 0.0),
        };
        let ensemble = Ensemble { recipe: &recipe, members: 5, seed };
        let (answers, head) = watched(|watch| {
            let answers = out_of_fold(&data, &folds, &ensemble, watch).unwrap();
            (answers, fit(&data, &ensemble, watch).unwrap())
        });
        let guesses: Vec<Guess> = answers.iter().map(|members| Guess::of(members)).collect();
        let interval = Interval::conformal(&known, &guesses).unwrap();
        let new: Vec<Guess> =
            test.iter().map(|&row| Guess::of(&head.predict(table.row(row)))).collect();
        covered += interval.coverage(&of(&test), &new) * test.len() as f64;
        all += test.len() as f64;
    }
    let share = covered / all;
    assert!((0.87..=0.93).contains(&share), "{share}");
}

/// Where an encoder's vector says what nothing else does, it is taken; where it is noise, it is left.
#[test]
fn an_encoder_is_taken_where_it_helps() {
    const VECTOR: usize = 12;
    let mut random = Random::new(8);
    let (plain, targets) = synthetic(240, 8);
    let (mut wide, mut hidden) = (Vec::new(), Vec::new());
    for row in plain.chunks(WIDTH) {
        let vector: Vec<f32> = (0..VECTOR).map(|_| normal(&mut random) as f32).collect();
        hidden.push(vector[..4].iter().map(|value| f64::from(*value)).sum::<f64>());
        wide.extend(row.iter().chain(&vector));
    }
    let table = Table::new(&wide, WIDTH + VECTOR, COUNTS).with_embedding(VECTOR);
    let rows: Vec<usize> = (0..240).collect();
    let ones = vec![1.0; 240];
    let folds = random_folds(240, 5, 0);
    let choice = |targets: &[f64]| {
        let data = Data { table, rows: &rows, targets, weights: &ones, task: Task::Regression };
        watched(|watch| {
            let choice = choose(&data, &folds, 0, watch).unwrap();
            let ensemble = Ensemble { recipe: &choice.recipe, members: 2, seed: 0 };
            let head = fit(&data, &ensemble, watch).unwrap();
            assert_eq!(head.recipe.sees_encoder(), choice.recipe.sees_encoder());
            choice
        })
    };
    let shown: Vec<f64> = hidden.iter().zip(&targets).map(|(h, t)| h + 0.3 * t).collect();
    let taken = choice(&shown);
    assert!(taken.recipe.sees_encoder() && taken.chosen.contains("encoder"), "{taken:?}");
    let left = choice(&targets);
    assert!(!left.recipe.sees_encoder(), "{left:?}");
    assert!(left.candidates.iter().any(|candidate| candidate.name.contains("encoder")));
    let whole: f64 = left.recipe.parts.iter().map(|part| part.weight).sum();
    assert!((whole - 1.0).abs() < 1e-9);
}

/// Chosen anew without the fold, heads still predict, and every row has its answer.
#[test]
fn residuals_of_heads_chosen_without_the_fold() {
    let (values, targets) = synthetic(120, 12);
    let table = Table::new(&values, WIDTH, COUNTS);
    let rows: Vec<usize> = (0..120).collect();
    let ones = vec![1.0; 120];
    let data =
        Data { table, rows: &rows, targets: &targets, weights: &ones, task: Task::Regression };
    let folds = random_folds(120, 4, 1);
    let answers = watched(|watch| out_of_fold_chosen(&data, &folds, (3, 1), watch)).unwrap();
    assert!(answers.iter().all(|members| members.len() == 3));
    let miss = |(members, target): (&Vec<f64>, &f64)| (Guess::of(members).mean - target).powi(2);
    let error = answers.iter().zip(&targets).map(miss).sum::<f64>() / 120.0;
    let spread = targets.iter().map(|target| target.powi(2)).sum::<f64>() / 120.0;
    assert!(error < 0.6 * spread, "{error} of {spread}");
}

#[test]
fn conformal_takes_the_rank_of_its_definition() {
    let guesses: Vec<Guess> = (0..19).map(|_| Guess { mean: 0.0, sd: 1.0 }).collect();
    let truth: Vec<f64> = (1..=19).map(f64::from).collect();
    // ⌈20 · 0.9⌉ = 18th smallest of |truth| ÷ (1 + 1).
    let interval = Interval::conformal(&truth, &guesses).unwrap();
    assert_eq!((interval.q90, interval.floor), (9.0, 1.0));
    assert_eq!(Interval::conformal(&[], &[]), None);
    // Ten rows of weight 0.1 count as one: 0.9 · (10 + 1) = 9.9 of the weights, so the ninth of the other nine.
    let weights: Vec<f64> = (0..19).map(|row| if row < 10 { 0.1 } else { 1.0 }).collect();
    let interval = Interval::conformal_weighted(&truth, &guesses, &weights).unwrap();
    assert_eq!(interval.q90, 9.5);
    let heavy: Vec<f64> = (0..19).map(|row| if row < 10 { 10.0 } else { 1.0 }).collect();
    let interval = Interval::conformal_weighted(&truth, &guesses, &heavy).unwrap();
    // (109 + 1) · 0.9 = 99: the first ten have 100.
    assert_eq!(interval.q90, 5.0);
}

#[test]
fn platt_finds_the_odds_that_made_the_labels() {
    let mut random = Random::new(4);
    let scores: Vec<f64> = (0..20_000).map(|_| normal(&mut random)).collect();
    let label =
        |score: &f64| f64::from(u8::from(unit(&mut random) < boost::sigmoid(2.0 * score - 1.0)));
    let labels: Vec<f64> = scores.iter().map(label).collect();
    let (slope, offset) = platt(&scores, &labels);
    assert!((slope - 2.0).abs() < 0.1 && (offset + 1.0).abs() < 0.1, "{slope} {offset}");
    // Scores that say nothing, or the contrary, still give probabilities in their order.
    let (slope, _) = platt(&scores, &labels.iter().map(|label| 1.0 - label).collect::<Vec<_>>());
    assert!(slope > 0.0);
}

#[test]
fn the_threshold_parts_the_classes() {
    let threshold = best_threshold(&[0.0, 0.0, 1.0, 1.0], &[0.1, 0.2, 0.6, 0.7]);
    assert!((threshold - 0.4).abs() < 1e-12);
    assert_eq!(best_threshold(&[1.0, 1.0], &[0.3, 0.4]), 0.5);
}

#[test]
fn groups_stay_whole_and_folds_are_even() {
    let groups: Vec<String> = (0..100).map(|row| format!("g{}", row % 23)).collect();
    let folds = grouped_folds(&groups, 5, 0);
    for a in 0..100 {
        for b in 0..100 {
            assert!(groups[a] != groups[b] || folds[a] == folds[b]);
        }
    }
    let size = |of: &[usize], fold| of.iter().filter(|&&f| f == fold).count();
    assert!((0..5).all(|fold| (10..=30).contains(&size(&folds, fold))));
    assert!((0..5).all(|fold| size(&random_folds(100, 5, 0), fold) == 20));
}

#[test]
fn what_teaches_nothing_is_refused_and_a_flag_stops() {
    let (values, targets) = synthetic(50, 1);
    let table = Table::new(&values, WIDTH, COUNTS);
    let rows: Vec<usize> = (0..50).collect();
    let same = vec![1.0; 50];
    let folds = random_folds(50, 5, 0);
    let ones = vec![1.0; 50];
    let flat = Data { table, rows: &rows, targets: &same, weights: &ones, task: Task::Regression };
    let refused = watched(|watch| choose(&flat, &folds, 0, watch));
    assert_eq!(refused.unwrap_err(), LearnError::TooLittle { rows: 50 });
    let data = Data { targets: &targets, ..flat };
    let stopped = choose(&data, &folds, 0, &Watch { stop: &AtomicBool::new(true), step: &silent });
    assert_eq!(stopped.unwrap_err(), LearnError::Stopped);
}
