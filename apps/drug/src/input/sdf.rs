//! `.sdf`: the mol block of each record, its title, and its data fields as columns.
//!
//! The fields are not known before the last record is read, so a file is read over once for their
//! names before it is read for its records.

use std::io::BufRead;

use strata_core::stream::RecordError;

use super::columns::{ColumnKind, Wanted};
use super::line::{Line, Meter, read_line};
use super::{InputError, Layout, MAX_RECORD_BYTES, Record, RecordReader};

/// Reads SD files.
pub(super) struct SdfReader {
    input: Box<dyn BufRead + Send>,
    name: String,
    meter: Meter,
    layout: Layout,
    /// Names of the data fields, in the order of their columns behind the title.
    fields: Vec<String>,
    line: Vec<u8>,
}

/// More data fields than this in one file is no library of molecules.
const MAX_COLUMNS: usize = 4096;

/// The names of all data fields, in the order in which they first appear.
pub(super) fn field_names(input: &mut dyn BufRead, name: &str) -> Result<Vec<String>, InputError> {
    let mut input = input;
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut line = Vec::new();
    loop {
        let kind = read_line(&mut input, &mut line)
            .map_err(|source| InputError::Io { name: name.to_owned(), source })?;
        if kind == Line::End {
            return Ok(names);
        }
        let Some(field) = field_name(&String::from_utf8_lossy(&line)).map(str::to_owned) else {
            continue;
        };
        if !seen.contains(&field) {
            if names.len() == MAX_COLUMNS {
                let why = format!("it has more than {MAX_COLUMNS} data fields");
                return Err(InputError::Malformed { name: name.to_owned(), format: "sdf", why });
            }
            seen.insert(field.clone());
            names.push(field);
        }
    }
}

/// The name in a data field's head, as in `>  <Activity> (12)`.
fn field_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('>')?;
    let (_, rest) = rest.split_once('<')?;
    rest.rsplit_once('>').map(|(name, _)| name)
}

impl SdfReader {
    pub(super) fn new(
        input: Box<dyn BufRead + Send>,
        fields: Vec<String>,
        meter: Meter,
        wanted: &Wanted,
    ) -> Result<Self, InputError> {
        let names = std::iter::once("name".to_owned()).chain(fields.iter().cloned());
        let mut layout = Layout::named(names.map(|name| (name, ColumnKind::Text)));
        layout.id = layout.wanted_id(wanted)?.or(Some(0));
        let name = wanted.input.clone();
        Ok(Self { input, name, meter, layout, fields, line: Vec::new() })
    }

    fn read_line(&mut self) -> Result<Line, InputError> {
        read_line(&mut self.input, &mut self.line)
            .map_err(|source| InputError::Io { name: self.name.clone(), source })
    }
}

/// A record while its lines come in.
#[derive(Default)]
struct Building {
    block: String,
    values: Vec<String>,
    field: Option<usize>,
    in_data: bool,
    bytes: usize,
    error: Option<RecordError>,
}

impl Building {
    fn line(&mut self, line: &str, fields: &[String]) {
        self.bytes += line.len() + 1;
        if self.bytes > MAX_RECORD_BYTES {
            let what = format!("the record is longer than {MAX_RECORD_BYTES} bytes");
            self.error.get_or_insert_with(|| RecordError::new("too_long", what));
            return;
        }
        if let Some(name) = field_name(line).filter(|_| self.in_data || line.starts_with("> ")) {
            self.in_data = true;
            self.field = fields.iter().position(|field| field == name);
        } else if !self.in_data {
            self.block.push_str(line);
            self.block.push('\n');
            self.in_data = line.trim_end() == "M  END";
        } else if line.trim().is_empty() {
            self.field = None;
        } else if let Some(value) = self.field.and_then(|field| self.values.get_mut(field)) {
            // A value of several lines keeps its line breaks.
            if !value.is_empty() {
                value.push('\n');
            }
            value.push_str(line);
        }
    }

    fn finish(self) -> Record {
        let mut record = Record { error: self.error, ..Record::default() };
        record.push(self.block.lines().next().unwrap_or_default().trim());
        for value in &self.values {
            record.push(value);
        }
        record.molblock = Some(self.block);
        record
    }
}

impl RecordReader for SdfReader {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn next_record(&mut self) -> Result<Option<Record>, InputError> {
        let mut building =
            Building { values: vec![String::new(); self.fields.len()], ..Building::default() };
        let mut blank = true;
        loop {
            let kind = self.read_line()?;
            // White space behind the last `$$$$` is no record.
            if kind == Line::End {
                return Ok((!blank).then(|| building.finish()));
            }
            if self.line.starts_with(b"$$$$") {
                return Ok(Some(building.finish()));
            }
            blank &= self.line.trim_ascii().is_empty();
            let text = String::from_utf8_lossy(&self.line);
            if matches!(text, std::borrow::Cow::Owned(_)) {
                let what = "the record is not UTF-8: convert the file, e.g. with iconv";
                building.error.get_or_insert_with(|| RecordError::new("encoding", what));
            }
            building.line(&text, &self.fields);
        }
    }

    fn fraction(&self) -> Option<f64> {
        self.meter.fraction()
    }
}
