//! Mentions of laws and of places in them: `《劳动合同法》第三十九条第（二）、（三）项`, `本法第五条至第八条`, `前款`, `刑法第十条`.

use super::scan::{is_blank, is_han, quoted_title};
use super::title::work_name;
use super::{law_names, number};
use crate::address::{Address, Level, Number, leading_numeral, leading_step};
use crate::span::Span;

/// Whose places are mentioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// 本法, 本条例 …
    This,
    /// 本条: within the article itself.
    ThisArticle,
    /// 该条, 同条: within the article that was mentioned last.
    ThatArticle,
    /// Nothing is said: this law, or the article itself for 款 and 项.
    Unstated,
    /// 前款, 前两条: so many before, at that level.
    Before(Level, u32),
    /// Another work, by its name.
    Named(String),
}

/// A mention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mention {
    pub(crate) span: Span,
    pub(crate) whose: Whose,
    /// 发文字号 in brackets behind a title, or all there is.
    pub(crate) number: Option<String>,
    /// As far as the mention itself says them.
    pub(crate) addresses: Vec<Address>,
}

/// Words that the text calls itself by.
const SELF: [&str; 22] = [
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
    "本准则",
    "本通则",
    "本批复",
    "本制度",
];

/// Ends of names of works.
pub(crate) const WORK_ENDS: [&str; 34] = [
    "法",
    "法典",
    "条例",
    "办法",
    "规定",
    "细则",
    "规则",
    "解释",
    "决定",
    "通知",
    "意见",
    "公告",
    "批复",
    "方案",
    "修正案",
    "章程",
    "公约",
    "标准",
    "准则",
    "通则",
    "规程",
    "规范",
    "措施",
    "指引",
    "指南",
    "目录",
    "协定",
    "议定书",
    "通告",
    "命令",
    "纲要",
    "规划",
    "补充规定",
    "制度",
];

/// Every mention in a text, in order.
pub(crate) fn mentions(text: &str) -> Vec<Mention> {
    let mut found: Vec<Mention> = Vec::new();
    let mut done = 0;
    for (at, mark) in text.match_indices(['《', '第', '前', '〔']) {
        if at < done {
            continue;
        }
        let mention = match mark {
            "《" => titled(text, at),
            "第" => placed(text, at, done),
            "前" => before(text, at),
            _ => numbered(text, at, done),
        };
        match mention {
            Some(mention) => {
                done = mention.span.end;
                found.push(mention);
            }
            None if mark == "《" => done = quoted_title(text, at).map_or(done, |(_, end)| end),
            None => {}
        }
    }
    found
}

fn titled(text: &str, at: usize) -> Option<Mention> {
    let (title, mut end) = quoted_title(text, at)?;
    let name = title.of(text)?;
    let mut number = None;
    // Up to two brackets: a number, an abbreviation, a version.
    for _ in 0..2 {
        let rest = &text[end..];
        let Some(open) = rest.chars().next().filter(|c| matches!(c, '（' | '(')) else { break };
        let Some(close) = rest.char_indices().take(60).find(|(_, c)| matches!(c, '）' | ')'))
        else {
            break;
        };
        let inner = &rest[open.len_utf8()..close.0];
        if crate::address::parse_numeral(inner).is_some() && leading_step(rest).is_some() {
            break;
        }
        number = number.or_else(|| number::normalise(inner));
        end += close.0 + close.1.len_utf8();
    }
    let gap = text[end..].len() - text[end..].trim_start_matches([' ', '\u{3000}', '中']).len();
    let (addresses, end) = match list(&text[end + gap..], &Address::default()) {
        Some((addresses, used)) => (addresses, end + gap + used),
        None => (Vec::new(), end),
    };
    let work = work_name(name);
    let is_work = WORK_ENDS
        .iter()
        .any(|word| work.trim_end_matches(['）']).ends_with(word) || name.ends_with(word))
        || work.ends_with('）') && WORK_ENDS.iter().any(|word| work.contains(word));
    if !is_work && number.is_none() && addresses.is_empty() {
        return None;
    }
    Some(Mention { span: Span::new(at, end), whose: Whose::Named(work), number, addresses })
}

fn placed(text: &str, at: usize, done: usize) -> Option<Mention> {
    let (addresses, used) = list(&text[at..], &Address::default())?;
    let end = at + used;
    // `第一项目`, `第二节课`.
    if text[end..].starts_with('目') && text[..end].ends_with('项') {
        return None;
    }
    let head = text[done..at].trim_end_matches(is_blank);
    let upper = addresses.iter().all(|address| {
        address.article.is_none() && address.paragraph.or(address.item).or(address.point).is_none()
    });
    let start_of = |word: &str| done + head.len() - word.len();
    let (start, whose) = if let Some(word) = SELF.iter().find(|word| head.ends_with(**word)) {
        (start_of(word), Whose::This)
    } else if head.ends_with("本条") {
        (start_of("本条"), Whose::ThisArticle)
    } else if head.ends_with("该条") || head.ends_with("同条") {
        (start_of("该条"), Whose::ThatArticle)
    } else if let Some(name) = short_name(head) {
        (start_of(name), Whose::Named(work_name(name)))
    } else if upper {
        // 第二章 alone is a heading or a count as often as a reference.
        return None;
    } else {
        (at, Whose::Unstated)
    };
    Some(Mention { span: Span::new(start, end), whose, number: None, addresses })
}

