//! What a batcher tells whoever measures it.

use std::time::Duration;

/// Where a request was when it was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Where {
    /// In the queue.
    Queued,
    /// In a batch that was running.
    Running,
}

/// One batch that has run.
#[derive(Debug)]
pub struct BatchFacts<'a> {
    /// Requests in it.
    pub items: usize,
    /// Rows of the model's batch.
    pub rows: usize,
    /// Cost of its rows as they are.
    pub cost: u64,
    /// Rows times the longest length.
    pub padded_cost: u64,
    /// How long each request had waited.
    pub waits: &'a [Duration],
    /// How long it ran.
    pub running: Duration,
}

/// Told what happens, from the batcher's threads and those of callers, under no lock. Must be quick
/// and must not panic.
pub trait Observer: Send + Sync {
    /// The queue has this many items of this cost now. Calls of several threads can overtake each
    /// other: [`Batcher::load`](super::Batcher::load) is exact.
    fn queued(&self, _depth: usize, _cost: u64) {}

    /// A request was not taken, or was given up while it waited or ran; the word is
    /// [`BatchError::reason`](super::BatchError::reason)'s.
    fn rejected(&self, _reason: &'static str) {}

    /// A batch has run.
    fn batch(&self, _facts: &BatchFacts<'_>) {}

    /// A request was cancelled by its caller.
    fn cancelled(&self, _where: Where) {}
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
