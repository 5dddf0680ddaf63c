//! Scores over time, in bounded memory.

use std::collections::VecDeque;

/// Values remembered: at 5 frames a second a good minute.
const KEPT: usize = 301;

/// The last values, and the greatest of all.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    values: VecDeque<f32>,
    top: f32,
    count: u32,
}

impl History {
    pub(super) fn push(&mut self, value: f32) {
        // What is no number is no evidence.
        let value = if value.is_finite() { value } else { 0.0 };
        if self.values.len() == KEPT {
            self.values.pop_front();
        }
        self.values.push_back(value);
        self.top = if self.count == 0 { value } else { self.top.max(value) };
        self.count = self.count.saturating_add(1);
    }

    /// The median; the lower of the two middle values of an even number. 0 without any.
    pub(super) fn median(&self) -> f32 {
        let mut sorted: Vec<f32> = self.values.iter().copied().collect();
        let Some(middle) = sorted.len().checked_sub(1).map(|last| last / 2) else { return 0.0 };
        *sorted.select_nth_unstable_by(middle, f32::total_cmp).1
    }

    /// The greatest value ever.
    pub(super) fn top(&self) -> f32 {
        self.top
    }

    /// How many there were.
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_low_and_memory_is_bounded() {
        let mut history = History::default();
        assert_eq!(history.median(), 0.0);
        for value in [0.9, 0.1, 0.5, f32::NAN] {
            history.push(value);
        }
        assert_eq!((history.median(), history.top(), history.count()), (0.1, 0.9, 4));
        for _ in 0..10_000 {
            history.push(0.4);
        }
        assert_eq!((history.median(), history.top(), history.values.len()), (0.4, 0.9, KEPT));
    }
}
