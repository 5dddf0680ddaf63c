//! Cropping to an area, also one that crosses 0 E or 180 E.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::RegridError;
use crate::grid::Grid;

/// An area between two parallels and two meridians, from west eastwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Northern edge, in degrees.
    pub north: f64,
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge; where it is not east of the western one, the area goes on past 180 E or 360 E to it.
    pub east: f64,
}

impl Area {
    /// Whether a place lies in it, edges too.
    #[must_use]
    pub fn holds(&self, lat: f64, lon: f64) -> bool {
        let slack = 1e-6;
        (self.south - slack..=self.north + slack).contains(&lat)
            && self.eastward(lon) <= self.width() + slack
    }

    /// Degrees from the western edge eastwards, just under 0 counted as 0.
    fn eastward(&self, lon: f64) -> f64 {
        let apart = (lon - self.west).rem_euclid(360.0);
        if apart > 360.0 - 1e-6 { 0.0 } else { apart }
    }

    fn width(&self) -> f64 {
        let width = self.east - self.west;
        if width >= 360.0 {
            return 360.0;
        }
        width.rem_euclid(360.0)
    }
}

/// `north/west/south/east`, in degrees.
impl FromStr for Area {
    type Err = RegridError;

    fn from_str(text: &str) -> Result<Self, RegridError> {
        let wrong = || RegridError::Area { text: text.to_owned() };
        let parts: Vec<f64> = text
            .split('/')
            .map(|part| part.trim().parse().ok().filter(|value: &f64| value.is_finite()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let [north, west, south, east] = parts[..] else { return Err(wrong()) };
        let fits = north >= south
            && north <= 90.0
            && south >= -90.0
            && west.abs() <= 360.0
            && east.abs() <= 360.0;
        fits.then_some(Self { north, west, south, east }).ok_or_else(wrong)
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.north, self.west, self.south, self.east)
    }
}

/// The points of a grid that lie in an area.
#[derive(Debug, Clone)]
pub struct Crop {
    /// Points of the cropped fields.
    pub grid: Arc<Grid>,
    from: usize,
    at: Vec<usize>,
}

impl Crop {
    /// Picks the points. Rectilinear grids stay so, with columns from the western edge eastwards and longitudes that ascend
    /// (an area from 10 W to 20 E has -10..20, one from 170 E to 170 W has 170..190); projections become a list of points.
    ///
    /// # Errors
    /// [`RegridError::Empty`]
    pub fn new(grid: &Grid, area: &Area) -> Result<Self, RegridError> {
        let empty = || RegridError::Empty { grid: grid.to_string(), area: area.to_string() };
        let from = grid.len();
        if !grid.is_rectilinear() {
            let at: Vec<usize> = (0..from)
                .filter(|at| {
                    let (lat, lon) = grid.at(*at);
                    area.holds(lat, lon)
                })
                .collect();
            let (lats, lons) = at.iter().map(|at| grid.at(*at)).unzip();
            let grid = Grid::points(lats, lons).map_err(|_| empty())?;
            return Ok(Self { grid: Arc::new(grid), from, at });
        }
        let rows: Vec<usize> =
            (0..grid.shape.0).filter(|row| area.holds(grid.lats[*row], area.west)).collect();
        let mut columns: Vec<(f64, usize)> = grid
            .lons
            .iter()
            .enumerate()
            .map(|(column, lon)| (area.eastward(*lon), column))
            .filter(|(eastward, _)| *eastward <= area.width() + 1e-6)
            .collect();
        columns.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Both ends of a circle are one meridian.
        columns.dedup_by(|a, b| (a.0 - b.0).abs() < 1e-6);
        let lats = rows.iter().map(|row| grid.lats[*row]).collect();
        let lons = columns.iter().map(|(eastward, _)| rounded(area.west + eastward)).collect();
        let cropped = Grid::rectilinear(lats, lons).map_err(|_| empty())?;
        let at = rows
            .iter()
            .flat_map(|row| columns.iter().map(move |(_, column)| row * grid.shape.1 + column))
            .collect();
        Ok(Self { grid: Arc::new(cropped), from, at })
    }

    /// The cropped values.
    ///
    /// # Errors
    /// [`RegridError::Length`]
    pub fn apply(&self, values: &[f32]) -> Result<Vec<f32>, RegridError> {
        if values.len() != self.from {
            return Err(RegridError::Length { found: values.len(), expected: self.from });
        }
        Ok(self.at.iter().map(|at| values[*at]).collect())
    }
}

/// Without the noise of adding and taking off degrees.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e9).round() / 1e9
}
