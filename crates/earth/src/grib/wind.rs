//! Winds along the axes of a projected grid, turned to east and north.
//!
//! A flag of the grid section (code table 7 of GRIB 1, 3.3 of GRIB 2) says that the components of a wind go along the grid's
//! columns and rows. Names, units and all that is made of them mean east and north: on Lambert's cone over North America the two
//! are up to 45° apart. [`GribFile`] gives what the file holds, as ecCodes does; [`Eastward`] gives what the names say.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::field::Header;
use crate::source::{ReadError, Source};
use crate::variable::wind_partner;

use super::GribFile;
use super::layout::Point;

/// The attribute of a component that was turned, or would have to be.
pub const WIND: &str = "wind";
/// Its value where the component was turned.
pub const TURNED: &str = "turned from the grid's axes to east and north";
/// Its value where it could not be.
pub const ALONG: &str = "along the grid's axes";

/// How a grid's axes lie to the meridians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Axes {
    /// Rows and columns run east and north everywhere.
    Straight,
    /// A cone (or a plane over a pole, of cone 1 or −1): a meridian leans by the cone's constant times its distance from the
    /// vertical one, in degrees (Snyder, "Map Projections", 14-4 and 15-2).
    Cone { constant: f64, meridian: f64 },
    /// A grid of another north pole: columns run towards it.
    Pole(Point),
}

impl Axes {
    /// The angle from east to the direction of rising columns, anticlockwise, in radians.
    pub(super) fn angle(self, (lat, lon): Point) -> f64 {
        match self {
            Self::Straight => 0.0,
            Self::Cone { constant, meridian } => {
                let apart = (lon - meridian + 180.0).rem_euclid(360.0) - 180.0;
                -constant * apart.to_radians()
            }
            Self::Pole((pole_lat, pole_lon)) => {
                // The course from the point to the grid's pole, clockwise from north.
                let (sin, cos) = lat.to_radians().sin_cos();
                let (pole_sin, pole_cos) = pole_lat.to_radians().sin_cos();
                let (turn_sin, turn_cos) = (pole_lon - lon).to_radians().sin_cos();
                -(turn_sin * pole_cos).atan2(cos * pole_sin - sin * pole_cos * turn_cos)
            }
        }
    }
}

/// East and north of a wind along axes that are turned anticlockwise by an angle.
fn turned(along: (f32, f32), angle: f64) -> (f32, f32) {
    let (u, v) = (f64::from(along.0), f64::from(along.1));
    let (sin, cos) = angle.sin_cos();
    ((u * cos - v * sin) as f32, (u * sin + v * cos) as f32)
}

/// A file whose winds are towards east and north.
///
/// A component along the grid's axes whose other one is not in the file cannot be turned: its values are refused.
#[derive(Debug)]
pub struct Eastward {
    file: GribFile,
    headers: Vec<Header>,
    /// Fields along the grid's axes: the other component's field, where it is there, and whether this is the first of both.
    along: HashMap<usize, (Option<usize>, bool)>,
    notes: Vec<String>,
}

impl Eastward {
    /// Finds the components that go along their grid's axes.
    #[must_use]
    pub fn new(file: GribFile) -> Self {
        let mut headers = file.headers().to_vec();
        let mut notes = file.notes().to_vec();
        let key = |header: &Header, variable: &str| {
            let level = (header.level.kind, header.level.value.to_bits());
            (variable.to_owned(), level, header.valid(), header.step, header.member)
        };
        let mut fields: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, header) in headers.iter().enumerate() {
            if wind_partner(&header.variable).is_some() && file.axes(at).is_some() {
                fields.entry(key(header, &header.variable)).or_default().push(at);
            }
        }
        let mut along = HashMap::new();
        for at in fields.values().flatten() {
            let header = &headers[*at];
            let Some((other, first)) = wind_partner(&header.variable) else { continue };
            let same = |one: &&usize| {
                headers[**one].grid == header.grid && file.axes(**one) == file.axes(*at)
            };
            let others = fields.get(&key(header, other));
            // Layers that are told apart by more than their level lie beside their other component.
            let nearest = |all: &Vec<usize>| {
                all.iter().filter(same).min_by_key(|one| one.abs_diff(*at)).copied()
            };
            let partner = others.and_then(nearest);
            along.insert(*at, (partner, first));
        }
        let mut alone = 0;
        for (at, (partner, _)) in &along {
            let what = if partner.is_some() { TURNED } else { ALONG };
            alone += usize::from(partner.is_none());
            headers[*at].attributes.insert(WIND.to_owned(), what.to_owned());
        }
        if alone > 0 {
            notes.push(format!(
                "{alone} components of a wind go along the grid's axes, and the other ones are not in the file: their values are refused"
            ));
        }
        Self { file, headers, along, notes }
    }

    fn lone(&self, index: usize) -> ReadError {
        let header = &self.headers[index];
        let other = wind_partner(&header.variable).map_or("", |(other, _)| other);
        ReadError::Part {
            path: PathBuf::from(self.file.path()),
            place: format!("{} at {}", header.variable, header.level),
            why: format!(
                "it goes along the axes of a {} grid, and {other} of that level and time, which turning it to east and north needs, \
                 is not in the file; put both into one file",
                match &header.grid.kind {
                    crate::grid::GridKind::Projected { projection } => projection,
                    _ => "rotated",
                }
            ),
        }
    }
}

