//! Documents of every kind, end to end: a regulation in three versions, a notice, a table, a guide, cases, a draft.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use strata_text::date::Date;
use strata_text::document::{
    Block, BlockKind, Document, DocumentKind, Extract, RelationKind, Status, UnitKind,
};
use strata_text::mask;
use strata_text::span::Span;
use strata_text::structure::versions::{WorkVersion, chain};
use strata_text::structure::{
    BuildOptions, build, canonical, citations, locate, references, resolve, status, verify_quote,
};

fn made(text: &str) -> Document {
    build(
        Extract { text: text.to_owned(), ..Extract::default() },
        "source.txt",
        &BuildOptions::default(),
    )
}

fn declared(fields: &[(&str, &str)]) -> Document {
    let declared: BTreeMap<String, String> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    build(Extract { declared, ..Extract::default() }, "records.jsonl", &BuildOptions::default())
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn shown<'a>(document: &'a Document, address: &str) -> Option<&'a str> {
    resolve(document, &address.parse().unwrap()).and_then(|span| span.of(&document.text))
}

fn regulation() -> [Document; 3] {
    [
        include_str!("fixtures/regulation/2019.txt"),
        include_str!("fixtures/regulation/2021.txt"),
        include_str!("fixtures/regulation/2024.txt"),
    ]
    .map(made)
}

#[test]
fn a_regulation_says_what_it_is() {
    let [first, second, third] = regulation();
    for document in [&first, &second, &third] {
        assert_eq!(document.work, "临江市电动自行车管理办法");
        assert_eq!(document.kind, DocumentKind::Law);
        assert_eq!(document.region.as_deref(), Some("临江市"));
    }
    assert_eq!(first.published, Some(day("2019-04-23")));
    assert_eq!(first.validity.from, Some(day("2019-07-01")));
    assert_eq!(second.version.as_deref(), Some("2021修订"));
    assert_eq!(second.validity.from, Some(day("2021-10-01")));
    assert_eq!(third.published, Some(day("2024-03-11")));
    assert_eq!(third.validity.to, Some(day("2029-05-01")));
    let targets: Vec<&str> =
        first.relations.iter().map(|relation| relation.target.as_str()).collect();
    assert_eq!(targets, ["临江市电动自行车登记规定"]);
    assert_eq!(third.relations[0].target, "临江市电动自行车停放充电管理规定");
    assert_eq!(third.relations[0].kind, RelationKind::Repeals);
    // The table of contents is no passage, and every article stands under its chapter.
    let articles: Vec<_> =
        first.units.iter().filter(|unit| unit.kind == UnitKind::Article).collect();
    assert_eq!(articles.len(), 10);
    assert_eq!(articles[3].headings, ["第二章 登记"]);
    assert_eq!(format!("{:#}", articles[3].address), "第二章第四条");
    assert_eq!(first.units.iter().filter(|unit| unit.kind != UnitKind::Article).count(), 1);
}

#[test]
fn places_and_addresses_of_a_regulation() {
    let [first, ..] = regulation();
    assert_eq!(shown(&first, "第四条第二款第（二）项"), Some("（二）购车发票或者其他来历证明；"));
    assert_eq!(shown(&first, "第四条第三款"), Some("前款规定的材料齐全的，应当当场登记。"));
    assert_eq!(shown(&first, "第五条"), Some("第五条　登记不收取费用。"));
    assert_eq!(shown(&first, "第五条第一款"), Some("登记不收取费用。"));
    assert_eq!(shown(&first, "第十一条"), None);
    assert!(shown(&first, "第三章").unwrap().starts_with("第六条"));
    let at = first.text.find("产品合格证").unwrap();
    let place = Span::new(at, at + "产品合格证".len());
    let unit = first.units.iter().position(|unit| unit.span.contains(place)).unwrap();
    assert_eq!(format!("{:#}", locate(&first, unit, place)), "第二章第四条第二款第（三）项");
    assert!(verify_quote(&first, place, "产品合格证"));
    assert!(!verify_quote(&first, place, "产品合格"));
    assert!(!verify_quote(&first, Span::new(at + 1, at + 4), "产"));
    let found = references(
        &first,
        first.units.iter().position(|unit| unit.address.to_string() == "第八条").unwrap(),
    );
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].work.as_deref(), found[0].addresses[0].to_string().as_str()),
        (None, "第四条第一款")
    );
}

