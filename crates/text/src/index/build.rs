//! A segment in memory: takes documents one by one and becomes a file.

use std::path::Path;

use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use crate::document::{Document, Unit};
use crate::tokenize;

use super::blocks::{BlockWriter, deflate};
use super::error::IndexError;
use super::format::{FileWriter, Section};
use super::postings::{Counts, Field, List};
use super::quantise::{put_codes, quantise};
use super::rows::{DocRow, Meta, Spot, UnitRow, article_code, stands_alone};

/// A document that is ready to be taken into an index.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The document.
    pub document: Document,
    /// A vector for each passage, one after the other; `None` where the index holds no vectors.
    pub vectors: Option<Vec<f32>>,
    /// sha256 of what it was made of, by which a caller knows that nothing changed.
    pub digest: [u8; 32],
}

/// A segment in memory.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pub(super) metas: Vec<Meta>,
    docs: Vec<DocRow>,
    units: Vec<UnitRow>,
    blocks: BlockWriter,
    terms: FxHashMap<u64, List>,
    codes: Vec<u8>,
    scales: Vec<u8>,
    rows: Vec<u8>,
    /// Records so far.
    records: u32,
    /// Bytes of postings and of what stands around them.
    weight: usize,
    scratch: Scratch,
}

/// Memory that is used again for every passage.
#[derive(Debug, Default)]
struct Scratch {
    title: Vec<u64>,
    headings: Vec<u64>,
    /// What the headings' tokens were made of.
    headings_of: String,
    tokens: Vec<(u64, u8)>,
}

impl Builder {
    pub(super) fn is_empty(&self) -> bool {
        self.docs.is_empty()
    }

    pub(super) fn documents(&self) -> u32 {
        self.docs.len() as u32
    }

    pub(super) fn source(&self, doc: u32) -> Option<[u8; 32]> {
        self.docs.get(doc as usize).map(|row| row.source)
    }

    /// About how many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.weight
            + self.blocks.bytes()
            + self.codes.len()
            + self.scales.len()
            + self.rows.len()
            + self.units.len() * size_of::<UnitRow>()
    }

    /// Adds a document that was checked; its number in the segment.
    pub(super) fn push(&mut self, prepared: &Prepared, json: &[u8]) -> u32 {
        let document = &prepared.document;
        let doc = self.docs.len() as u32;
        let mut vectors = Sha256::new();
        if let Some(numbers) = &prepared.vectors {
            let from = self.rows.len();
            self.rows.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
            vectors.update(self.rows.get(from..).unwrap_or_default());
            let dim = numbers.len() / document.units.len().max(1);
            for vector in numbers.chunks_exact(dim.max(1)) {
                let (codes, scale) = quantise(vector);
                put_codes(&codes, &mut self.codes);
                scale.write(&mut self.scales);
            }
        }
        self.docs.push(DocRow {
            content: Sha256::digest(json).into(),
            vectors: vectors.finalize().into(),
            source: prepared.digest,
            place: self.blocks.push(json),
            first_unit: self.units.len() as u32,
            units: document.units.len() as u32,
        });
        self.weight += 600 + document.title.len() + document.work.len();
        self.metas.push(Meta::of(document));
        let mut scratch = std::mem::take(&mut self.scratch);
        title_keys(document, &mut scratch.title);
        let mut alone = true;
        for unit in &document.units {
            let before = std::mem::replace(&mut alone, stands_alone(unit.kind));
            self.push_unit(document, unit, alone || before, &mut scratch);
        }
        self.scratch = scratch;
        doc
    }

    /// Adds a passage of the last document.
    fn push_unit(&mut self, document: &Document, unit: &Unit, begins: bool, scratch: &mut Scratch) {
        let doc = (self.docs.len() as u32).saturating_sub(1);
        self.records += u32::from(begins);
        let number = self.units.len() as u32;
        scratch.headings(unit);
        let Scratch { title, headings, tokens, .. } = scratch;
        tokens.clear();
        let text = unit.span.of(&document.text).unwrap_or_default();
        tokenize::keys(text, |key| tokens.push((key, Field::Text as u8)));
        let lengths = [tokens.len(), title.len(), headings.len()].map(|length| length as u32);
        tokens.extend(title.iter().map(|key| (*key, Field::Title as u8)));
        tokens.extend(headings.iter().map(|key| (*key, Field::Headings as u8)));
        tokens.sort_unstable();
        for same in tokens.chunk_by(|a, b| a.0 == b.0) {
            let mut counts: Counts = [0; 3];
            for (_, field) in same {
                counts[usize::from(*field)] += 1;
            }
            let Some(&(key, _)) = same.first() else { continue };
            let list = self.terms.entry(key).or_insert_with(|| {
                self.weight += 80;
                List::default()
            });
            let before = list.bytes.capacity();
            list.push(number, self.records, counts);
            self.weight += list.bytes.capacity() - before;
        }
        let (validity, article) = (unit.validity, article_code(&unit.address));
        self.units.push(UnitRow { doc, lengths, validity, article, begins });
    }

    /// Writes it as a file; its length in bytes.
    pub(super) fn finish(self, path: &Path) -> Result<u64, IndexError> {
        let mut file = FileWriter::create(path)?;
        file.begin()?;
        self.blocks.finish(&mut file)?;
        write_metas(self.metas.iter(), &mut file)?;
        write_docs(&self.docs, &mut file)?;
        write_units(&self.units, &mut file)?;
        let mut terms: Vec<(u64, List)> = self.terms.into_iter().collect();
        terms.sort_unstable_by_key(|(key, _)| *key);
        file.begin()?;
        let mut table = TermTable::default();
        for (key, list) in &terms {
            table.push(*key, list);
            file.write(&list.bytes)?;
        }
        file.end(Section::Postings);
        drop(terms);
        table.finish(&mut file)?;
        file.section(Section::Codes, &self.codes)?;
        file.section(Section::Scales, &self.scales)?;
        file.section(Section::Rows, &self.rows)?;
        file.finish()
    }
}

