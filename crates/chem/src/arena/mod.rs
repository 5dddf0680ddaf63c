//! Fingerprints in memory (or in a mapped file) and exact similarity search over them.
//!
//! Fingerprints are kept sorted by their number of bits and stored column by column ([`matrix`]); a query adds up
//! the columns of its own bits for 512 fingerprints at once ([`kernel`]) and compares all 512 sums with the sum
//! that the wanted score asks for. Lines are visited outward from the query's own number of bits and the walk ends
//! where no molecule can reach the score any more (BitBound). Results are exact: equal to comparing every pair, in
//! the order score descending, row number ascending, whatever the number of threads.

mod batch;
pub mod domain;
pub(crate) mod kernel;
pub(crate) mod matrix;
mod metric;
mod ops;
mod search;
pub(crate) mod storage;

use std::ops::Range;

pub use self::domain::DomainSet;
pub use self::kernel::Kernel;
pub use self::metric::Metric;
pub use self::search::{Hit, Search};

use self::matrix::{BitMatrix, LINE_ROWS};
use self::storage::Storage;

/// What can be wrong with fingerprints or a question about them.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum ArenaError {
    /// The length is not a usable number of bits.
    #[error("fingerprints of {0} bits: use a multiple of 64 between 64 and 65472")]
    Bits(usize),
    /// Words do not make whole fingerprints, or a query has another length.
    #[error("{words} words of 64 bits are no whole number of fingerprints of {bits} bits")]
    Words {
        /// Words given.
        words: usize,
        /// Bits of a fingerprint.
        bits: usize,
    },
    /// Row numbers are 32 bits wide.
    #[error("{0} fingerprints are more than an arena holds (4,294,967,295): split the library")]
    TooMany(usize),
    /// Tversky weights must be finite and not negative.
    #[error("Tversky weights alpha = {alpha}, beta = {beta}: both must be numbers of 0 or more")]
    Weights {
        /// Weight of the query's own bits.
        alpha: f64,
        /// Weight of the molecule's own bits.
        beta: f64,
    },
    /// The processor lacks the instructions asked for.
    #[error("this processor has no {0:?} instructions")]
    Kernel(Kernel),
    /// Popcount offsets or rows read from a file contradict each other.
    #[error("the fingerprint index is damaged: {0}")]
    Damaged(&'static str),
}

/// Fingerprints, searchable.
#[derive(Clone, Debug)]
pub struct FingerprintArena {
    matrix: BitMatrix,
    /// Row number of each position; positions are sorted by number of bits, then row number.
    rows: Storage<u32>,
    /// Position where fingerprints with `p` bits start; `bits + 2` entries.
    starts: Vec<u32>,
    /// Fewest and most bits a fingerprint in a line has.
    line_bits: Vec<(u32, u32)>,
    kernel: Kernel,
}

/// Whether fingerprints may have this many bits.
pub(crate) fn check_bits(bits: usize) -> Result<(), ArenaError> {
    if bits == 0 || !bits.is_multiple_of(64) || bits > 65_472 {
        return Err(ArenaError::Bits(bits));
    }
    Ok(())
}

/// Number of bits set.
#[must_use]
pub fn popcount(fingerprint: &[u64]) -> u32 {
    fingerprint.iter().map(|word| word.count_ones()).sum()
}

