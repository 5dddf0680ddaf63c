//! Excel workbooks: every sheet, its rows with merged cells filled in, dates as dates. Cells are streamed: a sheet that
//! claims to be a million rows wide costs what is in it.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};

use super::archive::Archive;
use super::build::Builder;
use super::limits::ReadLimits;
use super::problem::Problem;
use super::table::{Cell, Table};
use crate::document::Extract;

/// Most columns that are told apart.
const COLUMNS: u32 = 512;
/// Empty columns that are more than this are one.
const GAP: u32 = 40;
/// Bounds of parts that the library keeps in memory as many small things.
const PARTS: [(&str, u64); 3] = [
    ("xl/styles.xml", 16 << 20),
    ("xl/workbook.xml", 16 << 20),
    ("xl/sharedStrings.xml", 128 << 20),
];

/// Reads a workbook.
pub(super) fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<Extract>, Problem> {
    unpacked_within(bytes, limits)?;
    let damaged = |error: calamine::XlsxError| {
        Problem::damaged(format!("its workbook cannot be read ({error})"))
    };
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
    let sheets = book.sheet_names();
    let mut builder = Builder::new(limits);
    let mut cells = 0;
    for name in &sheets {
        if sheets.len() > 1 {
            builder.heading(1, name)?;
        }
        if let Err(problem) = sheet(&mut book, name, limits, &mut cells, &mut builder) {
            if problem.code != "damaged" {
                return Err(problem);
            }
            builder.note(super::problem::note(
                None,
                "bad-sheet",
                format!("sheet {name:?}: {}", problem.message),
            ));
        }
    }
    Ok(builder.finish())
}

/// The library unpacks without a limit, so everything is unpacked once before it, into nothing.
fn unpacked_within(bytes: &[u8], limits: &ReadLimits) -> Result<(), Problem> {
    let mut archive = Archive::open(bytes, limits)?;
    for name in archive.names() {
        let own = PARTS
            .iter()
            .find(|(part, _)| part.eq_ignore_ascii_case(&name))
            .map(|(_, limit)| *limit);
        archive.with(&name, |reader| {
            let count =
                std::io::copy(&mut reader.take(own.unwrap_or(u64::MAX)), &mut std::io::sink());
            let count = count.map_err(|error| {
                Problem::damaged(format!("{name} cannot be unpacked ({error})"))
            })?;
            match own {
                Some(limit) if count >= limit => Err(Problem::new(
                    "bomb",
                    format!("{name} in it unpacks to more than {limit} bytes"),
                )),
                _ => Ok(()),
            }
        })?;
    }
    Ok(())
}

/// Regions of merged cells by their first cell.
type Merged = HashMap<(u32, u32), (usize, usize)>;

fn sheet(
    book: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    limits: &ReadLimits,
    cells: &mut usize,
    builder: &mut Builder,
) -> Result<(), Problem> {
    let damaged = |error: calamine::XlsxError| Problem::damaged(error.to_string());
    let mut merged = Merged::new();
    for region in book.merge_cells_by_sheet_name(name).unwrap_or_default() {
        let size = |from: u32, to: u32| to.saturating_sub(from) as usize + 1;
        merged.insert(
            region.start,
            (size(region.start.0, region.end.0), size(region.start.1, region.end.1)),
        );
    }
    let mut reader = book.worksheet_cells_reader(name).map_err(damaged)?;
    let mut rows = Rows {
        table: Table::new(builder),
        merged,
        covered: Vec::new(),
        row: None,
        texts: Vec::new(),
    };
    loop {
        // What was read before the damage stays.
        let cell = match reader.next_cell() {
            Ok(Some(cell)) => cell,
            Ok(None) => break,
            Err(error) => {
                rows.finish()?;
                return Err(damaged(error));
            }
        };
        *cells += 1;
        if *cells > limits.cells {
            return Err(Problem::new(
                "too-large",
                format!("more than {} cells; divide the workbook", limits.cells),
            ));
        }
        let (row, column) = cell.get_position();
        let text = shown(cell.get_value());
        if !text.is_empty() {
            rows.cell(row, column, text)?;
        }
    }
    rows.finish()
}

