//! Moments as milliseconds since 1970, and how they are written for people and programs: RFC 3339.

use std::time::{SystemTime, UNIX_EPOCH};

use strata_core::calendar::civil_from_days;

const DAY_MS: i64 = 86_400_000;

/// Now, in milliseconds since 1970 (UTC).
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A moment as RFC 3339 in UTC with milliseconds: `2026-03-01T12:00:00.000Z`.
pub(super) fn rfc3339(ms: i64) -> String {
    let (days, rest) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil_from_days(days);
    let (seconds, milli) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_other_programs_write_them() {
        // From `date -u -d @SECONDS --iso-8601=seconds`.
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = civil_from_days(-800_000);
        for days in -799_999..800_000 {
            let (year, month, day) = civil_from_days(days);
            let next = match last {
                (y, 12, 31) => (y + 1, 1, 1),
                (y, m, d) if (year, month) != (y, m) => {
                    let leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
                    let length = match m {
                        2 => 28 + i64::from(leap),
                        4 | 6 | 9 | 11 => 30,
                        _ => 31,
                    };
                    assert_eq!(d, length, "{y}-{m}");
                    (y, m + 1, 1)
                }
                (y, m, d) => (y, m, d + 1),
            };
            assert_eq!((year, month, day), next);
            last = next;
        }
    }
}