impl FingerprintArena {
    /// Takes fingerprints of `bits` bits, `bits / 64` words each, one after another; the row number of a
    /// fingerprint is its place in `words`.
    ///
    /// # Errors
    /// [`ArenaError`] where the length is unusable or `words` holds no whole number of fingerprints.
    pub fn new(bits: usize, words: &[u64]) -> Result<FingerprintArena, ArenaError> {
        check_bits(bits)?;
        let words_per_row = bits / 64;
        if !words.len().is_multiple_of(words_per_row) {
            return Err(ArenaError::Words { words: words.len(), bits });
        }
        let count = words.len() / words_per_row;
        if u32::try_from(count).is_err() {
            return Err(ArenaError::TooMany(count));
        }
        let popcounts: Vec<u32> = words.chunks_exact(words_per_row).map(popcount).collect();
        let mut starts = vec![0u32; bits + 2];
        for &bits_set in &popcounts {
            starts[bits_set as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut rows = vec![0u32; count];
        for (row, &bits_set) in popcounts.iter().enumerate() {
            let position = &mut next[bits_set as usize];
            rows[*position as usize] = row as u32;
            *position += 1;
        }
        let matrix = BitMatrix::from_rows(bits, words, &rows);
        FingerprintArena::from_parts(matrix, Storage::Owned(rows), starts)
    }

    /// Puts together what a file holds, after checking that the parts fit each other.
    pub(crate) fn from_parts(
        matrix: BitMatrix,
        rows: Storage<u32>,
        starts: Vec<u32>,
    ) -> Result<FingerprintArena, ArenaError> {
        check_bits(matrix.bits())?;
        if rows.as_slice().len() != matrix.rows() {
            return Err(ArenaError::Damaged("the row numbers do not match the fingerprints"));
        }
        let whole = starts.len() == matrix.bits() + 2
            && starts[0] == 0
            && starts.last().is_some_and(|&last| last as usize == matrix.rows())
            && starts.is_sorted();
        if !whole {
            return Err(ArenaError::Damaged("the popcount offsets are not ascending to the end"));
        }
        let line_bits = line_bits(&starts, matrix.line_count());
        Ok(FingerprintArena { matrix, rows, starts, line_bits, kernel: Kernel::detect() })
    }

    /// Number of fingerprints.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matrix.rows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits of a fingerprint.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.matrix.bits()
    }

    /// The instruction set in use.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Chooses the instruction set (for measurements and tests; the fastest is the default).
    ///
    /// # Errors
    /// [`ArenaError::Kernel`] where this processor lacks it.
    pub fn set_kernel(&mut self, kernel: Kernel) -> Result<(), ArenaError> {
        if !kernel.is_available() {
            return Err(ArenaError::Kernel(kernel));
        }
        self.kernel = kernel;
        Ok(())
    }

    /// Calls `visit(row, words)` for every fingerprint, in the arena's order (by number of bits).
    pub fn for_each(&self, mut visit: impl FnMut(u32, &[u64])) {
        let words = self.bits() / 64;
        let mut sheet = Vec::new();
        for first in (0..self.len()).step_by(64) {
            self.matrix.read_rows64(first, &mut sheet);
            for (offset, fingerprint) in sheet.chunks_exact(words).enumerate() {
                visit(self.rows.as_slice()[first + offset], fingerprint);
            }
        }
    }

    /// The fingerprint at a position of the arena's order.
    pub(crate) fn at_position(&self, position: usize) -> Vec<u64> {
        self.matrix.row(position)
    }

    /// Row numbers by position.
    pub(crate) fn row_numbers(&self) -> &[u32] {
        self.rows.as_slice()
    }

    /// Positions of a line.
    fn line_positions(&self, line: usize) -> Range<usize> {
        let first = line * LINE_ROWS;
        first..(first + LINE_ROWS).min(self.len())
    }

    fn check_query(&self, query: &[u64]) -> Result<(), ArenaError> {
        if query.len() * 64 == self.bits() {
            Ok(())
        } else {
            Err(ArenaError::Words { words: query.len(), bits: self.bits() })
        }
    }
}

/// Fewest and most bits in each line, from the popcount offsets.
fn line_bits(starts: &[u32], lines: usize) -> Vec<(u32, u32)> {
    let rows = starts.last().copied().unwrap_or(0) as usize;
    let bits_at = |position: usize| {
        starts.partition_point(|&start| start as usize <= position).saturating_sub(1) as u32
    };
    (0..lines)
        .map(|line| {
            let first = line * LINE_ROWS;
            let last = (first + LINE_ROWS).min(rows).saturating_sub(1);
            (bits_at(first), bits_at(last))
        })
        .collect()
}

/// Positions of the bits set.
pub(crate) fn on_bits(fingerprint: &[u64]) -> Vec<u32> {
    let mut bits = Vec::with_capacity(64);
    for (number, &word) in fingerprint.iter().enumerate() {
        let mut rest = word;
        while rest != 0 {
            bits.push(number as u32 * 64 + rest.trailing_zeros());
            rest &= rest - 1;
        }
    }
    bits
}
