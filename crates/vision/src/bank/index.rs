//! Nearest neighbours of patch vectors in a bank: a scan over quantised (or f32) numbers finds the few bank vectors that
//! can be nearest, exact f32 distances decide between them.
//!
//! **Why the answer is that of an exhaustive f32 search.** Vectors are centred on the bank's mean and quantised to int8
//! with a scale of their own, so that the lengths `|e|` of their quantisation errors are known. The product of two
//! quantised vectors then differs from the true one by `a·e_b + e_a·b̂`, at most `|a||e_b| + |e_a||b|` (Cauchy-Schwarz).
//! Rounding errors of many dimensions point in no particular direction, so that the standard deviation of each term is
//! the bound divided by `√dim`; [`SIGMAS`] of them are allowed for (the bound itself where that is smaller, up to 36
//! dimensions). Every bank vector whose estimate less this margin is not above the smallest estimate plus its margin is
//! rescored. The margin follows the data: vectors that quantise badly cost more rescoring, not a wrong answer.

use rayon::prelude::*;

use super::kernel::{self, Choice, Estimates, GROUPS, Group, Input, LANES, Line, QUERIES};

/// Standard deviations of the quantisation error that the search allows for.
const SIGMAS: f32 = 6.0;

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

/// The bank in the layout of the kernels.
pub(super) struct Index {
    precision: Precision,
    choice: Choice,
    dim: usize,
    steps: usize,
    centre: Vec<f32>,
    lines: Vec<Line>,
    groups: Vec<Group>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Index({}, {} groups of {} dimensions)",
            self.choice.name,
            self.groups.len(),
            self.dim
        )
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
        let count = rows.len() / dim;
        let steps = if precision == Precision::Int8 { dim.div_ceil(4) } else { dim };
        let groups = count.div_ceil(LANES * GROUPS) * GROUPS;
        let centre = centre_of(rows, dim);
        let empty = Group {
            norms: [f32::INFINITY; LANES],
            scales: [0.0; LANES],
            rows: [0; LANES],
            length: 0.0,
            error: 0.0,
        };
        let mut index = Self {
            precision,
            choice,
            dim,
            steps,
            centre,
            lines: vec![Line([0; LANES]); groups * steps],
            groups: vec![empty; groups],
        };
        let centre = &index.centre;
        index.lines.par_chunks_exact_mut(steps).zip(&mut index.groups).enumerate().for_each(
            |(at, (lines, group))| {
                let mut centred = vec![0.0; dim];
                for lane in 0..LANES {
                    let row = at * LANES + lane;
                    let Some(vector) = rows.get(row * dim..(row + 1) * dim) else { break };
                    for ((out, &x), &mean) in centred.iter_mut().zip(vector).zip(centre) {
                        *out = x - mean;
                    }
                    let norm = dot(&centred, &centred);
                    let (scale, error) = match precision {
                        Precision::Float => {
                            for (line, x) in lines.iter_mut().zip(&centred) {
                                line.0[lane] = x.to_bits();
                            }
                            (1.0, 0.0)
                        }
                        Precision::Int8 => {
                            let quantiser = Quantiser::new(&centred, 127.0);
                            for (line, four) in lines.iter_mut().zip(centred.chunks(4)) {
                                line.0[lane] = quantiser.four(four) ^ 0x8080_8080;
                            }
                            (quantiser.unit, quantiser.error(&centred))
                        }
                    };
                    group.norms[lane] = norm;
                    group.scales[lane] = scale;
                    group.rows[lane] = row as u32;
                    group.length = group.length.max(norm.sqrt());
                    group.error = group.error.max(error);
                }
            },
        );
        index
    }

    /// Name of the kernel in use.
    pub(super) fn kernel(&self) -> &'static str {
        self.choice.name
    }

    /// Bytes of the scanned numbers.
    pub(super) fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>() + self.groups.len() * size_of::<Group>()
    }

    /// The nearest rows of each query vector, nearest first, ties by row. `rows` are those the index was made of.
    pub(super) fn search(&self, rows: &[f32], query: &Query<'_>) -> Vec<Vec<Neighbour>> {
        let count = query.vectors.len() / self.dim;
        // Two chunks a thread balance the load; each chunk reads the whole bank once.
        let chunk = count
            .div_ceil(rayon::current_num_threads() * 2)
            .next_multiple_of(QUERIES)
            .clamp(QUERIES, 512);
        query
            .vectors
            .par_chunks(chunk * self.dim)
            .flat_map_iter(|part| self.search_chunk(rows, &Query { vectors: part, ..*query }))
            .collect()
    }

    fn search_chunk(&self, rows: &[f32], query: &Query<'_>) -> Vec<Vec<Neighbour>> {
        let mut blocks: Vec<Block> = query
            .vectors
            .chunks(QUERIES * self.dim)
            .map(|vectors| self.block(vectors, query.count))
            .collect();
        let mut out: Estimates = [[[0.0; LANES]; QUERIES]; GROUPS];
        for (lines, groups) in
            self.lines.chunks_exact(self.steps * GROUPS).zip(self.groups.as_chunks::<GROUPS>().0)
        {
            for block in &mut blocks {
                let mut limits = [[0.0; QUERIES]; GROUPS];
                for (limits, group) in limits.iter_mut().zip(groups) {
                    for (limit, state) in limits.iter_mut().zip(&block.states) {
                        *limit = state.bound + state.margin(group);
                    }
                }
                let input = Input {
                    lines,
                    groups,
                    steps: &block.steps,
                    start: &block.start,
                    scales: &block.scales,
                    limits: &limits,
                };
                let mut hits = (self.choice.kernel)(&input, &mut out);
                while hits != 0 {
                    let bit = hits.trailing_zeros() as usize;
                    hits &= hits - 1;
                    let (group, place) = (bit / QUERIES, bit % QUERIES);
                    block.states[place].take(&groups[group], &out[group][place], query.without);
                }
            }
        }
        let vectors = query.vectors.chunks_exact(self.dim);
        let states = blocks.iter_mut().flat_map(|block| &mut block.states);
        vectors.zip(states).map(|(vector, state)| state.rescore(rows, vector)).collect()
    }

    /// Up to eight queries in the kernels' layout.
    fn block(&self, vectors: &[f32], count: usize) -> Block {
        let mut block = Block {
            steps: vec![[0; QUERIES]; self.steps],
            start: [0; QUERIES],
            scales: [0.0; QUERIES],
            states: std::array::from_fn(|_| State::default()),
        };
        let mut centred = vec![0.0; self.dim];
        for (place, vector) in vectors.chunks_exact(self.dim).enumerate() {
            for ((out, &x), &mean) in centred.iter_mut().zip(vector).zip(&self.centre) {
                *out = x - mean;
            }
            let norm = dot(&centred, &centred);
            let length = norm.sqrt();
            let state = &mut block.states[place];
            match self.precision {
                Precision::Float => {
                    for (step, x) in block.steps.iter_mut().zip(&centred) {
                        step[place] = x.to_bits();
                    }
                    block.scales[place] = 2.0;
                    // Rounding of a sum of `dim` products: eps · √dim, four times that to be safe.
                    let rounding = 8.0 * f32::EPSILON * (self.dim as f32).sqrt();
                    (state.per_length, state.per_error) = (rounding * length, 0.0);
                }
                Precision::Int8 => {
                    let quantiser = Quantiser::new(&centred, self.choice.query_range);
                    let mut sum = 0_i32;
                    for (step, four) in block.steps.iter_mut().zip(centred.chunks(4)) {
                        step[place] = quantiser.four(four);
                        sum += step[place]
                            .to_le_bytes()
                            .iter()
                            .map(|&byte| i32::from(byte as i8))
                            .sum::<i32>();
                    }
                    block.start[place] = -128 * sum;
                    block.scales[place] = 2.0 * quantiser.unit;
                    let share = (SIGMAS / (self.dim as f32).sqrt()).min(1.0);
                    state.per_length =
                        2.0 * share * quantiser.error(&centred) + 16.0 * f32::EPSILON * length;
                    state.per_error = 2.0 * share * length;
                }
            }
            state.norm = norm;
            state.best = vec![f32::INFINITY; count.max(1)];
            state.bound = f32::INFINITY;
        }
        block
    }
}

