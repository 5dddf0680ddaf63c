//! Nearest neighbours of patch vectors in a bank: a scan over quantised (or f32) numbers finds the few bank vectors that
//! can be nearest, exact f32 distances decide between them.
//!
//! **Why the answer is that of an exhaustive f32 search.** Vectors are centred on the bank's mean and quantised to int8
//! with a scale of their own, so that the lengths `|e|` of their quantisation errors are known. The product of two
//! quantised vectors then differs from the true one by `a·e_b + e_a·b̂`, at most `|a||e_b| + |e_a||b|` (Cauchy-Schwarz).
//! Rounding errors of many dimensions point in no particular direction, so that the standard deviation of each term is
//! the bound divided by `√dim`; six of them are allowed for (the bound itself where that is smaller, up to 36
//! dimensions). Every bank vector whose estimate less this margin is not above the smallest estimate plus its margin is
//! rescored. The margin follows the data: vectors that quantise badly cost more rescoring, not a wrong answer.
//!
//! **Which tiles are not looked at.** Bank vectors lie in tiles of 48 neighbours. Each vector of a tile is at least as far
//! from a query as the tile's middle is, less the tile's radius (the triangle inequality). The middles are a small bank of
//! their own, searched first; the tiles with the nearest middles then say how far the nearest vector is at most, and tiles
//! that are farther altogether are passed over. Of those that are left the [`Sketch`] passes over most, once so much has
//! been asked that making it pays.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::candidates::{Asked, State};
use super::kernel::{self, Choice, Estimates, GROUPS, Input, LANES, QUERIES, TILE};
use super::order;
use super::sketch::Sketch;
use super::table::Table;

/// A bank vector and how far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbour {
    /// Row of the bank.
    pub row: u32,
    /// Euclidean distance.
    pub distance: f32,
}

/// Which numbers the scan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 8-bit integers: a quarter of the memory traffic, and the fast instructions.
    #[default]
    Int8,
    /// 32-bit floats.
    Float,
}

/// What a search asks for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Query<'a> {
    /// Vectors, one after another.
    pub(super) vectors: &'a [f32],
    /// Neighbours of each; fewer come back from a smaller bank.
    pub(super) count: usize,
    /// Owner of each bank row and the owner whose rows are left out.
    pub(super) without: Option<(&'a [u32], u32)>,
}

/// Tiles with the nearest middles that are looked at first.
const FIRST: usize = 3;
/// Short forms are made when an index has been asked one question for this many vectors of it.
const PAYS: usize = 8;
/// Vectors of fewer numbers have no short forms.
const LONG: usize = 96;
/// Most numbers that say how far tiles are from queries, for one thread.
const MOST_LIMITS: usize = 4 << 20;

/// The bank in the layout of the kernels.
pub(super) struct Index {
    precision: Precision,
    choice: Choice,
    centre: Vec<f32>,
    bank: Table,
    /// The middles of the bank's tiles, and how far the vectors of each lie from it, 48 tiles a family.
    middles: Table,
    radii: Vec<[f32; TILE]>,
    sketch: OnceLock<Box<Sketch>>,
    /// Questions asked before there was a sketch.
    asked: AtomicUsize,
}

/// How far the middles of a family's tiles are from a query at least, as estimates are; NaN for a tile to be left out.
type Limits = [f32; TILE];

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, groups) = (self.choice.name, self.bank.groups.len());
        write!(f, "Index({name}, {groups} groups of {} dimensions)", self.centre.len())
    }
}

impl Index {
    /// An index over `rows` of `dim` numbers, with the fastest kernel of this machine.
    pub(super) fn new(rows: &[f32], dim: usize, precision: Precision) -> Self {
        let choices = match precision {
            Precision::Int8 => kernel::int8(),
            Precision::Float => kernel::float(),
        };
        Self::with_kernel(rows, dim, precision, choices[0])
    }

