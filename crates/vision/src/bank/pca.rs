//! Principal components of patch vectors.

use rayon::prelude::*;

use super::coreset::SplitMix;
use super::index::{centre_of, dot};

/// Vectors that components are found from, at most.
const SAMPLE: usize = 8_000;
/// Rounds of subspace iteration. The subspace of the large components has settled long before; directions within it
/// make no difference to a Mahalanobis distance.
const ROUNDS: usize = 12;

/// A mean and orthonormal directions of large variance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Components {
    pub(super) mean: Vec<f32>,
    /// Directions, one after another, each as long as the mean.
    pub(super) basis: Vec<f32>,
    /// Variance along each direction.
    pub(super) variances: Vec<f64>,
}

impl Components {
    /// The first `most` components of the vectors of some pictures, by subspace iteration on the covariance of a sample.
    pub(super) fn fit(pictures: &[&[f32]], dim: usize, most: usize, seed: u64) -> Self {
        let mut random = SplitMix(seed);
        let rows: Vec<&[f32]> =
            pictures.iter().flat_map(|picture| picture.chunks_exact(dim)).collect();
        let sample: Vec<f32> = if rows.len() <= SAMPLE {
            rows.concat()
        } else {
            (0..SAMPLE).flat_map(|_| rows[random.below(rows.len())]).copied().collect()
        };
        let mean = centre_of(&sample, dim);
        let count = sample.len() / dim;
        // Channel after channel, so that covariances are products of rows.
        let mut channels = vec![0.0_f32; sample.len()];
        channels.par_chunks_exact_mut(count).enumerate().for_each(|(channel, out)| {
            for (out, row) in out.iter_mut().zip(sample.chunks_exact(dim)) {
                *out = row[channel] - mean[channel];
            }
        });
        let scale = 1.0 / (count.max(2) - 1) as f32;
        let mut covariance = vec![0.0_f32; dim * dim];
        covariance.par_chunks_exact_mut(dim).enumerate().for_each(|(a, out)| {
            for (b, out) in out.iter_mut().enumerate().take(a + 1) {
                *out =
                    dot(&channels[a * count..][..count], &channels[b * count..][..count]) * scale;
            }
        });
        for a in 0..dim {
            for b in a + 1..dim {
                covariance[a * dim + b] = covariance[b * dim + a];
            }
        }
        let kept = most.min(dim);
        let mut basis: Vec<f32> =
            (0..kept * dim).map(|_| (random.below(20_001) as f32 - 10_000.0) / 10_000.0).collect();
        orthonormalise(&mut basis, dim);
        for _ in 0..ROUNDS {
            basis = times(&covariance, &basis, dim);
            orthonormalise(&mut basis, dim);
        }
        let turned = times(&covariance, &basis, dim);
        let variances = basis
            .chunks_exact(dim)
            .zip(turned.chunks_exact(dim))
            .map(|(a, b)| f64::from(dot(a, b)))
            .collect();
        Self { mean, basis, variances }
    }

    pub(super) fn count(&self) -> usize {
        self.variances.len()
    }

    /// Mean variance along the components.
    pub(super) fn mean_variance(&self) -> f64 {
        self.variances.iter().sum::<f64>() / self.variances.len().max(1) as f64
    }

    /// Vectors in the coordinates of the components.
    pub(super) fn project(&self, vectors: &[f32]) -> Vec<f32> {
        let (dim, count) = (self.mean.len(), self.count());
        let mut out = vec![0.0; vectors.len() / dim * count];
        out.par_chunks_exact_mut(count)
            .zip(vectors.par_chunks_exact(dim))
            .with_min_len(16)
            .for_each_init(
                || vec![0.0_f32; dim],
                |centred, (out, vector)| {
                    centred
                        .iter_mut()
                        .zip(vector)
                        .zip(&self.mean)
                        .for_each(|((c, x), mean)| *c = x - mean);
                    for (out, direction) in out.iter_mut().zip(self.basis.chunks_exact(dim)) {
                        *out = dot(centred, direction);
                    }
                },
            );
        out
    }
}

/// Each direction times the (symmetric) matrix.
fn times(matrix: &[f32], directions: &[f32], dim: usize) -> Vec<f32> {
    let mut out = vec![0.0; directions.len()];
    out.par_chunks_exact_mut(dim).zip(directions.par_chunks_exact(dim)).for_each(
        |(out, direction)| {
            for (out, row) in out.iter_mut().zip(matrix.chunks_exact(dim)) {
                *out = dot(row, direction);
            }
        },
    );
    out
}

/// Gram and Schmidt, twice for accuracy. A direction that depends on those before becomes zero: no variance is left.
fn orthonormalise(basis: &mut [f32], dim: usize) {
    for at in 0..basis.len() / dim {
        let (before, rest) = basis.split_at_mut(at * dim);
        let this = &mut rest[..dim];
        let length = dot(this, this).sqrt();
        for _ in 0..2 {
            for other in before.chunks_exact(dim) {
                let share = dot(this, other);
                this.iter_mut().zip(other).for_each(|(x, y)| *x -= share * y);
            }
        }
        let left = dot(this, this).sqrt();
        if left > 1e-5 * length && left > f32::MIN_POSITIVE {
            this.iter_mut().for_each(|x| *x /= left);
        } else {
            this.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_a_known_spread() {
        // Variances 9, 4, 1 and 0 along the axes of a rotated frame.
        let mut random = SplitMix(4);
        let mut draw =
            || (0..12).map(|_| random.below(10_001) as f32 / 10_000.0).sum::<f32>() - 6.0;
        let (h, frame) =
            (0.5_f32, [[1.0, 1.0, 1.0, 1.0], [1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0_f32]]);
        let rows: Vec<f32> = (0..6_000)
            .flat_map(|_| {
                let parts = [3.0 * draw(), 2.0 * draw(), draw()];
                std::array::from_fn::<f32, 4, _>(|at| {
                    7.0 + (0..3).map(|k| parts[k] * h * frame[k][at]).sum::<f32>()
                })
            })
            .collect();
        let components = Components::fit(&[&rows], 4, 3, 1);
        for (variance, want) in components.variances.iter().zip([9.0, 4.0, 1.0]) {
            assert!((variance / want - 1.0).abs() < 0.1, "{:?}", components.variances);
        }
        for (direction, frame) in components.basis.chunks_exact(4).zip(frame) {
            let along: f32 = direction.iter().zip(frame).map(|(a, b)| a * b * h).sum();
            assert!(along.abs() > 0.99, "{direction:?}");
        }
        let projected = components.project(&rows[..4]);
        assert_eq!(projected.len(), 3);
        // A fourth component has nothing left; it is zero, not noise.
        let all = Components::fit(&[&rows], 4, 4, 1);
        assert!(all.variances[3].abs() < 1e-4, "{:?}", all.variances);
    }
}
