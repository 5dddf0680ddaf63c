//! Inside an article: 款, 项 and 目. Every paragraph is a 款, counted; lists belong to the 款 they follow, and text behind
//! a list is a 款 of its own (立法技术规范: 款 are unnumbered paragraphs; 项 are 「（一）」, 目 「1.」 below a 款).

use super::lines::flat_pieces;
use super::marker::{Class, Marker, doubtful_marker, marker};
use super::scan::{is_blank, trim};
use crate::address::{Address, Level, Number, leading_step};
use crate::span::Span;

/// A piece of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Its text, within the article's text; with its marker.
    pub span: Span,
    /// 款, from 1.
    pub paragraph: u32,
    /// 项.
    pub item: Option<Number>,
    /// 目.
    pub point: Option<Number>,
}

impl Part {
    /// Its address below the article.
    #[must_use]
    pub fn address(&self) -> Address {
        Address {
            paragraph: Some(Number::new(self.paragraph)),
            item: self.item,
            point: self.point,
            ..Address::default()
        }
    }
}

struct Segment {
    span: Span,
    marker: Option<Marker>,
    /// Whether the marker is surely one.
    sure: bool,
}

/// The parts of an article's text, in order; a heading `第五条` at its beginning is no part.
#[must_use]
pub fn parts(text: &str) -> Vec<Part> {
    let segments = segments(text);
    // For every segment the next marked one: a list that goes on keeps the text between.
    let mut following = vec![None; segments.len()];
    let mut next = None;
    for (i, segment) in segments.iter().enumerate().rev() {
        following[i] = next;
        next = segment.marker.or(next);
    }
    let mut state = State::default();
    segments.iter().zip(following).map(|(segment, next)| state.place(segment, next)).collect()
}

/// Where the counting stands.
#[derive(Default)]
struct State {
    paragraph: u32,
    item: Option<Marker>,
    point: Option<Marker>,
}

impl State {
    fn place(&mut self, segment: &Segment, next: Option<Marker>) -> Part {
        match segment.marker {
            Some(found) if (segment.sure || self.counts_on(found, next)) && self.takes(found) => {}
            _ if self.goes_on(next) => {}
            _ => *self = Self { paragraph: self.paragraph + 1, ..Self::default() },
        }
        Part {
            span: segment.span,
            paragraph: self.paragraph,
            item: self.item.map(|item| Number::new(item.number)),
            point: self.point.map(|point| Number::new(point.number)),
        }
    }

    /// Whether a marker makes an item or a point here, and if so, moves there.
    fn takes(&mut self, found: Marker) -> bool {
        // Only `（一）` is sure to be a marker; others have to count.
        let counts = |last: Option<Marker>| match last {
            _ if found.class == Class::Bracket => true,
            Some(last) => found.number == last.number + 1,
            None => found.number == 1,
        };
        let class = |marker: Option<Marker>| marker.map(|marker| marker.class);
        if class(self.item).is_none_or(|class| class == found.class) {
            if !counts(self.item) {
                return false;
            }
            (self.item, self.point) = (Some(found), None);
            self.paragraph = self.paragraph.max(1);
        } else if class(self.point).is_none_or(|class| class == found.class) {
            if !counts(self.point) {
                return false;
            }
            self.point = Some(found);
        }
        // Deeper lists stay with the point.
        true
    }

    /// Whether what only looks like a marker goes on from the last item, or begins what the next marker goes on from.
    fn counts_on(&self, found: Marker, next: Option<Marker>) -> bool {
        let follows =
            |last: Marker, next: Marker| last.class == next.class && next.number == last.number + 1;
        self.item.is_some_and(|last| follows(last, found))
            || found.number == 1 && next.is_some_and(|next| follows(found, next))
    }

    /// Whether a list goes on behind unmarked text.
    fn goes_on(&self, next: Option<Marker>) -> bool {
        next.is_some_and(|next| {
            [self.item, self.point]
                .into_iter()
                .flatten()
                .any(|last| next.class == last.class && next.number == last.number + 1)
        })
    }
}

