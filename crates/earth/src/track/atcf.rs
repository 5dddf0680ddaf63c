//! Tracks as the Automated Tropical Cyclone Forecasting system has them: a-decks of forecasts, b-decks of best tracks.

use std::fmt::Write as _;

use super::hurdat::KNOT;
use super::sphere::wrapped;
use super::{Fix, Track, TrackError};
use crate::time::{Civil, HOUR, Time};

/// A line: its first columns, which all decks have.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Basin, as in `WP`.
    pub basin: String,
    /// Number in the year.
    pub number: u32,
    /// When the forecast began, or the observation was.
    pub reference: Time,
    /// Who or which model, as in `OFCL`; `BEST` in best tracks.
    pub technique: String,
    /// Hours from then.
    pub hours: i64,
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees, −180 to 180.
    pub lon: f64,
    /// Greatest wind, in m/s.
    pub wind: Option<f64>,
    /// Least pressure, in Pa.
    pub pressure: Option<f64>,
}

/// Reads a deck. Lines that repeat a time for another wind radius are there as they are.
///
/// # Errors
/// [`TrackError::Line`] names the line.
pub fn read(text: &str) -> Result<Vec<Line>, TrackError> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, text)| line(text).map_err(|why| TrackError::Line { line: at + 1, why }))
        .collect()
}

fn line(text: &str) -> Result<Line, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [basin, number, date, _, technique, hours, lat, lon, rest @ ..] = parts.as_slice() else {
        return Err(format!("{} parts, expected 8 or more", parts.len()));
    };
    if date.len() != 10 || !date.is_ascii() {
        return Err(format!("{date:?} is no date, as in 2024050106"));
    }
    let reference = Time::parse(&format!("{}T{}", &date[..8], &date[8..]))
        .map_err(|error| error.to_string())?;
    let whole = |text: &str| text.parse::<i64>().map_err(|_| format!("{text:?} is no number"));
    let hours = if hours.is_empty() { 0 } else { whole(hours)? };
    // Not by its size: that of the least number is no number.
    if !(-10_000..=10_000).contains(&hours) {
        return Err(format!("{hours} hours are no lead time"));
    }
    let positive = |at: usize, by: f64| {
        let value = rest.get(at).and_then(|text| text.parse::<f64>().ok());
        value.map(|value| value * by).filter(|value| *value > 0.0 && value.is_finite())
    };
    Ok(Line {
        basin: (*basin).to_owned(),
        number: u32::try_from(whole(number)?)
            .map_err(|_| format!("{number:?} is no cyclone's number"))?,
        reference,
        technique: (*technique).to_owned(),
        hours,
        lat: degrees(lat, 'N', 'S', 90.0)?,
        lon: wrapped(degrees(lon, 'E', 'W', 360.0)?),
        wind: positive(0, KNOT),
        pressure: positive(1, 100.0),
    })
}

/// `281N`: tenths of a degree.
fn degrees(text: &str, plus: char, minus: char, most: f64) -> Result<f64, String> {
    let wrong = || format!("{text:?} is no latitude or longitude, as in 281{plus}");
    let end = text.chars().next_back().filter(char::is_ascii).ok_or_else(wrong)?;
    let tenths: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    let value = f64::from(tenths) / 10.0;
    match end {
        _ if value > most => Err(wrong()),
        end if end == plus => Ok(value),
        end if end == minus => Ok(-value),
        _ => Err(wrong()),
    }
}

/// Tracks of a deck: one for each cyclone, technique and initial time; best tracks one for each cyclone and year.
#[must_use]
pub fn tracks(lines: &[Line]) -> Vec<Track> {
    let mut tracks: Vec<(String, Track)> = Vec::new();
    for line in lines {
        let best = line.technique == "BEST";
        let id = format!("{}{:02}{}", line.basin, line.number, line.reference.civil().year);
        let key =
            if best { id.clone() } else { format!("{id} {} {}", line.technique, line.reference) };
        let fix = Fix {
            time: line.reference + line.hours * HOUR,
            lat: line.lat,
            lon: line.lon,
            pressure: line.pressure,
            wind: line.wind,
        };
        let known = tracks.iter().position(|(other, _)| *other == key);
        let at = known.unwrap_or_else(|| {
            let name = if best { String::new() } else { line.technique.clone() };
            let reference = (!best).then_some(line.reference);
            tracks.push((key, Track { id, name, reference, fixes: Vec::new() }));
            tracks.len() - 1
        });
        let fixes = &mut tracks[at].1.fixes;
        // Further lines of a time have the radii of stronger winds.
        if fixes.iter().all(|other| other.time != fix.time) {
            fixes.push(fix);
        }
    }
    for (_, track) in &mut tracks {
        track.fixes.sort_by_key(|fix| fix.time);
    }
    tracks.into_iter().map(|(_, track)| track).collect()
}

