//! Home addresses: from the city, road or housing estate to the room.

use super::{Chars, Found, Kind};
use crate::address::numeral::is_numeral;
use crate::structure::is_han_character as is_han;

/// What names of roads and estates end with.
const WAYS: [&str; 22] = [
    "大道", "大街", "胡同", "小区", "花园", "公寓", "新村", "家园", "社区", "广场", "路", "街",
    "巷", "弄", "苑", "村", "里", "庄", "道", "园", "城", "湾",
];

/// What counts houses and rooms.
const PARTS: [&str; 18] = [
    "号楼", "号院", "单元", "号", "栋", "幢", "座", "楼", "层", "室", "房", "户", "弄", "组", "门",
    "支弄", "期", "区",
];

pub(super) fn find(text: &Chars) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < text.chars.len() {
        let begins = matches!(
            text.at(at),
            '大' | '胡'
                | '小'
                | '花'
                | '公'
                | '新'
                | '家'
                | '社'
                | '广'
                | '路'
                | '街'
                | '巷'
                | '弄'
                | '苑'
                | '村'
                | '里'
                | '庄'
                | '道'
                | '园'
                | '城'
                | '湾'
        );
        let Some(way) = WAYS.iter().find(|way| begins && text.starts_with(at, way)) else {
            at += 1;
            continue;
        };
        let behind = at + way.chars().count();
        match house(text, behind) {
            Some(to) => {
                let from = start(text, at);
                // `一号公路2号` has no name before the way.
                if at - from >= 1 {
                    found.push(Found { kind: Kind::Address, from, to });
                    at = to;
                    continue;
                }
                at = behind;
            }
            None => at = behind,
        }
    }
    found
}

/// The end of `12号3栋2单元501室` at a place; more than one part, or 号 with a way before it.
fn house(text: &Chars, from: usize) -> Option<usize> {
    let mut at = from;
    let mut parts = 0;
    loop {
        let number = (0..8)
            .take_while(|by| {
                let c = text.at(at + by);
                is_numeral(c)
                    || c.is_ascii_alphanumeric()
                    || matches!(c, '-' | '—' | '－') && *by > 0
            })
            .count();
        if number == 0 {
            break;
        }
        match PARTS.iter().find(|part| text.starts_with(at + number, part)) {
            Some(part) => {
                at += number + part.chars().count();
                parts += 1;
            }
            None => {
                // `3栋501`, `3-2-501`: a room without its word.
                let digits = (0..number).filter(|by| text.at(at + by).is_ascii_digit()).count();
                if parts > 0 && digits >= 3 && !is_counted(text.at(at + number)) {
                    at += number;
                }
                break;
            }
        }
    }
    if parts > 0 && (text.starts_with(at, "顶楼") || text.starts_with(at, "楼顶")) {
        at += 2;
    }
    // 第五条里一户 is no house: a number in digits, or two parts.
    let digits =
        (from..at).any(|at| text.at(at).is_ascii_digit() || matches!(text.at(at), '０'..='９'));
    (parts > 0 && (digits || parts > 1)).then_some(at)
}

/// What a number before it counts, so that it is no room.
fn is_counted(c: char) -> bool {
    matches!(
        c,
        '元' | '年'
            | '月'
            | '日'
            | '米'
            | '人'
            | '万'
            | '个'
            | '次'
            | '名'
            | '平'
            | '%'
            | '多'
            | '余'
            | '辆'
            | '户'
    )
}

/// The beginning of an address: back over its names to a boundary.
fn start(text: &Chars, way: usize) -> usize {
    const STOPS: [&str; 16] = [
        "家住", "住在", "位于", "居住", "地址", "住址", "我在", "我是", "我住", "现住", "本人",
        "反映", "到", "称", "住", "在",
    ];
    let mut from = way;
    while from > 0 && way - from < 20 {
        let c = text.at(from - 1);
        if !(is_han(c) || c.is_ascii_alphanumeric())
            || STOPS.iter().any(|stop| text.ends_with(from, stop))
        {
            break;
        }
        from -= 1;
    }
    from
}
