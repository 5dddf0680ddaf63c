//! Wording of pictures: units, times, numbers.

use crate::field::Header;
use crate::time::{HOUR, Time};

/// A unit as it is set in print (`m s**-1` is `m/s`); nothing for units that say nothing.
pub(super) fn unit(text: &str) -> String {
    if matches!(text, "1" | "~" | "unknown" | "(0 - 1)") {
        return String::new();
    }
    let mut out = String::new();
    for part in text.replace("**", "").split_whitespace() {
        let (base, power) = match part.find(|c: char| c == '-' || c.is_ascii_digit()) {
            Some(at) if at > 0 => part.split_at(at),
            _ => (part, "1"),
        };
        let sign = match (power.starts_with('-'), out.is_empty()) {
            (true, true) => "1/",
            (true, false) => "/",
            (false, true) => "",
            (false, false) => " ",
        };
        let power = match power.trim_start_matches('-') {
            "1" => "",
            "2" => "²",
            "3" => "³",
            other => other,
        };
        out += &format!("{sign}{base}{power}");
    }
    out
}

/// A number with no more digits than a step of its axis asks for.
pub(super) fn number(value: f64, step: f64) -> String {
    let step = step.abs();
    if value != 0.0 && (value.abs() >= 1e6 || value.abs() < 1e-4) {
        let text = format!("{value:.1e}");
        return text.replace(".0e", "e").replace('-', "−");
    }
    let mut digits = 0;
    let mut scaled = step;
    while digits < 6 && (scaled - scaled.round()).abs() > 1e-6 * scaled.abs().max(1e-9) {
        scaled *= 10.0;
        digits += 1;
    }
    let text = format!("{:.digits$}", value + 0.0);
    let zero = text.chars().all(|c| matches!(c, '-' | '0' | '.'));
    if zero { text.replace('-', "") } else { text.replace('-', "−") }
}

/// Longitude in words: `120°E`, `180°`.
pub(super) fn longitude(lon: f64) -> String {
    let lon = (lon + 180.0).rem_euclid(360.0) - 180.0;
    match lon {
        lon if lon.abs() < 1e-6 => "0°".to_owned(),
        lon if (lon.abs() - 180.0).abs() < 1e-6 => "180°".to_owned(),
        lon if lon > 0.0 => format!("{}°E", number(lon, lon)),
        lon => format!("{}°W", number(-lon, lon)),
    }
}

/// Latitude in words.
pub(super) fn latitude(lat: f64) -> String {
    match lat {
        lat if lat.abs() < 1e-6 => "0°".to_owned(),
        lat if lat > 0.0 => format!("{}°N", number(lat, lat)),
        lat => format!("{}°S", number(-lat, lat)),
    }
}

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// The day of the week, in three letters.
pub(super) fn weekday(time: Time) -> &'static str {
    WEEKDAYS[time.0.div_euclid(24 * HOUR).rem_euclid(7) as usize]
}

/// `Wed 2024-05-01 06:00 UTC`.
pub(super) fn time(time: Time) -> String {
    let civil = time.civil();
    format!(
        "{} {:04}-{:02}-{:02} {:02}:{:02} UTC",
        weekday(time),
        civil.year,
        civil.month,
        civil.day,
        civil.hour,
        civil.minute
    )
}

/// `+36 h`.
pub(super) fn lead(step: i64) -> String {
    if step % HOUR == 0 { format!("+{} h", step / HOUR) } else { format!("+{} min", step / 60) }
}

/// When a field began and holds: one time for analyses, which are of the moment they began.
pub(super) fn when(header: &Header) -> String {
    if header.step == 0 {
        format!("Analysis  {}", time(header.valid()))
    } else {
        format!(
            "Init {}   {}   Valid {}",
            time(header.reference),
            lead(header.step),
            time(header.valid())
        )
    }
}

/// What a field is of and at which level: `850 hPa temperature (°C)`.
pub(super) fn what(header: &Header, title: &str) -> String {
    use crate::level::LevelKind;
    match header.level.kind {
        LevelKind::Surface | LevelKind::MeanSea | LevelKind::Column => title.to_owned(),
        // The names of these say their height.
        LevelKind::HeightAboveGround if title.starts_with(|c: char| c.is_ascii_digit()) => {
            title.to_owned()
        }
        _ => format!("{} {title}", header.level),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_of_their_step() {
        assert_eq!((number(2.0, 0.5), number(-4.0, 4.0)), ("2.0".to_owned(), "−4".to_owned()));
        assert_eq!((number(0.1, 0.1), number(-0.0, 1.0)), ("0.1".to_owned(), "0".to_owned()));
        assert_eq!(
            (number(1e-5, 1e-5), number(2.5e7, 1e6)),
            ("1e−5".to_owned(), "2.5e7".to_owned())
        );
        assert_eq!(
            (longitude(190.0), longitude(-180.0), latitude(-22.5)),
            ("170°W".to_owned(), "180°".to_owned(), "22.5°S".to_owned())
        );
    }

    #[test]
    fn units_are_set_in_print() {
        for (text, print) in [
            ("m s**-1", "m/s"),
            ("m2 s-2", "m²/s²"),
            ("kg m-2", "kg/m²"),
            ("s-1", "1/s"),
            ("kg kg**-1", "kg/kg"),
            ("K", "K"),
            ("1", ""),
            ("1e−5/s", "1e−5/s"),
        ] {
            assert_eq!(unit(text), print);
        }
    }

    #[test]
    fn days_have_their_names() {
        assert_eq!(time(Time::parse("2024-05-01T06").unwrap()), "Wed 2024-05-01 06:00 UTC");
        assert_eq!(weekday(Time::parse("1969-12-31").unwrap()), "Wed");
    }
}
