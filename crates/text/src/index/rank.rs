//! The best of many, in an order that does not depend on how an index was written.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::part::Part;

/// A passage: its part, and its number in the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) part: u32,
    pub(super) unit: u32,
}

impl At {
    /// A record, by its first passage.
    pub(super) fn record(number: usize, part: &Part, record: u32) -> Self {
        Self { part: number as u32, unit: part.segment.record(record).start }
    }
}

/// A number that orders.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Total(f32);

impl Eq for Total {}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// The `depth` largest numbers of those pushed.
#[derive(Debug)]
pub(super) struct Largest {
    depth: usize,
    heap: BinaryHeap<Reverse<Total>>,
    least: f32,
}

impl Largest {
    pub(super) fn new(depth: usize) -> Self {
        let least = if depth == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { depth, heap: BinaryHeap::with_capacity(depth.min(1 << 12) + 1), least }
    }

    #[inline]
    pub(super) fn push(&mut self, number: f32) {
        if number <= self.least {
            return;
        }
        self.heap.push(Reverse(Total(number)));
        if self.heap.len() > self.depth {
            self.heap.pop();
        }
        if self.heap.len() == self.depth {
            self.least = self.heap.peek().map_or(self.least, |least| least.0.0);
        }
    }

    /// The least of them; negative infinity while there are fewer than `depth`.
    pub(super) const fn least(&self) -> f32 {
        self.least
    }
}

/// The `depth` best passages of those pushed. Equal scores are ordered by document and place in it.
#[derive(Debug)]
pub(super) struct Best {
    largest: Largest,
    kept: Vec<(At, f32)>,
}

impl Best {
    pub(super) fn new(depth: usize) -> Self {
        Self { largest: Largest::new(depth), kept: Vec::new() }
    }

    #[inline]
    pub(super) fn push(&mut self, at: At, score: f32) {
        // Those equal to the least stay until it is known which documents they are of.
        if score < self.largest.least() || self.largest.depth == 0 {
            return;
        }
        self.largest.push(score);
        self.kept.push((at, score));
        if self.kept.len() > 4096 + 4 * self.largest.depth {
            self.drop_beaten();
        }
    }

    fn drop_beaten(&mut self) {
        let least = self.largest.least();
        self.kept.retain(|(_, score)| *score >= least);
    }

    /// Best first.
    pub(super) fn finish(mut self, parts: &[Part]) -> Vec<(At, f32)> {
        self.drop_beaten();
        self.kept.sort_unstable_by(|a, b| {
            b.1.total_cmp(&a.1).then_with(|| by_document(parts, a.0, b.0))
        });
        self.kept.truncate(self.largest.depth);
        self.kept
    }
}

/// Orders passages by their documents' identifiers, then by their place.
pub(super) fn by_document(parts: &[Part], a: At, b: At) -> Ordering {
    let place = |at: At| {
        let part = parts.get(at.part as usize)?;
        let (doc, number) = part.within(at.unit)?;
        Some((part.segment.ids.get(doc as usize)?, number))
    };
    place(a).cmp(&place(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept() {
        let mut dice = strata_testkit::kill::Dice::new(5);
        for depth in [0, 1, 7, 300] {
            let numbers: Vec<f32> = (0..200).map(|_| (dice.roll() % 50) as f32).collect();
            let (mut largest, mut best) = (Largest::new(depth), Best::new(depth));
            for (unit, number) in numbers.iter().enumerate() {
                largest.push(*number);
                best.push(At { part: 0, unit: unit as u32 }, *number);
            }
            let mut sorted = numbers.clone();
            sorted.sort_unstable_by(|a, b| b.total_cmp(a));
            match depth {
                1 | 7 => assert_eq!(largest.least(), sorted[depth - 1]),
                0 => assert_eq!(largest.least(), f32::INFINITY),
                _ => assert_eq!(largest.least(), f32::NEG_INFINITY),
            }
            sorted.truncate(depth);
            let found: Vec<f32> = best.finish(&[]).into_iter().map(|(_, score)| score).collect();
            assert_eq!(found, sorted);
        }
    }
}
