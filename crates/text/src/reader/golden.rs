//! The reader against the golden cases of the shipped model: units, candidates, features, scores and answers as the trainer
//! computed them.

use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, RunOptions};

use super::*;

#[derive(Deserialize)]
struct Golden {
    features: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    question: String,
    passage: String,
    types: Vec<String>,
    word: (usize, usize),
    focus: Vec<String>,
    units: Vec<String>,
    gaps: Vec<u8>,
    spans: Vec<usize>,
    characters: Vec<usize>,
    rows: Vec<usize>,
    features: Vec<Vec<f64>>,
    scores: Vec<f64>,
    answer: Option<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    start: usize,
    end: usize,
    text: String,
    confidence: f64,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models/gov-reader")
}

fn golden() -> Golden {
    serde_json::from_slice(&std::fs::read(folder().join("cases.json")).unwrap()).unwrap()
}

fn reader() -> SpanReader {
    let card = ModelCard::load(&folder()).unwrap_or_else(|error| panic!("{error}"));
    let options = OpenOptions { featuriser: featuriser_of(&card), ..OpenOptions::default() };
    let search = SearchPath::only(folder().parent().unwrap());
    let model = Model::open(card, &search, &options).unwrap_or_else(|error| panic!("{error}"));
    SpanReader::new(Arc::new(model)).unwrap_or_else(|error| panic!("{error}"))
}

fn pairs(flat: &[usize]) -> Vec<(usize, usize)> {
    flat.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
}

fn near(got: f64, wanted: f64, what: &str) {
    assert!((got - wanted).abs() <= 1e-4, "{what}: {got}, expected {wanted}");
}

#[test]
fn features_have_the_trainers_names() {
    assert_eq!(names(), golden().features);
}

#[test]
fn every_golden_case_is_read_as_the_trainer_read_it() {
    let reader = reader();
    let cases = golden().cases;
    assert!(cases.len() >= 20);
    for case in cases {
        let what = format!("{} / {}", case.question, case.passage);
        let asked = Question::ask(&case.question);
        let unit = |text: &Text, u: usize| text.unit(u).iter().collect::<String>();
        let types: Vec<&str> = (question::TYPES.iter().zip(&asked.types))
            .filter_map(|((name, _), is)| is.then_some(*name))
            .collect();
        assert_eq!(types, case.types, "{what}");
        assert_eq!(asked.word, case.word, "{what}");
        let focus: Vec<String> =
            (asked.focus.0..asked.focus.1).map(|u| unit(&asked.text, u)).collect();
        assert_eq!(focus, case.focus, "{what}");
        let found = Candidates::of(&asked, Text::cut(&case.passage), &reader.idf);
        let units: Vec<String> = (0..found.text.len()).map(|u| unit(&found.text, u)).collect();
        assert_eq!(units, case.units, "{what}");
        let gaps: Vec<u8> = found.text.gaps.iter().map(|gap| *gap as u8).collect();
        assert_eq!(gaps, case.gaps, "{what}");
        assert_eq!(found.spans, pairs(&case.spans), "{what}");
        assert_eq!(found.characters, pairs(&case.characters), "{what}");
        let names = names();
        for (&row, wanted) in case.rows.iter().zip(&case.features) {
            let got = &found.features[row * names.len()..(row + 1) * names.len()];
            for ((got, wanted), name) in got.iter().zip(wanted).zip(&names) {
                near(f64::from(*got), *wanted, &format!("{what}: candidate {row}: {name}"));
            }
        }
        let run = RunOptions::default();
        let scores = reader.scores(&found, &run).unwrap();
        assert_eq!(scores.len(), case.scores.len(), "{what}");
        for (got, wanted) in scores.iter().zip(&case.scores) {
            near(f64::from(*got), *wanted, &what);
        }
        let read = reader.read(&case.question, &case.passage, 1, &run).unwrap();
        assert_eq!(read.is_empty(), case.answer.is_none(), "{what}");
        for (read, answer) in read.iter().zip(&case.answer) {
            assert_eq!(read.span.of(&case.passage), Some(answer.text.as_str()), "{what}");
            assert_eq!(read.span.chars(&case.passage), Some(answer.start..answer.end), "{what}");
            near(f64::from(read.score), answer.confidence, &what);
        }
    }
}

#[test]
fn several_answers_do_not_lie_over_each_other() {
    let reader = reader();
    let passage = "办理时限：15个工作日。咨询电话：020-12345678。受理地点：市民中心B座2楼。";
    let read = reader.read("咨询电话是多少？", passage, 3, &RunOptions::default()).unwrap();
    assert!((2..=3).contains(&read.len()));
    assert!(read.windows(2).all(|pair| pair[0].score >= pair[1].score));
    for (at, one) in read.iter().enumerate() {
        for other in &read[at + 1..] {
            assert!(one.span.end <= other.span.start || other.span.end <= one.span.start);
        }
    }
}

#[test]
fn odd_and_huge_passages_are_read_within_bounds() {
    let reader = reader();
    let run = RunOptions::default();
    for passage in [
        "",
        "\u{0}",
        "！？。，",
        &"（".repeat(3000),
        &"的为1".repeat(4000),
        &"甲，".repeat(5000),
        &"é\u{301}𠀀".repeat(2000),
    ] {
        for question in ["", &"什么的为".repeat(400)] {
            let read = reader.read(question, passage, 2, &run).unwrap();
            assert!(read.iter().all(|answer| answer.span.of(passage).is_some()));
        }
    }
}
