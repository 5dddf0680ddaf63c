//! Documents in blocks: written one after the other, deflated together, read back one by one.

use std::io::{Read, Write};
use std::ops::Range;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::error::{IndexError, damaged};
use super::format::{FileMap, FileWriter, STRETCH, Section, u32_at, u64_at};

/// A block is closed when it has this many bytes: large enough to be worth deflating, small enough to be read for one
/// document.
const BLOCK: usize = 32 << 10;
/// Bytes of a row of the table.
const ROW: usize = 8 + 4 + 4 + 4;

/// Where a document lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) block: u32,
    pub(super) offset: u32,
    pub(super) length: u32,
}

/// Deflates bytes.
pub(super) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(2));
    // Writing into memory does not fail.
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    done.unwrap_or_default()
}

/// Inflates bytes that must give `length`.
pub(super) fn inflate(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(length.min(1 << 20));
    DeflateDecoder::new(bytes).take(length as u64 + 1).read_to_end(&mut out).ok()?;
    (out.len() == length).then_some(out)
}

/// Makes blocks.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    /// The block that is open.
    open: Vec<u8>,
    /// Closed blocks that were not written yet, and how many bytes of them were.
    closed: Vec<u8>,
    written: u64,
    table: Vec<u8>,
}

impl BlockWriter {
    fn count(&self) -> u32 {
        (self.table.len() / ROW) as u32
    }

    /// Bytes that wait in memory.
    pub(super) fn bytes(&self) -> usize {
        self.open.len() + self.closed.len() + self.table.len()
    }

    /// Adds a document.
    pub(super) fn push(&mut self, document: &[u8]) -> Place {
        if !self.open.is_empty() && self.open.len() + document.len() > BLOCK {
            self.close();
        }
        let offset = self.open.len() as u32;
        self.open.extend_from_slice(document);
        Place { block: self.count(), offset, length: document.len() as u32 }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            let (deflated, length) = (deflate(&self.open), self.open.len() as u32);
            self.open.clear();
            self.add(&deflated, length);
        }
    }

    fn add(&mut self, deflated: &[u8], length: u32) {
        self.table.extend_from_slice(&(self.written + self.closed.len() as u64).to_le_bytes());
        self.table.extend_from_slice(&(deflated.len() as u32).to_le_bytes());
        self.table.extend_from_slice(&length.to_le_bytes());
        self.table.extend_from_slice(&crc32fast::hash(deflated).to_le_bytes());
        self.closed.extend_from_slice(deflated);
    }

    /// Takes over all blocks of another file into the section that was begun; the number of the first.
    pub(super) fn copy(
        &mut self,
        from: &Blocks<'_>,
        file: &mut FileWriter,
    ) -> Result<u32, IndexError> {
        self.close();
        let first = self.count();
        let mut since = 0;
        for block in 0..from.count() {
            let (bytes, length) = from.deflated(block)?;
            self.add(bytes, length);
            self.drain(file)?;
            since += bytes.len();
            if since >= STRETCH {
                from.file.release();
                since = 0;
            }
        }
        Ok(first)
    }

    /// Writes the closed blocks into the section that was begun.
    pub(super) fn drain(&mut self, file: &mut FileWriter) -> Result<(), IndexError> {
        file.write(&self.closed)?;
        self.written += self.closed.len() as u64;
        self.closed.clear();
        Ok(())
    }

    /// Writes the rest, and the table as a section of its own.
    pub(super) fn finish(mut self, file: &mut FileWriter) -> Result<(), IndexError> {
        self.close();
        self.drain(file)?;
        file.end(Section::Blocks);
        file.section(Section::BlockTable, &self.table)
    }
}

/// Blocks of a file.
pub(super) struct Blocks<'a> {
    file: &'a FileMap,
    table: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) fn of(file: &'a FileMap) -> Self {
        let (table, bytes) = (file.bytes(Section::BlockTable), file.bytes(Section::Blocks));
        Self { file, table, bytes }
    }

    fn count(&self) -> u32 {
        (self.table.len() / ROW) as u32
    }

    /// A block as it lies on the disk, and its length once inflated.
    fn deflated(&self, block: u32) -> Result<(&'a [u8], u32), IndexError> {
        let find = || {
            let at = block as usize * ROW;
            let start = usize::try_from(u64_at(self.table, at)?).ok()?;
            let end = start.checked_add(u32_at(self.table, at + 8)? as usize)?;
            let bytes = self.bytes.get(start..end)?;
            let whole = crc32fast::hash(bytes) == u32_at(self.table, at + 16)?;
            whole.then_some((bytes, u32_at(self.table, at + 12)?))
        };
        find().ok_or_else(|| damaged(self.file.path(), format!("block {block} of documents")))
    }

    /// A block, inflated.
    pub(super) fn block(&self, block: u32) -> Result<Vec<u8>, IndexError> {
        let (bytes, length) = self.deflated(block)?;
        inflate(bytes, length as usize)
            .ok_or_else(|| damaged(self.file.path(), format!("block {block} of documents")))
    }
}

impl Place {
    /// The place within its block.
    pub(super) const fn range(self) -> Range<usize> {
        let start = self.offset as usize;
        start..start + self.length as usize
    }
}
