//! Split, choice of the head, held-out figures, intervals, and the head that ships.

use std::collections::BTreeMap;

use strata_chem::learn::calibrate::{Guess, Interval, best_threshold, calibration_error, log_loss};
use strata_chem::learn::{
    Choice, Data, Ensemble, Head, Table, Task, Watch, choose, fit, grouped_folds, out_of_fold,
    out_of_fold_chosen, random_folds,
};
use strata_chem::metrics::{self, Bootstrap};
use strata_chem::split::{Fractions, random, scaffold};

use super::assay::{Assay, Molecule};
use super::{AdaptOptions, FinalRows, SplitKind};
use crate::tools::ToolError;

/// Members of a head.
pub(super) const MEMBERS: usize = 5;
/// Up to this many rows there are twice as many folds: with few rows, a fold more or less matters.
const FEW: usize = 400;
/// Up to this many rows the head is chosen anew in each fold, as a choice among so few flatters the residuals it was made
/// by. With 180 rows it was measured to matter less than the rows that such heads lack.
const CHOSEN_ANEW: usize = 100;
/// Folds of a cross-validation.
const FOLDS: usize = 5;

/// A figure on held-out molecules.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct HeldOut {
    /// Its usual name.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// 95 % bootstrap interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// The same figure for what knows nothing: the training mean, or the training share of positives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
}

/// A molecule that was set aside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aside {
    /// Its row.
    pub(super) row: usize,
    /// What a head that did not know it says: a value or a probability.
    pub(super) predicted: f64,
    /// Half the width of its 90 % interval.
    pub(super) half: Option<f64>,
}

/// What training gave.
pub(super) struct Trained {
    /// Rows trained on and rows set aside, while the figures were taken.
    pub(super) parts: [Vec<usize>; 2],
    pub(super) choice: Choice,
    pub(super) figures: Vec<HeldOut>,
    /// The molecules set aside.
    pub(super) aside: Vec<Aside>,
    /// The head that ships, and the molecules it was trained on.
    pub(super) head: Head,
    pub(super) final_rows: Vec<usize>,
    pub(super) interval: Option<Interval>,
    pub(super) threshold: Option<f64>,
}

/// Answers for rows that the head that answers was not trained on.
#[derive(Default)]
struct Unseen {
    truth: Vec<f64>,
    guesses: Vec<Guess>,
    weights: Vec<f64>,
}

impl Unseen {
    fn interval(&self, task: Task) -> Option<Interval> {
        match task {
            Task::Regression => {
                Interval::conformal_weighted(&self.truth, &self.guesses, &self.weights)
            }
            Task::Classification => None,
        }
    }
}

/// Trains on an assay.
pub(super) fn train(
    assay: &Assay,
    table: Table<'_>,
    options: &AdaptOptions,
    watch: &Watch<'_>,
) -> Result<Trained, ToolError> {
    let targets: Vec<f64> = assay.molecules.iter().map(|molecule| molecule.target).collect();
    let [train, test] = split(&assay.molecules, options);
    if test.len() < 3 || train.len() < 20 {
        return Err(ToolError::Request(format!(
            "the split leaves {} molecules to train on and {} to test with: use --split random, or give more rows",
            train.len(),
            test.len()
        )));
    }
    let of = |rows: &[usize]| rows.iter().map(|&row| targets[row]).collect::<Vec<f64>>();
    let known = of(&train);
    let weights = counted(&assay.molecules, &train, options);
    let data = Data { table, rows: &train, targets: &known, weights: &weights, task: assay.task };
    let number = if train.len() <= FEW { 2 * FOLDS } else { FOLDS };
    let folds = |number| folds(&assay.molecules, &train, (number, options));
    let choice_folds = folds(number);
    let choice = choose(&data, &choice_folds, options.seed, watch)?;
    let ensemble = Ensemble { recipe: &choice.recipe, members: MEMBERS, seed: options.seed };
    let answers = if train.len() <= CHOSEN_ANEW {
        out_of_fold_chosen(&data, &folds(FOLDS), (MEMBERS, options.seed), watch)?
    } else {
        out_of_fold(&data, &choice_folds, &ensemble, watch)?
    };
    (watch.step)("head", 0.0);
    let head = fit(&data, &ensemble, watch)?;
    let guess = |&row: &usize| Guess::of(&head.predict(table.row(row)));
    let answered: Vec<Guess> = test.iter().map(guess).collect();
    let mut unseen = Unseen {
        truth: known.clone(),
        guesses: answers.iter().map(|members| Guess::of(members)).collect(),
        weights: weights.clone(),
    };
    let held = of(&test);
    let mut figures = figures(assay.task, (&held, &answered), &known, options.seed);
    let interval = unseen.interval(assay.task);
    if let Some(interval) = interval {
        let width = answered.iter().map(|guess| 2.0 * interval.half(guess)).sum::<f64>();
        let of_intervals = |metric: &str, value| HeldOut {
            metric: metric.to_owned(),
            value,
            interval: None,
            baseline: None,
        };
        let coverage = interval.coverage(&held, &answered);
        figures.push(of_intervals("coverage of 90 % intervals", coverage));
        figures.push(of_intervals("mean width of 90 % intervals", width / test.len() as f64));
    }
    let aside = test.iter().zip(&answered).map(|(&row, guess)| Aside {
        row,
        predicted: guess.mean,
        half: interval.map(|interval| interval.half(guess)),
    });
    let aside = aside.collect();
    let (head, final_rows) = match options.final_rows {
        FinalRows::Train => (head, train.clone()),
        FinalRows::All => {
            unseen.truth.extend(held);
            unseen.guesses.extend(answered);
            let rows: Vec<usize> = (0..targets.len()).collect();
            let weights = counted(&assay.molecules, &rows, options);
            unseen.weights = train.iter().chain(&test).map(|&row| weights[row]).collect();
            let all = Data { rows: &rows, targets: &targets, weights: &weights, ..data };
            (fit(&all, &ensemble, watch)?, rows)
        }
    };
    let regression = assay.task == Task::Regression;
    let chances: Vec<f64> = unseen.guesses.iter().map(|guess| guess.mean).collect();
    Ok(Trained {
        interval: unseen.interval(assay.task),
        threshold: (!regression).then(|| best_threshold(&unseen.truth, &chances)),
        parts: [train, test],
        choice,
        figures,
        aside,
        head,
        final_rows,
    })
}

