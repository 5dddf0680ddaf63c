//! Titles: the work a title names, its version, and the article where a record's title carries one.

use super::scan::{is_blank, tail};
use crate::address::{Address, leading_address};
use crate::date::Date;

/// The title and address of a record's name: `刑法第一百二十条之一` is 刑法 and its article. `None` where the title ends in
/// no article, or has nothing before it.
#[must_use]
pub fn split_record(title: &str) -> Option<(&str, Address)> {
    let title = title.trim_matches(is_blank);
    let mut best = None;
    for (at, _) in title.rmatch_indices('第') {
        let Some((address, used)) = leading_address(&title[at..]) else { break };
        if at + used != title.len() {
            break;
        }
        if address.article.is_some() {
            best = Some((at, address));
        }
    }
    let (at, address) = best?;
    let work = title[..at].trim_end_matches(is_blank);
    (!work.is_empty()).then_some((work, address))
}

/// What a title names, whatever version: without 中华人民共和国, 《》, blanks and marks of a version; of a notice that issues
/// a work (`关于印发《…办法》的通知`) the work.
///
/// ```
/// use strata_text::structure::work_name;
/// assert_eq!(work_name("《中华人民共和国行政处罚法》（2021修订）"), "行政处罚法");
/// assert_eq!(work_name("临江市人民政府关于印发《临江市养犬管理办法》的通知"), "临江市养犬管理办法");
/// ```
#[must_use]
pub fn work_name(title: &str) -> String {
    let title = issued(title).unwrap_or(title);
    let (title, _) = without_version(title);
    let plain: String = title
        .chars()
        .filter(|c| {
            !is_blank(*c) && !matches!(c, '《' | '》' | '〈' | '〉' | '<' | '>' | '＜' | '＞')
        })
        .map(|c| match c {
            '(' => '（',
            ')' => '）',
            _ => c,
        })
        .collect();
    let short = plain.replace("中华人民共和国", "");
    if short.chars().count() < 2 { plain } else { short }
}

/// The version a title names at its end: `2021修正`.
#[must_use]
pub fn version(title: &str) -> Option<String> {
    without_version(title).1
}

/// The work that a notice issues.
fn issued(title: &str) -> Option<&str> {
    let mut end = 0;
    for word in ["印发", "公布", "发布", "颁布", "下发", "颁发", "修改后的", "修订"]
    {
        if let Some(at) = title.find(word) {
            end = end.max(at + word.len());
        }
    }
    if end == 0 || !title.contains("关于") {
        return None;
    }
    let rest = title[end..].trim_start_matches(is_blank);
    let open = rest.chars().next().filter(|c| matches!(c, '《' | '〈' | '<' | '＜'))?;
    let close = rest.rfind(['》', '〉', '>', '＞'])?;
    let behind = rest[close..].chars().next().map_or("", |c| &rest[close + c.len_utf8()..]);
    let behind = behind.trim_start_matches(is_blank);
    (behind.starts_with("的通知")
        || behind.starts_with("的公告")
        || behind.starts_with("的决定")
        || behind.starts_with('（'))
    .then(|| rest[open.len_utf8()..close].trim_matches(is_blank))
}

/// A title without the marks of a version at its end, and the version.
fn without_version(title: &str) -> (&str, Option<String>) {
    let mut rest = title.trim_matches(is_blank);
    let mut version = None;
    loop {
        let outer = rest.strip_prefix('《').and_then(|inner| inner.strip_suffix('》'));
        if let Some(inner) = outer.filter(|inner| !inner.contains('》') || inner.contains('《')) {
            rest = inner.trim_matches(is_blank);
            continue;
        }
        let Some((at, inner)) = last_bracket(rest) else { break };
        let Some(mark) = version_mark(inner, &rest[..at]) else { break };
        version = version.or(mark);
        rest = rest[..at].trim_end_matches(is_blank);
    }
    (rest, version)
}

fn last_bracket(text: &str) -> Option<(usize, &str)> {
    let close = text.chars().next_back()?;
    let open = match close {
        '）' | ')' => ['（', '('],
        '〕' | ']' => ['〔', '['],
        '】' | '］' => ['【', '［'],
        _ => return None,
    };
    let at = text.rfind(open)?;
    let width = text[at..].chars().next().map_or(1, char::len_utf8);
    let inner = text.get(at + width..text.len() - close.len_utf8())?;
    (at > 0).then_some((at, inner))
}

