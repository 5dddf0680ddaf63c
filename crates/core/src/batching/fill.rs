//! Filling a batch: items of like length, so that little of it is padding.

use std::collections::{BTreeMap, BTreeSet};

use super::fairness::Tag;
use super::limits::Limits;

/// Items that don't fit are passed over for smaller ones behind them, but no more than these.
const PASSED_OVER: usize = 16;

/// Items of one group and priority by length; those of one length in the order of their turn.
#[derive(Debug, Default)]
pub(super) struct Lengths(BTreeMap<u64, BTreeSet<(Tag, u64)>>);

impl Lengths {
    pub(super) fn insert(&mut self, length: u64, tag: Tag, id: u64) {
        self.0.entry(length).or_default().insert((tag, id));
    }

    pub(super) fn remove(&mut self, length: u64, tag: Tag, id: u64) {
        if let Some(items) = self.0.get_mut(&length) {
            items.remove(&(tag, id));
            if items.is_empty() {
                self.0.remove(&length);
            }
        }
    }
}

/// A batch that is being filled.
pub(super) struct Fill<'a> {
    limits: &'a Limits,
    rows: usize,
    cost: u64,
    longest: u64,
    passed_over: usize,
}

/// Whether an item fits into the batch.
enum Fit {
    Yes,
    /// It has too many rows; another of its length may fit.
    Rows,
    /// Nothing of its length, or of one farther away, fits.
    Length,
}

impl<'a> Fill<'a> {
    /// A batch of its head alone, which always goes.
    pub(super) fn new(rows: usize, length: u64, limits: &'a Limits) -> Self {
        let cost = (rows as u64).saturating_mul(length);
        Self { limits, rows, cost, longest: length, passed_over: 0 }
    }

    /// Rows, cost and padded cost.
    pub(super) fn totals(&self) -> (usize, u64, u64) {
        (self.rows, self.cost, (self.rows as u64).saturating_mul(self.longest))
    }

    /// Adds what fits, nearest to the head's length first.
    pub(super) fn from(
        &mut self,
        lengths: &Lengths,
        (head, near): (u64, u64),
        rows_of: impl Fn(u64) -> usize,
        ids: &mut Vec<u64>,
    ) {
        let mut longer = lengths.0.range(near..).peekable();
        let mut shorter = lengths.0.range(..near).rev().peekable();
        let (mut longer_fit, mut shorter_fit) = (true, true);
        while self.rows < self.limits.max_rows {
            let up = longer.peek().filter(|_| longer_fit).map(|(length, _)| **length - near);
            let down = shorter.peek().filter(|_| shorter_fit).map(|(length, _)| near - **length);
            let (next, fits) = match (up, down) {
                (Some(up), Some(down)) if up > down => (shorter.next(), &mut shorter_fit),
                (Some(_), _) => (longer.next(), &mut longer_fit),
                (None, Some(_)) => (shorter.next(), &mut shorter_fit),
                (None, None) => return,
            };
            let Some((&length, items)) = next else { return };
            for &(_, id) in items {
                if id == head {
                    continue;
                }
                let rows = rows_of(id);
                match self.fit(rows, length) {
                    Fit::Yes => {
                        self.rows += rows;
                        self.cost += rows as u64 * length;
                        self.longest = self.longest.max(length);
                        ids.push(id);
                    }
                    Fit::Rows if self.rows >= self.limits.max_rows => return,
                    Fit::Rows if self.passed_over >= PASSED_OVER => return,
                    Fit::Rows => self.passed_over += 1,
                    Fit::Length => {
                        // Farther on is worse; the other direction may still do.
                        *fits = false;
                        break;
                    }
                }
            }
        }
    }

    fn fit(&self, rows: usize, length: u64) -> Fit {
        let limits = self.limits;
        let Some(total) = self.rows.checked_add(rows).filter(|&total| total <= limits.max_rows)
        else {
            return Fit::Rows;
        };
        let longest = self.longest.max(length);
        let padded = (total as u64).checked_mul(longest).filter(|&p| p <= limits.max_cost);
        let Some(padded) = padded else {
            // One row more of this length may be what is too much, or it may be its rows.
            return if rows > 1 { Fit::Rows } else { Fit::Length };
        };
        let padding = padded - (self.cost + rows as u64 * length);
        if padding as f64 <= limits.max_padding * padded as f64 { Fit::Yes } else { Fit::Length }
    }
}
