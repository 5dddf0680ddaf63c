//! Tokens against the Python package `tokenizers` (`tests/oracle/make_tokens.py` makes the golden files).

use serde::Deserialize;
use strata_testkit::bert::TOKENIZER_JSON;
use strata_testkit::{shared_dir, skip};
use strata_text::embed::{Encoded, Encoder};

#[derive(Deserialize)]
struct Case {
    text: String,
    pair: Option<String>,
    most: usize,
    ids: Vec<u32>,
    types: Vec<u32>,
}

fn compare(tokenizer: &[u8], golden: &str) {
    let cases: Vec<Case> = serde_json::from_str(golden).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let encoder = Encoder::hugging_face(tokenizer, case.most).unwrap();
        let made = match &case.pair {
            None => encoder.text(&case.text),
            Some(second) => encoder.pair(&case.text, second),
        };
        let types = if case.types.iter().any(|&t| t > 0) { case.types } else { Vec::new() };
        assert_eq!(
            made.unwrap(),
            Encoded { ids: case.ids, types },
            "{} {:?}",
            case.text,
            case.pair
        );
    }
}

#[test]
fn our_own_tokenizer_gives_the_golden_numbers() {
    compare(TOKENIZER_JSON.as_bytes(), include_str!("../data/wordpiece.json"));
}

#[test]
fn the_published_tokenizer_gives_the_golden_numbers() {
    let file = shared_dir()
        .map(|dir| dir.join("models/text/bge-small-zh-v1.5-tokenizer/tokenizer.json"))
        .filter(|file| file.is_file());
    let Some(file) = file else {
        return skip("the tokenizer of bge-small-zh-v1.5 is not here (STRATA_SHARED)");
    };
    compare(&std::fs::read(file).unwrap(), include_str!("../data/bge-small-zh.json"));
}

/// The library panics on both: the one while it reads, the other at the first text.
#[test]
fn a_damaged_tokenizer_is_an_error() {
    let no_value = TOKENIZER_JSON.replacen('{', "{\"decoder\": ,", 1);
    let no_token =
        include_bytes!("../../../../fuzz/regressions/tokenizer/template_without_its_token");
    for bytes in [no_value.as_bytes(), no_token] {
        let error = Encoder::hugging_face(bytes, 16).unwrap_err();
        assert!(error.to_string().contains("damaged"), "{error}");
    }
}
