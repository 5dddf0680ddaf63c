//! The shipped card of a public encoder: another model's files under the same card, and nothing else changed, give vectors.

use std::path::Path;
use std::sync::Arc;

use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, RunOptions};
use strata_testkit::bert::{Bert, Head, TOKENIZER_JSON};
use strata_testkit::sha256_hex;
use strata_text::embed::{Embedder, Encoder, featuriser_of};

use crate::support::{near, unit};

/// The card with the size and digest of files that are here. Only the width is another: the tests' model is narrower.
fn with_files(card: &str, files: &[(&str, &[u8])]) -> String {
    let mut table: toml::Table = card.parse().unwrap();
    let listed = table["files"].as_array_mut().unwrap();
    listed.retain_mut(|entry| {
        let found = files.iter().find(|(name, _)| entry["path"].as_str() == Some(name));
        if let Some((_, bytes)) = found {
            let entry = entry.as_table_mut().unwrap();
            entry.insert("bytes".to_owned(), (bytes.len() as i64).into());
            entry.insert("sha256".to_owned(), sha256_hex(bytes).into());
        }
        found.is_some()
    });
    let variants = table["variants"].as_array_mut().unwrap();
    variants.retain(|variant| files.iter().any(|(name, _)| variant["file"].as_str() == Some(name)));
    table["outputs"][0]["shape"][2] = 16.into();
    table["postprocess"]["dim"] = 16.into();
    toml::to_string(&table).unwrap()
}

#[test]
fn bge_small_zh_is_served_from_its_card_alone() {
    let card =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models/bge-small-zh/card.toml");
    let bert = Bert::new(11, 512, Head::Hidden);
    let model = bert.model().encode();
    let files: [(&str, &[u8]); 2] =
        [("model.onnx", &model), ("tokenizer.json", TOKENIZER_JSON.as_bytes())];
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("bge-small-zh");
    std::fs::create_dir(&folder).unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    let text = with_files(&std::fs::read_to_string(card).unwrap(), &files);
    std::fs::write(folder.join("card.toml"), text).unwrap();

    let card = ModelCard::load(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(Embedder::is_model(&card));
    let options = OpenOptions { featuriser: featuriser_of(&card), ..OpenOptions::default() };
    let model = Model::open(card, &SearchPath::only(dir.path()), &options);
    let embedder = Embedder::new(Arc::new(model.unwrap_or_else(|e| panic!("{e}")))).unwrap();
    let encoder = Encoder::hugging_face(TOKENIZER_JSON.as_bytes(), 512).unwrap();
    let wanted = |text: &str| unit(&bert.hidden(&encoder.text(text).unwrap().ids, &[])[0]);
    let run = RunOptions::default();
    let question = embedder.query("办理时限", &run).unwrap();
    near(&question, &wanted("为这个句子生成表示以用于检索相关文章：办理时限"), "question");
    let long = "劳动合同法第一条".repeat(80);
    let passage = embedder.passages(&[&long], &run).unwrap();
    near(&passage, &wanted(&long), "passage beyond 512 tokens");
}
