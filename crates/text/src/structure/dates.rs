//! Days a document speaks of: its history, when it comes into force, how long it holds, when it was signed.

use super::scan::{head, is_blank, sentence_end, sentence_start, tail};
use crate::address::numeral::{is_numeral, leading_numeral};
use crate::date::Date;
use crate::document::Validity;
use crate::span::Span;

/// Every day a text names, with its place.
pub(crate) fn all(text: &str) -> Vec<(Date, Span)> {
    let mut found = Vec::new();
    let mut skip = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if at >= skip
            && is_numeral(c)
            && !is_numeral(before)
            && let Some((date, rest)) = Date::leading(&text[at..])
        {
            skip = text.len() - rest.len();
            found.push((date, Span::new(at, skip)));
        }
        before = c;
    }
    found
}

/// What a law's history line says: `（2003年10月28日…通过 根据2012年12月28日《…的决定》第一次修正）`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct History {
    /// The last day: that of this version.
    pub(crate) last: Option<Date>,
    /// Year and manner of the last revision: `2012修正`.
    pub(crate) version: Option<String>,
    /// Who passed it.
    pub(crate) issuer: Option<String>,
}

/// Reads a history line, if the line is one.
pub(crate) fn history(line: &str) -> Option<History> {
    let inner = line.strip_prefix(['（', '('])?;
    let verbs = ["通过", "公布", "发布", "修订", "修正", "批准", "施行", "颁布"];
    if !verbs.iter().any(|verb| inner.contains(verb)) {
        return None;
    }
    let days = all(inner);
    let (first, place) = *days
        .first()
        .filter(|(_, place)| place.start <= 12 && !inner[..place.start].contains(['）', ')']))?;
    let mut history = History { last: Some(first), ..History::default() };
    let behind = &inner[place.end..];
    history.issuer = body(behind);
    for (date, place) in &days {
        let upto = sentence_end(inner, place.end, 120);
        let said = &inner[place.end..upto];
        // Up to the next day: the verb belongs to this one.
        let own = days
            .iter()
            .find(|(_, other)| other.start > place.start)
            .map_or(said, |(_, other)| &inner[place.end..other.start]);
        if own.contains("起施行") {
            continue;
        }
        history.last = history.last.max(Some(*date));
        let manner = ["修正", "修订"]
            .into_iter()
            .filter(|word| own.contains(word))
            .max_by_key(|word| own.rfind(word));
        if let Some(manner) = manner {
            history.version = Some(format!("{}{manner}", date.year()));
        }
    }
    Some(history)
}

/// The body in `第十届全国人民代表大会常务委员会第五次会议通过`, `国务院令第591号公布`.
fn body(said: &str) -> Option<String> {
    let said = said.trim_start_matches(is_blank);
    let said = said.strip_prefix("中华人民共和国").unwrap_or(said);
    let said = match said.strip_prefix('第') {
        Some(rest) => {
            let used = leading_numeral(rest).map_or(0, |(_, used)| used);
            rest[used..].strip_prefix('届')?
        }
        None => said,
    };
    let ends = ["常务委员会", "人民代表大会", "人民政府", "国务院"];
    ends.iter().find_map(|end| {
        let at = said.find(end)? + end.len();
        (head(said, 30).len() >= at).then(|| said[..at].to_owned())
    })
}

const FORCE: [&str; 5] = ["施行", "实施", "执行", "生效", "试行"];

/// The first day in force by the text: `本法自2021年5月1日起施行`, `自公布之日起30日后施行`.
pub(crate) fn effective(text: &str, published: Option<Date>) -> Option<Date> {
    let mut found = None;
    for (at, _) in text.match_indices('起') {
        let behind = &text[at + '起'.len_utf8()..];
        let near = head(behind, 10);
        let near = near.split(['，', '。', '；', '\n']).next().unwrap_or("");
        if !FORCE.iter().any(|word| near.contains(word))
            || near.contains('不')
            || near.contains("停止")
        {
            continue;
        }
        let start = sentence_start(text, at, 120);
        let said = &text[start..at];
        if !is_own(said) {
            continue;
        }
        let Some(from) = start_day(said, near, published) else { continue };
        found = Some(from);
        // The first statement that is surely the document's own counts; a later one speaks of others.
        if said.contains('本') {
            break;
        }
    }
    found
}

/// What a document calls itself.
const SELF: [&str; 34] = [
    "本法",
    "本条例",
    "本办法",
    "本规定",
    "本细则",
    "本规则",
    "本解释",
    "本决定",
    "本通知",
    "本意见",
    "本公告",
    "本方案",
    "本措施",
    "本标准",
    "本通告",
    "本章程",
    "本规程",
    "本规范",
    "本指南",
    "本政策",
    "本实施",
    "本暂行",
    "本修正案",
    "本批复",
    "本通则",
    "本准则",
    "本指引",
    "本若干",
    "本目录",
    "本制度",
    "本预案",
    "本文件",
    "本补充",
    "本令",
];

