//! Comma or tab separated values: a document a row where the header names a text, else one document with a table.

use std::io::BufRead;

use super::build::Builder;
use super::detect::extension;
use super::fields::{self, Value};
use super::limits::ReadLimits;
use super::lines::{Line, Lines};
use super::problem::Problem;
use super::table::{Cell, Table};
use crate::document::Extract;

/// Rows, each within the record limit: lines are put together while quotes are open.
struct Rows<R> {
    lines: Lines<R>,
    limit: usize,
    delimiter: u8,
}

impl<R: BufRead> Rows<R> {
    fn row(&mut self) -> Option<Result<Vec<String>, Problem>> {
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            match self.lines.next() {
                None if bytes.is_empty() => return None,
                None => break,
                Some(Ok(Line::Whole(line))) => bytes.extend_from_slice(&line),
                Some(Ok(Line::Long(_))) => return Some(Err(self.too_long())),
                Some(Err(problem)) => return Some(Err(problem)),
            }
            if bytes.iter().filter(|&&b| b == b'"').count() % 2 == 0 {
                break;
            }
            bytes.push(b'\n');
            if bytes.len() > self.limit {
                return Some(Err(self.too_long()));
            }
        }
        Some(Ok(cells(&bytes, self.delimiter)))
    }

    fn too_long(&self) -> Problem {
        let message =
            format!("a row of more than {} bytes; look for a quote that is not closed", self.limit);
        Problem::new("record-too-long", message)
    }
}

/// The cells of one row.
fn cells(row: &[u8], delimiter: u8) -> Vec<String> {
    let mut parser = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    // A row's cells are no longer than it, and fewer than its bytes.
    let (mut text, mut ends) = (vec![0; row.len() + 1], vec![0; row.len() + 2]);
    let (mut read, mut written, mut count) = (0, 0, 0);
    loop {
        let (result, r, w, e) =
            parser.read_record(&row[read..], &mut text[written..], &mut ends[count..]);
        (read, written, count) = (read + r, written + w, count + e);
        // Without input it ends the row.
        if !matches!(result, csv_core::ReadRecordResult::InputEmpty) {
            break;
        }
    }
    let mut from = 0;
    let mut out = Vec::with_capacity(count);
    for &end in ends.iter().take(count) {
        out.push(String::from_utf8_lossy(text.get(from..end).unwrap_or_default()).into_owned());
        from = end;
    }
    out
}

/// A document a row.
struct Records<R> {
    rows: Rows<R>,
    header: Vec<String>,
}

impl<R: BufRead> Iterator for Records<R> {
    type Item = Result<Extract, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let row = match self.rows.row()? {
                Ok(row) if row.iter().all(|cell| cell.trim().is_empty()) => continue,
                Ok(row) => row,
                Err(problem) => return Some(Err(problem)),
            };
            let pairs =
                self.header.iter().cloned().zip(row.into_iter().map(Value::Scalar)).collect();
            return Some(fields::document(pairs));
        }
    }
}

/// Reads a CSV file that is UTF-8.
pub(super) fn read<'a, R: BufRead + Send + 'a>(
    name: &str,
    mut inner: R,
    limits: &ReadLimits,
) -> Box<dyn Iterator<Item = Result<Extract, Problem>> + Send + 'a> {
    let delimiter = delimiter(name, inner.fill_buf().unwrap_or_default());
    let mut rows = Rows {
        lines: Lines::new(inner, limits.record_bytes),
        limit: limits.record_bytes,
        delimiter,
    };
    match rows.row() {
        None => Box::new(std::iter::once(Err(Problem::new("no-text", "there are no rows in it")))),
        Some(Err(problem)) => Box::new(std::iter::once(Err(problem))),
        Some(Ok(header)) if fields::holds_records(header.iter().map(String::as_str)) => {
            Box::new(Records { rows, header })
        }
        Some(Ok(first)) => match table(first, rows, limits) {
            Ok(documents) => Box::new(documents.into_iter().map(Ok)),
            Err(problem) => Box::new(std::iter::once(Err(problem))),
        },
    }
}

fn delimiter(name: &str, head: &[u8]) -> u8 {
    let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| line.iter().filter(|&&b| b == wanted).count();
    if extension(name) == "tsv" || count(b'\t') > count(b',') {
        b'\t'
    } else if count(b';') > count(b',') {
        b';'
    } else {
        b','
    }
}

fn table<R: BufRead>(
    first: Vec<String>,
    mut rows: Rows<R>,
    limits: &ReadLimits,
) -> Result<Vec<Extract>, Problem> {
    let mut builder = Builder::new(limits);
    let mut table = Table::new(&mut builder);
    let mut cells = 0;
    let mut next = Some(Ok(first));
    while let Some(row) = next {
        let row: Vec<Cell> = row?.into_iter().map(Cell::of).collect();
        cells += row.len();
        if cells > limits.cells {
            return Err(Problem::new(
                "too-large",
                format!("more than {} cells; divide the table", limits.cells),
            ));
        }
        table.row(&row, false)?;
        next = rows.row();
    }
    table.finish()?;
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(items: Vec<Result<Extract, Problem>>) -> Extract {
        assert_eq!(items.len(), 1, "{items:?}");
        items.into_iter().next().unwrap().unwrap()
    }
    use crate::document::BlockKind;

    fn all(text: &str, limits: &ReadLimits) -> Vec<Result<Extract, Problem>> {
        read("a.csv", text.as_bytes(), limits).collect()
    }

    #[test]
    fn rows_with_a_text_are_documents() {
        let text = "编号,标题,正文,部门\r\n1,路灯,\"路灯\"\"不亮\"\"，\n请修。\",城管局\r\n\r\n2,井盖,井盖破损,\r\n3,空,,\n";
        let items = all(text, &ReadLimits::default());
        let first = items[0].as_ref().unwrap();
        assert_eq!(
            (first.text.as_str(), first.title.as_deref()),
            ("路灯\"不亮\"，\n请修。", Some("路灯"))
        );
        assert_eq!(
            (first.declared["department"].as_str(), first.declared["编号"].as_str()),
            ("城管局", "1")
        );
        assert_eq!(items[1].as_ref().unwrap().text, "井盖破损");
        assert_eq!(items[2].as_ref().unwrap_err().code, "no-text");
    }

    #[test]
    fn other_tables_are_one_document() {
        let items = all("部门,联系电话\n公安局,110\n消防局,119\n", &ReadLimits::default());
        let document = one(items);
        assert_eq!(document.text, "部门\t联系电话\n公安局\t110\n消防局\t119");
        assert_eq!(document.blocks[0].kind, BlockKind::Row { table: 0, header: true });
    }

    #[test]
    fn an_open_quote_is_bounded() {
        let limits = ReadLimits { record_bytes: 50, ..ReadLimits::default() };
        let text = format!("text\n\"{}", "甲\n".repeat(100));
        assert_eq!(all(&text, &limits)[0].as_ref().unwrap_err().code, "record-too-long");
    }
}
