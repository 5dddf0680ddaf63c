//! Split, choice of the head, held-out figures, intervals, and the head that ships.

use strata_chem::learn::calibrate::{Guess, Interval, best_threshold, calibration_error, log_loss};
use strata_chem::learn::{
    Choice, Data, Ensemble, Head, Table, Task, Watch, choose, fit, grouped_folds, out_of_fold,
    random_folds,
};
use strata_chem::metrics::{self, Bootstrap};
use strata_chem::split::{Fractions, Split, random, scaffold};

use super::assay::{Assay, Molecule};
use super::{AdaptOptions, FinalRows, SplitKind};
use crate::tools::ToolError;

/// Members of a head.
pub(super) const MEMBERS: usize = 5;

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

/// What training gave.
pub(super) struct Trained {
    pub(super) split: Split,
    pub(super) choice: Choice,
    pub(super) figures: Vec<HeldOut>,
    /// The head that ships, and how many molecules it was trained on.
    pub(super) head: Head,
    pub(super) final_rows: Vec<usize>,
    pub(super) interval: Option<Interval>,
    pub(super) threshold: Option<f64>,
}

/// Trains on an assay. `features` are the molecules' rows one behind the other.
pub(super) fn train(
    assay: &Assay,
    (features, width, counts): (&[f32], usize, usize),
    options: &AdaptOptions,
    watch: &Watch<'_>,
) -> Result<Trained, ToolError> {
    let table = Table::new(features, width, counts);
    let targets: Vec<f64> = assay.molecules.iter().map(|molecule| molecule.target).collect();
    let split = split(&assay.molecules, options);
    if split.test.len() < 3 || split.train.len() < 20 {
        return Err(ToolError::Request(format!(
            "the split leaves {} molecules to train on and {} to test with: use --split random, or give more rows",
            split.train.len(),
            split.test.len()
        )));
    }
    let of = |rows: &[usize]| rows.iter().map(|&row| targets[row]).collect::<Vec<f64>>();
    let known = of(&split.train);
    let data = Data { table, rows: &split.train, targets: &known, task: assay.task };
    let folds = folds(&assay.molecules, &split.train, options);
    let choice = choose(&data, &folds, options.seed, watch)?;
    let ensemble = Ensemble { recipe: &choice.recipe, members: MEMBERS, seed: options.seed };
    let answers = out_of_fold(&data, &folds, &ensemble, watch)?;
    (watch.step)("head", 0.0);
    let head = fit(&data, &ensemble, watch)?;
    let guess = |&row: &usize| Guess::of(&head.predict(table.row(row)));
    let guesses = |rows: &[usize]| rows.iter().map(guess).collect::<Vec<Guess>>();
    let (valid, test) = (guesses(&split.valid), guesses(&split.test));
    // None of these was trained on by the head that answers for it.
    let mut truth = [known.clone(), of(&split.valid)].concat();
    let mut unseen: Vec<Guess> = answers.iter().map(|members| Guess::of(members)).collect();
    unseen.extend(valid);
    let held = of(&split.test);
    let mut figures = figures(assay.task, (&held, &test), &known, options.seed);
    if assay.task == Task::Regression
        && let Some(interval) = Interval::conformal(&truth, &unseen)
    {
        let width = test.iter().map(|guess| 2.0 * interval.half(guess)).sum::<f64>();
        let of_intervals = |metric: &str, value| HeldOut {
            metric: metric.to_owned(),
            value,
            interval: None,
            baseline: None,
        };
        figures.push(of_intervals("coverage of 90 % intervals", interval.coverage(&held, &test)));
        figures.push(of_intervals("mean width of 90 % intervals", width / test.len() as f64));
    }
    let (head, final_rows) = match options.final_rows {
        FinalRows::Train => (head, split.train.clone()),
        FinalRows::All => {
            truth.extend(held);
            unseen.extend(test);
            let rows: Vec<usize> = (0..targets.len()).collect();
            let all = Data { rows: &rows, targets: &targets, ..data };
            (fit(&all, &ensemble, watch)?, rows)
        }
    };
    let regression = assay.task == Task::Regression;
    let chances: Vec<f64> = unseen.iter().map(|guess| guess.mean).collect();
    Ok(Trained {
        interval: if regression { Interval::conformal(&truth, &unseen) } else { None },
        threshold: (!regression).then(|| best_threshold(&truth, &chances)),
        split,
        choice,
        figures,
        head,
        final_rows,
    })
}

fn split(molecules: &[Molecule], options: &AdaptOptions) -> Split {
    match options.split {
        SplitKind::Random => random(molecules.len(), Fractions::default(), options.seed),
        SplitKind::Scaffold => {
            let scaffolds: Vec<&str> = molecules.iter().map(|m| m.scaffold.as_str()).collect();
            scaffold(&scaffolds, Fractions::default())
        }
    }
}

/// Folds of the training rows, made the way the test part is: whole scaffolds, or at random.
fn folds(molecules: &[Molecule], rows: &[usize], options: &AdaptOptions) -> Vec<usize> {
    // With few rows, a fold more or less matters.
    let number = if rows.len() < 400 { 10 } else { 5 };
    match options.split {
        SplitKind::Random => random_folds(rows.len(), number, options.seed),
        SplitKind::Scaffold => {
            let scaffolds: Vec<&str> =
                rows.iter().map(|&row| molecules[row].scaffold.as_str()).collect();
            grouped_folds(&scaffolds, number, options.seed)
        }
    }
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
