//! Text kit: files in, documents with their structure and addresses; documents in, an index that is searched by words
//! and by meaning as of a date, within what the reader may see; questions in, verbatim spans or a refusal.
//! Pure: no network, no clock.

pub mod address;
pub mod date;
pub mod document;
pub mod span;
