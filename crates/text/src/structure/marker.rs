//! Markers that lines of notices and lists begin with: `一、`, `（一）`, `1.`, `（1）`, `①`.

use crate::address::numeral::{is_digit, is_numeral, leading_numeral};

/// The sort of a marker, outermost first as official writing (GB/T 9704) nests them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// `一、`
    Comma,
    /// `（一）`
    Bracket,
    /// `1.`, `1、`, `⒈`
    Dot,
    /// `（1）`, `⑴`, `1）`
    BracketDigit,
    /// `①`
    Circle,
}

impl Class {
    /// Its depth, from 0.
    pub(crate) const fn depth(self) -> usize {
        self as usize
    }
}

/// A marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) class: Class,
    pub(crate) number: u32,
    /// Bytes.
    pub(crate) len: usize,
}

impl Marker {
    /// One way of writing it, whatever the text's was.
    pub(crate) fn label(self) -> String {
        use crate::address::chinese_numeral;
        match self.class {
            Class::Comma => format!("{}、", chinese_numeral(self.number)),
            Class::Bracket => format!("（{}）", chinese_numeral(self.number)),
            Class::Dot => format!("{}.", self.number),
            Class::BracketDigit => format!("（{}）", self.number),
            Class::Circle => char::from_u32(0x245F + self.number)
                .filter(|_| (1..=20).contains(&self.number))
                .map_or_else(|| format!("（{}）", self.number), String::from),
        }
    }
}

/// The marker a line begins with; the line has no white space before it.
pub(crate) fn marker(line: &str) -> Option<Marker> {
    doubtful_marker(line).and_then(|(found, sure)| sure.then_some(found))
}

/// The marker a line begins with, and whether it is surely one: `二、三类动物疫病` and `二、十八周岁以上的人` look the same, and
/// only what stands around them tells.
pub(crate) fn doubtful_marker(line: &str) -> Option<(Marker, bool)> {
    let first = line.chars().next()?;
    if let Some((class, number)) = single(first) {
        return Some((Marker { class, number, len: first.len_utf8() }, true));
    }
    let open = matches!(first, '（' | '(');
    if !open && !is_numeral(first) {
        return None;
    }
    let start = if open { first.len_utf8() } else { 0 };
    let (number, used) = leading_numeral(&line[start..])?;
    let digits = line[start..].starts_with(is_digit);
    let mut rest = line[start + used..].chars();
    let close = rest.next()?;
    let len = start + used + close.len_utf8();
    if !(1..=999).contains(&number) {
        return None;
    }
    if open {
        let class = if digits { Class::BracketDigit } else { Class::Bracket };
        // `（一）项` begins a reference.
        let item = line[len..].starts_with(['项', '目', '款']);
        return (matches!(close, '）' | ')') && !item)
            .then_some((Marker { class, number, len }, true));
    }
    let next = rest.next();
    // `1.5米` is a number.
    if digits && next.is_some_and(is_digit) {
        return None;
    }
    let sure = !next.is_some_and(|next| !digits && is_numeral(next) && !is_digit(next));
    let class = match (digits, close) {
        (false, '、' | '．') => Class::Comma,
        (true, '.' | '．' | '、') => Class::Dot,
        (true, '）' | ')') => Class::BracketDigit,
        _ => return None,
    };
    Some((Marker { class, number, len }, sure))
}

/// The markers of lines that follow each other; what only looks like one counts where it goes on from the last `一、`, or
/// begins what a later one goes on from. `last` is the number before the first line, or of the level it stands in.
pub(crate) fn markers<'a>(
    lines: impl Iterator<Item = &'a str>,
    last: Option<u32>,
) -> Vec<Option<Marker>> {
    let found: Vec<Option<(Marker, bool)>> = lines.map(doubtful_marker).collect();
    let mut next = None;
    let mut following = vec![None; found.len()];
    for (at, found) in found.iter().enumerate().rev() {
        following[at] = next;
        if let Some((found, _)) = found.filter(|(found, _)| found.class == Class::Comma) {
            next = Some(found.number);
        }
    }
    let mut last = last;
    let mut counts = |found: Marker, sure: bool, next: Option<u32>| {
        let takes = sure
            || last.is_some_and(|last| found.number == last + 1 || found.number == last)
            || found.number == 1 && next == Some(2);
        if takes && found.class == Class::Comma {
            last = Some(found.number);
        }
        takes
    };
    found
        .into_iter()
        .zip(following)
        .map(|(found, next)| {
            found.and_then(|(found, sure)| counts(found, sure, next).then_some(found))
        })
        .collect()
}

fn single(c: char) -> Option<(Class, u32)> {
    let code = u32::from(c);
    Some(match c {
        '①'..='⑳' => (Class::Circle, code - 0x245F),
        '⑴'..='⒇' => (Class::BracketDigit, code - 0x2473),
        '⒈'..='⒛' => (Class::Dot, code - 0x2487),
        '㈠'..='㈩' => (Class::Bracket, code - 0x321F),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_marker() {
        for (line, class, number) in [
            ("一、总体要求", Class::Comma, 1),
            ("十二、其他", Class::Comma, 12),
            ("（三）加强监管", Class::Bracket, 3),
            ("(三)加强监管", Class::Bracket, 3),
            ("㈢加强监管", Class::Bracket, 3),
            ("1.实施", Class::Dot, 1),
            ("１．本人", Class::Dot, 1),
            ("2、查处", Class::Dot, 2),
            ("⒊虐待案", Class::Dot, 3),
            ("（1）申请表", Class::BracketDigit, 1),
            ("3）申请表", Class::BracketDigit, 3),
            ("②复印件", Class::Circle, 2),
            ("二、2020年工作要点", Class::Comma, 2),
        ] {
            let found = marker(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((found.class, found.number), (class, number), "{line}");
        }
        let lines = ["一、一次性补贴", "（一）甲", "二、三类疫病", "四、五类", "文"];
        let found = markers(lines.into_iter(), None);
        assert_eq!(
            found.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, true, false, false]
        );
        for line in [
            "二、三类动物疫病呈暴发性流行时",
            "1.5米以上",
            "2020年",
            "（2020）京民初1号",
            "（一）项规定",
            "一切危害国家主权",
            "十八周岁",
            "（删去）",
            "",
            "一",
        ] {
            assert_eq!(marker(line), None, "{line}");
        }
    }
}