impl Source for Eastward {
    fn format(&self) -> &'static str {
        self.file.format()
    }

    fn headers(&self) -> &[Header] {
        &self.headers
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }

    fn values(&self, index: usize) -> Result<Vec<f32>, ReadError> {
        let Some((partner, first)) = self.along.get(&index).copied() else {
            return self.file.values(index);
        };
        let (Some(partner), Some(axes)) = (partner, self.file.axes(index)) else {
            return Err(self.lone(index));
        };
        let (own, other) = (self.file.values(index)?, self.file.values(partner)?);
        let grid = &self.headers[index].grid;
        let turn = |(at, (own, other)): (usize, (&f32, &f32))| {
            let angle = axes.angle(grid.at(at));
            if first { turned((*own, *other), angle).0 } else { turned((*other, *own), angle).1 }
        };
        Ok(own.iter().zip(&other).enumerate().map(turn).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grib::layout::Rotation;
    use crate::grib::project::{Earth, Plane, PlaneKind, unrotate};

    const STEP: f64 = 2000.0;

    /// Courses of rows and columns by the coordinates of neighbouring points are those that the formulas say.
    fn agrees(axes: Axes, (lats, lons): &(Vec<f64>, Vec<f64>), (ni, nj): (usize, usize)) {
        let mut largest: f64 = 0.0;
        for row in 1..nj - 1 {
            for column in 1..ni - 1 {
                let at = |row: usize, column: usize| {
                    let index = row * ni + column;
                    (lats[index], lons[index])
                };
                let (west, east) = (at(row, column - 1), at(row, column + 1));
                let (lat, lon) = at(row, column);
                let east_by = (east.1 - west.1 + 180.0).rem_euclid(360.0) - 180.0;
                let course = (east.0 - west.0).atan2(east_by * lat.to_radians().cos());
                let apart = (axes.angle((lat, lon)) - course + std::f64::consts::PI)
                    .rem_euclid(std::f64::consts::TAU)
                    - std::f64::consts::PI;
                largest = largest.max(apart.abs());
            }
        }
        assert!(largest < 2e-5, "{axes:?}: {largest}");
    }

    #[test]
    fn formulas_follow_the_coordinates() {
        let earths =
            [Earth::sphere(6_371_229.0), Earth { equator: 6_378_137.0, pole: 6_356_752.314 }];
        let kinds = [
            (PlaneKind::Lambert { meridian: 262.5, cuts: (25.0, 55.0) }, (38.0, 220.0)),
            (PlaneKind::Lambert { meridian: 262.5, cuts: (38.5, 38.5) }, (38.0, 300.0)),
            (PlaneKind::Lambert { meridian: 20.0, cuts: (-20.0, -50.0) }, (-30.0, 50.0)),
            (PlaneKind::Polar { meridian: 250.0, at: 60.0, south: false }, (55.0, 10.0)),
            (PlaneKind::Polar { meridian: 30.0, at: -60.0, south: true }, (-55.0, 100.0)),
            (PlaneKind::Mercator { at: 20.0 }, (10.0, 100.0)),
        ];
        for (kind, first) in kinds {
            let earth = earths[0];
            let plane = Plane { ni: 6, nj: 5, first, step: (STEP, STEP), earth, kind };
            let Ok(coordinates) = plane.coordinates(0x40) else { panic!("{kind:?}") };
            agrees(plane.axes(), &coordinates, (6, 5));
        }
        // A cone on an ellipsoid keeps angles: its courses are those of the formula with the ellipsoid's own latitudes.
        let kind = PlaneKind::Lambert { meridian: 262.5, cuts: (25.0, 55.0) };
        let plane =
            |earth| Plane { ni: 2, nj: 2, first: (38.0, 220.0), step: (1.0, 1.0), earth, kind };
        let angle = |earth| plane(earth).axes().angle((38.0, 220.0));
        assert!((angle(earths[0]) - angle(earths[1])).abs() < 3e-3);
    }

    #[test]
    fn a_rotated_grid_s_columns_run_towards_its_pole() {
        for rotation in [
            Rotation { south: (-40.0, 10.0), angle: 0.0 },
            Rotation { south: (-30.0, 190.0), angle: 25.0 },
        ] {
            let rows = |row: usize| 5.0 + row as f64 * 0.02;
            let columns = |column: usize| 350.0 + column as f64 * 0.02;
            let points =
                (0..30).map(|at| unrotate((rows(at / 6), columns(at % 6)), rotation)).unzip();
            agrees(rotation.axes(), &points, (6, 5));
        }
    }

    #[test]
    fn an_analytic_wind_on_lambert_s_cone_is_found() {
        // NCEP's grids of North America: the cone touches at 25 N. A wind of 10 m/s to the east, everywhere, told along the axes.
        let (cut, meridian) = (25.0_f64, 265.0);
        let constant = cut.to_radians().sin();
        let axes = Axes::Cone { constant, meridian };
        for (lon, lat) in [(220.0, 50.0), (265.0, 30.0), (310.0, 20.0), (-100.0, 40.0)] {
            let apart: f64 = lon - if lon < 0.0 { meridian - 360.0 } else { meridian };
            let lean = constant * apart.to_radians();
            let along = ((10.0 * lean.cos()) as f32, (10.0 * lean.sin()) as f32);
            let (u, v) = turned(along, axes.angle((lat, lon)));
            assert!((u - 10.0).abs() < 1e-5 && v.abs() < 1e-5, "{lon}: {u} {v}");
        }
        // West of the vertical meridian, columns run north of east: a wind along them has a northward part.
        assert!(turned((10.0, 0.0), axes.angle((40.0, 225.0))).1 > 2.0);
    }
}
