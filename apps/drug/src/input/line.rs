//! Lines of bounded length, without their ends, and a count of the bytes read for the progress bar.

use std::io::{BufRead, Read, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::MAX_RECORD_BYTES;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// A whole line.
    Whole,
    /// A line longer than the limit; what is beyond it was read over.
    TooLong,
    /// The end of the input.
    End,
}

/// Reads a line into `line`, without `\n` or `\r\n`.
pub(super) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Line> {
    line.clear();
    let mut long = false;
    let mut any = false;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = MAX_RECORD_BYTES - line.len();
        line.extend_from_slice(&part[..part.len().min(room)]);
        long |= part.len() > room;
        let used = end.map_or(part.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if !any {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(if long { Line::TooLong } else { Line::Whole })
}

/// Counts the bytes of a file as they are read, before decompression.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Counted<R> {
    pub(super) fn new(inner: R, read: Arc<AtomicU64>) -> Self {
        Self { inner, read }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// How much of an input of known size is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Meter {
    pub(super) read: Arc<AtomicU64>,
    pub(super) total: Option<u64>,
}

impl Meter {
    pub(super) fn fraction(&self) -> Option<f64> {
        let total = self.total.filter(|&total| total > 0)?;
        Some((self.read.load(Ordering::Relaxed) as f64 / total as f64).min(1.0))
    }
}
