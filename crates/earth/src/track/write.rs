//! Tracks as CSV and GeoJSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Fix, Track, TrackError};
use crate::time::Time;

/// The first line of [`csv`].
pub const CSV_HEAD: &str =
    "id,name,reference,time,lead_hours,latitude,longitude,pressure_hpa,wind_ms";

/// One line a fix, under [`CSV_HEAD`]; what is not known is empty.
#[must_use]
pub fn csv(tracks: &[Track]) -> String {
    let mut out = format!("{CSV_HEAD}\n");
    for track in tracks {
        let (id, name) = (cell(&track.id), cell(&track.name));
        for fix in &track.fixes {
            let lead = track.reference.map(|reference| (fix.time - reference) as f64 / 3600.0);
            let reference = track.reference.map(|time| time.to_string()).unwrap_or_default();
            let number = |value: Option<f64>, digits: usize| {
                value.map(|value| format!("{value:.digits$}")).unwrap_or_default()
            };
            let _ = writeln!(
                out,
                "{id},{name},{reference},{},{},{:.3},{:.3},{},{}",
                fix.time,
                lead.map(|lead| lead.to_string()).unwrap_or_default(),
                fix.lat,
                fix.lon,
                number(fix.pressure.map(|pressure| pressure / 100.0), 2),
                number(fix.wind, 1),
            );
        }
    }
    out
}

/// Reads what [`csv`] writes. Lines that follow one another with one identifier and reference are one track, until their times
/// fall back: then another member's begins.
///
/// # Errors
/// [`TrackError::Line`] names the line.
pub fn read_csv(text: &str) -> Result<Vec<Track>, TrackError> {
    let mut tracks: Vec<Track> = Vec::new();
    for (at, line) in text.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        let (id, name, reference, fix) =
            row(line).map_err(|why| TrackError::Line { line: at + 1, why })?;
        let goes_on = tracks.last().is_some_and(|track| {
            track.id == id
                && track.reference == reference
                && track.fixes.last().is_none_or(|last| last.time < fix.time)
        });
        if !goes_on {
            tracks.push(Track { id, name, reference, fixes: Vec::new() });
        }
        if let Some(track) = tracks.last_mut() {
            track.fixes.push(fix);
        }
    }
    Ok(tracks)
}

fn row(line: &str) -> Result<(String, String, Option<Time>, Fix), String> {
    let cells = cells(line);
    let [id, name, reference, time, _, lat, lon, pressure, wind] = cells.as_slice() else {
        return Err(format!("{} cells, expected 9", cells.len()));
    };
    let time_of = |text: &str| Time::parse(text).map_err(|error| error.to_string());
    // Pressures are multiplied by 100 below.
    let number = |text: &str| {
        let value = text.trim().parse::<f64>().ok().filter(|value| (value * 100.0).is_finite());
        value.ok_or_else(|| format!("{text:?} is no number"))
    };
    let some = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
    let reference = if reference.is_empty() { None } else { Some(time_of(reference)?) };
    let (lat, lon) = (number(lat)?, number(lon)?);
    if lat.abs() > 90.0 || lon.abs() > 360.0 {
        return Err(format!("{lat},{lon} is no place"));
    }
    let pressure = some(pressure)?.map(|pressure| pressure * 100.0);
    Ok((
        id.clone(),
        name.clone(),
        reference,
        Fix { time: time_of(time)?, lat, lon, pressure, wind: some(wind)? },
    ))
}

