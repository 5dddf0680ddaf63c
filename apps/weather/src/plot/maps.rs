//! Maps of files: one, one a moment as an animation, one a member as panels.

use anyhow::bail;
use strata_earth::plot::barb::Unit;
use strata_earth::plot::colour::Scale;
use strata_earth::plot::map::{Filling, Frame, WindKind};
use strata_earth::plot::projection::Projection;
use strata_earth::plot::tracks::Tracks;
use strata_earth::plot::{Font, Map, Picture, Scene, panels, raster};
use strata_earth::regrid::crop::Area;

use super::pick::{Files, Moment, Pick};

/// A projection by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Projecting {
    /// Straight meridians and parallels, equally spaced.
    Equirectangular,
    /// Conformal, north up.
    Mercator,
    /// Polar stereographic, of the hemisphere that the area is in.
    Polar,
    /// Lambert's conformal cone, for middle latitudes.
    Lambert,
    /// The globe seen from afar.
    Globe,
}

/// What a map shows.
#[derive(Debug, Clone)]
pub struct MapJob {
    /// Drawn in colours.
    pub field: Option<Pick>,
    /// Drawn as contour lines.
    pub contours: Vec<Pick>,
    /// Interval of the contours, in the picture's unit.
    pub interval: Option<f64>,
    /// Drawn as barbs.
    pub barbs: Option<Pick>,
    /// Arrows in place of barbs.
    pub arrows: bool,
    /// Unit of barbs.
    pub barb_unit: Unit,
    /// Colours, range, gradient.
    pub filling: Filling,
    /// Projection; by the area where none is named.
    pub projection: Option<Projecting>,
    /// Latitude and longitude in the middle, of projections that have one.
    pub centre: Option<(f64, f64)>,
    /// Area.
    pub area: Option<Area>,
    /// Cyclone tracks.
    pub tracks: Option<Tracks>,
    /// Title, in place of what is on the map.
    pub title: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Borders between countries.
    pub borders: bool,
    /// Width of the picture, in pixels.
    pub width: u32,
    /// Most height of the map in it, in pixels; as much as the width where none is named.
    pub height: Option<u32>,
}

impl MapJob {
    /// The field whose moments and members count: that of the colours, else of the first contours, else of the barbs.
    #[must_use]
    pub fn leading(&self) -> Option<&Pick> {
        self.field.as_ref().or_else(|| self.contours.first()).or(self.barbs.as_ref())
    }

    fn frame(&self) -> Frame {
        let area = self.area;
        let middle = area.map(|area| {
            let width = if area.east - area.west >= 360.0 {
                360.0
            } else {
                (area.east - area.west).rem_euclid(360.0)
            };
            (f64::midpoint(area.north, area.south), area.west + width / 2.0)
        });
        let (lat, lon) = self.centre.or(middle).unwrap_or((0.0, 0.0));
        let projection = match self.projection.unwrap_or(Projecting::Equirectangular) {
            Projecting::Equirectangular => {
                Projection::Equirectangular { centre: lon, true_lat: 0.0 }
            }
            Projecting::Mercator => Projection::Mercator { centre: lon },
            Projecting::Polar => Projection::PolarStereographic { south: lat < 0.0, meridian: lon },
            Projecting::Lambert => {
                // The cone cuts a sixth of the area's height within its edges; China's maps have 25 and 47 N.
                let cuts = match area {
                    Some(area) => {
                        let inset = (area.north - area.south) / 6.0;
                        let (low, high) = (area.south + inset, area.north - inset);
                        // Both on one side of the equator, and not on it.
                        if f64::midpoint(low, high) >= 0.0 {
                            (low.max(10.0), high.max(15.0))
                        } else {
                            (low.min(-15.0), high.min(-10.0))
                        }
                    }
                    None if lat < 0.0 => (-47.0, -25.0),
                    None => (25.0, 47.0),
                };
                let lon = if self.centre.is_none() && area.is_none() { 105.0 } else { lon };
                Projection::Lambert { meridian: lon, cuts }
            }
            Projecting::Globe => Projection::Orthographic { lat, lon },
        };
        let height = self.height.unwrap_or(self.width);
        Frame { projection, area, width: self.width, height }
    }

