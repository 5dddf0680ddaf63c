//! HURDAT2, the best tracks of the National Hurricane Center (Landsea and Franklin 2013): read, and written byte for byte.

use std::fmt::Write as _;

use super::{Fix, Track, TrackError};
use crate::time::{Civil, Time};

/// Metres a second of a knot.
pub const KNOT: f64 = 1852.0 / 3600.0;

/// A cyclone of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Storm {
    /// Basin, number and year, as in `AL112017`.
    pub id: String,
    /// Name, or `UNNAMED`.
    pub name: String,
    /// Its lines.
    pub entries: Vec<Entry>,
}

/// A line of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When, UTC.
    pub time: Time,
    /// `L` landfall and others; a blank where it has none.
    pub record: char,
    /// `TD`, `TS`, `HU`, `EX`, `SD`, `SS`, `LO`, `WV`, `DB`.
    pub status: String,
    /// Latitude.
    pub lat: Tenths,
    /// Longitude.
    pub lon: Tenths,
    /// Greatest wind of a minute at 10 m, in knots; −99 or −999 where it is not known.
    pub wind: i32,
    /// Least pressure in hPa; −999 where it is not known.
    pub pressure: i32,
    /// Radii of 34, 50 and 64 knots in each quadrant, and in newer files of the strongest wind, in nautical miles.
    pub radii: Vec<i32>,
}

/// A latitude or longitude as the file has it: 0.0 lies on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenths {
    /// Tenths of a degree.
    pub size: u32,
    /// South or west.
    pub minus: bool,
}

impl Tenths {
    /// Degrees, positive to the north or the east.
    #[must_use]
    pub fn degrees(self) -> f64 {
        let size = f64::from(self.size) / 10.0;
        if self.minus { -size } else { size }
    }

    fn text(self, plus: char, minus: char) -> String {
        let end = if self.minus { minus } else { plus };
        format!("{}.{}{end}", self.size / 10, self.size % 10)
    }
}

/// Reads a file.
///
/// # Errors
/// [`TrackError::Line`] names the line.
pub fn read(text: &str) -> Result<Vec<Storm>, TrackError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut storms = Vec::new();
    while let Some((at, line)) = lines.next() {
        let wrong = |why: String| TrackError::Line { line: at + 1, why };
        let parts: Vec<&str> = line.split(',').map(str::trim).collect();
        let [id, name, count, ..] = parts[..] else {
            return Err(wrong(
                "expected a cyclone's identifier, name and number of lines".to_owned(),
            ));
        };
        if parts.len() > 4 || id.len() != 8 || !id.is_ascii() {
            return Err(wrong(format!("{id:?} is no cyclone's identifier, as in AL112017")));
        }
        let count: usize =
            count.parse().map_err(|_| wrong(format!("{count:?} is no number of lines")))?;
        let mut storm = Storm { id: id.to_owned(), name: name.to_owned(), entries: Vec::new() };
        for _ in 0..count {
            let Some((at, line)) = lines.next() else {
                return Err(wrong(format!(
                    "{id} announces {count} lines and the file ends before"
                )));
            };
            let entry = entry(line).map_err(|why| TrackError::Line { line: at + 1, why })?;
            storm.entries.push(entry);
        }
        storms.push(storm);
    }
    Ok(storms)
}

fn entry(line: &str) -> Result<Entry, String> {
    let line = line.trim_end();
    let parts: Vec<&str> =
        line.strip_suffix(',').unwrap_or(line).split(',').map(str::trim).collect();
    let [date, clock, record, status, lat, lon, wind, pressure, radii @ ..] = parts.as_slice()
    else {
        return Err(format!("{} parts, expected 20 or more", parts.len()));
    };
    let number = |text: &str| text.parse::<i32>().map_err(|_| format!("{text:?} is no number"));
    if clock.len() != 4 {
        return Err(format!("{clock:?} is no time of day, as in 0600"));
    }
    Ok(Entry {
        time: Time::parse(&format!("{date}T{clock}")).map_err(|error| error.to_string())?,
        record: record.chars().next().unwrap_or(' '),
        status: (*status).to_owned(),
        lat: tenths(lat, 'N', 'S', 900)?,
        lon: tenths(lon, 'E', 'W', 3600)?,
        wind: number(wind)?,
        pressure: number(pressure)?,
        radii: radii.iter().map(|radius| number(radius)).collect::<Result<_, _>>()?,
    })
}

