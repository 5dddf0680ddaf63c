//! The order in which an index holds the vectors of a bank: groups of sixteen that lie close together, so that a query far
//! from a group's middle need not look at its vectors. Parts are halved along the direction in which they are longest
//! (a tree of balls, Omohundro 1989), down to one group. Any order gives the same answers; a good one gives them sooner.

use rayon::prelude::*;

use super::index::dot;
use super::kernel::LANES;

/// Vectors that a part's direction is found from.
const SAMPLE: usize = 128;
/// Steps towards the direction in which the sample is longest.
const STEPS: usize = 2;
/// Vectors from which on a part is worth other threads.
const SHARED: usize = 4096;

/// Row numbers, sixteen at a time a group; only the last group may be smaller.
pub(super) fn together(rows: &[f32], dim: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..(rows.len() / dim) as u32).collect();
    halve(rows, dim, &mut order);
    order
}

fn halve(rows: &[f32], dim: usize, part: &mut [u32]) {
    if part.len() <= LANES {
        return;
    }
    let row = |number: u32| &rows[number as usize * dim..][..dim];
    let direction = longest(part.iter().step_by(part.len().div_ceil(SAMPLE)).map(|&n| row(n)), dim);
    let place = |&number: &u32| (dot(row(number), &direction), number);
    let mut places: Vec<(f32, u32)> = if part.len() < SHARED {
        part.iter().map(place).collect()
    } else {
        part.par_iter().map(place).collect()
    };
    let half = part.len().div_ceil(LANES).div_ceil(2) * LANES;
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

/// The direction in which a sample is longest, by a few steps of power iteration from its outermost vector.
fn longest<'a>(sample: impl Iterator<Item = &'a [f32]>, dim: usize) -> Vec<f32> {
    let mut sample: Vec<Vec<f32>> = sample.map(<[f32]>::to_vec).collect();
    let mut mean = vec![0.0; dim];
    for row in &sample {
        add(&mut mean, row, 1.0 / sample.len() as f32);
    }
    for row in &mut sample {
        add(row, &mean, -1.0);
    }
    let outermost = sample.iter().max_by(|a, b| dot(a, a).total_cmp(&dot(b, b)));
    let mut direction = outermost.cloned().unwrap_or(mean);
    for _ in 0..STEPS {
        let mut next = vec![0.0; dim];
        for row in &sample {
            add(&mut next, row, dot(row, &direction));
        }
        let length = dot(&next, &next).sqrt();
        if !(length.is_normal()) {
            break;
        }
        next.iter_mut().for_each(|x| *x /= length);
        direction = next;
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
        // Four clusters of 16 vectors, dealt out in turns.
        let corner = |cluster: usize, axis: usize| {
            if cluster >> axis & 1 == 1 { [90.0, 30.0][axis] } else { 0.0 }
        };
        let rows: Vec<f32> = (0..64)
            .flat_map(|row| {
                let off = (row / 4) as f32 * 0.1;
                [corner(row % 4, 0) + off, corner(row % 4, 1) - off, 1.0]
            })
            .collect();
        let order = together(&rows, 3);
        for group in order.chunks(LANES) {
            assert!(group.iter().all(|row| row % 4 == group[0] % 4), "{group:?}");
        }
        let mut sorted = order;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..64));
        assert!(together(&[], 3).is_empty());
        assert_eq!(together(&vec![2.5; 3 * 100], 3).len(), 100);
    }
}
