//! Grids: where the points of a field lie on the sphere.

use serde::Serialize;

/// Radius of the Earth that weather models use, in m.
pub const EARTH_RADIUS: f64 = 6_371_229.0;

/// How the points of a grid lie.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum GridKind {
    /// Equal steps of latitude and of longitude.
    Regular,
    /// Latitudes are the roots of a Legendre polynomial, with equal steps of longitude.
    Gaussian,
    /// Latitudes and longitudes of any spacing.
    Rectilinear,
    /// Rows and columns of a projection, whose points each have a latitude and a longitude.
    Projected {
        /// The projection's name, as in `lambert_conformal`.
        projection: String,
    },
    /// A list of points (a reduced Gaussian grid, stations).
    Points,
}

/// Points of a field. Values lie row by row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    /// How they lie.
    pub kind: GridKind,
    /// Rows and columns; one row for points.
    pub shape: (usize, usize),
    /// Latitudes in degrees, of each row, or of each point where the kind is projected or points.
    pub lats: Vec<f64>,
    /// Longitudes in degrees, of each column, or of each point likewise; as in the file (−180..180 or 0..360).
    pub lons: Vec<f64>,
}

/// Why coordinates make no grid.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{why}")]
pub struct GridError {
    /// What is wrong.
    pub why: String,
}

impl Grid {
    /// A grid of rows of equal latitude and columns of equal longitude; its kind is read off its steps.
    ///
    /// # Errors
    /// [`GridError`] where there is no row or column, a coordinate is not finite or no latitude, or they do not go one way.
    pub fn rectilinear(lats: Vec<f64>, lons: Vec<f64>) -> Result<Self, GridError> {
        let wrong = |why: String| Err(GridError { why });
        if lats.is_empty() || lons.is_empty() {
            return wrong("a grid needs at least one latitude and one longitude".to_owned());
        }
        if let Some(lat) = lats.iter().find(|lat| !(lat.is_finite() && lat.abs() <= 90.0 + 1e-6)) {
            return wrong(format!("{lat} is no latitude (-90 to 90)"));
        }
        if let Some(lon) = lons.iter().find(|lon| !(lon.is_finite() && lon.abs() <= 720.0)) {
            return wrong(format!("{lon} is no longitude"));
        }
        let one_way = |values: &[f64]| {
            values.windows(2).all(|pair| pair[0] < pair[1])
                || values.windows(2).all(|pair| pair[0] > pair[1])
        };
        if !one_way(&lats) || !one_way(&unwrapped(&lons)) {
            return wrong("latitudes or longitudes do not go one way".to_owned());
        }
        // Gaussian rows are nearly equal steps: the closer description is asked first.
        let kind = match equal_steps(&unwrapped(&lons)) {
            true if is_gaussian(&lats) => GridKind::Gaussian,
            true if equal_steps(&lats) => GridKind::Regular,
            _ => GridKind::Rectilinear,
        };
        Ok(Self { kind, shape: (lats.len(), lons.len()), lats, lons })
    }

    /// A global grid of equal steps: rows from the north pole to the south pole where their number is odd (both poles are
    /// rows), else rows half a step from them; columns from 0 E.
    #[must_use]
    pub fn regular(rows: usize, columns: usize) -> Self {
        let poles = rows % 2 == 1 && rows > 1;
        let step = if poles { 180.0 / (rows - 1) as f64 } else { 180.0 / rows.max(1) as f64 };
        let first = if poles { 90.0 } else { 90.0 - step / 2.0 };
        let lats = (0..rows.max(1)).map(|row| first - row as f64 * step).collect();
        Self {
            kind: GridKind::Regular,
            shape: (rows.max(1), columns.max(1)),
            lats,
            lons: around(columns),
        }
    }

    /// A global Gaussian grid, north to south, columns from 0 E.
    #[must_use]
    pub fn gaussian(rows: usize, columns: usize) -> Self {
        let lats = gaussian_latitudes(rows.max(1));
        Self {
            kind: GridKind::Gaussian,
            shape: (rows.max(1), columns.max(1)),
            lats,
            lons: around(columns),
        }
    }

    /// A list of points.
    ///
    /// # Errors
    /// [`GridError`] where the lists differ in length or a coordinate is none.
    pub fn points(lats: Vec<f64>, lons: Vec<f64>) -> Result<Self, GridError> {
        let shape = (1, lats.len());
        Self::scattered(GridKind::Points, shape, lats, lons)
    }

