//! Scores of passages for a question by a cross-encoder, which reads both together: slower and finer than comparing vectors.
//!
//! ```toml
//! [preprocess]
//! kit = "text/1"
//! tokenizer = "huggingface"
//! max_tokens = 512               # of question and passage together
//!
//! [postprocess]
//! head = "cross-encoder"
//! output = "logits"              # optional: the first output
//! column = 0                     # optional: of the score
//! activation = "sigmoid"         # optional: "none"
//! ```

use std::sync::Arc;

use strata_core::card::{Dim, ModelCard};
use strata_core::runtime::{Model, RunOptions};

use crate::embed::{Batch, CrossEncoder, EmbedError, KIT, TextModel, head, output, table};

/// Name of the head on cards.
const HEAD: &str = "cross-encoder";

/// Scores passages for a question.
#[derive(Debug)]
pub struct Reranker {
    text: TextModel,
    settings: CrossEncoder,
    output: String,
}

impl Reranker {
    /// Whether a card describes a cross-encoder.
    #[must_use]
    pub fn is_model(card: &ModelCard) -> bool {
        head(card) == Some(HEAD)
    }

    /// Checks the card and reads the tokenizer.
    ///
    /// # Errors
    /// [`EmbedError::Unfit`] with what the card lacks; [`EmbedError::File`] or [`EmbedError::Tokenizer`].
    pub fn new(model: Arc<Model>) -> Result<Self, EmbedError> {
        let card = model.card();
        let unfit = |why: String| EmbedError::Unfit { model: card.name.clone(), why };
        if !Self::is_model(card) {
            let why = format!(
                "its card has no `kit = \"{KIT}\"` under [preprocess] with `head = \"{HEAD}\"` under [postprocess]"
            );
            return Err(unfit(why));
        }
        let settings: CrossEncoder = table(&card.postprocess, "postprocess").map_err(unfit)?;
        let port = output(card, settings.output.as_deref()).map_err(unfit)?;
        let column = settings.column as u64;
        let narrow = matches!(port.shape.last(), Some(Dim::Fixed(width)) if column >= *width);
        if port.shape.len() != 2 || narrow {
            let name = &port.name;
            return Err(unfit(format!("its output {name:?} has no rows with a column {column}")));
        }
        let text = TextModel::new(model)?;
        // A tokenizer that makes no pairs is found out here, not at the first question.
        text.pair("", "")?;
        Ok(Self { text, settings, output: port.name })
    }

    /// The open model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.text.model()
    }

    /// Scores of the passages, in the order given: higher is the better answer.
    ///
    /// # Errors
    /// When the tokenizer or the model fails, or `run` stops it.
    pub fn score<T: AsRef<str> + Sync>(
        &self,
        question: &str,
        passages: &[T],
        run: &RunOptions,
    ) -> Result<Vec<f32>, EmbedError> {
        let pair = |at: usize| self.text.pair(question, passages[at].as_ref());
        let encoded = self.text.encode_all(passages.len(), pair)?;
        self.text.run(&encoded, 1, run, |batch| self.read(batch))
    }

    fn read(&self, batch: &Batch<'_>) -> Result<Vec<f32>, EmbedError> {
        let (model, output) = (|| self.text.model().card().name.clone(), || self.output.clone());
        let view = batch.outputs.view::<f32>(&self.output)?;
        let (rows, column) = (batch.texts.len(), self.settings.column);
        if view.ndim() != 2 || view.shape()[0] < rows || view.shape()[1] <= column {
            return Err(EmbedError::Shape {
                model: model(),
                output: output(),
                shape: view.shape().to_vec(),
                expected: format!("{rows} rows with a column {column}"),
            });
        }
        let scores: Vec<f32> =
            (0..rows).map(|row| self.settings.activation.apply(view[[row, column]])).collect();
        if scores.iter().all(|score| score.is_finite()) {
            return Ok(scores);
        }
        Err(EmbedError::NotFinite { model: model(), output: output() })
    }
}
