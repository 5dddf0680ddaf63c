//! Zones: polygons and lines by name, for a camera or all, and the file that the page's editor keeps
//! them in.

use std::io::Write;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strata_vision::geometry::{Point, Size};
use strata_vision::zones::{self, Anchor, Area, Zone};

use super::load::ConfigError;

/// Most points of a polygon.
const MAX_POINTS: usize = 200;

/// A part of a picture, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneConfig {
    /// The name rules use.
    pub name: String,
    /// The camera; all cameras when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
    /// Corners of an area, `[[x, y], …]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polygon: Option<Vec<[f32; 2]>>,
    /// A line from one point to another, `[[x, y], [x, y]]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<[[f32; 2]; 2]>,
    /// What the numbers are.
    #[serde(default)]
    pub units: Units,
}

/// What the numbers of a zone are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Units {
    /// Shares of the picture's width and height, 0 to 1.
    #[default]
    Relative,
    /// Pixels.
    Px,
}

/// A zone in pixels of a picture.
#[derive(Debug, Clone, PartialEq)]
pub enum ZoneShape {
    /// An area.
    Polygon(Area),
    /// A line.
    Line(Point, Point),
}

impl ZoneConfig {
    /// What is wrong with it, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let points: &[[f32; 2]] = match (&self.polygon, &self.line) {
            (Some(_), Some(_)) => {
                return Some("has a polygon and a line; make two zones of it".to_owned());
            }
            (None, None) => {
                return Some("has neither polygon nor line; give it one of them".to_owned());
            }
            (Some(polygon), None) if polygon.len() < 3 || polygon.len() > MAX_POINTS => {
                return Some(format!(
                    "has a polygon of {} points; it takes 3 to {MAX_POINTS}",
                    polygon.len()
                ));
            }
            (Some(polygon), None) => polygon,
            (None, Some(line)) if line[0] == line[1] => {
                return Some("has a line whose two points are the same".to_owned());
            }
            (None, Some(line)) => line,
        };
        let numbers = points.iter().flatten();
        let (low, high) = numbers
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &n| (low.min(n), high.max(n)));
        if points.iter().flatten().any(|n| !n.is_finite()) {
            return Some("has a point that is not a number".to_owned());
        }
        match self.units {
            Units::Relative if low < 0.0 || high > 1.0 => Some(
                "has points outside 0 to 1; write units = \"px\" if they are pixels".to_owned(),
            ),
            Units::Px if low < 0.0 || high > 65_536.0 => {
                Some("has points outside any picture".to_owned())
            }
            // What else can be wrong with corners: edges that cross.
            _ => {
                self.zone(self.polygon.as_ref()?).err().map(|error| format!("is unusable: {error}"))
            }
        }
    }

    fn zone(&self, polygon: &[[f32; 2]]) -> Result<Zone, zones::ZoneError> {
        let units = match self.units {
            Units::Relative => zones::Units::Relative,
            Units::Px => zones::Units::Pixels,
        };
        let points = polygon.iter().map(|&[x, y]| Point { x, y }).collect();
        Zone::new(points, units, Anchor::BottomCentre)
    }

    /// The zone in pixels of a picture of this size. `None` for a zone with a [fault](Self::fault).
    #[must_use]
    pub fn shape(&self, size: Size) -> Option<ZoneShape> {
        let (w, h) = match self.units {
            Units::Relative => (size.width as f32, size.height as f32),
            Units::Px => (1.0, 1.0),
        };
        let point = |&[x, y]: &[f32; 2]| Point { x: x * w, y: y * h };
        match (&self.polygon, &self.line) {
            (Some(polygon), None) => {
                Some(ZoneShape::Polygon(self.zone(polygon).ok()?.resolve(size)))
            }
            (None, Some([a, b])) => Some(ZoneShape::Line(point(a), point(b))),
            _ => None,
        }
    }
}

/// All zones, by name and camera.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zones {
    /// The zones.
    #[serde(default, rename = "zone")]
    pub all: Vec<ZoneConfig>,
}

impl Zones {
    /// The zone of a name for a camera; one of the camera's own goes before one of all cameras.
    #[must_use]
    pub fn find(&self, name: &str, camera: &str) -> Option<&ZoneConfig> {
        let named = || self.all.iter().filter(|zone| zone.name == name);
        named()
            .find(|zone| zone.camera.as_deref() == Some(camera))
            .or_else(|| named().find(|zone| zone.camera.is_none()))
    }