/// Rows to train on and rows set aside: the test part of an 80/10/10 split, which published figures are of. The validation
/// part is not needed, as folds do its work, and is trained on.
fn split(molecules: &[Molecule], options: &AdaptOptions) -> [Vec<usize>; 2] {
    let split = match options.split {
        SplitKind::Random => random(molecules.len(), Fractions::default(), options.seed),
        SplitKind::Scaffold => {
            let scaffolds: Vec<&str> = molecules.iter().map(|m| m.scaffold.as_str()).collect();
            scaffold(&scaffolds, Fractions::default())
        }
    };
    let mut train = split.train;
    train.extend(split.valid);
    train.sort_unstable();
    [train, split.test]
}

/// Folds of the training rows, made the way the test part is: whole scaffolds, or at random.
fn folds(
    molecules: &[Molecule],
    rows: &[usize],
    (number, options): (usize, &AdaptOptions),
) -> Vec<usize> {
    match options.split {
        SplitKind::Random => random_folds(rows.len(), number, options.seed),
        SplitKind::Scaffold => {
            let scaffolds: Vec<&str> =
                rows.iter().map(|&row| molecules[row].scaffold.as_str()).collect();
            grouped_folds(&scaffolds, number, options.seed)
        }
    }
}

/// How much each of the rows counts where predictions are compared with measurements: at random, all the same. Where new
/// scaffolds are asked for, a scaffold counts by the square root of its molecules: between molecules, of which the most
/// frequent scaffold has half in many assays, and scaffolds, of which most have a single molecule.
fn counted(molecules: &[Molecule], rows: &[usize], options: &AdaptOptions) -> Vec<f64> {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|&row| *sizes.entry(&molecules[row].scaffold).or_default() += 1);
    let weight = |&row: &usize| match options.split {
        SplitKind::Random => 1.0,
        SplitKind::Scaffold => 1.0 / (sizes[molecules[row].scaffold.as_str()] as f64).sqrt(),
    };
    rows.iter().map(weight).collect()
}

/// Figures with intervals, beside those of what knows nothing but the training targets' mean.
fn figures(task: Task, (held, test): (&[f64], &[Guess]), known: &[f64], seed: u64) -> Vec<HeldOut> {
    type Measure = fn(&[f64], &[f64]) -> Option<f64>;
    let all: &[(&str, Measure)] = match task {
        Task::Regression => &[
            ("RMSE", |l, p| metrics::regression(l, p).rmse),
            ("MAE", |l, p| metrics::regression(l, p).mae),
            ("R2", |l, p| metrics::regression(l, p).r2),
            ("Spearman", spearman),
        ],
        Task::Classification => &[
            ("ROC-AUC", |l, p| metrics::classification(l, p).roc_auc),
            ("PR-AUC", |l, p| metrics::classification(l, p).pr_auc),
            ("Brier", |l, p| metrics::regression(l, p).rmse.map(|rmse| rmse * rmse)),
            ("log loss", |l, p| Some(log_loss(l, p))),
            ("ECE", |l, p| Some(calibration_error(l, p))),
        ],
    };
    let means: Vec<f64> = test.iter().map(|guess| guess.mean).collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    let flat = vec![mean; held.len()];
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let figure = |(name, measure): &(&str, Measure)| {
        Some(HeldOut {
            metric: (*name).to_owned(),
            value: measure(held, &means).filter(|value| value.is_finite())?,
            interval: bootstrap.interval(held, &means, measure),
            baseline: measure(held, &flat).filter(|value| value.is_finite()),
        })
    };
    all.iter().filter_map(figure).collect()
}

/// Spearman's rank correlation; tied values share their mean rank. `None` where one side does not vary.
fn spearman(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let (a, b) = (ranks(labels), ranks(predictions));
    let middle = (a.len() as f64 + 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let tied =
            order[from..].iter().take_while(|&&at| values[at] == values[order[from]]).count();
        let rank = from as f64 + (tied as f64 + 1.0) / 2.0;
        order[from..from + tied].iter().for_each(|&at| ranks[at] = rank);
        from += tied.max(1);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_by_hand() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 30.0]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), Some(-1.0));
        assert_eq!(ranks(&[5.0, 1.0, 5.0]), [2.5, 1.0, 2.5]);
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 ÷ √(4.5 · 5).
        let tied = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]);
        assert!(tied.is_some_and(|value| (value - 0.9_f64.sqrt()).abs() < 1e-12));
        assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    }
}
