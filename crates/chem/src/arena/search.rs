//! One query: which lines to visit, what sum they must reach, and the ordered list of hits.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::kernel::{Job, LineSums, column_starts, planes_for, sum_line};
use super::matrix::{BLOCK_LINES, LINE_ROWS};
use super::{ArenaError, FingerprintArena, Metric, on_bits};

/// A question.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Similarity measure.
    pub metric: Metric,
    /// Only hits with at least this score.
    pub threshold: f64,
    /// At most this many hits, the best ones.
    pub top_k: Option<usize>,
    /// Skip molecules whose number of bits rules them out; off only to measure what it brings.
    pub prune: bool,
}

impl Default for Search {
    fn default() -> Search {
        Search { metric: Metric::Tanimoto, threshold: 0.0, top_k: None, prune: true }
    }
}

/// A molecule found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its row number.
    pub row: u32,
    /// Its similarity to the query.
    pub score: f64,
}

impl Hit {
    /// The order of results: score descending, then row number ascending.
    #[must_use]
    pub fn ranking(&self, other: &Hit) -> Ordering {
        other.score.total_cmp(&self.score).then(self.row.cmp(&other.row))
    }
}

/// A hit in a heap whose greatest element is the worst hit.
#[derive(Clone, Copy, PartialEq)]
struct Worst(Hit);

impl Eq for Worst {}

impl PartialOrd for Worst {
    fn partial_cmp(&self, other: &Worst) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Worst {
    fn cmp(&self, other: &Worst) -> Ordering {
        self.0.ranking(&other.0)
    }
}

/// Hits so far.
pub(super) struct Collector {
    limit: usize,
    floor: f64,
    kept: BinaryHeap<Worst>,
    all: Vec<Hit>,
}

impl Collector {
    fn new(search: &Search) -> Collector {
        let limit = search.top_k.unwrap_or(usize::MAX);
        Collector { limit, floor: search.threshold, kept: BinaryHeap::new(), all: Vec::new() }
    }

    /// The score below which nothing is of use any more.
    #[inline]
    pub(super) fn least(&self) -> f64 {
        if self.kept.len() < self.limit {
            return self.floor;
        }
        self.kept.peek().map_or(f64::INFINITY, |worst| worst.0.score)
    }

    #[inline]
    fn offer(&mut self, hit: Hit) {
        if self.limit == usize::MAX {
            if hit.score >= self.floor {
                self.all.push(hit);
            }
        } else if self.kept.len() < self.limit {
            if hit.score >= self.floor {
                self.kept.push(Worst(hit));
            }
        } else if let Some(mut worst) = self.kept.peek_mut()
            && hit.ranking(&worst.0) == Ordering::Less
        {
            *worst = Worst(hit);
        }
    }

    fn finish(self) -> Vec<Hit> {
        let mut hits = self.all;
        hits.extend(self.kept.into_iter().map(|worst| worst.0));
        hits.sort_unstable_by(Hit::ranking);
        hits
    }
}

/// A query on its way through an arena.
pub(super) struct Walk<'a> {
    arena: &'a FingerprintArena,
    search: Search,
    columns: &'a [u32],
    collector: Collector,
    sums: LineSums,
    /// The last answer of [`Walk::need`] and its question.
    last_need: ((u32, u32, f64), u32),
}

/// Column starts of the block a walk is in.
#[derive(Default)]
pub(super) struct Cursor {
    block: Option<usize>,
    starts: Vec<usize>,
}

