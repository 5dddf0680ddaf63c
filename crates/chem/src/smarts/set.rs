//! Many patterns searched together: equal expressions and recursive patterns are worked out once
//! per molecule for all of them.

use super::compile::{Plan, Pool};
use super::search::Memo;
use super::{Found, PatternOptions, SmartsError, Target, ones, parse_query};

/// A set of patterns compiled over shared expressions.
#[derive(Debug, Clone, Default)]
pub struct PatternSet {
    pool: Pool,
    plans: Vec<Plan>,
}

impl PatternSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pattern; its number counts from 0.
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] with the position.
    pub fn add(&mut self, text: &str, options: PatternOptions) -> Result<usize, SmartsError> {
        let query = parse_query(text, options)?;
        let plan = self.pool.compile(&query, false);
        self.plans.push(plan);
        Ok(self.plans.len() - 1)
    }

    /// Adds a pattern that is only asked for at given atoms ([`SetMatcher::matches_at`]).
    ///
    /// # Errors
    /// [`SmartsError::Syntax`] with the position.
    pub fn add_anchored(&mut self, text: &str) -> Result<usize, SmartsError> {
        let query = parse_query(text, PatternOptions::default())?;
        let plan = self.pool.compile(&query, true);
        self.plans.push(plan);
        Ok(self.plans.len() - 1)
    }

    /// Number of patterns.
    pub fn len(&self) -> usize {
        self.plans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.plans.is_empty()
    }

    /// Starts matching against one molecule.
    pub fn on<'a>(&'a self, target: &'a Target) -> SetMatcher<'a> {
        SetMatcher { set: self, memo: Memo::new(&self.pool, target) }
    }
}

/// A set of patterns bound to one molecule.
pub struct SetMatcher<'a> {
    set: &'a PatternSet,
    memo: Memo<'a>,
}

impl std::fmt::Debug for SetMatcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetMatcher").field("patterns", &self.set.len()).finish()
    }
}

impl SetMatcher<'_> {
    /// Whether the molecule contains a pattern.
    ///
    /// # Errors
    /// [`SmartsError::TooComplex`] where the search was given up.
    pub fn matches(&mut self, pattern: usize) -> Result<bool, SmartsError> {
        let set = self.set;
        Ok(self.memo.search(&set.plans[pattern], &mut |_| true)?)
    }

    /// The matches of a pattern that differ in their set of atoms.
    ///
    /// # Errors
    /// [`SmartsError::TooComplex`] where the search was given up.
    pub fn find(&mut self, pattern: usize) -> Result<Vec<Vec<u32>>, SmartsError> {
        let set = self.set;
        let mut found = Found::default();
        self.memo.search(&set.plans[pattern], &mut |map| {
            found.add(map);
            false
        })?;
        Ok(found.matches)
    }

    /// Number of matches that differ in their set of atoms.
    ///
    /// # Errors
    /// [`SmartsError::TooComplex`] where the search was given up.
    pub fn count(&mut self, pattern: usize) -> Result<usize, SmartsError> {
        let set = self.set;
        let plan = &set.plans[pattern];
        if plan.steps.len() == 1 {
            // One atom: the size of its set.
            if !self.memo.prepare(plan)? {
                return Ok(0);
            }
            let set = self.memo.set(plan.steps[0].node);
            return Ok(set.iter().map(|w| w.count_ones() as usize).sum());
        }
        Ok(self.find(pattern)?.len())
    }

    /// Whether a pattern added with [`PatternSet::add_anchored`] matches with its first atom here.
    ///
    /// # Errors
    /// [`SmartsError::TooComplex`] where the search was given up.
    pub fn matches_at(&mut self, pattern: usize, atom: u32) -> Result<bool, SmartsError> {
        let set = self.set;
        Ok(self.memo.matches_at(&set.plans[pattern], atom)?)
    }

    /// The atoms that a pattern of one atom matches, as a bit set.
    pub(crate) fn single_atom_set(&mut self, pattern: usize) -> Vec<u64> {
        let set = self.set;
        let plan = &set.plans[pattern];
        match self.memo.prepare(plan) {
            Ok(true) => self.memo.set(plan.steps[0].node).to_vec(),
            _ => vec![0; self.memo.target.len().div_ceil(64).max(1)],
        }
    }

    /// Calls `hit` for every atom of `open` where an anchored pattern matches with its first atom,
    /// and takes it out of `open`.
    pub(crate) fn claim(&mut self, pattern: usize, open: &mut [u64], mut hit: impl FnMut(u32)) {
        let set = self.set;
        let plan = &set.plans[pattern];
        if !matches!(self.memo.prepare(plan), Ok(true)) {
            return;
        }
        let candidates: Vec<u64> =
            open.iter().zip(self.memo.set(plan.steps[0].node)).map(|(a, b)| a & b).collect();
        for atom in ones(&candidates) {
            if plan.steps.len() == 1 || self.memo.matches_at(plan, atom).unwrap_or(false) {
                open[(atom >> 6) as usize] &= !(1 << (atom & 63));
                hit(atom);
            }
        }
    }
}