    pub(super) fn with_kernel(
        rows: &[f32],
        dim: usize,
        precision: Precision,
        choice: Choice,
    ) -> Self {
        let centre = centre_of(rows, dim);
        let order = order::together(rows, dim);
        let (middles, radii) = middles(rows, dim, &order);
        let bank = Table::new(rows, &order, &centre, precision);
        let tiles: Vec<u32> = (0..bank.tiles() as u32).collect();
        let middles = Table::new(&middles, &tiles, &centre, precision);
        let (sketch, asked) = (OnceLock::new(), AtomicUsize::new(0));
        Self { precision, choice, centre, bank, middles, radii, sketch, asked }
    }

    /// Name of the kernel in use.
    pub(super) fn kernel(&self) -> &'static str {
        self.choice.name
    }

    /// Bytes of the scanned numbers.
    pub(super) fn bytes(&self) -> usize {
        let sketch = self.sketch.get().map_or(0, |sketch| sketch.bytes());
        self.bank.bytes() + self.middles.bytes() + sketch
    }

    /// The nearest rows of each query vector, nearest first, ties by row. `rows` are those the index was made of.
    pub(super) fn search(&self, rows: &[f32], query: &Query<'_>) -> Vec<Vec<Neighbour>> {
        let dim = self.centre.len();
        self.count(rows, query.vectors.len() / dim);
        let most = (MOST_LIMITS / self.bank.tiles().max(1)).clamp(QUERIES, 512);
        let chunk = (query.vectors.len() / dim).div_ceil(rayon::current_num_threads());
        query
            .vectors
            .par_chunks(chunk.clamp(QUERIES, most) * dim)
            .flat_map_iter(|part| self.search_chunk(rows, &Query { vectors: part, ..*query }))
            .collect()
    }

    /// Makes the sketch when so much has been asked that it pays: the search that passes the mark does, others go on without.
    fn count(&self, rows: &[f32], questions: usize) {
        let dim = self.centre.len();
        if dim < LONG || self.sketch.get().is_some() {
            return;
        }
        let mark = rows.len() / dim / PAYS;
        let before = self.asked.fetch_add(questions, Ordering::Relaxed);
        if before <= mark && before + questions > mark {
            self.make_sketch(rows);
        }
    }

    pub(super) fn make_sketch(&self, rows: &[f32]) {
        let sketch = Sketch::new(rows, self.centre.len(), &self.bank, self.precision);
        // Whoever was first made the same.
        let _ = self.sketch.set(Box::new(sketch));
    }

    fn search_chunk(&self, rows: &[f32], query: &Query<'_>) -> Vec<Vec<Neighbour>> {
        let range = self.choice.query_range;
        let mut asked = Asked::new(query, &self.centre, self.precision, range);
        let count = asked.len();
        let mut limits = vec![[f32::NAN; TILE]; self.radii.len() * count];
        let mut first = self.lower_limits(&asked, &mut limits);
        first.sort_unstable();
        for part in first.chunk_by(|a, b| a.0 == b.0) {
            let (family, lane) = (part[0].0 / TILE, part[0].0 % TILE);
            let queries: Vec<u32> = part.iter().map(|&(_, query)| query).collect();
            self.visit(&mut asked, part[0].0, &queries, query.without);
            for query in queries {
                limits[family * count + query as usize][lane] = f32::NAN;
            }
        }
        let vectors = || query.vectors.chunks_exact(self.centre.len());
        asked.tighten(rows, vectors());
        let sketch = self.sketch.get().map(|sketch| (sketch, sketch.ask(query, range)));
        let mut near = Near::new(count);
        for (family, (limits, radii)) in limits.chunks_exact(count).zip(&self.radii).enumerate() {
            near.find(limits, radii, &asked);
            for (lane, mut queries) in near.tiles() {
                let tile = family * TILE + lane;
                if let Some((sketch, short)) = &sketch {
                    queries = sketch.keep(self.choice, (&asked, short), tile, queries);
                }
                self.visit(&mut asked, tile, queries, query.without);
            }
        }
        vectors()
            .zip(&mut asked.states)
            .map(|(vector, state)| state.rescore(rows, vector))
            .collect()
    }

    /// Fills in how far every middle is from each query at least, `[family][query]`; gives the tiles with the nearest middles
    /// and the queries they are nearest to.
    fn lower_limits(&self, asked: &Asked, limits: &mut [Limits]) -> Vec<(usize, u32)> {
        let count = asked.len();
        let mut nearest = vec![[(f32::INFINITY, usize::MAX); FIRST]; count];
        let all: Vec<u32> = (0..count as u32).collect();
        let mut out: Estimates = [[[0.0; LANES]; QUERIES]; GROUPS];
        for (family, limits) in limits.chunks_mut(count).enumerate() {
            let groups = self.middles.tile(family).1;
            for part in all.chunks(QUERIES) {
                (self.choice.kernel)(&input(&self.middles, asked, family, part), &mut out);
                for (place, &query) in part.iter().enumerate() {
                    let query = query as usize;
                    let least = limits[query].as_chunks_mut::<LANES>().0;
                    for (at, (least, group)) in least.iter_mut().zip(groups).enumerate() {
                        let margin = asked.states[query].margin(group);
                        let middles = &out[at][place];
                        // The last family is filled up by middles that are infinitely far away.
                        *least = middles.map(|middle| {
                            if middle < f32::INFINITY { middle - margin } else { f32::NAN }
                        });
                        keep_nearest(&mut nearest[query], family * TILE + at * LANES, middles);
                    }
                }
            }
        }
        let pairs = nearest.iter().zip(all).flat_map(|(nearest, query)| {
            let known = nearest.iter().filter(|near| near.0 < f32::INFINITY);
            known.map(move |near| (near.1, query))
        });
        pairs.collect()
    }

    /// Looks at a tile for some queries.
    fn visit(&self, asked: &mut Asked, at: usize, queries: &[u32], without: Option<(&[u32], u32)>) {
        let groups = self.bank.tile(at).1;
        let mut out: Estimates = [[[0.0; LANES]; QUERIES]; GROUPS];
        for part in queries.chunks(QUERIES) {
            let mut input = input(&self.bank, asked, at, part);
            input.limit(part, |query, group| {
                let state = &asked.states[query];
                state.bound + state.margin(group)
            });
            let mut hits = (self.choice.kernel)(&input, &mut out);
            while hits != 0 {
                let bit = hits.trailing_zeros() as usize;
                hits &= hits - 1;
                let (group, place) = (bit / QUERIES, bit % QUERIES);
                asked.take(part[place] as usize, &groups[group], &out[group][place], without);
            }
        }
    }
}

