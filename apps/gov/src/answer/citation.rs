//! Citations: a verbatim span of a document with its address, checked against the stored text before it leaves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_text::address::Address;
use strata_text::date::Date;
use strata_text::document::{Document, Status, Validity};
use strata_text::index::{Snapshot, Viewer};
use strata_text::span::Span;
use strata_text::structure;

use crate::audit::Cited;

/// A citation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Citation {
    /// Document.
    pub doc_id: String,
    /// Its title.
    pub title: String,
    /// 发文字号.
    #[serde(rename = "文号", default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Issuing body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Version, as the text names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Address, outermost first: `第二章 劳动合同的订立`, `第十条`, `第一款`.
    pub path: Vec<String>,
    /// The words, exactly as the document has them.
    pub quote: String,
    /// First character in the document's text.
    pub char_start: usize,
    /// The character behind the last.
    pub char_end: usize,
    /// Page, where the document has pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// How the text stands on the day asked for.
    pub status: StatusName,
    /// First day in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// First day no longer in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_to: Option<String>,
    /// Name of the file it came from.
    pub source: String,
    /// How well the passage fits the question; comparable within one answer.
    pub score: f32,
    /// The passage of the document, for programs.
    pub unit: usize,
}

/// How a text stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// 现行.
    InForce,
    /// 已修改.
    Amended,
    /// 废止.
    Repealed,
    /// 尚未施行.
    NotYet,
}

impl StatusName {
    /// As an office says it.
    #[must_use]
    pub fn chinese(self) -> &'static str {
        match self {
            Self::InForce => "现行",
            Self::Amended => "已修改",
            Self::Repealed => "废止",
            Self::NotYet => "尚未施行",
        }
    }
}

impl From<Status> for StatusName {
    fn from(status: Status) -> Self {
        match status {
            Status::InForce => Self::InForce,
            Status::Amended => Self::Amended,
            Status::Repealed => Self::Repealed,
            Status::NotYet => Self::NotYet,
        }
    }
}

/// Where a citation comes from: the state of the index, and the day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) viewer: &'a Viewer,
    pub(crate) as_of: Date,
}

impl Ground<'_> {
    /// The days a passage is in force, and how it stands on the day.
    pub(crate) fn standing(&self, id: &str, unit: usize) -> Option<(Validity, Status)> {
        let validity = self.snapshot.validity(id, unit, self.viewer)?;
        let superseded = self.snapshot.summary(id, self.viewer)?.superseded;
        Some((validity, structure::status(validity, superseded, self.as_of)))
    }
}

impl Citation {
    /// Cites a place of a document. `None` where the place is no text of it: then there is nothing to cite.
    pub(crate) fn new(
        ground: Ground<'_>,
        document: &Document,
        (unit, span): (usize, Span),
        score: f32,
    ) -> Option<Self> {
        let span = span.trimmed(&document.text);
        let quote = span.of(&document.text)?.to_owned();
        let chars = span.chars(&document.text)?;
        let address = structure::locate(document, unit, span);
        let (validity, status) = ground.standing(&document.id, unit)?;
        let page = document.pages.iter().find(|page| span.start < page.span.end);
        Some(Self {
            doc_id: document.id.clone(),
            title: document.title.clone(),
            number: document.number.clone(),
            issuer: document.issuer.clone(),
            version: document.version.clone(),
            path: path_of(document, unit, &address),
            quote,
            char_start: chars.start,
            char_end: chars.end,
            page: page.map(|page| page.number),
            status: status.into(),
            effective_from: validity.from.map(|day| day.to_string()),
            effective_to: validity.to.map(|day| day.to_string()),
            source: document.source.clone(),
            score,
            unit,
        })
    }

    /// Whether the document has these words in this place.
    pub(crate) fn holds(&self, document: &Document) -> bool {
        Span::from_chars(&document.text, self.char_start..self.char_end)
            .and_then(|span| span.of(&document.text))
            .is_some_and(|text| !text.is_empty() && text == self.quote)
    }

    /// Address in one word: `第十条第一款`.
    #[must_use]
    pub fn address(&self) -> String {
        self.path.iter().filter(|part| !part.contains(' ')).map(String::as_str).collect()
    }

    /// Whether it is in force on the day asked for.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.status == StatusName::InForce
    }

    /// For the audit log.
    #[must_use]
    pub fn cited(&self) -> Cited {
        Cited {
            document: self.doc_id.clone(),
            version: self.version.clone().or_else(|| self.effective_from.clone()),
            address: self.address(),
            char_start: self.char_start,
            char_end: self.char_end,
        }
    }
}

/// Headings with their words, then the numbers below them.
fn path_of(document: &Document, unit: usize, address: &Address) -> Vec<String> {
    let headings = document.units.get(unit).map(|unit| unit.headings.clone()).unwrap_or_default();
    headings.into_iter().chain(address.from_article().path()).collect()
}
