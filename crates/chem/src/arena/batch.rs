//! Many queries at once: tiles of 64 queries against groups of lines that stay in the cache.

use std::borrow::Cow;

use rayon::prelude::*;

use super::kernel::{Job, LineSums, column_starts, planes_for, sum_line};
use super::matrix::{BLOCK_LINES, LINE_ROWS};
use super::search::{Cursor, Walk};
use super::{ArenaError, FingerprintArena, Hit, Metric, Search, on_bits, popcount};

/// Queries in a tile.
const TILE: usize = 64;
/// Lines in a group: 4,096 fingerprints, 1 MB at 2,048 bits, of which a tile of queries reads about half.
const GROUP: usize = 8;

impl FingerprintArena {
    /// Answers the same question for many queries, on all threads of the current `rayon` pool; results come in the
    /// order of the queries.
    ///
    /// # Errors
    /// [`ArenaError`] where a query has another length or the weights are unusable.
    pub fn search_batch<Q: AsRef<[u64]> + Sync>(
        &self,
        queries: &[Q],
        search: &Search,
    ) -> Result<Vec<Vec<Hit>>, ArenaError> {
        for query in queries {
            self.check_query(query.as_ref())?;
        }
        search.metric.validate()?;
        let order = by_bits(queries.iter().map(|query| popcount(query.as_ref())));
        Ok(self.search_in(&order, |at| Cow::Owned(on_bits(queries[at].as_ref())), search))
    }

    /// The answers to queries of which `columns` gives the bits that are set, looked at in an order.
    fn search_in<'q>(
        &self,
        order: &[usize],
        columns: impl Fn(usize) -> Cow<'q, [u32]> + Sync,
        search: &Search,
    ) -> Vec<Vec<Hit>> {
        // Fewer queries than tiles for all threads: smaller tiles rather than idle threads.
        let tile = order.len().div_ceil(rayon::current_num_threads()).clamp(1, TILE);
        let answers: Vec<(usize, Vec<Hit>)> = order
            .par_chunks(tile)
            .flat_map_iter(|tile| {
                let columns: Vec<Cow<'q, [u32]>> = tile.iter().map(|&at| columns(at)).collect();
                let hits = self.search_tile(&columns, search);
                tile.iter().copied().zip(hits).collect::<Vec<_>>()
            })
            .collect();
        let mut sorted = vec![Vec::new(); order.len()];
        for (at, hits) in answers {
            sorted[at] = hits;
        }
        sorted
    }

    fn search_tile(&self, queries: &[Cow<'_, [u32]>], search: &Search) -> Vec<Vec<Hit>> {
        let mut walks: Vec<Walk<'_>> =
            queries.iter().map(|columns| Walk::new(self, columns, search)).collect();
        let lines = self.line_bits.len();
        if lines == 0 || search.top_k == Some(0) || walks.is_empty() {
            return vec![Vec::new(); queries.len()];
        }
        let mut cursors: Vec<Cursor> = walks.iter().map(|_| Cursor::default()).collect();
        for group in outward(walks[walks.len() / 2].home() / GROUP, lines.div_ceil(GROUP)) {
            let first = group * GROUP;
            let last = (first + GROUP).min(lines);
            for (walk, cursor) in walks.iter_mut().zip(&mut cursors) {
                let closest = walk.home().clamp(first, last - 1);
                if walk.is_hopeless(walk.bound(closest)) {
                    continue;
                }
                for line in first..last {
                    if !walk.is_hopeless(walk.bound(line)) {
                        walk.visit(line, cursor);
                    }
                }
            }
        }
        walks.into_iter().map(Walk::finish).collect()
    }

    /// The most similar molecule by Tanimoto for each query; `None` only in an empty arena.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where a query has another length.
    pub fn nearest_batch<Q: AsRef<[u64]> + Sync>(
        &self,
        queries: &[Q],
    ) -> Result<Vec<Option<Hit>>, ArenaError> {
        for query in queries {
            self.check_query(query.as_ref())?;
        }
        Ok(self.nearest_in(&Questions::new(queries)))
    }

    /// The most similar molecule for each question, whose lengths are right.
    pub(super) fn nearest_in(&self, questions: &Questions) -> Vec<Option<Hit>> {
        let search = Search { top_k: Some(1), ..Search::default() };
        let columns = |at: usize| Cow::Borrowed(&questions.columns[at][..]);
        let hits = self.search_in(&questions.order, columns, &search);
        hits.into_iter().map(|hits| hits.first().copied()).collect()
    }

    /// The score of every molecule: `out[row]`.
    ///
    /// # Errors
    /// [`ArenaError::Words`] where the query or `out` has another length.
    pub fn scores(&self, query: &[u64], metric: Metric, out: &mut [f32]) -> Result<(), ArenaError> {
        self.check_query(query)?;
        metric.validate()?;
        if out.len() != self.len() {
            return Err(ArenaError::Words { words: out.len(), bits: self.bits() });
        }
        let columns = on_bits(query);
        let planes = planes_for(columns.len());
        let (mut starts, mut sums) = (Vec::new(), LineSums::new());
        let mut common = [0u16; LINE_ROWS];
        let mut bits = 0usize;
        for line in 0..self.line_bits.len() {
            let block = self.matrix.block(line / BLOCK_LINES);
            if line.is_multiple_of(BLOCK_LINES) || starts.is_empty() {
                column_starts(&block, &columns, &mut starts);
            }
            // Every sum reaches 0, so the sums are always there.
            let job = Job { block, starts: &starts, need: 0 };
            sum_line(self.kernel, &job, line % BLOCK_LINES, &mut sums);
            sums.unpack(planes, &mut common);
            let positions = self.line_positions(line);
            for (position, &common) in positions.clone().zip(&common) {
                while self.starts[bits + 1] as usize <= position {
                    bits += 1;
                }
                let row = self.row_numbers()[position] as usize;
                let score = metric.score(columns.len() as u32, bits as u32, u32::from(common));
                if let Some(cell) = out.get_mut(row) {
                    *cell = score as f32;
                }
            }
        }
        Ok(())
    }
}

