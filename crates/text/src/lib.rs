//! Text kit: files in, documents with their structure and addresses; documents in, an index that is searched by words
//! and by meaning as of a date, within what the reader may see; questions in, verbatim spans or a refusal.
//! Pure: no network, no clock.

pub mod address;
#[cfg(feature = "models")]
pub mod choose;
#[cfg(feature = "models")]
pub mod classify;
pub mod date;
pub mod document;
#[cfg(feature = "models")]
pub mod embed;
pub mod fusion;
pub mod index;
pub mod mask;
pub mod metrics;
pub mod read;
#[cfg(feature = "models")]
pub mod reader;
#[cfg(feature = "models")]
pub mod refuse;
#[cfg(feature = "models")]
pub mod rerank;
pub mod span;
pub mod structure;
pub mod tokenize;
