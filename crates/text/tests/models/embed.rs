//! Vectors: pooling, prefixes, cutting, order, batches, fixed shapes, cards that lack something.

use strata_core::card::ModelCard;
use strata_core::runtime::{CancelToken, RunOptions, RuntimeError};
use strata_testkit::CardSpec;
use strata_testkit::bert::{Head, TOKENIZER_JSON};
use strata_testkit::onnx::Dim;
use strata_text::embed::{EmbedError, Embedder, Encoder, featuriser_of};

use crate::support::{EMBEDDING, MOST, bert, near, open, open_spec, preprocess, unit};

const TEXTS: [&str; 8] = [
    "劳动合同法第一条",
    "申请人是不是应当办理身份证？COVID-19 working",
    "",
    "市政府",
    "为这个句子生成表示以用于检索相关文章：劳动合同法第一二三四五条市政府申请人的是不应当可以办理时限工作日材料身份证",
    "丁",
    "办理时限：二十个工作日。",
    "市政府",
];

fn encoder() -> Encoder {
    Encoder::hugging_face(TOKENIZER_JSON.as_bytes(), MOST).unwrap()
}

/// The vector of a text by plain loops.
fn wanted(text: &str, mean: bool, normalize: bool) -> Vec<f64> {
    let encoded = encoder().text(text).unwrap();
    let hidden = bert(Head::Hidden).hidden(&encoded.ids, &encoded.types);
    let vector: Vec<f64> = if mean {
        let tokens = hidden.len() as f64;
        (0..16).map(|i| hidden.iter().map(|token| token[i]).sum::<f64>() / tokens).collect()
    } else {
        hidden[0].clone()
    };
    if normalize { unit(&vector) } else { vector }
}

fn compare(vectors: &[f32], texts: &[&str], mean: bool, normalize: bool) {
    assert_eq!(vectors.len(), texts.len() * 16);
    for (vector, text) in vectors.chunks_exact(16).zip(texts) {
        near(vector, &wanted(text, mean, normalize), text);
    }
}

#[test]
fn every_pooling_gives_what_plain_loops_give() {
    let run = RunOptions::default();
    for (head, pooling, normalize) in [
        (Head::Hidden, "cls", true),
        (Head::Hidden, "cls", false),
        (Head::Hidden, "mean", true),
        (Head::Pooled, "none", true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let post = format!(
            "head = \"embedding\"\npooling = \"{pooling}\"\nnormalize = {normalize}\ndim = 16\n"
        );
        // A budget of 48 tokens makes several batches of these texts.
        let pre = preprocess("token_budget = 48\n");
        let model = open(dir.path(), &bert(head).model(), (&pre, &post), 2);
        let embedder = Embedder::new(model).unwrap();
        assert_eq!(embedder.dim(), 16);
        let vectors = embedder.passages(&TEXTS, &run).unwrap();
        compare(&vectors, &TEXTS, pooling == "mean", normalize);
        assert_eq!(embedder.query(TEXTS[1], &run).unwrap().len(), 16);
        assert!(embedder.passages::<&str>(&[], &run).unwrap().is_empty());
    }
}

#[test]
fn prefixes_go_before_questions_and_passages() {
    let dir = tempfile::tempdir().unwrap();
    let post = format!("{EMBEDDING}query_prefix = \"为这个句子：\"\npassage_prefix = \"工作 \"\n");
    let model = open(dir.path(), &bert(Head::Hidden).model(), (&preprocess(""), &post), 1);
    let embedder = Embedder::new(model).unwrap();
    let run = RunOptions::default();
    near(
        &embedder.query("市政府", &run).unwrap(),
        &wanted("为这个句子：市政府", false, true),
        "question",
    );
    near(
        &embedder.passages(&["市政府"], &run).unwrap(),
        &wanted("工作 市政府", false, true),
        "passage",
    );
    assert_eq!(embedder.count_tokens("市政府").unwrap(), 5);
}

#[test]
fn long_texts_are_cut_to_the_cards_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let model = open(dir.path(), &bert(Head::Hidden).model(), (&preprocess(""), EMBEDDING), 1);
    let embedder = Embedder::new(model).unwrap();
    let long = "劳动合同法第一条".repeat(50);
    assert_eq!(embedder.count_tokens(&long).unwrap(), MOST);
    let cut: String = long.chars().take(MOST - 2).collect();
    let run = RunOptions::default();
    assert_eq!(
        embedder.passages(&[&long], &run).unwrap(),
        embedder.passages(&[&cut], &run).unwrap()
    );
}

