//! Characters and words that tell where answers begin and end, and what stands at the edges of a candidate.

use super::passage::{Gap, Text};

/// Classes of the unit before a candidate and of the one behind it.
pub(crate) const CUES: [(&str, &str); 9] = [
    ("is", "为是即叫称名成"),
    ("at", "在于至到向往自从"),
    ("by", "由被让给"),
    ("with", "以用过按经"),
    ("and", "和与及或、"),
    ("of", "的"),
    ("did", "了过着"),
    ("has", "有括含"),
    ("rest", "等者时后前中上下内"),
];

/// Classes of a candidate's last unit.
pub(crate) const LASTS: [(&str, &str); 5] = [
    ("place", "省市县区州镇乡村路街国岛山河湖洲港"),
    ("organisation", "部局委厅院会司学行心府关校织团队社室站党军办"),
    ("person", "人员者长家生士帝王"),
    ("thing", "法案例书剧片赛奖机车病"),
    ("number", "年月日元个名万亿号时天米岁次"),
];

/// Family names a person's name begins with.
pub(crate) const SURNAMES: &str = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻苏潘葛范彭鲁韦马方俞任袁柳史唐费薛雷贺\
    汤罗毕郝邬安常于傅康余顾孟黄穆萧尹姚邵汪毛宋庞熊纪舒项祝董梁杜蓝季贾江童颜郭梅林钟徐邱骆高夏蔡田胡凌霍万柯卢\
    莫房解丁邓石崔吉龚程邢裴陆翁段侯武刘龙叶白廖尚温庄曾关向欧";

/// Groups of words inside a candidate; the first three groups count before it too.
pub(crate) const WORDS: [(&str, &[&str]); 7] = [
    ("cause", &["因", "由于", "所以", "导致", "原因"]),
    ("purpose", &["为了", "以便", "旨在", "从而", "使得"]),
    ("manner", &["通过", "采取", "采用", "利用", "方式", "按照", "根据"]),
    ("modal", &["应当", "可以", "不得", "必须", "需要", "严禁", "要"]),
    ("define", &["是指", "是一", "又称", "简称", "称为", "是由"]),
    ("include", &["包括", "分为", "分别", "主要", "以及", "其中"]),
    ("not", &["不", "没", "无", "未", "非"]),
];

/// The mark that opens what this one closes.
fn opener_of(c: char) -> Option<char> {
    Some(match c {
        ')' => '(',
        '》' => '《',
        '”' => '“',
        '」' => '「',
        '』' => '『',
        '〉' => '〈',
        ']' => '[',
        _ => return None,
    })
}

/// The mark that closes what this one opens.
fn closer_of(c: char) -> Option<char> {
    Some(match c {
        '(' => ')',
        '《' => '》',
        '“' => '”',
        '「' => '」',
        '『' => '』',
        '〈' => '〉',
        '[' => ']',
        _ => return None,
    })
}

/// Which side of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Before it.
    Before,
    /// Behind it.
    After,
}

/// For each edge: the class of the unit before it (or behind it), and marks in the gap.
pub(crate) fn edge_flags(text: &Text, side: Side) -> Vec<[bool; CUES.len() + 5]> {
    let n = text.len();
    let flags = |u: usize| {
        let mut flags = [false; CUES.len() + 5];
        let unit = match side {
            Side::Before => u.checked_sub(1),
            Side::After => (u < n).then_some(u),
        };
        let unit = unit.and_then(|unit| text.single(unit)).filter(|_| text.gaps[u] == Gap::None);
        if let Some(unit) = unit {
            for (flag, (_, chars)) in flags.iter_mut().zip(&CUES) {
                *flag = chars.contains(unit);
            }
        }
        let gap = text.between(u);
        let half = |c: &char| match side {
            Side::Before => closer_of(*c).is_some(),
            Side::After => opener_of(*c).is_some(),
        };
        flags[CUES.len()..].copy_from_slice(&[
            text.gaps[u] == Gap::Sentence,
            text.gaps[u] == Gap::Clause,
            has_colon(gap),
            gap.iter().any(|c| half(c) || *c == '"'),
            gap.contains(&'、'),
        ]);
        flags
    };
    (0..=n).map(flags).collect()
}

/// Whether a gap has a colon.
pub(crate) fn has_colon(gap: &[char]) -> bool {
    gap.contains(&':') || gap.contains(&'：')
}

/// Whether a unit is what an item of a list is numbered with.
pub(crate) fn is_numeral(unit: &[char]) -> bool {
    matches!(unit, [c] if "一二三四五六七八九十".contains(*c))
        || unit.len() <= 2 && unit.iter().all(char::is_ascii_digit)
}

/// Units at which one of the words begins.
pub(crate) fn occurrences(text: &Text, words: &[&str]) -> Vec<bool> {
    let mut found = vec![false; text.len()];
    for word in words {
        let word: Vec<char> = word.chars().collect();
        for (flag, &start) in found.iter_mut().zip(&text.starts) {
            *flag |= text.folded[start..].starts_with(&word);
        }
    }
    found
}

/// Characters of a span of units: a bracket or quotation mark at its edge comes along where its other half is inside.
pub(crate) fn trimmed(text: &Text, (start, end): (usize, usize)) -> (usize, usize) {
    let folded = &text.folded;
    let count =
        |range: std::ops::Range<usize>, c: char| folded[range].iter().filter(|d| **d == c).count();
    let (mut first, mut last) = (text.starts[start], text.ends[end - 1]);
    while let Some((closer, opener)) = folded.get(last).and_then(|&c| Some((c, opener_of(c)?))) {
        if count(first..last, opener) <= count(first..last, closer) {
            break;
        }
        last += 1;
    }
    let before = |first: usize| first.checked_sub(1).map(|at| folded[at]);
    while let Some((opener, closer)) = before(first).and_then(|c| Some((c, closer_of(c)?))) {
        if count(first..last, closer) <= count(first..last, opener) {
            break;
        }
        first -= 1;
    }
    match before(first) {
        Some(quote @ ('《' | '“' | '「' | '『'))
            if closer_of(quote) == folded.get(last).copied() =>
        {
            (first - 1, last + 1)
        }
        _ => (first, last),
    }
}
