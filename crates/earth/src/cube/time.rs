//! Times of CF: `hours since 1900-01-01`, in the calendars that have a place in ours.

use crate::time::{DAY, HOUR, Time};

/// How numbers stand for times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Clock {
    calendar: Calendar,
    /// Seconds of one.
    unit: f64,
    /// Where counting begins: seconds of the calendar's own count.
    epoch: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Calendar {
    /// The Julian calendar before 1582-10-15, the Gregorian from then.
    Mixed,
    Proleptic,
    /// Every year has 365 days: a date has its place in ours, a difference of dates may not.
    NoLeap,
}

/// The first moment of the Gregorian calendar, 1582-10-15.
const GREGORIAN: i64 = -12_219_292_800;
/// Days before each month of a year of 365 days.
const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// Seconds of a unit of time.
pub(crate) fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit.trim().to_ascii_lowercase().as_str() {
        "days" | "day" | "d" => DAY as f64,
        "hours" | "hour" | "hr" | "hrs" | "h" => HOUR as f64,
        "minutes" | "minute" | "min" | "mins" => 60.0,
        "seconds" | "second" | "sec" | "secs" | "s" => 1.0,
        "milliseconds" | "millisecond" | "msec" | "ms" => 1e-3,
        "microseconds" | "microsecond" | "us" => 1e-6,
        "nanoseconds" | "nanosecond" | "ns" => 1e-9,
        _ => return None,
    })
}

impl Clock {
    /// Reads units and a calendar (empty for the standard one).
    ///
    /// # Errors
    /// What is not understood, and what is.
    pub(crate) fn parse(units: &str, calendar: &str) -> Result<Self, String> {
        let calendar = match calendar.trim().to_ascii_lowercase().as_str() {
            "" | "standard" | "gregorian" => Calendar::Mixed,
            "proleptic_gregorian" => Calendar::Proleptic,
            "noleap" | "365_day" => Calendar::NoLeap,
            other => {
                return Err(format!(
                    "calendar {other:?} has dates that are none of ours; standard, proleptic_gregorian and noleap are read"
                ));
            }
        };
        let (unit, since) = units
            .split_once(" since ")
            .ok_or_else(|| format!("{units:?} is no unit of time: \"hours since 1900-01-01\""))?;
        let unit = seconds_of(unit).ok_or_else(|| {
            format!(
                "unit {unit:?} is of no fixed length; days, hours, minutes and seconds are read"
            )
        })?;
        let epoch = moment(since, calendar)
            .ok_or_else(|| format!("{since:?} in {units:?} is no date of its calendar"))?;
        Ok(Self { calendar, unit, epoch })
    }

    /// The time that a number stands for, to the second.
    ///
    /// # Errors
    /// The number is none, or beyond the year 9999.
    pub(crate) fn at(&self, value: f64) -> Result<Time, String> {
        let offset = (value * self.unit).round();
        if !(offset.is_finite() && offset.abs() < 4e11) {
            return Err(format!("{value} is no time"));
        }
        let count = self.epoch + offset as i64;
        let time = match self.calendar {
            Calendar::Proleptic | Calendar::Mixed => Time(count),
            Calendar::NoLeap => from_noleap(count),
        };
        match (1..=9999).contains(&time.civil().year) {
            true => Ok(time),
            false => Err(format!("{value} is a time beyond the years 1 to 9999")),
        }
    }
}

fn from_noleap(count: i64) -> Time {
    let (days, of_day) = (count.div_euclid(DAY), count.rem_euclid(DAY));
    let (year, of_year) = (days.div_euclid(365), days.rem_euclid(365));
    let month = BEFORE.iter().rposition(|before| *before <= of_year).unwrap_or(0);
    let date = Time::from_date(
        i32::try_from(year).unwrap_or(i32::MAX),
        u32::try_from(month + 1).unwrap_or(1),
        u32::try_from(of_year - BEFORE[month] + 1).unwrap_or(1),
    );
    date.unwrap_or_default() + of_day
}

