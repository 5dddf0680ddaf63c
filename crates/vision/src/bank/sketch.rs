//! Short forms of a bank's vectors: they tell sooner than the vectors themselves that a tile holds none of a query's
//! nearest.
//!
//! A short form is a vector's coordinates `Pa` along the bank's principal components and one number more, the length of the
//! rest `ra` that they leave out. `|a - b|² = |Pa - Pb|² + |ra - rb|²`, and `|ra - rb|` is at least the difference of the two
//! lengths, so that short forms are never farther apart than the vectors are. Patches of pictures vary in few directions: of
//! 256 numbers some twenty tell for nearly every tile that it is too far away.

use ndarray::Array2;
use rayon::prelude::*;

use super::candidates::{Asked, State};
use super::index::{Precision, Query, input};
use super::kernel::{Choice, Estimates, GROUPS, LANES, QUERIES};
use super::pca::Components;
use super::table::Table;

/// Vectors that the components are found from.
const SAMPLE: usize = 1024;
/// Numbers of a vector for each number of its short form, and most numbers of one.
const SHORTER: usize = 12;
const MOST: usize = 64;
/// Vectors that are multiplied by the components at a time.
const TOGETHER: usize = 512;
/// What is added to the square of a left-out length for each unit of the vector's own: more than the roundings of both
/// squares and of the components' right angles come to.
const SLACK: f32 = 1e-4;

/// Short forms of a bank's vectors, in the bank's order.
pub(super) struct Sketch {
    mean: Vec<f32>,
    /// Components, one a column.
    basis: Array2<f32>,
    precision: Precision,
    table: Table,
}

impl Sketch {
    /// Of the `rows` whose numbers are in `bank`.
    pub(super) fn new(rows: &[f32], dim: usize, bank: &Table, precision: Precision) -> Self {
        let count = rows.len() / dim;
        let order: Vec<u32> = bank.groups.iter().flat_map(|group| group.rows).take(count).collect();
        let row = |&row: &u32| &rows[row as usize * dim..][..dim];
        let sample = order.iter().step_by(count.div_ceil(SAMPLE).max(1)).map(row);
        let sample: Vec<f32> = sample.flatten().copied().collect();
        let numbers = (dim / SHORTER).next_multiple_of(4).clamp(4, MOST);
        let Components { mean, basis, variances } =
            Components::fit(&[&sample], dim, numbers - 1, 0);
        let basis = Array2::from_shape_fn((dim, variances.len()), |(at, component)| {
            basis[component * dim + at]
        });
        let short = shorten(&mean, &basis, rows);
        let table = Table::new(&short, &order, &vec![0.0; basis.ncols() + 1], precision);
        Self { mean, basis, precision, table }
    }

    /// Bytes of the scanned numbers.
    pub(super) fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// Short forms of a query's vectors.
    pub(super) fn ask(&self, query: &Query<'_>, range: f32) -> Asked {
        let vectors = shorten(&self.mean, &self.basis, query.vectors);
        let centre = vec![0.0; self.basis.ncols() + 1];
        Asked::new(&Query { vectors: &vectors, ..*query }, &centre, self.precision, range)
    }

    /// Moves those of the queries in `near` to its front that may have one of their nearest in the tile, and gives them.
    /// `short` are the short forms of what is asked.
    pub(super) fn keep<'n>(
        &self,
        choice: Choice,
        (asked, short): (&Asked, &Asked),
        tile: usize,
        near: &'n mut [u32],
    ) -> &'n mut [u32] {
        let mut out: Estimates = [[[0.0; LANES]; QUERIES]; GROUPS];
        let mut kept = 0;
        for from in (0..near.len()).step_by(QUERIES) {
            let to = near.len().min(from + QUERIES);
            let part = &near[from..to];
            let mut input = input(&self.table, short, tile, part);
            input.limit(part, |query, group| {
                let State { bound, norm, .. } = asked.states[query];
                let state = &short.states[query];
                let slack = SLACK * (state.norm + group.length * group.length);
                (bound + norm).max(0.0) + slack - state.norm + state.margin(group)
            });
            let hits = (choice.kernel)(&input, &mut out);
            let of_any_group = (0..GROUPS).fold(0, |any, group| any | hits >> (group * QUERIES));
            for place in from..to {
                near[kept] = near[place];
                kept += (of_any_group >> (place - from) & 1) as usize;
            }
        }
        &mut near[..kept]
    }
}

