//! The points of a message: what its grid section says of them, in degrees, and the grid that this makes.

use crate::grid::{Grid, GridKind, gaussian_latitudes};
use crate::source::Limits;

use super::octets::Why;
use super::project::{self, Plane};
use super::wind::Axes;

/// Most rows of a Gaussian grid between pole and equator: more than any model has; their latitudes cost the square of it.
const MOST_PARALLELS: usize = 4096;

/// Latitude and longitude, in degrees.
pub(super) type Point = (f64, f64);

/// How the points lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    LatLon {
        ni: usize,
        nj: usize,
        first: Point,
        last: Point,
    },
    /// `parallels` are those between a pole and the equator.
    Gaussian {
        ni: usize,
        nj: usize,
        parallels: usize,
        first: Point,
        last: Point,
    },
    /// Rows of differing numbers of points; equal steps of latitude where there are no `parallels`.
    Reduced {
        rows: Vec<usize>,
        parallels: Option<usize>,
        first: Point,
        last: Point,
    },
    Plane(Plane),
    HealPix {
        nside: usize,
        nested: bool,
        first: Point,
    },
    /// Coordinates are not in the file.
    Unstructured {
        points: usize,
    },
    /// Coefficients of spherical harmonics.
    Spectral {
        triangle: (usize, usize, usize),
    },
}

/// Where a rotated grid's south pole lies, and how far it is turned about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rotation {
    pub(super) south: Point,
    pub(super) angle: f64,
}

impl Rotation {
    /// How the grid's columns and rows lie to the meridians.
    pub(super) fn axes(self) -> Axes {
        Axes::Pole((-self.south.0, self.south.1 + 180.0))
    }
}

/// A grid section, understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    pub(super) shape: Shape,
    pub(super) rotation: Option<Rotation>,
    /// Flags of the scanning mode.
    pub(super) scan: u8,
    /// Points that the section itself counts, where it does.
    pub(super) told: Option<usize>,
    /// Components of a wind go along the grid's axes, not east and north.
    pub(super) along: bool,
}

/// Rows and columns as the file scans them, and the row lengths of a reduced grid.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scan {
    pub(super) flags: u8,
    pub(super) shape: (usize, usize),
    pub(super) rows: Option<Vec<usize>>,
}

impl Layout {
    /// Number of points, which limits are asked about before anything is made.
    pub(super) fn points(&self, limits: &Limits) -> Result<usize, Why> {
        let product = |a: usize, b: usize| a.checked_mul(b).ok_or_else(|| "too many points".into());
        let points = match &self.shape {
            Shape::LatLon { ni, nj, .. } | Shape::Gaussian { ni, nj, .. } => product(*ni, *nj),
            Shape::Reduced { rows, .. } => rows
                .iter()
                .try_fold(0_usize, |sum, row| sum.checked_add(*row))
                .ok_or_else(|| "too many points".into()),
            Shape::Plane(plane) => product(plane.ni, plane.nj),
            Shape::HealPix { nside, .. } => product(12, product(*nside, *nside)?),
            Shape::Unstructured { points } => Ok(*points),
            Shape::Spectral { triangle: (j, k, m) } => spectral(*j, *k, *m),
        }?;
        if points == 0 {
            return Err("a grid without points".into());
        }
        if points > limits.points {
            return Err(format!("{points} points, more than the {} allowed", limits.points));
        }
        Ok(points)
    }

    /// The axes that components of a wind go along, where those are not east and north.
    pub(super) fn axes(&self) -> Option<Axes> {
        let axes = match (&self.shape, self.rotation) {
            (Shape::Plane(plane), _) => plane.axes(),
            (_, Some(rotation)) => rotation.axes(),
            _ => Axes::Straight,
        };
        (self.along && axes != Axes::Straight).then_some(axes)
    }

    /// The grid, and how values are scanned over it.
    pub(super) fn grid(&self, limits: &Limits) -> Result<(Grid, Scan), Why> {
        let points = self.points(limits)?;
        let wrong = |error: crate::grid::GridError| error.why;
        let mut rows = None;
        let grid = match &self.shape {
            Shape::LatLon { ni, nj, first, last } => {
                let lats = line(first.0, last.0, *nj);
                let lons = columns(first.1, last.1, *ni, self.scan);
                self.rectilinear(lats, lons)?
            }
            Shape::Gaussian { ni, nj, parallels, first, last } => {
                let lats = parallels_between(*parallels, *nj, first.0, last.0)?;
                let lons = columns(first.1, last.1, *ni, self.scan);
                self.rectilinear(lats, lons)?
            }
            Shape::Reduced { rows: lengths, parallels, first, last } => {
                let at = match parallels {
                    Some(count) => parallels_between(*count, lengths.len(), first.0, last.0)?,
                    None => line(first.0, last.0, lengths.len()),
                };
                let (lats, lons, kept) = reduced(lengths, &at, *first, *last, self.told);
                rows = Some(kept);
                let (lats, lons) = self.turned(lats, lons);
                Grid::points(lats, lons).map_err(wrong)?
            }
            Shape::Plane(plane) => {
                let (lats, lons) = plane.coordinates(self.scan)?;
                let kind = GridKind::Projected { projection: plane.name().to_owned() };
                Grid::scattered(kind, (plane.nj, plane.ni), lats, lons).map_err(wrong)?
            }
            Shape::HealPix { nside, nested, first } => {
                let (lats, lons) = project::healpix(*nside, *nested, first.1);
                Grid::points(lats, lons).map_err(wrong)?
            }
            Shape::Unstructured { .. } => nowhere(GridKind::Points, points),
            Shape::Spectral { .. } => {
                let projection = "spherical_harmonics".to_owned();
                nowhere(GridKind::Projected { projection }, points)
            }
        };
        let scan = Scan { flags: self.scan, shape: grid.shape, rows };
        Ok((grid, scan))
    }

