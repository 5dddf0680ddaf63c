//! Ridge regression on scaled descriptors and the most frequent counts. Classes are learnt as −1 and 1.

use super::matrix::{Scaling, solve};
use super::{COUNT_LIMIT, Table};

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
    pub(super) fn new(table: Table<'_>, rows: &[usize]) -> Self {
        let scaling = Scaling::new(table, rows);
        let in_rows = |bit: &usize| rows.iter().filter(|&&row| table.row(row)[*bit] > 0.0).count();
        let mut counts: Vec<(usize, usize)> =
            (0..table.counts()).map(|bit| (in_rows(&bit), bit)).collect();
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
        let (mut a, mut b) = (vec![0.0; width * width], vec![0.0; width]);
        for &at in positions {
            let row: Vec<f64> = self.at(at).iter().zip(&centre).map(|(x, c)| x - c).collect();
            let target = targets[at] - mean;
            for (i, &value) in row.iter().enumerate() {
                b[i] += value * target;
                let line = &mut a[i * width..i * width + i + 1];
                line.iter_mut().zip(&row).for_each(|(sum, other)| *sum += value * other);
            }
        }
        let solved = |ridge: &f64| {
            let (mut a, mut weights) = (a.clone(), b.clone());
            (0..width).for_each(|i| a[i * width + i] += ridge * n);
            solve(&mut a, &mut weights);
            let bias = mean - weights.iter().zip(&centre).map(|(w, c)| w * c).sum::<f64>();
            (weights, bias)
        };
        ridges.iter().map(solved).collect()
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
