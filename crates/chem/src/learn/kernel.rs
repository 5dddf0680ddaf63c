//! Kernel ridge regression: Tanimoto over fingerprint bits blended with a Gaussian over scaled descriptors, with
//! an encoder's vector or without.
//!
//! `k(x, y) = t · |x ∧ y| ÷ |x ∨ y| + (1 − t) · exp(−γ |x − y|²)`, `γ` being divided by the number of descriptors.
//! Classes are learnt as −1 and 1.

use rayon::prelude::*;

use super::matrix::{Scaling, solve};
use super::{Table, View};

/// Most molecules a kernel machine rests on; more would cost too much memory and time.
pub const MAX_SUPPORT: usize = 3000;

/// How molecules are compared, and how closely the targets are followed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KernelSettings {
    /// Weight of the fingerprints, from 0 to 1.
    pub tanimoto: f64,
    /// Sharpness of the Gaussian, times the number of columns it compares.
    pub gamma: f64,
    /// Added to the diagonal.
    pub ridge: f64,
    /// What the Gaussian compares.
    pub view: View,
}

/// A molecule as the kernel sees it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    bits: Vec<u64>,
    on: u32,
    scaled: Vec<f32>,
    square: f64,
}

impl Seen {
    fn new(row: &[f32], counts: usize, scaling: &Scaling) -> Self {
        let mut bits = vec![0u64; counts.div_ceil(64)];
        for (bit, _) in row[..counts].iter().enumerate().filter(|(_, count)| **count > 0.0) {
            bits[bit / 64] |= 1 << (bit % 64);
        }
        let on = bits.iter().map(|word| word.count_ones()).sum();
        let scaled = scaling.of(row);
        let square = inner(&scaled, &scaled);
        Self { bits, on, scaled, square }
    }

    /// Tanimoto and squared distance. In double precision: a machine with a small ridge has large weights of both
    /// signs, which would bring out the rounding of single precision.
    fn compare(&self, other: &Seen) -> (f64, f64) {
        let both: u32 = self.bits.iter().zip(&other.bits).map(|(a, b)| (a & b).count_ones()).sum();
        let either = (self.on + other.on - both).max(1);
        let apart = self.square + other.square - 2.0 * inner(&self.scaled, &other.scaled);
        (f64::from(both) / f64::from(either), apart.max(0.0))
    }
}

