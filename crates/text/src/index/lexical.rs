//! Search by words: BM25 over records and their passages ([`Scoring`](super::Scoring) has the formula), all of them
//! exactly.
//!
//! Terms are taken one after the other and add to the scores of all records of a segment. Lists are short enough (a
//! question has about fifty tokens) that skipping with bounds would gain little below a million passages, and with all
//! scores at hand what the vectors find has its exact score too.

use crate::tokenize;

use super::config::Scoring;
use super::error::IndexError;
use super::part::{Length, Part};
use super::postings::{Counts, FIELDS, Packed, Postings, unpacked};
use super::rank::{At, Best};
use super::view::{Selection, View};

/// A term of a question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Term {
    key: u64,
    /// How often the question has it.
    times: f32,
    idf: f32,
}

/// The terms of a question in the order they first come in, weighed by what the reader sees.
pub(super) fn terms(parts: &[Part], view: &View, text: &str) -> Result<Vec<Term>, IndexError> {
    let mut terms: Vec<Term> = Vec::new();
    tokenize::keys(text, |key| match terms.iter_mut().find(|term| term.key == key) {
        Some(term) => term.times += 1.0,
        None => terms.push(Term { key, times: 1.0, idf: 0.0 }),
    });
    let all = view.records as f64;
    for term in &mut terms {
        let having = frequency(parts, view, term.key)? as f64;
        term.idf = (1.0 + (all - having + 0.5) / (having + 0.5)).ln() as f32;
    }
    Ok(terms)
}

/// Idf of all terms of a question.
pub(super) fn mass(terms: &[Term]) -> f32 {
    terms.iter().map(|term| term.idf).sum()
}

/// What a record's score can't reach: that of one with all terms of a question, as often as one likes.
pub(super) fn limit(terms: &[Term], scoring: &Scoring) -> f32 {
    terms.iter().map(|term| term.times * term.idf * (scoring.k1 + 1.0)).sum()
}

/// How many of the records that the reader sees have a term.
pub(super) fn frequency(parts: &[Part], view: &View, key: u64) -> Result<u64, IndexError> {
    let mut having = 0;
    for ((part, seen), whole) in parts.iter().zip(&view.seen).zip(&view.whole) {
        let Some((records, mut postings)) = part.segment.postings(key) else { continue };
        if *whole {
            having += u64::from(records);
            continue;
        }
        let mut last = None;
        while let Some((unit, _)) = postings.next() {
            // A document is seen as a whole, and so are its records.
            if seen.contains(unit) {
                let record = part.segment.records.get(unit as usize).copied();
                having += u64::from(record != last);
                last = record;
            }
        }
        complete(part, &postings)?;
    }
    Ok(having)
}

fn complete(part: &Part, postings: &Postings<'_>) -> Result<(), IndexError> {
    if postings.is_done() { Ok(()) } else { Err(part.segment.damaged("postings")) }
}

/// What is added up for a passage.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Idf of the terms found in it, its title and headings.
    found: f32,
    /// BM25: of a record of its own the record's, else that of its own text.
    score: f32,
}

/// Scores of everything in a part.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    passages: Vec<Cell>,
    /// BM25 of each record of several passages.
    records: Vec<f32>,
    /// Share of the passages' own scores.
    share: f32,
}

impl Scores {
    /// The score of a passage.
    pub(super) fn of(&self, part: &Part, unit: u32) -> f32 {
        let at = unit as usize;
        let own = self.passages.get(at).map_or(0.0, |cell| cell.score);
        if part.texts.get(at).is_none_or(|length| length.is_alone()) {
            return own;
        }
        let record = part.segment.records.get(at).copied().unwrap_or_default();
        let whole = self.records.get(record as usize).copied().unwrap_or_default();
        (1.0 - self.share) * whole + self.share * own
    }

    /// Idf of the terms found in a passage.
    pub(super) fn found(&self, unit: u32) -> f32 {
        self.passages.get(unit as usize).map_or(0.0, |cell| cell.found)
    }
}

/// Scores everything.
pub(super) fn score(
    parts: &[Part],
    view: &View,
    scoring: &Scoring,
    terms: &[Term],
) -> Result<Vec<Scores>, IndexError> {
    let frequencies = Frequencies::new(scoring.weights());
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        let scores = Scores {
            passages: vec![Cell::default(); part.texts.len()],
            // Where every passage is a record, none is needed.
            records: match part.lengths.len() == part.texts.len() {
                true => Vec::new(),
                false => vec![0.0; part.lengths.len()],
            },
            share: scoring.passage,
        };
        let mut adder = Adder { part, frequencies: &frequencies, view, scores };
        for term in terms {
            let Some((_, postings)) = part.segment.postings(term.key) else { continue };
            adder
                .add(term, term.times * term.idf * (scoring.k1 + 1.0), postings)
                .ok_or_else(|| part.segment.damaged("postings"))?;
        }
        all.push(adder.scores);
    }
    Ok(all)
}

