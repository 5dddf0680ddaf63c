//! Typed entities of a passage, by patterns over the folded text.

use std::sync::LazyLock;

use regex::Regex;

use super::passage::{Text, fold};

/// Characters of a count.
const COUNT: &str = "[0-9一二三四五六七八九十百千万亿两〇零几数多余]";

/// Types of entities, in the order of the features.
pub(crate) const KINDS: [&str; 11] = [
    "date", "duration", "money", "percent", "phone", "number", "title", "quote", "bracket",
    "person", "latin",
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| patterns().iter().filter_map(|pattern| Regex::new(pattern).ok()).collect());

fn patterns() -> [String; KINDS.len()] {
    [
        "(?:[0-9一二三四五六七八九〇零]{2,4}年)?[0-9一二三四五六七八九十]{1,3}月(?:[0-9一二三四五六七八九十]{1,3}[日号])?\
         (?:[0-9]{1,2}[时点](?:[0-9]{1,2}分)?)?\
         |[0-9一二三四五六七八九〇零]{3,4}年(?:代|底|初|末|春季|夏季|秋季|冬季)?\
         |[0-9一二三四五六七八九十]{1,3}世纪(?:[0-9]{2}年代)?|[0-9]{1,2}[日号]"
            .to_owned(),
        format!(
            r"{COUNT}+(?:\.[0-9]+)?个?(?:工作日|小时|分钟|个月|星期|年|天|周|日|秒|月)(?:以内|内|以上|以下)?"
        ),
        "[0-9一二三四五六七八九十百千两][0-9.,一二三四五六七八九十百千万亿多余]*(?:美|港|日|欧|新台|人民币)?[元圆]".to_owned(),
        "[0-9][0-9.]*[%‰]|百分之[一二三四五六七八九十百]+|[一二三四五六七八九0-9]成".to_owned(),
        "[0-9]{3,4}-[0-9]{7,8}(?:-[0-9]+)?|1[0-9]{10}|400-?[0-9]{3,4}-?[0-9]{3,4}|(?:1|9)[0-9]{4}".to_owned(),
        "第?[0-9一二三四五六七八九十百千两][0-9.,:一二三四五六七八九十百千万亿多余]*[\u{4e00}-\u{9fff}]?".to_owned(),
        "《[^《》]{1,60}》".to_owned(),
        "“[^“”]{1,60}”|「[^「」]{1,60}」|『[^『』]{1,60}』|\"[^\"]{1,60}\"".to_owned(),
        r"（[^（）]{1,40}）|\([^()]{1,40}\)".to_owned(),
        "[\u{4e00}-\u{9fff}]{1,6}·[\u{4e00}-\u{9fff}]{1,6}(?:·[\u{4e00}-\u{9fff}]{1,6})?".to_owned(),
        "[a-z][a-z0-9.'&-]*(?: [a-z0-9][a-z0-9.'&-]*)*".to_owned(),
    ]
}

/// An entity over the units from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entity {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Place in [`KINDS`].
    pub(crate) kind: usize,
}

/// Entities by type, each type's in the order of the text; of different types they may lie over each other.
pub(crate) fn find(text: &Text) -> Vec<Entity> {
    let folded: String = text.folded.iter().collect();
    let bytes: Vec<usize> = folded.char_indices().map(|(at, _)| at).collect();
    let mut found = Vec::new();
    for (kind, pattern) in PATTERNS.iter().enumerate() {
        for part in pattern.find_iter(&folded) {
            let (first, behind) = (
                bytes.partition_point(|&at| at < part.start()),
                bytes.partition_point(|&at| at < part.end()),
            );
            let start = text.ends.partition_point(|&end| end <= first);
            let end = text.starts.partition_point(|&begin| begin < behind);
            if start < end {
                found.push(Entity { start, end, kind });
            }
        }
    }
    found
}

/// Whether a text has an entity of one of these types.
pub(crate) fn any(kinds: &[usize], text: &str) -> bool {
    let folded: String = text.chars().map(fold).collect();
    let patterns = kinds.iter().filter_map(|&kind| PATTERNS.get(kind));
    patterns.into_iter().any(|pattern| pattern.is_match(&folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), KINDS.len());
    }

    #[test]
    fn entities_have_their_types() {
        let text = Text::cut(
            "《规定》自2020年1月1日起，30个工作日内发放1000元（50%），买买提·艾力 020-12345678",
        );
        let named: Vec<String> = find(&text)
            .iter()
            .map(|entity| {
                let units = (entity.start..entity.end).flat_map(|u| text.unit(u));
                format!("{} {}", KINDS[entity.kind], units.collect::<String>())
            })
            .collect();
        for wanted in [
            "date 2020年1月1日",
            "duration 30个工作日内",
            "money 1000元",
            "percent 50%",
            "phone 020-12345678",
            "title 规定",
            "bracket 50%",
            "person 买买提艾力",
        ] {
            assert!(named.iter().any(|name| name == wanted), "{wanted} is not in {named:?}");
        }
    }
}
