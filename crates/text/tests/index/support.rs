//! Random documents, and an index of them.

use std::collections::BTreeSet;
use std::path::Path;

use strata_testkit::kill::Dice;
use strata_text::address::{Address, Number};
use strata_text::date::Date;
use strata_text::document::{Document, DocumentKind, Unit, UnitKind, Validity};
use strata_text::index::{
    EmbeddingIdentity, Filter, Index, IndexConfig, Prepared, Query, Viewer, WriterOptions,
};
use strata_text::span::Span;

pub(crate) const DIM: usize = 40;
pub(crate) const LABELS: [&str; 4] = ["民政局", "人社局", "税务局", "公安局"];
const CHARACTERS: &str =
    "劳动合同法规定用人单位应当支付工资社会保险养老医疗失业登记办理申请材料机关";
const KINDS: [DocumentKind; 3] = [DocumentKind::Law, DocumentKind::Notice, DocumentKind::Other];
const REGIONS: [Option<&str>; 4] = [None, Some("广东省"), Some("广东省广州市"), Some("湖南省")];

pub(crate) fn below(dice: &mut Dice, bound: u64) -> u64 {
    (dice.roll() >> 20) % bound
}

pub(crate) fn day(number: u64) -> Date {
    Date::from_days(18_000 + number as i32).unwrap()
}

/// Characters that are often the same, with marks and words between them.
pub(crate) fn words(dice: &mut Dice, length: u64) -> String {
    let characters: Vec<char> = CHARACTERS.chars().collect();
    let mut text = String::new();
    for _ in 0..length {
        match below(dice, 20) {
            0 => text.push('，'),
            1 => text.push_str("GB2312"),
            2 => text.push_str("第3条"),
            _ => {
                let at =
                    below(dice, characters.len() as u64).min(below(dice, characters.len() as u64));
                text.push(characters[at as usize]);
            }
        }
    }
    text
}

pub(crate) fn vector(dice: &mut Dice) -> Vec<f32> {
    let numbers: Vec<f32> = (0..DIM).map(|_| below(dice, 2001) as f32 / 1000.0 - 1.0).collect();
    let length = numbers.iter().map(|n| n * n).sum::<f32>().sqrt().max(1e-3);
    numbers.iter().map(|n| n / length).collect()
}

fn validity(dice: &mut Dice) -> Validity {
    let from = below(dice, 100);
    Validity {
        from: (below(dice, 3) > 0).then(|| day(from)),
        to: (below(dice, 3) == 0).then(|| day(from + 1 + below(dice, 60))),
    }
}

/// A document that depends on nothing but its number.
pub(crate) fn document(number: u64) -> Prepared {
    let dice = &mut Dice::new(number * 7919 + 12_345);
    let mut document = Document {
        id: format!("文件-{number:04}"),
        work: format!("办法{number}"),
        title: format!("关于{}的通知", words(dice, 6)),
        kind: KINDS[below(dice, 3) as usize],
        number: (below(dice, 2) == 0).then(|| format!("国发〔2020〕{number}号")),
        region: REGIONS[below(dice, 4) as usize].map(str::to_owned),
        validity: validity(dice),
        labels: LABELS
            .iter()
            .filter(|_| below(dice, 4) == 0)
            .map(|label| (*label).to_owned())
            .collect(),
        ..Document::default()
    };
    for article in 0..below(dice, 6) {
        let start = document.text.len();
        let length = 1 + below(dice, 40);
        document.text.push_str(&words(dice, length));
        let end = document.text.len();
        document.text.push('\n');
        let kind = match (number % 3, below(dice, 3)) {
            (0, _) | (2, 0) => UnitKind::Article,
            _ => UnitKind::Section,
        };
        let article_number = Some(Number::new(article as u32 + 1));
        document.units.push(Unit {
            kind,
            address: Address { article: article_number, ..Address::default() },
            headings: vec![format!("第{}章 {}", article / 2 + 1, words(dice, 4))],
            span: Span::new(start, end),
            context: if below(dice, 4) == 0 { words(dice, 3) } else { String::new() },
            validity: (below(dice, 4) == 0).then(|| validity(dice)),
            ..Unit::default()
        });
    }
    let vectors = document.units.iter().flat_map(|_| vector(dice)).collect();
    Prepared { document, vectors: Some(vectors), digest: [number as u8; 32] }
}

pub(crate) fn config() -> IndexConfig {
    let name = "test/1".to_owned();
    let embedding = Some(EmbeddingIdentity { name, sha256: "00".repeat(32), dim: DIM });
    IndexConfig { embedding, ..IndexConfig::default() }
}

/// Limits at which segments are written, merged and rewritten all the time.
pub(crate) fn tight() -> WriterOptions {
    WriterOptions { memory: 20_000, merge_at: 3, rewrite_at: 3 }
}

/// An index of some documents.
pub(crate) fn index_of(dir: &Path, numbers: impl IntoIterator<Item = u64>) -> Index {
    let index = Index::create(dir, &config()).unwrap();
    let mut writer = index.writer_with(tight()).unwrap();
    for number in numbers {
        writer.put(&document(number)).unwrap();
    }
    writer.commit().unwrap();
    index
}

pub(crate) fn viewer(dice: &mut Dice) -> Viewer {
    match below(dice, 8) {
        0 => Viewer::everything(),
        _ => Viewer::with_labels(LABELS.iter().filter(|_| below(dice, 3) == 0).copied()),
    }
}

pub(crate) fn filter(dice: &mut Dice) -> Filter {
    let mut filter = Filter::new(viewer(dice), day(below(dice, 160)));
    filter.include_not_in_force = below(dice, 3) == 0;
    filter.region = REGIONS[below(dice, 4) as usize].map(str::to_owned);
    if below(dice, 3) == 0 {
        filter.kinds = BTreeSet::from([KINDS[below(dice, 3) as usize]]);
    }
    if below(dice, 6) == 0 {
        filter.documents =
            (0..200).filter(|n| n % 3 == 0).map(|n| format!("文件-{n:04}")).collect();
    }
    filter
}

pub(crate) fn query<'a>(text: &'a str, vector: Option<&'a [f32]>, filter: &Filter) -> Query<'a> {
    Query { vector, top: 15, depth: 15, per_record: 3, ..Query::new(text, filter.clone()) }
}
