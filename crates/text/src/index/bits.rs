//! Sets of documents or passages of a segment, a bit each.

/// A set of numbers below a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// None of the numbers below `bound`.
    pub(super) fn none(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)] }
    }

    pub(super) fn insert(&mut self, number: u32) {
        if let Some(word) = self.words.get_mut(number as usize / 64) {
            *word |= 1 << (number % 64);
        }
    }

    #[inline]
    pub(super) fn contains(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    pub(super) fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Words of 64 numbers, lowest first.
    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Calls `visit` with the numbers in it, ascending: faster than [`iter`](Self::iter) over many.
    #[inline]
    pub(super) fn for_each(&self, mut visit: impl FnMut(u32)) {
        for (at, word) in self.words.iter().enumerate() {
            let first = at as u32 * 64;
            let mut word = *word;
            while word != 0 {
                visit(first + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }

    /// The numbers in it, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words
            .iter()
            .enumerate()
            .flat_map(|(at, word)| ones(*word).map(move |bit| at as u32 * 64 + bit))
    }
}

/// The places of the ones in a word, lowest first.
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_in_and_come_out() {
        let mut bits = Bits::none(130);
        for number in [0, 63, 64, 129, 500] {
            bits.insert(number);
        }
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        let mut visited = Vec::new();
        bits.for_each(|number| visited.push(number));
        assert_eq!(visited, [0, 63, 64, 129]);
        assert_eq!(bits.count(), 4);
        assert!(bits.contains(63) && !bits.contains(62) && !bits.contains(500));
    }
}
