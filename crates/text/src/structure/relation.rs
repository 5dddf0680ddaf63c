//! What a document does to other works: `《…条例》同时废止`, decisions that repeal or amend.

use super::mention::{Mention, Whose, mentions};
use super::number;
use super::scan::{head, is_blank, is_han, sentence_end, sentence_start, tail, titles};
use super::title::work_name;
use super::{dates, mention};
use crate::address::Address;
use crate::date::Date;
use crate::document::{Document, DocumentKind, Relation, RelationKind};

/// The relations of a document; its metadata is filled in already.
pub(crate) fn relations(document: &Document, text: &str) -> Vec<Relation> {
    if !matches!(document.kind, DocumentKind::Law | DocumentKind::Notice | DocumentKind::Other) {
        return Vec::new();
    }
    // What the first version ended it ended then, whatever version this is.
    let day = dates::effective(text, document.published)
        .or(document.validity.from)
        .or(document.published);
    let mut found = repeals(text, day, body_of(&document.work));
    if document.title.contains("废止") {
        found.extend(repealed_by_title(document, text, day));
    }
    if let Some(target) = amended(&document.title) {
        found.extend(amendments(text, &target, day));
    }
    // A sentence may say a thing twice.
    let mut seen: Vec<Relation> = Vec::with_capacity(found.len());
    for relation in found {
        if !seen.contains(&relation) {
            seen.push(relation);
        }
    }
    seen
}

const ENDS: [&str; 6] = ["废止", "停止执行", "不再执行", "不再适用", "失效", "停止施行"];

/// The issuing body that a name begins with: `最高人民法院关于…`.
fn body_of(name: &str) -> &str {
    let body = name.find("关于").map_or("", |at| &name[..at]);
    if body.chars().count() >= 3 && body.chars().all(|c| is_han(c) || c == '、') {
        body
    } else {
        ""
    }
}

/// Sentences that end other works. `body` goes before names that begin with 关于.
fn repeals(text: &str, day: Option<Date>, body: &str) -> Vec<Relation> {
    let mut found = Vec::new();
    let mut done = 0;
    let keywords = text.match_indices(['废', '停', '不', '失']);
    for (at, _) in keywords {
        let Some(word) = ENDS.iter().find(|word| text[at..].starts_with(**word)) else { continue };
        if at < done {
            continue;
        }
        let behind = &text[at + word.len()..];
        let start = sentence_start(text, at, 900).max(done);
        let before = &text[start..at];
        if !before.contains('》') && !before.contains('〕') && !behind.starts_with('《') {
            continue;
        }
        // 修改或者废止 in general speaks of no work; `同时废止。` does.
        let says = behind.trim_start_matches(is_blank);
        let stops = says.is_empty() || says.starts_with(['。', '；', '，', '、', '\n', '）', '：']);
        let spoken =
            ["不得", "可以", "应当", "或者", "或", "修改、", "拟", "未", "不", "不予", "是否"]
                .iter()
                .any(|no| before.ends_with(no));
        done = at + word.len();
        if stops && !spoken && tail(before, 1) != "、" {
            let from = own_day(before).or(day);
            found.extend(targets(text, start, at, body).into_iter().map(|(target, address)| {
                Relation { kind: RelationKind::Repeals, target, address, from }
            }));
        } else if *word == "废止" && behind.starts_with('《') && !spoken {
            let end = sentence_end(text, done, 900);
            found.extend(targets(text, done, end, body).into_iter().map(|(target, address)| {
                Relation { kind: RelationKind::Repeals, target, address, from: day }
            }));
            done = end;
        }
    }
    found
}

/// The day in `自2020年1月1日起废止`.
fn own_day(before: &str) -> Option<Date> {
    let near = before.trim_end_matches(['，', '予', '以', '同', '时']);
    let near = near.strip_suffix('起')?;
    dates::all(tail(near, 16)).last().map(|(date, _)| *date)
}

/// The works named between two places, as what is ended there: with their addresses where only a part is.
fn targets(text: &str, start: usize, end: usize, body: &str) -> Vec<(String, Option<Address>)> {
    let Some(said) = text.get(start..end) else { return Vec::new() };
    let mut found = Vec::new();
    for Mention { span, whose, number, addresses } in mentions(said) {
        let before = &said[..span.start];
        // What is cited as the ground is not what is ended.
        let ground =
            ["根据", "依照", "按照", "依据", "适用", "执行", "遵照", "参照", "不符合", "违反"]
                .iter()
                .any(|word| before.ends_with(word));
        // `《A》中有关…的规定同时废止`: which part is not said.
        let rest = &said[span.end..];
        let part = addresses.is_empty()
            && (rest.starts_with('中') || rest.starts_with("有关") || rest.starts_with("关于"))
            && !head(rest, 3).contains('、');
        // `与本办法不一致的`, `为准` speak of precedence, not of an end.
        if ground || part {
            continue;
        }
        let target = match (whose, number) {
            (Whose::Named(name), _) => issuer_before(before, &name).unwrap_or_else(|| {
                if name.starts_with("关于") { format!("{body}{name}") } else { name }
            }),
            (_, Some(number)) => number,
            _ => continue,
        };
        if addresses.is_empty() {
            found.push((target, None));
        } else {
            found.extend(addresses.into_iter().map(|address| (target.clone(), Some(address))));
        }
    }
    found
}