#[test]
fn the_version_in_force_on_a_day() {
    let documents = regulation();
    let works: Vec<WorkVersion> = documents
        .iter()
        .enumerate()
        .map(|(at, document)| WorkVersion { doc_id: at.to_string(), ..WorkVersion::of(document) })
        .collect();
    let chained = chain(&works);
    let in_force = |text: &str| -> Vec<usize> {
        (0..3)
            .filter(|&at| {
                status(chained[at].validity, chained[at].superseded(), day(text)) == Status::InForce
            })
            .collect()
    };
    assert_eq!(in_force("2019-06-30"), [0; 0]);
    assert_eq!(in_force("2019-07-01"), [0]);
    assert_eq!(in_force("2021-09-30"), [0]);
    assert_eq!(in_force("2021-10-01"), [1]);
    assert_eq!(in_force("2024-04-30"), [1]);
    assert_eq!(in_force("2024-05-01"), [2]);
    assert_eq!(in_force("2029-05-01"), [0; 0]);
    assert_eq!(
        status(chained[0].validity, chained[0].superseded(), day("2024-01-01")),
        Status::Amended
    );
    assert_eq!(
        status(chained[2].validity, chained[2].superseded(), day("2030-01-01")),
        Status::Repealed
    );
}

const NOTICE: &str = "临江市人民政府办公室关于做好养犬登记工作的通知
临政办发〔2023〕12号

各区人民政府，市政府各部门：
为规范养犬登记，经市政府同意，现就有关事项通知如下：
一、登记范围
（一）重点管理区内饲养犬只的，应当登记。
（二）一般管理区内饲养犬只的，鼓励登记。
二、登记程序
（一）申请。养犬人向住所地派出所提出申请，提交下列材料：
1.养犬人身份证明；
2.犬只免疫证明。
（二）审核。派出所应当在5个工作日内办结。
三、其他事项
本通知自2023年6月1日起施行，有效期3年。《关于规范养犬登记的通知》（临政办发〔2018〕3号）同时废止。

临江市人民政府办公室
2023年5月15日
附件1：养犬登记申请表
姓名及住址由养犬人填写。
";

#[test]
fn a_notice_has_levels() {
    let document = made(NOTICE);
    assert_eq!(document.kind, DocumentKind::Notice);
    assert_eq!(document.number.as_deref(), Some("临政办发〔2023〕12号"));
    assert_eq!(document.issuer.as_deref(), Some("临江市人民政府办公室"));
    assert_eq!(document.published, Some(day("2023-05-15")));
    assert_eq!(document.validity.from, Some(day("2023-06-01")));
    assert_eq!(document.validity.to, Some(day("2026-06-01")));
    assert_eq!(document.relations.len(), 1, "{:?}", document.relations);
    let at = document.text.find("2.犬只免疫证明").unwrap();
    let place = Span::new(at, at + 6);
    let unit = document.units.iter().position(|unit| unit.span.contains(place)).unwrap();
    assert_eq!(locate(&document, unit, place).to_string(), "二、（一）2.");
    assert_eq!(shown(&document, "二、（一）2."), Some("2.犬只免疫证明。"));
    assert!(shown(&document, "二、（一）").unwrap().ends_with("2.犬只免疫证明。"));
}

#[test]
fn rows_know_their_header() {
    let text = "办事项目一览表\n事项\t材料\t时限\n居住证\t身份证、租房合同\t10个工作日\n养犬证\t免疫证明\t5个工作日\n注：当场可取。";
    let mut blocks = Vec::new();
    let mut at = 0;
    for (i, line) in text.split('\n').enumerate() {
        let kind = match i {
            0 => BlockKind::Heading { level: 1 },
            1..=3 => BlockKind::Row { table: 0, header: i == 1 },
            _ => BlockKind::Paragraph,
        };
        blocks.push(Block { kind, span: Span::new(at, at + line.len()) });
        at += line.len() + 1;
    }
    let extract = Extract { text: text.to_owned(), blocks, ..Extract::default() };
    let document = build(extract, "table.xlsx", &BuildOptions::default());
    let rows: Vec<_> = document.units.iter().filter(|unit| unit.kind == UnitKind::Row).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1].context, "事项 材料 时限");
    assert_eq!(rows[1].address.levels, ["第2行"]);
    assert_eq!(rows[1].span.of(&document.text), Some("养犬证\t免疫证明\t5个工作日"));
    assert_eq!(document.title, "办事项目一览表");
}