    /// A grid of rows and columns, or of single points where it is rotated.
    fn rectilinear(&self, lats: Vec<f64>, lons: Vec<f64>) -> Result<Grid, Why> {
        let wrong = |error: crate::grid::GridError| error.why;
        if self.rotation.is_none() {
            return Grid::rectilinear(lats, lons).map_err(wrong);
        }
        let shape = (lats.len(), lons.len());
        let every = |lat: &f64| lons.iter().map(move |lon| (*lat, *lon)).collect::<Vec<_>>();
        let (lats, lons) = lats.iter().flat_map(every).unzip();
        let (lats, lons) = self.turned(lats, lons);
        let kind = GridKind::Projected { projection: "rotated_latitude_longitude".to_owned() };
        Grid::scattered(kind, shape, lats, lons).map_err(wrong)
    }

    fn turned(&self, mut lats: Vec<f64>, mut lons: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        if let Some(rotation) = self.rotation {
            for (lat, lon) in lats.iter_mut().zip(&mut lons) {
                (*lat, *lon) = project::unrotate((*lat, *lon), rotation);
            }
        }
        (lats, lons)
    }
}

/// Points whose coordinates the file does not give are NaN: no search finds them.
fn nowhere(kind: GridKind, points: usize) -> Grid {
    let none = vec![f64::NAN; points];
    Grid { kind, shape: (1, points), lats: none.clone(), lons: none }
}

/// Real and imaginary parts of a pentagonal truncation's coefficients.
fn spectral(j: usize, k: usize, m: usize) -> Result<usize, Why> {
    if j.max(k).max(m) > 1 << 20 {
        return Err("a spectral truncation beyond all models".into());
    }
    // Waves m = 0..=M, each with degrees n = m..=min(J + m, K).
    let of_wave = |wave: usize| (j + wave).min(k).saturating_sub(wave) + 1;
    if j == k && k == m {
        return Ok((j + 1) * (j + 2));
    }
    Ok(2 * (0..=m).map(of_wave).sum::<usize>())
}

/// Equal steps from the first to the last: increments of the file are rounded, or wrong.
fn line(first: f64, last: f64, count: usize) -> Vec<f64> {
    let step = if count > 1 { (last - first) / (count - 1) as f64 } else { 0.0 };
    (0..count).map(|at| first + at as f64 * step).collect()
}

/// Longitudes of columns: eastward, or westward where the flag says so, whatever turn the last one is given in.
fn columns(first: f64, last: f64, count: usize, scan: u8) -> Vec<f64> {
    let west = scan & 0x80 != 0;
    let span = if west { first - last } else { last - first };
    // A single column has no span; several that end where they began go all the way around.
    let span = if span < 0.0 || (span == 0.0 && count > 1) { span + 360.0 } else { span };
    let end = if west { first - span } else { first + span };
    line(first, end, count)
}

/// The rows of a Gaussian grid from the one at `first` on.
fn parallels_between(
    parallels: usize,
    rows: usize,
    first: f64,
    last: f64,
) -> Result<Vec<f64>, Why> {
    if parallels == 0 || parallels > MOST_PARALLELS {
        return Err(format!(
            "{parallels} parallels between pole and equator; 1 to {MOST_PARALLELS}"
        ));
    }
    let mut all = gaussian_latitudes(2 * parallels);
    if first < last {
        all.reverse();
    }
    let apart = |lat: &f64| (lat - first).abs();
    let start = (0..all.len())
        .min_by(|a, b| apart(&all[*a]).total_cmp(&apart(&all[*b])))
        .filter(|start| rows == all.len() || start + rows <= all.len());
    // All rows of the globe begin at a pole, even where the file's first latitude is another.
    let start = if rows == all.len() { Some(0) } else { start };
    let found = start.and_then(|start| all.get(start..start + rows));
    found.map(<[f64]>::to_vec).ok_or_else(|| {
        format!("{rows} rows from {first} N do not lie on a Gaussian grid of {parallels} parallels")
    })
}

