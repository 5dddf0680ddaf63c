//! Substructure search: an AND over the screen's columns, then the exact match on what is left.

use rayon::prelude::*;

use super::featurise::required_bits;
use super::{Library, LibraryError};
use crate::Mol;
use crate::arena::matrix::{BLOCK_LINES, LINE_ROWS, Line};
use crate::smarts::{Pattern, SmartsError, Target};

/// Candidates matched between two looks at the limit.
const CHUNK: usize = 4096;

/// What a substructure search found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubstructureHits {
    /// Numbers of the molecules with the pattern, ascending.
    pub molecules: Vec<u32>,
    /// Molecules the screen left to be matched (up to where the limit was reached).
    pub matched: usize,
    /// Molecules on which the match was given up, as the pattern fits in too many partial ways.
    pub given_up: Vec<u32>,
}

impl Library {
    /// Molecules that contain a pattern, the first `limit` of them.
    ///
    /// # Errors
    /// [`LibraryError::Damaged`] where a molecule's SMILES is not readable.
    pub fn substructure(
        &self,
        pattern: &Pattern,
        limit: usize,
    ) -> Result<SubstructureHits, LibraryError> {
        let candidates = self.screen_candidates(pattern);
        let mut found = SubstructureHits::default();
        for chunk in candidates.chunks(CHUNK) {
            if found.molecules.len() >= limit {
                break;
            }
            let outcomes: Vec<(u32, bool, bool)> = chunk
                .par_iter()
                .map(|&number| self.contains(number, pattern))
                .collect::<Result<_, _>>()?;
            found.matched += outcomes.len();
            for (number, is_hit, is_given_up) in outcomes {
                if is_hit {
                    found.molecules.push(number);
                }
                if is_given_up {
                    found.given_up.push(number);
                }
            }
        }
        found.molecules.truncate(limit);
        Ok(found)
    }

    fn contains(&self, number: u32, pattern: &Pattern) -> Result<(u32, bool, bool), LibraryError> {
        let molecule = self.molecule(number)?;
        let mol = Mol::from_smiles(molecule.smiles)
            .map_err(|_| LibraryError::Damaged("the SMILES of a molecule"))?;
        match pattern.try_matches(&Target::new(&mol)) {
            Ok(is_hit) => Ok((number, is_hit, false)),
            Err(SmartsError::TooComplex) => Ok((number, false, true)),
            Err(error) => Err(error.into()),
        }
    }

    /// Molecules that have every bit the pattern needs.
    fn screen_candidates(&self, pattern: &Pattern) -> Vec<u32> {
        let columns = required_bits(pattern);
        let rows = self.screen.rows();
        let mut candidates = Vec::new();
        for line in 0..self.screen.line_count() {
            let block = self.screen.block(line / BLOCK_LINES);
            let mut left = Line::ONES;
            for &column in &columns {
                let have = &block.data[column as usize * block.lines + line % BLOCK_LINES];
                for (left, have) in left.0.iter_mut().zip(&have.0) {
                    *left &= have;
                }
            }
            for (word, &mask) in left.0.iter().enumerate() {
                let mut rest = mask;
                while rest != 0 {
                    let row = line * LINE_ROWS + word * 64 + rest.trailing_zeros() as usize;
                    rest &= rest - 1;
                    if row < rows {
                        candidates.push(row as u32);
                    }
                }
            }
        }
        candidates
    }
}