/// Weighted frequencies of terms.
struct Frequencies {
    weights: [f32; FIELDS],
    /// Of counts that lie in a byte, by the byte.
    few: [f32; 256],
}

impl Frequencies {
    fn new(weights: [f32; FIELDS]) -> Self {
        let mut new = Self { weights, few: [0.0; 256] };
        for packed in 0..=u8::MAX {
            new.few[usize::from(packed)] = new.of(unpacked(packed));
        }
        new
    }

    fn of(&self, counts: Counts) -> f32 {
        let [text, title, headings] = self.weights;
        counts[0] as f32 * text + counts[1] as f32 * title + counts[2] as f32 * headings
    }

    #[inline]
    fn packed(&self, packed: Packed) -> f32 {
        match packed {
            Packed::Few(byte) => self.few[usize::from(byte)],
            Packed::Many(counts) => self.of(counts),
        }
    }
}

/// Adds terms to the scores of a part.
struct Adder<'a> {
    part: &'a Part,
    frequencies: &'a Frequencies,
    view: &'a View,
    scores: Scores,
}

impl Adder<'_> {
    /// Adds a term; `None` where its postings make no sense.
    fn add(&mut self, term: &Term, weight: f32, postings: Postings<'_>) -> Option<()> {
        let (lengths, norm) = (self.part.texts.as_slice(), self.view.record_norm);
        let (frequencies, idf) = (self.frequencies, term.idf);
        let Scores { passages, records, .. } = &mut self.scores;
        let passages = passages.as_mut_slice();
        let mut group = Group {
            part: self.part,
            view: self.view,
            frequencies,
            weight,
            records,
            open: (0, [0; FIELDS]),
        };
        postings.walk(|unit, packed| {
            let at = unit as usize;
            let (cell, length) = (passages.get_mut(at)?, *lengths.get(at)?);
            cell.found += idf;
            if !length.is_alone() {
                return group.take(at, length, packed.counts(), &mut cell.score);
            }
            let frequency = frequencies.packed(packed);
            if frequency > 0.0 {
                cell.score += weight * frequency / (frequency + norm.of(length.tokens()));
            }
            Some(())
        })?;
        group.close()
    }
}

/// Adds a term to records of several passages.
struct Group<'a> {
    part: &'a Part,
    view: &'a View,
    frequencies: &'a Frequencies,
    weight: f32,
    records: &'a mut [f32],
    /// The record that is being read, and its counts so far.
    open: (u32, Counts),
}

impl Group<'_> {
    /// A passage of a record, and the score of its own text.
    #[inline(never)]
    fn take(&mut self, at: usize, length: Length, own: Counts, score: &mut f32) -> Option<()> {
        let of = *self.part.segment.records.as_slice().get(at)?;
        if of != self.open.0 {
            self.close()?;
            self.open = (of, own);
        } else {
            let [text, title, headings] = own;
            let [texts, titles, most] = self.open.1;
            self.open.1 = [texts + text, titles.max(title), most.max(headings)];
        }
        if own[0] > 0 {
            let (text, norm) = (own[0] as f32, self.view.passage_norm.of(length.tokens()));
            *score += self.weight * text / (text + norm);
        }
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let (record, counts) = self.open;
        let frequency = self.frequencies.of(counts);
        if frequency > 0.0 {
            let norm = self.view.record_norm.of(*self.part.lengths.get(record as usize)?);
            *self.records.get_mut(record as usize)? += self.weight * frequency / (frequency + norm);
        }
        Some(())
    }
}

/// The best records of a selection, each by its first passage, best first.
pub(super) fn best(
    parts: &[Part],
    selection: &Selection,
    scores: &[Scores],
    depth: usize,
) -> Vec<At> {
    let mut best = Best::new(depth);
    for (number, ((part, chosen), scores)) in
        parts.iter().zip(&selection.chosen).zip(scores).enumerate()
    {
        let (mut record, mut most) = (None, 0.0_f32);
        let close = |record: Option<u32>, most: f32, best: &mut Best| {
            if let Some(record) = record.filter(|_| most > 0.0) {
                best.push(At::record(number, part, record), most);
            }
        };
        let (lengths, passages) = (part.texts.as_slice(), scores.passages.as_slice());
        chosen.for_each(|unit| {
            let at = unit as usize;
            let (Some(length), Some(cell)) = (lengths.get(at), passages.get(at)) else { return };
            if length.is_alone() {
                if cell.score > 0.0 {
                    best.push(At { part: number as u32, unit }, cell.score);
                }
                return;
            }
            let (of, score) = (part.segment.records.get(at).copied(), scores.of(part, unit));
            if of != record {
                close(record, most, &mut best);
                (record, most) = (of, score);
            }
            most = most.max(score);
        });
        close(record, most, &mut best);
    }
    best.finish(parts).into_iter().map(|(at, _)| at).collect()
}
