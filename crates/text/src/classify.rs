//! Classes of texts by a model, such as the bureau that a citizen's case goes to.
//!
//! ```toml
//! [preprocess]
//! kit = "text/1"
//! tokenizer = "han-bigram/1"
//! max_tokens = 512
//!
//! [postprocess]
//! head = "classes"
//! output = "probabilities"       # optional: the first output, one column a class
//! classes = ["公安", "消防"]
//! ```

use std::sync::Arc;

use strata_core::card::{Dim, ModelCard};
use strata_core::runtime::{Model, RunOptions};

use crate::embed::{Batch, Classes, EmbedError, KIT, TextModel, head, output, table};

/// Name of the head on cards.
const HEAD: &str = "classes";

/// Classifies texts.
#[derive(Debug)]
pub struct Classifier {
    text: TextModel,
    classes: Vec<String>,
    output: String,
}

impl Classifier {
    /// Whether a card describes a classifier of texts.
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
        let settings: Classes = table(&card.postprocess, "postprocess").map_err(unfit)?;
        let port = output(card, settings.output.as_deref()).map_err(unfit)?;
        let count = settings.classes.len();
        let wide = match port.shape.last() {
            Some(Dim::Fixed(width)) => *width == count as u64,
            _ => true,
        };
        if port.shape.len() != 2 || !wide || count == 0 {
            let name = &port.name;
            return Err(unfit(format!("its output {name:?} has no rows of {count} classes")));
        }
        Ok(Self { text: TextModel::new(model)?, classes: settings.classes, output: port.name })
    }

    /// The open model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        self.text.model()
    }

    /// Names of the classes, in the order of the probabilities.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Probabilities of the classes, row after row in the order of the texts.
    ///
    /// # Errors
    /// When the tokenizer or the model fails, or `run` stops it.
    pub fn probabilities<T: AsRef<str> + Sync>(
        &self,
        texts: &[T],
        run: &RunOptions,
    ) -> Result<Vec<f32>, EmbedError> {
        let encoded = self.text.encode_all(texts.len(), |at| self.text.text(texts[at].as_ref()))?;
        self.text.run(&encoded, self.classes.len(), run, |batch| self.read(batch))
    }

    /// The likeliest classes of a text with their probabilities, at most `top`, likeliest first.
    ///
    /// # Errors
    /// As [`Self::probabilities`].
    pub fn classify(
        &self,
        text: &str,
        top: usize,
        run: &RunOptions,
    ) -> Result<Vec<(&str, f32)>, EmbedError> {
        let probabilities = self.probabilities(&[text], run)?;
        let mut found: Vec<(&str, f32)> =
            self.classes.iter().map(String::as_str).zip(probabilities).collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found.truncate(top);
        Ok(found)
    }

    fn read(&self, batch: &Batch<'_>) -> Result<Vec<f32>, EmbedError> {
        let (model, output) = (|| self.text.model().card().name.clone(), || self.output.clone());
        let view = batch.outputs.view::<f32>(&self.output)?;
        let (rows, width) = (batch.texts.len(), self.classes.len());
        if view.ndim() != 2 || view.shape()[0] < rows || view.shape()[1] != width {
            return Err(EmbedError::Shape {
                model: model(),
                output: output(),
                shape: view.shape().to_vec(),
                expected: format!("{rows} rows of {width} classes"),
            });
        }
        let made: Vec<f32> = view.iter().copied().take(rows * width).collect();
        if made.iter().all(|probability| probability.is_finite()) {
            return Ok(made);
        }
        Err(EmbedError::NotFinite { model: model(), output: output() })
    }
}
