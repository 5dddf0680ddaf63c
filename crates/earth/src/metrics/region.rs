//! Regions: boxes of latitude and longitude, with the names and edges that WeatherBench 2 gives them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::MetricError;

/// A box in degrees, its edges included; it may cross 0 E or 180 E.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extent {
    /// Northern edge.
    pub north: f64,
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge, east of the western one by at most 360.
    pub east: f64,
}

/// Points that lie on an edge of a box belong to it, also where a file rounded their coordinates.
const SLACK: f64 = 1e-5;

impl Extent {
    const fn new(north: f64, west: f64, south: f64, east: f64) -> Self {
        Self { north, west, south, east }
    }

    /// A band of latitudes.
    const fn band(north: f64, south: f64) -> Self {
        Self::new(north, 0.0, south, 360.0)
    }

    /// Whether it has this latitude.
    #[must_use]
    pub fn has_latitude(self, lat: f64) -> bool {
        lat <= self.north + SLACK && lat >= self.south - SLACK
    }

    /// Whether it has this longitude.
    #[must_use]
    pub fn has_longitude(self, lon: f64) -> bool {
        let width = self.east - self.west;
        let from_west = (lon - self.west).rem_euclid(360.0);
        from_west <= width + SLACK || from_west >= 360.0 - SLACK
    }
}

/// A region: one box or several.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Its boxes.
    pub boxes: Vec<Extent>,
}

const BAND_20_90: Extent = Extent::band(90.0, 20.0);
const BAND_90_20: Extent = Extent::band(-20.0, -90.0);

/// WeatherBench 2's regions.
pub const KNOWN: &[(&str, &[Extent])] = &[
    ("global", &[Extent::band(90.0, -90.0)]),
    ("tropics", &[Extent::band(20.0, -20.0)]),
    ("extra-tropics", &[BAND_20_90, BAND_90_20]),
    ("northern-hemisphere", &[BAND_20_90]),
    ("southern-hemisphere", &[BAND_90_20]),
    ("europe", &[Extent::new(75.0, -12.5, 35.0, 42.5)]),
    ("north-america", &[Extent::new(60.0, 240.0, 25.0, 285.0)]),
    ("north-atlantic", &[Extent::new(65.0, 290.0, 25.0, 350.0)]),
    ("north-pacific", &[Extent::new(60.0, 145.0, 25.0, 230.0)]),
    ("east-asia", &[Extent::new(60.0, 102.5, 25.0, 150.0)]),
    ("ausnz", &[Extent::new(-12.5, 120.0, -45.0, 175.0)]),
    ("arctic", &[Extent::band(90.0, 60.0)]),
    ("antarctic", &[Extent::band(-60.0, -90.0)]),
];

impl Region {
    /// The whole globe.
    #[must_use]
    pub fn global() -> Self {
        Self { name: "global".to_owned(), boxes: vec![Extent::band(90.0, -90.0)] }
    }

    /// Whether a point lies in it, in degrees.
    #[must_use]
    pub fn has(&self, lat: f64, lon: f64) -> bool {
        self.boxes.iter().any(|extent| extent.has_latitude(lat) && extent.has_longitude(lon))
    }
}

/// A region by its name, or a box `NORTH/WEST/SOUTH/EAST` (the order of ECMWF's `area`), or `NAME=NORTH/WEST/SOUTH/EAST`.
impl FromStr for Region {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let text = text.trim();
        if let Some((name, boxes)) = KNOWN.iter().find(|(name, _)| *name == text) {
            return Ok(Self { name: (*name).to_owned(), boxes: boxes.to_vec() });
        }
        let (name, edges) = text.split_once('=').unwrap_or((text, text));
        let extent = extent(edges).ok_or_else(|| MetricError::Region {
            text: text.to_owned(),
            known: KNOWN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        })?;
        Ok(Self { name: name.trim().to_owned(), boxes: vec![extent] })
    }
}

fn extent(text: &str) -> Option<Extent> {
    let edges: Vec<f64> =
        text.split('/').map(|edge| edge.trim().parse().ok()).collect::<Option<_>>()?;
    let [north, west, south, east] = edges.try_into().ok()?;
    let finite = [north, west, south, east].iter().all(|edge: &f64| edge.is_finite());
    let fits = finite && north <= 90.0 && south >= -90.0 && north >= south;
    if !fits || west.abs() > 360.0 || east.abs() > 720.0 {
        return None;
    }
    // From 350 to 10 is 20 degrees wide, from 0 to 360 all of them.
    let width = if east - west == 360.0 { 360.0 } else { (east - west).rem_euclid(360.0) };
    Some(Extent::new(north, west, south, west + width))
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_and_boxes_are_read() {
        for (name, _) in KNOWN {
            assert_eq!(name.parse::<Region>().unwrap().name, *name);
        }
        let around = "10/350/-10/10".parse::<Region>().unwrap();
        assert!(around.has(0.0, 355.0) && around.has(0.0, -5.0) && around.has(10.0, 10.0));
        assert!(around.has(0.0, 350.0) && !around.has(0.0, 11.0) && !around.has(11.0, 0.0));
        let named = "home=40/100/20/120".parse::<Region>().unwrap();
        assert!(named.name == "home" && named.has(30.0, 110.0) && !named.has(30.0, 121.0));
        for text in ["atlantis", "10/0/20/30", "10/0/x/30", "91/0/0/10", "1/2/3", "NaN/0/0/1"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
        assert!("atlantis".parse::<Region>().unwrap_err().to_string().contains("europe"));
    }

    #[test]
    fn europe_crosses_greenwich_in_either_convention() {
        let europe = "europe".parse::<Region>().unwrap();
        for lon in [347.5, -12.5, 0.0, 42.5, 360.0] {
            assert!(europe.has(50.0, lon), "{lon}");
        }
        for lon in [347.0, -13.0, 43.0, 180.0] {
            assert!(!europe.has(50.0, lon), "{lon}");
        }
    }
}