    /// Puts zones in the place of those with the same name and camera, or beside them.
    pub fn replace(&mut self, zones: Vec<ZoneConfig>) {
        for zone in zones {
            let same = |old: &&mut ZoneConfig| old.name == zone.name && old.camera == zone.camera;
            match self.all.iter_mut().find(same) {
                Some(old) => *old = zone,
                None => self.all.push(zone),
            }
        }
    }

    /// Reads a file of zones; a file that is not there has none.
    ///
    /// # Errors
    /// A file that cannot be read or parsed, or a zone with a fault.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(ConfigError::Read { path: path.to_owned(), error }),
        };
        let zones: Self = super::load::parse(path, &text)?;
        match zones.all.iter().find_map(|zone| Some((zone, zone.fault()?))) {
            Some((zone, fault)) => Err(ConfigError::Invalid {
                path: path.to_owned(),
                faults: vec![format!("zone {:?} {fault}", zone.name)],
            }),
            None => Ok(zones),
        }
    }

    /// Writes the zones to a file, which is replaced as a whole.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(self.to_toml().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// As a TOML file. The `toml` crate is built without its writer; the form is small.
    fn to_toml(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::from("# Zones drawn on the page of `watch`.\n");
        let pair = |p: &[f32; 2]| format!("[{:?}, {:?}]", p[0], p[1]);
        for zone in &self.all {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n[[zone]]\nname = {}\n", quoted(&zone.name));
            if let Some(camera) = &zone.camera {
                let _ = writeln!(text, "camera = {}", quoted(camera));
            }
            if let Some(polygon) = &zone.polygon {
                let points: Vec<String> = polygon.iter().map(pair).collect();
                let _ = writeln!(text, "polygon = [{}]", points.join(", "));
            }
            if let Some([a, b]) = &zone.line {
                let _ = writeln!(text, "line = [{}, {}]", pair(a), pair(b));
            }
            if zone.units == Units::Px {
                text.push_str("units = \"px\"\n");
            }
        }
        text
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polygon(name: &str, camera: Option<&str>) -> ZoneConfig {
        ZoneConfig {
            name: name.to_owned(),
            camera: camera.map(str::to_owned),
            polygon: Some(vec![[0.0, 0.0], [1.0, 0.25], [1.0, 1.0]]),
            line: None,
            units: Units::Relative,
        }
    }

    #[test]
    fn zones_survive_their_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("zones.toml");
        assert_eq!(Zones::read(&path).unwrap(), Zones::default());
        let mut zones = Zones { all: vec![polygon("皮带 \"1\"\n", Some("north\\1"))] };
        let line = Some([[3.0, 4.5], [1e-7, 900.0]]);
        zones.all.push(ZoneConfig {
            line,
            polygon: None,
            units: Units::Px,
            ..polygon("gate", None)
        });
        zones.write(&path).unwrap();
        assert_eq!(Zones::read(&path).unwrap(), zones);
        zones.write(&path).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_cameras_own_zone_goes_first_and_relative_ones_follow_the_picture() {
        let mut zones = Zones { all: vec![polygon("a", None), polygon("a", Some("one"))] };
        assert_eq!(zones.find("a", "one").unwrap().camera.as_deref(), Some("one"));
        assert_eq!(zones.find("a", "two").unwrap().camera, None);
        assert!(zones.find("b", "one").is_none());
        zones.replace(vec![ZoneConfig { units: Units::Px, ..polygon("a", Some("one")) }]);
        assert_eq!((zones.all.len(), zones.find("a", "one").unwrap().units), (2, Units::Px));
        let Some(ZoneShape::Polygon(area)) = zones.all[0].shape(Size::new(200, 100)) else {
            panic!("a polygon");
        };
        assert!(area.contains(Point { x: 190.0, y: 50.0 }));
        assert!(!area.contains(Point { x: 50.0, y: 90.0 }));
    }

    #[test]
    fn faults_name_the_remedy() {
        let good = polygon("a", None);
        assert_eq!(good.fault(), None);
        let far =
            ZoneConfig { polygon: Some(vec![[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]), ..good.clone() };
        assert!(far.fault().unwrap().contains("units = \"px\""));
        assert_eq!(ZoneConfig { units: Units::Px, ..far }.fault(), None);
        let knot = vec![[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
        assert!(ZoneConfig { polygon: Some(knot), ..good.clone() }.fault().is_some());
        let short = ZoneConfig { polygon: Some(vec![[0.0, 0.0]]), ..good.clone() };
        assert!(short.fault().unwrap().contains("3 to"));
        let nan =
            ZoneConfig { polygon: None, line: Some([[f32::NAN, 0.0], [0.0, 0.0]]), ..good.clone() };
        assert!(nan.fault().is_some());
        assert!(ZoneConfig { polygon: None, ..good }.fault().is_some());
    }
}
