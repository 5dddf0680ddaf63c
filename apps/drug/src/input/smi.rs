//! `.smi`: a SMILES, then an optional name, per line; an optional header line.

use std::io::BufRead;

use strata_core::stream::RecordError;

use super::columns::{ColumnKind, Wanted, names_smiles};
use super::line::{Line, Meter, read_line};
use super::{InputError, Layout, MAX_RECORD_BYTES, Record, RecordReader};

/// Reads SMILES files. The structure ends at the first white space; the rest of the line, trimmed,
/// is the name.
pub(super) struct SmiReader {
    input: Box<dyn BufRead + Send>,
    name: String,
    meter: Meter,
    layout: Layout,
    line: Vec<u8>,
    /// The first line, where it was a row and no header.
    first: Option<(Line, Vec<u8>)>,
}

impl SmiReader {
    pub(super) fn new(
        mut input: Box<dyn BufRead + Send>,
        meter: Meter,
        wanted: &Wanted,
    ) -> Result<Self, InputError> {
        let name = wanted.input.clone();
        let mut line = Vec::new();
        let mut kind;
        loop {
            kind = read_line(&mut input, &mut line)
                .map_err(|source| InputError::Io { name: name.clone(), source })?;
            if kind == Line::End || !line.trim_ascii().is_empty() {
                break;
            }
        }
        let header = header(&line).filter(|_| kind == Line::Whole);
        let first = (header.is_none() && kind != Line::End).then(|| (kind, line.clone()));
        let (smiles, id) = header.unwrap_or_else(|| ("smiles".to_owned(), "id".to_owned()));
        let names = [smiles, id].map(|name| (name, ColumnKind::Text));
        let mut layout = Layout::named(names);
        (layout.smiles, layout.id) = (Some(0), Some(1));
        Ok(Self { input, name, meter, layout, line, first })
    }
}

/// The two names of a header line; `None` where the line is a row.
fn header(line: &[u8]) -> Option<(String, String)> {
    let (smiles, id) = split(std::str::from_utf8(line).ok()?);
    let id = if id.is_empty() { "id" } else { id };
    names_smiles(smiles).then(|| (smiles.to_owned(), id.to_owned()))
}

fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (smiles, name) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (smiles, name.trim())
}

impl RecordReader for SmiReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next_record(&mut self) -> Result<Option<Record>, InputError> {
        let kind = loop {
            let kind = match self.first.take() {
                Some((kind, line)) => {
                    self.line = line;
                    kind
                }
                None => read_line(&mut self.input, &mut self.line)
                    .map_err(|source| InputError::Io { name: self.name.clone(), source })?,
            };
            match kind {
                Line::End => return Ok(None),
                Line::Whole if self.line.trim_ascii().is_empty() => {}
                kind => break kind,
            }
        };
        let mut record = Record::default();
        if kind == Line::TooLong {
            let what = format!("the line is longer than {MAX_RECORD_BYTES} bytes");
            record.error = Some(RecordError::new("too_long", what));
            record.pad(2);
            return Ok(Some(record));
        }
        let text = String::from_utf8_lossy(&self.line);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            let what = "the line is not UTF-8: convert the file, e.g. with iconv";
            record.error = Some(RecordError::new("encoding", what));
        }
        let (smiles, name) = split(&text);
        record.push(smiles);
        record.push(name);
        Ok(Some(record))
    }

    fn fraction(&self) -> Option<f64> {
        self.meter.fraction()
    }
}
