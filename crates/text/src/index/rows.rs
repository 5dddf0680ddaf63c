//! What a segment keeps of each document and passage beside their text.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::date::Date;
use crate::document::{Document, DocumentKind, Relation, UnitKind, Validity};

use crate::structure::versions::WorkVersion;

use super::blocks::Place;
use super::format::{u32_at, u64_at};
use super::postings::FIELDS;

/// What filters, lists and version chains need of a document.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub(super) id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) work: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) title: String,
    pub(super) kind: DocumentKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<Date>,
    #[serde(skip_serializing_if = "no_limits")]
    pub(super) validity: Validity,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) relations: Vec<Relation>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) source: String,
    /// [`WorkVersion::part`] and [`WorkVersion::scope`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn no_limits(validity: &Validity) -> bool {
    *validity == Validity::default()
}

impl Meta {
    pub(super) fn of(document: &Document) -> Self {
        let WorkVersion { part, scope, .. } = WorkVersion::of(document);
        Self {
            part,
            scope,
            id: document.id.clone(),
            work: document.work.clone(),
            title: document.title.clone(),
            kind: document.kind,
            number: document.number.clone(),
            issuer: document.issuer.clone(),
            region: document.region.clone(),
            version: document.version.clone(),
            published: document.published,
            validity: document.validity,
            labels: document.labels.clone(),
            relations: document.relations.clone(),
            source: document.source.clone(),
        }
    }

    /// What the order of versions needs of it.
    pub(super) fn work_version(&self) -> WorkVersion {
        WorkVersion {
            doc_id: self.id.clone(),
            work: self.work.clone(),
            kind: self.kind,
            part: self.part.clone(),
            scope: self.scope.clone(),
            number: self.number.clone(),
            published: self.published,
            validity: self.validity,
            relations: self.relations.clone(),
        }
    }
}

/// A document's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DocRow {
    /// sha256 of the document.
    pub(super) content: [u8; 32],
    /// sha256 of its vectors.
    pub(super) vectors: [u8; 32],
    /// sha256 of what it was made of, as the caller said.
    pub(super) source: [u8; 32],
    pub(super) place: Place,
    pub(super) first_unit: u32,
    pub(super) units: u32,
}

impl DocRow {
    pub(super) const BYTES: usize = 3 * 32 + 5 * 4;

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        [self.content, self.vectors, self.source].iter().for_each(|sha| out.extend_from_slice(sha));
        let Place { block, offset, length } = self.place;
        for number in [block, offset, length, self.first_unit, self.units] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn read(row: &[u8]) -> Option<Self> {
        let sha = |at: usize| row.get(at..)?.first_chunk().copied();
        let number = |at: usize| u32_at(row, 96 + 4 * at);
        Some(Self {
            content: sha(0)?,
            vectors: sha(32)?,
            source: sha(64)?,
            place: Place { block: number(0)?, offset: number(1)?, length: number(2)? },
            first_unit: number(3)?,
            units: number(4)?,
        })
    }

    /// Its passages in the segment.
    pub(super) fn range(&self) -> std::ops::Range<u32> {
        self.first_unit..self.first_unit.saturating_add(self.units)
    }
}

/// A passage's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitRow {
    /// Its document in the segment.
    pub(super) doc: u32,
    /// Tokens of its fields.
    pub(super) lengths: [u32; FIELDS],
    /// Its days, where they differ from the document's.
    pub(super) validity: Option<Validity>,
    /// [`article_code`] of its address.
    pub(super) article: u32,
    /// Whether a record begins with it: see [`Scoring`](super::Scoring).
    pub(super) begins: bool,
}

