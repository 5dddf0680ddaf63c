//! What became of each file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Troubles of a file that are listed one by one; the rest is counted.
const LISTED: usize = 20;

/// What went wrong with a record, or could not be read of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Record of the file, from 1; 0 means the file.
    pub record: u64,
    /// Page, where there are pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Stable word for programs.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileReport {
    /// Name of the file.
    pub source: String,
    /// Documents that are new, or took the place of an older state.
    pub written: u64,
    /// Documents that were there already, the same.
    pub unchanged: u64,
    /// Documents whose text another document has.
    pub duplicates: u64,
    /// Documents that the file does not hold any more.
    pub removed: u64,
    /// Passages of what was written.
    pub units: u64,
    /// Records that could not be taken.
    pub failed: u64,
    /// What went wrong, or could be read in part only: the first twenty.
    pub troubles: Vec<Trouble>,
}

impl FileReport {
    /// Adds a trouble, within reason.
    pub fn trouble(&mut self, trouble: Trouble) {
        if self.troubles.len() < LISTED {
            self.troubles.push(trouble);
        }
    }
}

/// What became of everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IngestReport {
    /// Files, by name.
    pub files: BTreeMap<String, FileReport>,
}

impl IngestReport {
    /// The report of a file.
    pub fn file(&mut self, source: &str) -> &mut FileReport {
        self.files
            .entry(source.to_owned())
            .or_insert_with(|| FileReport { source: source.to_owned(), ..FileReport::default() })
    }

    /// All files together, under the name `total`.
    #[must_use]
    pub fn total(&self) -> FileReport {
        let mut total = FileReport { source: "total".to_owned(), ..FileReport::default() };
        for file in self.files.values() {
            total.written += file.written;
            total.unchanged += file.unchanged;
            total.duplicates += file.duplicates;
            total.removed += file.removed;
            total.units += file.units;
            total.failed += file.failed;
        }
        total
    }
}
