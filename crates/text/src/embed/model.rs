//! A model that reads texts: its tokenizer, its inputs by name, and runs over texts of any length in batches of like length.

use std::sync::Arc;

use ndarray::Array2;
use serde_json::json;
use sha2::{Digest, Sha256};
use strata_core::card::{Dim, Dtype, ModelCard, Port};
use strata_core::provenance::Featuriser;
use strata_core::runtime::{Inputs, Model, Outputs, RunOptions};

use super::EmbedError;
use super::batches::{Budget, plan};
use super::encode::{EncodeError, Encoded, Encoder};
use super::parallel::parallel;
use super::settings::{KIT, Preprocess, TokenizerKind, head};
use crate::tokenize;

/// Texts that are sorted by length together: more would gain nothing and hold more memory.
pub(crate) const WINDOW: usize = 2048;

/// Texts a thread takes at a time when it makes tokens.
const CHUNK: usize = 64;

/// Number of each token.
const IDS: &str = "input_ids";
/// 1 for a token, 0 for padding.
const MASK: &str = "attention_mask";
/// Which text of a pair a token is of.
const TYPES: &str = "token_type_ids";

/// What makes the inputs of a model of texts, for provenance; `None` for a card of another kit.
#[must_use]
pub fn featuriser_of(card: &ModelCard) -> Option<Featuriser> {
    head(card)?;
    let preprocess = Preprocess::of(card).ok()?;
    let file = preprocess.file(card).ok()?;
    // How many share a run changes no answer.
    let table: toml::Table = (card.preprocess.iter())
        .filter(|(key, _)| {
            !matches!(key.as_str(), "token_budget" | "featuriser" | "featuriser_hash")
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let probe = (preprocess.tokenizer == TokenizerKind::HanBigram)
        .then(|| tokenize::tokens("《劳动法》第12条之一 ＷＴＯ、COVID-19 ㎡①ｶﾞ が 國\u{3400}"));
    let made = json!({ "preprocess": table, "tokenizer": file.sha256, "probe": probe });
    Some(Featuriser { id: KIT.to_owned(), hash: digest(made.to_string().as_bytes()) })
}

/// SHA-256, hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A model that reads texts.
#[derive(Debug)]
pub(crate) struct TextModel {
    model: Arc<Model>,
    encoder: Encoder,
    budget: Budget,
    has_mask: bool,
    has_types: bool,
    preprocess: Preprocess,
    /// Rows of every run, where the graph takes no other number.
    rows: Option<usize>,
    /// Tokens of every row, where the graph takes no other number.
    length: Option<usize>,
}

/// What a run made of some texts.
pub(crate) struct Batch<'a> {
    /// The texts, in the order of the rows.
    pub(crate) texts: Vec<&'a Encoded>,
    /// The model's outputs; rows behind the last text are not to be looked at.
    pub(crate) outputs: Outputs,
}

impl TextModel {
    /// Reads the tokenizer and checks the inputs on the card.
    pub(crate) fn new(model: Arc<Model>) -> Result<Self, EmbedError> {
        let card = model.card();
        let unfit = |why: String| EmbedError::Unfit { model: card.name.clone(), why };
        let preprocess = Preprocess::of(card).map_err(unfit)?;
        let name = preprocess.file(card).map_err(unfit)?.path.clone();
        let bytes = model.read_file(&name).map_err(Box::new)?;
        let encoder = Encoder::of(&preprocess, &bytes).map_err(|reason| EmbedError::Tokenizer {
            model: card.name.clone(),
            file: name.clone(),
            reason,
        })?;
        if let Some(port) = card.inputs.iter().find(|port| !is_known(port)) {
            let (name, dtype) = (&port.name, port.dtype);
            return Err(unfit(format!(
                "its input {name:?} ({dtype}, {} dimensions) is none that texts give: {IDS}, {MASK}, {TYPES}, int64, 2 \
                 dimensions",
                port.shape.len()
            )));
        }
        let has = |name: &str| card.inputs.iter().any(|port| port.name == name);
        let (has_mask, has_types) = (has(MASK), has(TYPES));
        let ids = card.inputs.iter().find(|port| port.name == IDS);
        let ids = ids.ok_or_else(|| unfit(format!("it has no input {IDS:?}")))?;
        let (rows, length) = (fixed(&ids.shape[0]), fixed(&ids.shape[1]));
        if length.is_some_and(|length| length < preprocess.max_tokens) {
            return Err(unfit("[preprocess] max_tokens is more than its inputs hold".to_owned()));
        }
        let most = card.batching.as_ref().and_then(|batching| batching.max_rows);
        let budget = Budget {
            tokens: preprocess.budget(card),
            rows: rows.or(most).unwrap_or(usize::MAX).max(1),
        };
        Ok(Self { encoder, budget, has_mask, has_types, preprocess, rows, length, model })
    }

    /// The model.
    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What the card says of its input.
    pub(crate) fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// The tokens of a text.
    pub(crate) fn text(&self, text: &str) -> Result<Encoded, EmbedError> {
        self.encoder.text(text).map_err(|reason| self.unread(reason))
    }

    /// The tokens of a pair.
    pub(crate) fn pair(&self, first: &str, second: &str) -> Result<Encoded, EmbedError> {
        self.encoder.pair(first, second).map_err(|reason| self.unread(reason))
    }

    fn unread(&self, reason: EncodeError) -> EmbedError {
        EmbedError::Text { model: self.model.card().name.clone(), reason }
    }

    /// The tokens of `count` texts, on as many threads as the model has sessions.
    pub(crate) fn encode_all(
        &self,
        count: usize,
        encode: impl Fn(usize) -> Result<Encoded, EmbedError> + Sync,
    ) -> Result<Vec<Encoded>, EmbedError> {
        let chunks = parallel(self.model.pool().sessions(), count.div_ceil(CHUNK), |chunk| {
            let first = chunk * CHUNK;
            (first..count.min(first + CHUNK)).map(&encode).collect::<Result<Vec<_>, _>>()
        })?;
        Ok(chunks.into_iter().flatten().collect())
    }

    /// `width` numbers for each text, in the order given: `read` makes them from a batch, row after row. Texts without
    /// tokens get zeros. Batches run on all sessions of the model at a time.
    pub(crate) fn run(
        &self,
        texts: &[Encoded],
        width: usize,
        run: &RunOptions,
        read: impl Fn(&Batch<'_>) -> Result<Vec<f32>, EmbedError> + Sync,
    ) -> Result<Vec<f32>, EmbedError> {
        let mut made = vec![0.0; texts.len() * width];
        for (window, texts) in texts.chunks(WINDOW).enumerate() {
            let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
            let budget = match self.length {
                // Every row is as long: the budget counts rows of that length.
                Some(length) => Budget { tokens: usize::MAX, rows: self.budget.rows_of(length) },
                None => self.budget,
            };
            let batches = plan(&lengths, budget);
            let results = parallel(self.model.pool().sessions(), batches.len(), |at| {
                let texts = batches[at].iter().map(|&text| &texts[text]).collect();
                let batch = self.run_batch(texts, run)?;
                read(&batch)
            })?;
            for (batch, rows) in batches.iter().zip(&results) {
                for (&text, row) in batch.iter().zip(rows.chunks_exact(width)) {
                    let at = (window * WINDOW + text) * width;
                    made[at..at + width].copy_from_slice(row);
                }
            }
        }
        Ok(made)
    }

    fn run_batch<'a>(
        &self,
        texts: Vec<&'a Encoded>,
        run: &RunOptions,
    ) -> Result<Batch<'a>, EmbedError> {
        let longest = texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
        let shape = (self.rows.unwrap_or(texts.len()), self.length.unwrap_or(longest));
        let mut ids = Array2::from_elem(shape, i64::from(self.encoder.pad()));
        let mut mask = Array2::<i64>::zeros(if self.has_mask { shape } else { (0, 0) });
        let mut types = Array2::<i64>::zeros(if self.has_types { shape } else { (0, 0) });
        // A graph of a fixed number of rows gets texts again: a row of nothing but padding may be no number.
        let again = texts.iter().cycle().take(shape.0.saturating_sub(texts.len()));
        for (row, text) in texts.iter().chain(again).enumerate() {
            for (place, &id) in ids.row_mut(row).iter_mut().zip(&text.ids) {
                *place = i64::from(id);
            }
            if self.has_mask {
                mask.row_mut(row).iter_mut().take(text.ids.len()).for_each(|place| *place = 1);
            }
            if self.has_types {
                for (place, &kind) in types.row_mut(row).iter_mut().zip(&text.types) {
                    *place = i64::from(kind);
                }
            }
        }
        let mut inputs = Inputs::new().with(IDS, ids.view());
        if self.has_mask {
            inputs = inputs.with(MASK, mask.view());
        }
        if self.has_types {
            inputs = inputs.with(TYPES, types.view());
        }
        let outputs = self.model.run(&inputs, run)?;
        Ok(Batch { texts, outputs })
    }
}

impl Budget {
    /// Rows of a length that it allows.
    fn rows_of(self, length: usize) -> usize {
        (self.tokens / length.max(1)).min(self.rows).max(1)
    }
}

fn is_known(port: &Port) -> bool {
    matches!(port.name.as_str(), IDS | MASK | TYPES)
        && port.dtype == Dtype::Int64
        && port.shape.len() == 2
}

fn fixed(dim: &Dim) -> Option<usize> {
    match dim {
        Dim::Fixed(length) => usize::try_from(*length).ok(),
        Dim::Symbol(_) => None,
    }
}

/// The output a head reads: the one named, else the card's first.
pub(crate) fn output(card: &ModelCard, named: Option<&str>) -> Result<Port, String> {
    let found = match named {
        Some(name) => card.outputs.iter().find(|port| port.name == name),
        None => card.outputs.first(),
    };
    let port = found.ok_or_else(|| {
        format!("[postprocess] output {:?} is none of its", named.unwrap_or_default())
    })?;
    if port.dtype != Dtype::Float32 {
        return Err(format!("its output {:?} is {}, not float32", port.name, port.dtype));
    }
    Ok(port.clone())
}
