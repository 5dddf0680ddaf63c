//! What a document says of itself: number, issuing body, dates, validity, region, kind.

use std::collections::BTreeMap;

use super::lines::{Line, TITLE_ENDS};
use super::scan::{head, is_blank, is_han};
use super::{cases, dates, guide, law, number, region, title};
use crate::date::Date;
use crate::document::{Document, DocumentKind, Extract, Note, Validity, declared};

/// Lines at a document's beginning that may say who issued it when.
const HEAD: usize = 14;

/// Fills in what the document says of itself; `record` is set where it is one article of a work.
pub(crate) fn fill(document: &mut Document, extract: &Extract, lines: &[Line], record: bool) {
    let text = extract.text.as_str();
    let own = |key: &str| {
        extract.declared.get(key).map(|value| value.trim()).filter(|value| !value.is_empty())
    };
    let shown: Vec<&str> = lines.iter().take(HEAD).filter_map(|line| line.span.of(text)).collect();
    let history = shown.iter().find_map(|line| dates::history(line)).unwrap_or_default();
    document.number = own(declared::NUMBER)
        .map(|given| number::normalise(given).unwrap_or_else(|| given.to_owned()))
        .or_else(|| if record { None } else { head_number(&document.title, &shown) });
    document.issuer = own(declared::ISSUER)
        .map(str::to_owned)
        .or_else(|| guide::department(&extract.declared).map(str::to_owned))
        .or_else(|| title_issuer(&document.title))
        .or(history.issuer)
        .or_else(|| order_issuer(document.number.as_deref()))
        .or_else(|| if record { None } else { signer(text, lines) });
    document.version = own(declared::VERSION)
        .map(str::to_owned)
        .or_else(|| title::version(extract.title.as_deref().unwrap_or("")))
        .or_else(|| title::version(&document.title))
        .or(history.version);
    let signed = || dates::signed(lines.iter().rev().take(6).filter_map(|line| line.span.of(text)));
    document.published = own(declared::PUBLISHED)
        .and_then(first_date)
        .or(history.last)
        .or_else(|| labelled_date(&shown))
        .or_else(|| file_date(document, extract))
        .or_else(|| {
            if record || document.kind == DocumentKind::Encyclopaedia { None } else { signed() }
        })
        .or_else(|| if record { None } else { shown.iter().find_map(|line| line.parse().ok()) });
    document.validity = validity(document, extract, text, record);
    document.region = own(declared::REGION)
        .or_else(|| extract.declared.get("AREA_CODE_TEXT").map(String::as_str))
        .map(region::whole)
        .or_else(|| region::find(&document.title))
        .or_else(|| document.issuer.as_deref().and_then(region::find));
    document.labels = own(declared::LABELS).map(list).unwrap_or_default();
    status(document, extract);
}

