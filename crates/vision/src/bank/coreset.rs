//! Which patch vectors a bank keeps: greedy k-centre selection (Sener and Savarese 2018, as PatchCore uses it), each next
//! centre being the vector that is farthest from those already chosen.
//!
//! Distances only fall as centres are added, so a distance measured earlier is an upper limit. Vectors wait in a heap by
//! that limit; only the ones on top are measured against the centres they have not seen, and one whose limit is up to date
//! when it comes to the top is the farthest of all. Centres that cannot be nearer than the limit are passed over by the
//! triangle inequality: the first centres, which lie far apart, are pivots whose distances from every vector are kept. The
//! selection is exactly that of the plain algorithm, with a fraction of its `O(n · m)` distances, and reads a vector once for
//! many centres.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::index::squared_distance;

/// Dimensions that distances are measured in during selection: vectors that are longer are projected.
pub(super) const PROJECTED: usize = 128;
/// Vectors that are brought up to date together.
const BATCH: usize = 64;

/// Centres that are pivots, the first ones chosen.
const PIVOTS: usize = 16;

/// Distances of every vector from the pivots, a cache line each.
struct Pivots {
    rows: Vec<[f32; PIVOTS]>,
    /// Those of the centres, in the order of choice.
    centres: Vec<[f32; PIVOTS]>,
    /// What rounding may add to a difference of two distances.
    margin: f32,
}

impl Pivots {
    /// From the first centres.
    fn new(rows: &[f32], dim: usize, centres: &[f32], chosen: &[(u32, f32)]) -> Self {
        let line = |row: &[f32]| {
            let mut line = [0.0; PIVOTS];
            for (distance, centre) in line.iter_mut().zip(centres.chunks_exact(dim)) {
                *distance = squared_distance(row, centre).sqrt();
            }
            line
        };
        let rows: Vec<_> = rows.par_chunks_exact(dim).map(line).collect();
        let largest = rows.par_iter().flat_map_iter(|line| *line).reduce(|| 0.0, f32::max);
        let centres = chosen.iter().filter_map(|chosen| rows.get(chosen.0 as usize)).copied();
        // A sum of `dim` squares is off by far less than `dim` roundings, its root by half of that.
        let margin = 4.0 * f32::EPSILON * dim as f32 * largest;
        Self { centres: centres.collect(), rows, margin }
    }

    /// Whether a vector is farther from a centre than a limit, as far as the pivots tell.
    #[inline(always)]
    fn beyond(own: &[f32; PIVOTS], centre: &[f32; PIVOTS], reach: f32) -> bool {
        let mut beyond = 0;
        for (own, centre) in own.iter().zip(centre) {
            beyond |= u32::from((own - centre).abs() > reach);
        }
        beyond != 0
    }

    /// How far apart two distances from a pivot may be for a vector within a squared distance.
    fn reach(&self, limit: f32) -> f32 {
        limit.sqrt() + self.margin
    }
}

/// A small, good generator with a seed (SplitMix64, Steele, Lea and Flood 2014): the same numbers everywhere.
#[derive(Debug, Clone)]
pub(super) struct SplitMix(pub(super) u64);

