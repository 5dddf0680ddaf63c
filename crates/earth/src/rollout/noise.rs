//! Noise on the sphere: white, and smooth (gradient noise after Perlin, in three dimensions on the unit sphere, so that it has
//! neither a seam at the date line nor knots at the poles). A seed gives the same noise on every machine and any number of threads.

use crate::grid::Grid;

/// A stream of random numbers (splitmix64).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed and of what it is for.
    #[must_use]
    pub fn new(seed: u64, parts: &[u64]) -> Self {
        let mix = |state: u64, part: &u64| {
            scramble(state ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(*part)
        };
        Self(parts.iter().fold(scramble(seed), mix))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Uniform in 0 (excluded) to 1.
    pub fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Two independent numbers of a normal distribution (Box and Muller).
    pub fn normal(&mut self) -> (f64, f64) {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        (radius * cos, radius * sin)
    }
}

fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Independent normal numbers, one a point.
pub(super) fn white(points: usize, random: &mut Random) -> Vec<f32> {
    let mut values = Vec::with_capacity(points + 1);
    while values.len() < points {
        let (a, b) = random.normal();
        values.extend([a as f32, b as f32]);
    }
    values.truncate(points);
    values
}

/// How smooth noise is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smooth {
    /// Cells of the coarsest lattice along the Earth's radius: 4 gives structures of some 1,500 km.
    pub frequency: f64,
    /// Lattices, each twice as fine and half as strong as the one before.
    pub octaves: u32,
}

impl Default for Smooth {
    fn default() -> Self {
        Self { frequency: 4.0, octaves: 3 }
    }
}

/// Gradient noise at the points of a grid.
pub(super) fn smooth(grid: &Grid, like: Smooth, random: &mut Random) -> Vec<f32> {
    let seed = random.bits();
    // An offset, so that no point of the globe lies on a lattice point of every octave, where the noise is 0.
    let offset = [random.uniform(), random.uniform(), random.uniform()];
    let at = |index: usize| {
        let (lat, lon) = grid.at(index);
        let ((z, across), (y, x)) = (lat.to_radians().sin_cos(), lon.to_radians().sin_cos());
        let point = [across * x, across * y, z];
        let (mut value, mut strength, mut frequency) = (0.0, 1.0, like.frequency);
        for octave in 0..like.octaves {
            let scaled: [f64; 3] =
                std::array::from_fn(|axis| point[axis] * frequency + offset[axis] + 64.0);
            value += strength * gradient_noise(scaled, seed ^ u64::from(octave));
            (strength, frequency) = (strength / 2.0, frequency * 2.0);
        }
        value as f32
    };
    (0..grid.len()).map(at).collect()
}

/// Perlin's noise: the sum of the eight corners' slopes, weighted by the quintic fade.
fn gradient_noise(point: [f64; 3], seed: u64) -> f64 {
    let cell = point.map(f64::floor);
    let within: [f64; 3] = std::array::from_fn(|axis| point[axis] - cell[axis]);
    let fade = within.map(|t| t * t * t * (t * (t * 6.0 - 15.0) + 10.0));
    let mut sum = 0.0;
    for corner in 0..8_u32 {
        let bit: [f64; 3] = std::array::from_fn(|axis| f64::from((corner >> axis) & 1));
        let hash = (0..3).fold(scramble(seed), |hash, axis| {
            let lattice = (cell[axis] + bit[axis]) as i64;
            scramble(hash ^ lattice.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15))
        });
        // A direction uniform on the sphere.
        let height = (hash >> 32) as f64 / f64::from(u32::MAX) * 2.0 - 1.0;
        let angle = (hash & 0xffff_ffff) as f64 / 4_294_967_296.0 * std::f64::consts::TAU;
        let (across, (sin, cos)) = ((1.0 - height * height).max(0.0).sqrt(), angle.sin_cos());
        let slope = [across * cos, across * sin, height];
        let dot: f64 = (0..3).map(|axis| slope[axis] * (within[axis] - bit[axis])).sum();
        let weight: f64 = (0..3)
            .map(|axis| if bit[axis] == 1.0 { fade[axis] } else { 1.0 - fade[axis] })
            .product();
        sum += weight * dot;
    }
    sum
}

