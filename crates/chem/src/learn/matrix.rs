//! Scaled descriptors and vectors, and the factorisation that the kernel machine and the linear model are solved with.

use super::{Table, View};

/// Scaled descriptors are clipped to this size.
pub const DESCRIPTOR_LIMIT: f32 = 5.0;

/// How descriptors are scaled: the columns that vary, less their mean, divided by their standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// Columns of the table.
    pub columns: Vec<usize>,
    /// Mean of each.
    pub mean: Vec<f32>,
    /// One over the standard deviation of each.
    pub scale: Vec<f32>,
}

impl Scaling {
    /// From the rows listed.
    pub(super) fn new(table: Table<'_>, rows: &[usize], view: View) -> Self {
        let mut scaling = Self { columns: Vec::new(), mean: Vec::new(), scale: Vec::new() };
        let n = rows.len() as f64;
        for column in table.dense(view) {
            let values = || rows.iter().map(|&row| f64::from(table.row(row)[column]));
            let mean = values().sum::<f64>() / n;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / n;
            if variance > 1e-12 * (1.0 + mean * mean) {
                scaling.columns.push(column);
                scaling.mean.push(mean as f32);
                scaling.scale.push((1.0 / variance.sqrt()) as f32);
            }
        }
        scaling
    }

    /// The scaled descriptors of a row.
    #[must_use]
    pub fn of(&self, row: &[f32]) -> Vec<f32> {
        let scaled = self.columns.iter().zip(self.mean.iter().zip(&self.scale));
        let scaled = scaled.map(|(&column, (&mean, &scale))| (row[column] - mean) * scale);
        scaled.map(|value| value.clamp(-DESCRIPTOR_LIMIT, DESCRIPTOR_LIMIT)).collect()
    }
}

/// Sum of products, in eight running sums that the compiler can keep in wide registers.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (left, right) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in left.zip(right) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Solves `a · x = b` for a symmetric positive matrix (row by row, lower half read), overwriting both.
pub(super) fn solve(a: &mut [f64], b: &mut [f64]) {
    let n = b.len();
    for i in 0..n {
        let (above, row) = a.split_at_mut(i * n);
        for j in 0..i {
            let of_j = &above[j * n..j * n + j];
            row[j] = (row[j] - dot(&row[..j], of_j)) / above[j * n + j];
        }
        // The diagonal carries the ridge, so only rounding could take it to zero.
        row[i] = (row[i] - dot(&row[..i], &row[..i])).max(1e-12).sqrt();
    }
    for i in 0..n {
        let row = &a[i * n..i * n + i];
        b[i] = (b[i] - dot(row, &b[..i])) / a[i * n + i];
    }
    for i in (0..n).rev() {
        b[i] /= a[i * n + i];
        let (row, value) = (&a[i * n..i * n + i], b[i]);
        b[..i].iter_mut().zip(row).for_each(|(b, l)| *b -= l * value);
    }
}
