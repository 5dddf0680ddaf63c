//! A question answered: both retrievers, and their rankings made one.

use std::sync::Arc;

use crate::fusion::Pair;

use super::error::IndexError;
use super::lexical::Scores;
use super::query::{Hit, Query};
use super::rank::{At, by_document};
use super::snapshot::Snapshot;
use super::view::Selection;
use super::{dense, lexical};

/// More passages than this are not ranked for one question.
const DEEPEST: usize = 100_000;

impl Snapshot {
    /// The best passages for a question, best first. What the filter leaves out plays no part: the answer is the one an
    /// index without the documents hidden from the viewer would give.
    ///
    /// Each retriever finds the best records; a record counts by its best passages, by words and by meaning, which need not
    /// be the same. The best passage of a record stands at the record's fused score, its next ones at their own.
    ///
    /// # Errors
    /// [`IndexError::Query`] for a vector of another length than the index holds or with numbers that are none, and for
    /// weights that make no sense; [`IndexError::Damaged`] where files are not what was written.
    pub fn search(&self, query: &Query<'_>) -> Result<Vec<Hit>, IndexError> {
        self.check(query)?;
        let scoring = &self.manifest.config.scoring;
        let selection = self.selection(&query.filter);
        let depth = query.depth.max(query.top).min(DEEPEST);
        let terms = lexical::terms(&self.parts, &selection.view, query.text)?;
        let scores = lexical::score(&self.parts, &selection.view, scoring, &terms)?;
        let mut candidates = lexical::best(&self.parts, &selection, &scores, depth);
        let question = query.vector.map(dense::Question::new);
        if let Some(question) = &question {
            candidates.extend(dense::best(&self.parts, &selection, question, depth)?);
            candidates.sort_unstable();
            candidates.dedup();
        }
        let context = Context {
            selection: &selection,
            scores: &scores,
            question: question.as_ref(),
            mass: lexical::mass(&terms),
            limit: lexical::limit(&terms, scoring),
        };
        let records: Vec<Vec<Candidate>> = candidates
            .iter()
            .map(|record| self.candidates(*record, &context))
            .collect::<Result<_, _>>()?;
        let mut ranked = rank(&records, query, &context);
        ranked.sort_unstable_by(|a, b| {
            b.0.total_cmp(&a.0).then_with(|| by_document(&self.parts, a.1.at, b.1.at))
        });
        ranked.truncate(query.top);
        Ok(ranked.into_iter().filter_map(|(score, found)| self.hit(found, score)).collect())
    }

    /// The passages of a record that may be found, with their scores.
    fn candidates(&self, record: At, context: &Context<'_>) -> Result<Vec<Candidate>, IndexError> {
        let number = record.part as usize;
        let (Some(part), Some(chosen), Some(scores)) = (
            self.parts.get(number),
            context.selection.chosen.get(number),
            context.scores.get(number),
        ) else {
            return Ok(Vec::new());
        };
        let of = part.segment.records.get(record.unit as usize).copied().unwrap_or_default();
        let units = part.segment.record(of).filter(|unit| chosen.contains(*unit));
        units
            .map(|unit| {
                let score = scores.of(part, unit);
                let dense = context.question.map(|question| question.exact(part, unit));
                let mass = context.mass;
                let coverage =
                    if mass > 0.0 { (scores.found(unit) / mass).clamp(0.0, 1.0) } else { 0.0 };
                Ok(Candidate {
                    at: At { part: record.part, unit },
                    pair: Pair {
                        lexical: (score > 0.0).then_some(score),
                        dense: dense.transpose()?,
                    },
                    coverage,
                })
            })
            .collect()
    }

    fn check(&self, query: &Query<'_>) -> Result<(), IndexError> {
        if let Some(why) = query.fusion.fault() {
            return Err(IndexError::Query(why));
        }
        let Some(vector) = query.vector else { return Ok(()) };
        let Some(embedding) = &self.manifest.config.embedding else {
            let why = "it has a vector, but the index holds none; ask without";
            return Err(IndexError::Query(why.into()));
        };
        if vector.len() != embedding.dim {
            let (name, dim) = (&embedding.name, embedding.dim);
            let why =
                format!("its vector has {} numbers, those of {name} have {dim}", vector.len());
            return Err(IndexError::Query(why));
        }
        if !vector.iter().all(|number| number.is_finite()) {
            return Err(IndexError::Query("its vector has numbers that are not finite".into()));
        }
        Ok(())
    }

    fn hit(&self, found: &Candidate, score: f32) -> Option<Hit> {
        let part = self.parts.get(found.at.part as usize)?;
        let (doc, unit) = part.within(found.at.unit)?;
        Some(Hit {
            doc: Arc::clone(part.segment.ids.get(doc as usize)?),
            unit: unit as usize,
            score,
            lexical: found.pair.lexical,
            dense: found.pair.dense,
            coverage: found.coverage,
        })
    }
}

/// What candidates are scored by.
struct Context<'a> {
    selection: &'a Selection,
    scores: &'a [Scores],
    question: Option<&'a dense::Question<'a>>,
    /// Idf of all terms.
    mass: f32,
    /// The largest score by words that a record could have.
    limit: f32,
}

/// A passage that may be returned.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    at: At,
    pair: Pair,
    coverage: f32,
}

/// The best passages of each record with what they are ranked by.
fn rank<'a>(
    records: &'a [Vec<Candidate>],
    query: &Query<'_>,
    context: &Context<'_>,
) -> Vec<(f32, &'a Candidate)> {
    let largest = |record: &[Candidate], of: fn(&Pair) -> Option<f32>| {
        record.iter().filter_map(|found| of(&found.pair)).max_by(f32::total_cmp)
    };
    let pairs: Vec<Pair> = records
        .iter()
        .map(|record| Pair {
            lexical: largest(record, |pair| pair.lexical),
            dense: largest(record, |pair| pair.dense),
        })
        .collect();
    let fitted = query.fusion.fit(&pairs, context.limit);
    let score = |pair: Pair| match context.question.is_some() {
        true => fitted.score(pair),
        false => pair.lexical.unwrap_or_default(),
    };
    let mut ranked = Vec::with_capacity(records.len());
    for (record, pair) in records.iter().zip(pairs) {
        let mut passages: Vec<(f32, &Candidate)> =
            record.iter().map(|found| (score(found.pair), found)).collect();
        passages.sort_by(|a, b| b.0.total_cmp(&a.0));
        passages.truncate(query.per_record);
        if let Some(best) = passages.first_mut() {
            best.0 = score(pair);
        }
        ranked.extend(passages);
    }
    ranked
}
