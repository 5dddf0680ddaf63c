//! Parquet with typed columns, in row groups small enough for bounded memory.

use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use strata_cli::atomic::AtomicFile;

use super::{Cell, OutKind, OutputError, Schema, TableWriter};

/// Rows encoded at once.
const BATCH_ROWS: usize = 2048;
/// Rows whose encoded pages wait in memory.
const GROUP_ROWS: usize = 32 * 1024;

/// A column while its rows come in.
enum Builder {
    Text(StringBuilder),
    Float(Float64Builder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
}

impl Builder {
    fn new(kind: OutKind) -> Self {
        match kind {
            OutKind::Text => Self::Text(StringBuilder::new()),
            OutKind::Float => Self::Float(Float64Builder::new()),
            OutKind::Integer => Self::Integer(Int64Builder::new()),
            OutKind::Boolean => Self::Boolean(BooleanBuilder::new()),
        }
    }

    /// Adds a value. A given number or truth value comes as the text it was read as.
    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (Self::Text(builder), Cell::Null) => builder.append_null(),
            (Self::Text(builder), cell) => builder.append_value(cell.to_string()),
            (Self::Float(builder), Cell::Text(text)) => builder.append_option(text.parse().ok()),
            (Self::Float(builder), cell) => builder.append_option(cell.number()),
            (Self::Integer(builder), Cell::Integer(value)) => builder.append_value(value),
            (Self::Integer(builder), cell) => builder.append_option(cell.text().parse().ok()),
            (Self::Boolean(builder), cell) => builder.append_option(cell.text().parse().ok()),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Float(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Boolean(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Writes a table as Parquet.
pub(super) struct ParquetTable {
    writer: ArrowWriter<AtomicFile>,
    schema: SchemaRef,
    builders: Vec<Builder>,
    rows: usize,
    name: String,
}

impl ParquetTable {
    pub(super) fn new(path: &Path, schema: &Schema) -> Result<Self, OutputError> {
        let name = path.display().to_string();
        let failed = |source| OutputError::Parquet { name: name.clone(), source };
        let field = |column: &super::OutColumn| {
            let kind = match column.kind {
                OutKind::Text => DataType::Utf8,
                OutKind::Float => DataType::Float64,
                OutKind::Integer => DataType::Int64,
                OutKind::Boolean => DataType::Boolean,
            };
            Field::new(&column.name, kind, true)
        };
        let fields: Vec<Field> = schema.columns.iter().map(field).collect();
        let arrow = Arc::new(arrow_schema::Schema::new(fields));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let file = AtomicFile::create(path)
            .map_err(|source| OutputError::Io { name: name.clone(), source })?;
        let writer =
            ArrowWriter::try_new(file, Arc::clone(&arrow), Some(properties)).map_err(failed)?;
        let builders = schema.columns.iter().map(|column| Builder::new(column.kind)).collect();
        Ok(Self { writer, schema: arrow, builders, rows: 0, name })
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        let columns = self.builders.iter_mut().map(Builder::finish).collect();
        self.rows = 0;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| ParquetError::General(error.to_string()))
            .and_then(|batch| self.writer.write(&batch))
            .map_err(|source| OutputError::Parquet { name: self.name.clone(), source })
    }
}

impl TableWriter for ParquetTable {
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), OutputError> {
        for (builder, &cell) in self.builders.iter_mut().zip(cells) {
            builder.push(cell);
        }
        self.rows += 1;
        if self.rows == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>, notes: &[(String, String)]) -> Result<(), OutputError> {
        if self.rows > 0 {
            self.flush()?;
        }
        for (key, value) in notes {
            self.writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        let name = self.name;
        let file = self
            .writer
            .into_inner()
            .map_err(|source| OutputError::Parquet { name: name.clone(), source })?;
        file.commit().map_err(|source| OutputError::Io { name, source })
    }
}