/// Whether a text ends in what the document calls itself.
fn ends_own(said: &str) -> bool {
    SELF.iter().any(|word| said.ends_with(word))
        || ["本实施细则", "本实施办法", "本暂行办法", "本文件", "上述政策", "以上政策", "政策"]
            .iter()
            .any(|word| said.ends_with(word))
}

/// Whether a sentence speaks of the document it stands in.
fn is_own(said: &str) -> bool {
    let direct = said.trim_start_matches(is_blank);
    SELF.iter().any(|word| said.contains(word))
        || ["现予公布", "现予发布", "现予印发", "现公布", "现发布", "予以公布"]
            .iter()
            .any(|word| said.contains(word))
        || direct.starts_with('自') && !direct.contains("证") && direct.chars().count() <= 20
        || ["以上政策", "上述政策", "上述规定", "以上规定", "以上措施", "上述措施"]
            .iter()
            .any(|word| said.contains(word))
}

/// The day in `…自2021年5月1日`, `…自公布之日`; with days to be added in `起30日后施行`.
fn start_day(said: &str, behind: &str, published: Option<Date>) -> Option<Date> {
    let day = match all(said).last() {
        Some((date, place)) if tail(said, 6).len() + place.end >= said.len() => *date,
        _ if said.ends_with("之日") || said.ends_with("之时") => {
            let verbs = [
                "公布", "发布", "印发", "颁布", "下发", "发文", "签发", "公告", "批准", "通过",
                "印发",
            ];
            verbs.iter().any(|verb| tail(said, 12).contains(verb)).then_some(published)??
        }
        _ => return None,
    };
    let later =
        behind.trim_start_matches(is_blank).find(is_numeral).filter(|at| *at <= 3).and_then(|at| {
            leading_numeral(&behind[at..])
                .filter(|(_, used)| behind[at + used..].starts_with(['日', '天']))
        });
    match later {
        Some((days, _)) if days <= 366 => Date::from_days(day.days() + i32::try_from(days).ok()?),
        _ => Some(day),
    }
}

/// The first day no longer in force: `有效期5年`, `有效期至2025年12月31日`, `执行至…`, `试行期2年`.
pub(crate) fn expires(text: &str, from: Option<Date>) -> Option<Date> {
    for (at, word) in text
        .match_indices("有效期")
        .chain(text.match_indices("执行期限"))
        .chain(text.match_indices("试行期"))
        .chain(text.match_indices("政策期限"))
    {
        let start = sentence_start(text, at, 60);
        let before = &text[start..at];
        let own = before.trim_end_matches(['，', ',', ' ', '的', '自']);
        let own = ends_own(own)
            || ["起施行", "起实施", "起执行", "起生效", "后施行", "起试行"]
                .iter()
                .any(|word| own.ends_with(word))
            || before.is_empty() && word != "有效期";
        // `有效期内`, `有效期限届满` are about something else.
        let behind = &text[at + word.len()..sentence_end(text, at + word.len(), 50)];
        let behind = behind.trim_start_matches(['限', '为', '是', '：', ':', ' ']);
        if !own || behind.starts_with(['内', '届', '满']) {
            continue;
        }
        if let Some(last) = last_day(behind) {
            return Date::from_days(last.days() + 1);
        }
        if let (Some((count, used)), Some(from)) = (leading_numeral(behind), from) {
            let unit = behind[used..].trim_start_matches('个');
            let months = match unit.chars().next() {
                Some('年') => count.checked_mul(12)?,
                Some('月') => count,
                _ => continue,
            };
            return add_months(from, months);
        }
    }
    // `本通知自印发之日起执行至2025年12月31日`, `实施期限至…`.
    for word in ["执行至", "实施至", "施行至", "有效至", "止执行", "起至"] {
        for (at, _) in text.match_indices(word) {
            let start = sentence_start(text, at, 60);
            if is_own(&text[start..at])
                && let Some((last, _)) =
                    Date::leading(text[at + word.len()..].trim_start_matches(is_blank))
                && (word != "起至"
                    || head(&text[at..], 24).contains("有效")
                    || head(&text[at..], 24).contains("施行")
                    || head(&text[at..], 24).contains("执行"))
            {
                return Date::from_days(last.days() + 1);
            }
        }
    }
    None
}

/// The day behind 至 or 到 (`自…至2025年12月31日`).
fn last_day(said: &str) -> Option<Date> {
    let days = all(said);
    let (date, place) = days.last()?;
    let before = said[..place.start].trim_end_matches(is_blank);
    let until = before.ends_with(['至', '到', '-', '—', '－']);
    let stop = said[place.end..].trim_start_matches(is_blank).starts_with('止');
    (until || stop).then_some(*date)
}