impl<'a> Walk<'a> {
    /// Of a query with these bits set.
    pub(super) fn new(
        arena: &'a FingerprintArena,
        columns: &'a [u32],
        search: &Search,
    ) -> Walk<'a> {
        Walk {
            arena,
            search: *search,
            columns,
            collector: Collector::new(search),
            sums: LineSums::new(),
            last_need: ((0, 0, f64::NAN), 0),
        }
    }

    /// Bits of the query.
    pub(super) fn bits(&self) -> u32 {
        self.columns.len() as u32
    }

    /// The line where molecules with as many bits as the query start.
    pub(super) fn home(&self) -> usize {
        let home = self.arena.starts[self.bits() as usize] as usize / LINE_ROWS;
        home.min(self.arena.line_bits.len().saturating_sub(1))
    }

    /// The best score a line can hold.
    pub(super) fn bound(&self, line: usize) -> f64 {
        if !self.search.prune {
            return f64::INFINITY;
        }
        let (low, high) = self.arena.line_bits[line];
        self.search.metric.bound(self.bits(), low, high)
    }

    /// Whether nothing in lines with this bound can matter.
    pub(super) fn is_hopeless(&self, bound: f64) -> bool {
        bound < self.collector.least()
    }

    /// Scores a line.
    pub(super) fn visit(&mut self, line: usize, cursor: &mut Cursor) {
        let arena = self.arena;
        let (low, high) = arena.line_bits[line];
        let need = self.need(low, high, self.collector.least());
        if need > self.bits() && self.search.prune {
            return;
        }
        let block_number = line / BLOCK_LINES;
        let block = arena.matrix.block(block_number);
        if cursor.block != Some(block_number) {
            column_starts(&block, self.columns, &mut cursor.starts);
            cursor.block = Some(block_number);
        }
        let job = Job { block, starts: &cursor.starts, need };
        if sum_line(arena.kernel, &job, line % BLOCK_LINES, &mut self.sums) {
            self.clear_padding(line);
            self.narrow(low, high);
            self.collect(line);
        }
    }

    /// The smallest sum with which any molecule of `low ..= high` bits has a score of `least`.
    fn need(&mut self, low: u32, high: u32, least: f64) -> u32 {
        if self.last_need.0 != (low, high, least) {
            let metric = self.search.metric;
            // The fewer bits, the smaller the sum; but few bits may not reach the score at all.
            let need = (low..=high).find_map(|bits| metric.need(self.bits(), bits, least));
            self.last_need = ((low, high, least), need.unwrap_or(u32::MAX));
        }
        self.last_need.1
    }

    /// Where a line alone holds as many hits as are wanted, only those that can be among the best matter.
    fn narrow(&mut self, low: u32, high: u32) {
        let planes = planes_for(self.columns.len());
        let limit = self.search.top_k.unwrap_or(usize::MAX);
        let Some(sum) = self.sums.kth_largest(limit, planes) else { return };
        // Each of the best sums gives at least this score, whatever the molecule's own number of bits.
        let reached = self.search.metric.score(self.bits(), high, sum);
        if reached > self.collector.least() {
            let need = self.need(low, high, reached);
            self.sums.restrict(need, planes);
        }
    }

    /// Past the last fingerprint the columns are padding.
    fn clear_padding(&mut self, line: usize) {
        let rows = self.arena.line_positions(line).len();
        if rows < LINE_ROWS {
            for (word, mask) in self.sums.reached.0.iter_mut().enumerate() {
                let rows = rows.saturating_sub(word * 64);
                *mask &= if rows >= 64 { u64::MAX } else { (1 << rows) - 1 };
            }
        }
    }

    /// Takes the rows of the last line that reached the sum.
    fn collect(&mut self, line: usize) {
        let arena = self.arena;
        let query = self.bits();
        let planes = planes_for(self.columns.len());
        let positions = arena.line_positions(line);
        let rows = &arena.row_numbers()[positions.clone()];
        let mut bits = arena.line_bits[line].0;
        for (word, &mask) in self.sums.reached.0.iter().enumerate() {
            let mut rest = mask;
            while rest != 0 {
                let at = word * 64 + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let Some(&row) = rows.get(at) else { return };
                let position = (positions.start + at) as u32;
                while arena.starts[bits as usize + 1] <= position {
                    bits += 1;
                }
                let common = self.sums.sum(at, planes);
                let score = self.search.metric.score(query, bits, common);
                self.collector.offer(Hit { row, score });
            }
        }
    }

    pub(super) fn finish(self) -> Vec<Hit> {
        self.collector.finish()
    }
}

impl FingerprintArena {
    /// Answers one question, on the calling thread.
    ///
    /// # Errors
    /// [`ArenaError`] where the query has another length or the weights are unusable.
    pub fn search(&self, query: &[u64], search: &Search) -> Result<Vec<Hit>, ArenaError> {
        self.check_query(query)?;
        search.metric.validate()?;
        let columns = on_bits(query);
        let mut walk = Walk::new(self, &columns, search);
        let lines = self.line_bits.len();
        if lines == 0 || search.top_k == Some(0) {
            return Ok(Vec::new());
        }
        let (mut up, mut down) = (walk.home(), walk.home());
        let (mut above, mut below) = (Cursor::default(), Cursor::default());
        let mut up_bound = walk.bound(up);
        let mut down_bound = if down > 0 { walk.bound(down - 1) } else { f64::NEG_INFINITY };
        // Bounds only fall on the way outward on either side: the first hopeless pair ends the walk.
        while up < lines || down > 0 {
            if walk.is_hopeless(up_bound.max(down_bound)) {
                break;
            }
            if down == 0 || (up < lines && up_bound >= down_bound) {
                walk.visit(up, &mut above);
                up += 1;
                up_bound = if up < lines { walk.bound(up) } else { f64::NEG_INFINITY };
            } else {
                down -= 1;
                walk.visit(down, &mut below);
                down_bound = if down > 0 { walk.bound(down - 1) } else { f64::NEG_INFINITY };
            }
        }
        Ok(walk.finish())
    }

    /// The `k` most similar molecules by Tanimoto.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where the query has another length.
    pub fn top_k(&self, query: &[u64], k: usize) -> Result<Vec<Hit>, ArenaError> {
        self.search(query, &Search { top_k: Some(k), ..Search::default() })
    }

    /// All molecules with a Tanimoto similarity of at least `threshold`.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where the query has another length.
    pub fn within(&self, query: &[u64], threshold: f64) -> Result<Vec<Hit>, ArenaError> {
        self.search(query, &Search { threshold, ..Search::default() })
    }

    /// The most similar molecule by Tanimoto; `None` in an empty arena.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where the query has another length.
    pub fn nearest(&self, query: &[u64]) -> Result<Option<Hit>, ArenaError> {
        Ok(self.top_k(query, 1)?.first().copied())
    }
}
