//! A segment on the disk: documents, passages, postings and vectors in one file that never changes.

use std::path::Path;
use std::sync::Arc;

use crate::document::Document;

use super::blocks::{Blocks, inflate};
use super::error::{IndexError, damaged};
use super::format::{FileMap, Section, u64_at};
use super::postings::Postings;
use super::quantise::{Scale, stride};
use super::rows::{DocRow, Meta, Spot, UnitRow};

/// A segment.
#[derive(Debug)]
pub(super) struct Segment {
    file: FileMap,
    pub(super) ids: Vec<Arc<str>>,
    pub(super) metas: Vec<Meta>,
    pub(super) docs: Vec<DocRow>,
    pub(super) units: Vec<UnitRow>,
    /// The record of each passage.
    pub(super) records: Vec<u32>,
    /// The first passage of each record, and the end of the last.
    firsts: Vec<u32>,
    /// What a unit of each vector's codes is worth.
    pub(super) worths: Vec<f32>,
    /// The largest error and length of its vectors in 8 bits.
    pub(super) widest: Scale,
    /// Numbers of a vector; 0 without vectors.
    pub(super) dim: usize,
}

/// A block of documents of one segment, inflated.
#[derive(Debug, Default)]
pub(super) struct OpenBlock {
    number: Option<u32>,
    bytes: Vec<u8>,
}

impl Segment {
    /// Opens a file of `length` bytes and checks all of it but the documents (each block is checked when it is read) and
    /// the 32-bit vectors (each is compared with its codes when it is used).
    pub(super) fn open(path: &Path, length: u64, dim: usize) -> Result<Self, IndexError> {
        let file = FileMap::open(path, length)?;
        for section in [Section::BlockTable, Section::Postings, Section::Codes, Section::Scales] {
            file.checked(section)?;
        }
        let rows = |section, bytes: usize, what: &str| {
            let rows = file.checked(section)?;
            let whole = rows.len().is_multiple_of(bytes);
            if whole { Ok(rows) } else { Err(damaged(path, format!("{what} of another size"))) }
        };
        let wrong = |what: &str| damaged(path, format!("{what} makes no sense"));
        let docs: Option<Vec<DocRow>> = rows(Section::Documents, DocRow::BYTES, "documents")?
            .chunks_exact(DocRow::BYTES)
            .map(DocRow::read)
            .collect();
        let units: Option<Vec<UnitRow>> = rows(Section::Units, UnitRow::BYTES, "passages")?
            .chunks_exact(UnitRow::BYTES)
            .map(UnitRow::read)
            .collect();
        let metas = metas(&file)?;
        let units = units.ok_or_else(|| wrong("a passage's row"))?;
        let (records, firsts) = records(&units);
        let (worths, widest) = scales(file.bytes(Section::Scales));
        let segment = Self {
            worths,
            widest,
            records,
            firsts,
            ids: metas.iter().map(|meta| Arc::from(meta.id.as_str())).collect(),
            metas,
            docs: docs.ok_or_else(|| wrong("a document's row"))?,
            units,
            dim,
            file,
        };
        let terms = segment.file.checked(Section::Terms)?.len();
        let spots = segment.file.checked(Section::Spots)?.len();
        let count = segment.units.len();
        let sizes = segment.metas.len() == segment.docs.len()
            && terms.is_multiple_of(8)
            && spots == terms / 8 * Spot::BYTES
            && segment.file.bytes(Section::Codes).len() == count * stride(dim)
            && segment.file.bytes(Section::Rows).len() == count * dim * 4
            && segment.file.bytes(Section::Scales).len()
                == if dim == 0 { 0 } else { count * Scale::BYTES };
        if !sizes {
            return Err(wrong("the size of a section"));
        }
        segment.check_ranges().ok_or_else(|| wrong("a document's range of passages"))?;
        Ok(segment)
    }

    /// Records.
    pub(super) fn record_count(&self) -> usize {
        self.firsts.len() - 1
    }

    /// The passages of a record.
    pub(super) fn record(&self, record: u32) -> std::ops::Range<u32> {
        match self.firsts.get(record as usize..record as usize + 2) {
            Some(&[start, end]) => start..end,
            _ => 0..0,
        }
    }

    /// Passages belong to documents, in order and without a gap; a document's first begins a record.
    fn check_ranges(&self) -> Option<()> {
        let mut next = 0_u32;
        for (doc, row) in self.docs.iter().enumerate() {
            let end = next.checked_add(row.units)?;
            let units = self.units.get(next as usize..end as usize)?;
            if row.first_unit != next || units.iter().any(|unit| unit.doc as usize != doc) {
                return None;
            }
            if units.first().is_some_and(|unit| !unit.begins) {
                return None;
            }
            next = end;
        }
        (next as usize == self.units.len()).then_some(())
    }

