//! Texts and pairs of texts as numbers of tokens, by the tokenizer that a card names.
//!
//! A `tokenizer.json` is a stranger's file, and the library that reads it panics on some: that is an error here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::tokenizer::{EncodeInput, TruncationParams};
use tokenizers::{Encoding, PostProcessor, Tokenizer};

use super::settings::{Preprocess, TokenizerKind};
use super::vocabulary::Vocabulary;

/// A text as the model takes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Numbers of the tokens, special ones included.
    pub ids: Vec<u32>,
    /// For each token, 0 in the first text of a pair and 1 in the second; empty means all 0.
    pub types: Vec<u32>,
}

/// A tokenizer that failed, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(String);

/// What turns texts into [`Encoded`]: a tokenizer that cuts off what is beyond a number of tokens.
#[derive(Debug)]
pub struct Encoder {
    kind: Kind,
    /// Number that fills up.
    pad: u32,
}

#[derive(Debug)]
enum Kind {
    HuggingFace(Box<Tokenizer>),
    HanBigram { vocabulary: Vocabulary, most: usize },
}

impl Encoder {
    /// A published `tokenizer.json`; texts and pairs have at most `most` tokens, special ones included. The file's own
    /// settings for padding and cutting do not count.
    ///
    /// # Errors
    /// When the file is of no kind that the library knows, or one with which it cannot encode a text.
    pub fn hugging_face(bytes: &[u8], most: usize) -> Result<Self, EncodeError> {
        guarded(|| Self::read(bytes, most))
    }

    fn read(bytes: &[u8], most: usize) -> Result<Self, EncodeError> {
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(failed)?;
        // The library subtracts without looking.
        let special = tokenizer.get_post_processor().map_or(0, |post| post.added_tokens(true));
        if most <= special {
            let why = format!("{most} tokens hold no text: {special} of a pair are special tokens");
            return Err(EncodeError(why));
        }
        let truncation = TruncationParams { max_length: most, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(failed)?;
        tokenizer.with_padding(None);
        // The published names of BERT's padding and of RoBERTa's.
        let pad = ["[PAD]", "<pad>"].iter().find_map(|name| tokenizer.token_to_id(name));
        // A template that names tokens it lacks shows at the first text: here rather than at a user's.
        let _ = tokenizer.encode_fast("", true);
        Ok(Self { kind: Kind::HuggingFace(Box::new(tokenizer)), pad: pad.unwrap_or(0) })
    }

    /// A vocabulary of `han-bigram/1`; texts have at most `most` tokens.
    ///
    /// # Errors
    /// When the file has no tokens, or one twice.
    pub fn han_bigram(bytes: &[u8], most: usize) -> Result<Self, EncodeError> {
        let vocabulary = Vocabulary::parse(bytes).map_err(EncodeError)?;
        Ok(Self { kind: Kind::HanBigram { vocabulary, most }, pad: 0 })
    }

    /// The tokenizer of a card.
    pub(crate) fn of(preprocess: &Preprocess, bytes: &[u8]) -> Result<Self, EncodeError> {
        let most = preprocess.max_tokens;
        let made = match preprocess.tokenizer {
            TokenizerKind::HuggingFace => Self::hugging_face(bytes, most)?,
            TokenizerKind::HanBigram => Self::han_bigram(bytes, most)?,
        };
        Ok(Self { pad: preprocess.pad_id.unwrap_or(made.pad), ..made })
    }

    /// Number that fills up rows.
    #[must_use]
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// The tokens of a text.
    ///
    /// # Errors
    /// When the tokenizer fails, as one without a word for the unknown does.
    pub fn text(&self, text: &str) -> Result<Encoded, EncodeError> {
        match &self.kind {
            Kind::HuggingFace(tokenizer) => encode(tokenizer, text.into()),
            Kind::HanBigram { vocabulary, most } => {
                Ok(Encoded { ids: vocabulary.encode(text, *most), types: Vec::new() })
            }
        }
    }

    /// The tokens of two texts that the model reads together; the longer one loses tokens first
    /// where they are too long.
    ///
    /// # Errors
    /// When the tokenizer fails, or makes no pairs.
    pub fn pair(&self, first: &str, second: &str) -> Result<Encoded, EncodeError> {
        match &self.kind {
            Kind::HuggingFace(tokenizer) => encode(tokenizer, (first, second).into()),
            Kind::HanBigram { .. } => {
                Err(EncodeError("the tokenizer han-bigram/1 makes no pairs".to_owned()))
            }
        }
    }
}

/// Calls the library; a panic of its is an error.
fn guarded<T>(call: impl FnOnce() -> Result<T, EncodeError>) -> Result<T, EncodeError> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| {
        Err(EncodeError("the file breaks the library that reads it; it is damaged".to_owned()))
    })
}

fn encode(tokenizer: &Tokenizer, input: EncodeInput<'_>) -> Result<Encoded, EncodeError> {
    let encoding: Encoding = guarded(|| tokenizer.encode_fast(input, true).map_err(failed))?;
    let types = encoding.get_type_ids();
    let types = if types.iter().all(|&kind| kind == 0) { Vec::new() } else { types.to_vec() };
    Ok(Encoded { ids: encoding.get_ids().to_vec(), types })
}

#[allow(clippy::needless_pass_by_value, reason = "the form map_err takes")]
fn failed(error: tokenizers::Error) -> EncodeError {
    EncodeError(error.to_string())
}