    fn build(
        &self,
        files: Option<&Files>,
        moment: Option<Moment>,
        member: Option<u32>,
    ) -> anyhow::Result<Map> {
        let mut map = Map::new(self.frame());
        if let (Some(files), Some(moment)) = (files, moment) {
            if let Some(pick) = &self.field {
                map = map.fill(&files.field(pick, moment, member)?, self.filling)?;
            }
            for pick in &self.contours {
                map = map.contours(&files.field(pick, moment, member)?, self.interval)?;
            }
            if let Some(pick) = &self.barbs {
                let [u, v] = files.wind(pick, moment, member)?;
                let kind = if self.arrows {
                    WindKind::Arrows(30.0)
                } else {
                    WindKind::Barbs(self.barb_unit)
                };
                map = map.wind(&u, &v, kind)?;
            }
        }
        if let Some(tracks) = &self.tracks {
            map = map.tracks(tracks.clone());
        }
        if let Some(title) = &self.title {
            map = map.title(title.clone());
        }
        if let Some(model) = &self.model {
            map = map.model(model);
        }
        Ok(map.borders(self.borders))
    }
}

/// A map at a moment; of tracks alone without one.
///
/// # Errors
/// Fields that are not there, or cannot be shown.
pub fn map(
    job: &MapJob,
    files: Option<&Files>,
    moment: Option<Moment>,
    member: Option<u32>,
    font: &Font,
) -> anyhow::Result<Scene> {
    Ok(job.build(files, moment, member)?.scene(font)?)
}

/// The scale that holds the values of all maps: the first map's, unless that was made for its own values.
fn common(maps: &mut dyn Iterator<Item = anyhow::Result<Map>>) -> anyhow::Result<Option<Scale>> {
    let mut widest: Option<Scale> = None;
    for map in maps {
        let map = map?;
        let Some(scale) = map.scale() else { return Ok(None) };
        let span = |scale: &Scale| {
            (
                scale.levels.first().copied().unwrap_or(0.0),
                scale.levels.last().copied().unwrap_or(0.0),
            )
        };
        widest = match widest {
            None => Some(scale.clone()),
            Some(known) if span(&known) == span(scale) => Some(known),
            Some(known) => {
                let ((low, high), (other_low, other_high)) = (span(&known), span(scale));
                let (low, high) = (low.min(other_low), high.max(other_high));
                map.scale_over(low, high)
            }
        };
    }
    Ok(widest)
}

/// Maps of all moments with one scale, as pictures for an animation.
///
/// # Errors
/// As [`map`], and where there are fewer than two moments.
pub fn animation(
    job: &MapJob,
    files: &Files,
    moments: &[Moment],
    member: Option<u32>,
    font: &Font,
) -> anyhow::Result<Vec<Picture>> {
    if moments.len() < 2 {
        bail!("an animation needs at least two times; a picture of one is written as .png or .svg");
    }
    let build = |moment: &Moment| job.build(Some(files), Some(*moment), member);
    let scale = common(&mut moments.iter().map(build))?;
    let picture = |moment: &Moment| {
        let map = build(moment)?;
        let map = if let Some(scale) = &scale { map.with_scale(scale.clone()) } else { map };
        Ok(raster(&map.scene(font)?, font)?)
    };
    moments.iter().map(picture).collect()
}

/// Maps of all members at a moment, side by side with one scale.
///
/// # Errors
/// As [`map`], and where there are no members.
pub fn stamps(
    job: &MapJob,
    files: &Files,
    moment: Moment,
    columns: Option<usize>,
    font: &Font,
) -> anyhow::Result<Scene> {
    let Some(pick) = job.leading() else { bail!("stamps need --field, --contour or --barbs") };
    let members = files.members(pick);
    if members.is_empty() {
        bail!("{pick} has no members: it is no ensemble");
    }
    let build = |member: &u32| job.build(Some(files), Some(moment), Some(*member));
    let scale = common(&mut members.iter().map(build))?;
    let maps: Vec<(String, Map)> = members
        .iter()
        .map(|member| {
            let map = build(member)?;
            let map = if let Some(scale) = &scale { map.with_scale(scale.clone()) } else { map };
            Ok((format!("member {member}"), map))
        })
        .collect::<anyhow::Result<_>>()?;
    let columns = columns.unwrap_or_else(|| (members.len() as f64).sqrt().ceil() as usize);
    let first = build(&members[0])?;
    let title = job.title.clone().unwrap_or_else(|| first.what());
    Ok(panels(&maps, (columns, job.width), &title, font)?)
}
