//! Calendar days as laws and notices write them: `2021年4月29日`, `2021-04-29`, `二〇二一年四月二十九日`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A day of the Gregorian calendar, in the proleptic sense. Orders by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: i16,
    month: u8,
    day: u8,
}

/// Text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no date; write it as 2024-05-01 or 2024年5月1日")]
pub struct DateError(pub String);

impl Date {
    /// The day, where the calendar has it (years 1 to 9999).
    #[must_use]
    pub fn new(year: i16, month: u8, day: u8) -> Option<Self> {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            _ => return None,
        };
        ((1..=9999).contains(&year) && (1..=days).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }

    /// The day of a count of days since 1970-01-01.
    #[must_use]
    pub fn from_days(days: i32) -> Option<Self> {
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March.
        let shifted = i64::from(days) + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Self::new(i16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn days(self) -> i32 {
        let (month, day) = (i32::from(self.month), i32::from(self.day));
        let year = i32::from(self.year) - i32::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// Year.
    #[must_use]
    pub const fn year(self) -> i16 {
        self.year
    }

    /// Month, from 1.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// As a Chinese text writes it: `2021年4月29日`.
    #[must_use]
    pub fn chinese(self) -> String {
        format!("{}年{}月{}日", self.year, self.month, self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let refuse = || DateError(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (date, rest) = Self::leading(trimmed).ok_or_else(refuse)?;
        if rest.is_empty() { Ok(date) } else { Err(refuse()) }
    }
}

impl Date {
    /// The date that a text begins with, and what follows it. Digits may be Western, full-width or Chinese.
    #[must_use]
    pub fn leading(text: &str) -> Option<(Self, &str)> {
        let (year, rest) = leading_number(text)?;
        let (rest, marks): (&str, [&[char]; 2]) = match rest.chars().next()? {
            '年' => (&rest['年'.len_utf8()..], [&['月'], &['日', '号']]),
            '-' | '/' | '.' => (&rest[1..], [&['-', '/', '.'], &[]]),
            _ => return None,
        };
        let (month, rest) = leading_number(rest.trim_start())?;
        let mark = rest.chars().next().filter(|c| marks[0].contains(c))?;
        let (day, rest) = leading_number(rest[mark.len_utf8()..].trim_start())?;
        let rest = match rest.chars().next() {
            Some(c) if marks[1].contains(&c) => &rest[c.len_utf8()..],
            _ if marks[1].is_empty() => rest,
            _ => return None,
        };
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        let date = Self::new(i16::try_from(year).ok()?, month, day)?;
        Some((date, rest))
    }
}

/// The number a text begins with: digits one after the other (`2021`, `二〇二一`), or up to 99 with 十 (`二十九`).
fn leading_number(text: &str) -> Option<(u32, &str)> {
    let (mut value, mut tens, mut digits, mut used) = (0u32, None, 0u32, 0);
    for c in text.chars() {
        let digit = match c {
            '0'..='9' => c as u32 - '0' as u32,
            '０'..='９' => c as u32 - '０' as u32,
            '〇' | '○' | '零' => 0,
            '一' => 1,
            '二' => 2,
            '三' => 3,
            '四' => 4,
            '五' => 5,
            '六' => 6,
            '七' => 7,
            '八' => 8,
            '九' => 9,
            '十' if tens.is_none() && digits <= 1 => {
                tens = Some(if digits == 0 { 1 } else { value });
                (value, digits) = (0, 0);
                used += c.len_utf8();
                continue;
            }
            _ => break,
        };
        if digits == 4 || (tens.is_some() && digits == 1) {
            return None;
        }
        (value, digits) = (value * 10 + digit, digits + 1);
        used += c.len_utf8();
    }
    let value = value + tens.map_or(0, |tens| tens * 10);
    (used > 0).then(|| (value, &text[used..]))
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_writing_a_day() {
        let day = Date::new(2021, 4, 29).unwrap();
        for text in [
            "2021-04-29",
            "2021年4月29日",
            "２０２１年４月２９日",
            "二〇二一年四月二十九日",
            "二○二一年四月二十九日",
            "2021/4/29",
            " 2021.04.29 ",
            "2021 年4月29日".replace(' ', "").as_str(),
        ] {
            assert_eq!(text.parse(), Ok(day), "{text}");
        }
        assert_eq!("二〇二〇年十月十日".parse(), Ok(Date::new(2020, 10, 10).unwrap()));
        assert_eq!("二〇二〇年十二月三十一日".parse(), Ok(Date::new(2020, 12, 31).unwrap()));
        assert_eq!(Date::leading("2021年4月29日起施行").unwrap().1, "起施行");
    }

    #[test]
    fn what_is_no_day() {
        for text in [
            "",
            "2021",
            "2021年",
            "2021年4月",
            "2021-02-29",
            "2021-13-01",
            "12345年1月1日",
            "年月日",
            "2021-04-29x",
            "99999999999年1月1日",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_count_from_1970() {
        assert_eq!(Date::new(1970, 1, 1).unwrap().days(), 0);
        assert_eq!(Date::new(2000, 3, 1).unwrap().days(), 11_017);
        for days in (-700_000..2_900_000).step_by(97) {
            assert_eq!(Date::from_days(days).map(Date::days), Some(days));
        }
        assert_eq!(Date::from_days(i32::MAX), None);
    }
}
