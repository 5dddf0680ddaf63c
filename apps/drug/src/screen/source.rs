//! The reader of a library as the belt's source.

use sha2::Sha256;
use strata_core::stream::{Source, SourceError};

use crate::input::{Record, RecordReader};

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
