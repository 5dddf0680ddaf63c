//! Answers: the best passage is read, what it says is quoted, what it refers to is shown; or the question is refused,
//! with what comes nearest and whom to ask.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_core::provenance::STRATA_VERSION;
use strata_core::runtime::RunOptions;
use strata_text::document::Document;
use strata_text::index::{Hit, Snapshot};
use strata_text::reader::ReadAnswer;
use strata_text::span::Span;
use strata_text::structure;

use super::citation::{Citation, Ground};
use super::find::{Found, SearchAsk, hits};
use crate::audit::Record;
use crate::desk::{Desk, DeskError};
use crate::refusal::{confidence, signals};
use crate::scenario::{AnswerTask, Words};

/// Cross-references of an answer that are shown.
const REFERENCES: usize = 6;

/// A question.
#[derive(Debug, Clone)]
pub struct Ask {
    /// What is looked for, and by whom.
    pub search: SearchAsk,
    /// How the answer is made.
    pub task: AnswerTask,
}

/// Whether there is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The corpus holds it.
    Answered,
    /// It does not, as far as can be told.
    Refused,
}

/// An answer, or a refusal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// The question.
    pub question: String,
    /// The day.
    pub as_of: String,
    /// Whether there is an answer.
    pub outcome: Outcome,
    /// Probability that the corpus holds the answer.
    pub confidence: f32,
    /// The answer: verbatim spans, each with the citation it is taken from.
    pub spans: Vec<QuotedSpan>,
    /// The citations, as `[1]`, `[2]` … of the answer.
    pub citations: Vec<Citation>,
    /// Texts that the citations refer to.
    pub references: Vec<Citation>,
    /// What else is relevant.
    pub related: Vec<Citation>,
    /// Why there is no answer, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RefusalInfo>,
    /// State of the index.
    pub index: String,
    /// Version of Strata.
    pub strata: String,
}

/// A verbatim piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuotedSpan {
    /// The words.
    pub text: String,
    /// Its citation, from 1.
    pub citation: usize,
    /// First character in the document's text.
    pub char_start: usize,
    /// The character behind the last.
    pub char_end: usize,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalInfo {
    /// Stable word: `nothing-found`, `not-in-corpus`.
    pub code: String,
    /// What to do, in Chinese.
    pub handoff_zh: String,
    /// What to do, in English.
    pub handoff_en: String,
}

impl Answer {
    /// For the audit log.
    #[must_use]
    pub fn record(&self, who: &str, departments: Vec<String>, request: &str) -> Record {
        Record {
            who: who.to_owned(),
            action: "ask".to_owned(),
            question: strata_text::mask::mask(&self.question),
            as_of: self.as_of.clone(),
            departments,
            outcome: match self.outcome {
                Outcome::Answered => "answered".to_owned(),
                Outcome::Refused => "refused".to_owned(),
            },
            cited: self
                .citations
                .iter()
                .chain(&self.references)
                .chain(&self.related)
                .map(Citation::cited)
                .collect(),
            index: self.index.clone(),
            request: request.to_owned(),
        }
    }
}

/// A passage that was read.
struct Read {
    hit: Hit,
    document: std::sync::Arc<Document>,
    answers: Vec<ReadAnswer>,
}

/// Answers a question.
///
/// # Errors
/// A question that cannot be asked, an index or model that fails. A question without an answer is no error.
pub fn ask(desk: &Desk, ask: &Ask, run: &RunOptions) -> Result<Answer, DeskError> {
    let search = &ask.search;
    search.check()?;
    let snapshot = desk.snapshot();
    let Found { hits, exact, as_found } = hits(desk, &snapshot, search, run)?;
    let hits = reranked(desk, &snapshot, search, (hits, exact), run)?;
    let confidence = match exact {
        0 => {
            let signals = signals(&snapshot, &search.viewer, &search.text, &as_found)?;
            confidence(&desk.refusal, &signals)
        }
        // What is named by its number is there.
        _ => 1.0,
    };
    let ground = Ground { snapshot: &snapshot, viewer: &search.viewer, as_of: search.as_of };
    let mut answer = Answer {
        question: search.text.trim().to_owned(),
        as_of: search.as_of.to_string(),
        outcome: Outcome::Refused,
        confidence,
        spans: Vec::new(),
        citations: Vec::new(),
        references: Vec::new(),
        related: Vec::new(),
        refusal: None,
        index: snapshot.generation().to_string(),
        strata: STRATA_VERSION.to_owned(),
    };
    if confidence >= ask.task.refuse_below
        && let Some(read) = read(desk, &snapshot, ask, &readable(&search.text, &hits, exact), run)?
    {
        quote(ground, &read, &ask.task, &mut answer);
        refer(ground, search, &read, &mut answer)?;
    }
    if answer.citations.is_empty() {
        let code = if hits.is_empty() { "nothing-found" } else { "not-in-corpus" };
        answer.refusal = Some(refusal(code, &ask.task.handoff));
    } else {
        answer.outcome = Outcome::Answered;
    }
    relate(ground, &hits, ask.task.related, &mut answer)?;
    verified(&snapshot, search, answer)
}

