//! Places in a text. Inside the kit a place is a range of bytes, which slices; outside it is a range of characters,
//! which other languages count.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A range of bytes of a text, at character boundaries.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
}

impl Span {
    /// From `start` up to `end`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Its text; `None` where it does not lie in `text` or cuts a character.
    #[must_use]
    pub fn of(self, text: &str) -> Option<&str> {
        text.get(self.start..self.end)
    }

    /// Bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `other` lies in it.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The same place where the text begins `by` bytes later.
    #[must_use]
    pub const fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }

    /// Without white space at its ends.
    #[must_use]
    pub fn trimmed(self, text: &str) -> Self {
        let Some(inner) = self.of(text) else { return self };
        let start = self.start + (inner.len() - inner.trim_start().len());
        Self { start, end: start + inner.trim().len() }
    }

    /// The same place in characters (Unicode scalar values); `None` where it does not lie in `text`.
    #[must_use]
    pub fn chars(self, text: &str) -> Option<Range<usize>> {
        let before = text.get(..self.start)?.chars().count();
        Some(before..before + self.of(text)?.chars().count())
    }

    /// The place of a range of characters; `None` where the text is shorter.
    #[must_use]
    pub fn from_chars(text: &str, chars: Range<usize>) -> Option<Self> {
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let start = ends.nth(chars.start)?;
        if chars.end == chars.start {
            return Some(Self::new(start, start));
        }
        let end = ends.nth(chars.end.checked_sub(chars.start + 1)?)?;
        Some(Self { start, end })
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self::new(range.start, range.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_bytes_and_characters_agree() {
        let text = "甲乙a丙\n丁";
        for start in 0..=6 {
            for end in start..=6 {
                let span = Span::from_chars(text, start..end).unwrap();
                assert_eq!(span.chars(text), Some(start..end));
                let wanted: String = text.chars().skip(start).take(end - start).collect();
                assert_eq!(span.of(text), Some(wanted.as_str()));
            }
        }
        assert_eq!(Span::from_chars(text, 0..7), None);
        assert_eq!(Span::new(0, 2).of(text), None);
        assert_eq!(Span::new(0, 2).chars(text), None);
    }

    #[test]
    fn trimming_keeps_what_is_between() {
        let text = " \u{3000}第一条 \n";
        let span = Span::new(0, text.len()).trimmed(text);
        assert_eq!(span.of(text), Some("第一条"));
    }
}
