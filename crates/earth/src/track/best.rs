//! Best-track files of whatever form, told by how they begin.

use super::{Track, TrackError, atcf, hurdat, ibtracs};

/// Reads HURDAT2, an ATCF b-deck (or a-deck) or IBTrACS' CSV.
///
/// # Errors
/// [`TrackError::Line`] names the line; the first where the file is none of these.
pub fn read(text: &str) -> Result<Vec<Track>, TrackError> {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let parts: Vec<&str> = first.split(',').map(str::trim).collect();
    if parts.contains(&"SID") && parts.contains(&"ISO_TIME") {
        return ibtracs::read(text);
    }
    if parts.len() <= 4 && parts[0].len() == 8 {
        return Ok(hurdat::read(text)?.iter().map(hurdat::Storm::track).collect());
    }
    if parts.len() >= 8 && parts[2].len() == 10 {
        return Ok(atcf::tracks(&atcf::read(text)?));
    }
    let why = "the file is neither HURDAT2, nor an ATCF deck, nor IBTrACS' CSV".to_owned();
    Err(TrackError::Line { line: 1, why })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let hurdat = "AL011970,               ALMA,      1,\n19700517, 1800,  , TD, 11.5N,  79.0W,  25, -999,\n";
        assert_eq!(read(hurdat).unwrap()[0].name, "ALMA");
        let deck = "WP, 05, 2023072100,   , BEST,   0, 139N, 1323E,  35, 1000, TS,\n";
        assert_eq!(read(deck).unwrap()[0].id, "WP052023");
        let csv = "SID,NAME,ISO_TIME,LAT,LON\n , , ,degrees,degrees\nX1,Y,2023-07-20 18:00:00,13.2,133.4\n";
        assert_eq!(read(csv).unwrap()[0].id, "X1");
        assert!(read("").is_err() && read("time,lat,lon\n").is_err());
    }
}
