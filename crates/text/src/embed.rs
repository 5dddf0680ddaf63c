//! Vectors of texts by a model, from its card alone: the tokenizer, the way hidden states become one vector, and what is
//! put before questions and passages. Texts of like length share a run, so that little is computed on padding.
//!
//! ```toml
//! [preprocess]
//! kit = "text/1"
//! tokenizer = "huggingface"      # the file under [[files]] with the role "tokenizer"; or "han-bigram/1"
//! max_tokens = 512               # special tokens included; what is beyond is cut off
//! token_budget = 512             # optional: padded tokens of one run, else max_cost of [batching], else 512
//!
//! [postprocess]
//! head = "embedding"
//! output = "last_hidden_state"   # optional: the first output
//! pooling = "cls"                # or "mean", or "none" for a graph that pools
//! normalize = true
//! dim = 512
//! query_prefix = "为这个句子生成表示以用于检索相关文章："
//! ```
//!
//! The model's inputs are `input_ids`, and where it has them `attention_mask` and `token_type_ids`: int64, rows by tokens.

mod batches;
mod encode;
mod model;
mod parallel;
mod settings;
mod vocabulary;

use std::borrow::Cow;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayView3, Axis, Ix2, Ix3, s};
use serde_json::json;
use strata_core::card::{Dim, ModelCard};
use strata_core::runtime::{Model, RunOptions, RuntimeError};
use strata_core::verify::VerifyError;

pub use encode::{EncodeError, Encoded, Encoder};
pub use model::featuriser_of;
pub use settings::{Activation, KIT, Pooling, TokenizerKind};

pub(crate) use model::{Batch, TextModel, digest, output};
pub(crate) use settings::{Classes, CrossEncoder, head, table};

use crate::fusion::Fusion;
use crate::index::EmbeddingIdentity;
use settings::Embedding;

/// Name of the head on cards.
const HEAD: &str = "embedding";

/// Why a text has no vector or score.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// The card does not describe what is needed.
    #[error("model {model} cannot be used on texts: {why}")]
    Unfit {
        /// The model.
        model: String,
        /// Why not.
        why: String,
    },
    /// The tokenizer's file is absent or not what the card says.
    #[error(transparent)]
    File(#[from] Box<VerifyError>),
    /// The tokenizer's file cannot be read.
    #[error("model {model}: {file} is no tokenizer this build reads: {reason}")]
    Tokenizer {
        /// The model.
        model: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: EncodeError,
    },
    /// The tokenizer failed on a text.
    #[error("model {model}: its tokenizer failed on a text: {reason}")]
    Text {
        /// The model.
        model: String,
        /// What it says.
        reason: EncodeError,
    },
    /// The model did not run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// An output has another shape than the card says.
    #[error("model {model}: output {output:?} has shape {shape:?}, expected {expected}")]
    Shape {
        /// The model.
        model: String,
        /// The output.
        output: String,
        /// Its shape.
        shape: Vec<usize>,
        /// What the card makes expect.
        expected: String,
    },
    /// The model gave something that is no number.
    #[error("model {model}: output {output:?} holds values that are no numbers")]
    NotFinite {
        /// The model.
        model: String,
        /// The output.
        output: String,
    },
}

/// Whether a card describes a model of texts.
#[must_use]
pub fn is_text(card: &ModelCard) -> bool {
    card.preprocess.get("kit").and_then(toml::Value::as_str) == Some(KIT)
}

/// Makes vectors of texts.
#[derive(Debug)]
pub struct Embedder {
    text: TextModel,
    settings: Embedding,
    pooling: Pooling,
    query_prefix: String,
    passage_prefix: String,
    output: String,
    identity: EmbeddingIdentity,
}

impl Embedder {
    /// Whether a card describes a model that makes vectors of texts.
    #[must_use]
    pub fn is_model(card: &ModelCard) -> bool {
        head(card) == Some(HEAD)
    }

