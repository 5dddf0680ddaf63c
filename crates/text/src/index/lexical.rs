//! Search by words: BM25 over records and their passages ([`Scoring`](super::Scoring) has the formula), all of them
//! exactly.
//!
//! Terms are taken one after the other and add to the scores of all records of a segment. Lists are short enough (a
//! question has about fifty tokens) that skipping with bounds would gain little below a million passages, and with all
//! scores at hand what the vectors find has its exact score too.

use crate::tokenize;

use super::config::Scoring;
use super::error::IndexError;
use super::part::{ALONE, Part};
use super::postings::{Counts, Postings};
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

/// Scores of everything in a part.
#[derive(Debug, Clone, Default)]
pub(super) struct Scores {
    /// BM25 of each record.
    records: Vec<f32>,
    /// BM25 of each passage's own text, where it is not a record of its own.
    passages: Vec<f32>,
    /// Idf of the terms found in each passage, its title and headings.
    found: Vec<f32>,
    /// Share of the passages' own scores.
    share: f32,
}

impl Scores {
    /// The score of a passage.
    pub(super) fn of(&self, part: &Part, unit: u32) -> f32 {
        let record = part.segment.records.get(unit as usize).copied().unwrap_or_default();
        let of = |scores: &[f32], at: u32| scores.get(at as usize).copied().unwrap_or_default();
        let whole = of(&self.records, record);
        if part.segment.record(record).len() == 1 {
            return whole;
        }
        (1.0 - self.share) * whole + self.share * of(&self.passages, unit)
    }

    /// Idf of the terms found in a passage.
    pub(super) fn found(&self, unit: u32) -> f32 {
        self.found.get(unit as usize).copied().unwrap_or_default()
    }
}

/// Scores everything.
pub(super) fn score(
    parts: &[Part],
    view: &View,
    scoring: &Scoring,
    terms: &[Term],
) -> Result<Vec<Scores>, IndexError> {
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        let mut adder = Adder {
            part,
            weights: scoring.weights(),
            view,
            scores: Scores {
                records: vec![0.0; part.lengths.len()],
                passages: vec![0.0; part.texts.len()],
                found: vec![0.0; part.texts.len()],
                share: scoring.passage,
            },
        };
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

/// Adds terms to the scores of a part.
struct Adder<'a> {
    part: &'a Part,
    weights: [f32; 3],
    view: &'a View,
    scores: Scores,
}

impl Adder<'_> {
    /// Adds a term; `None` where its postings make no sense.
    fn add(&mut self, term: &Term, weight: f32, mut postings: Postings<'_>) -> Option<()> {
        let records = self.part.segment.records.as_slice();
        // The record that is being read, and its counts so far.
        let (mut record, mut counts) = (0, Counts::default());
        while let Some((unit, own)) = postings.next() {
            let at = unit as usize;
            let of = *records.get(at)?;
            if of != record {
                self.close(record, counts, weight)?;
                (record, counts) = (of, own);
            } else {
                let [text, title, headings] = own;
                let [texts, titles, most] = counts;
                counts = [texts + text, titles.max(title), most.max(headings)];
            }
            *self.scores.found.get_mut(at)? += term.idf;
            let length = *self.part.texts.get(at)?;
            if own[0] > 0 && length > ALONE {
                let (text, norm) = (own[0] as f32, self.view.passage_norm.of(length));
                *self.scores.passages.get_mut(at)? += weight * text / (text + norm);
            }
        }
        self.close(record, counts, weight)?;
        postings.is_done().then_some(())
    }

    fn close(&mut self, record: u32, counts: Counts, weight: f32) -> Option<()> {
        let [text, title, headings] = self.weights;
        let frequency =
            counts[0] as f32 * text + counts[1] as f32 * title + counts[2] as f32 * headings;
        if frequency > 0.0 {
            let norm = self.view.record_norm.of(*self.part.lengths.get(record as usize)?);
            *self.scores.records.get_mut(record as usize)? +=
                weight * frequency / (frequency + norm);
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
        let mut close = |record: Option<u32>, most: f32| {
            if let Some(record) = record.filter(|_| most > 0.0) {
                best.push(At::record(number, part, record), most);
            }
        };
        for unit in chosen.iter() {
            let (of, score) =
                (part.segment.records.get(unit as usize).copied(), scores.of(part, unit));
            if of != record {
                close(record, most);
                (record, most) = (of, score);
            }
            most = most.max(score);
        }
        close(record, most);
    }
    best.finish(parts).into_iter().map(|(at, _)| at).collect()
}
