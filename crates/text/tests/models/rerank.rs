//! Scores of pairs.

use strata_core::runtime::RunOptions;
use strata_testkit::CardSpec;
use strata_testkit::bert::{Head, TOKENIZER_JSON};
use strata_text::embed::Encoder;
use strata_text::rerank::Reranker;

use crate::support::{EMBEDDING, MOST, bert, near, open, open_spec, preprocess};

const PASSAGES: [&str; 5] = [
    "劳动合同法第一条",
    "",
    "市政府办理时限，二十个工作日。",
    "丁",
    "申请人应当可以办理材料身份证申请人应当可以办理材料身份证申请人应当可以办理",
];

fn head(more: &str) -> String {
    format!("head = \"cross-encoder\"\n{more}")
}

#[test]
fn pairs_score_as_plain_loops_do() {
    let encoder = Encoder::hugging_face(TOKENIZER_JSON.as_bytes(), MOST).unwrap();
    let question = "申请人是不是应当办理";
    for (more, column, sigmoid) in
        [("", 0, false), ("column = 1\nactivation = \"sigmoid\"\noutput = \"logits\"\n", 1, true)]
    {
        let dir = tempfile::tempdir().unwrap();
        let pre = preprocess("token_budget = 64\n");
        let model = open(dir.path(), &bert(Head::Logits).model(), (&pre, &head(more)), 2);
        let reranker = Reranker::new(model).unwrap();
        let scores = reranker.score(question, &PASSAGES, &RunOptions::default()).unwrap();
        let wanted: Vec<f64> = (PASSAGES.iter())
            .map(|passage| {
                let pair = encoder.pair(question, passage).unwrap();
                // The second text has types of its own, or the model could not tell them apart.
                assert!(pair.types.contains(&1) && pair.ids.len() <= MOST);
                let logit = bert(Head::Logits).logits(&pair.ids, &pair.types)[column];
                if sigmoid { 1.0 / (1.0 + (-logit).exp()) } else { logit }
            })
            .collect();
        near(&scores, &wanted, more);
        assert!(reranker.score::<&str>(question, &[], &RunOptions::default()).unwrap().is_empty());
    }
}

#[test]
fn cards_that_lack_something_say_what() {
    let refusal = |which: Head, pre: &str, post: &str| {
        let dir = tempfile::tempdir().unwrap();
        let model = open(dir.path(), &bert(which).model(), (pre, post), 1);
        Reranker::new(model).unwrap_err().to_string()
    };
    let says = |error: String, what: &str| assert!(error.contains(what), "{error}");
    let pre = preprocess("");
    says(refusal(Head::Logits, &pre, EMBEDDING), "cross-encoder");
    says(refusal(Head::Logits, &pre, &head("column = 2\n")), "column 2");
    says(refusal(Head::Hidden, &pre, &head("")), "no rows");
    says(refusal(Head::Logits, &pre, &head("activation = \"tanh\"\n")), "tanh");
    let dir = tempfile::tempdir().unwrap();
    let file = ("v.txt".to_owned(), "tokenizer".to_owned(), "p\nu\n法\n".into());
    let spec = CardSpec { files: vec![file], ..CardSpec::new("pairless") };
    let pre = pre.replace("huggingface", "han-bigram/1");
    let model = open_spec(dir.path(), spec, &bert(Head::Logits).model(), (&pre, &head("")), 1);
    says(Reranker::new(model).unwrap_err().to_string(), "no pairs");
}
