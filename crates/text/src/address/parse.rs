//! Addresses out of text: `第一百二十条之一第二款第（三）项`, `附件1第三条`, `一、（二）3.`

use super::numeral::{chinese_numeral, is_digit, leading_numeral, parse_numeral};
use super::{Address, Number};
use crate::structure::marker::{Class, marker};

/// A level of a law, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 编.
    Book,
    /// 分编.
    Part,
    /// 章.
    Chapter,
    /// 节.
    Section,
    /// 条.
    Article,
    /// 款.
    Paragraph,
    /// 项.
    Item,
    /// 目.
    Point,
}

impl Level {
    /// Every level, outermost first.
    pub const ALL: [Self; 8] = [
        Self::Book,
        Self::Part,
        Self::Chapter,
        Self::Section,
        Self::Article,
        Self::Paragraph,
        Self::Item,
        Self::Point,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Book => "编",
            Self::Part => "分编",
            Self::Chapter => "章",
            Self::Section => "节",
            Self::Article => "条",
            Self::Paragraph => "款",
            Self::Item => "项",
            Self::Point => "目",
        }
    }

    fn leading(text: &str) -> Option<Self> {
        Some(match text.chars().next()? {
            '编' => Self::Book,
            '分' if text.starts_with("分编") => Self::Part,
            '章' => Self::Chapter,
            '节' => Self::Section,
            '条' => Self::Article,
            '款' => Self::Paragraph,
            '项' => Self::Item,
            '目' => Self::Point,
            _ => return None,
        })
    }
}

/// One step of an address at the beginning of a text (`第一百二十条之一`, `第（三）项`, `（三）项`): its level, number, and
/// bytes.
#[must_use]
pub fn leading_step(text: &str) -> Option<(Level, Number, usize)> {
    let ordinal = text.starts_with('第');
    let mut at = if ordinal { '第'.len_utf8() } else { 0 };
    at += spaces(&text[at..]);
    let bracket = text[at..].chars().next().filter(|c| matches!(c, '（' | '('));
    if !ordinal && bracket.is_none() {
        return None;
    }
    at += bracket.map_or(0, char::len_utf8);
    let (value, used) = leading_numeral(&text[at..])?;
    at += used;
    if bracket.is_some() {
        let close = text[at..].chars().next().filter(|c| matches!(c, '）' | ')'))?;
        at += close.len_utf8();
    }
    at += spaces(&text[at..]);
    let level = Level::leading(&text[at..])?;
    if value == 0 || (bracket.is_some() && level < Level::Paragraph) {
        return None;
    }
    at += level.word().len();
    let mut number = Number::new(value);
    if level <= Level::Article
        && let Some(rest) = text[at..].strip_prefix('之')
        && let Some((inserted, used)) = leading_numeral(rest)
        && inserted > 0
    {
        number.inserted = inserted;
        at += '之'.len_utf8() + used;
    }
    Some((level, number, at))
}

fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\u{3000}']).len()
}

/// The address a text begins with, 编 to 目, each level below the one before; and how many bytes it takes.
#[must_use]
pub fn leading_address(text: &str) -> Option<(Address, usize)> {
    let mut address = Address::default();
    let (mut at, mut last) = (0, None);
    while let Some((level, number, used)) = leading_step(&text[at..]) {
        if last.is_some_and(|last| level <= last) {
            break;
        }
        *address.level_mut(level) = Some(number);
        (at, last) = (at + used, Some(level));
    }
    last.map(|_| (address, at))
}

/// The address that a text is: `第10条`, `第一百二十条之一第二款第（三）项`, `附件1第三条`, `一、（二）`. `None` where there is
/// anything else in it.
#[must_use]
pub fn parse_address(text: &str) -> Option<Address> {
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (annex, mut rest) = leading_annex(&compact);
    let mut address = Address::default();
    if let Some((found, used)) = leading_address(rest) {
        (address, rest) = (found, &rest[used..]);
    } else if let (None, Some(level)) = (&annex, bare_level(rest)) {
        (address.levels, rest) = (vec![level], "");
    } else {
        // Each level is of a deeper kind than the one it stands in.
        let mut last = None;
        while let Some(found) = marker(rest).filter(|found| last < Some(found.class)) {
            // Behind an annex its digits would run into the annex's own.
            if last.is_none() && annex.is_some() && found.class == Class::Dot {
                break;
            }
            last = Some(found.class);
            address.levels.push(found.label());
            rest = &rest[found.len..];
        }
    }
    address.annex = annex;
    (rest.is_empty() && address != Address::default()).then_some(address)
}

/// `三、` for the numeral `三`, where that is how a level of a notice begins.
fn bare_level(text: &str) -> Option<String> {
    let value = parse_numeral(text).filter(|_| !text.contains(is_digit))?;
    let level = format!("{}、", chinese_numeral(value));
    marker(&level).is_some_and(|found| found.len == level.len()).then_some(level)
}

/// The annex a text begins with (`附件1`, `附件`, `附录二`), in digits, and what follows.
#[must_use]
pub fn leading_annex(text: &str) -> (Option<String>, &str) {
    for word in ["附件", "附录", "附表", "附"] {
        let Some(rest) = text.strip_prefix(word) else { continue };
        let rest = rest.trim_start_matches([' ', '\u{3000}']);
        return match leading_numeral(rest) {
            Some((number, used)) if number > 0 => (Some(format!("{word}{number}")), &rest[used..]),
            _ => (Some(word.to_owned()), rest),
        };
    }
    (None, text)
}
