//! What passages have of a question, by the index's own tokens: one walk over each passage.

use rustc_hash::FxHashMap;

use super::share;
use crate::reader::{Content, Expected, grams};
use crate::tokenize;

/// Characters of a passage that are looked at; an index cuts passages shorter.
const LONGEST: usize = 4_000;

/// Saturation and weight of the length in BM25, those of the index's default.
const K1: f64 = 0.9;
const B: f64 = 0.75;

/// The content of a question: words that are neither part of a question word nor say nothing.
#[derive(Debug)]
pub(super) struct Asked {
    /// Place of each token, by its number.
    places: FxHashMap<u64, usize>,
    /// Weight of each token in the index.
    pub(super) weights: Vec<f64>,
    /// The same of pairs; 0 for single characters.
    pub(super) pairs: Vec<f64>,
    expected: Expected,
}

/// A passage, and what it has of a question.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) text: &'a str,
    /// How often it has each token.
    pub(super) counts: Vec<u32>,
    pub(super) characters: usize,
    sentences: Vec<Sentence<'a>>,
}

/// A sentence with tokens of the question.
#[derive(Debug)]
pub(super) struct Sentence<'a> {
    pub(super) text: &'a str,
    /// How often it has each token.
    pub(super) has: Vec<u32>,
}

impl Asked {
    pub(super) fn of(question: &str, idf: &dyn Fn(&str) -> f64) -> Self {
        let (mut places, mut weights, mut pairs) = (FxHashMap::default(), Vec::new(), Vec::new());
        for gram in grams(question, Content::Only) {
            if places.contains_key(&tokenize::key(&gram)) {
                continue;
            }
            places.insert(tokenize::key(&gram), weights.len());
            let weight = idf(&gram);
            weights.push(weight);
            pairs.push(if gram.chars().nth(1).is_some() { weight } else { 0.0 });
        }
        Self { places, weights, pairs, expected: Expected::of(question) }
    }

    /// Looks through a passage.
    pub(super) fn find<'a>(&self, text: &'a str) -> Found<'a> {
        let text = text.char_indices().nth(LONGEST).map_or(text, |(end, _)| &text[..end]);
        let mut counts = vec![0; self.weights.len()];
        let mut sentences = Vec::new();
        // Marks part tokens, so that the sentences have all the tokens of the passage.
        for part in text.split_inclusive(['。', '；', '！', '？', '\n']) {
            let mut has = vec![0; self.weights.len()];
            let mut any = false;
            tokenize::keys(part, |key| {
                if let Some(&at) = self.places.get(&key) {
                    has[at] += 1;
                    any = true;
                }
            });
            if any {
                counts.iter_mut().zip(&has).for_each(|(sum, count)| *sum += count);
                sentences.push(Sentence { text: part, has });
            }
        }
        Found { text, counts, characters: text.chars().count(), sentences }
    }

    /// BM25 of a passage's own words, where the passages have `mean` characters.
    pub(super) fn bm25(&self, found: &Found<'_>, mean: f64) -> f64 {
        let length = K1 * (1.0 - B + B * found.characters as f64 / mean.max(1.0));
        let score = |(weight, count): (&f64, &u32)| {
            let count = f64::from(*count);
            weight * (K1 + 1.0) * count / (count + length)
        };
        self.weights.iter().zip(&found.counts).map(score).sum()
    }

    /// Whether a type of entity is asked for that a text has.
    pub(super) fn expects(&self, text: &str) -> bool {
        self.expected.is_in(text)
    }
}

impl Found<'_> {
    /// The sentence with the largest share of what is rare among the passages; of equals, of what is rare in the index.
    pub(super) fn best_sentence(&self, weights: &[f64], rarity: &[f64]) -> Option<&Sentence<'_>> {
        let worth =
            |sentence: &Sentence<'_>| (share(rarity, &sentence.has), share(weights, &sentence.has));
        let better = |a: (f64, f64), b: (f64, f64)| b.0 > a.0 || (b.0 == a.0 && b.1 > a.1);
        let mut best: Option<(&Sentence<'_>, (f64, f64))> = None;
        for sentence in &self.sentences {
            let own = worth(sentence);
            if best.is_none_or(|(_, most)| better(most, own)) {
                best = Some((sentence, own));
            }
        }
        best.map(|(sentence, _)| sentence)
    }
}