#[test]
fn a_text_has_its_vector_whatever_stands_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let pre = preprocess("token_budget = 4096\n");
    let model = open(dir.path(), &bert(Head::Hidden).model(), (&pre, EMBEDDING), 2);
    let embedder = Embedder::new(model).unwrap();
    let run = RunOptions::default();
    // More than a window of texts, so that windows are put together again.
    let texts: Vec<String> =
        (0..2500_usize).map(|n| TEXTS[n % 8].chars().cycle().take(n % 37).collect()).collect();
    let together = embedder.passages(&texts, &run).unwrap();
    for at in [0, 1, 36, 700, 2047, 2048, 2499] {
        let alone = embedder.passages(&texts[at..=at], &run).unwrap();
        for (a, b) in alone.iter().zip(&together[at * 16..]) {
            assert!((a - b).abs() < 1e-6, "text {at}: {a} alone, {b} among others");
        }
    }
}

#[test]
fn graphs_of_fixed_shapes_are_filled_up() {
    let mut model = bert(Head::Hidden).model();
    for port in model.graph.inputs.iter_mut().chain(&mut model.graph.outputs) {
        port.shape[0] = Dim::from(3);
        port.shape[1] = Dim::from(MOST as i64);
    }
    let dir = tempfile::tempdir().unwrap();
    let model = open(dir.path(), &model, (&preprocess(""), EMBEDDING), 1);
    let embedder = Embedder::new(model).unwrap();
    let vectors = embedder.passages(&TEXTS, &RunOptions::default()).unwrap();
    compare(&vectors, &TEXTS, false, true);
}

#[test]
fn a_vocabulary_of_bigrams_serves_too() {
    let dir = tempfile::tempdir().unwrap();
    let vocabulary = "[PAD]\n[UNK]\n劳\n动\n劳动\n法\n";
    let file = ("vocabulary.txt".to_owned(), "tokenizer".to_owned(), vocabulary.into());
    let spec = CardSpec { files: vec![file], ..CardSpec::new("static") };
    let pre = "kit = \"text/1\"\ntokenizer = \"han-bigram/1\"\nmax_tokens = 40\n";
    let model = open_spec(dir.path(), spec, &bert(Head::Hidden).model(), (pre, EMBEDDING), 1);
    let embedder = Embedder::new(model).unwrap();
    let vectors = embedder.passages(&["劳动法", "……"], &RunOptions::default()).unwrap();
    let hidden = |ids: &[u32]| unit(&bert(Head::Hidden).hidden(ids, &[])[0]);
    near(&vectors[..16], &hidden(&[2, 3, 4, 5]), "劳动法");
    near(&vectors[16..], &hidden(&[1]), "nothing known");
}

#[test]
fn the_identity_follows_what_shapes_the_vectors() {
    let identity = |pre: &str, post: &str| {
        let dir = tempfile::tempdir().unwrap();
        let model = open(dir.path(), &bert(Head::Hidden).model(), (pre, post), 1);
        let featuriser = featuriser_of(model.card()).unwrap();
        assert_eq!(model.provenance().featuriser.as_ref(), Some(&featuriser));
        Embedder::new(model).unwrap().identity()
    };
    let first = identity(&preprocess(""), EMBEDDING);
    assert_eq!((first.name.as_str(), first.dim), ("tiny-bert 1.0.0", 16));
    assert_eq!(identity(&preprocess("token_budget = 7\n"), EMBEDDING), first);
    let shorter = preprocess("").replace("40", "20");
    assert_ne!(identity(&shorter, EMBEDDING).sha256, first.sha256);
    let prefixed = format!("{EMBEDDING}query_prefix = \"为\"\n");
    assert_ne!(identity(&preprocess(""), &prefixed).sha256, first.sha256);
    let mean = EMBEDDING.replace("cls", "mean");
    assert_ne!(identity(&preprocess(""), &mean).sha256, first.sha256);
}

