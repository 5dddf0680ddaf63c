//! Reading an answer: the verbatim span of a passage that answers a question best.
//!
//! Candidates are found by rules (clauses, runs of clauses, dates, amounts, names …), described by features of how they and what
//! stands around them fit the question, and scored by a small model. The answer is the candidate with the highest expected
//! overlap with the right one: with probabilities p by a softmax over all candidates, the one of the best with the largest
//! Σ p · F1, where F1 of two candidates is that of their units. That sum, 0 to 1, is also its score.
//!
//! ```toml
//! [preprocess]
//! featuriser = "answer-spans/1"
//! idf = "idf.tsv"                # a file of the card
//!
//! [postprocess]
//! decide = "expected-f1"
//! best = 40                      # candidates that are compared with each other
//! ```

mod candidates;
mod entities;
mod features;
mod grams;
mod idf;
mod marks;
mod passage;
mod question;

use std::sync::Arc;

use ndarray::ArrayView2;
use serde::Deserialize;
use strata_core::card::{Dim, Dtype, ModelCard, Port};
use strata_core::provenance::Featuriser;
use strata_core::runtime::{Inputs, Model, RunOptions, RuntimeError};
use strata_core::verify::VerifyError;

use crate::embed::{digest, table};
use crate::span::Span;
use candidates::Units;
use features::{Candidates, names};
use idf::Idf;
use passage::Text;
use question::Question;

/// Name of the features on cards and in provenance.
pub const FEATURES: &str = "answer-spans/1";

/// Characters of a question that are read.
const LONGEST_QUESTION: usize = 500;

/// Characters of a passage that are read: several times what a passage of an index has.
const LONGEST_PASSAGE: usize = 8_000;

/// Why no answer can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// The card does not describe what is needed.
    #[error("model {model} cannot read answers: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// Why not.
        why: String,
    },
    /// A file of the model is absent or not what the card says.
    #[error(transparent)]
    File(#[from] Box<VerifyError>),
    /// The table of frequencies cannot be read.
    #[error("model {model}: {file} {reason}")]
    Idf {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The model did not run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The model gave other scores than one a candidate.
    #[error(
        "model {model}: output {output:?} holds {got} numbers for {wanted} candidates, or some that are none"
    )]
    Scores {
        /// The model.
        model: String,
        /// The output.
        output: String,
        /// Numbers it holds.
        got: usize,
        /// Candidates there were.
        wanted: usize,
    },
}

