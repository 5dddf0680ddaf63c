//! Settings of government document Q&A beside those of every server.

use std::path::PathBuf;

strata_serve::settings_section! {
    /// Government document Q&A.
    pub struct GovSection in "gov" {
        /// The index, made by `strata-gov ingest`; made anew where there is none.
        index: Option<PathBuf> = None, common true;
        /// Log of who asked what and what was cited; `strata-gov audit verify` checks it.
        audit: Option<PathBuf> = None, common true;
        /// Scenario files beside the built-in ones; each is known by the name inside.
        scenarios: Vec<PathBuf> = Vec::new(), common true;
        /// Model of vectors for a new index; "none" searches by words alone.
        retriever: String = "gov-retriever".to_owned(), common false;
        /// File that what readers say of answers is appended to, as JSON lines.
        feedback: Option<PathBuf> = None, common false;
    }
}
