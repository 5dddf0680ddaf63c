//! Ridge regression on scaled descriptors and the most frequent counts, or an encoder's vector in the counts' place.
//! Classes are learnt as −1 and 1.

use super::matrix::{Scaling, dot, solve};
use super::{COUNT_LIMIT, Table, View};

/// Most count columns that take part.
pub const MOST_COUNTS: usize = 384;

/// Columns of the linear model, made once for all fits.
pub(super) struct Design {
    pub(super) scaling: Scaling,
    pub(super) counts: Vec<usize>,
    /// What counts are multiplied with, so that fingerprint and descriptors weigh the same.
    factor: f64,
    width: usize,
    values: Vec<f64>,
}

impl Design {
    pub(super) fn new(table: Table<'_>, rows: &[usize], view: View) -> Self {
        let scaling = Scaling::new(table, rows, view);
        let counts = if view == View::Encoder { 0 } else { table.counts() };
        let in_rows = |bit: &usize| rows.iter().filter(|&&row| table.row(row)[*bit] > 0.0).count();
        let mut counts: Vec<(usize, usize)> = (0..counts).map(|bit| (in_rows(&bit), bit)).collect();
        // A column that all rows or next to none have says nothing.
        counts.retain(|(n, _)| *n >= 3 && *n < rows.len());
        counts.sort_by_key(|&(n, bit)| (std::cmp::Reverse(n.min(rows.len() - n)), bit));
        let mut counts: Vec<usize> =
            counts.into_iter().take(MOST_COUNTS).map(|(_, bit)| bit).collect();
        counts.sort_unstable();
        let norm: f64 = rows
            .iter()
            .map(|&row| counts.iter().map(|&c| count(table.row(row), c).powi(2)).sum::<f64>())
            .sum::<f64>()
            / rows.len() as f64;
        let factor = (scaling.columns.len().max(1) as f64 / norm.max(1.0)).sqrt();
        let width = scaling.columns.len() + counts.len();
        let mut design = Self { scaling, counts, factor, width, values: Vec::new() };
        for &row in rows {
            let row = design.row(table.row(row));
            design.values.extend(row);
        }
        design
    }

    fn row(&self, row: &[f32]) -> Vec<f64> {
        let mut out: Vec<f64> = self.scaling.of(row).into_iter().map(f64::from).collect();
        out.extend(self.counts.iter().map(|&column| count(row, column) * self.factor));
        out
    }

    fn at(&self, position: usize) -> &[f64] {
        &self.values[position * self.width..(position + 1) * self.width]
    }

    /// Fits for each of several ridges: weights and bias.
    pub(super) fn fit(
        &self,
        targets: &[f64],
        positions: &[usize],
        ridges: &[f64],
    ) -> Vec<(Vec<f64>, f64)> {
        let (n, width) = (positions.len() as f64, self.width);
        let mut centre = vec![0.0; width];
        for &at in positions {
            centre.iter_mut().zip(self.at(at)).for_each(|(sum, value)| *sum += value / n);
        }
        let mean = positions.iter().map(|&at| targets[at]).sum::<f64>() / n;
        let centred = |&at: &usize| -> Vec<f64> {
            self.at(at).iter().zip(&centre).map(|(x, c)| x - c).collect()
        };
        let rows: Vec<Vec<f64>> = positions.iter().map(centred).collect();
        let wanted: Vec<f64> = positions.iter().map(|&at| targets[at] - mean).collect();
        let solver = match positions.len() < width {
            true => of_rows(&rows, &wanted, ridges),
            false => of_columns(&rows, &wanted, ridges),
        };
        let with_bias = |weights: Vec<f64>| {
            let bias = mean - weights.iter().zip(&centre).map(|(w, c)| w * c).sum::<f64>();
            (weights, bias)
        };
        solver.into_iter().map(with_bias).collect()
    }

    pub(super) fn score(&self, at: usize, (weights, bias): &(Vec<f64>, f64)) -> f64 {
        bias + self.at(at).iter().zip(weights).map(|(x, w)| x * w).sum::<f64>()
    }

    /// A model of several members that can score any row.
    pub(super) fn model(&self, targets: &[f64], members: &[Vec<usize>], ridge: f64) -> Linear {
        let descriptors = self.scaling.columns.len();
        let mut model = Linear {
            scaling: self.scaling.clone(),
            counts: self.counts.clone(),
            of_descriptors: Vec::new(),
            of_counts: Vec::new(),
            biases: Vec::new(),
        };
        for positions in members {
            let Some((weights, bias)) = self.fit(targets, positions, &[ridge]).pop() else {
                continue;
            };
            model.of_descriptors.push(weights[..descriptors].iter().map(|&w| w as f32).collect());
            let of_counts = weights[descriptors..].iter().map(|w| (w * self.factor) as f32);
            model.of_counts.push(of_counts.collect());
            model.biases.push(bias as f32);
        }
        model
    }
}

