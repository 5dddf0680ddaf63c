//! Numbers that belong to a person: ID, telephone, bank card, plate; and e-mail addresses.

use super::{Chars, Found, Kind};

fn digit(c: char) -> Option<u8> {
    match c {
        '0'..='9' => u8::try_from(u32::from(c) - u32::from('0')).ok(),
        '０'..='９' => u8::try_from(u32::from(c) - u32::from('０')).ok(),
        _ => None,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || digit(c).is_some()
}

pub(super) fn find(text: &Chars) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.chars.len() {
        let c = text.at(at);
        let hit = if digit(c).is_some() && !is_word(text.back(at, 1)) || matches!(c, '（' | '(') {
            number(text, at)
        } else if is_province(c) {
            plate(text, at).map(|to| Found { kind: Kind::Plate, from: at, to })
        } else if c == '@' {
            email(text, at)
        } else {
            None
        };
        match hit {
            Some(hit) => {
                at = hit.to.max(at + 1);
                found.push(hit);
            }
            None => at += 1,
        }
    }
    found
}

/// Digits from a place on, over single blanks and hyphens; `ends` holds the place behind each digit.
struct Digits {
    values: Vec<u8>,
    ends: Vec<usize>,
    /// How many digits stand together at the beginning.
    first: usize,
}

fn digits(text: &Chars, from: usize) -> Digits {
    let mut run = Digits { values: Vec::new(), ends: Vec::new(), first: 0 };
    let mut at = from;
    while run.values.len() < 24 {
        if let Some(value) = digit(text.at(at)) {
            run.values.push(value);
            run.ends.push(at + 1);
            at += 1;
        } else {
            if run.first == 0 {
                run.first = run.values.len();
            }
            let gap = matches!(text.at(at), ' ' | '-' | '－' | '—' | '\u{3000}');
            if !gap || digit(text.at(at + 1)).is_none() {
                break;
            }
            at += 1;
        }
    }
    if run.first == 0 {
        run.first = run.values.len();
    }
    run
}

fn number(text: &Chars, from: usize) -> Option<Found> {
    let open = digit(text.at(from)).is_none();
    if open {
        return area_in_brackets(text, from);
    }
    let run = digits(text, from);
    let found = |kind, count: usize, extra: usize| {
        run.ends.get(count.checked_sub(1)?).map(|to| Found { kind, from, to: to + extra })
    };
    let behind = run.ends.get(run.first - 1).map_or('\n', |to| text.at(*to));
    // Together: an ID number.
    if run.first == 17 && matches!(behind, 'X' | 'x' | 'Ｘ' | 'ｘ') && is_id(&run.values[..17]) {
        return found(Kind::IdNumber, 17, 1);
    }
    if run.first == 18 && is_id(&run.values[..18]) {
        return found(Kind::IdNumber, 18, 0);
    }
    if run.first == 15 && is_old_id(&run.values[..15]) {
        return found(Kind::IdNumber, 15, 0);
    }
    if let Some(count) = mobile(&run) {
        return found(Kind::Phone, count, 0);
    }
    if let Some(count) = landline(&run) {
        return found(Kind::Phone, count, 0);
    }
    let all = run.values.len();
    let labelled =
        ["卡号", "账号", "帐号", "账户", "卡号：", "账号：", "卡号:", "账号:", "卡号为", "账号为"]
            .iter()
            .any(|word| text.ends_with(from, word));
    let card = (16..=19).contains(&all)
        && (luhn(&run.values) && matches!(run.values[0], 3..=6 | 9) || labelled)
        || labelled && (12..=15).contains(&all);
    if card && !is_word(text.at(run.ends[all - 1])) {
        return found(Kind::BankCard, all, 0);
    }
    // Seven or eight digits are a telephone only where it is said.
    let told = ["电话", "座机", "电话：", "电话:", "电话是", "座机：", "固话", "固话："]
        .iter()
        .any(|word| text.ends_with(from, word));
    if told && matches!(run.first, 7 | 8) && !is_word(behind) {
        return found(Kind::Phone, run.first, 0);
    }
    None
}

/// 17 or 18 digits with a province and a day of birth in them. A wrong check digit is a slip of the pen, not another number;
/// a right one makes up for a province that is not there.
fn is_id(values: &[u8]) -> bool {
    let number = |from: usize, to: usize| {
        values[from..to].iter().fold(0u32, |sum, value| sum * 10 + u32::from(*value))
    };
    let year = number(6, 10);
    let checked = || match (id_check_digit(&values[..17]), values.get(17)) {
        (Some(sign), Some(last)) => sign.to_digit(10) == Some(u32::from(*last)),
        (Some(sign), None) => sign == 'X',
        (None, _) => false,
    };
    (is_area(number(0, 2)) || checked())
        && (1900..=2100).contains(&year)
        && i16::try_from(year)
            .ok()
            .and_then(|year| {
                crate::date::Date::new(
                    year,
                    u8::try_from(number(10, 12)).ok()?,
                    u8::try_from(number(12, 14)).ok()?,
                )
            })
            .is_some()
}

fn is_old_id(values: &[u8]) -> bool {
    let number = |from: usize, to: usize| {
        values[from..to].iter().fold(0u32, |sum, value| sum * 10 + u32::from(*value))
    };
    is_area(number(0, 2))
        && i16::try_from(1900 + number(6, 8))
            .ok()
            .and_then(|year| {
                crate::date::Date::new(
                    year,
                    u8::try_from(number(8, 10)).ok()?,
                    u8::try_from(number(10, 12)).ok()?,
                )
            })
            .is_some()
}

