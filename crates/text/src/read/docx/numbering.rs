//! `word/numbering.xml`: automatic numbers (`第一条`, `（二）`, `3.`) as Word shows them. ECMA-376 part 1, 17.9.

use std::collections::BTreeMap;
use std::io::Read;

use crate::read::problem::Problem;
use crate::read::xml::{self, Xml};

/// One level of a list.
#[derive(Debug, Clone)]
struct Level {
    format: String,
    /// `第%1条`.
    text: String,
    start: u32,
    /// What follows the number.
    suffix: &'static str,
}

impl Default for Level {
    fn default() -> Self {
        Self { format: "decimal".to_owned(), text: String::new(), start: 1, suffix: " " }
    }
}

/// An instance of a list.
#[derive(Debug, Clone, Default)]
struct Instance {
    list: String,
    starts: BTreeMap<usize, u32>,
}

/// The lists of a document.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    lists: BTreeMap<String, BTreeMap<usize, Level>>,
    instances: BTreeMap<String, Instance>,
}

/// Levels of a list.
const LEVELS: usize = 9;

impl Numbering {
    pub(super) fn read(reader: &mut dyn Read, depth: usize) -> Result<Self, Problem> {
        let mut out = Self::default();
        let (mut list, mut level, mut instance) = (None::<String>, 0usize, None::<String>);
        xml::walk(reader, depth, |event| {
            match event {
                Xml::Start("abstractNum", a) => list = a.get("abstractNumId"),
                Xml::End("abstractNum") => list = None,
                Xml::Start("num", a) => {
                    instance = a.get("numId");
                    if let Some(id) = &instance {
                        out.instances.insert(id.clone(), Instance::default());
                    }
                }
                Xml::End("num") => instance = None,
                Xml::Start("lvl" | "lvlOverride", a) => {
                    level = a.number("ilvl").unwrap_or(0).min(LEVELS - 1);
                    if let Some(list) = &list {
                        out.lists.entry(list.clone()).or_default().entry(level).or_default();
                    }
                }
                Xml::Start(name, a) => {
                    let value = a.get("val");
                    if let Some(instance) =
                        instance.as_ref().and_then(|id| out.instances.get_mut(id))
                    {
                        match (name, value) {
                            ("abstractNumId", Some(value)) => instance.list = value,
                            ("startOverride", Some(value)) => {
                                instance.starts.insert(level, value.parse().unwrap_or(1));
                            }
                            _ => {}
                        }
                    } else if let Some(level) = list
                        .as_ref()
                        .and_then(|id| out.lists.get_mut(id))
                        .and_then(|l| l.get_mut(&level))
                    {
                        match (name, value) {
                            ("numFmt", Some(value)) => level.format = value,
                            ("lvlText", Some(value)) => level.text = value,
                            ("start", Some(value)) => level.start = value.parse().unwrap_or(1),
                            ("suff", Some(value)) if value == "nothing" => level.suffix = "",
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(out)
    }
}

/// How far each list has come.
#[derive(Debug, Default)]
pub(super) struct Counters {
    lists: BTreeMap<String, [Option<u32>; LEVELS]>,
    begun: std::collections::BTreeSet<String>,
}

impl Counters {
    /// The number of the next paragraph of a list, with what separates it from the text; `None` for a bullet or none.
    pub(super) fn next(
        &mut self,
        numbering: &Numbering,
        instance: &str,
        level: usize,
    ) -> Option<String> {
        let about = numbering.instances.get(instance)?;
        let levels = numbering.lists.get(&about.list)?;
        let level = level.min(LEVELS - 1);
        let counts = self.lists.entry(about.list.clone()).or_default();
        if self.begun.insert(instance.to_owned()) {
            // An instance that says where it starts begins the list anew.
            for &level in about.starts.keys() {
                counts[level] = None;
            }
        }
        let start = |at: usize| {
            about
                .starts
                .get(&at)
                .copied()
                .unwrap_or_else(|| levels.get(&at).map_or(1, |level| level.start))
        };
        counts[level] =
            Some(counts[level].map_or_else(|| start(level), |count| count.saturating_add(1)));
        counts[level + 1..].fill(None);
        let about_level = levels.get(&level)?;
        if about_level.format == "bullet"
            || about_level.format == "none"
            || about_level.text.is_empty()
        {
            return None;
        }
        let mut out = about_level.text.clone();
        for (at, count) in counts.iter().enumerate().take(level + 1) {
            let mark = format!("%{}", at + 1);
            if out.contains(&mark) {
                let format = levels.get(&at).map_or("decimal", |level| level.format.as_str());
                let count = count.unwrap_or_else(|| start(at));
                out = out.replace(&mark, &number(count, format));
            }
        }
        out.push_str(about_level.suffix);
        Some(out)
    }
}

/// A number in a format of 17.18.59 (ST_NumberFormat).
fn number(value: u32, format: &str) -> String {
    match format {
        "chineseCounting"
        | "chineseCountingThousand"
        | "japaneseCounting"
        | "taiwaneseCounting"
        | "taiwaneseCountingThousand"
        | "chineseLegalSimplified"
        | "ideographTraditional" => chinese(value),
        "ideographDigital" | "japaneseDigitalTenThousand" => {
            value.to_string().chars().filter_map(|c| DIGITS.get(c.to_digit(10)? as usize)).collect()
        }
        "decimalZero" => format!("{value:02}"),
        "decimalEnclosedCircle" | "decimalEnclosedCircleChinese" if (1..=20).contains(&value) => {
            char::from_u32(0x2460 + value - 1).map_or_else(|| value.to_string(), String::from)
        }
        "decimalFullWidth" => value
            .to_string()
            .chars()
            .filter_map(|c| char::from_u32(0xff10 + c.to_digit(10)?))
            .collect(),
        "upperLetter" => letters(value, 'A'),
        "lowerLetter" => letters(value, 'a'),
        "upperRoman" => roman(value),
        "lowerRoman" => roman(value).to_lowercase(),
        _ => value.to_string(),
    }
}

const DIGITS: [char; 10] = ['〇', '一', '二', '三', '四', '五', '六', '七', '八', '九'];

/// 十, 二十三, 一百零五: as laws count, up to 9999.
fn chinese(value: u32) -> String {
    if value == 0 || value > 9999 {
        return value.to_string();
    }
    let (mut out, mut zero) = (String::new(), false);
    for (unit, name) in [(1000, "千"), (100, "百"), (10, "十"), (1, "")] {
        let digit = (value / unit % 10) as usize;
        if digit == 0 {
            zero = !out.is_empty();
            continue;
        }
        if zero && !out.is_empty() {
            out.push('零');
        }
        zero = false;
        if !(digit == 1 && unit == 10 && out.is_empty()) {
            out.push(DIGITS[digit]);
        }
        out.push_str(name);
    }
    out
}

/// A … Z, AA, BB …: Word repeats the letter.
fn letters(value: u32, first: char) -> String {
    let (letter, times) = ((value.max(1) - 1) % 26, (value.max(1) - 1) / 26 + 1);
    let letter = char::from_u32(first as u32 + letter).unwrap_or(first);
    std::iter::repeat_n(letter, times.min(30) as usize).collect()
}

fn roman(value: u32) -> String {
    const MARKS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if value == 0 || value > 3999 {
        return value.to_string();
    }
    let (mut left, mut out) = (value, String::new());
    for (worth, mark) in MARKS {
        while left >= worth {
            out.push_str(mark);
            left -= worth;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_word_writes_them() {
        for (value, text) in [
            (1, "一"),
            (10, "十"),
            (11, "十一"),
            (20, "二十"),
            (105, "一百零五"),
            (110, "一百一十"),
            (1005, "一千零五"),
        ] {
            assert_eq!(number(value, "chineseCountingThousand"), text);
        }
        assert_eq!(
            (number(28, "upperLetter"), number(14, "lowerRoman")),
            ("BB".into(), "xiv".into())
        );
        assert_eq!((number(3, "decimalEnclosedCircle"), number(7, "")), ("③".into(), "7".into()));
    }

    #[test]
    fn levels_restart_below_a_higher_one() {
        let xml = r#"<w:numbering><w:abstractNum w:abstractNumId="0">
            <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/><w:lvlText w:val="第%1条"/></w:lvl>
            <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="chineseCounting"/><w:lvlText w:val="（%2）"/><w:suff w:val="nothing"/></w:lvl>
            </w:abstractNum><w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#;
        let numbering = Numbering::read(&mut xml.as_bytes(), 99).unwrap();
        let mut counters = Counters::default();
        let seen: Vec<_> = [0, 1, 1, 0, 1]
            .iter()
            .filter_map(|&level| counters.next(&numbering, "5", level))
            .collect();
        assert_eq!(seen, ["第一条 ", "（一）", "（二）", "第二条 ", "（一）"]);
        assert_eq!(counters.next(&numbering, "0", 0), None);
    }
}