impl SplitMix {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not zero. The bias of a 64-bit remainder is nothing here.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Sparse random projection (Li, Hastie and Church 2006, density `1/√dim`): distances are kept within some per cent
/// (Johnson and Lindenstrauss). Rows of up to [`PROJECTED`] numbers come back as they are.
pub(super) fn project(rows: &[f32], dim: usize, seed: u64) -> (Vec<f32>, usize) {
    if dim <= PROJECTED {
        return (rows.to_vec(), dim);
    }
    let mut random = SplitMix(seed);
    let density = (dim as f64).sqrt();
    let size = (density / PROJECTED as f64).sqrt() as f32;
    // The entries of each output that are not zero: place and sign.
    let entries: Vec<Vec<(u32, f32)>> = (0..PROJECTED)
        .map(|_| {
            let mut places = Vec::new();
            for place in 0..dim as u32 {
                let drawn = random.next();
                let share = (drawn >> 11) as f64 / (1_u64 << 53) as f64;
                if share * density < 1.0 {
                    places.push((place, if drawn & 1 == 0 { size } else { -size }));
                }
            }
            places
        })
        .collect();
    let mut out = vec![0.0; rows.len() / dim * PROJECTED];
    out.par_chunks_exact_mut(PROJECTED).zip(rows.par_chunks_exact(dim)).for_each(|(out, row)| {
        for (value, places) in out.iter_mut().zip(&entries) {
            *value = places.iter().map(|&(place, factor)| row[place as usize] * factor).sum();
        }
    });
    (out, PROJECTED)
}

/// A waiting vector: its limit, and how many centres the limit counts.
struct Waiting {
    limit: f32,
    row: u32,
    seen: u32,
}

impl Ord for Waiting {
    /// Farther first, then the lower row.
    fn cmp(&self, other: &Self) -> Ordering {
        self.limit.total_cmp(&other.limit).then(other.row.cmp(&self.row))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

/// Rows chosen by greedy k-centre selection, in the order of choice, and the squared distance of each from those chosen
/// before it (infinite for the first).
///
/// `known` holds the squared distance of each row from vectors that count as chosen already. Selection ends at
/// `goal.most` rows, or when no row is farther than `√goal.radius` from a chosen one. Without `known` the first row is
/// drawn with `goal.seed`.
pub(super) fn greedy(
    rows: &[f32],
    dim: usize,
    known: Option<&[f32]>,
    goal: Goal,
) -> Vec<(u32, f32)> {
    let count = rows.len() / dim;
    let most = goal.most.min(count);
    if most == 0 {
        return Vec::new();
    }
    let mut chosen: Vec<(u32, f32)> = Vec::with_capacity(most);
    let mut centres: Vec<f32> = Vec::new();
    if known.is_none() {
        let first = SplitMix(goal.seed).below(count);
        chosen.push((first as u32, f32::INFINITY));
        centres.extend_from_slice(&rows[first * dim..(first + 1) * dim]);
    }
    let measure = |waiting: &mut Waiting, centres: &[f32], pivots: Option<&Pivots>| {
        let (at, seen) = (waiting.row as usize, waiting.seen as usize);
        let row = &rows[at * dim..][..dim];
        let unseen = centres[seen * dim..].chunks_exact(dim);
        match pivots.and_then(|pivots| Some((pivots, pivots.rows.get(at)?))) {
            None => {
                for centre in unseen {
                    waiting.limit = waiting.limit.min(squared_distance(row, centre));
                }
            }
            Some((pivots, own)) => {
                let mut reach = pivots.reach(waiting.limit);
                for (line, centre) in pivots.centres[seen..].iter().zip(unseen) {
                    if Pivots::beyond(own, line, reach) {
                        continue;
                    }
                    let distance = squared_distance(row, centre);
                    if distance < waiting.limit {
                        waiting.limit = distance;
                        reach = pivots.reach(distance);
                    }
                }
            }
        }
        waiting.seen = (centres.len() / dim) as u32;
    };
    let first = chosen.first().map(|chosen| chosen.0);
    let mut heap: BinaryHeap<Waiting> = (0..count as u32)
        .into_par_iter()
        .filter(|&row| Some(row) != first)
        .map(|row| {
            let limit =
                known.and_then(|known| known.get(row as usize)).copied().unwrap_or(f32::INFINITY);
            let mut waiting = Waiting { limit, row, seen: 0 };
            measure(&mut waiting, &centres, None);
            waiting
        })
        .collect::<Vec<_>>()
        .into();
    let mut batch: Vec<Waiting> = Vec::with_capacity(BATCH);
    let mut pivots: Option<Pivots> = None;
    while chosen.len() < most {
        let now = (centres.len() / dim) as u32;
        let Some(top) = heap.pop() else { break };
        if top.limit <= goal.radius {
            break;
        }
        if top.seen == now {
            chosen.push((top.row, top.limit));
            centres.extend_from_slice(&rows[top.row as usize * dim..][..dim]);
            if let Some(pivots) = &mut pivots {
                pivots.centres.extend(pivots.rows.get(top.row as usize));
            } else if chosen.len() == PIVOTS && most > 4 * PIVOTS {
                pivots = Some(Pivots::new(rows, dim, &centres, &chosen));
            }
            continue;
        }
        batch.push(top);
        while batch.len() < BATCH
            && heap.peek().is_some_and(|next| next.seen != now && next.limit > goal.radius)
        {
            batch.extend(heap.pop());
        }
        // Worth other threads only when there is more to do than waking them costs.
        let work: usize = batch.iter().map(|waiting| (now - waiting.seen) as usize).sum();
        if work * dim > 1 << 18 {
            batch
                .par_iter_mut()
                .with_min_len(8)
                .for_each(|waiting| measure(waiting, &centres, pivots.as_ref()));
        } else {
            batch.iter_mut().for_each(|waiting| measure(waiting, &centres, pivots.as_ref()));
        }
        heap.extend(batch.drain(..));
    }
    chosen
}

/// When selection ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// Rows to choose at most.
    pub(super) most: usize,
    /// Squared distance within which every row is covered well enough.
    pub(super) radius: f32,
    /// Draws the first row.
    pub(super) seed: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The plain algorithm.
    fn plain(rows: &[f32], dim: usize, known: Option<&[f32]>, goal: Goal) -> Vec<u32> {
        let vectors: Vec<&[f32]> = rows.chunks_exact(dim).collect();
        let mut nearest = known.map_or_else(|| vec![f32::INFINITY; vectors.len()], <[f32]>::to_vec);
        let mut chosen = Vec::new();
        let see = |nearest: &mut Vec<f32>, centre: &[f32]| {
            for (near, vector) in nearest.iter_mut().zip(&vectors) {
                *near = near.min(squared_distance(vector, centre));
            }
        };
        while chosen.len() < goal.most.min(vectors.len()) {
            let mut next = SplitMix(goal.seed).below(vectors.len());
            if !chosen.is_empty() || known.is_some() {
                let open = (0..vectors.len()).filter(|row| !chosen.contains(&(*row as u32)));
                let far = open.max_by(|&a, &b| nearest[a].total_cmp(&nearest[b]).then(b.cmp(&a)));
                match far {
                    Some(row) if nearest[row] > goal.radius => next = row,
                    _ => break,
                }
            }
            chosen.push(next as u32);
            see(&mut nearest, vectors[next]);
        }
        chosen
    }

    proptest! {
        #[test]
        fn the_same_choice_as_the_plain_algorithm(
            numbers in prop::collection::vec(-8_i8..8, 6..1200),
            old in prop::option::of(prop::collection::vec(-8_i8..8, 3)),
            most in 1_usize..200,
            radius in 0_u8..20,
            seed in any::<u64>(),
        ) {
            let dim = 3;
            let rows: Vec<f32> = numbers[..numbers.len() / dim * dim].iter().map(|&x| f32::from(x)).collect();
            let old: Option<Vec<f32>> = old.map(|old| old.iter().map(|&x| f32::from(x)).collect());
            let known: Option<Vec<f32>> =
                old.map(|old| rows.chunks_exact(dim).map(|row| squared_distance(row, &old)).collect());
            let goal = Goal { most, radius: f32::from(radius), seed };
            let got: Vec<u32> = greedy(&rows, dim, known.as_deref(), goal).iter().map(|c| c.0).collect();
            prop_assert_eq!(got, plain(&rows, dim, known.as_deref(), goal));
        }
    }

    #[test]
    fn every_row_is_within_the_last_distance() {
        let mut random = SplitMix(5);
        let dim = 8;
        let rows: Vec<f32> =
            (0..2_000 * dim).map(|_| (random.below(1_000) as f32) / 100.0).collect();
        let chosen = greedy(&rows, dim, None, Goal { most: 100, radius: 0.0, seed: 1 });
        assert_eq!(chosen.len(), 100);
        assert!(chosen.windows(2).all(|pair| pair[1].1 <= pair[0].1), "distances fall");
        let last = chosen[99].1;
        for row in rows.chunks_exact(dim) {
            let near =
                chosen.iter().map(|c| squared_distance(row, &rows[c.0 as usize * dim..][..dim]));
            assert!(near.fold(f32::INFINITY, f32::min) <= last);
        }
    }

    #[test]
    fn projection_keeps_distances() {
        let mut random = SplitMix(9);
        let dim = 768;
        let rows: Vec<f32> =
            (0..40 * dim).map(|_| (random.below(2_001) as f32 - 1_000.0) / 500.0).collect();
        let (small, to) = project(&rows, dim, 3);
        assert_eq!(to, PROJECTED);
        let mut ratios = Vec::new();
        for a in 0..40 {
            for b in 0..a {
                let far = squared_distance(&rows[a * dim..][..dim], &rows[b * dim..][..dim]);
                ratios.push(squared_distance(&small[a * to..][..to], &small[b * to..][..to]) / far);
            }
        }
        let mean = ratios.iter().sum::<f32>() / ratios.len() as f32;
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        assert!(ratios.iter().all(|ratio| (0.5..1.6).contains(ratio)));
    }
}
