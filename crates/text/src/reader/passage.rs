//! A text as the reader sees it: characters folded one by one, *units* (a Chinese character, or a word of letters and
//! digits), and the gaps between units that end list items, clauses and sentences.
//!
//! The rules are those of `training/strata_training/reader/text.py`; a change of either changes what the model was trained on.

use crate::span::Span;

/// What stands between two units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// Nothing that parts them.
    None,
    /// 、
    Enumeration,
    /// A comma, semicolon or colon.
    Clause,
    /// The end of a sentence or line.
    Sentence,
}

/// A text cut into units.
#[derive(Debug)]
pub(crate) struct Text {
    /// Folded characters, as many as the text has.
    pub(crate) folded: Vec<char>,
    /// Where each unit begins, in characters.
    pub(crate) starts: Vec<usize>,
    /// The character behind each unit.
    pub(crate) ends: Vec<usize>,
    /// `gaps[u]` lies before unit `u`; the last lies behind all units.
    pub(crate) gaps: Vec<Gap>,
    /// First byte of each character, and the text's length.
    bytes: Vec<usize>,
}

/// Full-width forms of ASCII and capital letters become plain; some marks keep their Chinese form, which ends clauses.
pub(crate) fn fold(c: char) -> char {
    let plain = match c {
        '，' | '；' | '：' | '！' | '？' => c,
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    plain.to_ascii_lowercase()
}

fn is_word(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// A character that is a unit by itself.
fn is_letter(c: char) -> bool {
    matches!(
        c,
        '\u{c0}'..='\u{24f}'
            | '\u{370}'..='\u{3ff}'
            | '\u{400}'..='\u{4ff}'
            | '\u{3007}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{20000}'..='\u{323af}'
    )
}

/// Whether a character of a gap is white space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{a0}' | '\u{3000}')
}

/// End of the word that begins at `start`, joined parts and a percent sign included.
fn word_end(folded: &[char], start: usize) -> usize {
    let at = |place: usize| folded.get(place).copied().unwrap_or('\0');
    let mut end = start + 1;
    loop {
        let (here, next) = (at(end), at(end + 1));
        if is_word(here) {
            end += 1;
        } else if matches!(here, '.' | '-' | '\'' | '&' | '/' | '@' | '_') && is_word(next)
            || matches!(here, ',' | ':') && at(end - 1).is_ascii_digit() && next.is_ascii_digit()
        {
            end += 2;
        } else {
            break;
        }
    }
    if matches!(at(end), '%' | '‰' | '℃') && at(end - 1).is_ascii_digit() {
        end + 1
    } else {
        end
    }
}

/// What the characters between two units are; `rest` is the character behind the second.
fn gap(between: &[char], before: &[char], after: &[char], rest: Option<&char>) -> Gap {
    let (mut found, mut space) = (Gap::None, false);
    for &c in between {
        match c {
            '。' | '！' | '？' | '!' | '?' | '\n' | '\r' => return Gap::Sentence,
            '，' | ',' | '；' | ';' | '：' | ':' => found = found.max(Gap::Clause),
            '、' => found = found.max(Gap::Enumeration),
            _ => space = space || is_space(c),
        }
    }
    if !space {
        return found;
    }
    // Documents that lost their line breaks have a space there; beside a Latin word it is just a space.
    let ascii = |c: Option<&char>| c.is_some_and(|&c| is_word(c));
    if !ascii(before.last()) && !ascii(after.first()) {
        return Gap::Sentence;
    }
    let digit = after.first().is_some_and(char::is_ascii_digit);
    let numbered = after.len() <= 2 && digit && matches!(rest, Some('.' | '、' | ')'));
    if numbered { Gap::Sentence } else { found }
}

impl Text {
    /// Cuts a text.
    pub(crate) fn cut(raw: &str) -> Self {
        let folded: Vec<char> = raw.chars().map(fold).collect();
        let bytes = raw.char_indices().map(|(at, _)| at).chain([raw.len()]).collect();
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(&c) = folded.get(at) {
            let end = if is_word(c) { word_end(&folded, at) } else { at + 1 };
            if is_word(c) || is_letter(c) {
                starts.push(at);
                ends.push(end);
            }
            at = end;
        }
        let mut text = Self { folded, starts, ends, gaps: vec![Gap::Sentence], bytes };
        for u in 1..text.len() {
            let rest = text.folded.get(text.ends[u]);
            text.gaps.push(gap(text.between(u), text.unit(u - 1), text.unit(u), rest));
        }
        if text.len() > 0 {
            text.gaps.push(Gap::Sentence);
        }
        text
    }

    /// Units.
    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// A unit's characters.
    pub(crate) fn unit(&self, u: usize) -> &[char] {
        &self.folded[self.starts[u]..self.ends[u]]
    }

    /// A unit of one character.
    pub(crate) fn single(&self, u: usize) -> Option<char> {
        match self.unit(u) {
            [c] => Some(*c),
            _ => None,
        }
    }

    /// The characters between unit `u - 1` and `u`; at the ends, what comes before or behind all units.
    pub(crate) fn between(&self, u: usize) -> &[char] {
        let start = if u > 0 { self.ends[u - 1] } else { 0 };
        let end = self.starts.get(u).copied().unwrap_or(self.folded.len());
        &self.folded[start..end]
    }

    /// Characters as bytes of the text that was cut.
    pub(crate) fn bytes(&self, (start, end): (usize, usize)) -> Span {
        Span::new(self.bytes[start], self.bytes[end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(raw: &str) -> Vec<String> {
        let text = Text::cut(raw);
        (0..text.len()).map(|u| text.unit(u).iter().collect()).collect()
    }

    #[test]
    fn units_are_characters_and_words() {
        assert_eq!(units("ＷＴＯ 第3.5%条"), ["wto", "第", "3.5%", "条"]);
        assert_eq!(units("9:00-17:30，a@b.c 20,000元"), ["9:00-17:30", "a@b.c", "20,000", "元"]);
        assert_eq!(units("a. b-"), ["a", "b"]);
        assert!(units("……（）").is_empty());
        assert_eq!(Text::cut("").gaps, [Gap::Sentence]);
    }

    #[test]
    fn gaps_end_items_clauses_and_sentences() {
        use Gap::{Clause, Enumeration, None, Sentence};
        let gaps = |raw: &str| Text::cut(raw).gaps;
        assert_eq!(
            gaps("甲乙、丙，丁。戊"),
            [Sentence, None, Enumeration, Clause, Sentence, Sentence]
        );
        // A lost line break; a space beside a Latin word; a number that opens a list item.
        assert_eq!(
            gaps("甲 乙 iso 9001 丙 2.丁"),
            [Sentence, Sentence, None, None, None, Sentence, None, Sentence]
        );
    }
}
