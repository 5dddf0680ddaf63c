//! The address of a passage: 编, 章, 节, 条, 款, 项, 目 of a law, or the levels of a notice (一、（一）1.).

use serde::{Deserialize, Serialize};

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