/// A tile and up to eight queries for a kernel, without limits. Places that are left over repeat the first query.
pub(super) fn input<'a>(
    table: &'a Table,
    asked: &'a Asked,
    tile: usize,
    part: &[u32],
) -> Input<'a> {
    let query = |place: usize| part.get(place).unwrap_or(&part[0]).to_owned() as usize;
    let (lines, groups) = table.tile(tile);
    Input {
        lines,
        groups,
        queries: std::array::from_fn(|place| asked.numbers(query(place))),
        start: std::array::from_fn(|place| asked.start[query(place)]),
        scales: std::array::from_fn(|place| asked.scales[query(place)]),
        limits: [[f32::INFINITY; QUERIES]; GROUPS],
    }
}

/// Takes the tiles, from number `first`, whose middles are among the nearest.
fn keep_nearest(nearest: &mut [(f32, usize); FIRST], first: usize, middles: &[f32; LANES]) {
    let worst = nearest[FIRST - 1].0;
    if !middles.iter().fold(false, |any, middle| any | (*middle < worst)) {
        return;
    }
    for (lane, &middle) in middles.iter().enumerate() {
        if middle < nearest[FIRST - 1].0 {
            let at = nearest.partition_point(|known| known.0 <= middle);
            nearest[at..].rotate_right(1);
            nearest[at] = (middle, first + lane);
        }
    }
}

/// For each tile of a family, the queries that may have one of their nearest in it.
struct Near {
    /// As many places for each tile as there are queries, and how many of them are taken.
    queries: Vec<u32>,
    taken: [usize; TILE],
}