/// A span that may answer the question.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReadAnswer {
    /// Where it stands in the passage, in bytes.
    pub span: Span,
    /// Expected overlap with the right answer, 0 to 1, if the passage has one.
    pub score: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Preprocess {
    #[allow(dead_code, reason = "compared before the table is read")]
    featuriser: String,
    #[allow(dead_code, reason = "the core compares it")]
    featuriser_hash: Option<String>,
    idf: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Postprocess {
    decide: String,
    best: usize,
}

/// Reads answers.
#[derive(Debug)]
pub struct SpanReader {
    model: Arc<Model>,
    idf: Idf,
    best: usize,
    input: String,
    output: String,
}

/// What makes the features of a reader, for provenance; `None` for another card.
#[must_use]
pub fn featuriser_of(card: &ModelCard) -> Option<Featuriser> {
    SpanReader::is_model(card).then(|| Featuriser {
        id: FEATURES.to_owned(),
        hash: digest(names().join("\n").as_bytes()),
    })
}

impl SpanReader {
    /// Whether a card describes a reader of answers.
    #[must_use]
    pub fn is_model(card: &ModelCard) -> bool {
        card.featuriser().is_some_and(|(id, _)| id == FEATURES)
    }

    /// Checks the card and reads the table of frequencies.
    ///
    /// # Errors
    /// [`ReaderError::Unfit`] with what the card lacks; [`ReaderError::File`] or [`ReaderError::Idf`].
    pub fn new(model: Arc<Model>) -> Result<Self, ReaderError> {
        let card = model.card();
        let unfit = |why: String| ReaderError::Unfit { model: card.name.clone(), why };
        if !Self::is_model(card) {
            let why = format!("its card has no `featuriser = \"{FEATURES}\"` under [preprocess]");
            return Err(unfit(why));
        }
        let before: Preprocess = table(&card.preprocess, "preprocess").map_err(unfit)?;
        let after: Postprocess = table(&card.postprocess, "postprocess").map_err(unfit)?;
        if after.decide != "expected-f1" || after.best == 0 {
            let why = "[postprocess] is not `decide = \"expected-f1\"` with `best` of 1 or more";
            return Err(unfit(why.to_owned()));
        }
        let ([input], [output]) = (card.inputs.as_slice(), card.outputs.as_slice()) else {
            return Err(unfit("it has not one input and one output".to_owned()));
        };
        let width = names().len() as u64;
        let is = |port: &Port, shape: &[Option<u64>]| {
            let fits = |(dim, wanted): (&Dim, &Option<u64>)| match (dim, wanted) {
                (Dim::Fixed(length), Some(wanted)) => length == wanted,
                (dim, wanted) => matches!(dim, Dim::Symbol(_)) && wanted.is_none(),
            };
            port.dtype == Dtype::Float32
                && port.shape.len() == shape.len()
                && port.shape.iter().zip(shape).all(fits)
        };
        if !is(input, &[None, Some(width)]) || !is(output, &[None]) {
            let why = format!("it does not take rows of {width} features to a score each");
            return Err(unfit(why));
        }
        let bytes = model.read_file(&before.idf).map_err(Box::new)?;
        let idf = Idf::parse(&bytes).map_err(|reason| {
            let (model, file) = (card.name.clone(), before.idf.clone());
            ReaderError::Idf { model, file, reason }
        })?;
        let (input, output) = (input.name.clone(), output.name.clone());
        Ok(Self { best: after.best, idf, input, output, model })
    }

    /// The open model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The best answers in a passage, at most `top`, none over another, best first. There is always one unless the passage
    /// has nothing to read: whether it answers the question at all is for [`crate::refuse`] to say.
    ///
    /// # Errors
    /// When the model fails, or `run` stops it.
    pub fn read(
        &self,
        question: &str,
        passage: &str,
        top: usize,
        run: &RunOptions,
    ) -> Result<Vec<ReadAnswer>, ReaderError> {
        let asked = Question::ask(first(question, LONGEST_QUESTION));
        let text = Text::cut(first(passage, LONGEST_PASSAGE));
        let found = Candidates::of(&asked, text, &self.idf);
        let scores = self.scores(&found, run)?;
        let mut chosen: Vec<(Units, ReadAnswer)> = Vec::new();
        for (at, expected) in decide(&scores, &found.spans, self.best) {
            if chosen.len() >= top {
                break;
            }
            let (start, end) = found.spans[at];
            if chosen.iter().all(|((s, e), _)| end <= *s || *e <= start) {
                let span = found.text.bytes(found.characters[at]);
                chosen.push(((start, end), ReadAnswer { span, score: expected as f32 }));
            }
        }
        Ok(chosen.into_iter().map(|(_, answer)| answer).collect())
    }

    /// A score a candidate.
    fn scores(&self, found: &Candidates, run: &RunOptions) -> Result<Vec<f32>, ReaderError> {
        let wanted = found.spans.len();
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let model = || self.model.card().name.clone();
        let width = found.features.len() / wanted;
        let view = ArrayView2::from_shape((wanted, width), &found.features).map_err(|error| {
            RuntimeError::Output {
                model: model(),
                name: self.input.clone(),
                reason: error.to_string(),
            }
        })?;
        let outputs = self.model.run(&Inputs::new().with(&self.input, view), run)?;
        let scores: Vec<f32> = outputs.view::<f32>(&self.output)?.iter().copied().collect();
        if scores.len() == wanted && scores.iter().all(|score| score.is_finite()) {
            return Ok(scores);
        }
        let (output, got) = (self.output.clone(), scores.len());
        Err(ReaderError::Scores { model: model(), output, got, wanted })
    }
}

/// Which grams of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// All.
    All,
    /// Those of a question that are neither part of a question word nor words that say nothing.
    Only,
}

/// Units, and pairs of units that no mark parts, in the order of the text.
pub(crate) fn grams(text: &str, content: Content) -> Vec<String> {
    let asked = Question::ask(text);
    let text = &asked.text;
    let counts = |u: usize| content == Content::All || asked.content[u];
    let mut found = Vec::new();
    for u in (0..text.len()).filter(|&u| counts(u)) {
        found.push(text.unit(u).iter().collect());
        if u + 1 < text.len() && counts(u + 1) && text.gaps[u + 1] == passage::Gap::None {
            found.push(text.unit(u).iter().chain(text.unit(u + 1)).collect());
        }
    }
    found
}

/// Types of entities that a question asks for, such as a date for 何时.
#[derive(Debug)]
pub(crate) struct Expected(Vec<usize>);

impl Expected {
    /// Of a question.
    pub(crate) fn of(question: &str) -> Self {
        Self(features::expected(&Question::ask(question)))
    }

    /// Whether a text has an entity of one of the types.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        !self.0.is_empty() && entities::any(&self.0, text)
    }
}

/// The first characters of a text.
fn first(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// The candidates of the highest scores with their expected F1, the highest first; of equals the one with the higher score.
fn decide(scores: &[f32], spans: &[Units], best: usize) -> Vec<(usize, f64)> {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let exp: Vec<f64> = scores.iter().map(|score| f64::from(score - most).exp()).collect();
    let sum: f64 = exp.iter().sum();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order.truncate(best);
    let f1 = |a: usize, b: usize| {
        let ((s, e), (t, f)) = (spans[a], spans[b]);
        2.0 * e.min(f).saturating_sub(s.max(t)) as f64 / ((e - s) + (f - t)) as f64
    };
    let expected = |&a: &usize| (a, order.iter().map(|&b| f1(a, b) * exp[b] / sum).sum());
    let mut found: Vec<(usize, f64)> = order.iter().map(expected).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

#[cfg(test)]
mod golden;