/// Whether what stands in brackets behind a title marks a version, and its name if it has one.
#[allow(clippy::option_option, reason = "no mark, a mark without a name, a named version")]
fn version_mark(inner: &str, title: &str) -> Option<Option<String>> {
    let inner = inner.trim_matches(is_blank);
    let year = inner.chars().take_while(char::is_ascii_digit).count() == 4;
    let rest = if year { &inner[4..] } else { inner };
    if inner.parse::<Date>().is_ok() {
        return Some(Some(inner.to_owned()));
    }
    let revised = ["修正", "修订", "修改", "版", "本", "文本", "年版", "公布", "发布", "施行"];
    let bare = rest.strip_prefix('年').unwrap_or(rest);
    if year && bare.is_empty() {
        // 宪法修正案（2018年）and announcements of different years are different works.
        let separate = ["修正案", "决定", "公告", "通知", "批复", "报告"]
            .iter()
            .any(|end| title.ends_with(end));
        return (!separate).then(|| Some(inner.to_owned()));
    }
    if year && revised.iter().any(|word| bare.starts_with(word) || bare.ends_with(word)) {
        return Some(Some(inner.to_owned()));
    }
    match inner {
        "修正" | "修订" | "修正本" | "修订本" | "修正文本" | "修订版" | "最新" | "最新版"
        | "全文" => Some(Some(inner.to_owned())),
        "已废止" | "废止" | "失效" | "已失效" | "现行有效" | "有效" | "已修改" | "已被修改"
        | "尚未生效" | "尚未施行" => Some(None),
        _ => None,
    }
}

/// The day at the end of a file's name: `水法(2016-07-02).md`, `民法典_20200528.docx`.
pub(crate) fn date_of_name(name: &str) -> Option<Date> {
    let stem = name.rsplit(['/', '\\']).next()?;
    let stem =
        stem.rfind('.').filter(|at| *at > 0 && stem.len() - at <= 6).map_or(stem, |at| &stem[..at]);
    let stem = stem.trim_end_matches([')', '）', ' ']);
    let ten = tail(stem, 10);
    if let Ok(date) = ten.parse() {
        return Some(date);
    }
    let eight = tail(stem, 8);
    let before = stem[..stem.len() - eight.len()].chars().next_back();
    if eight.len() != 8
        || !eight.bytes().all(|b| b.is_ascii_digit())
        || !matches!(before, Some('_' | '(' | '（' | '-'))
    {
        return None;
    }
    Date::new(eight[..4].parse().ok()?, eight[4..6].parse().ok()?, eight[6..].parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_and_versions() {
        for (title, work, version_name) in [
            ("中华人民共和国民法典", "民法典", None),
            ("《中华人民共和国行政处罚法》（2021修订）", "行政处罚法", Some("2021修订")),
            ("中华人民共和国劳动合同法(2012年修正)", "劳动合同法", Some("2012年修正")),
            ("临江市养犬管理办法（2019-04-23）", "临江市养犬管理办法", Some("2019-04-23")),
            ("临江市养犬管理办法（试行）", "临江市养犬管理办法（试行）", None),
            ("刑法修正案（十一）", "刑法修正案（十一）", None),
            ("宪法修正案（2018年）", "宪法修正案（2018年）", None),
            ("市场准入负面清单（2022年版）", "市场准入负面清单", Some("2022年版")),
            ("临江市人民政府关于印发《临江市养犬管理办法》的通知", "临江市养犬管理办法", None),
            ("关于印发〈临江市养犬管理办法（试行）〉的通知", "临江市养犬管理办法（试行）", None),
            (
                "最高人民法院关于适用〈中华人民共和国刑事诉讼法〉的解释",
                "最高人民法院关于适用刑事诉讼法的解释",
                None,
            ),
            ("养犬管理办法【已废止】", "养犬管理办法", None),
            ("中华人民共和国", "中华人民共和国", None),
        ] {
            assert_eq!(work_name(title), work, "{title}");
            assert_eq!(version(title).as_deref(), version_name, "{title}");
        }
    }

    #[test]
    fn records_of_articles() {
        for (title, work, address) in [
            ("刑法第一百二十条之一", "刑法", "第一百二十条之一"),
            ("中华人民共和国民法典第五百零九条", "中华人民共和国民法典", "第五百零九条"),
            ("刑法修正案（十一）第三条", "刑法修正案（十一）", "第三条"),
            (
                "最高人民法院关于适用刑法第十二条几个问题的解释第三条",
                "最高人民法院关于适用刑法第十二条几个问题的解释",
                "第三条",
            ),
            ("《劳动合同法》 第三十九条第（二）项", "《劳动合同法》", "第三十九条第（二）项"),
        ] {
            let (name, at) = split_record(title).unwrap_or_else(|| panic!("{title}"));
            assert_eq!((name, at.to_string().as_str()), (work, address));
        }
        for title in [
            "民法典",
            "第三条",
            "关于第三条的说明",
            "最高人民法院关于适用刑法第十二条几个问题的解释",
            "",
        ] {
            assert_eq!(split_record(title), None, "{title}");
        }
    }

    #[test]
    fn days_in_names_of_files() {
        let day = Date::new(2016, 7, 2);
        assert_eq!(date_of_name("经济法/水法(2016-07-02).md"), day);
        assert_eq!(date_of_name("水法_20160702.docx"), day);
        assert_eq!(date_of_name("水法.md"), None);
        assert_eq!(date_of_name("12345678"), None);
    }
}
