//! Units as files write them, and their way to SI.

/// How values go to another unit: times `scale`, plus `offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    /// Factor.
    pub scale: f64,
    /// Added after it.
    pub offset: f64,
}

impl Conversion {
    /// The unit is the same.
    pub const NONE: Self = Self { scale: 1.0, offset: 0.0 };

    /// Whether it leaves values as they are.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Converts in place.
    pub fn apply(self, values: &mut [f32]) {
        if self.is_none() {
            return;
        }
        for value in values {
            *value = (f64::from(*value) * self.scale + self.offset) as f32;
        }
    }
}

/// A unit's spellings (lower case, without blanks, stars and carets), the SI unit of its kind, factor and offset.
const UNITS: &[(&[&str], &str, f64, f64)] = &[
    (&["k", "kelvin", "degk", "degreesk"], "K", 1.0, 0.0),
    (
        &[
            "c",
            "degc",
            "celsius",
            "degreec",
            "degreesc",
            "degreecelsius",
            "degreescelsius",
            "\u{b0}c",
        ],
        "K",
        1.0,
        273.15,
    ),
    (&["pa", "pascal", "pascals", "nm-2"], "Pa", 1.0, 0.0),
    (
        &["hpa", "mb", "mbar", "millibar", "millibars", "hectopascal", "hectopascals"],
        "Pa",
        100.0,
        0.0,
    ),
    (&["kpa"], "Pa", 1000.0, 0.0),
    (&["ms-1", "m/s", "mpers", "meters/second", "metres/second", "ms^-1"], "m s-1", 1.0, 0.0),
    (&["kt", "kts", "knot", "knots"], "m s-1", 1852.0 / 3600.0, 0.0),
    (&["kmh-1", "km/h"], "m s-1", 1.0 / 3.6, 0.0),
    (&["m2s-2", "m2/s2", "jkg-1", "j/kg"], "m2 s-2", 1.0, 0.0),
    (&["gpm", "m", "meter", "meters", "metre", "metres", "geopotentialmeters"], "gpm", 1.0, 0.0),
    (&["dam", "gpdam", "dagpm"], "gpm", 10.0, 0.0),
    (&["kgkg-1", "kg/kg"], "kg kg-1", 1.0, 0.0),
    (&["gkg-1", "g/kg"], "kg kg-1", 0.001, 0.0),
    (&["%", "percent"], "%", 1.0, 0.0),
    (&["s-1", "1/s"], "s-1", 1.0, 0.0),
    (&["pas-1", "pa/s"], "Pa s-1", 1.0, 0.0),
    (&["1", "(0-1)", "0-1", "dimensionless", "fraction", "proportion"], "1", 1.0, 0.0),
    (&["m", "mofwaterequivalent"], "m", 1.0, 0.0),
    (&["mm"], "m", 0.001, 0.0),
    (&["kgm-2", "kg/m2"], "kg m-2", 1.0, 0.0),
];

fn plain(unit: &str) -> String {
    let kept = unit.chars().filter(|c| !matches!(c, ' ' | '*' | '^' | '_' | '.'));
    kept.flat_map(char::to_lowercase).collect()
}

/// The way from a unit to an SI unit; none where they are not of a kind, or the unit is not known.
#[must_use]
pub fn conversion(unit: &str, si: &str) -> Option<Conversion> {
    let spelled = plain(unit);
    if !si.is_empty() && spelled == plain(si) {
        return Some(Conversion::NONE);
    }
    UNITS
        .iter()
        .find(|(names, of, ..)| *of == si && names.contains(&spelled.as_str()))
        .map(|(.., scale, offset)| Conversion { scale: *scale, offset: *offset })
}

/// Whether a file says nothing of a unit.
#[must_use]
pub fn is_silent(unit: &str) -> bool {
    matches!(plain(unit).as_str(), "" | "unknown" | "~" | "none" | "-")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_files_lead_to_si() {
        for unit in ["m s**-1", "m s-1", "m/s", "m s^-1"] {
            assert!(conversion(unit, "m s-1").unwrap().is_none(), "{unit}");
        }
        assert!(conversion("m**2 s**-2", "m2 s-2").unwrap().is_none());
        assert_eq!(conversion("hPa", "Pa").unwrap().scale, 100.0);
        assert_eq!(conversion("degC", "K").unwrap().offset, 273.15);
        assert_eq!(conversion("g kg**-1", "kg kg-1").unwrap().scale, 0.001);
        assert_eq!(conversion("gpm", "m2 s-2"), None);
        assert_eq!(conversion("K", "Pa"), None);
        assert!(is_silent(" ") && is_silent("unknown") && !is_silent("K"));
        let mut values = [0.0, f32::NAN];
        conversion("C", "K").unwrap().apply(&mut values);
        assert!((values[0] - 273.15).abs() < 1e-4 && values[1].is_nan());
    }
}
