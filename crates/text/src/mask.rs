//! Personal data in hotline records: found and masked. Numbers are checked by their structure (birth date and check digit of
//! an ID number, Luhn's digit of a bank card); names only where a word says that one follows.

use serde::Serialize;

use crate::span::Span;

mod names;
mod numbers;
mod places;

/// What sort of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 身份证号, 18 or 15 characters.
    IdNumber,
    /// A mobile or landline telephone number.
    Phone,
    /// 车牌号.
    Plate,
    /// 住址 from the road or the housing estate to the room.
    Address,
    /// 姓名.
    Name,
    /// 银行卡号.
    BankCard,
    /// E-mail address.
    Email,
}

impl Kind {
    /// What stands in its place in a masked text.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::IdNumber => "［身份证号］",
            Self::Phone => "［电话］",
            Self::Plate => "［车牌］",
            Self::Address => "［住址］",
            Self::Name => "［姓名］",
            Self::BankCard => "［银行卡号］",
            Self::Email => "［邮箱］",
        }
    }
}

/// Personal data in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Personal {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// A text by characters, with the byte each begins at.
pub(crate) struct Chars {
    pub(crate) chars: Vec<char>,
    starts: Vec<usize>,
}

impl Chars {
    fn new(text: &str) -> Self {
        let (starts, chars): (Vec<usize>, Vec<char>) = text.char_indices().unzip();
        Self { chars, starts: starts.into_iter().chain([text.len()]).collect() }
    }

    /// The character at a place; a blank outside.
    pub(crate) fn at(&self, at: usize) -> char {
        self.chars.get(at).copied().unwrap_or('\n')
    }

    /// The character so many before a place.
    pub(crate) fn back(&self, at: usize, by: usize) -> char {
        at.checked_sub(by).map_or('\n', |at| self.at(at))
    }

    /// Whether the characters before a place are a word's.
    pub(crate) fn ends_with(&self, at: usize, word: &str) -> bool {
        word.chars().rev().enumerate().all(|(i, c)| self.back(at, i + 1) == c)
    }

    /// Whether the characters from a place on are a word's.
    pub(crate) fn starts_with(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(i, c)| self.at(at + i) == c)
    }

    fn span(&self, from: usize, to: usize) -> Span {
        let byte = |at: usize| self.starts.get(at).or(self.starts.last()).copied().unwrap_or(0);
        Span::new(byte(from), byte(to))
    }
}

/// A find in characters.
pub(crate) struct Found {
    pub(crate) kind: Kind,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Everything personal in a text, in order, without overlaps.
#[must_use]
pub fn find(text: &str) -> Vec<Personal> {
    let chars = Chars::new(text);
    let mut found = numbers::find(&chars);
    found.extend(places::find(&chars));
    found.extend(names::find(&chars));
    found.sort_by_key(|found| (found.from, std::cmp::Reverse(found.to)));
    let mut kept: Vec<Personal> = Vec::new();
    let mut end = 0;
    for Found { kind, from, to } in found {
        if from >= end && from < to {
            kept.push(Personal { kind, span: chars.span(from, to) });
            end = to;
        }
    }
    kept
}

/// A text with everything personal replaced by what it was: `［电话］`.
#[must_use]
pub fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for Personal { kind, span } in find(text) {
        masked.push_str(text.get(at..span.start).unwrap_or(""));
        masked.push_str(kind.label());
        at = span.end;
    }
    masked.push_str(text.get(at..).unwrap_or(""));
    masked
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_personal() {
        for (text, masked) in [
            ("身份证号11010519491231002X，请查。", "身份证号［身份证号］，请查。"),
            ("身份证：130503670401001", "身份证：［身份证号］"),
            ("手机13812345678或138 1234 5678", "手机［电话］或［电话］"),
            ("手机：＋８６１３８１２３４５６７８", "手机：＋［电话］"),
            ("电话010-12345678转801，请打12345", "电话［电话］转801，请打12345"),
            ("电话（0571）87654321", "电话［电话］"),
            ("车牌粤B12345和沪AD12345、京A·8K88警", "车牌［车牌］和［车牌］、［车牌］"),
            ("家住临江市幸福路12号3栋2单元501室，楼上漏水", "家住［住址］，楼上漏水"),
            ("我住在阳光花园小区3幢502室。", "我住在［住址］。"),
            ("姓名：张三，联系人：欧阳小明", "姓名：［姓名］，联系人：［姓名］"),
            ("我叫李小明，想咨询", "我叫［姓名］，想咨询"),
            ("我叫李明住在这里", "我叫［姓名］住在这里"),
            ("市民王先生来电，业主陈建国女士反映", "市民［姓名］先生来电，业主［姓名］女士反映"),
            ("市民张伟反映噪音扰民", "市民［姓名］反映噪音扰民"),
            (
                "我是陈秀兰，孩子叫李子涵。户名郑桂芳。",
                "我是［姓名］，孩子叫［姓名］。户名［姓名］。",
            ),
            ("地址人民路25号2单元顶楼，到解放大道77号", "地址［住址］，到［住址］"),
            ("卡号6222 0212 3456 7890 128", "卡号［银行卡号］"),
            ("邮箱 wang.wu@example.com。", "邮箱 ［邮箱］。"),
        ] {
            assert_eq!(mask(text), masked, "{text}");
        }
    }

    #[test]
    fn what_is_not() {
        for text in [
            "申请人应当提交姓名、住所和联系人。",
            "国务院令第591号",
            "2021年12月31日",
            "刑法第一百二十条之一",
            "女士们、先生们",
            "拨打12345或者110",
            "罚款10000元以上200000元以下",
            "道路交通安全法",
            "编号20200101123456",
            "市民应当遵守交通规则，居民和业主反映情况的",
            "国发〔2020〕5号",
            "粤府办〔2020〕12345号",
            "申请人、被申请人的姓名或者名称",
        ] {
            assert_eq!(mask(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_masked_at_boundaries(text in "[王张先生女士路号室栋粤B13812345678@.a姓名：住 X１号]{0,60}") {
            for found in find(&text) {
                prop_assert!(found.span.of(&text).is_some_and(|shown| !shown.is_empty()));
            }
            let _ = mask(&text);
        }
    }
}
