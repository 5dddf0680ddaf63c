//! Questions and answers of an index: who asks, within what, and what is found.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::address::Address;
use crate::date::Date;
use crate::document::{DocumentKind, UnitKind, Validity};
use crate::fusion::Fusion;

/// Who asks. Documents without labels are everybody's; others are seen by whom one of their labels is given to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Viewer {
    /// Sees everything.
    pub all: bool,
    /// The labels given to them.
    pub labels: BTreeSet<String>,
}

impl Viewer {
    /// Sees everything.
    #[must_use]
    pub fn everything() -> Self {
        Self { all: true, labels: BTreeSet::new() }
    }

    /// Sees what is everybody's, and what has one of these labels.
    pub fn with_labels<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> Self {
        Self { all: false, labels: labels.into_iter().map(Into::into).collect() }
    }

    /// Whether they see a document with these labels.
    #[must_use]
    pub fn sees(&self, labels: &[String]) -> bool {
        self.all || labels.is_empty() || labels.iter().any(|label| self.labels.contains(label))
    }
}

/// Within what is searched. It holds inside both retrievers: what it leaves out is neither ranked nor counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Who asks.
    pub viewer: Viewer,
    /// The day whose law is asked for.
    pub as_of: Date,
    /// Also what is no longer, or not yet, in force on that day.
    pub include_not_in_force: bool,
    /// Where the case lies: what applies everywhere, there, or in a place whose name this begins with
    /// (`广东省` for `广东省广州市`). `None` asks for every region.
    pub region: Option<String>,
    /// Only these kinds; empty means all.
    pub kinds: BTreeSet<DocumentKind>,
    /// Only these works; empty means all.
    pub works: BTreeSet<String>,
    /// Only these documents; empty means all.
    pub documents: BTreeSet<String>,
}

impl Filter {
    /// What is in force on a day, everywhere.
    #[must_use]
    pub fn new(viewer: Viewer, as_of: Date) -> Self {
        Self {
            viewer,
            as_of,
            include_not_in_force: false,
            region: None,
            kinds: BTreeSet::new(),
            works: BTreeSet::new(),
            documents: BTreeSet::new(),
        }
    }
}

/// A question to [`Snapshot::search`](super::Snapshot::search).
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// Its words.
    pub text: &'a str,
    /// Its vector, by the model of the index; `None` searches by words alone.
    pub vector: Option<&'a [f32]>,
    /// How many passages are returned at most.
    pub top: usize,
    /// How many records each retriever hands to the fusion.
    pub depth: usize,
    /// How many passages of one record are returned at most. Articles, rows and cases are records of their own; a notice is
    /// one record of several passages.
    pub per_record: usize,
    /// Within what.
    pub filter: Filter,
    /// How the two rankings become one.
    pub fusion: Fusion,
}

impl<'a> Query<'a> {
    /// The ten best passages for some words, of 100 records of each retriever, three of a record at most.
    #[must_use]
    pub fn new(text: &'a str, filter: Filter) -> Self {
        Self {
            text,
            vector: None,
            top: 10,
            depth: 100,
            per_record: 3,
            filter,
            fusion: Fusion::default(),
        }
    }
}

/// A passage that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its document.
    pub doc: Arc<str>,
    /// Its number in [`Document::units`](crate::document::Document::units).
    pub unit: usize,
    /// What it is ranked by: the fused score of its record for the best passage of it, its own for others; without a
    /// vector the score by words. Fused scores compare within one answer only.
    pub score: f32,
    /// Score by words: see [`Scoring`](super::Scoring); `None` where no word of the question is in its record.
    pub lexical: Option<f32>,
    /// Dot product with the question's vector; `None` without one.
    pub dense: Option<f32>,
    /// Share of the question's words found in it, each weighed by its idf: 0 to 1.
    pub coverage: f32,
}

/// What is known of a document without reading it.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Identifier.
    pub id: Arc<str>,
    /// The work it is a version of.
    pub work: String,
    /// Title.
    pub title: String,
    /// Kind.
    pub kind: DocumentKind,
    /// 发文字号.
    pub number: Option<String>,
    /// Issuing body.
    pub issuer: Option<String>,
    /// Region; `None` applies everywhere.
    pub region: Option<String>,
    /// Version as the text names it.
    pub version: Option<String>,
    /// Date of publication.
    pub published: Option<Date>,
    /// The days it is in force, closed by newer versions and repeals.
    pub validity: Validity,
    /// Whether a newer version of the work took its place at the end of those days.
    pub superseded: bool,
    /// Departments that may see it.
    pub labels: Vec<String>,
    /// Name of the file it came from.
    pub source: String,
    /// Passages.
    pub units: usize,
}

/// A passage by its address.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitRef {
    /// Its document.
    pub doc: Arc<str>,
    /// Its number in the document.
    pub unit: usize,
    /// What it is.
    pub kind: UnitKind,
    /// Its address.
    pub address: Address,
    /// The days it is in force.
    pub validity: Validity,
}

/// Figures of an index. They count everything, hidden or not: for those who run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStats {
    /// Commits since the index was made.
    pub generation: u64,
    /// Documents.
    pub documents: usize,
    /// Passages.
    pub units: usize,
    /// Files of documents.
    pub segments: usize,
    /// Documents deleted or replaced whose bytes still wait to be dropped.
    pub deleted: usize,
    /// Bytes on the disk.
    pub bytes: u64,
    /// Numbers of a vector; 0 without vectors.
    pub dim: usize,
}