fn refusal(code: &str, handoff: &Words) -> RefusalInfo {
    RefusalInfo {
        code: code.to_owned(),
        handoff_zh: handoff.zh.clone(),
        handoff_en: handoff.en.clone(),
    }
}

/// The passages in the order of the cross-encoder, where there is one; what is named stays first.
fn reranked(
    desk: &Desk,
    snapshot: &Snapshot,
    search: &SearchAsk,
    (mut hits, exact): (Vec<Hit>, usize),
    run: &RunOptions,
) -> Result<Vec<Hit>, DeskError> {
    let Some(reranker) = &desk.reranker else { return Ok(hits) };
    let mut rest = hits.split_off(exact.min(hits.len()));
    let mut texts = Vec::with_capacity(rest.len());
    for hit in &rest {
        let document = snapshot.document(&hit.doc, &search.viewer)?;
        texts.push(document.map(|document| document.passage(hit.unit)).unwrap_or_default());
    }
    let scores = reranker.score(&search.text, &texts, run)?;
    for (hit, score) in rest.iter_mut().zip(scores) {
        hit.score = score;
    }
    rest.sort_by(|a, b| b.score.total_cmp(&a.score));
    hits.extend(rest);
    Ok(hits)
}

/// What is read for the answer: of a question that names an article, that article; of one that names a document by its
/// number, what was found of it; of any other, what fits best.
fn readable<'a>(text: &str, hits: &'a [Hit], exact: usize) -> Vec<&'a Hit> {
    let named = hits.get(..exact).unwrap_or_default();
    if named.is_empty() {
        return hits.iter().collect();
    }
    let article = structure::citations(text).iter().any(|named| !named.addresses.is_empty());
    if article || structure::number::find(text).is_none() {
        return named.iter().collect();
    }
    hits.iter().filter(|hit| named.iter().any(|own| own.doc == hit.doc)).collect()
}

/// Reads the best passage that has words to quote.
///
/// The order of the search decides. The reader's score says which words answer best *if* the passage answers at all; as a
/// say in which passage does, it made the right article first for 29 of a hundred lay questions over 58,637 articles
/// (STARD dev), where the search's order alone does for 37.
fn read(
    desk: &Desk,
    snapshot: &Snapshot,
    ask: &Ask,
    hits: &[&Hit],
    run: &RunOptions,
) -> Result<Option<Read>, DeskError> {
    for &hit in hits.iter().take(ask.task.read) {
        let Some(document) = snapshot.document(&hit.doc, &ask.search.viewer)? else { continue };
        let Some(unit) = document.units.get(hit.unit) else { continue };
        let Some(passage) = unit.span.of(&document.text) else { continue };
        let mut answers = match &desk.reader {
            Some(reader) => reader.read(&ask.search.text, passage, ask.task.max_spans + 1, run)?,
            // Without a reader the passage as a whole is the answer.
            None => vec![ReadAnswer { span: Span::new(0, passage.len()), score: hit.score }],
        };
        if answers.is_empty() {
            continue;
        }
        for answer in &mut answers {
            answer.span = answer.span.shifted(unit.span.start);
        }
        return Ok(Some(Read { hit: hit.clone(), document, answers }));
    }
    Ok(None)
}

/// Makes the answer of the passage that was read: the surest span, and further ones where they are nearly as sure.
fn quote(ground: Ground<'_>, read: &Read, task: &AnswerTask, answer: &mut Answer) {
    // A piece of a 发文字号 is full of figures, and answers only who asks for the number.
    let wanted = answer.question.contains(['号', '〔']);
    let is_number = |found: &&ReadAnswer| {
        found.span.of(&read.document.text).is_some_and(|text| text.contains(['〔', '〕']))
    };
    let answers: Vec<&ReadAnswer> =
        read.answers.iter().filter(|found| wanted || !is_number(found)).collect();
    let floor = answers.first().map_or(0.0, |answer| answer.score * 0.8);
    for found in answers.into_iter().take(task.max_spans) {
        let span = found.span.trimmed(&read.document.text);
        let taken = |known: &QuotedSpan| {
            let chars = span.chars(&read.document.text).unwrap_or_default();
            known.char_start < chars.end && chars.start < known.char_end
        };
        if found.score < floor || answer.spans.iter().any(taken) {
            continue;
        }
        let around = around(&read.document, read.hit.unit, span);
        let Some(citation) =
            Citation::new(ground, &read.document, (read.hit.unit, around), read.hit.score)
        else {
            continue;
        };
        let known = answer.citations.iter().position(|known| {
            known.doc_id == citation.doc_id && known.char_start == citation.char_start
        });
        let at = known.unwrap_or_else(|| {
            answer.citations.push(citation);
            answer.citations.len() - 1
        });
        let (Some(text), Some(chars)) =
            (span.of(&read.document.text), span.chars(&read.document.text))
        else {
            continue;
        };
        answer.spans.push(QuotedSpan {
            text: text.to_owned(),
            citation: at + 1,
            char_start: chars.start,
            char_end: chars.end,
        });
    }
}