    /// Outputs of which vectors take the first token's row only, for [`OpenOptions::first_rows`]: a model that nobody asks
    /// for more is opened with them and gives the same vectors faster.
    ///
    /// [`OpenOptions::first_rows`]: strata_core::runtime::OpenOptions::first_rows
    #[must_use]
    pub fn first_rows(card: &ModelCard) -> Vec<String> {
        let settings = Self::is_model(card)
            .then(|| table::<Embedding>(&card.postprocess, ""))
            .and_then(Result::ok);
        let cls = settings.filter(|settings| settings.pooling == Some(Pooling::Cls));
        let port = cls.and_then(|settings| output(card, settings.output.as_deref()).ok());
        port.map(|port| port.name).into_iter().collect()
    }

    /// Checks the card and reads the tokenizer.
    ///
    /// # Errors
    /// [`EmbedError::Unfit`] with what the card lacks; [`EmbedError::File`] or [`EmbedError::Tokenizer`].
    pub fn new(model: Arc<Model>) -> Result<Self, EmbedError> {
        let name = model.card().name.clone();
        let unfit = |why: String| EmbedError::Unfit { model: name.clone(), why };
        if !Self::is_model(model.card()) {
            let why = format!(
                "its card has no `kit = \"{KIT}\"` under [preprocess] with `head = \"{HEAD}\"` under [postprocess]"
            );
            return Err(unfit(why));
        }
        let text = TextModel::new(model)?;
        let card = text.model().card();
        let settings: Embedding = table(&card.postprocess, "postprocess").map_err(unfit)?;
        let port = output(card, settings.output.as_deref()).map_err(unfit)?;
        let before = text.preprocess();
        let pooling = settings.pooling.or(before.pooling);
        let pooling = pooling.ok_or_else(|| unfit("[postprocess] has no pooling".to_owned()))?;
        let rank = if pooling == Pooling::None { 2 } else { 3 };
        let wide = match port.shape.last() {
            Some(Dim::Fixed(width)) => *width == settings.dim as u64,
            _ => true,
        };
        if port.shape.len() != rank || !wide || settings.dim == 0 {
            let (name, dim) = (&port.name, settings.dim);
            return Err(unfit(format!(
                "its output {name:?} is not of {rank} dimensions with {dim} numbers in the last, as [postprocess] says"
            )));
        }
        let prefix = |after: &Option<String>, before: &Option<String>| {
            after.as_ref().or(before.as_ref()).cloned().unwrap_or_default()
        };
        let mut made = Self {
            query_prefix: prefix(&settings.query_prefix, &before.query_prefix),
            passage_prefix: prefix(&settings.passage_prefix, &before.passage_prefix),
            identity: EmbeddingIdentity { name: String::new(), sha256: String::new(), dim: 0 },
            output: port.name,
            text,
            settings,
            pooling,
        };
        made.identity = made.identify();
        Ok(made)
    }

    fn identify(&self) -> EmbeddingIdentity {
        let (model, card) = (self.text.model(), self.text.model().card());
        let made = json!({
            "model": model.provenance().sha256,
            "features": featuriser_of(card).map(|featuriser| featuriser.hash),
            "output": self.output,
            "pooling": format!("{:?}", self.pooling),
            "normalize": self.settings.normalize,
            "prefixes": [self.query_prefix, self.passage_prefix],
        });
        EmbeddingIdentity {
            name: format!("{} {}", card.name, card.version),
            sha256: model::digest(made.to_string().as_bytes()),
            dim: self.settings.dim,
        }
    }

    /// How scores by words and by these vectors become one, where the card says so.
    #[must_use]
    pub fn fusion(&self) -> Option<Fusion> {
        self.settings.fusion()
    }