/// The short forms of vectors, one after another. By products of matrices, unlike [`Components::project`]: their last bits
/// differ between machines, which no answer depends on here.
fn shorten(mean: &[f32], basis: &Array2<f32>, vectors: &[f32]) -> Vec<f32> {
    let dim = mean.len();
    vectors
        .par_chunks(TOGETHER * dim)
        .flat_map_iter(|vectors| {
            let mut centred = Array2::zeros((vectors.len() / dim, dim));
            for (mut out, vector) in centred.rows_mut().into_iter().zip(vectors.chunks_exact(dim)) {
                for ((out, x), mean) in out.iter_mut().zip(vector).zip(mean) {
                    *out = x - mean;
                }
            }
            let along = centred.dot(basis);
            centred
                .rows()
                .into_iter()
                .zip(along.rows())
                .flat_map(|(centred, along)| {
                    let whole = centred.dot(&centred);
                    let left = (whole - along.dot(&along)).max(0.0) + SLACK * whole;
                    along.to_vec().into_iter().chain([left.sqrt()])
                })
                .collect::<Vec<f32>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::coreset::SplitMix;
    use super::super::index::squared_distance;
    use super::super::kernel::{self, TILE};
    use super::*;

    /// Vectors that vary in three directions, and a little in all.
    fn vectors(seed: u64, count: usize, dim: usize) -> Vec<f32> {
        let mut random = SplitMix(seed);
        let mut draw = || random.below(2_001) as f32 / 1_000.0 - 1.0;
        (0..count)
            .flat_map(|_| {
                let along = [9.0 * draw(), 5.0 * draw(), 3.0 * draw()];
                (0..dim).map(|at| along[at % 3] + 0.3 * draw()).collect::<Vec<f32>>()
            })
            .collect()
    }

    #[test]
    fn a_tile_with_the_nearest_stays_and_most_others_go() {
        let (dim, tiles, questions) = (96, 20, 30);
        let mut rows = vectors(1, tiles * TILE, dim);
        // Tiles hold neighbours.
        let mut sorted: Vec<&[f32]> = rows.chunks_exact(dim).collect();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        rows = sorted.concat();
        let order: Vec<u32> = (0..(tiles * TILE) as u32).collect();
        let asked = vectors(2, questions, dim);
        let query = Query { vectors: &asked, count: 1, without: None };
        for (precision, choices) in
            [(Precision::Int8, kernel::int8()), (Precision::Float, kernel::float())]
        {
            for choice in choices {
                let centre = vec![0.5; dim];
                let bank = Table::new(&rows, &order, &centre, precision);
                let sketch = Sketch::new(&rows, dim, &bank, precision);
                let mut long = Asked::new(&query, &centre, precision, choice.query_range);
                let nearest = |vector: &[f32], rows: &[f32]| {
                    let far = rows.chunks_exact(dim).map(|row| squared_distance(vector, row));
                    far.fold(f32::INFINITY, f32::min)
                };
                for (state, vector) in long.states.iter_mut().zip(asked.chunks_exact(dim)) {
                    state.bound = nearest(vector, &rows) - state.norm;
                }
                let short = sketch.ask(&query, choice.query_range);
                let mut kept = 0;
                for (tile, members) in rows.chunks_exact(TILE * dim).enumerate() {
                    let mut near: Vec<u32> = (0..questions as u32).collect();
                    let near = sketch.keep(choice, (&long, &short), tile, &mut near);
                    kept += near.len();
                    for (at, vector) in asked.chunks_exact(dim).enumerate() {
                        let holds = nearest(vector, members) <= nearest(vector, &rows);
                        assert!(!holds || near.contains(&(at as u32)), "{}", choice.name);
                    }
                }
                assert!(kept < tiles * questions / 4, "{} keeps {kept}", choice.name);
            }
        }
    }
}
