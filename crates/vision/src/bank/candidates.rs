//! What a search knows of each query: its numbers for the kernels, the bank vectors that may be nearest, and how near the
//! nearest are at most.

use super::Neighbour;
use super::index::{Precision, Query, dot, squared_distance};
use super::kernel::{Group, LANES};
use super::table::{Quantiser, steps};

/// Standard deviations of the quantisation error that the search allows for.
const SIGMAS: f32 = 6.0;

/// Queries in the numbers of the kernels.
pub(super) struct Asked {
    steps: usize,
    numbers: Vec<u32>,
    /// int8: what the stored `+128` adds to each query's products, subtracted.
    pub(super) start: Vec<i32>,
    /// Twice what a unit of each query's numbers is worth.
    pub(super) scales: Vec<f32>,
    pub(super) states: Vec<State>,
}

impl Asked {
    pub(super) fn new(query: &Query<'_>, centre: &[f32], precision: Precision, range: f32) -> Self {
        let dim = centre.len();
        let (steps, count) = (steps(dim, precision), query.vectors.len() / dim);
        let mut asked = Self {
            steps,
            numbers: Vec::with_capacity(steps * count),
            start: Vec::with_capacity(count),
            scales: Vec::with_capacity(count),
            states: Vec::with_capacity(count),
        };
        let mut centred = vec![0.0; dim];
        for vector in query.vectors.chunks_exact(dim) {
            for ((out, &x), &mean) in centred.iter_mut().zip(vector).zip(centre) {
                *out = x - mean;
            }
            match precision {
                Precision::Float => asked.add_float(&centred, query.count),
                Precision::Int8 => asked.add_int8(&centred, query.count, range),
            }
        }
        asked
    }

    fn add_float(&mut self, centred: &[f32], count: usize) {
        self.numbers.extend(centred.iter().map(|x| x.to_bits()));
        self.start.push(0);
        self.scales.push(2.0);
        let norm = dot(centred, centred);
        // Rounding of a sum of `dim` products: eps · √dim, four times that to be safe.
        let rounding = 8.0 * f32::EPSILON * (centred.len() as f32).sqrt();
        self.states.push(State::new(norm, rounding * norm.sqrt(), 0.0, count));
    }

    fn add_int8(&mut self, centred: &[f32], count: usize, range: f32) {
        let quantiser = Quantiser::new(centred, range);
        let from = self.numbers.len();
        self.numbers.extend(centred.chunks(4).map(|four| quantiser.four(four)));
        let bytes = self.numbers[from..].iter().flat_map(|number| number.to_le_bytes());
        self.start.push(-128 * bytes.map(|byte| i32::from(byte as i8)).sum::<i32>());
        self.scales.push(2.0 * quantiser.unit);
        let norm = dot(centred, centred);
        let length = norm.sqrt();
        let share = (SIGMAS / (centred.len() as f32).sqrt()).min(1.0);
        let per_length = 2.0 * share * quantiser.error(centred) + 16.0 * f32::EPSILON * length;
        self.states.push(State::new(norm, per_length, 2.0 * share * length, count));
    }

    /// Number of queries.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// The numbers of a query, one a step.
    pub(super) fn numbers(&self, query: usize) -> &[u32] {
        &self.numbers[query * self.steps..][..self.steps]
    }

    /// Takes a query's estimates of a group.
    pub(super) fn take(
        &mut self,
        query: usize,
        group: &Group,
        estimates: &[f32; LANES],
        without: Option<(&[u32], u32)>,
    ) {
        self.states[query].take(group, estimates, without);
    }

    /// Lowers the bounds by exact distances of what is found so far.
    pub(super) fn tighten<'v>(&mut self, rows: &[f32], vectors: impl Iterator<Item = &'v [f32]>) {
        for (state, vector) in self.states.iter_mut().zip(vectors) {
            state.tighten(rows, vector);
        }
    }
}

/// What is known about a query so far.
pub(super) struct State {
    /// Its squared length.
    pub(super) norm: f32,
    per_length: f32,
    per_error: f32,
    /// The smallest upper limits of distances, rising, as many as neighbours are asked for; the last is the bound.
    best: Vec<f32>,
    /// Estimates above it can be of none of the nearest.
    pub(super) bound: f32,
    candidates: Vec<(f32, u32)>,
}

impl State {
    fn new(norm: f32, per_length: f32, per_error: f32, count: usize) -> Self {
        Self {
            norm,
            per_length,
            per_error,
            best: vec![f32::INFINITY; count.max(1)],
            bound: f32::INFINITY,
            candidates: Vec::new(),
        }
    }

    /// How far an estimate of this group can be off.
    pub(super) fn margin(&self, group: &Group) -> f32 {
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

    /// Exact distances of as many candidates as neighbours are asked for, the most promising ones.
    fn tighten(&mut self, rows: &[f32], vector: &[f32]) {
        let wanted = self.best.len();
        if self.candidates.len() < wanted {
            return;
        }
        if self.candidates.len() > wanted {
            self.candidates.select_nth_unstable_by(wanted - 1, |a, b| a.0.total_cmp(&b.0));
        }
        let exact = self.candidates[..wanted].iter().map(|&(_, row)| {
            let squared =
                squared_distance(vector, &rows[row as usize * vector.len()..][..vector.len()]);
            squared - self.norm + 4.0 * f32::EPSILON * (squared + self.norm)
        });
        let mut exact: Vec<f32> = exact.collect();
        exact.sort_unstable_by(f32::total_cmp);
        if exact.last().is_some_and(|&last| last < self.bound) {
            self.bound = exact[wanted - 1];
            self.best = exact;
        }
    }

    /// Exact distances of the candidates, most promising first, until none can be nearer.
    pub(super) fn rescore(&mut self, rows: &[f32], vector: &[f32]) -> Vec<Neighbour> {
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