/// `最高人民法院《关于…的解释》`: the issuing body is part of the name elsewhere.
fn issuer_before(before: &str, name: &str) -> Option<String> {
    if !name.starts_with("关于") {
        return None;
    }
    let mut start = before.len();
    for (i, c) in before.char_indices().rev().take(40) {
        if !(is_han(c) || c == '、') || matches!(c, '日' | '的' | '后' | '将' | '由') {
            break;
        }
        start = i;
    }
    let mut body = before[start..].trim_start_matches('、');
    for word in ["本解释", "公布", "发布", "施行", "废止", "及", "和"] {
        if let Some(at) = body.rfind(word) {
            body = &body[at + word.len()..];
        }
    }
    let ends = ["院", "部", "局", "委", "会", "厅", "府", "署", "办公室"]
        .iter()
        .any(|end| body.ends_with(end));
    (ends && body.chars().count() >= 3).then(|| format!("{body}{name}"))
}

/// A decision to repeal: the works in its title, and the list below `废止下列…`.
fn repealed_by_title(document: &Document, text: &str, day: Option<Date>) -> Vec<Relation> {
    let relation =
        |target: String| Relation { kind: RelationKind::Repeals, target, address: None, from: day };
    let Some(at) = document.title.find("废止") else { return Vec::new() };
    let behind = &document.title[at..];
    let mut found: Vec<Relation> = titles(behind)
        .into_iter()
        .filter_map(|(span, _)| span.of(behind))
        .map(|title| relation(work_name(title)))
        .collect();
    // Titles and numbers of listed works, where the decision does nothing else.
    if found.is_empty() && !document.title.contains("修改") {
        for line in text.lines().map(|line| line.trim_matches(is_blank)) {
            let Some(mark) = super::marker::marker(line) else { continue };
            let rest = line[mark.len..].trim_start_matches(is_blank);
            if let Some((title, _)) =
                super::scan::quoted_title(rest, 0).filter(|_| rest.starts_with('《'))
            {
                found.extend(title.of(rest).map(|title| relation(work_name(title))));
            } else if let Some(number) = number::find(rest).filter(|_| rest.starts_with("关于")) {
                found.push(relation(number.text));
            }
        }
    }
    found
}

/// The work that a title says is amended: `刑法修正案（十一）`, `关于修改《…条例》的决定`.
fn amended(title: &str) -> Option<String> {
    if let Some(at) = title.find("修正案") {
        let base = work_name(&title[..at]);
        return (!base.is_empty()).then_some(base);
    }
    let at = title.find("修改")?;
    let (span, _) = titles(&title[at..]).into_iter().next()?;
    span.of(&title[at..]).map(work_name)
}

/// The articles a decision changes or deletes: `一、第三条修改为：`, `删去第五条`.
fn amendments(text: &str, target: &str, from: Option<Date>) -> Vec<Relation> {
    let mut found = Vec::new();
    let mut quoted = false;
    for line in text.lines() {
        // Lines inside a quote are the new wording.
        let inside = quoted;
        for c in line.chars() {
            quoted = match c {
                '“' => true,
                '”' => false,
                _ => quoted,
            };
        }
        if inside {
            continue;
        }
        let said = line.split('“').next().unwrap_or("");
        let said = head(said, 400);
        for mention in mention::mentions(said) {
            let Some(address) =
                mention.addresses.first().filter(|address| address.article.is_some())
            else {
                continue;
            };
            let behind = head(&said[mention.span.end..], 40);
            let before = &said[..mention.span.start];
            let kind = if before.ends_with("删去") || before.ends_with("删除") {
                let whole =
                    address.paragraph.or(address.item).is_none() && !behind.starts_with('中');
                if whole { RelationKind::Repeals } else { RelationKind::Amends }
            } else if ["修改为", "修改", "改为", "中的", "删去", "作为", "分为", "合并"]
                .iter()
                .any(|word| behind.contains(word))
                && !behind.starts_with("后增加")
            {
                RelationKind::Amends
            } else {
                continue;
            };
            found.extend(mention.addresses.iter().map(|address| Relation {
                kind,
                target: target.to_owned(),
                address: Some(address.clone()),
                from,
            }));
        }
    }
    found
}
