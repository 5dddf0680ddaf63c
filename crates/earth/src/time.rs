//! Times: seconds in UTC, their calendar (proleptic Gregorian), and how they are read and written.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds of an hour.
pub const HOUR: i64 = 3600;
/// Seconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

/// A moment's calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year, 1 to 9999 where it is read or written.
    pub year: i32,
    /// Month, from 1.
    pub month: u32,
    /// Day of the month, from 1.
    pub day: u32,
    /// Hour, from 0.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// Second.
    pub second: u32,
}

/// Text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no time; write 2024-05-01, 20240501, 2024-05-01T06, 2024-05-01T06:00 or 2024-05-01T06:00:00Z"
)]
pub struct TimeError {
    /// What was read.
    pub text: String,
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (days-from-civil by eras of 400 years).
fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days of a month.
#[must_use]
pub fn days_of_month(year: i32, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 31,
    }
}

impl Time {
    /// A moment of the calendar; none where there is no such date or time of day.
    #[must_use]
    pub fn from_civil(civil: Civil) -> Option<Self> {
        let Civil { year, month, day, hour, minute, second } = civil;
        let fits = (1..=12).contains(&month)
            && (1..=days_of_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        let of_day = i64::from(hour) * HOUR + i64::from(minute) * 60 + i64::from(second);
        fits.then(|| Self(days(i64::from(year), month, day) * DAY + of_day))
    }

    /// Midnight of a date.
    #[must_use]
    pub fn from_date(year: i32, month: u32, day: u32) -> Option<Self> {
        Self::from_civil(Civil { year, month, day, hour: 0, minute: 0, second: 0 })
    }

    /// Its calendar.
    #[must_use]
    pub fn civil(self) -> Civil {
        let (of_1970, of_day) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let shifted = of_1970 + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let whole = |value: i64| u32::try_from(value).unwrap_or(0);
        Civil {
            year: i32::try_from(year).unwrap_or(i32::MAX),
            month: whole(month),
            day: whole(day),
            hour: whole(of_day / HOUR),
            minute: whole(of_day % HOUR / 60),
            second: whole(of_day % 60),
        }
    }

    /// Day of the year, from 1.
    #[must_use]
    pub fn day_of_year(self) -> u32 {
        let first = days(i64::from(self.civil().year), 1, 1);
        u32::try_from(self.0.div_euclid(DAY) - first + 1).unwrap_or(1)
    }

    /// Whole hours later.
    #[must_use]
    pub fn plus_hours(self, hours: i64) -> Self {
        Self(self.0 + hours * HOUR)
    }

    /// Reads a date (2024-05-01, 20240501) or a date with a time of day (T06, T06:00, T0600, T06:00:00, with or without Z; a
    /// blank in place of the T).
    ///
    /// # Errors
    /// [`TimeError`] names the text and the forms.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        read(text.trim()).ok_or_else(|| TimeError { text: text.to_owned() })
    }
}

fn read(text: &str) -> Option<Time> {
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let text = text.strip_suffix("+00:00").unwrap_or(text);
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (date, clock),
        None => (text, ""),
    };
    let digits = |part: &str, dash: char| -> Option<String> {
        let kept: String = part.chars().filter(|c| *c != dash).collect();
        kept.bytes().all(|b| b.is_ascii_digit()).then_some(kept)
    };
    let date = digits(date, '-').filter(|date| date.len() == 8)?;
    // A fraction of a second is read over: models and files step by whole seconds.
    let clock = clock.split('.').next().unwrap_or("");
    let clock = digits(clock, ':').filter(|clock| matches!(clock.len(), 0 | 2 | 4 | 6))?;
    let number = |text: &str, from: usize, to: usize| -> Option<u32> {
        text.get(from..to).map_or(Some(0), |part| part.parse().ok())
    };
    Time::from_civil(Civil {
        year: i32::try_from(number(&date, 0, 4)?).ok().filter(|year| *year >= 1)?,
        month: number(&date, 4, 6)?,
        day: number(&date, 6, 8)?,
        hour: number(&clock, 0, 2)?,
        minute: number(&clock, 2, 4)?,
        second: number(&clock, 4, 6)?,
    })
}

/// `2024-05-01T06:00:00Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, hour, minute, second } = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Add<i64> for Time {
    type Output = Self;

    /// Seconds later.
    fn add(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }
}

impl Sub for Time {
    type Output = i64;

    /// Seconds between.
    fn sub(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_round_trips() {
        let mut expected = Time::from_date(1800, 1, 1).unwrap();
        for year in 1800..2200 {
            for month in 1..=12 {
                for day in 1..=days_of_month(year, month) {
                    let time = Time::from_date(year, month, day).unwrap();
                    assert_eq!(time, expected);
                    let civil = time.civil();
                    assert_eq!((civil.year, civil.month, civil.day), (year, month, day));
                    expected = expected + DAY;
                }
            }
        }
        assert_eq!(Time::from_date(1970, 1, 1), Some(Time(0)));
        assert_eq!(Time::from_date(2000, 3, 1), Some(Time(951_868_800)));
        assert_eq!(Time::from_date(2023, 2, 29), None);
    }

    #[test]
    fn texts_are_read_and_written() {
        let six = Time::from_date(2024, 5, 1).unwrap().plus_hours(6);
        for text in [
            "2024-05-01T06",
            "20240501T0600",
            "2024-05-01 06:00:00",
            "2024-05-01T06:00Z",
            "2024-05-01T06:00:00.000Z",
        ] {
            assert_eq!(Time::parse(text), Ok(six), "{text}");
        }
        assert_eq!(six.to_string(), "2024-05-01T06:00:00Z");
        assert_eq!(Time::parse("2024-12-31").unwrap().day_of_year(), 366);
        for text in [
            "",
            "2024-5-1",
            "2024-02-30",
            "2024-05-01T25",
            "yesterday",
            "0000-01-01",
            "2024-05-01T6",
        ] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }
}