/// Cells of a line, of which some may be in quotation marks.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cells.last_mut().into_iter().for_each(|cell| cell.push('"'));
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            letter => cells.last_mut().into_iter().for_each(|cell| cell.push(letter)),
        }
    }
    cells
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// A collection of one line a track and one point a fix (RFC 7946); lines that cross 180 E are cut there.
#[must_use]
pub fn geojson(tracks: &[Track]) -> Value {
    let mut features = Vec::new();
    for track in tracks {
        let parts = parts(track);
        let line = json!({
            "type": "Feature",
            "geometry": {"type": "MultiLineString", "coordinates": parts},
            "properties": {
                "id": track.id,
                "name": track.name,
                "reference": track.reference,
                "from": track.fixes.first().map(|fix| fix.time),
                "to": track.fixes.last().map(|fix| fix.time),
            },
        });
        if !parts.is_empty() {
            features.push(line);
        }
        features.extend(track.fixes.iter().map(|fix| {
            json!({
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [round(fix.lon), round(fix.lat)]},
                "properties": {
                    "id": track.id,
                    "time": fix.time,
                    "lead_hours": track.reference.map(|reference| (fix.time - reference) as f64 / 3600.0),
                    "pressure_hpa": fix.pressure.map(|pressure| round(pressure / 100.0)),
                    "wind_ms": fix.wind.map(round),
                },
            })
        }));
    }
    json!({"type": "FeatureCollection", "features": features})
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Lines of at least two places, on one side of 180 E each.
fn parts(track: &Track) -> Vec<Vec<[f64; 2]>> {
    let mut parts: Vec<Vec<[f64; 2]>> = vec![Vec::new()];
    let mut before: Option<(f64, f64)> = None;
    for fix in &track.fixes {
        let (lon, lat) = (super::sphere::wrapped(fix.lon), fix.lat);
        if let Some((last_lon, last_lat)) = before
            && (lon - last_lon).abs() > 180.0
        {
            let edge = 180.0_f64.copysign(last_lon);
            let span = lon + 2.0 * edge - last_lon;
            let share = if span.abs() < 1e-9 { 0.0 } else { (edge - last_lon) / span };
            let cut = round(last_lat + share * (lat - last_lat));
            if let Some(part) = parts.last_mut() {
                part.push([edge, cut]);
            }
            parts.push(vec![[-edge, cut]]);
        }
        if let Some(part) = parts.last_mut() {
            part.push([round(lon), round(lat)]);
        }
        before = Some((lon, lat));
    }
    parts.retain(|part| part.len() > 1);
    parts
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_180_and_empty_values_stay_empty() {
        let fix = |hours: i64, lat: f64, lon: f64| Fix {
            time: Time(0).plus_hours(hours),
            lat,
            lon,
            pressure: Some(99_012.0),
            wind: None,
        };
        let track = Track {
            id: "TC001".to_owned(),
            name: "A, \"B\"".to_owned(),
            reference: Some(Time(0)),
            fixes: vec![fix(0, 10.0, 178.0), fix(6, 12.0, -178.0), fix(12, 13.0, -177.0)],
        };
        let text = csv(std::slice::from_ref(&track));
        let line = text.lines().nth(2).unwrap();
        assert_eq!(
            line,
            "TC001,\"A, \"\"B\"\"\",1970-01-01T00:00:00Z,1970-01-01T06:00:00Z,6,12.000,-178.000,990.12,"
        );
        // Members of one cyclone come back apart.
        let members = [track.clone(), track.clone()];
        assert_eq!(read_csv(&csv(&members)).unwrap(), members);
        let broken =
            read_csv(&format!("{text}TC002,,,yesterday,,1,2,,\n")).unwrap_err().to_string();
        assert!(broken.starts_with("line 5"), "{broken}");
        // In Pa this pressure is more than a number can be.
        let broken = read_csv(&format!("{text}TC002,,,1970-01-01,,1,2,1e308,\n"));
        assert!(broken.unwrap_err().to_string().starts_with("line 5"));
        let json = geojson(&[track]);
        let lines = &json["features"][0]["geometry"]["coordinates"];
        assert_eq!(lines[0], json!([[178.0, 10.0], [180.0, 11.0]]));
        assert_eq!(lines[1], json!([[-180.0, 11.0], [-178.0, 12.0], [-177.0, 13.0]]));
        assert_eq!(json["features"].as_array().unwrap().len(), 4);
    }
}
