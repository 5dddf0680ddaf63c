//! Numbers as Chinese texts write them: `一千二百六十`, `二〇二一`, `两万`, `120`, `１２０`, and back.

/// The value of a numeral's character: a digit, or a power of ten.
#[derive(Clone, Copy)]
enum Sign {
    Digit(u32),
    Power(u32),
}

const fn sign(c: char) -> Option<Sign> {
    Some(match c {
        '0'..='9' => Sign::Digit(c as u32 - '0' as u32),
        '０'..='９' => Sign::Digit(c as u32 - '０' as u32),
        '零' | '〇' | '○' => Sign::Digit(0),
        '一' => Sign::Digit(1),
        '二' | '两' => Sign::Digit(2),
        '三' => Sign::Digit(3),
        '四' => Sign::Digit(4),
        '五' => Sign::Digit(5),
        '六' => Sign::Digit(6),
        '七' => Sign::Digit(7),
        '八' => Sign::Digit(8),
        '九' => Sign::Digit(9),
        '十' => Sign::Power(10),
        '百' => Sign::Power(100),
        '千' => Sign::Power(1000),
        '万' => Sign::Power(10_000),
        _ => return None,
    })
}

/// Whether a character may stand in a numeral.
#[must_use]
pub const fn is_numeral(c: char) -> bool {
    sign(c).is_some()
}

/// Whether a character is a Western or full-width digit.
#[must_use]
pub const fn is_digit(c: char) -> bool {
    matches!(c, '0'..='9' | '０'..='９')
}

/// The number a text begins with, and how many bytes it takes. Digits one after the other (`二〇二一`) or with 十, 百,
/// 千, 万 (`一百零一`, `一百一`, `十二`), up to 99,999,999.
#[must_use]
pub fn leading_numeral(text: &str) -> Option<(u32, usize)> {
    let (mut total, mut section, mut current) = (0u32, 0u32, None::<u32>);
    // The last power within this section: powers fall from left to right.
    let (mut power, mut digits, mut used) = (u32::MAX, 0u32, 0);
    for c in text.chars() {
        match sign(c) {
            None => break,
            Some(Sign::Digit(digit)) => {
                digits += u32::from(digits > 0 || digit > 0 || power == u32::MAX);
                if digits > 8 || (digits > 1 && power != u32::MAX) {
                    return None;
                }
                current = Some(current.unwrap_or(0) * 10 + digit);
            }
            Some(Sign::Power(10_000)) => {
                let units = section + current.unwrap_or(0);
                if total > 0 || units == 0 || units > 9999 {
                    return None;
                }
                (total, section, current, power, digits) = (units * 10_000, 0, None, 10_000, 0);
            }
            Some(Sign::Power(p)) => {
                let factor = match current {
                    Some(factor @ 1..=9) => factor,
                    None | Some(0) if p == 10 => 1,
                    _ => return None,
                };
                if p >= power {
                    return None;
                }
                section += factor * p;
                (current, power, digits) = (None, p, 0);
            }
        }
        used += c.len_utf8();
    }
    (used > 0).then(|| (total + section + current.unwrap_or(0), used))
}

/// The number that a text is: `一百二十`, `120`, `１２０`. `None` where it is anything else.
#[must_use]
pub fn parse_numeral(text: &str) -> Option<u32> {
    let text = text.trim();
    leading_numeral(text).and_then(|(value, used)| (used == text.len()).then_some(value))
}

/// A number as laws write it: `一百一十`, `一千零一`, `十二`, `二万零三百`. From 100,000,000 on in digits.
#[must_use]
pub fn chinese_numeral(value: u32) -> String {
    if value >= 100_000_000 {
        return value.to_string();
    }
    let mut text = String::new();
    let (high, low) = (value / 10_000, value % 10_000);
    if high > 0 {
        below_ten_thousand(high, false, &mut text);
        text.push('万');
    }
    if low > 0 || high == 0 {
        below_ten_thousand(low, high > 0, &mut text);
    }
    text
}

fn below_ten_thousand(value: u32, follows: bool, text: &mut String) {
    const DIGITS: [char; 10] = ['零', '一', '二', '三', '四', '五', '六', '七', '八', '九'];
    if value == 0 {
        text.push('零');
        return;
    }
    // Whether something was written, and whether a place was left out since.
    let (mut begun, mut gap) = (follows, follows && value < 1000);
    for (place, name) in [(1000, Some('千')), (100, Some('百')), (10, Some('十')), (1, None)] {
        let digit = value / place % 10;
        if digit == 0 {
            gap |= begun;
            continue;
        }
        if gap {
            text.push('零');
            gap = false;
        }
        // 十二, but 一百一十二.
        if !(place == 10 && digit == 1 && !begun) {
            text.push(DIGITS[digit as usize % 10]);
        }
        text.extend(name);
        begun = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_laws_write_them() {
        for (text, value) in [
            ("一", 1),
            ("十", 10),
            ("十二", 12),
            ("二十", 20),
            ("一百零一", 101),
            ("一百一", 101),
            ("一百一十", 110),
            ("一百一十二", 112),
            ("一千二百六十", 1260),
            ("一千零一十", 1010),
            ("一万", 10_000),
            ("一万零一百", 10_100),
            ("两百", 200),
            ("二〇二一", 2021),
            ("〇", 0),
            ("120", 120),
            ("１２０", 120),
            ("3万", 30_000),
        ] {
            assert_eq!(parse_numeral(text), Some(value), "{text}");
        }
        for text in
            ["", "百", "十百", "一十百", "第一", "一条", "十二三", "万", "一万万", "123456789"]
        {
            assert_eq!(parse_numeral(text), None, "{text}");
        }
    }

    #[test]
    fn every_number_reads_back() {
        for value in 0..=99_999 {
            let text = chinese_numeral(value);
            assert_eq!(parse_numeral(&text), Some(value), "{text}");
        }
        assert_eq!(chinese_numeral(110), "一百一十");
        assert_eq!(chinese_numeral(1260), "一千二百六十");
        assert_eq!(chinese_numeral(10_010), "一万零一十");
        assert_eq!(chinese_numeral(11_000), "一万一千");
        assert_eq!(chinese_numeral(15), "十五");
    }
}
