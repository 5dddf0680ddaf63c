//! The order in which an index holds the vectors of a bank: tiles of vectors that lie close together, so that a query far
//! from a tile's middle need not look at its vectors. Parts are halved along the direction in which they are longest
//! (a tree of balls, Omohundro 1989), down to one tile. Any order gives the same answers; a good one gives them sooner.

use rayon::prelude::*;

use super::index::dot;
use super::kernel::TILE;

/// Fewest and most vectors that a part's direction is found from; a quarter of the part between them.
const SAMPLE: (usize, usize) = (8, 128);
/// Numbers of a vector that the order goes by.
const NUMBERS: usize = 64;
/// Vectors that say which numbers differ most.
const COMPARED: usize = 1024;
/// Vectors from which on a part is worth other threads.
const SHARED: usize = 4096;

/// Row numbers, as many at a time as a tile has; only the last tile may be smaller.
pub(super) fn together(rows: &[f32], dim: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..(rows.len() / dim) as u32).collect();
    if dim > NUMBERS {
        halve(&differing(rows, dim), NUMBERS, &mut order);
    } else {
        halve(rows, dim, &mut order);
    }
    order
}

/// Of each vector the numbers in which vectors differ most: they tell nearly as much of what lies close together.
fn differing(rows: &[f32], dim: usize) -> Vec<f32> {
    let count = rows.len() / dim;
    let mut sums = vec![(0.0_f64, 0.0_f64); dim];
    let sample = rows.chunks_exact(dim).step_by((count / COMPARED).max(1));
    let sampled = sample.len() as f64;
    for row in sample {
        for ((sum, squares), &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
            *squares += f64::from(x) * f64::from(x);
        }
    }
    let spread = |&at: &usize| sums[at].1 - sums[at].0 * sums[at].0 / sampled;
    let mut chosen: Vec<usize> = (0..dim).collect();
    chosen.sort_unstable_by(|a, b| spread(b).total_cmp(&spread(a)).then(a.cmp(b)));
    chosen.truncate(NUMBERS);
    let mut out = vec![0.0; count * NUMBERS];
    let vectors = out.par_chunks_exact_mut(NUMBERS).zip(rows.par_chunks_exact(dim));
    vectors.for_each(|(out, row)| {
        for (out, &at) in out.iter_mut().zip(&chosen) {
            *out = row[at];
        }
    });
    out
}

fn halve(rows: &[f32], dim: usize, part: &mut [u32]) {
    if part.len() <= TILE {
        return;
    }
    let row = |number: u32| &rows[number as usize * dim..][..dim];
    let sample = (part.len() / 4).clamp(SAMPLE.0, SAMPLE.1);
    let direction = longest(part.iter().step_by(part.len() / sample).map(|&n| row(n)), dim);
    let place = |&number: &u32| (dot(row(number), &direction), number);
    let mut places: Vec<(f32, u32)> = if part.len() < SHARED {
        part.iter().map(place).collect()
    } else {
        part.par_iter().map(place).collect()
    };
    let half = part.len().div_ceil(TILE).div_ceil(2) * TILE;
    places.select_nth_unstable_by(half, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    for (number, place) in part.iter_mut().zip(places) {
        *number = place.1;
    }
    let (first, second) = part.split_at_mut(half);
    if first.len() < SHARED {
        halve(rows, dim, first);
        halve(rows, dim, second);
    } else {
        rayon::join(|| halve(rows, dim, first), || halve(rows, dim, second));
    }
}

/// The direction in which a sample is longest, nearly: a step of power iteration from its outermost vector.
fn longest<'a>(sample: impl Iterator<Item = &'a [f32]>, dim: usize) -> Vec<f32> {
    let mut sample: Vec<Vec<f32>> = sample.map(<[f32]>::to_vec).collect();
    let mut mean = vec![0.0; dim];
    for row in &sample {
        add(&mut mean, row, 1.0 / sample.len() as f32);
    }
    let mut outermost = (f32::NEG_INFINITY, 0);
    for (at, row) in sample.iter_mut().enumerate() {
        add(row, &mean, -1.0);
        let squared = dot(row, row);
        if squared > outermost.0 {
            outermost = (squared, at);
        }
    }
    let mut direction = vec![0.0; dim];
    for row in &sample {
        // The scale does not matter, but must not overflow.
        add(
            &mut direction,
            row,
            dot(row, &sample[outermost.1]) / outermost.0.max(f32::MIN_POSITIVE),
        );
    }
    direction
}

fn add(to: &mut [f32], row: &[f32], times: f32) {
    for (to, &x) in to.iter_mut().zip(row) {
        *to += times * x;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once_and_clusters_stay_together() {
        // Four clusters of as many vectors as a tile has, dealt out in turns; long vectors have more that is the same in all.
        for dim in [3, 200] {
            let count = 4 * TILE as u32;
            let vector = |row: u32| {
                let mut vector = vec![1.0; dim];
                let off = (row / 4) as f32 * 0.03;
                vector[dim - 2] = if row & 1 == 1 { 90.0 + off } else { off };
                vector[dim - 1] = if row & 2 == 2 { 30.0 - off } else { -off };
                vector
            };
            let rows: Vec<f32> = (0..count).flat_map(vector).collect();
            let order = together(&rows, dim);
            for tile in order.chunks(TILE) {
                assert!(tile.iter().all(|row| row % 4 == tile[0] % 4), "{dim}: {tile:?}");
            }
            let mut sorted = order;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..count));
        }
        assert!(together(&[], 3).is_empty() && together(&[], 300).is_empty());
        assert_eq!(together(&vec![2.5; 3 * 100], 3).len(), 100);
    }
}