    /// Numbers of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.settings.dim
    }

    /// Which vectors these are. Vectors of another identity must not be compared with them: another model file,
    /// tokenizer, pooling or prefix has another digest.
    #[must_use]
    pub fn identity(&self) -> EmbeddingIdentity {
        self.identity.clone()
    }

    /// The open model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.text.model()
    }

    /// Tokens the model reads of a text as it stands, special ones included.
    ///
    /// # Errors
    /// When the tokenizer fails.
    pub fn count_tokens(&self, text: &str) -> Result<usize, EmbedError> {
        Ok(self.text.text(text)?.ids.len())
    }

    /// Vectors of passages, row after row in the order given. A text in which the tokenizer finds nothing has zeros.
    ///
    /// # Errors
    /// When the tokenizer or the model fails, or `run` stops it.
    pub fn passages<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        run: &RunOptions,
    ) -> Result<Vec<f32>, EmbedError> {
        self.vectors(texts, &self.passage_prefix, run)
    }

    /// Vectors of questions, row after row.
    ///
    /// # Errors
    /// As [`Self::passages`].
    pub fn queries<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        run: &RunOptions,
    ) -> Result<Vec<f32>, EmbedError> {
        self.vectors(texts, &self.query_prefix, run)
    }

    /// The vector of one question.
    ///
    /// # Errors
    /// As [`Self::passages`].
    pub fn query(&self, text: &str, run: &RunOptions) -> Result<Vec<f32>, EmbedError> {
        self.queries(&[text], run)
    }

    fn vectors<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        prefix: &str,
        run: &RunOptions,
    ) -> Result<Vec<f32>, EmbedError> {
        let mut made = Vec::with_capacity(texts.len() * self.dim());
        // A window at a time, so that the tokens of a long list are not all held.
        for texts in texts.chunks(model::WINDOW) {
            let encoded = self.text.encode_all(texts.len(), |at| {
                let text = texts[at].as_ref();
                let text = if prefix.is_empty() {
                    Cow::Borrowed(text)
                } else {
                    Cow::Owned(format!("{prefix}{text}"))
                };
                self.text.text(&text)
            })?;
            made.extend(self.text.run(&encoded, self.dim(), run, |batch| self.read(batch))?);
        }
        Ok(made)
    }

    /// The vectors of a batch.
    fn read(&self, batch: &Batch<'_>) -> Result<Vec<f32>, EmbedError> {
        let (rows, dim) = (batch.texts.len(), self.dim());
        let view = batch.outputs.view::<f32>(&self.output)?;
        let odd = |expected: String| EmbedError::Shape {
            model: self.text.model().card().name.clone(),
            output: self.output.clone(),
            shape: view.shape().to_vec(),
            expected,
        };
        let mut vectors = if self.pooling == Pooling::None {
            let pooled = view.view().into_dimensionality::<Ix2>();
            let pooled = pooled.ok().filter(|v| v.nrows() >= rows && v.ncols() == dim);
            pooled.map(|v| v.slice_move(s![..rows, ..]).to_owned())
        } else {
            let longest = batch.texts.iter().map(|text| text.ids.len()).max().unwrap_or(0);
            let states = view.view().into_dimensionality::<Ix3>();
            let fits = |v: &ArrayView3<'_, f32>| {
                // Of the first token alone a model may have been opened to give no others.
                let tokens = if self.pooling == Pooling::Cls { 1 } else { longest };
                v.dim().0 >= rows && v.dim().1 >= tokens && v.dim().2 == dim
            };
            states.ok().filter(fits).map(|v| self.pool(&v, batch))
        }
        .ok_or_else(|| odd(format!("{rows} texts of {dim} numbers")))?;
        for mut vector in vectors.rows_mut() {
            if !vector.iter().all(|x| x.is_finite()) {
                let (model, output) = (self.text.model().card().name.clone(), self.output.clone());
                return Err(EmbedError::NotFinite { model, output });
            }
            let length = norm(&vector.view());
            if self.settings.normalize && length > 0.0 {
                vector.mapv_inplace(|x| x / length);
            }
        }
        Ok(vectors.into_raw_vec_and_offset().0)
    }

    fn pool(&self, states: &ArrayView3<'_, f32>, batch: &Batch<'_>) -> Array2<f32> {
        let mut vectors = Array2::zeros((batch.texts.len(), self.dim()));
        for (row, text) in batch.texts.iter().enumerate() {
            let tokens: ArrayView2<'_, f32> = states.index_axis(Axis(0), row);
            let vector = match self.pooling {
                Pooling::Mean => tokens.slice(s![..text.ids.len(), ..]).mean_axis(Axis(0)),
                Pooling::Cls | Pooling::None => Some(tokens.row(0).to_owned()),
            };
            if let Some(vector) = vector {
                vectors.row_mut(row).assign(&vector);
            }
        }
        vectors
    }
}

/// Euclidean length.
fn norm(vector: &ArrayView1<'_, f32>) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}
