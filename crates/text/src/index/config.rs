//! What an index is made with.

use serde::{Deserialize, Serialize};

/// Which model made the vectors of an index. Vectors of two models must never be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EmbeddingIdentity {
    /// The model's name and version, for people.
    pub name: String,
    /// sha256 of the model's file, hexadecimal.
    pub sha256: String,
    /// Numbers of a vector.
    pub dim: usize,
}

/// What an index is made with. It is kept in the index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexConfig {
    /// The model whose vectors it holds; `None` for an index that is searched by words alone.
    pub embedding: Option<EmbeddingIdentity>,
    /// How words are weighed.
    pub scoring: Scoring,
}

/// BM25 over *records*, each a bag of its title, headings and text with weights (Robertson, Zaragoza and Taylor, "Simple
/// BM25 extension to multiple weighted fields", 2004). An article, a table's row and a case are records; passages that
/// follow each other in a text without such a division are one record together: a notice is found as a whole, and its
/// passages are told apart by their own scores. For a record *r* and a question of terms *t*:
///
/// bm25(r) = Σₜ qtfₜ · idfₜ · (k₁ + 1) · tf / (tf + k₁ · (1 − b + b · length / average length)), with
/// idfₜ = ln(1 + (n − nₜ + ½) / (nₜ + ½)),
///
/// where tf and length are sums over the fields by weight (of a record of several passages: their texts together, its
/// title once, and the longest headings). A passage of such a record scores
/// (1 − `passage`) · bm25(r) + `passage` · bm25(its own text, with the average length of such passages).
///
/// n, nₜ and the average lengths are counted over what the reader may see, so that a score tells nothing of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scoring {
    /// Saturation of counts.
    pub k1: f32,
    /// How much of the length is normalised away, 0 to 1.
    pub b: f32,
    /// What an occurrence in the document's title or 发文字号 is worth; one in the text is worth 1.
    pub title: f32,
    /// What an occurrence in the headings, or in a table's header, is worth.
    pub headings: f32,
    /// Share of a passage's own score where it is not a record of its own, 0 to 1.
    pub passage: f32,
}

impl Default for Scoring {
    fn default() -> Self {
        Self { k1: 0.9, b: 0.75, title: 1.0, headings: 1.0, passage: 0.3 }
    }
}

impl Scoring {
    /// Weights of the fields in the order of the index.
    pub(super) const fn weights(&self) -> [f32; super::postings::FIELDS] {
        [1.0, self.title, self.headings]
    }

    /// Why it can't be used.
    pub(super) fn fault(&self) -> Option<String> {
        let positive = [self.k1, self.title, self.headings];
        let share = |share: f32| (0.0..=1.0).contains(&share);
        let sane = positive.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        (!sane || !share(self.b) || !share(self.passage)).then(|| {
            format!("{self:?}: k1 and weights are at least 0, b and passage within 0 and 1")
        })
    }
}

/// Limits of a writer. The defaults suit a workstation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Bytes that may wait in memory before they are written as a segment.
    pub memory: usize,
    /// Segments of like size that are merged into one.
    pub merge_at: usize,
    /// A segment is rewritten when more than one document in this many was deleted or replaced.
    pub rewrite_at: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { memory: 256 << 20, merge_at: 8, rewrite_at: 4 }
    }
}
