//! What can go wrong: with a file as a whole ([`ReadError`]), or with one of its documents ([`RecordProblem`]).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::detect::Format;
use crate::document::Note;

/// A file that cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing in it.
    #[error("{name} is empty; was it copied to the end?")]
    Empty {
        /// The file.
        name: String,
    },
    /// Over the limit for its format.
    #[error(
        "{name} has {bytes} bytes; {format} files are read up to {limit}: divide it, or raise the limit"
    )]
    TooLarge {
        /// The file.
        name: String,
        /// What it is.
        format: Format,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A format that is not read.
    #[error("{name} is {format}: {remedy}")]
    Unsupported {
        /// The file.
        name: String,
        /// What it is.
        format: Format,
        /// What to do.
        remedy: &'static str,
    },
}

impl ReadError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "io",
            Self::Empty { .. } => "empty",
            Self::TooLarge { .. } => "too-large",
            Self::Unsupported { .. } => "unsupported",
        }
    }
}

/// A document of a file that could not be read; those before and behind it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("record {index}: {message}")]
pub struct RecordProblem {
    /// Which, from 0, counted with the good ones.
    pub index: usize,
    /// Stable code: `bad-json`, `no-text`, `record-too-long`, `damaged`, `encrypted`, `bomb`, `reader-failed` …
    pub code: String,
    /// For people, with the remedy.
    pub message: String,
}

/// A [`RecordProblem`] before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The bytes are not what the format asks for.
    pub(super) fn damaged(what: impl std::fmt::Display) -> Self {
        Self::new("damaged", format!("{what}; open it in its program, save it again and retry"))
    }

    pub(super) fn numbered(self, index: usize) -> RecordProblem {
        RecordProblem { index, code: self.code.to_owned(), message: self.message }
    }
}

/// A note on a page or on the whole document.
pub(super) fn note(page: Option<u32>, code: &str, message: impl Into<String>) -> Note {
    Note { page, code: code.to_owned(), message: message.into() }
}