#[test]
fn cards_that_lack_something_say_what() {
    let refusal = |head: Head, pre: &str, post: &str| {
        let dir = tempfile::tempdir().unwrap();
        let model = open(dir.path(), &bert(head).model(), (pre, post), 1);
        Embedder::new(model).unwrap_err().to_string()
    };
    let pre = preprocess("");
    let says = |error: String, what: &str| assert!(error.contains(what), "{error}");
    says(refusal(Head::Hidden, "kit = \"vision/1\"", EMBEDDING), "text/1");
    says(refusal(Head::Hidden, &preprocess("maximum = 3"), EMBEDDING), "maximum");
    says(refusal(Head::Hidden, &preprocess("file = \"a.json\""), EMBEDDING), "a.json");
    says(refusal(Head::Hidden, &pre.replace("40", "0"), EMBEDDING), "max_tokens");
    says(refusal(Head::Hidden, &pre.replace("huggingface", "jieba"), EMBEDDING), "jieba");
    says(refusal(Head::Hidden, &pre, &EMBEDDING.replace("16", "17")), "17 numbers");
    says(refusal(Head::Hidden, &pre, &EMBEDDING.replace("cls", "none")), "2 dimensions");
    says(refusal(Head::Pooled, &pre, EMBEDDING), "3 dimensions");
    says(refusal(Head::Hidden, &pre, &format!("{EMBEDDING}output = \"pooled\"\n")), "pooled");
    says(refusal(Head::Hidden, &pre.replace("40", "3"), EMBEDDING), "special tokens");
    let missing = pre.replace("huggingface", "han-bigram/1");
    says(refusal(Head::Hidden, &missing, EMBEDDING), "tokenizer.json is no tokenizer");
}

#[test]
fn inputs_that_texts_do_not_give_are_named() {
    let mut model = bert(Head::Hidden).model();
    model.graph.inputs[2].name = "position_ids".to_owned();
    model.graph.nodes.iter_mut().flat_map(|node| &mut node.inputs).for_each(|name| {
        if name == "token_type_ids" {
            *name = "position_ids".to_owned();
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let model = open(dir.path(), &model, (&preprocess(""), EMBEDDING), 1);
    let error = Embedder::new(model).unwrap_err();
    assert!(
        matches!(&error, EmbedError::Unfit { why, .. } if why.contains("position_ids")),
        "{error}"
    );
}

#[test]
fn a_cancelled_call_ends_with_that_error() {
    let dir = tempfile::tempdir().unwrap();
    let model = open(dir.path(), &bert(Head::Hidden).model(), (&preprocess(""), EMBEDDING), 2);
    let embedder = Embedder::new(model).unwrap();
    let cancel = CancelToken::new();
    cancel.cancel();
    let run = RunOptions { cancel: Some(cancel), ..RunOptions::default() };
    let error = embedder.passages(&TEXTS, &run).unwrap_err();
    assert!(matches!(error, EmbedError::Runtime(RuntimeError::Cancelled { .. })), "{error}");
}

#[test]
fn other_cards_are_no_embedders() {
    let dir = tempfile::tempdir().unwrap();
    let folder = strata_testkit::write_card(
        dir.path(),
        &CardSpec::new("x"),
        &strata_testkit::models::identity(2),
    )
    .unwrap();
    let card = ModelCard::load(&folder).unwrap();
    assert!(!Embedder::is_model(&card));
    assert!(featuriser_of(&card).is_none());
}