    /// Points that each have a latitude and a longitude, row by row.
    ///
    /// # Errors
    /// [`GridError`] where the lists are not of the shape's size or a coordinate is none.
    pub fn scattered(
        kind: GridKind,
        shape: (usize, usize),
        lats: Vec<f64>,
        lons: Vec<f64>,
    ) -> Result<Self, GridError> {
        let size = shape.0.checked_mul(shape.1);
        if size != Some(lats.len()) || lats.len() != lons.len() || lats.is_empty() {
            let why =
                format!("{} latitudes and {} longitudes for {shape:?}", lats.len(), lons.len());
            return Err(GridError { why });
        }
        let fits =
            |values: &[f64], most: f64| values.iter().all(|v| v.is_finite() && v.abs() <= most);
        if !fits(&lats, 90.0 + 1e-6) || !fits(&lons, 720.0) {
            return Err(GridError { why: "a coordinate is no latitude or longitude".to_owned() });
        }
        Ok(Self { kind, shape, lats, lons })
    }

    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// Whether it has no point.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether rows have one latitude and columns one longitude.
    #[must_use]
    pub fn is_rectilinear(&self) -> bool {
        matches!(self.kind, GridKind::Regular | GridKind::Gaussian | GridKind::Rectilinear)
    }

    /// Latitude and longitude of a point, in degrees.
    #[must_use]
    pub fn at(&self, index: usize) -> (f64, f64) {
        if self.is_rectilinear() {
            (self.lats[index / self.shape.1], self.lons[index % self.shape.1])
        } else {
            (self.lats[index], self.lons[index])
        }
    }

    /// Whether the columns go all the way around: the step from the last to the first is as large as the others.
    #[must_use]
    pub fn is_periodic(&self) -> bool {
        let lons = unwrapped(&self.lons);
        if !self.is_rectilinear() || lons.len() < 2 {
            return false;
        }
        let span = lons[lons.len() - 1] - lons[0];
        let step = span / (lons.len() - 1) as f64;
        (span.abs() + step.abs() - 360.0).abs() < step.abs() * 0.01
    }

    /// Whether it covers the globe: around, and to within a step and a half of both poles.
    #[must_use]
    pub fn is_global(&self) -> bool {
        if !self.is_periodic() || self.lats.len() < 2 {
            return false;
        }
        let (low, high) = self
            .lats
            .iter()
            .fold((90.0_f64, -90.0_f64), |(low, high), lat| (low.min(*lat), high.max(*lat)));
        let step = (high - low) / (self.lats.len() - 1) as f64;
        high + 1.5 * step >= 90.0 && low - 1.5 * step <= -90.0
    }

    /// Whether two grids have the same points in the same order, to a thousandth of a degree.
    #[must_use]
    pub fn same_points(&self, other: &Self) -> bool {
        let near = |a: &[f64], b: &[f64], turn: f64| {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    let apart = (a - b).abs();
                    apart < 1e-3 || (turn > 0.0 && (apart - turn).abs() < 1e-3)
                })
        };
        self.shape == other.shape
            && self.is_rectilinear() == other.is_rectilinear()
            && near(&self.lats, &other.lats, 0.0)
            && near(&self.lons, &other.lons, 360.0)
    }
}

/// `721 x 1440 regular, 90 to -90 N, 0 to 359.75 E`.
impl std::fmt::Display for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match &self.kind {
            GridKind::Regular => "regular",
            GridKind::Gaussian => "Gaussian",
            GridKind::Rectilinear => "rectilinear",
            GridKind::Projected { projection } => projection,
            GridKind::Points => "points",
        };
        let end = |values: &[f64]| {
            let round = |value: f64| (value * 1e4).round() / 1e4;
            (
                round(values.first().copied().unwrap_or(0.0)),
                round(values.last().copied().unwrap_or(0.0)),
            )
        };
        let ((north, south), (west, east)) = (end(&self.lats), end(&self.lons));
        let (rows, columns) = self.shape;
        write!(f, "{rows} x {columns} {kind}, {north} to {south} N, {west} to {east} E")
    }
}

fn around(columns: usize) -> Vec<f64> {
    let columns = columns.max(1);
    (0..columns).map(|column| 360.0 * column as f64 / columns as f64).collect()
}

/// Longitudes without the jump from 360 to 0 (or 180 to −180): each within half a turn of the one before.
#[must_use]
pub fn unwrapped(lons: &[f64]) -> Vec<f64> {
    let mut turns = 0.0;
    let mut before: Option<f64> = None;
    lons.iter()
        .map(|lon| {
            if let Some(before) = before {
                let step = lon - before;
                turns -= 360.0 * (step / 360.0).round();
            }
            before = Some(*lon);
            lon + turns
        })
        .collect()
}

