//! The address of a passage: 编, 章, 节, 条, 款, 项, 目 of a law, or the levels of a notice (一、（一）1.).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub mod numeral;
mod parse;

pub use numeral::{chinese_numeral, leading_numeral, parse_numeral};
pub use parse::{Level, leading_address, leading_annex, leading_step, parse_address};

/// A number as a law gives it: `第一百二十条之一` is 120, inserted 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Number {
    /// The number.
    pub value: u32,
    /// The number behind 之, of what was inserted later; 0 where there is none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inserted: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

impl Number {
    /// A plain number.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self { value, inserted: 0 }
    }
}

/// Where a passage stands. What is not set is not known or does not exist there. Orders by reading order.
///
/// Shown as laws are cited, from the article on (`第五条第二款第（三）项`); `{:#}` shows 编 to 节 too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// 编: book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<Number>,
    /// 分编: part of a book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Number>,
    /// 章: chapter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chapter: Option<Number>,
    /// 节: section.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<Number>,
    /// 条: article; numbers run through a whole law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub article: Option<Number>,
    /// 款: paragraph, counted from 1 since texts don't number it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paragraph: Option<Number>,
    /// 项: item, `（一）`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<Number>,
    /// 目: point, `1.`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Number>,
    /// Levels of what is no law, outermost first: `一、`, `（一）`, `1.`, a heading, a table's row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Name of the annex it stands in: `附件1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annex: Option<String>,
}

impl Address {
    /// The address of an article.
    #[must_use]
    pub fn of_article(value: u32) -> Self {
        Self { article: Some(Number::new(value)), ..Self::default() }
    }

    /// The number at a level.
    #[must_use]
    pub const fn level(&self, level: Level) -> Option<Number> {
        match level {
            Level::Book => self.book,
            Level::Part => self.part,
            Level::Chapter => self.chapter,
            Level::Section => self.section,
            Level::Article => self.article,
            Level::Paragraph => self.paragraph,
            Level::Item => self.item,
            Level::Point => self.point,
        }
    }

    /// The number at a level, to be set.
    pub const fn level_mut(&mut self, level: Level) -> &mut Option<Number> {
        match level {
            Level::Book => &mut self.book,
            Level::Part => &mut self.part,
            Level::Chapter => &mut self.chapter,
            Level::Section => &mut self.section,
            Level::Article => &mut self.article,
            Level::Paragraph => &mut self.paragraph,
            Level::Item => &mut self.item,
            Level::Point => &mut self.point,
        }
    }

    /// Sets a level and forgets those below it.
    pub fn enter(&mut self, level: Level, number: Number) {
        for below in Level::ALL.into_iter().filter(|&below| below > level) {
            *self.level_mut(below) = None;
        }
        *self.level_mut(level) = Some(number);
    }

    /// Whether nothing of it is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a place at `other` lies within the place of this address: everything set here is the same there.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        Level::ALL
            .into_iter()
            .all(|level| self.level(level).is_none_or(|own| other.level(level) == Some(own)))
            && other.levels.starts_with(&self.levels)
            && self.annex.as_ref().is_none_or(|own| other.annex.as_ref() == Some(own))
    }

    /// From the article on: what identifies a place within a law, as article numbers run through it.
    #[must_use]
    pub fn from_article(&self) -> Self {
        let mut short = self.clone();
        if short.article.is_some() {
            (short.book, short.part, short.chapter, short.section) = (None, None, None, None);
        }
        short
    }

    /// Its levels one by one, outermost first, as a reader sees them: `第二章`, `第五条`, `第二款`, `第（三）项`.
    #[must_use]
    pub fn path(&self) -> Vec<String> {
        let law = Level::ALL
            .into_iter()
            .filter_map(|level| self.level(level).map(|number| step_text(level, number)));
        self.annex.iter().cloned().chain(law).chain(self.levels.iter().cloned()).collect()
    }
}

fn step_text(level: Level, number: Number) -> String {
    let value = match level {
        Level::Item => format!("（{}）", chinese_numeral(number.value)),
        Level::Point => number.value.to_string(),
        _ => chinese_numeral(number.value),
    };
    let mut text = format!("第{value}{}", level.word());
    if number.inserted > 0 {
        text.push('之');
        text.push_str(&chinese_numeral(number.inserted));
    }
    text
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if f.alternate() { self.path() } else { self.from_article().path() };
        for (i, step) in shown.iter().enumerate() {
            // Markers bring their own punctuation; headings don't.
            let heading = i > 0
                && shown.get(i - 1).is_some_and(|before| {
                    !before.starts_with('第') && !before.ends_with(['、', '）', '.', ')'])
                })
                && !step.starts_with('第');
            f.write_str(if heading { " " } else { "" })?;
            f.write_str(step)?;
        }
        Ok(())
    }
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address; write it as 第五条, 第五条第二款 or 第五条第二款第（三）项")]
pub struct AddressError(pub String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse_address(text).ok_or_else(|| AddressError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_as_they_are_written() {
        for (text, shown) in [
            ("第十条", "第十条"),
            ("第10条", "第十条"),
            ("第１０条", "第十条"),
            ("第 十 条", "第十条"),
            ("第一百二十条之一第二款第（三）项", "第一百二十条之一第二款第（三）项"),
            ("第一百二十条之一第二款第(三)项第2目", "第一百二十条之一第二款第（三）项第2目"),
            ("第五条第三项", "第五条第（三）项"),
            ("第二章第五条", "第五条"),
            ("第二章", "第二章"),
            ("附件1第三条", "附件1第三条"),
            ("附件一第三条", "附件1第三条"),
            ("一、（二）3.", "一、（二）3."),
            ("（三）项", "第（三）项"),
            ("三", "三、"),
        ] {
            assert_eq!(
                parse_address(text).map(|a| a.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
        for text in [
            "",
            "第条",
            "第一",
            "第零条",
            "刑法第一条",
            "第一条规定",
            "第二款第一条",
            "第（一）条",
            "⒈⒈",
            "附件⒐",
            "附件222⒙",
            "〇",
            "二千",
        ] {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    #[test]
    fn a_place_lies_within_what_is_less_exact() {
        let article: Address = "第五条".parse().unwrap();
        let item: Address = "第五条第二款第（一）项".parse().unwrap();
        assert!(article.covers(&item));
        assert!(!item.covers(&article));
        assert!(article < item);
    }

    prop_compose! {
        fn number(inserted: bool)(value in 1u32..=99_999, extra in 0u32..=20) -> Number {
            Number { value, inserted: if inserted { extra } else { 0 } }
        }
    }

    proptest! {
        #[test]
        fn addresses_read_back(
            book in prop::option::of(number(true)),
            chapter in prop::option::of(number(true)),
            section in prop::option::of(number(true)),
            article in number(true),
            paragraph in prop::option::of(number(false)),
            item in prop::option::of(number(false)),
            point in prop::option::of(number(false)),
        ) {
            let address = Address {
                book, chapter, section, article: Some(article), paragraph, item, point,
                ..Address::default()
            };
            prop_assert_eq!(parse_address(&format!("{address:#}")), Some(address.clone()));
            prop_assert_eq!(parse_address(&address.to_string()), Some(address.from_article()));
        }

        #[test]
        fn no_text_is_too_strange(text in "[第一二十百千万条款项目章（）之零0１ 、.a]{0,12}") {
            let _ = (parse_address(&text), leading_step(&text), leading_numeral(&text));
        }
    }
}
