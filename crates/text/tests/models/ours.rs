//! The models trained for this kit, from their shipped folders: tokens as the trainer made them, vectors, classes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use strata_core::card::ModelCard;
use strata_core::paths::SearchPath;
use strata_core::runtime::{Model, OpenOptions, PoolConfig, RunOptions};
use strata_text::classify::Classifier;
use strata_text::embed::{Embedder, Encoder, featuriser_of};
use strata_text::fusion::Fusion;

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared-models")
}

fn open(name: &str) -> Arc<Model> {
    let card = ModelCard::load(&models().join(name)).unwrap_or_else(|error| panic!("{error}"));
    let options = OpenOptions {
        pool: PoolConfig { sessions: 2, ..PoolConfig::default() },
        featuriser: featuriser_of(&card),
        ..OpenOptions::default()
    };
    let model = Model::open(card, &SearchPath::only(models()), &options);
    Arc::new(model.unwrap_or_else(|error| panic!("{error}")))
}

#[derive(Deserialize)]
struct Tokens {
    max_tokens: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    tokens: Vec<String>,
    ids: Vec<u32>,
}

#[test]
fn the_retrievers_tokens_are_the_trainers() {
    let folder = models().join("gov-retriever");
    let golden = std::fs::read(folder.join("tokens.json")).unwrap();
    let golden: Tokens = serde_json::from_slice(&golden).unwrap();
    let vocabulary = std::fs::read(folder.join("vocabulary.txt")).unwrap();
    let encoder = Encoder::han_bigram(&vocabulary, golden.max_tokens).unwrap();
    assert!(golden.cases.len() > 25);
    for case in golden.cases {
        assert_eq!(strata_text::tokenize::tokens(&case.text), case.tokens, "{:?}", case.text);
        assert_eq!(encoder.text(&case.text).unwrap().ids, case.ids, "{:?}", case.text);
    }
}

#[test]
fn the_retriever_finds_the_article_that_answers() {
    let embedder = Embedder::new(open("gov-retriever")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(embedder.dim(), 256);
    assert!(matches!(embedder.fusion(), Some(Fusion::Adaptive { .. })));
    let articles = [
        "劳动合同法第四十七条。经济补偿按劳动者在本单位工作的年限，每满一年支付一个月工资的标准向劳动者支付。",
        "道路交通安全法第九十一条。饮酒后驾驶机动车的，处暂扣六个月机动车驾驶证，并处一千元以上二千元以下罚款。",
        "食品安全法第一百四十八条。消费者因不符合食品安全标准的食品受到损害的，可以向经营者要求赔偿损失。",
        "婚姻登记条例第四条。内地居民结婚，男女双方应当共同到一方当事人常住户口所在地的婚姻登记机关办理结婚登记。",
    ];
    let run = RunOptions::default();
    let vectors = embedder.passages(&articles, &run).unwrap();
    for (at, question) in [
        "公司辞退我该赔我几个月工资",
        "喝了酒开车被抓会怎么罚",
        "买到过期食品能要求赔钱吗",
        "去哪里领结婚证",
    ]
    .iter()
    .enumerate()
    {
        let asked = embedder.query(question, &run).unwrap();
        let dot = |row: &[f32]| row.iter().zip(&asked).map(|(a, b)| a * b).sum::<f32>();
        assert!((dot(&asked) - 1.0).abs() < 1e-5);
        let scores: Vec<f32> = vectors.chunks_exact(256).map(dot).collect();
        let best = (0..4).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        assert_eq!(best, Some(at), "{question}: {scores:?}");
    }
}

#[test]
fn the_router_names_the_bureau() {
    let router = Classifier::new(open("gov-router")).unwrap_or_else(|error| panic!("{error}"));
    let run = RunOptions::default();
    let all = router.probabilities(&["公积金怎么提取", "", "工地半夜施工太吵"], &run).unwrap();
    assert_eq!(all.len(), 3 * router.classes().len());
    for row in all.chunks_exact(router.classes().len()) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
    for (case, bureau) in
        [("公司拖欠三个月工资不发", "人力资源和社会保障"), ("学校乱收费，孩子上学难", "教育")]
    {
        let found = router.classify(case, 3, &run).unwrap();
        assert_eq!(found.len(), 3);
        assert!(found.iter().any(|(name, _)| *name == bureau), "{case}: {found:?}");
        assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
}
