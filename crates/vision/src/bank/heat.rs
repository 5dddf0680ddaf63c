//! Heat maps: patch distances as a smooth map of a picture's size.

use rayon::prelude::*;

use super::patches::{Taps, upsample};
use crate::geometry::Size;
use crate::image::Plane;

/// Standard deviation of anomalib's blur, in pixels of the model's input.
pub const BLUR_SIGMA: f32 = 4.0;

/// Values on a `(rows, columns)` grid as a map of `size`: bilinear upsampling with half-pixel centres, then a Gaussian
/// blur of standard deviation `sigma` pixels (none for 0), cut off at 4 sigma, reflected at the borders: anomalib's
/// anomaly map. A grid without as many values gives a map of zeros.
#[must_use]
pub fn heat_map(values: &[f32], grid: (usize, usize), size: Size, sigma: f32) -> Plane<f32> {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut map = Plane::filled(size, 0.0);
    if values.is_empty()
        || grid.0.checked_mul(grid.1) != Some(values.len())
        || map.data().is_empty()
    {
        return map;
    }
    upsample(values, grid.1, &Taps::new(grid.0, height), &Taps::new(grid.1, width), map.data_mut());
    if sigma > 0.0 && sigma.is_finite() {
        blur(map.data_mut(), width, height, sigma);
    }
    map
}

/// Two passes of one dimension, each over whole rows, in parallel.
fn blur(data: &mut [f32], width: usize, height: usize, sigma: f32) {
    let reach = ((4.0 * sigma + 0.5) as usize).min(4096);
    let weights = weights(sigma, reach);
    let mut across = vec![0.0_f32; data.len()];
    across.par_chunks_exact_mut(width).zip(data.par_chunks_exact(width)).for_each_init(
        Vec::new,
        |line, (out, row)| {
            line.clear();
            line.extend(
                (0..width + 2 * reach).map(|x| row[reflected(x as isize - reach as isize, width)]),
            );
            // Neighbour after neighbour rather than pixel after pixel: whole rows at once.
            for (shift, &weight) in weights.iter().enumerate() {
                for (out, &value) in out.iter_mut().zip(&line[shift..]) {
                    *out += value * weight;
                }
            }
        },
    );
    data.par_chunks_exact_mut(width).enumerate().for_each(|(y, out)| {
        out.fill(0.0);
        for (shift, &weight) in weights.iter().enumerate() {
            let from = reflected(y as isize + shift as isize - reach as isize, height);
            for (out, &value) in out.iter_mut().zip(&across[from * width..][..width]) {
                *out += value * weight;
            }
        }
    });
}

fn weights(sigma: f32, reach: usize) -> Vec<f32> {
    let raw: Vec<f64> = (0..=2 * reach)
        .map(|at| {
            let off = (at as f64 - reach as f64) / f64::from(sigma);
            (-0.5 * off * off).exp()
        })
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| (weight / sum) as f32).collect()
}

/// A place outside, mirrored at the first and last sample (which are not repeated).
fn reflected(at: isize, count: usize) -> usize {
    let period = 2 * (count as isize - 1);
    if period == 0 {
        return 0;
    }
    let folded = at.rem_euclid(period);
    folded.min(period - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrored_places() {
        let places: Vec<usize> = (-3..7).map(|at| reflected(at, 4)).collect();
        assert_eq!(places, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(reflected(-9, 1), 0);
    }

    #[test]
    fn a_blur_keeps_constants_and_is_the_dense_convolution() {
        let flat = heat_map(&[2.5; 6], (2, 3), Size::new(40, 9), 4.0);
        assert!(flat.data().iter().all(|value| (value - 2.5).abs() < 1e-5));
        let (width, height, sigma) = (23_usize, 17_usize, 1.5_f32);
        let mut data: Vec<f32> = (0..width * height).map(|at| ((at * 7919) % 101) as f32).collect();
        let source = data.clone();
        blur(&mut data, width, height, sigma);
        let reach = 6;
        let weights = weights(sigma, reach);
        for (at, got) in data.iter().enumerate() {
            let (x, y) = ((at % width) as isize, (at / width) as isize);
            let mut want = 0.0;
            for (dy, wy) in weights.iter().enumerate() {
                for (dx, wx) in weights.iter().enumerate() {
                    let row = reflected(y + dy as isize - reach as isize, height);
                    let column = reflected(x + dx as isize - reach as isize, width);
                    want += wy * wx * source[row * width + column];
                }
            }
            assert!((got - want).abs() < 1e-3, "{at}: {got} {want}");
        }
    }

    #[test]
    fn odd_grids_give_a_flat_map() {
        assert!(
            heat_map(&[1.0; 5], (2, 3), Size::new(4, 4), 4.0)
                .data()
                .iter()
                .all(|&value| value == 0.0)
        );
        assert!(heat_map(&[1.0], (1, 1), Size::new(0, 4), 4.0).data().is_empty());
    }
}