/// Parts of a list written with any of the usual separators.
pub(crate) fn list(given: &str) -> Vec<String> {
    given
        .split([',', '，', '、', ';', '；', '|', '\n'])
        .map(|part| part.trim_matches(is_blank))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn first_date(given: &str) -> Option<Date> {
    dates::all(given).first().map(|(date, _)| *date)
}

/// 发文字号 of the head: a line of its own, a labelled line, in the title's brackets, or an order's two lines.
fn head_number(title: &str, shown: &[&str]) -> Option<String> {
    for (i, line) in shown.iter().enumerate() {
        if number::is_number(line) {
            return number::normalise(line);
        }
        for label in ["发文字号", "文号", "文　　号", "字号"] {
            if let Some(rest) = line.strip_prefix(label) {
                return number::find(rest).map(|found| found.text);
            }
        }
        // `临江市人民政府令` and `第12号` on the next line.
        if line.ends_with('令')
            && let Some(next) = shown.get(i + 1).filter(|next| head(next, 12).len() == next.len())
            && let Some(found) = number::find(&format!("{line}{next}"))
        {
            return Some(found.text);
        }
        if line.contains(['：', ':']) && i > 2 {
            break;
        }
    }
    // `…的通知（国发〔2020〕5号）`
    let end = title.strip_suffix(['）', ')'])?;
    let open = end.rfind(['（', '('])?;
    number::normalise(&end[open..])
}

/// Names of bodies end with these.
const BODIES: [&str; 24] = [
    "人民政府",
    "办公厅",
    "办公室",
    "委员会",
    "指挥部",
    "领导小组",
    "国务院",
    "法院",
    "检察院",
    "常委会",
    "厅",
    "局",
    "部",
    "委",
    "署",
    "院",
    "会",
    "中心",
    "银行",
    "公司",
    "总队",
    "支队",
    "大队",
    "府",
];

/// Whether a text is the name of a body, or of several separated by blanks or 、.
fn is_body(name: &str) -> bool {
    let parts: Vec<&str> =
        name.split([' ', '\u{3000}', '、']).filter(|part| !part.is_empty()).collect();
    !parts.is_empty()
        && head(name, 90).len() == name.len()
        && parts.iter().all(|part| {
            let count = part.chars().count();
            (3..=30).contains(&count)
                && part.chars().all(|c| is_han(c) || matches!(c, '（' | '）'))
                && BODIES.iter().any(|end| part.ends_with(end))
        })
}

/// The body before 关于 in a title.
fn title_issuer(title: &str) -> Option<String> {
    let at = title.find("关于").filter(|at| *at > 0)?;
    let before = title[..at].trim_matches(is_blank);
    let before = ["转发", "印发", "发布", "下发", "关于"]
        .iter()
        .fold(before, |name, word| name.strip_suffix(word).unwrap_or(name));
    is_body(before).then(|| {
        before
            .split([' ', '\u{3000}'])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("、")
    })
}

/// The office of `国务院令第591号`.
fn order_issuer(number: Option<&str>) -> Option<String> {
    let (office, _) = number?.split_once("令第")?;
    is_body(office).then(|| office.to_owned())
}

/// The body that signs, above the day or before it in one line.
fn signer(text: &str, lines: &[Line]) -> Option<String> {
    let mut bodies = Vec::new();
    for shown in lines.iter().rev().take(8).filter_map(|line| line.span.of(text)) {
        let undated = match dates::all(shown).first() {
            Some((_, place)) => shown[..place.start].trim_matches(is_blank),
            None => shown,
        };
        if is_body(undated) {
            bodies.push(
                undated
                    .split([' ', '\u{3000}'])
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("、"),
            );
        } else if !bodies.is_empty() {
            break;
        }
    }
    bodies.reverse();
    (!bodies.is_empty()).then(|| bodies.join("、"))
}

/// `发布时间：2020-02-08` of a page's head.
fn labelled_date(shown: &[&str]) -> Option<Date> {
    const LABELS: [&str; 9] = [
        "发布时间",
        "发布日期",
        "成文日期",
        "公布日期",
        "印发日期",
        "发文日期",
        "颁布日期",
        "发布于",
        "制定机关",
    ];
    shown.iter().find_map(|line| {
        LABELS.iter().find_map(|label| {
            let at = line.find(label)?;
            first_date(head(&line[at + label.len()..], 30))
        })
    })
}

/// The day in the name of the file a law came in.
fn file_date(document: &Document, extract: &Extract) -> Option<Date> {
    ["path", "file", "filename"]
        .iter()
        .filter_map(|key| extract.declared.get(*key))
        .chain([&document.source])
        .find_map(|name| title::date_of_name(name))
        .or_else(|| document.version.as_deref()?.parse().ok())
}

fn validity(document: &Document, extract: &Extract, text: &str, record: bool) -> Validity {
    let own = |key: &str| extract.declared.get(key).and_then(|value| first_date(value));
    let speaks =
        matches!(document.kind, DocumentKind::Law | DocumentKind::Notice | DocumentKind::Other);
    let said = if speaks { dates::validity(text, document.published) } else { Validity::default() };
    // A version is not in force before it was passed, whatever the day its first version names.
    let from = match (said.from, document.published) {
        (Some(from), Some(published)) => Some(from.max(published)),
        (said, published)
            if record || matches!(document.kind, DocumentKind::Law | DocumentKind::Notice) =>
        {
            said.or(published)
        }
        (said, _) => said,
    };
    Validity {
        from: own(declared::EFFECTIVE_FROM).or(from),
        to: own(declared::EFFECTIVE_TO).or(said.to),
    }
}

/// Marks that a text no longer holds: in the title, or declared as 时效性.
fn status(document: &mut Document, extract: &Extract) {
    let title = extract.title.as_deref().unwrap_or(&document.title);
    let declared = ["status", "时效性", "效力", "状态", "效力状态"]
        .iter()
        .filter_map(|key| extract.declared.get(*key))
        .any(|value| {
            ["失效", "废止", "repealed", "已被修改"].iter().any(|word| value.contains(word))
        });
    let marked = [
        "已废止）",
        "已失效）",
        "（失效）",
        "（废止）",
        "已废止)",
        "已失效)",
        "【已废止】",
        "【失效】",
        "[已废止]",
        "[失效]",
    ]
    .iter()
    .any(|mark| title.contains(mark));
    if (!declared && !marked) || document.validity.to.is_some() {
        return;
    }
    // The day is not said. Never in force is the safe reading: a stale citation is worse than none.
    document.validity.to =
        document.validity.from.or(document.published).or_else(|| Date::new(1, 1, 1));
    document.notes.push(Note {
        page: None,
        code: "ended-undated".to_owned(),
        message: format!(
            "{} 已标明废止或失效，但没有日期，按从未有效处理；请声明 {}",
            document.title,
            declared::EFFECTIVE_TO
        ),
    });
}

/// What sort of document it is by what is declared, its fields and its text.
pub(crate) fn kind(
    extract: &Extract,
    lines: &[Line],
    record: bool,
    fallback: Option<DocumentKind>,
) -> DocumentKind {
    if let Some(kind) = extract.declared.get(declared::KIND).and_then(|name| kind_of(name.trim())) {
        return kind;
    }
    let has = |key: &str| extract.declared.contains_key(key);
    if record {
        return DocumentKind::Law;
    }
    if has(declared::QUESTION) && has(declared::REPLY) {
        return DocumentKind::HotlineCase;
    }
    if guide::is_guide(&extract.declared) {
        return DocumentKind::ServiceGuide;
    }
    let text = extract.text.as_str();
    if law::is_law(text, lines) {
        return DocumentKind::Law;
    }
    let shown = || lines.iter().filter_map(|line| line.span.of(text));
    if guide::reads_as_guide(shown().take(60)) {
        return DocumentKind::ServiceGuide;
    }
    if let Some(kind) = fallback {
        return kind;
    }
    let title = extract.title.as_deref().or_else(|| shown().next()).unwrap_or("");
    let named =
        TITLE_ENDS.iter().any(|end| title.trim_end_matches(['）', ')', '》']).ends_with(end))
            && title.chars().count() >= 6;
    let numbered = shown().take(HEAD).any(number::is_number);
    if (named || numbered) && !cases::has_pairs(text, lines) {
        DocumentKind::Notice
    } else {
        DocumentKind::Other
    }
}

fn kind_of(name: &str) -> Option<DocumentKind> {
    Some(match name {
        "law" | "法律" | "法规" | "规章" | "行政法规" | "地方性法规" => {
            DocumentKind::Law
        }
        "notice" | "通知" | "政策" | "公告" | "规范性文件" => DocumentKind::Notice,
        "service-guide" | "service_guide" | "guide" | "办事指南" => DocumentKind::ServiceGuide,
        "encyclopaedia" | "encyclopedia" | "百科" => DocumentKind::Encyclopaedia,
        "hotline-case" | "hotline_case" | "case" | "热线" | "热线工单" => {
            DocumentKind::HotlineCase
        }
        "other" | "其他" => DocumentKind::Other,
        _ => return None,
    })
}

/// Declared fields that are kept for people: what no field of the document holds.
pub(crate) fn attributes(fields: BTreeMap<String, String>) -> BTreeMap<String, String> {
    const HELD: [&str; 11] = [
        declared::NUMBER,
        declared::ISSUER,
        declared::PUBLISHED,
        declared::EFFECTIVE_FROM,
        declared::EFFECTIVE_TO,
        declared::REGION,
        declared::LABELS,
        declared::KIND,
        declared::VERSION,
        declared::QUESTION,
        declared::REPLY,
    ];
    fields
        .into_iter()
        .filter(|(key, value)| !HELD.contains(&key.as_str()) && !value.trim().is_empty())
        .collect()
}
