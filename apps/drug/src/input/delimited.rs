//! `.csv` and `.tsv` with a header: quotes, doubled quotes and line breaks in fields as in RFC 4180.
//!
//! A row with too few or too many fields is a row error, and so is one longer than the limit (a
//! quote that is never closed), so that no input can make the reader grow without bound.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use strata_core::stream::RecordError;

use super::columns::{ColumnKind, Wanted};
use super::line::Meter;
use super::{InputError, Layout, MAX_RECORD_BYTES, Record, RecordReader};

const MAX_FIELDS: usize = 1 << 16;

/// Reads delimited text.
pub(super) struct DelimitedReader {
    input: Box<dyn BufRead + Send>,
    wanted: Wanted,
    meter: Meter,
    layout: Layout,
    parser: Reader,
    output: Vec<u8>,
    ends: Vec<usize>,
}

/// A row as it was cut into fields.
enum Row {
    Fields { ends: usize },
    TooLong,
    End,
}

impl DelimitedReader {
    pub(super) fn new(
        input: Box<dyn BufRead + Send>,
        delimiter: u8,
        meter: Meter,
        wanted: &Wanted,
    ) -> Result<Self, InputError> {
        let mut reader = Self {
            input,
            wanted: wanted.clone(),
            meter,
            layout: Layout::default(),
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            output: vec![0; 4096],
            ends: vec![0; 64],
        };
        let header = match reader.read_row()? {
            Row::Fields { ends } => {
                let fields = (0..ends).map(|at| String::from_utf8_lossy(reader.field(at)));
                fields.map(|name| (name.into_owned(), ColumnKind::Text)).collect()
            }
            // An empty file has no columns and no rows: nothing to complain about.
            Row::End => return Ok(reader),
            Row::TooLong => {
                let why = format!("its header is longer than {MAX_RECORD_BYTES} bytes");
                let name = wanted.input.clone();
                return Err(InputError::Malformed { name, format: "csv", why });
            }
        };
        let header: Vec<(String, ColumnKind)> = header;
        reader.layout = Layout::named(header).resolve(wanted)?;
        Ok(reader)
    }

    fn field(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.output[start..self.ends[at]]
    }

    /// Cuts the next row into fields.
    fn read_row(&mut self) -> Result<Row, InputError> {
        let (mut filled, mut ended, mut long) = (0, 0, false);
        loop {
            let buffer = self
                .input
                .fill_buf()
                .map_err(|source| InputError::Io { name: self.wanted.input.clone(), source })?;
            let (result, read, written, fields) = self.parser.read_record(
                buffer,
                &mut self.output[filled..],
                &mut self.ends[ended..],
            );
            self.input.consume(read);
            filled += written;
            ended += fields;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.output.len() < MAX_RECORD_BYTES => {
                    let size = self.output.len() * 2;
                    self.output.resize(size, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_FIELDS => {
                    let size = self.ends.len() * 2;
                    self.ends.resize(size, 0);
                }
                // Over the limit: what follows is read over into the same buffers.
                ReadRecordResult::OutputFull => (long, filled) = (true, 0),
                ReadRecordResult::OutputEndsFull => (long, ended) = (true, 0),
                ReadRecordResult::Record if long => return Ok(Row::TooLong),
                ReadRecordResult::Record => return Ok(Row::Fields { ends: ended }),
                ReadRecordResult::End => return Ok(Row::End),
            }
        }
    }
}

impl RecordReader for DelimitedReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next_record(&mut self) -> Result<Option<Record>, InputError> {
        let columns = self.layout.columns.len();
        let row = self.read_row()?;
        let line = self.parser.line();
        let mut record = Record::default();
        match row {
            Row::End => return Ok(None),
            Row::TooLong => {
                let what = format!(
                    "the row is longer than {MAX_RECORD_BYTES} bytes: is a quote not closed before line {line}?"
                );
                record.error = Some(RecordError::new("too_long", what));
            }
            Row::Fields { ends } => {
                for at in 0..ends.min(columns) {
                    record.push_bytes(self.field(at));
                }
                if ends != columns {
                    let what = format!(
                        "the row has {ends} fields, the header has {columns} (before line {line})"
                    );
                    record.error = Some(RecordError::new("ragged", what));
                }
            }
        }
        record.pad(columns);
        Ok(Some(record))
    }

    fn fraction(&self) -> Option<f64> {
        self.meter.fraction()
    }
}
