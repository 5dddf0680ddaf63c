//! Readers of molecule libraries: `.smi`, `.csv`, `.tsv`, `.sdf` (each also `.gz`), `.parquet`, and
//! standard input. Every row of the input is one [`Record`], broken ones included.
//!
//! Blank lines between rows are no rows. What a row lacks reads as an empty value.

mod columns;
mod delimited;
mod line;
mod open;
mod parquet;
mod sdf;
mod smi;
mod structure;

use std::borrow::Cow;

use strata_core::stream::RecordError;

pub use columns::{Column, ColumnKind, Layout};
pub use open::{Format, InputSpec, open};
pub use structure::{record_error, structure};

/// Longest line, field set or SDF record that is read; longer ones are row errors.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Why an input cannot be read (on).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The file cannot be opened or read.
    #[error("cannot read {name}: {source}")]
    Io {
        /// The input, as given.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// Neither the name nor the content says what the input is.
    #[error("cannot tell the format of {name}: add --format smi|csv|tsv|sdf|parquet")]
    UnknownFormat {
        /// The input, as given.
        name: String,
    },
    /// No column holds molecules.
    #[error(
        "{name} has no SMILES column{asked}; its columns are: {found}. Name one with --smiles-column, or use --format smi for a file without a header"
    )]
    NoSmilesColumn {
        /// The input, as given.
        name: String,
        /// What was asked for, such as ` named "SMI"`.
        asked: String,
        /// The columns that are there.
        found: String,
    },
    /// The column named as identifier is not there.
    #[error("{name} has no column named {column:?} (--id-column); its columns are: {found}")]
    NoIdColumn {
        /// The input, as given.
        name: String,
        /// What was asked for.
        column: String,
        /// The columns that are there.
        found: String,
    },
    /// The head of the file does not fit its format.
    #[error("{name} is not readable as {format}: {why}")]
    Malformed {
        /// The input, as given.
        name: String,
        /// The format it was read as.
        format: &'static str,
        /// What does not fit.
        why: String,
    },
}

/// A reader of records, in order.
pub trait RecordReader: Send {
    /// The given columns, and which hold the structure and the identifier.
    fn layout(&self) -> &Layout;

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// What keeps the input from being read on, such as a damaged archive. A broken row is no such
    /// error: it comes as a [`Record`] with [`Record::error`].
    fn next_record(&mut self) -> Result<Option<Record>, InputError>;

    /// How much of the input is read, from 0 to 1, where that can be told.
    fn fraction(&self) -> Option<f64>;
}

/// One row of an input: the text of its given columns, and its structure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    text: String,
    ends: Vec<u32>,
    /// The molecule as a mol block (SDF); otherwise it is in the SMILES column.
    pub molblock: Option<String>,
    /// What was wrong with the row before chemistry: its encoding, its number of fields, its size.
    pub error: Option<RecordError>,
}

impl Record {
    /// Adds the value of the next column.
    pub fn push(&mut self, value: &str) {
        self.text.push_str(value);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// Adds the value of the next column; bytes that are no UTF-8 become the row's error and
    /// U+FFFD in the text.
    pub fn push_bytes(&mut self, value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        if matches!(text, Cow::Owned(_)) && self.error.is_none() {
            let column = self.ends.len() + 1;
            let what = format!("column {column} is not UTF-8: convert the file, e.g. with iconv");
            self.error = Some(RecordError::new("encoding", what));
        }
        self.push(&text);
    }

    /// Fills the columns that are missing, so that the row has `columns` values.
    pub fn pad(&mut self, columns: usize) {
        while self.ends.len() < columns {
            self.push("");
        }
    }

    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The value of a column; empty where the row has none.
    #[must_use]
    pub fn value(&self, column: usize) -> &str {
        let Some(&end) = self.ends.get(column) else { return "" };
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        self.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The row's name for people: its identifier, else its row number counted from 1.
    #[must_use]
    pub fn id<'a>(&'a self, layout: &Layout, row: u64) -> Cow<'a, str> {
        match layout.id.map(|column| self.value(column)) {
            Some(id) if !id.is_empty() => Cow::Borrowed(id),
            _ => Cow::Owned(format!("row {}", row + 1)),
        }
    }

    /// Adds everything of the row to a digest, field boundaries included.
    pub fn digest(&self, hasher: &mut sha2::Sha256) {
        use sha2::Digest;
        hasher.update((self.ends.len() as u64).to_le_bytes());
        for end in &self.ends {
            hasher.update(end.to_le_bytes());
        }
        hasher.update(self.text.as_bytes());
        let block = self.molblock.as_deref().unwrap_or_default();
        hasher.update((block.len() as u64).to_le_bytes());
        hasher.update(block.as_bytes());
        let error = self.error.as_ref().map_or("", |error| error.code.as_ref());
        hasher.update((error.len() as u64).to_le_bytes());
        hasher.update(error.as_bytes());
    }
}