fn equal_steps(values: &[f64]) -> bool {
    let Some(last) = values.len().checked_sub(1).filter(|last| *last > 0) else { return true };
    let step = (values[last] - values[0]) / last as f64;
    // Files round coordinates to thousandths (GRIB 1).
    let slack = (step.abs() * 0.01).max(1.1e-3);
    values
        .iter()
        .enumerate()
        .all(|(at, value)| (value - values[0] - at as f64 * step).abs() <= slack)
}

/// Most rows of a Gaussian grid that is recognised; the finest of a model has 16,000.
const MOST_GAUSSIAN: usize = 1 << 14;

fn is_gaussian(lats: &[f64]) -> bool {
    let rows = lats.len();
    // Two rows, or one, are equal steps as well; and more than a file's rows could be cost their square to compare.
    if !(3..=MOST_GAUSSIAN).contains(&rows) {
        return false;
    }
    let near = |backwards: bool| {
        (0..rows).all(|row| {
            let at = if backwards { rows - 1 - row } else { row };
            (lats[at] - gaussian_latitude(rows, row)).abs() < 2e-3
        })
    };
    near(false) || near(true)
}

/// Latitudes of a Gaussian grid, north to south, in degrees: arcsines of the roots of the Legendre polynomial of that degree,
/// by Newton's method from the usual first guess.
#[must_use]
pub fn gaussian_latitudes(count: usize) -> Vec<f64> {
    (0..count).map(|row| gaussian_latitude(count, row)).collect()
}

/// One of them.
fn gaussian_latitude(count: usize, row: usize) -> f64 {
    let degree = count as f64;
    let mut x = (std::f64::consts::PI * (row as f64 + 0.75) / (degree + 0.5)).cos();
    for _ in 0..100 {
        let (value, slope) = legendre(count, x);
        let step = value / slope;
        x -= step;
        if step.abs() < 1e-15 {
            break;
        }
    }
    x.asin().to_degrees()
}

/// The Legendre polynomial of a degree and its derivative, by the three-term recurrence.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 0..degree {
        let k = k as f64;
        let next = ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0);
        (before, value) = (value, next);
    }
    (value, degree as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn pangu_s_grid_is_regular_global_and_has_both_poles() {
        let grid = Grid::regular(721, 1440);
        assert_eq!((grid.lats[0], grid.lats[720], grid.lons[1439]), (90.0, -90.0, 359.75));
        assert!(grid.is_global() && grid.is_periodic());
        let again = Grid::rectilinear(grid.lats.clone(), grid.lons.clone()).unwrap();
        assert_eq!(again, grid);
        assert_eq!(grid.to_string(), "721 x 1440 regular, 90 to -90 N, 0 to 359.75 E");
    }

    #[test]
    fn rows_without_end_are_not_compared_with_a_gaussian_grid_s() {
        // In a file a few octets say so many; the square of them would be hours.
        let lats: Vec<f64> = (0..1 << 20).map(|row| 80.0 - f64::from(row) * 1e-4).collect();
        assert_eq!(Grid::rectilinear(lats, vec![0.0]).unwrap().kind, GridKind::Regular);
    }

    #[test]
    fn gaussian_latitudes_are_the_known_ones() {
        // N = 2 has the roots ±1/√3; T31's first is 85.7606 (ECMWF's table of N16 begins 85.761).
        let two = gaussian_latitudes(2);
        assert!((two[0] - 35.264_389_682_754_654).abs() < 1e-12 && (two[0] + two[1]).abs() < 1e-12);
        let n16 = gaussian_latitudes(32);
        assert!((n16[0] - 85.760_587_120_444_81).abs() < 1e-9);
        let grid = Grid::rectilinear(n16.iter().rev().copied().collect(), around(64)).unwrap();
        assert_eq!(grid.kind, GridKind::Gaussian);
        assert!(grid.is_global());
    }

    #[test]
    fn longitudes_that_jump_are_one_way() {
        let lons = vec![170.0, 175.0, 180.0, -175.0, -170.0];
        assert_eq!(unwrapped(&lons), [170.0, 175.0, 180.0, 185.0, 190.0]);
        let grid = Grid::rectilinear(vec![10.0, 5.0], lons).unwrap();
        assert_eq!(grid.kind, GridKind::Regular);
        assert!(!grid.is_global());
        assert!(Grid::rectilinear(vec![91.0], vec![0.0]).is_err());
        assert!(Grid::rectilinear(vec![1.0, 0.0, 2.0], vec![0.0]).is_err());
        assert!(Grid::points(vec![1.0], vec![]).is_err());
    }
}
