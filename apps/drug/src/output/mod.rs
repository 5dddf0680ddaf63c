//! Result tables: the columns, a row's compact form in the journal, and writers of CSV and Parquet.
//!
//! Computed numbers are rounded to a fixed number of decimals *before* anything else is done with
//! them, and written in the shortest form that reads back to the same `f64`. CSV, Parquet, score and
//! report therefore all hold the same numbers, on every machine.

mod csv;
mod parquet;
mod row;

use std::path::{Path, PathBuf};

use strata_cli::atomic;

use crate::input::{ColumnKind, Layout};

pub use row::{Cell, RowReader, RowWriter};

/// Why a result table cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A file cannot be written.
    #[error("cannot write {name}: {source}")]
    Io {
        /// The file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The Parquet library refused.
    #[error("cannot write {name} as Parquet: {source}")]
    Parquet {
        /// The file.
        name: String,
        /// Why.
        source: ::parquet::errors::ParquetError,
    },
    /// The name does not say how to write.
    #[error("cannot tell how to write {name}: end its name with .csv, .csv.gz or .parquet")]
    UnknownFormat {
        /// The file.
        name: String,
    },
    /// A row of the journal does not fit the columns.
    #[error(
        "row {row} of the unfinished results does not fit the columns: start again with --overwrite"
    )]
    Damaged {
        /// The row, from 0.
        row: u64,
    },
}

/// What a column of results holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutKind {
    /// Text.
    Text,
    /// Decimal numbers.
    Float,
    /// Whole numbers.
    Integer,
    /// Truth values.
    Boolean,
}

/// A column of results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutColumn {
    /// Its name, unique in its table.
    pub name: String,
    /// What it holds.
    pub kind: OutKind,
}

/// The columns of a result table: the given ones first, then the computed ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// All columns.
    pub columns: Vec<OutColumn>,
    /// How many of them were given.
    pub given: usize,
}

impl Schema {
    /// Given columns, then computed ones. A given column with the name of a computed one gets `_in`
    /// behind its name, as often as needed.
    #[must_use]
    pub fn new(layout: &Layout, computed: Vec<OutColumn>) -> Self {
        let mut columns: Vec<OutColumn> = Vec::with_capacity(layout.columns.len() + computed.len());
        for column in &layout.columns {
            let mut name = column.name.clone();
            while computed.iter().any(|other| other.name == name)
                || columns.iter().any(|other| other.name == name)
                || (name != column.name && layout.columns.iter().any(|other| other.name == name))
            {
                name.push_str("_in");
            }
            let kind = match column.kind {
                ColumnKind::Text => OutKind::Text,
                ColumnKind::Integer => OutKind::Integer,
                ColumnKind::Float => OutKind::Float,
                ColumnKind::Boolean => OutKind::Boolean,
            };
            columns.push(OutColumn { name, kind });
        }
        let given = columns.len();
        columns.extend(computed);
        Self { columns, given }
    }

    /// The position of a column.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// Rounds to a number of decimals; a negative zero becomes zero.
#[must_use]
pub fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    let rounded = (value * scale).round() / scale;
    // A value too large to scale is as round as it can be.
    if rounded.is_finite() { rounded + 0.0 } else { value }
}

/// A writer of result tables, row by row.
pub trait TableWriter {
    /// Writes a row: one cell a column.
    ///
    /// # Errors
    /// Where the file cannot be written.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OutputError>;

    /// Writes what is left and the notes that go into the file where its format has a place for
    /// them, then puts the file in its place.
    ///
    /// # Errors
    /// Where the file cannot be written.
    fn finish(self: Box<Self>, notes: &[(String, String)]) -> Result<(), OutputError>;
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutFormat {
    /// Comma-separated, with a header.
    Csv,
    /// The same, compressed.
    CsvGz,
    /// Apache Parquet.
    Parquet,
}

impl OutFormat {
    /// The format a file's name asks for.
    ///
    /// # Errors
    /// [`OutputError::UnknownFormat`].
    pub fn of(path: &Path) -> Result<Self, OutputError> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        match () {
            () if name.ends_with(".csv") => Ok(Self::Csv),
            () if name.ends_with(".csv.gz") => Ok(Self::CsvGz),
            () if name.ends_with(".parquet") || name.ends_with(".pq") => Ok(Self::Parquet),
            () => Err(OutputError::UnknownFormat { name: path.display().to_string() }),
        }
    }
}

/// Opens a table for writing. Nothing is seen under its name before [`TableWriter::finish`].
///
/// # Errors
/// Where the file cannot be made.
pub fn create(path: &Path, schema: &Schema) -> Result<Box<dyn TableWriter>, OutputError> {
    Ok(match OutFormat::of(path)? {
        OutFormat::Csv => Box::new(csv::CsvTable::plain(path, schema)?),
        OutFormat::CsvGz => Box::new(csv::CsvTable::zipped(path, schema)?),
        OutFormat::Parquet => Box::new(parquet::ParquetTable::new(path, schema)?),
    })
}

/// The name of a result with something behind it: `OUT.partial`.
pub(crate) fn beside(out: &Path, suffix: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes where a result comes from to `OUT.provenance.json`, for a format that has no place for it.
pub(crate) fn write_note_beside(out: &Path, json: &str) -> Result<(), OutputError> {
    if OutFormat::of(out)? == OutFormat::Parquet {
        return Ok(());
    }
    write_whole(&beside(out, ".provenance.json"), format!("{json}\n").as_bytes())
}

/// Writes a file that is seen only when it is whole.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    atomic::write_whole(path, bytes)
        .map_err(|source| OutputError::Io { name: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_gives_short_numbers_and_no_negative_zero() {
        assert_eq!(round(0.123_456_789, 4).to_string(), "0.1235");
        assert_eq!(round(-0.000_01, 4).to_string(), "0");
        assert_eq!(round(1e300, 4), 1e300);
        assert!(round(f64::NAN, 4).is_nan());
    }
}