/// Words that a name does not go on before.
const BOUNDARIES: [&str; 51] = [
    "认定",
    "审理",
    "主张",
    "基于",
    "从事",
    "修改后",
    "现行",
    "依照",
    "按照",
    "根据",
    "依据",
    "违反",
    "适用",
    "符合",
    "属于",
    "具有",
    "构成",
    "以及",
    "或者",
    "对于",
    "参照",
    "比照",
    "遵守",
    "执行",
    "触犯",
    "援引",
    "的",
    "和",
    "与",
    "及",
    "或",
    "除",
    "按",
    "依",
    "经",
    "是",
    "由",
    "因",
    "将",
    "在",
    "据",
    "照",
    "犯",
    "有",
    "为",
    "从",
    "并",
    "称",
    "以",
    "对",
    "即",
];

/// The name of a work that a text ends with, without 《》: `依照劳动合同法`.
fn short_name(head: &str) -> Option<&str> {
    let mut end = head.len();
    if head.ends_with(['）', ')']) {
        end = head.rfind(['（', '('])?;
    }
    let stem = &head[..end];
    WORK_ENDS.iter().find(|word| stem.ends_with(**word))?;
    let mut start = end;
    for (i, c) in stem.char_indices().rev().take(40) {
        if !is_han(c) {
            break;
        }
        start = i;
    }
    let mut name = &head[start..];
    if let Some(known) = law_names::ending(stem) {
        return Some(&head[end - known.len()..]);
    }
    for word in BOUNDARIES {
        // The name's own last word may hold one: 规范 holds none, 以 in 以案释法 would.
        let body = &name[..name.len().saturating_sub(head.len() - end)];
        let Some(i) = body.rfind(word) else { continue };
        let rest = &name[i + word.len()..];
        // 对外贸易法, 有线电视…条例, 反有组织犯罪法 begin with such words.
        let inside = matches!(
            word,
            "对" | "有"
                | "以"
                | "为"
                | "在"
                | "因"
                | "经"
                | "从"
                | "将"
                | "由"
                | "和"
                | "与"
                | "及"
                | "并"
        ) && [
            "外", "线", "组织", "限", "济", "业", "工", "来", "建", "国", "军", "使", "人", "地方",
        ]
        .iter()
        .any(|after| rest.starts_with(after));
        if !inside {
            name = rest;
        }
    }
    let stem = &name[..name.len().saturating_sub(head.len() - end)];
    let generic = [
        "有关", "下列", "上述", "国家", "该", "本", "其他", "前述", "相关", "各项", "其", "此",
        "依", "非", "合", "司", "立", "执", "方",
    ];
    let short = stem.chars().count();
    let bare = WORK_ENDS.contains(&stem) || short < 2;
    let named = short > 2 || matches!(stem, "刑法" | "民法" | "宪法" | "党章" | "水法" | "药典");
    (!bare
        && named
        && !generic.iter().any(|word| {
            stem.strip_prefix(word).is_some_and(|rest| rest.is_empty() || WORK_ENDS.contains(&rest))
        }))
    .then_some(name)
}

/// 前款, 前两条, and what follows: `前款第一项`.
fn before(text: &str, at: usize) -> Option<Mention> {
    let rest = &text[at + '前'.len_utf8()..];
    let (count, used) = match leading_numeral(rest) {
        Some((count, used)) if (1..=20).contains(&count) => (count, used),
        Some(_) => return None,
        None => (1, 0),
    };
    let behind = &rest[used..];
    let (level, word) = [Level::Article, Level::Paragraph, Level::Item]
        .into_iter()
        .find_map(|level| behind.strip_prefix(level.word()).map(|rest| (level, rest)))?;
    // 前条件, 前项目, 以前条约 are other words.
    if word.starts_with(['件', '例', '约', '文', '目'])
        || level == Level::Paragraph && word.starts_with('项')
    {
        return None;
    }
    let end = text.len() - word.len();
    let (addresses, used) = list(word, &Address::default()).unwrap_or_default();
    let below = addresses.iter().all(|address| address.article.is_none());
    let (addresses, used) = if below { (addresses, used) } else { (Vec::new(), 0) };
    Some(Mention {
        span: Span::new(at, end + used),
        whose: Whose::Before(level, count),
        number: None,
        addresses,
    })
}

