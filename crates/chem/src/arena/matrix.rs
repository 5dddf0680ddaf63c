//! Bits stored column by column: the layout every search in this crate runs on.
//!
//! A fingerprint is a row, a bit position is a column. Rows are cut into blocks of at most
//! [`BLOCK_LINES`] × 512 rows; in a block each column is one contiguous run of [`Line`]s, a line holding the
//! bits of 512 rows. A query with 45 bits set then reads 45 lines for 512 fingerprints (2.8 KB) where a row-wise
//! store reads 512 × 256 B (128 KB), and the sums of 512 fingerprints are formed at once in carry-save adders.

use std::ops::Range;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use memmap2::Mmap;
use rayon::prelude::*;

use super::storage::Storage;

/// Rows in one line.
pub(crate) const LINE_ROWS: usize = 512;
/// Lines of a full block: odd, so that the columns of a block do not all fall into the same cache sets.
pub(crate) const BLOCK_LINES: usize = 31;
/// Rows in a full block.
pub(crate) const BLOCK_ROWS: usize = BLOCK_LINES * LINE_ROWS;

/// The bits of 512 rows in one column; row `i` is bit `i % 64` of word `i / 64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; 8]);

impl Line {
    pub(crate) const ZERO: Line = Line([0; 8]);
    pub(crate) const ONES: Line = Line([u64::MAX; 8]);
}

/// A bit matrix: `rows` fingerprints of `bits` bits.
#[derive(Clone, Debug)]
pub(crate) struct BitMatrix {
    bits: usize,
    rows: usize,
    lines: Storage<Line>,
}

/// One block: `lines` lines for each column.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    /// All columns, one after another.
    pub(crate) data: &'a [Line],
    /// Lines in a column.
    pub(crate) lines: usize,
}

/// Lines needed for `rows` rows of one column.
fn lines_for(rows: usize) -> usize {
    rows.div_ceil(LINE_ROWS)
}

/// Lines of a whole matrix, or `None` where that overflows.
pub(crate) fn total_lines(rows: usize, bits: usize) -> Option<usize> {
    lines_for(rows).checked_mul(bits)
}

impl BitMatrix {
    /// Transposes row-major words (`bits / 64` a row), rows taken in the order `order` gives.
    pub(crate) fn from_rows(bits: usize, words: &[u64], order: &[u32]) -> BitMatrix {
        let words_per_row = bits / 64;
        let lines = Storage::filled(lines_for(order.len()) * bits, |lines: &mut [Line]| {
            let blocks = lines.par_chunks_mut(BLOCK_LINES * bits);
            blocks.zip(order.par_chunks(BLOCK_ROWS)).for_each(|(out, rows)| {
                transpose_block(bits, rows.len(), out, |row, buffer| {
                    let at = rows[row] as usize * words_per_row;
                    buffer.copy_from_slice(&words[at..at + words_per_row]);
                });
            });
        });
        BitMatrix { bits, rows: order.len(), lines }
    }

    /// Reads a matrix in a mapped file. `None` where the range is outside the file, not aligned to a line, or not
    /// of the size that `rows` and `bits` ask for.
    pub(crate) fn from_map(
        map: &Arc<Mmap>,
        range: Range<usize>,
        rows: usize,
        bits: usize,
    ) -> Option<BitMatrix> {
        let lines = Storage::<Line>::from_map(map, range)?;
        if bits == 0
            || !bits.is_multiple_of(64)
            || total_lines(rows, bits)? != lines.as_slice().len()
        {
            return None;
        }
        Some(BitMatrix { bits, rows, lines })
    }

    pub(crate) fn bits(&self) -> usize {
        self.bits
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Lines a column has over all blocks.
    pub(crate) fn line_count(&self) -> usize {
        lines_for(self.rows)
    }

    /// The block of this number; the last one may be short.
    pub(crate) fn block(&self, index: usize) -> Block<'_> {
        let rows = (self.rows - index * BLOCK_ROWS).min(BLOCK_ROWS);
        let lines = lines_for(rows);
        let start = index * BLOCK_LINES * self.bits;
        Block { data: &self.lines.as_slice()[start..start + lines * self.bits], lines }
    }

