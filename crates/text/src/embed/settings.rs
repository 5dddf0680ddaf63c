//! What a card says about a model of texts: `[preprocess]` for what goes in, `[postprocess]` for what comes out.

use serde::Deserialize;
use strata_core::card::{ModelCard, ModelFile, Role};

use crate::fusion::Fusion;

/// Name of the kit's preprocessing on cards and in provenance.
pub const KIT: &str = "text/1";

/// Padded tokens of one run where the card says nothing else. Measured on a processor with an encoder of 4 layers, 512
/// wide: 512 are best, 1,024 are 4 % slower and 4,096 a quarter, as hidden states leave the cache.
const TOKEN_BUDGET: usize = 512;

/// Longest text a card may ask for, in tokens.
const MOST_TOKENS: usize = 1 << 20;

/// Which tokenizer makes the numbers of a text's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TokenizerKind {
    /// A published `tokenizer.json`.
    #[serde(rename = "huggingface")]
    HuggingFace,
    /// [`crate::tokenize`] with a vocabulary, one token a line.
    #[serde(rename = "han-bigram/1")]
    HanBigram,
}

/// `[preprocess]`: how a text becomes the model's input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Preprocess {
    /// Always [`KIT`].
    #[allow(dead_code, reason = "compared before the table is read")]
    kit: String,
    pub(crate) tokenizer: TokenizerKind,
    /// The tokenizer's file, where more than one has that role.
    #[serde(alias = "vocabulary")]
    file: Option<String>,
    /// Whether a token counts once and letters are small: of `han-bigram/1` both are so, and a card that says otherwise is
    /// of another tokenizer.
    unique: Option<bool>,
    lowercase: Option<bool>,
    /// Tokens of a text or pair, special ones included; what is beyond is cut off.
    pub(crate) max_tokens: usize,
    /// Padded tokens of one run; else those of `[batching]`.
    token_budget: Option<usize>,
    /// Number that fills up, where the tokenizer does not say.
    pub(crate) pad_id: Option<u32>,
    /// As in [`Embedding`]: a card may say them here too.
    pub(crate) query_prefix: Option<String>,
    pub(crate) passage_prefix: Option<String>,
    pub(crate) pooling: Option<Pooling>,
    /// Read by the core.
    #[allow(dead_code, reason = "the core compares it")]
    featuriser: Option<String>,
    #[allow(dead_code, reason = "the core compares it")]
    featuriser_hash: Option<String>,
}

/// `[postprocess]` of an encoder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Embedding {
    #[allow(dead_code, reason = "compared before the table is read")]
    head: String,
    /// Output the vectors are made from; the first where it is not given.
    pub(crate) output: Option<String>,
    pub(crate) pooling: Option<Pooling>,
    /// Whether vectors are scaled to length 1.
    pub(crate) normalize: bool,
    /// Numbers of a vector.
    pub(crate) dim: usize,
    /// Put before a question.
    pub(crate) query_prefix: Option<String>,
    /// Put before a passage.
    pub(crate) passage_prefix: Option<String>,
    /// How scores by words and by these vectors become one: see [`crate::fusion::Fusion::Adaptive`].
    lexical_slope: Option<f32>,
    lexical_offset: Option<f32>,
    lexical_low: Option<f32>,
    lexical_high: Option<f32>,
}

impl Embedding {
    /// The fusion the model was tuned with, where the card says all of it.
    pub(crate) fn fusion(&self) -> Option<Fusion> {
        Some(Fusion::Adaptive {
            slope: self.lexical_slope?,
            offset: self.lexical_offset?,
            low: self.lexical_low?,
            high: self.lexical_high?,
        })
    }
}

/// How hidden states become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// The first token's.
    Cls,
    /// The mean over tokens that are no padding.
    Mean,
    /// The model gives one vector a text.
    None,
}

/// `[postprocess]` of a cross-encoder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CrossEncoder {
    #[allow(dead_code, reason = "compared before the table is read")]
    head: String,
    /// Output the scores are in; the first where it is not given.
    pub(crate) output: Option<String>,
    /// Column of the score.
    #[serde(default)]
    pub(crate) column: usize,
    #[serde(default)]
    pub(crate) activation: Activation,
}

/// `[postprocess]` of a classifier.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Classes {
    #[allow(dead_code, reason = "compared before the table is read")]
    head: String,
    /// Output the probabilities are in; the first where it is not given.
    pub(crate) output: Option<String>,
    /// Names, in the order of the columns.
    pub(crate) classes: Vec<String>,
}

/// What is done to a logit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// 1 / (1 + e⁻ˣ).
    Sigmoid,
}

impl Activation {
    /// The score of a logit.
    #[must_use]
    pub fn apply(self, logit: f32) -> f32 {
        match self {
            Self::None => logit,
            Self::Sigmoid => 1.0 / (1.0 + (-logit).exp()),
        }
    }
}

/// The head a card names under `[postprocess]`, for a card of this kit.
pub(crate) fn head(card: &ModelCard) -> Option<&str> {
    let kit = card.preprocess.get("kit").and_then(toml::Value::as_str);
    kit.filter(|kit| *kit == KIT)?;
    card.postprocess.get("head").and_then(toml::Value::as_str)
}

/// Reads a free table of the card.
pub(crate) fn table<T: serde::de::DeserializeOwned>(
    table: &toml::Table,
    name: &str,
) -> Result<T, String> {
    let read = toml::Value::Table(table.clone()).try_into();
    read.map_err(|error: toml::de::Error| format!("[{name}]: {}", error.message()))
}

impl Preprocess {
    /// The card's table, checked.
    pub(crate) fn of(card: &ModelCard) -> Result<Self, String> {
        let read: Self = table(&card.preprocess, "preprocess")?;
        if !(1..=MOST_TOKENS).contains(&read.max_tokens) {
            return Err(format!("[preprocess] max_tokens is not between 1 and {MOST_TOKENS}"));
        }
        let told = |what: Option<bool>| what.is_none_or(|is| is);
        if !told(read.unique) || !told(read.lowercase) {
            let why = "[preprocess] unique and lowercase cannot be false: han-bigram/1 is both";
            return Err(why.to_owned());
        }
        if read.token_budget == Some(0) {
            return Err("[preprocess] token_budget must be 1 or more".to_owned());
        }
        Ok(read)
    }

    /// Padded tokens of one run: the card's, as `[preprocess]` or `[batching]` has it.
    pub(crate) fn budget(&self, card: &ModelCard) -> usize {
        let shared = card.batching.as_ref().and_then(|batching| batching.max_cost);
        let shared = shared.and_then(|cost| usize::try_from(cost).ok());
        self.token_budget.or(shared).unwrap_or(TOKEN_BUDGET)
    }

    /// The tokenizer's file on the card.
    pub(crate) fn file<'a>(&self, card: &'a ModelCard) -> Result<&'a ModelFile, String> {
        let fits = |file: &&ModelFile| match &self.file {
            Some(name) => file.path == *name,
            None => file.role == Role::Tokenizer,
        };
        card.files.iter().find(fits).ok_or_else(|| match &self.file {
            Some(name) => format!("[preprocess] file names {name:?}, which is not under [[files]]"),
            None => "no file under [[files]] has the role \"tokenizer\"".to_owned(),
        })
    }
}
