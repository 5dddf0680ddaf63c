//! A segment as a snapshot sees it: with what was deleted, and what newer versions and repeals left of each document.

use std::sync::Arc;

use crate::document::Validity;

use super::bits::Bits;
use super::config::Scoring;
use super::postings::FIELDS;
use super::query::{Filter, Summary, Viewer};
use super::rows::UnitRow;
use super::segment::Segment;
use super::view::{applies, in_force};

/// What other documents leave of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// The days they leave.
    pub(super) validity: Validity,
    /// Whether a newer version takes its place when they end.
    pub(super) superseded: bool,
    /// The document that ends them.
    pub(super) ended_by: Option<String>,
    /// The days they leave of single passages, by their number in the document.
    pub(super) units: Vec<(u32, Validity)>,
}

/// A segment in a snapshot.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    /// Documents that are not deleted.
    pub(super) living: Bits,
    /// For each document, what others leave of it; empty where they touch none.
    pub(super) left: Vec<Left>,
    /// The weighted length of each record: its texts, its title once, its longest headings.
    pub(super) lengths: Vec<f32>,
    /// What the score of each passage's own text is measured by.
    pub(super) texts: Vec<Length>,
}

/// The length of a passage: of a record of its own the record's, else the tokens of its text. One number holds which it is, as
/// it is read for every posting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Length(f32);

impl Length {
    const fn alone(record: f32) -> Self {
        Self(-record)
    }

    const fn within(text: f32) -> Self {
        Self(text)
    }

    /// Whether the passage is a record of its own.
    #[inline]
    pub(super) const fn is_alone(self) -> bool {
        self.0.is_sign_negative()
    }

    #[inline]
    pub(super) const fn tokens(self) -> f32 {
        self.0.abs()
    }
}

impl Part {
    pub(super) fn new(segment: Arc<Segment>, deleted: &[u32], scoring: &Scoring) -> Self {
        let count = segment.docs.len();
        let mut living = Bits::none(count);
        (0..count as u32)
            .filter(|doc| deleted.binary_search(doc).is_err())
            .for_each(|doc| living.insert(doc));
        let (lengths, texts) = lengths(&segment, scoring.weights());
        Self { segment, living, left: Vec::new(), lengths, texts }
    }

    /// Whether a reader may see a document.
    pub(super) fn sees(&self, doc: u32, viewer: &Viewer) -> bool {
        self.segment.metas.get(doc as usize).is_some_and(|meta| viewer.sees(&meta.labels))
    }

    /// Whether a document is within a filter, whatever the day.
    pub(super) fn admits(&self, doc: u32, filter: &Filter) -> bool {
        let Some(meta) = self.segment.metas.get(doc as usize) else { return false };
        filter.viewer.sees(&meta.labels)
            && applies(meta.region.as_deref(), filter.region.as_deref())
            && (filter.kinds.is_empty() || filter.kinds.contains(&meta.kind))
            && (filter.works.is_empty() || filter.works.contains(&meta.work))
            && (filter.documents.is_empty() || filter.documents.contains(&meta.id))
    }

    /// The passages of a document, with their numbers in the segment.
    pub(super) fn units(&self, doc: u32) -> impl Iterator<Item = (u32, &UnitRow)> {
        let range = self.segment.docs.get(doc as usize).map_or(0..0, super::rows::DocRow::range);
        let rows = self.segment.units.get(range.start as usize..range.end as usize);
        range.zip(rows.unwrap_or_default())
    }

    /// A passage's number in its document.
    pub(super) fn within(&self, unit: u32) -> Option<(u32, u32)> {
        let doc = self.segment.units.get(unit as usize)?.doc;
        Some((doc, unit.checked_sub(self.segment.docs.get(doc as usize)?.first_unit)?))
    }

    /// The days a document is in force.
    pub(super) fn document_validity(&self, doc: u32) -> Validity {
        let own =
            self.segment.metas.get(doc as usize).map_or_else(Validity::default, |m| m.validity);
        self.left.get(doc as usize).map_or(own, |left| own.and(left.validity))
    }

    /// The days a passage is in force.
    pub(super) fn validity(&self, unit: u32) -> Validity {
        let Some((doc, number)) = self.within(unit) else { return Validity::default() };
        let row = self.segment.units.get(unit as usize).and_then(|row| row.validity);
        let meta = self.segment.metas.get(doc as usize);
        let document = meta.map_or_else(Validity::default, |meta| meta.validity);
        let Some(left) = self.left.get(doc as usize) else { return row.unwrap_or(document) };
        let days = in_force(row, document, left.validity);
        left.units
            .iter()
            .filter(|(unit, _)| *unit == number)
            .fold(days, |days, (_, left)| days.and(*left))
    }

    /// What is known of a document.
    pub(super) fn summary(&self, doc: u32) -> Option<Summary> {
        let meta = self.segment.metas.get(doc as usize)?;
        Some(Summary {
            id: Arc::clone(self.segment.ids.get(doc as usize)?),
            work: meta.work.clone(),
            title: meta.title.clone(),
            kind: meta.kind,
            number: meta.number.clone(),
            issuer: meta.issuer.clone(),
            region: meta.region.clone(),
            version: meta.version.clone(),
            published: meta.published,
            validity: self.document_validity(doc),
            superseded: self.left.get(doc as usize).is_some_and(|left| left.superseded),
            labels: meta.labels.clone(),
            source: meta.source.clone(),
            units: self.segment.docs.get(doc as usize)?.units as usize,
        })
    }
}

/// The length of each record and of each passage.
fn lengths(segment: &Segment, weights: [f32; FIELDS]) -> (Vec<f32>, Vec<Length>) {
    let mut texts = Vec::with_capacity(segment.units.len());
    let records = (0..segment.record_count() as u32).map(|record| {
        let range = segment.record(record);
        let rows = segment.units.get(range.start as usize..range.end as usize);
        let mut sums = [0_u32; FIELDS];
        for row in rows.unwrap_or_default() {
            let [text, title, headings] = row.lengths;
            sums = [sums[0].saturating_add(text), sums[1].max(title), sums[2].max(headings)];
            texts.push(Length::within(text as f32));
        }
        let length = sums.iter().zip(weights).map(|(sum, weight)| *sum as f32 * weight).sum();
        if let (1, Some(only)) = (range.len(), texts.last_mut()) {
            *only = Length::alone(length);
        }
        length
    });
    (records.collect(), texts)
}