/// Longest 款 that is quoted as a whole, in characters.
const WHOLE: usize = 200;

/// What a span is quoted with, so that it is understood alone: its 款, or of a long one the sentences it lies in.
fn around(document: &Document, unit: usize, span: Span) -> Span {
    let whole = within(document, unit, span, &['\n']);
    match whole.of(&document.text).map_or(0, |text| text.chars().count()) {
        0..=WHOLE => whole,
        _ => within(document, unit, span, &['。', '！', '？', '；', '\n']),
    }
}

/// The part of a passage between these marks that a span lies in.
fn within(document: &Document, unit: usize, span: Span, end_marks: &[char]) -> Span {
    let Some(unit) = document.units.get(unit) else { return span };
    let text = &document.text;
    let before = text.get(unit.span.start..span.start).unwrap_or_default();
    let start = before
        .char_indices()
        .rev()
        .find(|(_, c)| end_marks.contains(c))
        .map_or(unit.span.start, |(at, c)| unit.span.start + at + c.len_utf8());
    let whole = span.of(text).is_some_and(|quote| quote.ends_with(end_marks));
    let after = text.get(span.end..unit.span.end).unwrap_or_default();
    let end = match whole {
        true => span.end,
        false => after
            .char_indices()
            .find(|(_, c)| end_marks.contains(c))
            .map_or(unit.span.end, |(at, c)| span.end + at + c.len_utf8()),
    };
    Span::new(start, end).trimmed(text)
}

/// Adds what the cited passage refers to.
fn refer(
    ground: Ground<'_>,
    search: &SearchAsk,
    read: &Read,
    answer: &mut Answer,
) -> Result<(), DeskError> {
    let filter = search.filter();
    for reference in structure::references(&read.document, read.hit.unit) {
        for address in &reference.addresses {
            let work = reference.work.as_deref().unwrap_or(&read.document.work);
            for place in ground.snapshot.by_address(work, address, &filter)? {
                let (doc, unit) = (place.doc, place.unit);
                if answer.references.len() == REFERENCES
                    || (doc == read.hit.doc && unit == read.hit.unit)
                {
                    continue;
                }
                let Some(document) = ground.snapshot.document(&doc, ground.viewer)? else {
                    continue;
                };
                let Some(whole) = document.units.get(unit).map(|unit| unit.span) else { continue };
                let span = structure::resolve(&document, address).unwrap_or(whole);
                let citation = Citation::new(ground, &document, (unit, span), 0.0);
                answer.references.extend(citation.filter(|new| {
                    !answer.references.iter().any(|known| {
                        known.doc_id == new.doc_id && known.char_start == new.char_start
                    })
                }));
            }
        }
    }
    Ok(())
}

/// Adds the other passages that were found: beside an answer what is relevant, beside a refusal what comes nearest.
fn relate(
    ground: Ground<'_>,
    hits: &[Hit],
    most: usize,
    answer: &mut Answer,
) -> Result<(), DeskError> {
    for hit in hits {
        if answer.related.len() == most {
            break;
        }
        let cited =
            answer.citations.iter().any(|known| known.doc_id == *hit.doc && known.unit == hit.unit);
        if cited {
            continue;
        }
        let Some(document) = ground.snapshot.document(&hit.doc, ground.viewer)? else { continue };
        let Some(span) = document.units.get(hit.unit).map(|unit| unit.span) else { continue };
        answer.related.extend(Citation::new(ground, &document, (hit.unit, span), hit.score));
    }
    Ok(())
}

/// The last gate: a quote that the stored document does not have in its place would be a bug, and must not leave.
fn verified(snapshot: &Snapshot, search: &SearchAsk, answer: Answer) -> Result<Answer, DeskError> {
    let all = answer.citations.iter().chain(&answer.references).chain(&answer.related);
    for citation in all {
        let document = snapshot.document(&citation.doc_id, &search.viewer)?;
        if !document.is_some_and(|document| citation.holds(&document)) {
            tracing::error!(document = citation.doc_id, "a quote is not verbatim");
            return Err(DeskError::NotVerbatim(citation.doc_id.clone()));
        }
    }
    Ok(answer)
}