fn add_months(from: Date, months: u32) -> Option<Date> {
    let total =
        i32::from(from.year()) * 12 + i32::from(from.month()) - 1 + i32::try_from(months).ok()?;
    let (year, month) =
        (i16::try_from(total.div_euclid(12)).ok()?, u8::try_from(total.rem_euclid(12)).ok()? + 1);
    // 31 January and a month: the last day of February.
    (28..=from.day()).rev().chain([from.day()]).find_map(|day| Date::new(year, month, day))
}

/// The day a notice is signed with: the last of the short lines at its end that is nothing but a day.
pub(crate) fn signed<'a>(last_lines: impl Iterator<Item = &'a str>) -> Option<Date> {
    for line in last_lines {
        let line = line.trim_matches(|c| is_blank(c) || matches!(c, '（' | '）' | '(' | ')'));
        if let Ok(date) = line.parse() {
            return Some(date);
        }
        // `财政部 2020年2月20日`; of a sentence the day is no signature.
        if let Some((date, place)) = all(tail(line, 16)).last()
            && tail(line, 16).len() == place.end
            && !line.ends_with(['。', '；'])
        {
            return Some(*date);
        }
    }
    None
}

/// The days a text gives itself.
pub(crate) fn validity(text: &str, published: Option<Date>) -> Validity {
    let from = effective(text, published);
    let to = expires(text, from.or(published));
    Validity { from, to }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn when_it_comes_into_force() {
        let published = Some(day("2020-05-28"));
        for (text, from) in [
            ("本法自2021年1月1日起施行。", Some("2021-01-01")),
            ("本办法自公布之日起施行。", Some("2020-05-28")),
            ("本办法自发布之日起30日后施行。", Some("2020-06-27")),
            ("现予公布，自2020年7月1日起施行。", Some("2020-07-01")),
            ("《办法》已经通过，现予公布，自二〇二〇年七月一日起正式施行。", Some("2020-07-01")),
            ("自许可证颁发之日起生效。", None),
            ("合同自2020年1月1日起执行的，由双方约定。", None),
            ("收费标准自2019年1月1日起停止执行。", None),
            ("本通知自印发之日起执行。", Some("2020-05-28")),
            ("", None),
        ] {
            assert_eq!(effective(text, published), from.map(day), "{text}");
        }
    }

    #[test]
    fn how_long_it_holds() {
        let from = Some(day("2020-01-31"));
        for (text, to) in [
            (
                "护士执业注册有效期为5年。护士执业注册有效期届满需要继续执业的，本条例另有规定。",
                None,
            ),
            ("本办法自2020年1月31日起施行，有效期5年。", Some("2025-01-31")),
            ("本办法自2020年1月31日起施行，有效期为一个月。", Some("2020-02-29")),
            ("本通知有效期至2025年12月31日。", Some("2026-01-01")),
            ("本政策有效期自2020年1月31日至2020年6月30日。", Some("2020-07-01")),
            ("许可证有效期为5年。", None),
            ("本办法规定的许可证有效期为5年。", None),
            ("有效期届满需要延续的，应当申请。", None),
            ("本措施执行期限为发布之日起至2020年6月30日止。", Some("2020-07-01")),
        ] {
            assert_eq!(expires(text, from), to.map(day), "{text}");
        }
    }

    #[test]
    fn history_of_a_law() {
        let line = "（2003年10月28日第十届全国人民代表大会常务委员会第五次会议通过　根据2007年12月29日第十届全国人民代表大会常务委员会\
            第三十一次会议《关于修改〈中华人民共和国道路交通安全法〉的决定》第一次修正　根据2021年4月29日第十三届全国人民代表大会常务委员会\
            第二十八次会议《关于修改的决定》第三次修正）";
        let found = history(line).unwrap();
        assert_eq!(found.last, Some(day("2021-04-29")));
        assert_eq!(found.version.as_deref(), Some("2021修正"));
        assert_eq!(found.issuer.as_deref(), Some("全国人民代表大会常务委员会"));
        assert_eq!(history("（一）2020年1月1日通过"), None);
        assert_eq!(history("（以下简称办法）"), None);
        let short =
            history("（2019年6月1日临江市人民政府令第12号公布　自2019年8月1日起施行）").unwrap();
        assert_eq!(short.last, Some(day("2019-06-01")));
    }

    #[test]
    fn the_day_of_the_signature() {
        assert_eq!(signed(["2020年2月20日", "财政部"].into_iter()), Some(day("2020-02-20")));
        assert_eq!(
            signed(["（信息公开形式：主动公开）", "财政部 2020年2月20日"].into_iter()),
            Some(day("2020-02-20"))
        );
        assert_eq!(signed(["截至2020年2月20日。"].into_iter()), None);
    }
}
