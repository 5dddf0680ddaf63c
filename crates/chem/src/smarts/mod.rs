//! SMARTS: parsing and substructure search on our own sanitised molecules.
//!
//! The language is RDKit's: Daylight SMARTS with the extensions `^n`, `d`, `h`, `k`, `z`, `Z`,
//! `{n-m}` ranges and dative bonds. Component-level grouping, `(A).(B)`, is honoured as well.
//! Stereo marks (`@`, `@@`, `/`, `\`) are read and not looked at, as in RDKit's default search.
//!
//! ```
//! use strata_chem::{Mol, smarts::Pattern};
//!
//! let amide = Pattern::parse("[NX3][CX3]=O")?;
//! let paracetamol = Mol::from_smiles("CC(=O)Nc1ccc(O)cc1")?;
//! assert!(amide.matches(&paracetamol));
//! assert_eq!(amide.find(&paracetamol), vec![vec![3, 1, 2]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod compile;
mod elements;
mod implied;
mod parse;
mod query;
mod screen;
mod search;
mod set;
mod target;

pub(crate) use search::{Memo, ones};
pub use set::{PatternSet, SetMatcher};
pub use target::Target;

use compile::{Plan, Pool};

use crate::Mol;

/// Why a pattern could not be read or searched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmartsError {
    /// The text is not SMARTS.
    #[error("SMARTS error at character {position}: {problem} (near `{near}`)")]
    Syntax {
        /// Byte offset in the pattern.
        position: usize,
        /// What is wrong there.
        problem: &'static str,
        /// The text around it.
        near: String,
    },
    /// The search was given up: the pattern fits in too many partial ways.
    #[error("the pattern needs too many steps on this molecule; make it more specific")]
    TooComplex,
}

impl From<search::Exhausted> for SmartsError {
    fn from(_: search::Exhausted) -> Self {
        Self::TooComplex
    }
}

/// How a pattern is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatternOptions {
    /// Turn explicit hydrogens of the pattern (`[#1]`) into hydrogen counts of their heavy atoms,
    /// so that patterns written for molecules with hydrogens (PAINS) match molecules without.
    pub merge_hydrogens: bool,
}

/// A compiled SMARTS pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    pool: Pool,
    plan: Plan,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] with the position.
    pub fn parse(text: &str) -> Result<Self, SmartsError> {
        Self::parse_with(text, PatternOptions::default())
    }

    /// Reads a pattern with options.
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] with the position.
    pub fn parse_with(text: &str, options: PatternOptions) -> Result<Self, SmartsError> {
        let query = parse_query(text, options)?;
        let mut pool = Pool::default();
        let plan = pool.compile(&query, false);
        Ok(Self { text: text.to_owned(), pool, plan })
    }

    /// The text the pattern was read from.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What a molecule must have for a match, for screens on disk.
    pub(crate) fn needs(&self) -> &screen::Needs {
        &self.plan.needs
    }

    /// Number of atoms in the pattern.
    pub fn num_atoms(&self) -> usize {
        self.plan.steps.len()
    }

    /// Whether the molecule contains the pattern. A search that is given up counts as no match; use
    /// [`Pattern::try_matches`] to tell the two apart.
    pub fn matches(&self, mol: &Mol) -> bool {
        self.try_matches(&Target::new(mol)).unwrap_or(false)
    }

    /// Whether a prepared molecule contains the pattern.
    ///
    /// # Errors
    /// [`SmartsError::TooComplex`] where the search was given up.
    pub fn try_matches(&self, target: &Target) -> Result<bool, SmartsError> {
        Ok(Memo::new(&self.pool, target).search(&self.plan, &mut |_| true)?)
    }

    /// The matches that differ in their set of atoms: atom indices in the order of the pattern's
    /// atoms. Where a search is given up, those found until then.
    pub fn find(&self, mol: &Mol) -> Vec<Vec<u32>> {
        let target = Target::new(mol);
        let mut found = Found::default();
        let mut memo = Memo::new(&self.pool, &target);
        // Giving up leaves what was found, as documented.
        let _ = memo.search(&self.plan, &mut |map| {
            found.add(map);
            false
        });
        found.matches
    }

    /// Every match, symmetric ones included, at most `limit`.
    pub fn find_all(&self, mol: &Mol, limit: usize) -> Vec<Vec<u32>> {
        let target = Target::new(mol);
        let mut matches = Vec::new();
        let mut memo = Memo::new(&self.pool, &target);
        if limit > 0 {
            let _ = memo.search(&self.plan, &mut |map| {
                matches.push(map.to_vec());
                matches.len() >= limit
            });
        }
        matches
    }

    /// Number of matches that differ in their set of atoms.
    pub fn count(&self, mol: &Mol) -> usize {
        self.find(mol).len()
    }
}

/// Matches kept once per set of atoms.
#[derive(Default)]
pub(crate) struct Found {
    seen: rustc_hash::FxHashSet<Vec<u32>>,
    pub(crate) matches: Vec<Vec<u32>>,
}

impl Found {
    pub(crate) fn add(&mut self, map: &[u32]) {
        let mut key = map.to_vec();
        key.sort_unstable();
        if self.seen.insert(key) {
            self.matches.push(map.to_vec());
        }
    }
}

fn parse_query(text: &str, options: PatternOptions) -> Result<query::Query, SmartsError> {
    let mut query = parse::parse(text)?;
    if options.merge_hydrogens {
        query.merge_hydrogens();
    }
    Ok(query)
}