#[test]
fn service_items_and_cases() {
    let guide = declared(&[
        ("TASK_NAME", "居住证办理"),
        ("DEPT_NAME", "临江市公安局"),
        ("handle_location", "办理地点：临江市和平路1号"),
        ("handle_time_limit", "10(工作日)"),
        ("material_intro", "身份证明\n租房合同"),
        ("online_book_addr", "无"),
    ]);
    assert_eq!(guide.kind, DocumentKind::ServiceGuide);
    assert_eq!(
        guide.text,
        "事项名称：居住证办理\n实施部门：临江市公安局\n申请材料：身份证明；租房合同\n承诺办结时限：10(工作日)\n办理地点：临江市和平路1号"
    );
    assert_eq!(guide.title, "居住证办理");
    assert_eq!(guide.issuer.as_deref(), Some("临江市公安局"));
    assert_eq!(guide.units.len(), 1);
    let case = declared(&[
        ("question", "小区楼下烧烤摊油烟大，怎么投诉？"),
        ("reply", "已转城管部门处理，三个工作日内回复。"),
        ("department", "城管局"),
    ]);
    assert_eq!(case.kind, DocumentKind::HotlineCase);
    assert_eq!(case.units.len(), 1);
    assert_eq!(case.units[0].kind, UnitKind::Case);
    assert!(case.text.starts_with("问题：小区楼下") && case.text.ends_with("承办单位：城管局"));
    let pairs = made(
        "养犬登记问答\n问：养犬要收费吗？\n答：登记不收取费用。\n问：多久办结？\n答：五个工作日。",
    );
    let cases: Vec<_> = pairs.units.iter().filter(|unit| unit.kind == UnitKind::Case).collect();
    assert_eq!(cases.len(), 2);
    assert_eq!(cases[1].span.of(&pairs.text), Some("问：多久办结？\n答：五个工作日。"));
}

