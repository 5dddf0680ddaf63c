//! Many queries at once: tiles of 64 queries against groups of lines that stay in the cache.

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
        // Queries with as many bits each want the same lines first.
        let mut order: Vec<usize> = (0..queries.len()).collect();
        order.sort_by_key(|&at| popcount(queries[at].as_ref()));
        // Fewer queries than tiles for all threads: smaller tiles rather than idle threads.
        let tile = queries.len().div_ceil(rayon::current_num_threads()).clamp(1, TILE);
        let answers: Vec<(usize, Vec<Hit>)> = order
            .par_chunks(tile)
            .flat_map_iter(|tile| {
                let words: Vec<&[u64]> = tile.iter().map(|&at| queries[at].as_ref()).collect();
                let hits = self.search_tile(&words, search);
                tile.iter().copied().zip(hits).collect::<Vec<_>>()
            })
            .collect();
        let mut sorted = vec![Vec::new(); queries.len()];
        for (at, hits) in answers {
            sorted[at] = hits;
        }
        Ok(sorted)
    }

    fn search_tile(&self, queries: &[&[u64]], search: &Search) -> Vec<Vec<Hit>> {
        let mut walks: Vec<Walk<'_>> =
            queries.iter().map(|query| Walk::new(self, query, search)).collect();
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
        let search = Search { top_k: Some(1), ..Search::default() };
        let hits = self.search_batch(queries, &search)?;
        Ok(hits.into_iter().map(|hits| hits.first().copied()).collect())
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