    /// Bytes on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.file.len()
    }

    /// Compares everything with its checksums.
    pub(super) fn verify(&self) -> Result<(), IndexError> {
        self.file.verify()
    }

    /// Gives back the memory of what was read of the file.
    pub(super) fn release(&self) {
        self.file.release();
    }

    pub(super) fn damaged(&self, why: &str) -> IndexError {
        damaged(self.file.path(), why)
    }

    pub(super) fn blocks(&self) -> Blocks<'_> {
        Blocks::of(&self.file)
    }

    /// A document's JSON. The block it lies in stays in `open` for the next.
    pub(super) fn json<'b>(
        &self,
        doc: u32,
        open: &'b mut OpenBlock,
    ) -> Result<&'b [u8], IndexError> {
        let fault = || self.damaged("the place of a document");
        let place = self.docs.get(doc as usize).ok_or_else(fault)?.place;
        if open.number != Some(place.block) {
            *open =
                OpenBlock { bytes: self.blocks().block(place.block)?, number: Some(place.block) };
        }
        open.bytes.get(place.range()).ok_or_else(fault)
    }

    /// A document.
    pub(super) fn document(&self, doc: u32) -> Result<Document, IndexError> {
        serde_json::from_slice(self.json(doc, &mut OpenBlock::default())?)
            .map_err(|error| self.damaged(&format!("a document: {error}")))
    }

    /// Terms.
    pub(super) fn terms(&self) -> usize {
        self.file.bytes(Section::Terms).len() / 8
    }

    /// The key of a term by its place.
    pub(super) fn key(&self, at: usize) -> Option<u64> {
        u64_at(self.file.bytes(Section::Terms), at * 8)
    }

    /// How many passages have the term at a place, and its postings' bytes.
    pub(super) fn list(&self, at: usize) -> Option<(u32, &[u8])> {
        let spots = self.file.bytes(Section::Spots);
        let bytes = self.file.bytes(Section::Postings);
        let spot = Spot::read(spots, at)?;
        let end = Spot::read(spots, at + 1).map_or(bytes.len() as u64, |next| next.start);
        let range = usize::try_from(spot.start).ok()?..usize::try_from(end).ok()?;
        Some((spot.records, bytes.get(range)?))
    }

    /// The postings of a term, and how many records have it; `None` where none has.
    pub(super) fn postings(&self, key: u64) -> Option<(u32, Postings<'_>)> {
        let (mut low, mut high) = (0, self.terms());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key(middle)?.cmp(&key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => {
                    let (count, bytes) = self.list(middle)?;
                    return Some((count, Postings::new(bytes)));
                }
            }
        }
        None
    }

    /// Rows of a section of vectors.
    pub(super) fn vectors(&self, section: Section) -> &[u8] {
        self.file.bytes(section)
    }

    /// A passage's vector, little-endian f32.
    pub(super) fn row(&self, unit: u32) -> Option<&[u8]> {
        let (at, bytes) = (unit as usize * self.dim * 4, self.dim * 4);
        self.file.bytes(Section::Rows).get(at..at + bytes)
    }
}

/// The record of each passage; the first passage of each record, and the end of the last.
fn records(units: &[UnitRow]) -> (Vec<u32>, Vec<u32>) {
    let mut firsts = Vec::new();
    let mut records = Vec::with_capacity(units.len());
    for (number, unit) in units.iter().enumerate() {
        if unit.begins || firsts.is_empty() {
            firsts.push(number as u32);
        }
        records.push(firsts.len() as u32 - 1);
    }
    firsts.push(units.len() as u32);
    (records, firsts)
}

/// What units of vectors' codes are worth, and the largest error and length.
fn scales(rows: &[u8]) -> (Vec<f32>, Scale) {
    let mut widest = Scale { unit: 0.0, error: 0.0, length: 0.0 };
    let mut worths = Vec::with_capacity(rows.len() / Scale::BYTES);
    for at in 0..rows.len() / Scale::BYTES {
        let Some(scale) = Scale::read(rows, at) else { break };
        worths.push(scale.unit);
        widest.error = widest.error.max(scale.error);
        widest.length = widest.length.max(scale.length);
    }
    (worths, widest)
}

/// What is known of each document.
fn metas(file: &FileMap) -> Result<Vec<Meta>, IndexError> {
    let bytes = file.checked(Section::Meta)?;
    let lines = u64_at(bytes, 0)
        .and_then(|length| inflate(bytes.get(8..)?, usize::try_from(length).ok()?))
        .ok_or_else(|| damaged(file.path(), "what is known of its documents"))?;
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| {
            serde_json::from_slice(line)
                .map_err(|error| damaged(file.path(), format!("a document: {error}")))
        })
        .collect()
}