#[test]
fn citations_of_a_draft() {
    let draft = "根据《中华人民共和国劳动合同法》第三十九条第（二）项规定：“严重违反用人单位的规章制度的”，以及《临江市养犬管理办法》（临政发〔2020〕8号）、\
        国发〔2020〕5号文和道路交通安全法第九十一条第一款、第三款，依照本办法第五条办理。";
    let found = citations(draft);
    let said: Vec<_> = found
        .iter()
        .map(|citation| {
            let addresses: Vec<String> =
                citation.addresses.iter().map(ToString::to_string).collect();
            (
                citation.work.as_deref().unwrap_or(""),
                citation.number.as_deref().unwrap_or(""),
                addresses.join("、"),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("劳动合同法", "", "第三十九条第（二）项".to_owned()),
            ("临江市养犬管理办法", "临政发〔2020〕8号", String::new()),
            ("", "国发〔2020〕5号", String::new()),
            ("道路交通安全法", "", "第九十一条第一款、第九十一条第三款".to_owned()),
        ]
    );
    assert_eq!(
        found[0].quote.and_then(|span| span.of(draft)),
        Some("严重违反用人单位的规章制度的")
    );
    assert_eq!(found[1].quote, None);
}

#[test]
fn an_order_is_titled_by_what_it_puts_in_force() {
    let order = made(
        "临江市人民政府令\n第31号\n《临江市供水办法》已经2019年4月1日市人民政府第5次常务会议通过，现予公布，自2019年7月1日起施行。\n市长　某某\n\
         2019年4月23日\n临江市供水办法\n第一章　总则\n第一条　为了规范供水，制定本办法。\n第二条　本办法适用于本市。",
    );
    assert_eq!(order.title, "临江市供水办法");
    assert_eq!(order.number.as_deref(), Some("临江市人民政府令第31号"));
    assert_eq!(order.issuer.as_deref(), Some("临江市人民政府"));
    assert_eq!(order.published, Some(day("2019-04-23")));
    assert_eq!(order.validity.from, Some(day("2019-07-01")));
    assert_eq!(shown(&order, "第二条"), Some("第二条　本办法适用于本市。"));
}

#[test]
fn a_law_whose_lines_were_lost() {
    let flat = made(
        "临江市供水办法 第一章 总则 第一条 为了规范城市供水，保障生活用水和生产用水的质量与安全，制定本办法。 第二条 有下列情形之一的，应当停止供水： （一）水质不合格； （二）管道破裂。 \
        前款规定的情形消除后，应当恢复供水。 第二章 附则 第三条 本办法自2020年1月1日起施行，市供水主管部门负责解释本办法的具体应用问题并组织实施。",
    );
    assert_eq!(flat.kind, DocumentKind::Law);
    assert_eq!(shown(&flat, "第二条第一款第（二）项"), Some("（二）管道破裂。"));
    assert_eq!(shown(&flat, "第二条第二款"), Some("前款规定的情形消除后，应当恢复供水。"));
    let third = flat.units.iter().find(|unit| unit.address.to_string() == "第三条").unwrap();
    assert_eq!(third.headings, ["第二章 附则"]);
    assert_eq!(flat.validity.from, Some(day("2020-01-01")));
}

#[test]
fn addresses_of_one_place_are_one() {
    let [first, ..] = regulation();
    let canonical =
        |text: &str| canonical(&first, &text.parse().unwrap()).map(|address| address.to_string());
    assert_eq!(canonical("第五条第一款").as_deref(), Some("第五条"));
    assert_eq!(canonical("第四条第二项").as_deref(), Some("第四条第二款第（二）项"));
    assert_eq!(canonical("第九十条"), None);
}

#[test]
fn decisions_repeal_and_amend() {
    let decision = made(
        "临江市人民政府关于废止部分规范性文件的决定\n临政发〔2024〕9号\n经研究，决定废止下列规范性文件：\n一、《临江市养犬管理办法》（临政发〔2010〕8号）\n\
         二、《临江市烟花爆竹管理规定》\n本决定自公布之日起施行。\n临江市人民政府\n2024年6月1日",
    );
    let targets: Vec<&str> =
        decision.relations.iter().map(|relation| relation.target.as_str()).collect();
    assert_eq!(targets, ["临江市养犬管理办法", "临江市烟花爆竹管理规定"]);
    assert!(decision.relations.iter().all(|relation| relation.from == Some(day("2024-06-01"))));
    let amending = made(
        "临江市人民政府关于修改《临江市供水办法》的决定\n（2024年6月1日临江市人民政府令第60号公布）\n一、第三条修改为：\n“第三条　水价由政府定。”\n二、删去第五条。\n三、将第七条第二款中的“五日”修改为“三日”。\n本决定自2024年7月1日起施行。",
    );
    let said: Vec<_> = amending
        .relations
        .iter()
        .map(|relation| {
            (relation.kind, relation.address.as_ref().map(ToString::to_string).unwrap_or_default())
        })
        .collect();
    assert_eq!(
        said,
        [
            (RelationKind::Amends, "第三条".to_owned()),
            (RelationKind::Repeals, "第五条".to_owned()),
            (RelationKind::Amends, "第七条第二款".to_owned()),
        ]
    );
    assert_eq!(amending.relations[0].target, "临江市供水办法");
}

/// Pieces that texts of laws are made of.
fn piece() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "第一条",
        "第二条",
        "第十条之一",
        "第三章",
        "第一编",
        "第二节",
        "目录",
        "附件1",
        "附：",
        "（一）",
        "(二)",
        "一、",
        "二、",
        "1.",
        "２．",
        "（1）",
        "①",
        "《",
        "》",
        "〈",
        "〉",
        "（",
        "）",
        "〔2020〕",
        "5号",
        "令第1号",
        "废止",
        "同时",
        "自2021年5月1日",
        "起施行",
        "有效期5年",
        "前款",
        "前条",
        "本法",
        "刑法",
        "至",
        "、",
        "和",
        "。",
        "；",
        "：",
        "，",
        " ",
        "　",
        "\n",
        "“",
        "”",
        "问：",
        "答：",
        "的规定",
        "甲乙丙",
        "1",
        "零",
        "千",
        "万",
        "条",
        "款",
        "项",
        "目",
        "之",
        "姓名：",
        "张",
        "路12号",
        "138",
        "\u{200b}",
        "🚲",
        "é",
        "以下简称",
        "修改为",
        "关于",
        "通知",
        "第",
        "不",
        "停止执行",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_becomes_a_document(
        pieces in prop::collection::vec(piece(), 0..60),
        title in prop::option::of(prop::collection::vec(piece(), 0..6)),
        pages in any::<bool>(),
    ) {
        let text = pieces.concat();
        let page = strata_text::document::Page { number: 1, span: Span::new(0, text.len()) };
        let extract = Extract {
            title: title.map(|pieces| pieces.concat()),
            pages: if pages { vec![page] } else { Vec::new() },
            text,
            ..Extract::default()
        };
        let options = BuildOptions { least: 10, most: 20, cap: 30, article_chars: 25, ..BuildOptions::default() };
        let document = build(extract, "any.txt", &options);
        let mut end = 0;
        for (at, unit) in document.units.iter().enumerate() {
            prop_assert!(unit.span.of(&document.text).is_some_and(|shown| !shown.is_empty()));
            prop_assert!(unit.span.start >= end);
            end = unit.span.end;
            let address = locate(&document, at, unit.span);
            let _ = (resolve(&document, &address), references(&document, at));
            prop_assert!(verify_quote(&document, unit.span, unit.span.of(&document.text).unwrap()));
        }
        for citation in citations(&document.text) {
            prop_assert!(citation.span.of(&document.text).is_some());
            prop_assert!(citation.quote.is_none_or(|quote| quote.of(&document.text).is_some()));
        }
        let _ = chain(&[WorkVersion::of(&document), WorkVersion::of(&document)]);
        let _ = mask::mask(&document.text);
    }
}