/// Sum of products, in four running sums.
fn inner(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f64; 4];
    let (left, right) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest = left.remainder().iter().zip(right.remainder());
    let rest: f64 = rest.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    for (x, y) in left.zip(right) {
        for lane in 0..4 {
            sums[lane] += f64::from(x[lane]) * f64::from(y[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Similarities of all pairs of some rows.
pub(super) struct Gram {
    n: usize,
    pub(super) scaling: Scaling,
    seen: Vec<Seen>,
    tanimoto: Vec<f32>,
    apart: Vec<f32>,
}

impl Gram {
    pub(super) fn new(table: Table<'_>, rows: &[usize], view: View) -> Self {
        let scaling = Scaling::new(table, rows, view);
        let see = |&row: &usize| Seen::new(table.row(row), table.counts(), &scaling);
        let seen: Vec<Seen> = rows.par_iter().map(see).collect();
        let single = |(a, b): (f64, f64)| (a as f32, b as f32);
        let pairs =
            |a: &Seen| seen.iter().map(|b| single(a.compare(b))).collect::<Vec<(f32, f32)>>();
        let pairs: Vec<Vec<(f32, f32)>> = seen.par_iter().map(pairs).collect();
        let (tanimoto, apart) = pairs.into_iter().flatten().unzip();
        Self { n: rows.len(), scaling, seen, tanimoto, apart }
    }

    fn value(&self, at: usize, settings: &KernelSettings) -> f64 {
        let gamma = settings.gamma / self.scaling.columns.len().max(1) as f64;
        let gauss = (-gamma * f64::from(self.apart[at])).exp();
        settings.tanimoto * f64::from(self.tanimoto[at]) + (1.0 - settings.tanimoto) * gauss
    }

    /// Weights of the positions listed, and the bias.
    pub(super) fn fit(
        &self,
        targets: &[f64],
        positions: &[usize],
        settings: &KernelSettings,
    ) -> (Vec<f64>, f64) {
        let n = positions.len();
        let bias = positions.iter().map(|&at| targets[at]).sum::<f64>() / n as f64;
        let mut a = vec![0.0; n * n];
        for (i, &row) in positions.iter().enumerate() {
            for (j, &column) in positions[..=i].iter().enumerate() {
                a[i * n + j] = self.value(row * self.n + column, settings);
            }
            a[i * n + i] += settings.ridge;
        }
        let mut weights: Vec<f64> = positions.iter().map(|&at| targets[at] - bias).collect();
        solve(&mut a, &mut weights);
        (weights, bias)
    }

    /// The score of a position from weights of others.
    pub(super) fn score(
        &self,
        at: usize,
        (positions, weights, bias): (&[usize], &[f64], f64),
        settings: &KernelSettings,
    ) -> f64 {
        let terms = positions.iter().zip(weights);
        bias + terms.map(|(&p, w)| w * self.value(at * self.n + p, settings)).sum::<f64>()
    }

    /// A machine of several members that can score any row.
    pub(super) fn machine(
        self,
        (targets, counts): (&[f64], usize),
        members: &[Vec<usize>],
        settings: &KernelSettings,
    ) -> KernelMachine {
        let fits: Vec<(Vec<f64>, f64)> =
            members.par_iter().map(|positions| self.fit(targets, positions, settings)).collect();
        let mut weights = vec![0.0f32; self.n * members.len()];
        for (member, (positions, (fit, _))) in members.iter().zip(&fits).enumerate() {
            for (&at, &weight) in positions.iter().zip(fit) {
                weights[at * members.len() + member] = weight as f32;
            }
        }
        KernelMachine {
            settings: *settings,
            scaling: self.scaling,
            counts,
            seen: self.seen,
            weights,
            biases: fits.iter().map(|(_, bias)| *bias as f32).collect(),
        }
    }
}

/// Members that share the molecules they rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMachine {
    /// How molecules are compared.
    pub settings: KernelSettings,
    /// How descriptors are scaled.
    pub scaling: Scaling,
    counts: usize,
    seen: Vec<Seen>,
    /// A row a molecule, a column a member.
    pub weights: Vec<f32>,
    /// Bias of each member.
    pub biases: Vec<f32>,
}

impl KernelMachine {
    /// Molecules it rests on.
    #[must_use]
    pub fn support(&self) -> usize {
        self.seen.len()
    }

    /// Whether a molecule of the support has a bit.
    #[must_use]
    pub fn has_bit(&self, molecule: usize, bit: usize) -> bool {
        self.seen[molecule].bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Bits of a molecule of the support.
    #[must_use]
    pub fn bits_on(&self, molecule: usize) -> u32 {
        self.seen[molecule].on
    }

    /// Scaled descriptors of a molecule of the support.
    #[must_use]
    pub fn scaled(&self, molecule: usize) -> &[f32] {
        &self.seen[molecule].scaled
    }

    /// Sharpness of the Gaussian for squared distances.
    #[must_use]
    pub fn sharpness(&self) -> f64 {
        self.settings.gamma / self.scaling.columns.len().max(1) as f64
    }

    /// The members' scores of a row.
    #[must_use]
    pub fn scores(&self, row: &[f32]) -> Vec<f64> {
        let seen = Seen::new(row, self.counts, &self.scaling);
        let mut out: Vec<f64> = self.biases.iter().map(|&bias| f64::from(bias)).collect();
        let (sharpness, share) = (self.sharpness(), self.settings.tanimoto);
        for (other, weights) in self.seen.iter().zip(self.weights.chunks(self.biases.len())) {
            let (tanimoto, apart) = seen.compare(other);
            let gauss = (-sharpness * apart).exp();
            let value = share * tanimoto + (1.0 - share) * gauss;
            out.iter_mut().zip(weights).for_each(|(out, &w)| *out += value * f64::from(w));
        }
        out
    }
}
