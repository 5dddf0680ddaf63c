//! Folds of a cross-validation: at random, or of whole groups.

use std::collections::BTreeMap;

use crate::split::Random;

/// The fold of each of `n` rows, shuffled by the seed, equally large.
#[must_use]
pub fn random_folds(n: usize, folds: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed ^ 0xF01D).shuffle(&mut order);
    let mut of = vec![0; n];
    order.into_iter().enumerate().for_each(|(place, row)| of[row] = place % folds.max(1));
    of
}

/// The fold of each row so that rows of one group never part: groups, shuffled by the seed and then the largest
/// first, go to the fold with the fewest rows.
#[must_use]
pub fn grouped_folds<S: AsRef<str>>(groups: &[S], folds: usize, seed: u64) -> Vec<usize> {
    let mut rows_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        rows_of.entry(group.as_ref()).or_default().push(row);
    }
    let mut all: Vec<Vec<usize>> = rows_of.into_values().collect();
    Random::new(seed ^ 0xF01D).shuffle(&mut all);
    all.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
    let (mut of, mut sizes) = (vec![0; groups.len()], vec![0usize; folds.max(1)]);
    for rows in all {
        let fold = (0..sizes.len()).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[fold] += rows.len();
        rows.into_iter().for_each(|row| of[row] = fold);
    }
    of
}
