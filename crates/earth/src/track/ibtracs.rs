//! IBTrACS, the best tracks of all agencies (Knapp et al. 2010), from its CSV files.

use super::hurdat::KNOT;
use super::sphere::wrapped;
use super::{Fix, Track, TrackError};
use crate::time::Time;

/// Reads a file: columns by their names in the first line, the second line (units) passed over. Wind and pressure are those of
/// the US agencies where they are there, else WMO's.
///
/// # Errors
/// [`TrackError::Line`] names the line.
pub fn read(text: &str) -> Result<Vec<Track>, TrackError> {
    let mut lines = text.lines().enumerate();
    let wrong = |line: usize, why: String| TrackError::Line { line: line + 1, why };
    let Some((_, head)) = lines.next() else {
        return Err(wrong(0, "the file is empty".to_owned()));
    };
    let names: Vec<&str> = head.trim_start_matches('\u{feff}').split(',').map(str::trim).collect();
    let column = |name: &str| names.iter().position(|other| *other == name);
    let needed = |name: &str| {
        column(name).ok_or_else(|| wrong(0, format!("no column {name}: this is no IBTrACS file")))
    };
    let (id, time) = (needed("SID")?, needed("ISO_TIME")?);
    let (lat, lon) = (needed("LAT")?, needed("LON")?);
    let name = column("NAME");
    let winds = [column("USA_WIND"), column("WMO_WIND")];
    let pressures = [column("USA_PRES"), column("WMO_PRES")];
    let mut tracks: Vec<Track> = Vec::new();
    for (at, line) in lines {
        let parts: Vec<&str> = line.split(',').map(str::trim).collect();
        let part = |column: usize| parts.get(column).copied().unwrap_or("");
        // The line of units has no cyclone and no time.
        if line.trim().is_empty() || (at == 1 && part(id).is_empty()) {
            continue;
        }
        let degrees = |column: usize, most: f64| {
            let value = part(column).parse::<f64>().ok().filter(|value| value.abs() <= most);
            value
                .ok_or_else(|| wrong(at, format!("{:?} is no latitude or longitude", part(column))))
        };
        let first = |columns: [Option<usize>; 2], by: f64| {
            let values =
                columns.into_iter().flatten().filter_map(|column| part(column).parse::<f64>().ok());
            values.map(|value| value * by).find(|value| *value > 0.0 && value.is_finite())
        };
        let fix = Fix {
            time: Time::parse(part(time)).map_err(|error| wrong(at, error.to_string()))?,
            lat: degrees(lat, 90.0)?,
            lon: wrapped(degrees(lon, 360.0)?),
            pressure: first(pressures, 100.0),
            wind: first(winds, KNOT),
        };
        match tracks.last_mut().filter(|track| track.id == part(id)) {
            Some(track) => track.fixes.push(fix),
            None => tracks.push(Track {
                id: part(id).to_owned(),
                name: name.map_or("", part).to_owned(),
                reference: None,
                fixes: vec![fix],
            }),
        }
    }
    Ok(tracks)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name() {
        let text = "\
SID,SEASON,NUMBER,BASIN,NAME,ISO_TIME,NATURE,LAT,LON,WMO_WIND,WMO_PRES,USA_WIND,USA_PRES
 ,Year, , , , , ,degrees_north,degrees_east,kts,mb,kts,mb
2023201N13133,2023,1,WP,DOKSURI,2023-07-20 18:00:00,TS,13.2,133.4,35,1000, ,
2023201N13133,2023,1,WP,DOKSURI,2023-07-21 00:00:00,TS,13.9,132.3,,,40,998
2023202S09181,2023,2,SP,NOT_NAMED,2023-07-21 00:00:00,TS,-9.0,181.0,,,,
";
        let tracks = read(text).unwrap();
        assert_eq!(tracks.len(), 2);
        assert_eq!((tracks[0].name.as_str(), tracks[0].fixes.len()), ("DOKSURI", 2));
        assert!((tracks[0].fixes[0].wind.unwrap() / KNOT - 35.0).abs() < 1e-9);
        assert_eq!(tracks[0].fixes[1].pressure, Some(99_800.0));
        assert_eq!((tracks[1].fixes[0].lon, tracks[1].fixes[0].wind), (-179.0, None));
        assert!(read("a,b\n").unwrap_err().to_string().contains("SID"));
        let error = read(&text.replace("13.9", "139")).unwrap_err().to_string();
        assert!(error.starts_with("line 4"), "{error}");
    }
}