    /// Writes rows `first .. first + 64` (fewer at the end) row-major into `out`; `first` is a multiple of 64.
    pub(crate) fn read_rows64(&self, first: usize, out: &mut Vec<u64>) {
        debug_assert!(first.is_multiple_of(64));
        let rows = self.rows.saturating_sub(first).min(64);
        let words_per_row = self.bits / 64;
        out.clear();
        out.resize(rows * words_per_row, 0);
        if rows == 0 {
            return;
        }
        let block = self.block(first / BLOCK_ROWS);
        let in_block = first % BLOCK_ROWS;
        let (line, word) = (in_block / LINE_ROWS, in_block % LINE_ROWS / 64);
        let mut square = [0u64; 64];
        for group in 0..words_per_row {
            for (bit, cell) in square.iter_mut().enumerate() {
                *cell = block.data[(group * 64 + bit) * block.lines + line].0[word];
            }
            transpose64(&mut square);
            for (row, &value) in square.iter().take(rows).enumerate() {
                out[row * words_per_row + group] = value;
            }
        }
    }

    /// The words of one row.
    pub(crate) fn row(&self, row: usize) -> Vec<u64> {
        let mut rows = Vec::new();
        self.read_rows64(row / 64 * 64, &mut rows);
        let words = self.bits / 64;
        let at = row % 64 * words;
        rows[at..at + words].to_vec()
    }
}

/// Fills one block (`rows` rows, column-major) from rows fetched one at a time by `fetch(row, words)`.
pub(crate) fn transpose_block(
    bits: usize,
    rows: usize,
    out: &mut [Line],
    mut fetch: impl FnMut(usize, &mut [u64]),
) {
    let stride = lines_for(rows);
    let words_per_row = bits / 64;
    let mut sheet = vec![0u64; 64 * words_per_row];
    let mut square = [0u64; 64];
    for first in (0..rows).step_by(64) {
        let here = (rows - first).min(64);
        sheet.fill(0);
        for row in 0..here {
            let at = row * words_per_row;
            fetch(first + row, &mut sheet[at..at + words_per_row]);
        }
        let (line, word) = (first / LINE_ROWS, first % LINE_ROWS / 64);
        for group in 0..words_per_row {
            for (row, cell) in square.iter_mut().enumerate() {
                *cell = sheet[row * words_per_row + group];
            }
            transpose64(&mut square);
            for (bit, &value) in square.iter().enumerate() {
                out[(group * 64 + bit) * stride + line].0[word] = value;
            }
        }
    }
}

/// Transposes a 64 × 64 bit square in place: bit `j` of word `i` becomes bit `i` of word `j`.
pub(crate) fn transpose64(square: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = 0x0000_0000_FFFF_FFFFu64;
    while width != 0 {
        let mut row = 0;
        while row < 64 {
            let swap = ((square[row] >> width) ^ square[row + width]) & mask;
            square[row] ^= swap << width;
            square[row + width] ^= swap;
            row = (row + width + 1) & !width;
        }
        width >>= 1;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_swaps_row_and_bit() {
        let mut square = [0u64; 64];
        for (row, word) in square.iter_mut().enumerate() {
            *word = (row as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        let before = square;
        transpose64(&mut square);
        for (row, before) in before.iter().enumerate() {
            for (bit, after) in square.iter().enumerate() {
                assert_eq!(before >> bit & 1, after >> row & 1, "row {row} bit {bit}");
            }
        }
    }

    #[test]
    fn rows_come_back_in_the_given_order() {
        let bits = 128;
        let words: Vec<u64> = (0..2000u64).map(|i| i.wrapping_mul(0xD134_2543_DE82_EF95)).collect();
        let order: Vec<u32> = (0..1000).rev().collect();
        let matrix = BitMatrix::from_rows(bits, &words, &order);
        for row in [0, 1, 63, 64, 511, 512, 999] {
            let source = order[row] as usize * 2;
            assert_eq!(matrix.row(row), words[source..source + 2]);
        }
    }
}
