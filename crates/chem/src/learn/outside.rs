//! What heads say of rows they were not trained on: a head a fold, of one recipe or of a recipe chosen without the fold.

use rayon::prelude::*;

use super::choose::{choose, number_of, parts_of};
use super::head::{Ensemble, Head, fit};
use super::{Data, LearnError, Watch};

/// The rows outside a fold.
struct Kept {
    positions: Vec<usize>,
    rows: Vec<usize>,
    targets: Vec<f64>,
    weights: Vec<f64>,
}

impl Kept {
    fn of(data: &Data<'_>, positions: Vec<usize>) -> Self {
        Self {
            rows: positions.iter().map(|&at| data.rows[at]).collect(),
            targets: positions.iter().map(|&at| data.targets[at]).collect(),
            weights: positions.iter().map(|&at| data.weights[at]).collect(),
            positions,
        }
    }

    fn data<'a>(&'a self, whole: &Data<'a>) -> Data<'a> {
        Data { rows: &self.rows, targets: &self.targets, weights: &self.weights, ..*whole }
    }
}

/// What heads of the recipe say of rows they were not trained on: one head a fold; the members' answers by position.
///
/// # Errors
/// As [`fit`].
pub fn out_of_fold(
    data: &Data<'_>,
    folds: &[usize],
    ensemble: &Ensemble<'_>,
    watch: &Watch<'_>,
) -> Result<Vec<Vec<f64>>, LearnError> {
    by_fold(data, folds, watch, |kept, fold| {
        let seed = ensemble.seed + 1 + fold as u64;
        fit(&kept.data(data), &Ensemble { seed, ..*ensemble }, watch)
    })
}

/// The same with a recipe chosen anew in each fold, by the other folds alone. The recipe of all rows was chosen for
/// doing well on these very rows, which flatters it, the more so the fewer they are.
///
/// # Errors
/// As [`choose`] and [`fit`].
pub fn out_of_fold_chosen(
    data: &Data<'_>,
    folds: &[usize],
    (members, seed): (usize, u64),
    watch: &Watch<'_>,
) -> Result<Vec<Vec<f64>>, LearnError> {
    let quiet = Watch { stop: watch.stop, step: &|_, _| {} };
    by_fold(data, folds, watch, |kept, fold| {
        let inner: Vec<usize> = kept.positions.iter().map(|&at| folds[at]).collect();
        let inner: Vec<usize> = inner.into_iter().map(|f| f - usize::from(f > fold)).collect();
        let data = kept.data(data);
        let seed = seed + 1 + fold as u64;
        let choice = choose(&data, &inner, seed, &quiet)?;
        fit(&data, &Ensemble { recipe: &choice.recipe, members, seed }, &quiet)
    })
}

fn by_fold(
    data: &Data<'_>,
    folds: &[usize],
    watch: &Watch<'_>,
    head: impl Fn(&Kept, usize) -> Result<Head, LearnError>,
) -> Result<Vec<Vec<f64>>, LearnError> {
    let mut answers = vec![Vec::new(); data.rows.len()];
    let number = number_of(folds);
    for fold in 0..number {
        (watch.step)("out-of-fold heads", fold as f64 / number as f64);
        let (held, kept) = parts_of(folds, fold);
        let head = head(&Kept::of(data, kept), fold)?;
        let scored: Vec<(usize, Vec<f64>)> = held
            .into_par_iter()
            .map(|at| (at, head.predict(data.table.row(data.rows[at]))))
            .collect();
        scored.into_iter().for_each(|(at, members)| answers[at] = members);
    }
    Ok(answers)
}