/// Queries that several arenas are asked.
pub(super) struct Questions {
    /// The bits of each that are set.
    columns: Vec<Vec<u32>>,
    order: Vec<usize>,
}

impl Questions {
    pub(super) fn new<Q: AsRef<[u64]>>(queries: &[Q]) -> Self {
        let columns: Vec<Vec<u32>> = queries.iter().map(|query| on_bits(query.as_ref())).collect();
        let order = by_bits(columns.iter().map(|columns| columns.len() as u32));
        Self { columns, order }
    }
}

/// Queries with as many bits each want the same lines first: their numbers by their number of bits.
fn by_bits(bits: impl Iterator<Item = u32>) -> Vec<usize> {
    let mut order: Vec<(u32, usize)> = bits.enumerate().map(|(at, bits)| (bits, at)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, at)| at).collect()
}

/// Numbers below `count`, from `home` outward.
fn outward(home: usize, count: usize) -> impl Iterator<Item = usize> {
    let reach = count.max(home + 1);
    (0..2 * reach).filter_map(move |step| {
        let distance = step / 2 + 1;
        let at = if step % 2 == 0 {
            home.checked_add(distance - 1)?
        } else {
            home.checked_sub(distance)?
        };
        (at < count).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::outward;

    #[test]
    fn outward_names_each_number_once() {
        for count in 0..7 {
            for home in 0..count.max(1) {
                let mut seen: Vec<usize> = outward(home, count).collect();
                assert!(seen.first().is_none_or(|&first| first == home));
                seen.sort_unstable();
                assert_eq!(seen, (0..count).collect::<Vec<_>>());
            }
        }
    }
}
