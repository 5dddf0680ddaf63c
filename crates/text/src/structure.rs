//! From a reader's text to a document: what it says of itself, and passages with addresses. Never fails: a text that
//! shows no structure becomes paragraphs.

pub mod article;
mod build;
mod cases;
mod dates;
mod guide;
mod law;
mod law_names;
mod lines;
mod locate;
pub(crate) mod marker;
mod mention;
mod meta;
pub mod number;
mod reference;
pub mod region;
mod region_table;
mod relation;
mod scan;
mod sections;
mod table;
mod title;
pub mod versions;

pub use build::{BuildOptions, build};
pub use locate::{canonical, locate, parse_in, resolve, verify_quote};
pub use number::DocumentNumber;
pub use reference::{Citation, Reference, citations, references};
pub use title::{split_record, version, work_name};
pub use versions::status;

use crate::document::Page;
pub(crate) use scan::is_han as is_han_character;

/// What the builders of passages share.
pub(crate) struct Context<'a> {
    pub(crate) text: &'a str,
    pub(crate) title: &'a str,
    pub(crate) pages: &'a [Page],
    pub(crate) options: &'a BuildOptions,
}

impl Context<'_> {
    /// The page a byte is on.
    pub(crate) fn page(&self, at: usize) -> Option<u32> {
        let behind = self.pages.partition_point(|page| page.span.start <= at);
        self.pages.get(behind.checked_sub(1)?).map(|page| page.number)
    }
}