/// A 发文字号 without a title, with its bracket at `at`.
fn numbered(text: &str, at: usize, done: usize) -> Option<Mention> {
    let from = text[done..at].char_indices().rev().nth(14).map_or(done, |(i, _)| done + i);
    let end = text[at..].char_indices().nth(20).map_or(text.len(), |(i, _)| at + i);
    let found = number::find(&text[from..end])?;
    let span = found.span.shifted(from);
    (span.start < at && at < span.end).then(|| Mention {
        span,
        whose: Whose::Unstated,
        number: Some(found.text),
        addresses: Vec::new(),
    })
}

/// Most numbers that one list or range is spelled out to.
const MOST: u32 = 300;

/// A list of addresses at the beginning of a text: `第五条第一款、第三款`, `第三、四项`, `第十条至第十二条`. Each takes from the
/// one before what it does not say. Returns the bytes too.
pub(crate) fn list(text: &str, inherit: &Address) -> Option<(Vec<Address>, usize)> {
    let (mut found, mut at) = one(text, inherit)?;
    loop {
        let rest = &text[at..];
        let Some(word) = ["以及", "或者", "、", "和", "及", "或", "与", "至", "到"]
            .into_iter()
            .find(|word| rest.starts_with(word))
        else {
            break;
        };
        let behind = &rest[word.len()..];
        let last = found.last()?.clone();
        let Some((next, used)) = one(behind, &last) else { break };
        let (Some(first), true) = (next.first(), found.len() < MOST as usize) else { break };
        if matches!(word, "至" | "到") {
            range(&last, first, &mut found);
        }
        found.extend(next);
        at += word.len() + used;
    }
    Some((found, at))
}

/// What lies between two addresses that differ in their last number.
fn range(from: &Address, to: &Address, found: &mut Vec<Address>) {
    let Some(level) = Level::ALL.into_iter().rev().find(|level| to.level(*level).is_some()) else {
        return;
    };
    let (Some(low), Some(high)) = (from.level(level), to.level(level)) else { return };
    let mut same = from.clone();
    *same.level_mut(level) = Some(high);
    if same != *to || high.value <= low.value || high.value - low.value > MOST {
        return;
    }
    for value in low.value + 1..high.value {
        let mut between = from.clone();
        *between.level_mut(level) = Some(Number::new(value));
        found.push(between);
    }
}

/// One address, its last level perhaps with several numbers.
fn one(text: &str, inherit: &Address) -> Option<(Vec<Address>, usize)> {
    let mut address: Option<Address> = None;
    let mut at = 0;
    let mut last: Option<Level> = None;
    loop {
        let rest = &text[at..];
        let step = leading_step(rest)
            .map(|(level, number, used)| (level, vec![number], used))
            .or_else(|| several(rest));
        let Some((level, numbers, used)) = step else { break };
        if last.is_some_and(|last| level <= last) {
            break;
        }
        let mut base = address.take().unwrap_or_else(|| {
            let mut base = Address::default();
            // A list's next part stands where the one before stood, above its own level.
            for upper in
                Level::ALL.into_iter().filter(|upper| *upper < level && level > Level::Article)
            {
                *base.level_mut(upper) = inherit.level(upper);
            }
            base
        });
        (at, last) = (at + used, Some(level));
        if let [number] = numbers[..] {
            *base.level_mut(level) = Some(number);
            address = Some(base);
            continue;
        }
        let all = numbers.into_iter().map(|number| {
            let mut own = base.clone();
            *own.level_mut(level) = Some(number);
            own
        });
        return Some((all.collect(), at));
    }
    address.map(|address| (vec![address], at))
}

/// `第三、四项`, `第（一）至（三）项`, `第一、二、三款`.
fn several(text: &str) -> Option<(Level, Vec<Number>, usize)> {
    let mut rest = text.strip_prefix('第')?;
    let mut numbers: Vec<Number> = Vec::new();
    let mut through = false;
    loop {
        let open = rest.chars().next().filter(|c| matches!(c, '（' | '('));
        let inner = &rest[open.map_or(0, char::len_utf8)..];
        let (value, used) = leading_numeral(inner)?;
        rest = &inner[used..];
        if open.is_some() {
            rest = rest.strip_prefix(['）', ')'])?;
        }
        if let Some(last) = numbers.last().filter(|_| through).copied()
            && value > last.value
            && value - last.value < MOST
        {
            numbers.extend((last.value + 1..value).map(Number::new));
        }
        numbers.push(Number::new(value));
        let level = Level::ALL.into_iter().find(|level| rest.starts_with(level.word()));
        if let Some(level) = level {
            let used = text.len() - rest.len() + level.word().len();
            return (numbers.len() > 1).then_some((level, numbers, used));
        }
        let word =
            ["、", "和", "及", "或", "至", "到"].into_iter().find(|word| rest.starts_with(word))?;
        through = matches!(word, "至" | "到");
        rest = &rest[word.len()..];
        if numbers.len() > MOST as usize {
            return None;
        }
    }
}
