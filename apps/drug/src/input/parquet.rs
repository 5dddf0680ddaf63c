//! `.parquet`: flat columns of any primitive type; the SMILES column must be text.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::Type;
use strata_core::stream::RecordError;

use super::columns::{ColumnKind, Wanted};
use super::{InputError, Layout, Record, RecordReader};

/// Reads Parquet files row by row, one row group's pages at a time.
pub(super) struct ParquetReader {
    rows: RowIter<'static>,
    name: String,
    layout: Layout,
    read: u64,
    total: u64,
}

impl ParquetReader {
    pub(super) fn new(file: File, wanted: &Wanted) -> Result<Self, InputError> {
        let name = wanted.input.clone();
        let malformed = |why: String| InputError::Malformed {
            name: wanted.input.clone(),
            format: "parquet",
            why,
        };
        // The Parquet library is not proof against every damaged file: a panic there is an error here.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            let reader = SerializedFileReader::new(file)?;
            let meta = reader.metadata().file_metadata();
            let total = u64::try_from(meta.num_rows()).unwrap_or(0);
            let schema = meta.schema().clone();
            Ok((schema, total, RowIter::from_file_into(Box::new(reader))))
        }));
        let (schema, total, rows) = opened
            .map_err(|_| malformed("the file is damaged".to_owned()))?
            .map_err(|error: parquet::errors::ParquetError| malformed(error.to_string()))?;
        let fields = schema.get_fields().iter();
        let layout = Layout::named(fields.map(|field| (field.name().to_owned(), kind(field))));
        Ok(Self { rows, name, layout: layout.resolve(wanted)?, read: 0, total })
    }
}

/// The kind of a column; whatever is neither number nor truth value is kept as text.
fn kind(field: &Type) -> ColumnKind {
    let info = field.get_basic_info();
    let plain = matches!(info.logical_type_ref(), None | Some(LogicalType::Integer { .. }));
    let converted = info.converted_type();
    let dated = matches!(
        converted,
        ConvertedType::DATE
            | ConvertedType::DECIMAL
            | ConvertedType::TIME_MILLIS
            | ConvertedType::TIME_MICROS
            | ConvertedType::TIMESTAMP_MILLIS
            | ConvertedType::TIMESTAMP_MICROS
            // Beyond i64.
            | ConvertedType::UINT_64
    );
    if !field.is_primitive() || !plain || dated {
        return ColumnKind::Text;
    }
    match field.get_physical_type() {
        Physical::BOOLEAN => ColumnKind::Boolean,
        Physical::INT32 | Physical::INT64 => ColumnKind::Integer,
        Physical::FLOAT | Physical::DOUBLE => ColumnKind::Float,
        _ => ColumnKind::Text,
    }
}

/// A row as text: numbers in the shortest form that reads back to the same value.
fn record(row: &Row) -> Record {
    let mut record = Record::default();
    for (_, field) in row.get_column_iter() {
        match field {
            Field::Null => record.push(""),
            Field::Str(text) => record.push(text),
            Field::Bytes(bytes) => record.push_bytes(bytes.data()),
            Field::Float(value) => record.push(&value.to_string()),
            Field::Double(value) => record.push(&value.to_string()),
            other => record.push(&other.to_string()),
        }
    }
    record
}

impl RecordReader for ParquetReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next_record(&mut self) -> Result<Option<Record>, InputError> {
        let next = catch_unwind(AssertUnwindSafe(|| self.rows.next()));
        let malformed = |why: String| InputError::Malformed {
            name: self.name.clone(),
            format: "parquet",
            why: format!("row {}: {why}", self.read + 1),
        };
        let row = match next {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(row))) => row,
            Ok(Some(Err(error))) => return Err(malformed(error.to_string())),
            Err(_) => return Err(malformed("the file is damaged".to_owned())),
        };
        self.read += 1;
        let mut record = record(&row);
        if record.len() != self.layout.columns.len() {
            let what = "the row does not have the columns of its file";
            record.error.get_or_insert_with(|| RecordError::new("ragged", what));
            record.pad(self.layout.columns.len());
        }
        Ok(Some(record))
    }

    fn fraction(&self) -> Option<f64> {
        (self.total > 0).then(|| self.read as f64 / self.total as f64)
    }
}
