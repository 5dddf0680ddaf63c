//! What a file becomes: first its text with pages and blocks ([`Extract`]), then a document with what it says of itself
//! and the passages that are searched and cited ([`Document`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::date::Date;
use crate::span::Span;

/// One document as a reader took it from a file: text, and where its parts are in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extract {
    /// Its own identifier, where the file gives one (`id` of a JSON line).
    pub id: Option<String>,
    /// Title, where the file gives one apart from the text.
    pub title: Option<String>,
    /// The text, lines separated by `\n`. Every place in every answer is a place in this.
    pub text: String,
    /// Pages, in order; none where the format has no pages.
    pub pages: Vec<Page>,
    /// Blocks, in order of reading; they do not overlap. Empty means that every line is a paragraph.
    pub blocks: Vec<Block>,
    /// What the file says of the document, by [`declared`] keys; other keys are kept and shown.
    pub declared: BTreeMap<String, String>,
    /// What could not be read.
    pub notes: Vec<Note>,
}

/// Keys of [`Extract::declared`].
pub mod declared {
    /// 发文字号.
    pub const NUMBER: &str = "number";
    /// Issuing body.
    pub const ISSUER: &str = "issuer";
    /// Date of publication.
    pub const PUBLISHED: &str = "published";
    /// First day in force.
    pub const EFFECTIVE_FROM: &str = "effective_from";
    /// First day no longer in force.
    pub const EFFECTIVE_TO: &str = "effective_to";
    /// Region it applies to.
    pub const REGION: &str = "region";
    /// Departments that may see it, separated by `,`; absent or empty means everybody.
    pub const LABELS: &str = "labels";
    /// [`DocumentKind`](super::DocumentKind) by its name.
    pub const KIND: &str = "kind";
    /// Version: `2021修正`.
    pub const VERSION: &str = "version";
    /// Address within a work, where the record is one article of it: `第一条`.
    pub const ADDRESS: &str = "address";
    /// A case's question.
    pub const QUESTION: &str = "question";
    /// A case's reply.
    pub const REPLY: &str = "reply";
    /// The department that handled a case or offers a service.
    pub const DEPARTMENT: &str = "department";
}

/// A page of a paged format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Number, from 1.
    pub number: u32,
    /// Its text.
    pub span: Span,
}

/// A block of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it is.
    pub kind: BlockKind,
    /// Its text.
    pub span: Span,
}

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockKind {
    /// A heading; level 1 is the document's title or the outermost.
    Heading {
        /// Level, from 1.
        level: u8,
    },
    /// A paragraph.
    Paragraph,
    /// A row of a table; cells are separated by tabs.
    Row {
        /// Which table of the document, from 0 (sheets and slides have tables of their own).
        table: u32,
        /// Whether it is (part of) the header, which is repeated for every row when passages are made.
        header: bool,
    },
}

/// Something of a file that could not be read, or only in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Page, where there are pages.
    pub page: Option<u32>,
    /// Stable code: `scanned-page`, `bad-font`, `truncated` …
    pub code: String,
    /// For people, with the remedy.
    pub message: String,
}

/// What sort of document it is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// 法律, 行政法规, 规章, 办法: articles with numbers.
    Law,
    /// 通知, 意见, 公告: levels 一、（一）1.
    Notice,
    /// 办事指南.
    ServiceGuide,
    /// An encyclopaedia's entry.
    Encyclopaedia,
    /// 12345 case: question, reply, department.
    HotlineCase,
    /// Anything else.
    #[default]
    Other,
}

/// The days something holds: from the first, up to and without the second. An open end is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Validity {
    /// First day in force; unknown counts as always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// First day no longer in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
}

impl Validity {
    /// Whether it holds on a day.
    #[must_use]
    pub fn holds(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day < to)
    }

    /// The days both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let to = match (self.to, other.to) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { from: self.from.max(other.from), to }
    }
}

/// How a text stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// 现行: in force, and nothing newer is known.
    InForce,
    /// 已修改: a newer version of the work took its place.
    Amended,
    /// 废止: repealed, and no version took its place.
    Repealed,
    /// 尚未施行: comes into force later.
    NotYet,
}

/// A document with its passages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Identifier, unique in an index. Another version of a work is another document.
    pub id: String,
    /// What it is a version of: the title without 中华人民共和国, brackets and version marks. Versions of one
    /// work share it.
    pub work: String,
    /// Title.
    pub title: String,
    /// Kind.
    pub kind: DocumentKind,
    /// 发文字号.
    pub number: Option<String>,
    /// Issuing body.
    pub issuer: Option<String>,
    /// Region it applies to; `None` applies everywhere.
    pub region: Option<String>,
    /// Version as the text names it: `2021修正`.
    pub version: Option<String>,
    /// Date of publication.
    pub published: Option<Date>,
    /// The days it is in force by its own text; an index closes it when a newer version or a repeal comes in.
    pub validity: Validity,
    /// Departments that may see it; empty means everybody.
    pub labels: Vec<String>,
    /// What it does to other works.
    pub relations: Vec<Relation>,
    /// Everything else that was declared, for people.
    pub attributes: BTreeMap<String, String>,
    /// Name of the file it came from, for people.
    pub source: String,
    /// The text.
    pub text: String,
    /// Pages.
    pub pages: Vec<Page>,
    /// Passages, in order.
    pub units: Vec<Unit>,
    /// What could not be read.
    pub notes: Vec<Note>,
}

impl Document {
    /// A passage as models are shown it: the title, what it is searched with, its words. Empty where there is none.
    #[must_use]
    pub fn passage(&self, unit: usize) -> String {
        let Some(unit) = self.units.get(unit) else { return String::new() };
        let words = unit.span.of(&self.text).unwrap_or_default();
        let context = if unit.context.is_empty() { "" } else { "\n" };
        format!("{}。{}{context}{words}", self.title, unit.context)
    }
}

/// What a document does to another work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// What.
    pub kind: RelationKind,
    /// The other work ([`Document::work`]'s form), or its 发文字号.
    pub target: String,
    /// Where in the other work; `None` means all of it.
    pub address: Option<Address>,
    /// From which day.
    pub from: Option<Date>,
}

/// What a document does to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// 修订, 修正: takes its place.
    Amends,
    /// 废止: ends it.
    Repeals,
}

/// A passage: what is searched, scored and cited. An article of a law, a section of a notice, a row of a table, a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unit {
    /// What it is.
    pub kind: UnitKind,
    /// Its address.
    pub address: Address,
    /// Headings it stands under, outermost first: `第二章 劳动合同的订立`.
    pub headings: Vec<String>,
    /// Its text, a place in [`Document::text`].
    pub span: Span,
    /// What is searched with it but is no part of it, such as a table's header.
    pub context: String,
    /// Page its text begins on.
    pub page: Option<u32>,
    /// The days it is in force, where they differ from the document's.
    pub validity: Option<Validity>,
}

/// What a passage is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// 条.
    Article,
    /// A section of a notice, with its heading.
    Section,
    /// A row of a table.
    Row,
    /// A question and its reply.
    Case,
    /// A paragraph or a run of short ones.
    #[default]
    Paragraph,
}
