//! A row in the journal: a tag byte a cell, then its value. Compact, and read without copying.

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// Text.
    Text(&'a str),
    /// A decimal number.
    Float(f64),
    /// A whole number.
    Integer(i64),
}

impl Cell<'_> {
    /// The number in the cell.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match *self {
            Self::Float(value) => Some(value),
            Self::Integer(value) => Some(value as f64),
            Self::Null | Self::Text(_) => None,
        }
    }

    /// The text in the cell; empty where there is none.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            _ => "",
        }
    }
}

impl std::fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Float(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
        }
    }
}

const NULL: u8 = 0;
const TEXT: u8 = 1;
const FLOAT: u8 = 2;
const INTEGER: u8 = 3;

/// Appends cells to a buffer.
#[derive(Debug)]
pub struct RowWriter<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> RowWriter<'a> {
    /// Appends to this buffer.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// No value.
    pub fn null(&mut self) {
        self.out.push(NULL);
    }

    /// Text; empty text is no value.
    pub fn text(&mut self, text: &str) {
        if text.is_empty() {
            return self.null();
        }
        self.out.push(TEXT);
        let mut length = text.len();
        while length >= 0x80 {
            self.out.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        self.out.push(length as u8);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A number; none, NaN and infinities are no value.
    pub fn float(&mut self, value: Option<f64>) {
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                self.out.push(FLOAT);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
            None => self.null(),
        }
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) {
        self.out.push(INTEGER);
        self.out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Reads cells from a buffer.
#[derive(Debug, Clone)]
pub struct RowReader<'a> {
    rest: &'a [u8],
}

impl<'a> RowReader<'a> {
    /// Reads from this buffer.
    #[must_use]
    pub fn new(buffer: &'a [u8]) -> Self {
        Self { rest: buffer }
    }

    /// The next cell; `None` at the end, or where the bytes are no cell.
    pub fn cell(&mut self) -> Option<Cell<'a>> {
        match self.take(1)?[0] {
            NULL => Some(Cell::Null),
            TEXT => {
                let length = self.varint()?;
                std::str::from_utf8(self.take(length)?).ok().map(Cell::Text)
            }
            FLOAT => self.eight().map(|bytes| Cell::Float(f64::from_le_bytes(bytes))),
            INTEGER => self.eight().map(|bytes| Cell::Integer(i64::from_le_bytes(bytes))),
            _ => None,
        }
    }

    /// Reads a whole row into `cells`; `None` where the bytes do not hold one.
    pub fn row(&mut self, columns: usize, cells: &mut Vec<Cell<'a>>) -> Option<()> {
        cells.clear();
        for _ in 0..columns {
            cells.push(self.cell()?);
        }
        Some(())
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_and_garbage_does_not() {
        let long = "x".repeat(300);
        let mut out = Vec::new();
        let mut row = RowWriter::new(&mut out);
        row.text("CCO");
        row.text("");
        row.text(&long);
        row.float(Some(0.5));
        row.float(Some(f64::NAN));
        row.integer(-7);
        let mut cells = Vec::new();
        RowReader::new(&out).row(6, &mut cells).unwrap();
        let expected = [
            Cell::Text("CCO"),
            Cell::Null,
            Cell::Text(&long),
            Cell::Float(0.5),
            Cell::Null,
            Cell::Integer(-7),
        ];
        assert_eq!(cells, expected);
        for cut in 0..out.len() {
            assert!(RowReader::new(&out[..cut]).row(6, &mut Vec::new()).is_none(), "{cut}");
        }
        assert!(RowReader::new(&[9]).cell().is_none());
        assert!(RowReader::new(&[1, 0xff, 0xff, 0xff, 0xff, 0xff]).cell().is_none());
    }
}
