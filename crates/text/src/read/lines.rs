//! Lines of a stream, each within a limit, and plain text made of them.

use std::io::BufRead;

use super::build::{clean, mark_part};
use super::encoding::{Charset, Tally, decode_line};
use super::json::io;
use super::limits::ReadLimits;
use super::problem::Problem;
use crate::document::Extract;

/// A line, without its end.
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It was longer than this many bytes and was skipped.
    Long(u64),
}

/// Lines that are skipped when they are too long.
pub(super) struct Lines<R> {
    inner: R,
    limit: usize,
    ended: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(inner: R, limit: usize) -> Self {
        Self { inner, limit, ended: false }
    }

    fn line(&mut self) -> Result<Option<Line>, Problem> {
        let (mut out, mut long, mut any) = (Vec::new(), false, false);
        loop {
            let buffer = self.inner.fill_buf().map_err(io)?;
            if buffer.is_empty() {
                break;
            }
            any = true;
            let end = buffer.iter().position(|&b| b == b'\n');
            let taken = end.unwrap_or(buffer.len());
            long |= out.len() + taken > self.limit;
            if long {
                out = Vec::new();
            } else {
                out.extend_from_slice(&buffer[..taken]);
            }
            self.inner.consume(end.map_or(taken, |at| at + 1));
            if end.is_some() {
                break;
            }
        }
        Ok(any.then_some(if long { Line::Long(self.limit as u64) } else { Line::Whole(out) }))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<Line, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.line();
        self.ended = line.is_err();
        line.transpose()
    }
}

/// Plain text: one document, or parts of one that is too long, each ending with a line.
pub(super) struct Plain<R> {
    inner: R,
    charset: Charset,
    limit: usize,
    /// Bytes read beyond the last line end.
    rest: Vec<u8>,
    parts: usize,
    ended: bool,
}

impl<R: BufRead> Plain<R> {
    /// `inner` has no byte order mark any more, and is not UTF-16.
    pub(super) fn new(inner: R, charset: Charset, limits: &ReadLimits) -> Self {
        let limit = limits.document_bytes.max(64);
        Self { inner, charset, limit, rest: Vec::new(), parts: 0, ended: false }
    }

    /// Whole lines, at most the limit together unless there is no line end in that much.
    fn bytes(&mut self) -> Result<Vec<u8>, Problem> {
        let mut out = std::mem::take(&mut self.rest);
        while out.len() < self.limit {
            let buffer = self.inner.fill_buf().map_err(io)?;
            if buffer.is_empty() {
                self.ended = true;
                return Ok(out);
            }
            let taken = buffer.len().min(self.limit - out.len());
            out.extend_from_slice(&buffer[..taken]);
            self.inner.consume(taken);
        }
        self.ended = self.inner.fill_buf().map_err(io)?.is_empty();
        if !self.ended {
            let cut = match out.iter().rposition(|&b| b == b'\n') {
                Some(end) => end + 1,
                None => self.character_end(&out),
            };
            self.rest = out.split_off(cut);
        }
        Ok(out)
    }

    /// A place near the end of bytes without a line end that cuts no character.
    fn character_end(&self, bytes: &[u8]) -> usize {
        // UTF-8 and GB18030 both are whole again behind an ASCII letter's or a four-byte character's end; of several
        // cuts the last that decodes cleanly is right.
        let cuts = (bytes.len().saturating_sub(4)..=bytes.len()).rev();
        let clean = |&cut: &usize| {
            let mut tally = Tally::default();
            let tail = &bytes[..cut];
            let text = decode_line(tail, self.charset, &mut tally);
            !text.ends_with('\u{fffd}')
        };
        cuts.into_iter().find(clean).unwrap_or(bytes.len())
    }

    fn part(&mut self) -> Result<Option<Extract>, Problem> {
        let bytes = self.bytes()?;
        if bytes.is_empty() && self.parts > 0 {
            return Ok(None);
        }
        let (mut text, mut tally) = (String::with_capacity(bytes.len()), Tally::default());
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            text.push_str(&decode_line(line, self.charset, &mut tally));
        }
        let text = clean(&text).trim_end().to_owned();
        self.parts += 1;
        let mut extract = Extract { text, notes: tally.notes(self.charset), ..Extract::default() };
        if !self.ended || self.parts > 1 {
            mark_part(&mut extract, self.parts, None, self.limit);
        }
        if extract.text.trim().is_empty() {
            return Err(Problem::new("no-text", "there is nothing but white space in it"));
        }
        Ok(Some(extract))
    }
}

impl<R: BufRead> Iterator for Plain<R> {
    type Item = Result<Extract, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let part = self.part();
        self.ended |= part.is_err();
        part.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_skipped_not_kept() {
        let text = format!("甲\n{}\n乙", "长".repeat(1000));
        let mut lines = Lines::new(std::io::BufReader::with_capacity(7, text.as_bytes()), 100);
        let mut seen = Vec::new();
        for line in &mut lines {
            seen.push(match line.unwrap() {
                Line::Whole(line) => String::from_utf8(line).unwrap(),
                Line::Long(limit) => format!("over {limit}"),
            });
        }
        assert_eq!(seen, ["甲", "over 100", "乙"]);
    }

    #[test]
    fn parts_end_with_lines_and_lose_nothing() {
        let limits = ReadLimits { document_bytes: 70, ..ReadLimits::default() };
        let long: String = (0..60).map(|n| char::from_u32(0x4e00 + n).unwrap()).collect();
        let text = format!("第一条　目的。\n第二条　范围。\n第三条　职责。\n{long}\n终。");
        for gb in [false, true] {
            let bytes = if gb {
                encoding_rs::GB18030.encode(&text).0.into_owned()
            } else {
                text.clone().into_bytes()
            };
            let charset = Charset::detect(&bytes);
            let reader = std::io::BufReader::with_capacity(11, bytes.as_slice());
            let parts: Vec<_> = Plain::new(reader, charset, &limits).map(Result::unwrap).collect();
            assert!(parts.len() > 2, "{parts:?}");
            let whole: String = parts.iter().map(|p| p.text.replace('\n', "")).collect();
            assert_eq!(whole, text.replace('\n', ""), "{gb}");
            assert!(parts.iter().all(|p| p.notes[0].code == "split"));
            assert!(parts.iter().all(|p| p.text.chars().count() < 80));
        }
    }
}