/// `28.0N` in tenths of a degree.
fn tenths(text: &str, plus: char, minus: char, most: u32) -> Result<Tenths, String> {
    let wrong = || format!("{text:?} is no latitude or longitude, as in 28.0{plus}");
    let minus = match text.chars().next_back() {
        Some(end) if end == plus => false,
        Some(end) if end == minus => true,
        _ => return Err(wrong()),
    };
    let (whole, tenth) =
        text.get(..text.len() - 1).and_then(|text| text.split_once('.')).ok_or_else(wrong)?;
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(tenth) || tenth.len() != 1 {
        return Err(wrong());
    }
    let size: u32 = format!("{whole}{tenth}").parse().map_err(|_| wrong())?;
    if size > most { Err(wrong()) } else { Ok(Tenths { size, minus }) }
}

/// Writes a file: as the center does, a comma at the end of each line.
#[must_use]
pub fn write(storms: &[Storm]) -> String {
    let mut out = String::new();
    for storm in storms {
        let _ = writeln!(out, "{},{:>19},{:>7},", storm.id, storm.name, storm.entries.len());
        for entry in &storm.entries {
            let Civil { year, month, day, hour, minute, .. } = entry.time.civil();
            let _ = write!(
                out,
                "{year:04}{month:02}{day:02}, {hour:02}{minute:02}, {}, {}, {:>5}, {:>6}, {:>3}, {:>4}",
                entry.record,
                entry.status,
                entry.lat.text('N', 'S'),
                entry.lon.text('E', 'W'),
                entry.wind,
                entry.pressure
            );
            for radius in &entry.radii {
                let _ = write!(out, ", {radius:>4}");
            }
            out.push_str(",\n");
        }
    }
    out
}

impl Storm {
    /// The cyclone as a track, in SI units.
    #[must_use]
    pub fn track(&self) -> Track {
        let known = |value: i32, by: f64| (value > 0).then(|| f64::from(value) * by);
        let fix = |entry: &Entry| Fix {
            time: entry.time,
            lat: entry.lat.degrees(),
            lon: super::sphere::wrapped(entry.lon.degrees()),
            pressure: known(entry.pressure, 100.0),
            wind: known(entry.wind, KNOT),
        };
        let fixes = self.entries.iter().map(fix).collect();
        Track { id: self.id.clone(), name: self.name.clone(), reference: None, fixes }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const IRMA: &str = "\
AL112017,               IRMA,      2,
20170830, 0000,  , TD, 16.1N,  26.9W,  30, 1008,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
20170910, 1300, L, HU, 24.7N,   0.5E, 115,  931,  360,  240,  130,  320,  180,  130,  100,  150,   70,   50,   40,   50,   15,
";

    #[test]
    fn lines_come_back_byte_for_byte() {
        let storms = read(IRMA).unwrap();
        assert_eq!(write(&storms), IRMA);
        assert_eq!(write(&read(&IRMA.replace('\n', "\r\n")).unwrap()), IRMA);
        let track = storms[0].track();
        assert_eq!((track.id.as_str(), track.name.as_str()), ("AL112017", "IRMA"));
        let fix = track.fixes[1];
        assert_eq!((fix.lat, fix.lon, fix.pressure), (24.7, 0.5, Some(93_100.0)));
        assert!((fix.wind.unwrap() - 59.16).abs() < 0.01);
    }

    #[test]
    fn what_is_no_line_is_named() {
        for (from, to, why) in [
            ("16.1N", "16.1X", "line 2"),
            ("20170830", "20170231", "line 2"),
            (" 931,", " abc,", "line 3"),
            ("      2,", "      3,", "line 1"),
            ("AL112017,", "AL11,", "line 1"),
            ("26.9W", "926.9W", "line 2"),
        ] {
            let error = read(&IRMA.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(why), "{from}: {error}");
        }
        assert!(read("").unwrap().is_empty());
        assert!(read("\u{e9}\u{e9}\u{e9}\u{e9},x,1").is_err());
    }
}