struct Block {
    steps: Vec<[u32; QUERIES]>,
    start: [i32; QUERIES],
    scales: [f32; QUERIES],
    states: [State; QUERIES],
}

/// What is known about a query so far. The default, that of a place without a query, takes nothing.
struct State {
    norm: f32,
    per_length: f32,
    per_error: f32,
    /// The smallest upper limits of distances, rising, as many as neighbours are asked for; the last is the bound.
    best: Vec<f32>,
    bound: f32,
    candidates: Vec<(f32, u32)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            norm: 0.0,
            per_length: 0.0,
            per_error: 0.0,
            best: Vec::new(),
            bound: f32::NEG_INFINITY,
            candidates: Vec::new(),
        }
    }
}

impl State {
    /// How far an estimate of this group can be off.
    fn margin(&self, group: &Group) -> f32 {
        self.per_length * group.length
            + self.per_error * group.error
            + 4.0 * f32::EPSILON * (group.length * group.length + self.norm)
    }

    fn take(&mut self, group: &Group, estimates: &[f32; LANES], without: Option<(&[u32], u32)>) {
        let margin = self.margin(group);
        for (lane, &estimate) in estimates.iter().enumerate() {
            let row = group.rows[lane];
            let low = estimate - margin;
            let padding = group.norms[lane] == f32::INFINITY;
            if padding || low > self.bound {
                continue;
            }
            if without.is_some_and(|(owners, owner)| owners.get(row as usize) == Some(&owner)) {
                continue;
            }
            self.candidates.push((low, row));
            let high = estimate + margin;
            let at = self.best.partition_point(|&known| known <= high);
            if at < self.best.len() {
                self.best.pop();
                self.best.insert(at, high);
                self.bound = self.best.last().copied().unwrap_or(f32::NEG_INFINITY);
            }
        }
        if self.candidates.len() >= 256 && self.candidates.len().is_power_of_two() {
            let bound = self.bound;
            self.candidates.retain(|&(low, _)| low <= bound);
        }
    }

