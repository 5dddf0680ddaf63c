//! Several segments into one, without what was deleted. Memory stays small: terms are merged from the maps, blocks of
//! documents and vectors are copied as they are, and of the maps no more than a stretch is in memory at a time.

use std::path::Path;
use std::sync::Arc;

use super::blocks::BlockWriter;
use super::build::{TermTable, write_docs, write_metas, write_units};
use super::error::IndexError;
use super::format::{FileWriter, STRETCH, Section};
use super::postings::{List, Postings};
use super::quantise::{Scale, stride};
use super::rows::{DocRow, Meta, UnitRow};
use super::segment::{OpenBlock, Segment};

/// A segment to be merged, and its documents that are gone, ascending.
pub(super) struct Source {
    pub(super) segment: Arc<Segment>,
    pub(super) deleted: Vec<u32>,
}

impl Source {
    fn lives(&self, doc: u32) -> bool {
        self.deleted.binary_search(&doc).is_err()
    }

    /// Documents that stay.
    pub(super) fn living(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.segment.docs.len() as u32).filter(|doc| self.lives(*doc))
    }
}

/// New numbers.
struct Renumbered {
    /// Of each source's passages.
    units: Vec<Vec<u32>>,
    /// The record of each new passage.
    records: Vec<u32>,
}

/// Counts what was read of the sources, and gives its memory back in time. All of it is read from front to back.
#[derive(Default)]
struct Pace {
    since: usize,
}

impl Pace {
    fn read(&mut self, bytes: usize, sources: &[Source]) {
        self.since += bytes;
        if self.since >= STRETCH {
            sources.iter().for_each(|source| source.segment.release());
            self.since = 0;
        }
    }
}

/// Marks a passage that goes.
const GONE: u32 = u32::MAX;

/// Writes the merged segment; its length in bytes.
pub(super) fn merge(sources: &[Source], dim: usize, path: &Path) -> Result<u64, IndexError> {
    let mut file = FileWriter::create(path)?;
    let (mut docs, mut units) = (Vec::<DocRow>::new(), Vec::<UnitRow>::new());
    file.begin()?;
    let mut blocks = BlockWriter::default();
    let mut renumbered: Vec<Vec<u32>> = Vec::with_capacity(sources.len());
    for source in sources {
        let segment = &source.segment;
        // What is damaged must not get a new checksum.
        segment.verify()?;
        let mut open = OpenBlock::default();
        let first_block = match source.deleted.is_empty() {
            true => Some(blocks.copy(&segment.blocks(), &mut file)?),
            false => None,
        };
        let mut numbers = vec![GONE; segment.units.len()];
        for doc in source.living() {
            let Some(mut row) = segment.docs.get(doc as usize).copied() else { continue };
            match first_block {
                Some(first) => row.place.block += first,
                None => row.place = blocks.push(segment.json(doc, &mut open)?),
            }
            let range = row.range();
            row.first_unit = units.len() as u32;
            for unit in range {
                let (Some(old), Some(number)) =
                    (segment.units.get(unit as usize), numbers.get_mut(unit as usize))
                else {
                    return Err(segment.damaged("a document's range of passages"));
                };
                *number = units.len() as u32;
                units.push(UnitRow { doc: docs.len() as u32, ..*old });
            }
            docs.push(row);
            blocks.drain(&mut file)?;
        }
        segment.release();
        renumbered.push(numbers);
    }
    blocks.finish(&mut file)?;
    write_metas(sources.iter().flat_map(metas), &mut file)?;
    write_docs(&docs, &mut file)?;
    write_units(&units, &mut file)?;
    let mut record = 0;
    let records: Vec<u32> = units
        .iter()
        .map(|unit| {
            record += u32::from(unit.begins);
            record
        })
        .collect();
    merge_terms(sources, &Renumbered { units: renumbered, records }, &mut file)?;
    copy_vectors(sources, dim, &mut file)?;
    file.finish()
}

fn metas(source: &Source) -> impl Iterator<Item = &Meta> {
    source.living().filter_map(|doc| source.segment.metas.get(doc as usize))
}

/// Merges the terms by their keys; passages of later sources lie behind those of earlier ones, so lists are joined.
fn merge_terms(
    sources: &[Source],
    renumbered: &Renumbered,
    file: &mut FileWriter,
) -> Result<(), IndexError> {
    let mut places = vec![0_usize; sources.len()];
    let mut table = TermTable::default();
    let mut list = List::default();
    let mut pace = Pace::default();
    file.begin()?;
    let key_of = |source: &Source, place: usize| source.segment.key(place);
    loop {
        let keys = sources.iter().zip(&places).filter_map(|(s, place)| key_of(s, *place));
        let Some(key) = keys.min() else { break };
        list.clear();
        for ((source, place), numbers) in sources.iter().zip(&mut places).zip(&renumbered.units) {
            if key_of(source, *place) != Some(key) {
                continue;
            }
            append(&source.segment, *place, (numbers, &renumbered.records), &mut list)?;
            *place += 1;
        }
        if !list.bytes.is_empty() {
            table.push(key, &list);
            file.write(&list.bytes)?;
            pace.read(list.bytes.len(), sources);
        }
    }
    file.end(Section::Postings);
    table.finish(file)
}

fn append(
    segment: &Segment,
    place: usize,
    (numbers, records): (&[u32], &[u32]),
    list: &mut List,
) -> Result<(), IndexError> {
    let fault = || segment.damaged("postings");
    let (_, bytes) = segment.list(place).ok_or_else(fault)?;
    let mut postings = Postings::new(bytes);
    while let Some((unit, counts)) = postings.next() {
        let number = *numbers.get(unit as usize).ok_or_else(fault)?;
        if number != GONE {
            let record = records.get(number as usize).ok_or_else(fault)?;
            list.push(number, *record, counts);
        }
    }
    if postings.is_done() { Ok(()) } else { Err(fault()) }
}

/// Copies the vectors of the documents that stay.
fn copy_vectors(sources: &[Source], dim: usize, file: &mut FileWriter) -> Result<(), IndexError> {
    let scale = if dim == 0 { 0 } else { Scale::BYTES };
    let sections = [
        (Section::Codes, stride(dim)),
        (Section::Scales, scale),
        (Section::Rows, dim * size_of::<f32>()),
    ];
    let mut pace = Pace::default();
    for (section, bytes) in sections {
        file.begin()?;
        for source in sources {
            let rows = source.segment.vectors(section);
            for doc in source.living() {
                let Some(row) = source.segment.docs.get(doc as usize) else { continue };
                let range = row.range();
                let (from, to) = (range.start as usize * bytes, range.end as usize * bytes);
                let part = rows.get(from..to);
                let part = part.ok_or_else(|| source.segment.damaged("vectors"))?;
                file.write(part)?;
                pace.read(part.len(), sources);
            }
        }
        file.end(section);
    }
    Ok(())
}