impl Near {
    fn new(count: usize) -> Self {
        Self { queries: vec![0; count * TILE], taken: [0; TILE] }
    }

    /// Finds the queries: the middle is no farther than the tile's radius and the query's bound together.
    fn find(&mut self, limits: &[Limits], radii: &[f32; TILE], asked: &Asked) {
        self.taken = [0; TILE];
        let count = self.queries.len() / TILE;
        for (query, middles) in limits.iter().enumerate() {
            let State { bound, norm, .. } = asked.states[query];
            // Ten times what the roundings of squares and of the root can add.
            let reach = (bound + norm).max(0.0).sqrt() * (1.0 + 1e-5);
            let norm = norm * (1.0 - 1e-6);
            let held: [bool; TILE] = std::array::from_fn(|lane| {
                let together = radii[lane] + reach;
                middles[lane] + norm <= together * together
            });
            // Most families hold nothing, which a look at all of them together tells at once.
            if !held.iter().fold(false, |any, held| any | held) {
                continue;
            }
            // Written whether held or not: a processor cannot foresee which are.
            let places = self.queries.chunks_exact_mut(count).zip(&mut self.taken);
            for (&held, (places, taken)) in held.iter().zip(places) {
                places[*taken] = query as u32;
                *taken += usize::from(held);
            }
        }
    }

    /// Tiles that some query may have one of its nearest in, and the queries.
    fn tiles(&mut self) -> impl Iterator<Item = (usize, &mut [u32])> {
        let count = self.queries.len() / TILE;
        let tiles = self.queries.chunks_exact_mut(count).zip(self.taken);
        tiles
            .map(|(places, taken)| &mut places[..taken])
            .enumerate()
            .filter(|near| !near.1.is_empty())
    }
}

/// The middle of each tile, one after another, and how far its vectors lie from it at most, by families.
fn middles(rows: &[f32], dim: usize, order: &[u32]) -> (Vec<f32>, Vec<[f32; TILE]>) {
    let row = |number: u32| &rows[number as usize * dim..][..dim];
    let parts: Vec<(Vec<f32>, f32)> = order
        .par_chunks(TILE)
        .map(|members| {
            let mut middle = vec![0.0_f32; dim];
            for &member in members {
                middle.iter_mut().zip(row(member)).for_each(|(sum, &x)| *sum += x);
            }
            middle.iter_mut().for_each(|sum| *sum /= members.len() as f32);
            let far = |&member: &u32| squared_distance(row(member), &middle).sqrt();
            let radius = members.iter().map(far).fold(0.0, f32::max) * (1.0 + 1e-5);
            (middle, radius)
        })
        .collect();
    let mut radii = vec![[0.0; TILE]; parts.len().div_ceil(TILE)];
    for (radius, part) in radii.as_flattened_mut().iter_mut().zip(&parts) {
        *radius = part.1;
    }
    (parts.into_iter().flat_map(|(middle, _)| middle).collect(), radii)
}

/// The mean row. Parts of fixed size are added up in order, whatever the threads do.
pub(super) fn centre_of(rows: &[f32], dim: usize) -> Vec<f32> {
    let add = |mut sums: Vec<f64>, row: &[f32]| {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
        }
        sums
    };
    let parts: Vec<Vec<f64>> = rows
        .par_chunks(dim * 1024)
        .map(|part| part.chunks_exact(dim).fold(vec![0.0; dim], add))
        .collect();
    let mut sums = vec![0.0_f64; dim];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    let count = (rows.len() / dim).max(1) as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// A sum over two vectors in sixteen lanes of fixed order: the same bits on every machine.
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "one index runs over the lanes of several arrays")]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a_lines, a_rest) = a.as_chunks::<LANES>();
    let (b_lines, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_lines.iter().zip(b_lines) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[lane] += term(a, b);
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}

/// Squared Euclidean distance.
pub(super) fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |a, b| (a - b) * (a - b))
}

/// Dot product.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    lanes(a, b, |a, b| a * b)
}
