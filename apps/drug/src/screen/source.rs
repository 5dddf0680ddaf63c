//! The reader of a library as the belt's source.

use sha2::Sha256;
use strata_core::stream::{RecordError, Source, SourceError};

use crate::input::{Record, RecordReader};
use crate::output::{RowWriter, Schema};

/// Records with their row numbers.
pub(crate) struct LibrarySource {
    reader: Box<dyn RecordReader>,
}

impl LibrarySource {
    pub(crate) fn new(reader: Box<dyn RecordReader>) -> Self {
        Self { reader }
    }
}

impl Source for LibrarySource {
    type Record = Record;

    fn next_record(&mut self) -> Result<Option<Record>, SourceError> {
        self.reader.next_record().map_err(Into::into)
    }

    fn digest(record: &Record, hasher: &mut Sha256) {
        record.digest(hasher);
    }

    fn fraction(&self) -> Option<f64> {
        self.reader.fraction()
    }
}

/// Starts a record's output row: the given columns.
pub(crate) fn write_given(record: &Record, schema: &Schema, row: &mut RowWriter<'_>) {
    (0..schema.given).for_each(|column| row.text(record.value(column)));
}

/// Starts the row of a record that failed: the given columns, no canonical SMILES, code and text.
pub(crate) fn write_failed(
    record: &Record,
    schema: &Schema,
    error: &RecordError,
    row: &mut RowWriter<'_>,
) {
    write_given(record, schema, row);
    row.null();
    row.text(&error.code);
    row.text(&error.message);
}