/// First two digits of GB/T 2260.
const fn is_area(code: u32) -> bool {
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
}

/// The check digit behind the first 17 digits of an ID number (GB 11643-1999, ISO 7064 MOD 11-2).
fn id_check_digit(first: &[u8]) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const SIGNS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    (first.len() == 17).then(|| {
        let sum: u32 =
            first.iter().zip(WEIGHTS).map(|(value, weight)| u32::from(*value) * weight).sum();
        SIGNS[(sum % 11) as usize]
    })
}

/// Digits of a mobile number, 86 before it included.
fn mobile(run: &Digits) -> Option<usize> {
    let fits = |values: &[u8]| values.len() >= 11 && values[0] == 1 && (3..=9).contains(&values[1]);
    let whole = |count: usize| run.values.len() == count || run.first == count;
    if fits(&run.values) && whole(11) {
        return Some(11);
    }
    (run.values.starts_with(&[8, 6]) && fits(&run.values[2..]) && whole(13)).then_some(13)
}

/// Digits of a landline number with its area code: `010-12345678`, `05711234567`.
fn landline(run: &Digits) -> Option<usize> {
    let code = match run.values.get(..3)? {
        [0, 1 | 2, _] => 3,
        [0, 3..=9, _] => 4,
        _ => return None,
    };
    let counts = code + 7..=code + 8;
    // The extension behind a hyphen is left: it says nothing alone.
    if run.first == code {
        let rest = run.ends.windows(2).skip(code).take_while(|pair| pair[1] == pair[0] + 1).count();
        let own = rest + 1;
        return (7..=8).contains(&own).then_some(code + own);
    }
    counts.contains(&run.first).then_some(run.first)
}

/// `（010）12345678`
fn area_in_brackets(text: &Chars, from: usize) -> Option<Found> {
    let code = (1..=4).take_while(|by| digit(text.at(from + by)).is_some()).count();
    if !(3..=4).contains(&code) || text.at(from + 1) != '0' && text.at(from + 1) != '０' {
        return None;
    }
    if !matches!(text.at(from + code + 1), '）' | ')') {
        return None;
    }
    let start = from + code + 2;
    let own = (0..9).take_while(|by| digit(text.at(start + by)).is_some()).count();
    (7..=8).contains(&own).then_some(Found { kind: Kind::Phone, from, to: start + own })
}

/// Luhn's check (ISO/IEC 7812-1).
fn luhn(values: &[u8]) -> bool {
    let sum: u32 = values
        .iter()
        .rev()
        .enumerate()
        .map(|(i, value)| {
            let double = u32::from(*value) * if i % 2 == 1 { 2 } else { 1 };
            double / 10 + double % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

const fn is_province(c: char) -> bool {
    matches!(
        c,
        '京' | '津'
            | '沪'
            | '渝'
            | '冀'
            | '豫'
            | '云'
            | '辽'
            | '黑'
            | '湘'
            | '皖'
            | '鲁'
            | '新'
            | '苏'
            | '浙'
            | '赣'
            | '鄂'
            | '桂'
            | '甘'
            | '晋'
            | '蒙'
            | '陕'
            | '吉'
            | '闽'
            | '贵'
            | '粤'
            | '青'
            | '藏'
            | '川'
            | '宁'
            | '琼'
    )
}

/// The end of a plate: five signs behind the letter, six of a new-energy car (GA 36).
fn plate(text: &Chars, from: usize) -> Option<usize> {
    let mut at = from + 1;
    if !text.at(at).is_ascii_uppercase() {
        return None;
    }
    at += 1;
    if matches!(text.at(at), '·' | '•' | '.' | '-' | ' ' | '・') {
        at += 1;
    }
    let signs = (0..7).take_while(|by| is_sign(text.at(at + by))).count();
    let last = matches!(text.at(at + signs), '挂' | '学' | '警' | '港' | '澳' | '领' | '使');
    let count = signs + usize::from(last);
    let figures = (0..signs).filter(|by| digit(text.at(at + by)).is_some()).count();
    (matches!(count, 5 | 6) && figures >= 2 && !is_word(text.at(at + count))).then_some(at + count)
}

const fn is_sign(c: char) -> bool {
    matches!(c, '0'..='9' | 'A'..='H' | 'J'..='N' | 'P'..='Z')
}

fn email(text: &Chars, at: usize) -> Option<Found> {
    let own = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let before = (1..=64).take_while(|by| own(text.back(at, *by))).count();
    let behind = (1..=64).take_while(|by| own(text.at(at + by))).count();
    // A full stop at the end is the sentence's.
    let trailing =
        (0..behind).take_while(|by| matches!(text.at(at + behind - by), '.' | '-')).count();
    let behind = behind - trailing;
    let dotted = (1..behind).any(|by| text.at(at + by) == '.');
    (before > 0 && dotted).then(|| Found {
        kind: Kind::Email,
        from: at - before,
        to: at + behind + 1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        // The example of GB 11643-1999.
        let first = [1, 1, 0, 1, 0, 5, 1, 9, 4, 9, 1, 2, 3, 1, 0, 0, 2];
        assert_eq!(id_check_digit(&first), Some('X'));
        assert!(luhn(&[4, 5, 3, 9, 1, 4, 8, 8, 0, 3, 4, 3, 6, 4, 6, 7]));
        assert!(!luhn(&[4, 5, 3, 9, 1, 4, 8, 8, 0, 3, 4, 3, 6, 4, 6, 8]));
    }
}
