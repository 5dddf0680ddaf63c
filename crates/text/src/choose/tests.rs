//! Tests of the choice: features by hand, order, weights that are refused.

use proptest::prelude::*;

use super::*;

fn hit(score: f32) -> Hit {
    let (doc, dense) = ("d".into(), Some(0.5));
    Hit { doc, unit: 0, score, lexical: Some(score * 10.0), dense, coverage: score }
}

fn at(name: &str) -> usize {
    NAMES.iter().position(|known| *known == name).expect("a feature")
}

/// Every token weighs the same.
fn flat(_: &str) -> f64 {
    1.0
}

fn described(question: &str, texts: &[&str]) -> Vec<Row> {
    let hits: Vec<Hit> = (0..texts.len()).map(|at| hit(0.8 / (at as f32 + 1.0))).collect();
    let passages: Vec<Candidate<'_>> =
        hits.iter().zip(texts).map(|(hit, text)| Candidate { hit, text }).collect();
    describe(question, &passages, &flat)
}

#[test]
fn features_by_hand() {
    // The content is 试, 用, 期, 试用, 用期; 多久 is the question word.
    let texts = ["试用期约定在合同中。工资另议。", "期满。试用期不得超过六个月；工资按时发。"];
    let rows = described("试用期多久？", &texts);
    let [first, second] = rows.as_slice() else { panic!("two rows") };
    let is = |row: &Row, name: &str, wanted: f64| {
        assert!((row[at(name)] - wanted).abs() < 1e-6, "{name}: {} is not {wanted}", row[at(name)]);
    };
    for (row, score, rank) in [(first, 1.0, 1.0), (second, 0.5, 0.5)] {
        is(row, "score", score);
        is(row, "lexical", score);
        is(row, "rank", rank);
        is(row, "dense", 0.5);
        is(row, "own_share", 1.0);
        is(row, "pair_share", 1.0);
        is(row, "sentence_share", 1.0);
    }
    // Who asks how long wants a period of time, and the sentence that fits has one.
    assert_eq!((first[at("expected")], second[at("expected")]), (0.0, 1.0));
    assert_eq!((first[at("expected_sentence")], second[at("expected_sentence")]), (0.0, 1.0));
    is(first, "length", 16.0_f64.ln());
    // BM25 of five tokens once each; the second has 期 twice, and is longer.
    let mean = (15.0 + 20.0) / 2.0;
    let bm25 = |tf: f64, length: f64| 1.9 * tf / (tf + 0.9 * (0.25 + 0.75 * length / mean));
    let own = [5.0 * bm25(1.0, 15.0), 4.0 * bm25(1.0, 20.0) + bm25(2.0, 20.0)];
    let most = own[0].max(own[1]);
    is(first, "own_bm25", own[0] / most);
    is(second, "own_bm25", own[1] / most);
}

#[test]
fn what_all_passages_have_tells_nothing() {
    let rows =
        described("电动车 头盔", &["电动车应当登记。", "电动车骑行应当戴头盔。", "电动车停放。"]);
    let local: Vec<f64> = rows.iter().map(|row| row[at("local_share")]).collect();
    assert!(local[1] > 0.9 && local[0] < local[1] - 0.4 && local[0] == local[2], "{local:?}");
    // The share of words in all texts does not see that as clearly.
    assert!(rows[0][at("own_share")] > local[0]);
}

#[test]
fn the_shipped_weights_are_read_and_put_the_answer_first() {
    let choice = Choice::shipped().expect("the shipped weights");
    let hits = [hit(0.50), hit(0.49)];
    let texts = ["试用期包含在劳动合同期限内。", "试用期不得超过六个月。"];
    let passages: Vec<Candidate<'_>> =
        hits.iter().zip(texts).map(|(hit, text)| Candidate { hit, text }).collect();
    assert_eq!(choice.order("试用期不得超过多久？", &passages, &flat), [1, 0]);
    // What is found alike stays in order, and so does nothing.
    let alike = [passages[0], passages[0], passages[0]];
    assert_eq!(choice.order("合同", &alike, &flat), [0, 1, 2]);
    assert!(choice.order("合同", &[], &flat).is_empty());
}

#[test]
fn weights_that_cannot_be_used() {
    let all = |value: &str| -> String {
        let lines = NAMES.map(|name| format!("{name} = [{value}, 0.5]\n"));
        format!("[weights]\n{}", lines.concat())
    };
    assert!(Choice::parse(&all("1")).is_ok());
    for (text, part) in [
        (all("nan"), "no number"),
        (all("1") + "colour = [1, 2]\n", "colour"),
        (all("1").replace("rank = [1, 0.5]\n", ""), "rank"),
        (all("1").replace("[1, 0.5]", "[1]"), "length"),
        (String::new(), "weights"),
    ] {
        let error = Choice::parse(&text).expect_err(part);
        assert!(error.contains(part), "{error}");
    }
}

proptest! {
    #[test]
    fn any_texts_have_features_in_range(
        question in any::<String>(),
        texts in prop::collection::vec("[a-c甲乙丙0-9。；？\n 元日]{0,40}|\\PC{0,20}", 0..6),
    ) {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        for row in described(&question, &texts) {
            prop_assert!(row[..FEATURES - 1].iter().all(|x| (0.0..=1.0).contains(x)), "{:?}", row);
            prop_assert!(row[FEATURES - 1].is_finite());
        }
    }
}