/// Reads `1900-1-1 06:00:00.0 +01:00` in a calendar's own count of seconds.
fn moment(text: &str, calendar: Calendar) -> Option<i64> {
    let text = text.trim().trim_end_matches('Z').trim_end_matches("UTC").trim();
    let (date, rest) = text.split_once(['T', ' ']).unwrap_or((text, ""));
    let mut parts = date.splitn(3, '-');
    let mut next = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The zone follows the time of day, with or without a blank.
    let rest = rest.trim();
    let zone_at = rest.find(['+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let of_day = clock_seconds(clock.trim())?;
    let zone = match zone.as_bytes().first() {
        None => 0,
        Some(sign) => clock_seconds(zone[1..].trim())? * if *sign == b'-' { -1 } else { 1 },
    };
    let whole = |value: i64| u32::try_from(value).ok();
    let before = BEFORE.get(usize::try_from(month - 1).ok()?)?;
    let midnight = match calendar {
        Calendar::NoLeap => (year * 365 + before + day - 1) * DAY,
        Calendar::Mixed if (year, month, day) < (1582, 10, 15) => {
            // Days of the Julian calendar, whose 1582-10-05 is the Gregorian 1582-10-15.
            let year_of = |y: i64, m: i64| if m <= 2 { y - 1 } else { y };
            let count = |y: i64, m: i64, d: i64| {
                let (years, months) = (year_of(y, m), (m + 9) % 12);
                years * 365 + years.div_euclid(4) + (153 * months + 2) / 5 + d
            };
            GREGORIAN + (count(year, month, day) - count(1582, 10, 5)) * DAY
        }
        Calendar::Mixed | Calendar::Proleptic => {
            Time::from_date(i32::try_from(year).ok()?, whole(month)?, whole(day)?)?.0
        }
    };
    Some(midnight + of_day - zone)
}

/// Seconds of `06`, `6:0`, `06:00`, `06:00:00.0`, `0630`; 0 of nothing.
fn clock_seconds(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let number = |part: &str| part.parse::<f64>().ok().filter(|part| (0.0..100.0).contains(part));
    if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((number(&text[..2])? * 3600.0 + number(&text[2..])? * 60.0) as i64);
    }
    let mut seconds = 0.0;
    for (part, unit) in text.split(':').zip([3600.0, 60.0, 1.0]) {
        seconds += number(part.trim())? * unit;
    }
    Some(seconds.round() as i64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(units: &str, calendar: &str, value: f64) -> String {
        Clock::parse(units, calendar).unwrap().at(value).unwrap().to_string()
    }

    /// Expected values are cftime's.
    #[test]
    fn units_and_calendars_agree_with_cftime() {
        for (units, calendar, value, expected) in [
            ("hours since 1900-01-01 00:00:00.0", "gregorian", 1_048_188.0, "2019-07-30T12:00:00Z"),
            (
                "seconds since 1970-01-01",
                "proleptic_gregorian",
                951_868_800.0,
                "2000-03-01T00:00:00Z",
            ),
            ("days since 1959-01-02 06:00:00", "", 1.25, "1959-01-03T12:00:00Z"),
            ("hours since 1-1-1 00:00:0.0", "standard", 17_347_152.0, "1979-12-14T00:00:00Z"),
            ("hours since 1800-01-01 00:00:0.0", "", 1_569_072.0, "1979-01-01T00:00:00Z"),
            ("days since 1582-10-04", "standard", 1.0, "1582-10-15T00:00:00Z"),
            ("days since 2000-02-28", "noleap", 1.0, "2000-03-01T00:00:00Z"),
            ("days since 0001-01-01", "365_day", 730_000.0, "2001-01-01T00:00:00Z"),
            ("minutes since 2020-01-01T00:00:00Z", "standard", 90.0, "2020-01-01T01:30:00Z"),
            ("hours since 2020-01-01 00:00 +02:00", "standard", 0.0, "2019-12-31T22:00:00Z"),
        ] {
            assert_eq!(at(units, calendar, value), expected, "{units} {calendar}");
        }
    }

    #[test]
    fn what_has_no_place_is_refused_by_name() {
        let refused = |units, calendar| Clock::parse(units, calendar).unwrap_err();
        assert!(refused("days since 2000-01-01", "360_day").contains("360_day"));
        assert!(refused("months since 2000-01-01", "").contains("months"));
        assert!(refused("hours", "").contains("since"));
        assert!(refused("days since 2001-02-29", "proleptic_gregorian").contains("2001-02-29"));
        let clock = Clock::parse("days since 2000-01-01", "").unwrap();
        assert!(clock.at(f64::NAN).is_err() && clock.at(1e9).is_err());
    }
}