    /// Exact distances of the candidates, most promising first, until none can be nearer.
    fn rescore(&mut self, rows: &[f32], vector: &[f32]) -> Vec<Neighbour> {
        let bound = self.bound;
        self.candidates.retain(|&(low, _)| low <= bound);
        self.candidates.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let wanted = self.best.len();
        let mut found: Vec<(f32, u32)> = Vec::with_capacity(wanted + 1);
        for &(low, row) in &self.candidates {
            if found.len() == wanted && found.last().is_some_and(|worst| low + self.norm > worst.0)
            {
                break;
            }
            let at = row as usize * vector.len();
            let exact = (squared_distance(vector, &rows[at..at + vector.len()]), row);
            let place = found.partition_point(|known| (known.0, known.1) <= exact);
            if place < wanted {
                found.insert(place, exact);
                found.truncate(wanted);
            }
        }
        found
            .into_iter()
            .map(|(squared, row)| Neighbour { row, distance: squared.sqrt() })
            .collect()
    }
}

/// Numbers to int8 with one scale.
struct Quantiser {
    unit: f32,
    inverse: f32,
}

impl Quantiser {
    fn new(vector: &[f32], range: f32) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let inverse = if largest > f32::MIN_POSITIVE { range / largest } else { 0.0 };
        // A range that overflows (numbers near the smallest there are) rounds everything to zero: all error, no harm.
        if inverse.is_finite() {
            Self { unit: largest / range, inverse }
        } else {
            Self { unit: 0.0, inverse: 0.0 }
        }
    }

    /// Rounded to the nearest whole number, ties to even, without a call: adding 1.5 · 2²³ drops the fraction.
    fn one(&self, x: f32) -> i8 {
        const SHIFT: f32 = 12_582_912.0;
        ((x * self.inverse + SHIFT) - SHIFT) as i8
    }

    fn four(&self, numbers: &[f32]) -> u32 {
        let mut bytes = [0; 4];
        for (byte, &x) in bytes.iter_mut().zip(numbers) {
            *byte = self.one(x) as u8;
        }
        u32::from_le_bytes(bytes)
    }

    /// Length of the difference between a vector and what it was rounded to.
    fn error(&self, vector: &[f32]) -> f32 {
        let squared: f32 = vector
            .iter()
            .map(|&x| {
                let off = x - f32::from(self.one(x)) * self.unit;
                off * off
            })
            .sum();
        squared.sqrt()
    }
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
