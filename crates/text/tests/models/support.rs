//! Cards for the tests' small BERT, and models opened from them.

use std::path::Path;
use std::sync::Arc;

use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, PoolConfig};
use strata_testkit::bert::{Bert, Head, TOKENIZER_JSON};
use strata_testkit::{CardSpec, write_card};
use strata_text::embed::featuriser_of;

/// Most tokens of the tests' model.
pub(crate) const MOST: usize = 40;

/// The encoder's table where nothing else is said.
pub(crate) const EMBEDDING: &str =
    "head = \"embedding\"\npooling = \"cls\"\nnormalize = true\ndim = 16\n";

/// `[preprocess]` of the tests' model.
pub(crate) fn preprocess(more: &str) -> String {
    format!("kit = \"text/1\"\ntokenizer = \"huggingface\"\nmax_tokens = {MOST}\n{more}")
}

pub(crate) fn bert(head: Head) -> Bert {
    Bert::new(7, MOST, head)
}

/// Writes the card and opens the model with `sessions` sessions.
pub(crate) fn open(
    dir: &Path,
    model: &strata_testkit::onnx::Model,
    (preprocess, postprocess): (&str, &str),
    sessions: usize,
) -> Arc<Model> {
    let tokenizer = ("tokenizer.json".to_owned(), "tokenizer".to_owned(), TOKENIZER_JSON.into());
    let spec = CardSpec { files: vec![tokenizer], ..CardSpec::new("tiny-bert") };
    open_spec(dir, spec, model, (preprocess, postprocess), sessions)
}

pub(crate) fn open_spec(
    dir: &Path,
    spec: CardSpec,
    model: &strata_testkit::onnx::Model,
    (preprocess, postprocess): (&str, &str),
    sessions: usize,
) -> Arc<Model> {
    let spec = spec.extra(&format!("[preprocess]\n{preprocess}\n[postprocess]\n{postprocess}\n"));
    let folder = write_card(dir, &spec, model).unwrap();
    let card = ModelCard::load(&folder).unwrap_or_else(|error| panic!("{error}"));
    let options = OpenOptions {
        pool: PoolConfig { sessions, ..PoolConfig::default() },
        featuriser: featuriser_of(&card),
        ..OpenOptions::default()
    };
    let model = Model::open(card, &SearchPath::only(dir), &options);
    Arc::new(model.unwrap_or_else(|error| panic!("{error}")))
}

/// A vector scaled to length 1.
pub(crate) fn unit(vector: &[f64]) -> Vec<f64> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

/// Panics unless both are the same to 5e-6.
pub(crate) fn near(got: &[f32], wanted: &[f64], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (at, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let difference = (f64::from(*got) - wanted).abs();
        assert!(difference < 5e-6, "{what}: [{at}] is {got}, expected {wanted}");
    }
}