/// Bytes of an article's heading (`第五条　`) at the beginning of its text.
pub(crate) fn heading_len(text: &str) -> usize {
    match leading_step(text) {
        Some((Level::Article, _, used)) => {
            let rest = &text[used..];
            // `第五条第一款规定的` begins a sentence.
            if rest.starts_with(is_blank)
                || text.starts_with('第') && super::law::begins_article(text)
            {
                used + (rest.len() - rest.trim_start_matches(is_blank).len())
            } else {
                0
            }
        }
        _ => 0,
    }
}

fn segments(text: &str) -> Vec<Segment> {
    let body = heading_len(text);
    let whole = trim(text, Span::new(body, text.len()));
    let Some(inner) = whole.of(text) else { return Vec::new() };
    let flat = !inner.contains('\n');
    let mut found = Vec::new();
    if flat && inner.contains(is_blank) {
        for piece in flat_pieces(inner) {
            inline(text, piece.shifted(whole.start), flat, &mut found);
        }
        return found;
    }
    let mut at = whole.start;
    for raw in inner.split('\n') {
        let line = trim(text, Span::new(at, at + raw.len()));
        at += raw.len() + 1;
        if !line.is_empty() {
            inline(text, line, flat, &mut found);
        }
    }
    found
}

/// Takes a line apart where a list stands in it: `：（一）…；（二）…。`
fn inline(text: &str, line: Span, flat: bool, found: &mut Vec<Segment>) {
    let Some(shown) = line.of(text) else { return };
    let mut start = line.start;
    let (mut own, sure) =
        doubtful_marker(shown).map_or((None, true), |(own, sure)| (Some(own), sure));
    let mut last = own.filter(|own| own.class == Class::Bracket).map(|own| own.number);
    let mut listed = false;
    let mut before = None;
    for (i, c) in shown.char_indices() {
        if matches!(c, '（' | '(') && i > 0 {
            let opens = matches!(before, Some('：' | ':')) && last.is_none();
            let goes_on = matches!(before, Some('；' | ';' | '。'));
            let next = marker(&shown[i..]).filter(|next| next.class == Class::Bracket);
            if let Some(next) = next
                && (opens && next.number == 1
                    || goes_on && last.is_some_and(|n| next.number == n + 1))
            {
                let span = trim(text, Span::new(start, line.start + i));
                found.push(Segment { span, marker: own, sure: sure || listed });
                (start, own, last, listed) = (line.start + i, Some(next), Some(next.number), true);
            }
        }
        if !is_blank(c) {
            before = Some(c);
        }
    }
    let rest = Span::new(start, line.end);
    // In a text without lines, what follows the list's last sentence is a paragraph of its own.
    let stop = rest.of(text).filter(|_| flat && listed).and_then(|shown| shown.find('。'));
    if let Some(stop) = stop {
        let cut = start + stop + '。'.len_utf8();
        let behind = trim(text, Span::new(cut, line.end));
        if !behind.is_empty() && behind.start >= cut {
            found.push(Segment { span: Span::new(start, cut), marker: own, sure: true });
            found.push(Segment { span: behind, marker: None, sure: true });
            return;
        }
    }
    found.push(Segment { span: rest, marker: own, sure: sure || listed });
}

/// The address below the article of a place in an article's text: as exact as holds for all of it. 款 is left out where
/// the article has only one, as laws cite it.
#[must_use]
pub fn address_of(text: &str, span: Span) -> Address {
    let parts = parts(text);
    let first = parts.iter().rposition(|part| part.span.start <= span.start);
    let Some(first) = first else { return Address::default() };
    let last =
        parts.iter().rposition(|part| part.span.start < span.end).unwrap_or(first).max(first);
    let mut address = parts[first].address();
    for part in &parts[first..=last] {
        if part.paragraph != parts[first].paragraph {
            return Address::default();
        }
        if part.item != address.item {
            (address.item, address.point) = (None, None);
        }
        if part.point != address.point {
            address.point = None;
        }
    }
    if parts.last().is_some_and(|part| part.paragraph == 1) {
        address.paragraph = None;
    }
    address
}

