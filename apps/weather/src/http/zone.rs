//! Time zones: IANA's names by the database inside the program, and the nautical zone of a longitude.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use strata_earth::time::Time;
use strata_serve::Problem;

/// The zone of a reply. Its offset is one through the whole reply, that of its beginning, as with Open-Meteo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Zone {
    /// Its name.
    pub(super) name: String,
    /// Seconds ahead of UTC.
    pub(super) offset: i64,
}

impl Zone {
    /// UTC.
    pub(super) fn gmt() -> Self {
        Self { name: "GMT".to_owned(), offset: 0 }
    }

    /// A zone by its name; `auto` is the nautical zone, whole hours by longitude: political borders are not known here.
    ///
    /// # Errors
    /// A name that is none.
    pub(super) fn find(name: &str, lon: f64, at: Time) -> Result<Self, Problem> {
        match name {
            "" | "GMT" | "UTC" => return Ok(Self::gmt()),
            "auto" => {
                let east = (lon + 180.0).rem_euclid(360.0) - 180.0;
                let hours = (east / 15.0).round() as i64;
                // IANA's Etc zones are signed the other way.
                let name = match hours {
                    0 => "GMT".to_owned(),
                    hours => format!("Etc/GMT{:+}", -hours),
                };
                return Ok(Self { name, offset: hours * 3600 });
            }
            _ => {}
        }
        let wrong = || {
            let name: String = name.chars().take(60).collect();
            Problem::field("timezone", format!("timezone {name:?} is no name of a time zone"))
                .with_remedy("write GMT, auto, or a name of IANA's such as Asia/Shanghai")
        };
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| wrong())?;
        let at = Timestamp::from_second(at.0).map_err(|_| wrong())?;
        Ok(Self { name: name.to_owned(), offset: i64::from(zone.to_offset(at).seconds()) })
    }

    /// `GMT+8`, `GMT-3:30`.
    pub(super) fn abbreviation(&self) -> String {
        let (sign, minutes) = (if self.offset < 0 { '-' } else { '+' }, self.offset.abs() / 60);
        match (minutes / 60, minutes % 60) {
            (0, 0) => "GMT".to_owned(),
            (hours, 0) => format!("GMT{sign}{hours}"),
            (hours, minutes) => format!("GMT{sign}{hours}:{minutes:02}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_name_and_longitude() {
        let (winter, summer) =
            (Time::from_date(2024, 1, 15).unwrap(), Time::from_date(2024, 7, 15).unwrap());
        let offset = |name: &str, at| Zone::find(name, 0.0, at).unwrap().offset;
        assert_eq!(offset("Asia/Shanghai", winter), 8 * 3600);
        assert_eq!(
            (offset("Europe/Berlin", winter), offset("Europe/Berlin", summer)),
            (3600, 7200)
        );
        let auto = |lon| Zone::find("auto", lon, winter).unwrap();
        assert_eq!(auto(116.4), Zone { name: "Etc/GMT-8".to_owned(), offset: 28_800 });
        assert_eq!(auto(-120.0).name, "Etc/GMT+8");
        assert_eq!((auto(359.0), auto(0.0).abbreviation().as_str()), (Zone::gmt(), "GMT"));
        assert_eq!(auto(-52.0).abbreviation(), "GMT-3");
        let name = "America/St_Johns";
        assert_eq!(Zone::find(name, 0.0, winter).unwrap().abbreviation(), "GMT-3:30");
        assert!(Zone::find("Mars/Olympus", 0.0, winter).unwrap_err().detail.contains("Mars"));
    }
}