/// Writes forecasts as an a-deck. Identifiers as in `WP012024` give basin and number; others are basin `XX`, numbered.
#[must_use]
pub fn write(tracks: &[Track], technique: &str) -> String {
    let mut out = String::new();
    for (at, track) in tracks.iter().enumerate() {
        let named =
            track.id.get(..2).zip(track.id.get(2..4).and_then(|number| number.parse::<u32>().ok()));
        let named = named.filter(|_| track.id.len() == 8);
        let (basin, number) = named.unwrap_or(("XX", u32::try_from(at + 1).unwrap_or(u32::MAX)));
        let first = track.fixes.first().map_or(Time(0), |fix| fix.time);
        let reference = track.reference.unwrap_or(first);
        let Civil { year, month, day, hour, .. } = reference.civil();
        for fix in &track.fixes {
            let tenths = |value: f64| (value.abs() * 10.0).round();
            let north = if fix.lat < 0.0 { 'S' } else { 'N' };
            let east = if fix.lon < 0.0 { 'W' } else { 'E' };
            let wind = fix.wind.map_or(0.0, |wind| (wind / KNOT).round());
            let pressure = fix.pressure.map_or(0.0, |pressure| (pressure / 100.0).round());
            let hours = (fix.time - reference) / HOUR;
            let _ = writeln!(
                out,
                "{basin}, {number:02}, {year:04}{month:02}{day:02}{hour:02}, 03, {technique:>4}, {hours:>3}, {:>3}{north}, {:>4}{east}, \
                 {wind:>3}, {pressure:>4}, XX,   0,    ,    0,    0,    0,    0,",
                tenths(fix.lat),
                tenths(fix.lon),
            );
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const BEST: &str = "\
WP, 05, 2023072100,   , BEST,   0, 139N, 1323E,  35, 1000, TS,  34, NEQ,   60,   60,   60,   60, 1005,  150
WP, 05, 2023072106,   , BEST,   0, 143N, 1316E,  55,  985, TS,  34, NEQ,  100,  100,  100,  100,
WP, 05, 2023072106,   , BEST,   0, 143N, 1316E,  55,  985, TS,  50, NEQ,   30,   30,   30,   30,
SH, 12, 2023022000,   , BEST,   0,  91S, 1795W,   0,    0, DB,
";

    #[test]
    fn best_tracks_are_read_and_forecasts_come_back() {
        let best = tracks(&read(BEST).unwrap());
        assert_eq!(best.len(), 2);
        assert_eq!((best[0].id.as_str(), best[0].fixes.len()), ("WP052023", 2));
        assert_eq!((best[0].fixes[1].lat, best[0].fixes[1].lon), (14.3, 131.6));
        assert_eq!(best[0].fixes[1].pressure, Some(98_500.0));
        assert_eq!((best[1].fixes[0].lat, best[1].fixes[0].lon), (-9.1, -179.5));
        assert_eq!((best[1].fixes[0].wind, best[1].fixes[0].pressure), (None, None));

        let mut forecast = best[0].clone();
        forecast.reference = Some(Time::from_date(2023, 7, 20).unwrap());
        let text = write(&[forecast.clone()], "STRA");
        assert!(
            text.starts_with("WP, 05, 2023072000, 03, STRA,  24, 139N, 1323E,  35, 1000,"),
            "{text}"
        );
        let again = tracks(&read(&text).unwrap());
        assert_eq!((again[0].reference, again[0].name.as_str()), (forecast.reference, "STRA"));
        assert_eq!(again[0].fixes[1].lat, 14.3);
        assert_eq!(again[0].fixes.len(), 2);
    }

    #[test]
    fn what_is_no_line_is_named() {
        for bad in [
            "WP, 05",
            "WP, 05, 20230721,, BEST, 0, 1N, 1E",
            "WP, x, 2023072100,, BEST, 0, 1N, 1E",
            "WP, 5, 2023072100,, B, 0, 1\u{e9}, 1E",
            "WP, 5, 2023072100,, B, -9223372036854775808, 1N, 1E",
        ] {
            let error = read(&format!("\n{bad}")).unwrap_err().to_string();
            assert!(error.starts_with("line 2"), "{error}");
        }
        let endless = read("WP, 5, 2023072100,, B, 0, 1N, 1E, inf, 1e308").unwrap();
        assert_eq!((endless[0].wind, endless[0].pressure), (None, None));
    }
}