impl Scratch {
    /// The tokens of a passage's headings; most have those of the passage before.
    fn headings(&mut self, unit: &Unit) {
        let mut text = unit.headings.join("\n");
        if !unit.context.is_empty() {
            text.push('\n');
            text.push_str(&unit.context);
        }
        if text != self.headings_of {
            self.headings.clear();
            tokenize::keys(&text, |key| self.headings.push(key));
            self.headings_of = text;
        }
    }
}

/// The tokens of the title field: the title, and the 文号 with nothing joined between them.
fn title_keys(document: &Document, out: &mut Vec<u64>) {
    out.clear();
    tokenize::keys(&document.title, |key| out.push(key));
    tokenize::keys(document.number.as_deref().unwrap_or_default(), |key| out.push(key));
}

/// Terms and where their postings are.
#[derive(Debug, Default)]
pub(super) struct TermTable {
    keys: Vec<u8>,
    spots: Vec<u8>,
    at: u64,
}

impl TermTable {
    /// Adds a term whose list is written next.
    pub(super) fn push(&mut self, key: u64, list: &List) {
        self.keys.extend_from_slice(&key.to_le_bytes());
        Spot { start: self.at, records: list.records }.write(&mut self.spots);
        self.at += list.bytes.len() as u64;
    }

    pub(super) fn finish(self, file: &mut FileWriter) -> Result<(), IndexError> {
        file.section(Section::Terms, &self.keys)?;
        file.section(Section::Spots, &self.spots)
    }
}

/// Writes what is known of each document: the length of the lines, and the lines deflated.
pub(super) fn write_metas<'a>(
    metas: impl Iterator<Item = &'a Meta>,
    file: &mut FileWriter,
) -> Result<(), IndexError> {
    let mut lines = Vec::new();
    for meta in metas {
        // Strings, dates and maps with string keys: nothing in it can fail.
        lines.extend(serde_json::to_vec(meta).unwrap_or_default());
        lines.push(b'\n');
    }
    file.begin()?;
    file.write(&(lines.len() as u64).to_le_bytes())?;
    file.write(&deflate(&lines))?;
    file.end(Section::Meta);
    Ok(())
}

pub(super) fn write_docs(docs: &[DocRow], file: &mut FileWriter) -> Result<(), IndexError> {
    let mut rows = Vec::with_capacity(docs.len() * DocRow::BYTES);
    docs.iter().for_each(|row| row.write(&mut rows));
    file.section(Section::Documents, &rows)
}

pub(super) fn write_units(units: &[UnitRow], file: &mut FileWriter) -> Result<(), IndexError> {
    let mut rows = Vec::with_capacity(units.len() * UnitRow::BYTES);
    units.iter().for_each(|row| row.write(&mut rows));
    file.section(Section::Units, &rows)
}