impl UnitRow {
    pub(super) const BYTES: usize = 4 + 4 * FIELDS + 4 + 8 + 4;
    /// Flags: its days differ, from when, until when.
    const OWN: u32 = 1;
    const FROM: u32 = 2;
    const TO: u32 = 4;
    /// Flag: a record begins with it.
    const BEGINS: u32 = 8;

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let validity = self.validity.unwrap_or_default();
        let mut flags = if self.validity.is_some() { Self::OWN } else { 0 };
        flags |= validity.from.map_or(0, |_| Self::FROM) | validity.to.map_or(0, |_| Self::TO);
        flags |= if self.begins { Self::BEGINS } else { 0 };
        let days = |day: Option<Date>| day.map_or(0, Date::days) as u32;
        let [a, b, c] = self.lengths;
        let (from, to) = (days(validity.from), days(validity.to));
        for number in [self.doc, a, b, c, flags, from, to, self.article] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn read(row: &[u8]) -> Option<Self> {
        let number = |at: usize| u32_at(row, 4 * at);
        let flags = number(4)?;
        let day = |flag: u32, at: usize| match flags & flag {
            0 => Some(None),
            _ => Date::from_days(number(at)? as i32).map(Some),
        };
        let validity = Validity { from: day(Self::FROM, 5)?, to: day(Self::TO, 6)? };
        Some(Self {
            doc: number(0)?,
            lengths: [number(1)?, number(2)?, number(3)?],
            validity: (flags & Self::OWN != 0).then_some(validity),
            article: number(7)?,
            begins: flags & Self::BEGINS != 0,
        })
    }
}

/// The article of an address as one number; 0 without one. Two articles may share a number only beyond 第…条之二百五十五.
pub(super) fn article_code(address: &Address) -> u32 {
    address
        .article
        .map_or(0, |article| (article.value.min(0x00ff_fffe) + 1) << 8 | article.inserted.min(255))
}

/// Whether a passage is a record of its own, whatever stands beside it.
pub(super) const fn stands_alone(kind: UnitKind) -> bool {
    matches!(kind, UnitKind::Article | UnitKind::Row | UnitKind::Case)
}

/// A term's row: where its postings lie, and in how many records it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) start: u64,
    pub(super) records: u32,
}

impl Spot {
    pub(super) const BYTES: usize = 12;

    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.start.to_le_bytes());
        out.extend_from_slice(&self.records.to_le_bytes());
    }

    pub(super) fn read(rows: &[u8], at: usize) -> Option<Self> {
        let at = at * Self::BYTES;
        Some(Self { start: u64_at(rows, at)?, records: u32_at(rows, at + 8)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Number;

    #[test]
    fn rows_are_read_as_written() {
        let place = Place { block: 7, offset: 8, length: 9 };
        let row = DocRow {
            content: [1; 32],
            vectors: [2; 32],
            source: [3; 32],
            place,
            first_unit: 4,
            units: 5,
        };
        let mut bytes = Vec::new();
        row.write(&mut bytes);
        assert_eq!(bytes.len(), DocRow::BYTES);
        assert_eq!(DocRow::read(&bytes), Some(row));
        let day = Date::new(1954, 9, 20);
        let spans = [None, Some((None, None)), Some((day, None)), Some((None, day))];
        for days in spans {
            let validity = days.map(|(from, to)| Validity { from, to });
            let begins = days.is_some();
            let row = UnitRow { doc: 1, lengths: [2, 3, 4], validity, article: 5, begins };
            let mut bytes = Vec::new();
            row.write(&mut bytes);
            assert_eq!(bytes.len(), UnitRow::BYTES);
            assert_eq!(UnitRow::read(&bytes), Some(row));
        }
    }

    #[test]
    fn articles_have_numbers_of_their_own() {
        let code = |value, inserted| {
            let article = Some(Number { value, inserted });
            article_code(&Address { article, ..Address::default() })
        };
        assert_eq!(article_code(&Address::default()), 0);
        let codes = [code(0, 0), code(1, 0), code(1, 1), code(120, 0), code(120, 1), code(121, 0)];
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]) && codes[0] > 0);
        assert!(code(u32::MAX, u32::MAX) > code(1260, 0));
    }
}
