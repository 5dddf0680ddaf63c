//! Heads trained on a few hundred to some ten thousand molecules: boosted trees, a kernel machine and a linear model
//! over fingerprint counts, descriptors and an encoder's vectors, blended by what out-of-fold predictions say.
//!
//! All of it is deterministic for a seed, on any number of threads. Feature columns come as [`Table`]: counts first,
//! then descriptors, then an encoder's vector where there is one. What is trained can be read out ([`Head`]) and
//! written in another form, such as ONNX.
//!
//! The trees are our own rather than a crate's: the published ones with readable trees decide in double precision
//! and send missing values their own way, which a graph over float32 features cannot repeat exactly; and none has
//! randomised cuts together with bagging, columns drawn by seed and a loss curve over folds.

mod bins;
mod blend;
mod boost;
pub mod calibrate;
mod choose;
mod folds;
mod head;
mod kernel;
mod linear;
mod matrix;
mod outside;
mod tree;

use std::sync::atomic::{AtomicBool, Ordering};

pub use boost::{Boost, BoostSettings};
pub use choose::{Candidate, Choice, ENCODER_GAIN, choose};
pub use folds::{grouped_folds, random_folds};
pub use head::{Ensemble, Head, Part, PartSettings, Recipe, RecipePart, fit};
pub use kernel::{KernelMachine, KernelSettings, MAX_SUPPORT};
pub use linear::{Linear, MOST_COUNTS};
pub use matrix::{DESCRIPTOR_LIMIT, Scaling};
pub use outside::{out_of_fold, out_of_fold_chosen};
pub use tree::{Node, Tree};

/// Largest count that the linear model tells apart.
pub const COUNT_LIMIT: f32 = 3.0;

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The caller set its flag.
    #[error("stopped")]
    Stopped,
    /// Nothing to learn from.
    #[error("{rows} rows are too few to learn from, or their targets are all the same")]
    TooLittle {
        /// Rows given.
        rows: usize,
    },
}

/// Features, row by row: counts, then descriptors, then the numbers of an embedding.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    values: &'a [f32],
    width: usize,
    counts: usize,
    embedding: usize,
}

impl<'a> Table<'a> {
    /// A table of rows of `width` numbers, the first `counts` of which are counts.
    ///
    /// # Panics
    /// If the values make no whole rows, or there are more counts than columns.
    #[must_use]
    pub fn new(values: &'a [f32], width: usize, counts: usize) -> Self {
        assert!(width > 0 && values.len().is_multiple_of(width) && counts <= width, "whole rows");
        Self { values, width, counts, embedding: 0 }
    }

    /// The same, the last `columns` of each row being an encoder's vector.
    ///
    /// # Panics
    /// If there are not as many columns behind the counts.
    #[must_use]
    pub fn with_embedding(self, columns: usize) -> Self {
        assert!(self.counts + columns <= self.width, "counts and vectors overlap");
        Self { embedding: columns, ..self }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Columns of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many of them, from the first, are counts.
    #[must_use]
    pub fn counts(&self) -> usize {
        self.counts
    }

    /// Columns of the encoder's vector, which are the last.
    #[must_use]
    pub fn embedding(&self) -> usize {
        self.embedding
    }

    /// The columns that a view scales: descriptors, with the encoder's vector or without.
    pub(crate) fn dense(&self, view: View) -> std::ops::Range<usize> {
        match view {
            View::Descriptors => self.counts..self.width - self.embedding,
            View::Encoder => self.counts..self.width,
        }
    }

    /// A row.
    #[must_use]
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.width..(row + 1) * self.width]
    }
}

/// Which dense columns a machine sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Descriptors.
    Descriptors,
    /// Descriptors and the encoder's vector.
    Encoder,
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Numbers.
    Regression,
    /// Classes 0 and 1; scores are log-odds.
    Classification,
}

/// Rows of a table to learn from, with the target of each (classes as 0 and 1).
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// The features of all rows.
    pub table: Table<'a>,
    /// The rows used.
    pub rows: &'a [usize],
    /// The target of each of `rows`.
    pub targets: &'a [f64],
    /// How much each of `rows` counts where predictions are compared with targets.
    pub weights: &'a [f64],
    /// What the targets are.
    pub task: Task,
}

impl Data<'_> {
    /// Refuses what nothing can be learnt from.
    pub(crate) fn check(&self) -> Result<(), LearnError> {
        let varied = self.targets.iter().any(|target| *target != self.targets[0]);
        let whole = self.rows.len() == self.targets.len() && self.rows.len() == self.weights.len();
        match varied && self.rows.len() >= 10 && whole {
            true => Ok(()),
            false => Err(LearnError::TooLittle { rows: self.rows.len() }),
        }
    }
}

/// Hears how far the work is, and may stop it.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Set from any thread to stop.
    pub stop: &'a AtomicBool,
    /// Called with what is being done and how much of it is done, from 0 to 1; from the caller's thread.
    pub step: &'a dyn Fn(&str, f64),
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

pub(crate) fn check(stop: &AtomicBool) -> Result<(), LearnError> {
    if stop.load(Ordering::Relaxed) { Err(LearnError::Stopped) } else { Ok(()) }
}

#[cfg(test)]
/// A number from 0 up to 1.
pub(crate) fn unit(random: &mut crate::split::Random) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// `take` of `0..n`, drawn by the generator, ascending.
pub(crate) fn draw(n: usize, take: usize, random: &mut crate::split::Random) -> Vec<usize> {
    let mut all: Vec<usize> = (0..n).collect();
    let take = take.min(n);
    for at in 0..take {
        let other = at + random.below(n - at);
        all.swap(at, other);
    }
    all.truncate(take);
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests;