/// Weights of a grid's points by the area they stand for, adding up to 1.
pub(super) fn area_weights(grid: &Grid) -> Vec<f64> {
    let weights: Vec<f64> =
        (0..grid.len()).map(|index| grid.at(index).0.to_radians().cos().max(1e-6)).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Mean and standard deviation over the area.
pub(super) fn moments(values: &[f32], weights: &[f64]) -> (f64, f64) {
    let mean: f64 =
        values.iter().zip(weights).map(|(value, weight)| f64::from(*value) * weight).sum();
    let spread = |(value, weight): (&f32, &f64)| (f64::from(*value) - mean).powi(2) * weight;
    let variance: f64 = values.iter().zip(weights).map(spread).sum();
    (mean, variance.sqrt())
}

/// Takes the mean over the area off and scales to a standard deviation.
pub(super) fn standardise(values: &mut [f32], weights: &[f64], deviation: f64) {
    let (mean, sd) = moments(values, weights);
    let factor = if sd > 0.0 { deviation / sd } else { 0.0 };
    for value in values {
        *value = ((f64::from(*value) - mean) * factor) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_noise_is_normal() {
        let values = white(100_001, &mut Random::new(7, &[1]));
        let even = vec![1.0 / values.len() as f64; values.len()];
        let (mean, sd) = moments(&values, &even);
        assert!(mean.abs() < 0.01 && (sd - 1.0).abs() < 0.01, "{mean} {sd}");
        let beyond =
            values.iter().filter(|value| value.abs() > 1.96).count() as f64 / values.len() as f64;
        assert!((beyond - 0.05).abs() < 0.003, "{beyond}");
    }

    #[test]
    fn smooth_noise_has_no_seam_and_is_smooth() {
        let grid = Grid::regular(91, 180);
        let values = smooth(&grid, Smooth::default(), &mut Random::new(3, &[]));
        let (_, sd) = moments(&values, &area_weights(&grid));
        let at = |row: usize, column: usize| f64::from(values[row * 180 + column]);
        let step = |row: usize, a: usize, b: usize| (at(row, a) - at(row, b)).abs();
        // Across the date line it changes no more than anywhere else.
        let rows = 20..71;
        let seam: f64 = rows.clone().map(|row| step(row, 179, 0)).sum::<f64>() / 51.0;
        let inside: f64 = rows.clone().map(|row| step(row, 89, 90)).sum::<f64>() / 51.0;
        assert!(
            sd > 0.05 && seam < 2.0 * inside + 0.02 * sd && seam < 0.5 * sd,
            "{seam} {inside} {sd}"
        );
        // The pole is one point, whatever its longitude.
        assert!((0..180).all(|column| (at(0, column) - at(0, 0)).abs() < 1e-4));
        // Neighbours go together, which white noise's do not.
        let mean_step: f64 = rows.map(|row| step(row, 40, 41)).sum::<f64>() / 51.0;
        assert!(mean_step < 0.4 * sd, "{mean_step} {sd}");
        let again = smooth(&grid, Smooth::default(), &mut Random::new(3, &[]));
        assert_eq!(values, again);
        assert_ne!(values, smooth(&grid, Smooth::default(), &mut Random::new(4, &[])));
    }

    #[test]
    fn standardised_noise_has_no_mean_over_the_area() {
        let grid = Grid::gaussian(32, 64);
        let weights = area_weights(&grid);
        let mut values = white(grid.len(), &mut Random::new(1, &[2, 3]));
        standardise(&mut values, &weights, 2.5);
        let (mean, sd) = moments(&values, &weights);
        assert!(mean.abs() < 1e-6 && (sd - 2.5).abs() < 1e-5, "{mean} {sd}");
    }
}
