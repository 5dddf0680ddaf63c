//! What an index says of a document without its text, on a day: a row of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_text::date::Date;
use strata_text::index::Summary;
use strata_text::structure;

use crate::answer::StatusName;

/// A document in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Shelved {
    /// Identifier.
    pub id: String,
    /// Title.
    pub title: String,
    /// Kind.
    pub kind: String,
    /// 发文字号.
    #[serde(rename = "文号", default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// First day in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// First day no longer in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_to: Option<String>,
    /// How it stands on the day.
    pub status: StatusName,
    /// Departments that may see it; empty means everybody.
    pub labels: Vec<String>,
    /// Passages.
    pub units: usize,
    /// File it came from.
    pub source: String,
}

impl Shelved {
    /// A document as it stands on a day.
    #[must_use]
    pub fn new(summary: Summary, as_of: Date) -> Self {
        let kind = serde_json::to_value(summary.kind).ok();
        let status = structure::status(summary.validity, summary.superseded, as_of);
        Self {
            id: summary.id.to_string(),
            kind: kind.and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default(),
            title: summary.title,
            number: summary.number,
            version: summary.version,
            effective_from: summary.validity.from.map(|day| day.to_string()),
            effective_to: summary.validity.to.map(|day| day.to_string()),
            status: status.into(),
            labels: summary.labels,
            units: summary.units,
            source: summary.source,
        }
    }
}
