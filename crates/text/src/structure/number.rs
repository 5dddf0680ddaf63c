//! 发文字号: `国发〔2020〕5号`, `国务院令第591号`, in one way of writing whatever the text's was.

use super::scan::{is_blank, is_han};
use crate::address::numeral::{is_digit, leading_numeral};
use crate::span::Span;

/// A 发文字号 in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentNumber {
    /// Where it stands.
    pub span: Span,
    /// As it is compared: 〔〕, Western digits, no blanks, no 中华人民共和国.
    pub text: String,
}

/// The first 发文字号 of a text.
#[must_use]
pub fn find(text: &str) -> Option<DocumentNumber> {
    let (mut from, mut found) = (0, None);
    while found.is_none() {
        found = next(text, &mut from)?;
    }
    found
}

/// Every 发文字号 of a text, in order.
#[must_use]
pub fn find_all(text: &str) -> Vec<DocumentNumber> {
    let (mut from, mut all) = (0, Vec::new());
    while let Some(found) = next(text, &mut from) {
        all.extend(found);
    }
    all
}

/// A 发文字号 as it is compared; `None` where the text is none.
#[must_use]
pub fn normalise(text: &str) -> Option<String> {
    let text = text.trim_matches(|c| is_blank(c) || matches!(c, '（' | '(' | '）' | ')'));
    let found = find(text)?;
    (found.span.start == 0 && found.span.end == text.len()).then_some(found.text)
}

/// Whether a text is a 发文字号 and nothing else, brackets around it aside.
pub(crate) fn is_number(text: &str) -> bool {
    text.contains(['号', '號']) && normalise(text).is_some()
}

/// Looks at the next place where a number may stand. `Some(None)`: there was none there, go on.
fn next(text: &str, from: &mut usize) -> Option<Option<DocumentNumber>> {
    const OPEN: [char; 6] = ['〔', '[', '［', '【', '（', '('];
    let at = *from + text.get(*from..)?.find(|c| OPEN.contains(&c) || c == '令')?;
    let c = text[at..].chars().next()?;
    *from = at + c.len_utf8();
    let found = if c == '令' { order(text, at) } else { bracketed(text, at, c) };
    if let Some(found) = &found {
        *from = found.span.end;
    }
    Some(found)
}

/// `国发〔2020〕5号`, with the bracket at `at`.
fn bracketed(text: &str, at: usize, open: char) -> Option<DocumentNumber> {
    let close = match open {
        '〔' => '〕',
        '[' => ']',
        '［' => '］',
        '【' => '】',
        '（' => '）',
        _ => ')',
    };
    let behind = &text[at + open.len_utf8()..];
    let (year, used) = leading_numeral(behind)?;
    let rest = behind[used..].strip_prefix(close).or_else(|| behind[used..].strip_prefix(')'))?;
    if !(1949..=2100).contains(&year) {
        return None;
    }
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix('第').unwrap_or(rest).trim_start_matches(is_blank);
    let (number, used) = leading_numeral(rest)?;
    let rest = rest[used..].trim_start_matches(is_blank).strip_prefix('号')?;
    let end = text.len() - rest.len();
    // The office's signs before it: `国办发明电`, `粤府函`, `临政规`; not a sentence.
    let mut start = at;
    let mut signs = String::new();
    for (i, c) in text[..at].char_indices().rev() {
        let count = signs.chars().count();
        if is_blank(c) && count == 0 && at - i <= 2 * '　'.len_utf8() {
            continue;
        }
        if !is_han(c) || count >= 12 {
            break;
        }
        signs.insert(0, c);
        start = i;
    }
    let kept = signs_of(&signs);
    start += signs.len() - kept.len();
    (!kept.is_empty()).then(|| DocumentNumber {
        span: Span::new(start, end),
        text: format!("{kept}〔{year}〕{number}号"),
    })
}

/// The office's signs at the end of what stands before a bracket: words that lead up to a number are not among them.
fn signs_of(before: &str) -> &str {
    let mut kept = before;
    for word in [
        "根据", "依据", "按照", "依照", "文号", "号为", "以", "和", "与", "及", "见", "由", "经",
        "对", "的", "是",
    ] {
        if let Some(at) = kept.rfind(word) {
            // 人社部对应 and such are no signs; a lone 对 or 经 at the front is a word.
            kept = &kept[at + word.len()..];
        }
    }
    kept
}

/// `国务院令第591号`, with 令 at `at`.
fn order(text: &str, at: usize) -> Option<DocumentNumber> {
    let behind = text[at + '令'.len_utf8()..].trim_start_matches(is_blank);
    let behind = behind.trim_start_matches(['（', '(']).trim_start_matches(is_blank);
    let numbered =
        behind.strip_prefix('第').map_or(behind, |rest| rest.trim_start_matches(is_blank));
    if numbered.len() == behind.len() && !behind.starts_with(is_digit) {
        return None;
    }
    let (number, used) = leading_numeral(numbered)?;
    let rest = numbered[used..].trim_start_matches(is_blank).strip_prefix('号')?;
    let mut start = at;
    let mut count = 0;
    for (i, c) in text[..at].char_indices().rev() {
        if !is_han(c) && c != '、' || count >= 40 {
            break;
        }
        (start, count) = (i, count + 1);
    }
    let mut office = &text[start..at];
    for word in ["根据", "依据", "按照", "依照", "年", "月", "日", "以", "的"] {
        if let Some(i) = office.rfind(word) {
            office = &office[i + word.len()..];
        }
    }
    start = at - office.len();
    let short = office.strip_prefix("中华人民共和国").unwrap_or(office);
    let short = if short.is_empty() { office } else { short };
    (short.chars().count() >= 2).then(|| DocumentNumber {
        span: Span::new(start, text.len() - rest.len()),
        text: format!("{short}令第{number}号"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_one_way_of_writing() {
        for (text, wanted) in [
            ("国发〔2020〕5号", "国发〔2020〕5号"),
            ("（国发[2020]5号）", "国发〔2020〕5号"),
            ("国发［２０２０］５号", "国发〔2020〕5号"),
            ("国办发明电〔2020〕 3 号", "国办发明电〔2020〕3号"),
            ("根据国发（2020）第5号文件", "国发〔2020〕5号"),
            ("教基〔二〇一九〕十号", "教基〔2019〕10号"),
            ("中华人民共和国国务院令 第591号", "国务院令第591号"),
            ("2014年7月30日国家食品药品监督管理总局令第7号公布", "国家食品药品监督管理总局令第7号"),
            ("最高人民法院《关于X的解释》（法释〔2004〕3号）", "法释〔2004〕3号"),
        ] {
            assert_eq!(find(text).map(|found| found.text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["（2020）京01民初1号", "命令第一次", "（一）5号", "2020年第5号", "〔2020〕5号"]
        {
            assert_eq!(find(text), None, "{text}");
        }
        assert!(is_number("财资环〔2020〕3号"));
        assert!(!is_number("见财资环〔2020〕3号文"));
        assert_eq!(find_all("国发〔2020〕5号、国发〔2020〕6号").len(), 2);
    }
}
