//! Versions of works: what is in force on a day is found, what was replaced or repealed is not, article by article.

use strata_text::address::{Address, Number};
use strata_text::date::Date;
use strata_text::document::{
    Document, DocumentKind, Relation, RelationKind, Unit, UnitKind, Validity,
};
use strata_text::index::{Filter, Index, IndexConfig, Prepared, Viewer};
use strata_text::span::Span;

use super::support::query;

fn on(text: &str) -> Filter {
    Filter::new(Viewer::everything(), text.parse().unwrap())
}

fn day(text: &str) -> Option<Date> {
    Some(text.parse().unwrap())
}

fn law(id: &str, work: &str, from: &str, articles: &[&str]) -> Document {
    let mut document = Document {
        id: id.to_owned(),
        work: work.to_owned(),
        title: work.to_owned(),
        kind: DocumentKind::Law,
        published: day(from),
        validity: Validity { from: day(from), to: None },
        ..Document::default()
    };
    for (at, text) in articles.iter().enumerate() {
        let start = document.text.len();
        document.text.push_str(text);
        let article = Some(Number::new(at as u32 + 1));
        document.units.push(Unit {
            kind: UnitKind::Article,
            address: Address { article, ..Address::default() },
            span: Span::new(start, document.text.len()),
            ..Unit::default()
        });
    }
    document
}

fn put(index: &Index, documents: &[Document]) {
    let mut writer = index.writer().unwrap();
    for document in documents {
        let document = document.clone();
        writer.put(&Prepared { document, vectors: None, digest: [0; 32] }).unwrap();
    }
    writer.commit().unwrap();
}

fn found(index: &Index, text: &str, filter: &Filter) -> Vec<(String, usize)> {
    let hits = index.snapshot().search(&query(text, None, filter)).unwrap();
    let mut found: Vec<_> = hits.iter().map(|hit| (hit.doc.to_string(), hit.unit)).collect();
    found.sort_unstable();
    found
}

#[test]
fn the_version_of_the_day_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &IndexConfig::default()).unwrap();
    let old = law("旧", "劳动合同办法", "2010-01-01", &["工资按月支付。", "试用期三个月。"]);
    let new = law("新", "劳动合同办法", "2020-01-01", &["工资按周支付。", "试用期一个月。"]);
    put(&index, &[new]);
    let alone = index.snapshot().digest();
    put(&index, &[old]);
    let of = |id: &str| (id.to_owned(), 0);
    assert_eq!(found(&index, "工资", &on("2015-06-01")), [of("旧")]);
    assert_eq!(found(&index, "工资", &on("2019-12-31")), [of("旧")]);
    assert_eq!(found(&index, "工资", &on("2020-01-01")), [of("新")]);
    assert_eq!(found(&index, "工资", &on("2009-12-31")), []);
    let all = Filter { include_not_in_force: true, ..on("2015-06-01") };
    assert_eq!(found(&index, "工资", &all), [of("新"), of("旧")]);
    let snapshot = index.snapshot();
    let viewer = Viewer::everything();
    let summary = snapshot.summary("旧", &viewer).unwrap();
    assert_eq!((summary.validity.to, summary.superseded), (day("2020-01-01"), true));
    assert_eq!(snapshot.ended_by("旧", &viewer).as_deref(), Some("新"));
    assert_eq!(snapshot.versions("劳动合同办法", &viewer).len(), 2);
    let article = Address { article: Some(Number::new(2)), ..Address::default() };
    let refs = snapshot.by_address("劳动合同办法", &article, &on("2021-01-01")).unwrap();
    assert_eq!(refs.iter().map(|r| (r.doc.as_ref(), r.unit)).collect::<Vec<_>>(), [("新", 1)]);
    // When the newer goes, the older is in force again; and nothing is left of it.
    let mut writer = index.writer().unwrap();
    writer.delete(&["新"]);
    writer.commit().unwrap();
    assert_eq!(found(&index, "工资", &on("2020-01-01")), [of("旧")]);
    writer
        .put(&Prepared {
            document: law(
                "新",
                "劳动合同办法",
                "2020-01-01",
                &["工资按周支付。", "试用期一个月。"],
            ),
            ..Prepared::default()
        })
        .unwrap();
    writer.delete(&["旧"]);
    writer.commit().unwrap();
    assert_eq!(index.snapshot().digest(), alone);
}

#[test]
fn repeals_end_works_and_articles() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &IndexConfig::default()).unwrap();
    let mut old = law("旧", "失业登记规定", "2010-01-01", &["登记免费。"]);
    old.number = Some("人社发〔2010〕7号".into());
    let half = law("半", "社会保险规定", "2011-01-01", &["登记及时。", "登记收费。"]);
    let mut new = law("新", "登记条例", "2022-03-01", &["登记方便。"]);
    let repeals = |target: &str, article: Option<u32>| Relation {
        kind: RelationKind::Repeals,
        target: target.to_owned(),
        address: article.map(|n| Address { article: Some(Number::new(n)), ..Address::default() }),
        from: None,
    };
    new.relations = vec![repeals("人社发〔2010〕7号", None), repeals("社会保险规定", Some(2))];
    put(&index, &[old, half]);
    let of = |id: &str, unit: usize| (id.to_owned(), unit);
    let before = [of("半", 0), of("半", 1), of("旧", 0)];
    assert_eq!(found(&index, "登记", &on("2023-01-01")), before);
    put(&index, &[new]);
    assert_eq!(found(&index, "登记", &on("2022-02-28")), before);
    assert_eq!(found(&index, "登记", &on("2022-03-01")), [of("半", 0), of("新", 0)]);
    let viewer = Viewer::everything();
    let snapshot = index.snapshot();
    assert_eq!(snapshot.ended_by("旧", &viewer).as_deref(), Some("新"));
    assert!(!snapshot.summary("旧", &viewer).unwrap().superseded);
    assert_eq!(snapshot.validity("半", 1, &viewer).unwrap().to, day("2022-03-01"));
    assert_eq!(snapshot.validity("半", 0, &viewer).unwrap().to, None);
    // It is the same after the files were opened anew.
    assert_eq!(Index::open(dir.path()).unwrap().snapshot().digest(), snapshot.digest());
}

/// A stale text is never shown as current, even where its successor is hidden; but nothing is told of the successor.
#[test]
fn a_hidden_successor_ends_a_version_and_stays_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::create(dir.path(), &IndexConfig::default()).unwrap();
    let old = law("旧", "值班办法", "2010-01-01", &["值班两人。"]);
    let mut new = law("新", "值班办法", "2020-01-01", &["值班三人。"]);
    new.labels = vec!["公安局".into()];
    put(&index, &[old, new]);
    let stranger = Viewer::with_labels(["民政局"]);
    let filter = Filter { viewer: stranger.clone(), ..on("2021-01-01") };
    assert_eq!(found(&index, "值班", &filter), []);
    let snapshot = index.snapshot();
    assert_eq!(snapshot.ended_by("旧", &stranger), None);
    assert_eq!(snapshot.versions("值班办法", &stranger).len(), 1);
    assert_eq!(snapshot.summary("旧", &stranger).unwrap().validity.to, day("2020-01-01"));
}