/// Points of a reduced grid: all of each row, or those between the first and the last longitude where that gives the number of
/// points told.
fn reduced(
    lengths: &[usize],
    lats: &[f64],
    first: Point,
    last: Point,
    told: Option<usize>,
) -> (Vec<f64>, Vec<f64>, Vec<usize>) {
    let all: usize = lengths.iter().sum();
    let longest = lengths.iter().copied().max().unwrap_or(1).max(1);
    let east = if last.1 < first.1 { last.1 + 360.0 } else { last.1 };
    let whole = told.map_or(
        east - first.1 + 1.5 * 360.0 / longest as f64 >= 360.0 && first.1.abs() < 1e-9,
        |told| told == all,
    );
    let row_of = |length: usize, slack: f64| -> Vec<f64> {
        let step = 360.0 / length.max(1) as f64;
        if whole {
            return (0..length).map(|at| at as f64 * step).collect();
        }
        let from = ((first.1 - slack) / step).ceil() as i64;
        let to = ((east + slack) / step).floor() as i64;
        let most = i64::try_from(length).unwrap_or(i64::MAX);
        (from..=to.min(from.saturating_add(most) - 1)).map(|at| at as f64 * step).collect()
    };
    // Bounds are rounded to thousandths in GRIB 1 and to millionths in GRIB 2: the slack that gives the told number is right.
    let slacks = [1e-6, 1e-3, 5e-4, 2e-3, 0.0];
    let count =
        |slack: f64| lengths.iter().map(|length| row_of(*length, slack).len()).sum::<usize>();
    let slack = slacks.into_iter().find(|slack| told == Some(count(*slack))).unwrap_or(1e-3);
    let (mut at_lat, mut at_lon, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for (length, lat) in lengths.iter().zip(lats) {
        let row = row_of(*length, slack);
        at_lat.extend(std::iter::repeat_n(*lat, row.len()));
        kept.push(row.len());
        at_lon.extend(row);
    }
    (at_lat, at_lon, kept)
}

impl Scan {
    /// Values of the file's order, row by row in the order of the grid's rows and columns.
    pub(super) fn ordered(&self, values: Vec<f32>) -> Vec<f32> {
        let (rows, columns) = self.shape;
        if self.rows.is_some() || rows * columns != values.len() {
            return values;
        }
        let by_column = self.flags & 0x20 != 0;
        let mut values = values;
        if self.flags & 0x10 != 0 {
            let length = if by_column { rows } else { columns };
            values.chunks_mut(length.max(1)).skip(1).step_by(2).for_each(<[f32]>::reverse);
        }
        if !by_column {
            return values;
        }
        let mut turned = Vec::with_capacity(values.len());
        for row in 0..rows {
            turned.extend((0..columns).map(|column| values[column * rows + row]));
        }
        turned
    }

    /// Lengths of the lines that the file scans: rows, or columns where those are consecutive.
    pub(super) fn lines(&self) -> Vec<usize> {
        let (rows, columns) = self.shape;
        match &self.rows {
            Some(rows) => rows.clone(),
            None if self.flags & 0x20 != 0 => vec![rows; columns],
            None => vec![columns; rows],
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn scan(flags: u8) -> Scan {
        Scan { flags, shape: (2, 3), rows: None }
    }

    #[test]
    fn every_scanning_mode_gives_rows() {
        // Rows are 1 2 3 and 4 5 6.
        let rows = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(scan(0).ordered(rows.clone()), rows);
        assert_eq!(scan(0x40).ordered(rows.clone()), rows);
        assert_eq!(scan(0x10).ordered(vec![1.0, 2.0, 3.0, 6.0, 5.0, 4.0]), rows);
        assert_eq!(scan(0x20).ordered(vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0]), rows);
        assert_eq!(scan(0x30).ordered(vec![1.0, 4.0, 5.0, 2.0, 3.0, 6.0]), rows);
    }

    #[test]
    fn columns_go_the_flagged_way() {
        assert_eq!(columns(0.0, 270.0, 4, 0), [0.0, 90.0, 180.0, 270.0]);
        assert_eq!(columns(350.0, 10.0, 3, 0), [350.0, 360.0, 370.0]);
        assert_eq!(columns(-10.0, 10.0, 3, 0), [-10.0, 0.0, 10.0]);
        assert_eq!(columns(10.0, 350.0, 3, 0x80), [10.0, 0.0, -10.0]);
        assert_eq!(columns(5.0, 5.0, 1, 0), [5.0]);
    }

    #[test]
    fn limits_are_asked_first() {
        let shape = Shape::LatLon { ni: 1 << 20, nj: 1 << 20, first: (0.0, 0.0), last: (1.0, 1.0) };
        let layout = Layout { shape, rotation: None, scan: 0, told: None, along: false };
        assert!(layout.grid(&Limits::default()).unwrap_err().contains("more than"));
        let shape = Shape::Unstructured { points: 0 };
        let layout = Layout { shape, rotation: None, scan: 0, told: None, along: false };
        assert!(layout.grid(&Limits::default()).is_err());
    }
}