/// Weights by the normal equations, one matrix of columns by columns for all ridges.
fn of_columns(rows: &[Vec<f64>], targets: &[f64], ridges: &[f64]) -> Vec<Vec<f64>> {
    let (n, width) = (rows.len() as f64, rows.first().map_or(0, Vec::len));
    let (mut a, mut b) = (vec![0.0; width * width], vec![0.0; width]);
    for (row, target) in rows.iter().zip(targets) {
        for (i, &value) in row.iter().enumerate() {
            b[i] += value * target;
            let line = &mut a[i * width..i * width + i + 1];
            line.iter_mut().zip(row).for_each(|(sum, other)| *sum += value * other);
        }
    }
    let solved = |ridge: &f64| {
        let (mut a, mut weights) = (a.clone(), b.clone());
        (0..width).for_each(|i| a[i * width + i] += ridge * n);
        solve(&mut a, &mut weights);
        weights
    };
    ridges.iter().map(solved).collect()
}

/// The same weights by a matrix of rows by rows, the smaller one where rows are few: Xᵀ(XXᵀ + λ)⁻¹y.
fn of_rows(rows: &[Vec<f64>], targets: &[f64], ridges: &[f64]) -> Vec<Vec<f64>> {
    let (n, width) = (rows.len(), rows.first().map_or(0, Vec::len));
    let mut products = vec![0.0; n * n];
    for (i, row) in rows.iter().enumerate() {
        for (j, other) in rows[..=i].iter().enumerate() {
            products[i * n + j] = dot(row, other);
        }
    }
    let solved = |ridge: &f64| {
        let (mut a, mut shares) = (products.clone(), targets.to_vec());
        (0..n).for_each(|i| a[i * n + i] += ridge * n as f64);
        solve(&mut a, &mut shares);
        let mut weights = vec![0.0; width];
        for (row, share) in rows.iter().zip(&shares) {
            weights.iter_mut().zip(row).for_each(|(weight, value)| *weight += share * value);
        }
        weights
    };
    ridges.iter().map(solved).collect()
}

fn count(row: &[f32], column: usize) -> f64 {
    f64::from(row[column].min(COUNT_LIMIT))
}

/// Members of a linear model over the same columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// How descriptors are scaled.
    pub scaling: Scaling,
    /// The count columns that take part, each limited to [`COUNT_LIMIT`].
    pub counts: Vec<usize>,
    /// Weights of the scaled descriptors, a list a member.
    pub of_descriptors: Vec<Vec<f32>>,
    /// Weights of the counts, a list a member.
    pub of_counts: Vec<Vec<f32>>,
    /// Bias of each member.
    pub biases: Vec<f32>,
}

impl Linear {
    /// The members' scores of a row.
    #[must_use]
    pub fn scores(&self, row: &[f32]) -> Vec<f64> {
        let scaled = self.scaling.of(row);
        let counts: Vec<f64> = self.counts.iter().map(|&column| count(row, column)).collect();
        let score = |((of_descriptors, of_counts), &bias): ((&Vec<f32>, &Vec<f32>), &f32)| {
            let a = scaled.iter().zip(of_descriptors).map(|(&x, &w)| f64::from(x) * f64::from(w));
            let b = counts.iter().zip(of_counts).map(|(&x, &w)| x * f64::from(w));
            f64::from(bias) + a.sum::<f64>() + b.sum::<f64>()
        };
        self.of_descriptors.iter().zip(&self.of_counts).zip(&self.biases).map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways give the weights that make the gradient of the loss zero.
    #[test]
    fn few_rows_and_few_columns_are_solved_alike() {
        let mut random = crate::split::Random::new(5);
        let mut number = || random.below(2001) as f64 / 1000.0 - 1.0;
        for (n, width) in [(12, 30), (40, 7)] {
            let rows: Vec<Vec<f64>> =
                (0..n).map(|_| (0..width).map(|_| number()).collect()).collect();
            let targets: Vec<f64> = (0..n).map(|_| number()).collect();
            let (ridge, by_rows) = (0.1, of_rows(&rows, &targets, &[0.1]));
            let by_columns = of_columns(&rows, &targets, &[ridge]);
            for (column, (a, b)) in by_rows[0].iter().zip(&by_columns[0]).enumerate() {
                assert!((a - b).abs() < 1e-9, "{a} {b}");
                let slope = |(row, target): (&Vec<f64>, &f64)| {
                    (dot(row, &by_rows[0]) - target) * row[column]
                };
                let gradient =
                    rows.iter().zip(&targets).map(slope).sum::<f64>() + ridge * n as f64 * a;
                assert!(gradient.abs() < 1e-9, "{gradient}");
            }
        }
    }
}
