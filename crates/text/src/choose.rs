//! The choice among the first passages of a search: which of them answers the question.
//!
//! A search weighs passages against a whole index; among the few that it finds first, other things tell: words that all of
//! them have tell nothing, one sentence with much of the question tells more than a text with all of it, and who asks
//! how long wants a period of time. The features below are put together by a linear model, log-linear over the passages of a
//! question: P(passage) ∝ exp Σ (a + b · literal) · feature, where `literal` is the largest coverage of the hits, so that questions
//! in the words of the texts are weighed in another way than questions in other words.
//!
//! The shipped weights are in `choose/weights.toml`, made by `python -m strata_training gov-choice`. They were fitted on passages found
//! by words and by the shipped retriever's vectors; an index of other vectors has another scale of `dense`.

mod asked;

use std::sync::LazyLock;

use serde::Deserialize;

use crate::index::Hit;
use asked::{Asked, Found};

/// Passages that the shipped weights choose among: as many as they were fitted on.
pub const AMONG: usize = 20;

/// Number of the features.
const FEATURES: usize = 13;

/// Names of the features, in order. All are 0 to 1 but the last.
pub const NAMES: [&str; FEATURES] = [
    // Of the search: fused score and score by words, by the largest; reciprocal rank; similarity of meaning.
    "score",
    "rank",
    "lexical",
    "dense",
    // Of the passage's own words, while a search counts its record: BM25 by the largest, and the share of the question's
    // weight: of all content, weighed down for what other passages have, of pairs.
    "own_bm25",
    "own_share",
    "local_share",
    "pair_share",
    // The same shares of the sentence that has most.
    "sentence_share",
    "sentence_local",
    // Whether a date, amount … is asked for and there, in the passage and in that sentence.
    "expected",
    "expected_sentence",
    // ln(1 + characters).
    "length",
];

/// Features of one passage, by [`NAMES`].
pub type Row = [f64; FEATURES];

/// A passage that was found.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What the search says of it.
    pub hit: &'a Hit,
    /// Its words.
    pub text: &'a str,
}

/// Weights of the features.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// For each feature, what it weighs, and what it weighs more for a literal question.
    weights: [(f64, f64); FEATURES],
}

static SHIPPED: LazyLock<Option<Choice>> =
    LazyLock::new(|| Choice::parse(include_str!("choose/weights.toml")).ok());

#[derive(Deserialize)]
struct File {
    weights: std::collections::BTreeMap<String, [f64; 2]>,
}

impl Choice {
    /// The shipped weights; `None` never, as a test makes sure.
    #[must_use]
    pub fn shipped() -> Option<&'static Self> {
        SHIPPED.as_ref()
    }

    /// Reads weights: a TOML file whose table `weights` has two numbers for each of [`NAMES`].
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut weights = [(0.0, 0.0); FEATURES];
        for (weight, name) in weights.iter_mut().zip(NAMES) {
            let Some([plain, literal]) = file.weights.get(name) else {
                return Err(format!("weights has no {name:?}"));
            };
            *weight = (*plain, *literal);
        }
        let fine = weights.iter().all(|(a, b)| a.is_finite() && b.is_finite());
        match file.weights.keys().find(|name| !NAMES.contains(&name.as_str())) {
            Some(name) => Err(format!("{name:?} is no feature")),
            None if fine => Ok(Self { weights }),
            None => Err("a weight is no number".to_owned()),
        }
    }

    /// Log-odds of the passages against each other: they compare within one call only. `idf` gives the weight of a token in
    /// the index.
    #[must_use]
    pub fn score(
        &self,
        question: &str,
        passages: &[Candidate<'_>],
        idf: &dyn Fn(&str) -> f64,
    ) -> Vec<f64> {
        let literal = literal(passages);
        let weigh = |row: &Row| -> f64 {
            let pairs = row.iter().zip(&self.weights);
            pairs.map(|(value, (plain, more))| value * (plain + more * literal)).sum()
        };
        describe(question, passages, idf).iter().map(weigh).collect()
    }

    /// The passages by their places, best first; equals stay in order.
    #[must_use]
    pub fn order(
        &self,
        question: &str,
        passages: &[Candidate<'_>],
        idf: &dyn Fn(&str) -> f64,
    ) -> Vec<usize> {
        let scores = self.score(question, passages, idf);
        let mut order: Vec<usize> = (0..passages.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        order
    }
}

/// How literal a question is, 0 to 1: the largest share of its words that a hit has.
#[must_use]
pub fn literal(passages: &[Candidate<'_>]) -> f64 {
    passages.iter().map(|passage| f64::from(passage.hit.coverage)).fold(0.0, f64::max)
}

/// The features of the passages found for a question, a row each.
#[must_use]
pub fn describe(question: &str, passages: &[Candidate<'_>], idf: &dyn Fn(&str) -> f64) -> Vec<Row> {
    let asked = Asked::of(question, idf);
    let found: Vec<Found<'_>> = passages.iter().map(|passage| asked.find(passage.text)).collect();
    let count = passages.len().max(1) as f64;
    // What every passage has tells none from another.
    let rarity: Vec<f64> = (0..asked.weights.len())
        .map(|at| {
            let having = found.iter().filter(|found| found.counts[at] > 0).count() as f64;
            asked.weights[at] * (1.0 - having / (count + 1.0))
        })
        .collect();
    let mean = found.iter().map(|found| found.characters as f64).sum::<f64>() / count;
    let own: Vec<f64> = found.iter().map(|found| asked.bm25(found, mean)).collect();
    let most = |of: &dyn Fn(usize) -> f64| (0..passages.len()).map(of).fold(0.0, f64::max);
    let score = |at: usize| f64::from(passages[at].hit.score);
    let lexical = |at: usize| f64::from(passages[at].hit.lexical.unwrap_or(0.0));
    let (best_score, best_lexical, best_own) = (most(&score), most(&lexical), most(&|at| own[at]));
    let row = |at: usize| -> Row {
        let (found, hit) = (&found[at], passages[at].hit);
        let best = found.best_sentence(&asked.weights, &rarity);
        let in_sentence = best.is_some_and(|best| asked.expects(best.text));
        let of_sentence = |weights: &[f64]| best.map_or(0.0, |best| share(weights, &best.has));
        [
            part(score(at), best_score),
            1.0 / (1.0 + at as f64),
            part(lexical(at), best_lexical),
            f64::from(hit.dense.unwrap_or(0.0)),
            part(own[at], best_own),
            share(&asked.weights, &found.counts),
            share(&rarity, &found.counts),
            share(&asked.pairs, &found.counts),
            of_sentence(&asked.weights),
            of_sentence(&rarity),
            f64::from(u8::from(in_sentence || asked.expects(found.text))),
            f64::from(u8::from(in_sentence)),
            (found.characters as f64).ln_1p(),
        ]
    };
    (0..passages.len()).map(row).collect()
}

fn part(value: f64, whole: f64) -> f64 {
    if whole > 0.0 { value / whole } else { 0.0 }
}

/// Share of the weights whose counts are not 0.
fn share(weights: &[f64], counts: &[u32]) -> f64 {
    let there = weights.iter().zip(counts).filter(|(_, count)| **count > 0);
    part(there.map(|(weight, _)| weight).sum(), weights.iter().sum())
}

#[cfg(test)]
mod tests;
