//! Ingestion: files become documents of an index, on the record stream. What is in the index unchanged is passed over, so
//! that a run that was stopped or killed is simply run again.

mod job;
mod report;
mod sink;
mod source;
mod stages;

pub use job::{AsWhom, COMMIT_EVERY, IngestError, IngestJob, Ingested, PART, ingest, put};
pub use report::{FileReport, IngestReport, Trouble};
pub(crate) use sink::TAKEN;
pub use source::list;