struct Rows<'a> {
    table: Table<'a>,
    merged: Merged,
    /// For each column, the first row that no cell from above reaches into any more.
    covered: Vec<u32>,
    row: Option<u32>,
    texts: Vec<(u32, String)>,
}

impl Rows<'_> {
    fn cell(&mut self, row: u32, column: u32, text: String) -> Result<(), Problem> {
        if self.row != Some(row) {
            self.flush()?;
            self.row = Some(row);
        }
        self.texts.push((column.min(COLUMNS - 1), text));
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Problem> {
        let Some(row) = self.row.take() else { return Ok(()) };
        let texts = std::mem::take(&mut self.texts);
        let (mut cells, mut column) = (Vec::new(), 0);
        for (at, text) in texts {
            if at - column.min(at) > GAP {
                // A remark far to the right of a table is not a column of it.
                cells.push(Cell::of(""));
                column = at;
            }
            while column < at {
                self.empty(&mut cells, row, &mut column, at);
            }
            let (rows, columns) = self.merged.get(&(row, at)).copied().unwrap_or((1, 1));
            let columns = columns.min(COLUMNS as usize);
            self.cover(at, columns, row, rows);
            cells.push(Cell { text, columns, rows });
            column = column.max(at) + columns as u32;
        }
        self.table.row(&cells, false)
    }

    /// A column without text in front of one with: nothing where a cell from above reaches down, else an empty cell.
    fn empty(&mut self, cells: &mut Vec<Cell>, row: u32, column: &mut u32, before: u32) {
        if self.covered.get(*column as usize).is_some_and(|&until| row < until) {
            *column += 1;
            return;
        }
        let (_, columns) = self.merged.get(&(row, *column)).copied().unwrap_or((1, 1));
        let columns = (columns as u32).min(before - *column).max(1);
        cells.push(Cell { text: String::new(), columns: columns as usize, rows: 1 });
        *column += columns;
    }

    fn cover(&mut self, column: u32, columns: usize, row: u32, rows: usize) {
        let (from, to) = (column as usize, (column as usize + columns).min(COLUMNS as usize));
        if rows > 1 {
            if self.covered.len() < to {
                self.covered.resize(to, 0);
            }
            let until = row.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX));
            self.covered.iter_mut().take(to).skip(from).for_each(|place| *place = until);
        }
    }

    fn finish(mut self) -> Result<(), Problem> {
        self.flush()?;
        self.table.finish()
    }
}

/// A value as it is read, not as it is stored.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(yes) => if *yes { "是" } else { "否" }.to_owned(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => float(*number),
        DataRef::DateTimeIso(text) => {
            text.replace('T', " ").trim_end_matches(" 00:00:00").to_owned()
        }
        DataRef::DurationIso(text) => text.clone(),
        DataRef::DateTime(time) if time.is_duration() => duration(time.as_f64()),
        DataRef::DateTime(time) if !(0.0..2_958_466.0).contains(&time.as_f64()) => {
            float(time.as_f64())
        }
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            let clock = clock.strip_suffix(":00").unwrap_or(&clock);
            if time.as_f64() < 1.0 {
                return clock.to_owned();
            }
            let date = format!("{year:04}-{month:02}-{day:02}");
            if time.as_f64().fract() == 0.0 { date } else { format!("{date} {clock}") }
        }
    }
}

/// Hours may be many.
fn duration(days: f64) -> String {
    let seconds = (days * 86_400.0).round().clamp(-1e12, 1e12) as i64;
    format!("{}:{:02}:{:02}", seconds / 3600, (seconds / 60 % 60).abs(), (seconds % 60).abs())
}

/// With the 15 digits that Excel keeps.
fn float(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    if rounded.abs() < 1e18 { rounded.to_string() } else { format!("{rounded:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_they_are_seen() {
        assert_eq!(float(0.1 + 0.2), "0.3");
        assert_eq!(float(44_000.0), "44000");
        assert_eq!(float(11_440_000_006_939_756.0), "11440000006939800");
        assert_eq!(duration(1.5), "36:00:00");
    }
}
