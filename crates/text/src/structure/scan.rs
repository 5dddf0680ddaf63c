//! Small readers of characters that the modules of structure share.

use crate::span::Span;

/// White space of Chinese texts: also zero-width characters and byte order marks.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}' | '\u{2060}')
}

/// Whether it is a Han character.
pub(crate) const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Ends of sentences.
pub(crate) const fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '!' | '?' | '；' | ';' | '…')
}

/// `span` of `text` without blanks at its ends.
pub(crate) fn trim(text: &str, span: Span) -> Span {
    let Some(inner) = span.of(text) else { return span };
    let start = span.start + (inner.len() - inner.trim_start_matches(is_blank).len());
    Span { start, end: start + inner.trim_matches(is_blank).len() }
}

/// At most `count` characters of the beginning.
pub(crate) fn head(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(at, _)| &text[..at])
}

/// At most `count` characters of the end.
pub(crate) fn tail(text: &str, count: usize) -> &str {
    if count == 0 {
        return "";
    }
    text.char_indices().nth_back(count - 1).map_or(text, |(at, _)| &text[at..])
}

/// The beginning of the sentence that stands at byte `at`, looking back `reach` characters at most.
pub(crate) fn sentence_start(text: &str, at: usize, reach: usize) -> usize {
    let mut start = at;
    for (i, c) in text[..at].char_indices().rev().take(reach) {
        if c == '\n' || matches!(c, '。' | '；' | '！' | '？') {
            break;
        }
        start = i;
    }
    start
}

/// The end of the sentence that stands at byte `at`, its stop included.
pub(crate) fn sentence_end(text: &str, at: usize, reach: usize) -> usize {
    for (i, c) in text[at..].char_indices().take(reach) {
        if c == '\n' {
            return at + i;
        }
        if matches!(c, '。' | '；' | '！' | '？') {
            return at + i + c.len_utf8();
        }
    }
    at + head(&text[at..], reach).len()
}

/// The title between 《 and 》 that begins at byte `at` of `text` (where 《 stands): the title's place without the outer
/// marks, and the byte behind 》. Titles nest; a line's end closes none.
pub(crate) fn quoted_title(text: &str, at: usize) -> Option<(Span, usize)> {
    let start = at + '《'.len_utf8();
    let mut depth = 0u32;
    for (i, c) in text.get(at..)?.char_indices().take(200) {
        match c {
            '《' => depth += 1,
            '》' if depth <= 1 => return Some((Span::new(start, at + i), at + i + c.len_utf8())),
            '》' => depth -= 1,
            '\n' => return None,
            _ => {}
        }
    }
    None
}

/// Every 《title》 of a text: its place without the marks, and the byte behind.
pub(crate) fn titles(text: &str) -> Vec<(Span, usize)> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find('《').map(|i| from + i) {
        match quoted_title(text, at) {
            Some((span, end)) => {
                found.push((span, end));
                from = end;
            }
            None => from = at + '《'.len_utf8(),
        }
    }
    found
}