/// The place in an article's text of 款, 项, 目 of an address; all of it where the address names none.
#[must_use]
pub fn place_of(text: &str, address: &Address) -> Option<Span> {
    let body = heading_len(text);
    if address.paragraph.is_none() && address.item.is_none() && address.point.is_none() {
        return Some(trim(text, Span::new(0, text.len())));
    }
    let parts = parts(text);
    let wanted = |part: &&Part| {
        address.paragraph.is_none_or(|paragraph| paragraph == Number::new(part.paragraph))
            && address.item.is_none_or(|item| part.item == Some(item))
            && address.point.is_none_or(|point| part.point == Some(point))
    };
    let first = parts.iter().find(wanted)?;
    // Where no 款 is named, the first that has such an item.
    let same = |part: &&Part| wanted(part) && part.paragraph == first.paragraph;
    let last = parts.iter().rfind(same)?;
    Some(Span::new(first.span.start.max(body), last.span.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        parts(text)
            .iter()
            .map(|part| format!("{}={}", part.address(), part.span.of(text).unwrap()))
            .collect()
    }

    #[test]
    fn paragraphs_are_counted_and_lists_belong_to_them() {
        assert_eq!(
            shown("第五条　甲。\n有下列情形的：\n（一）乙；\n1.丙；\n2.丁。\n（二）戊。\n前款己。"),
            [
                "第一款=甲。",
                "第二款=有下列情形的：",
                "第二款第（一）项=（一）乙；",
                "第二款第（一）项第1目=1.丙；",
                "第二款第（一）项第2目=2.丁。",
                "第二款第（二）项=（二）戊。",
                "第三款=前款己。",
            ]
        );
        // A list that goes on keeps what stands between.
        assert_eq!(
            shown("甲：\n（一）乙。\n续。\n（二）丙。\n丁。"),
            [
                "第一款=甲：",
                "第一款第（一）项=（一）乙。",
                "第一款第（一）项=续。",
                "第一款第（二）项=（二）丙。",
                "第二款=丁。"
            ]
        );
    }

    #[test]
    fn a_text_in_one_line() {
        assert_eq!(
            shown("有下列情形的，处罚：（一）乙；（二）丙，依照第（一）项；(三)丁。前款戊。"),
            [
                "第一款=有下列情形的，处罚：",
                "第一款第（一）项=（一）乙；",
                "第一款第（二）项=（二）丙，依照第（一）项；",
                "第一款第（三）项=(三)丁。",
                "第二款=前款戊。",
            ]
        );
        assert_eq!(
            shown("任务是： （一）监督； （二）防止。 前款规定。"),
            [
                "第一款=任务是：",
                "第一款第（一）项=（一）监督；",
                "第一款第（二）项=（二）防止。",
                "第二款=前款规定。"
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_list() {
        assert_eq!(shown("甲。\n二、三类疫病。"), ["第一款=甲。", "第二款=二、三类疫病。"]);
        assert_eq!(
            shown("甲：\n一、未满十八；\n二、十八以上。")[2],
            "第一款第（二）项=二、十八以上。"
        );
        assert_eq!(shown("甲：\n1. 乙\n2. 丙").len(), 3);
        assert_eq!(shown("1.5米以上。\n丙。"), ["第一款=1.5米以上。", "第二款=丙。"]);
        assert_eq!(shown(""), Vec::<String>::new());
    }

    #[test]
    fn a_place_and_its_address_agree() {
        let text = "第五条　甲。\n有下列情形的：\n（一）乙；\n（二）戊。\n前款己。";
        for (address, wanted) in [
            ("第一款", "甲。"),
            ("第二款", "有下列情形的：\n（一）乙；\n（二）戊。"),
            ("第二款第（二）项", "（二）戊。"),
            ("第三款", "前款己。"),
        ] {
            let address: Address = address.parse().unwrap();
            let span = place_of(text, &address).unwrap();
            assert_eq!(span.of(text), Some(wanted));
            assert_eq!(address_of(text, span), address);
        }
        assert_eq!(place_of(text, &"第四款".parse().unwrap()), None);
        let two = Span::new(text.find("甲").unwrap(), text.find("乙").unwrap());
        assert_eq!(address_of(text, two), Address::default());
        // One 款 only: it is not named.
        let text = "甲：\n（一）乙；\n（二）丙。";
        let span = place_of(text, &"第一款第二项".parse().unwrap()).unwrap();
        assert_eq!(address_of(text, span).to_string(), "第（二）项");
    }
}
