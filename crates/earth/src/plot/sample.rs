//! Values of a field between its points.

use std::sync::Arc;

use super::PlotError;
use crate::grid::{Grid, GridKind, unwrapped};
use crate::regrid::{Method, Regrid};

/// Points across which the values of scattered grids are laid first, at most.
const MOST: usize = 4096;

/// How values are found between points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Between {
    /// Linear between the four around.
    #[default]
    Linear,
    /// A cubic through the sixteen around, which has no kinks: for grids coarser than the picture.
    Cubic,
}

/// A field whose value can be asked for anywhere. Rows go northwards and columns eastwards; columns that go around are
/// continued on both sides, and rows that end short of the poles get one there.
#[derive(Debug, Clone)]
pub struct Sampler {
    lats: Line,
    lons: Line,
    periodic: bool,
    values: Vec<f32>,
    columns: usize,
}

/// Coordinates that rise.
#[derive(Debug, Clone)]
struct Line {
    at: Vec<f64>,
    /// First and step, where all steps are equal.
    equal: Option<(f64, f64)>,
}

impl Line {
    fn new(at: Vec<f64>) -> Self {
        let count = at.len();
        let equal = (count > 1)
            .then(|| (at[0], (at[count - 1] - at[0]) / (count - 1) as f64))
            .filter(|(first, step)| {
                let off =
                    |(place, value): (usize, &f64)| (value - first - place as f64 * step).abs();
                at.iter().enumerate().all(|pair| off(pair) < 2e-3 * step.abs().max(1e-9))
            });
        Self { at, equal }
    }

    /// The point before and how far towards the next; none outside, but for a thousandth of a step.
    fn find(&self, value: f64) -> Option<(u32, f32)> {
        let last = self.at.len().checked_sub(2)?;
        if let Some((first, step)) = self.equal {
            let place = (value - first) / step;
            if !(place >= -1e-3 && place <= (last + 1) as f64 + 1e-3) {
                return None;
            }
            let before = (place.max(0.0) as usize).min(last);
            return Some((before as u32, (place - before as f64).clamp(0.0, 1.0) as f32));
        }
        let (low, high) = (self.at[0], self.at[last + 1]);
        let slack = 1e-3 * (high - low) / (last + 1) as f64;
        if !(value >= low - slack && value <= high + slack) {
            return None;
        }
        let before = self.at.partition_point(|at| *at <= value).saturating_sub(1).min(last);
        let share = (value - self.at[before]) / (self.at[before + 1] - self.at[before]);
        Some((before as u32, share.clamp(0.0, 1.0) as f32))
    }
}

impl Sampler {
    /// Of a field's grid and values.
    ///
    /// # Errors
    /// [`PlotError::Unfit`] where there are too few points to lie between, [`PlotError::Grid`] of scattered points.
    pub fn new(grid: &Arc<Grid>, values: &[f32]) -> Result<Self, PlotError> {
        if values.len() != grid.len() {
            return Err(PlotError::Unfit(format!("{} values for {grid}", values.len())));
        }
        if !grid.is_rectilinear() {
            let to = Arc::new(covering(grid)?);
            let way = Regrid::new(Arc::clone(grid), Arc::clone(&to), Method::Bilinear)
                .or_else(|_| Regrid::new(Arc::clone(grid), Arc::clone(&to), Method::Nearest))?;
            return Self::new(&to, &way.apply(values)?);
        }
        let (rows, columns) = grid.shape;
        if rows < 2 || columns < 2 {
            return Err(PlotError::Unfit(format!(
                "a map needs at least two rows and columns: {grid}"
            )));
        }
        let lons = unwrapped(&grid.lons);
        let (north_up, eastward) =
            (grid.lats[0] < grid.lats[rows - 1], lons[0] < lons[columns - 1]);
        let row = |at: usize| if north_up { at } else { rows - 1 - at };
        let column = |at: usize| if eastward { at } else { columns - 1 - at };
        let periodic = grid.is_periodic();
        let mut lats: Vec<f64> = (0..rows).map(|at| grid.lats[row(at)]).collect();
        let mut lons: Vec<f64> = (0..columns).map(|at| lons[column(at)]).collect();
        let mut out: Vec<Vec<f32>> = (0..rows)
            .map(|r| (0..columns).map(|c| values[row(r) * columns + column(c)]).collect())
            .collect();
        if grid.is_global() {
            if lats[0] > -90.0 + 1e-6 {
                lats.insert(0, -90.0);
                out.insert(0, vec![mean(&out[0]); columns]);
            }
            if lats[lats.len() - 1] < 90.0 - 1e-6 {
                lats.push(90.0);
                let pole = mean(&out[out.len() - 1]);
                out.push(vec![pole; columns]);
            }
        }
        if periodic {
            let (first, second, last) = (lons[0], lons[1], lons[columns - 1]);
            lons.insert(0, last - 360.0);
            lons.extend([first + 360.0, second + 360.0]);
            for row in &mut out {
                let (first, second, last) = (row[0], row[1], row[columns - 1]);
                row.insert(0, last);
                row.extend([first, second]);
            }
        }
        let columns = lons.len();
        Ok(Self {
            lats: Line::new(lats),
            lons: Line::new(lons),
            periodic,
            values: out.concat(),
            columns,
        })
    }

    /// The row south of a latitude and how far towards the next.
    #[must_use]
    pub fn row(&self, lat: f64) -> Option<(u32, f32)> {
        self.lats.find(lat)
    }

    /// The column west of a longitude and how far towards the next.
    #[must_use]
    pub fn column(&self, lon: f64) -> Option<(u32, f32)> {
        let origin = self.lons.at[usize::from(self.periodic)];
        let east = origin + (lon - origin).rem_euclid(360.0);
        self.lons.find(east).or_else(|| self.lons.find(east - 360.0))
    }

    /// The value between points, by what [`Self::row`] and [`Self::column`] found. A missing point around: the nearest's.
    #[must_use]
    pub fn between(&self, row: (u32, f32), column: (u32, f32), how: Between) -> f32 {
        let (r, c) = (row.0 as usize, column.0 as usize);
        let start = r * self.columns + c;
        let (Some([a, b]), Some([d, e])) = (
            self.values.get(start..start + 2).and_then(|pair| <[f32; 2]>::try_from(pair).ok()),
            self.values
                .get(start + self.columns..start + self.columns + 2)
                .and_then(|pair| <[f32; 2]>::try_from(pair).ok()),
        ) else {
            return f32::NAN;
        };
        if how == Between::Cubic
            && let Some(value) = self.cubic((r, row.1), (c, column.1))
        {
            return value;
        }
        let south = a + (b - a) * column.1;
        let north = d + (e - d) * column.1;
        let value = south + (north - south) * row.1;
        if value.is_nan() {
            return match (row.1 < 0.5, column.1 < 0.5) {
                (true, true) => a,
                (true, false) => b,
                (false, true) => d,
                (false, false) => e,
            };
        }
        value
    }

    /// Catmull and Rom's cubic; the edge's points stand for those beyond it. Kept within the range of the four points around.
    fn cubic(&self, row: (usize, f32), column: (usize, f32)) -> Option<f32> {
        let rows = self.values.len() / self.columns;
        let weights = |t: f32| {
            let (t2, t3) = (t * t, t * t * t);
            [
                -0.5 * t3 + t2 - 0.5 * t,
                1.5 * t3 - 2.5 * t2 + 1.0,
                -1.5 * t3 + 2.0 * t2 + 0.5 * t,
                0.5 * t3 - 0.5 * t2,
            ]
        };
        let place = |at: usize, k: usize, count: usize| (at + k).saturating_sub(1).min(count - 1);
        let (down, across) = (weights(row.1), weights(column.1));
        let (mut sum, mut low, mut high) = (0.0, f32::INFINITY, f32::NEG_INFINITY);
        for (k, down) in down.iter().enumerate() {
            let start = place(row.0, k, rows) * self.columns;
            for (m, across) in across.iter().enumerate() {
                let value = *self.values.get(start + place(column.0, m, self.columns))?;
                sum += down * across * value;
                low = low.min(value);
                high = high.max(value);
            }
        }
        sum.is_finite().then(|| sum.clamp(low, high))
    }

    /// The value at a place; NaN outside or where it is missing.
    #[must_use]
    pub fn at(&self, lat: f64, lon: f64, how: Between) -> f32 {
        match (self.row(lat), self.column(lon)) {
            (Some(row), Some(column)) => self.between(row, column, how),
            _ => f32::NAN,
        }
    }

    /// The middle step between rows and between columns, in degrees.
    #[must_use]
    pub fn spacing(&self) -> (f64, f64) {
        let step =
            |line: &Line| (line.at[line.at.len() - 1] - line.at[0]) / (line.at.len() - 1) as f64;
        (step(&self.lats), step(&self.lons))
    }

    /// South, west, north and east of the points; none where they go around the globe.
    #[must_use]
    pub fn extent(&self) -> Option<[f64; 4]> {
        let ends = |line: &Line| (line.at[0], line.at[line.at.len() - 1]);
        let ((south, north), (west, east)) = (ends(&self.lats), ends(&self.lons));
        let wide = self.periodic || east - west >= 350.0;
        (!(wide && north - south > 150.0)).then(|| match self.periodic {
            true => [south, -180.0, north, 180.0],
            false => [south, west, north, east],
        })
    }

    /// The range of the values but for the outermost five in a thousand on each side, by which a scale is chosen.
    #[must_use]
    pub fn usual_range(&self) -> Option<(f32, f32)> {
        // Of large fields some of the values tell.
        let step = self.values.len() / 20_000 + 1;
        let mut some: Vec<f32> =
            self.values.iter().step_by(step).copied().filter(|value| value.is_finite()).collect();
        some.sort_by(f32::total_cmp);
        let edge = some.len() / 200;
        let (low, high) = (*some.get(edge)?, *some.get(some.len() - 1 - edge)?);
        if low < high { Some((low, high)) } else { self.range() }
    }

    /// The range of the values that are there.
    #[must_use]
    pub fn range(&self) -> Option<(f32, f32)> {
        range(&self.values)
    }
}

/// Least and greatest of what is finite.
pub(super) fn range(values: &[f32]) -> Option<(f32, f32)> {
    let (low, high) = values
        .iter()
        .filter(|value| value.is_finite())
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| {
            (low.min(*value), high.max(*value))
        });
    (low <= high).then_some((low, high))
}

fn mean(row: &[f32]) -> f32 {
    let (sum, count) = row
        .iter()
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, count), value| (sum + f64::from(*value), count + 1.0));
    (sum / count) as f32
}

/// Rows and columns over scattered points, about as close as they are.
fn covering(grid: &Grid) -> Result<Grid, PlotError> {
    let span = |values: &[f64]| {
        values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)))
    };
    let (south, north) = span(&grid.lats);
    // The widest gap between longitudes lies outside.
    let mut lons: Vec<f64> = grid.lons.iter().map(|lon| lon.rem_euclid(360.0)).collect();
    lons.sort_by(f64::total_cmp);
    lons.dedup();
    let first = lons.first().copied().unwrap_or(0.0);
    let nexts = lons.iter().skip(1).copied().chain([first + 360.0]);
    let (gap, start) = lons
        .iter()
        .zip(nexts)
        .map(|(lon, next)| (next - lon, next))
        .fold((0.0, first), |most, gap| if gap.0 > most.0 { gap } else { most });
    let (rows, columns) = match grid.kind {
        GridKind::Points => {
            let rings =
                1 + grid.lats.windows(2).filter(|pair| (pair[0] - pair[1]).abs() > 1e-6).count();
            let side = (grid.len() as f64).sqrt();
            let rows = if rings * 2 < grid.len() { rings as f64 } else { side };
            (rows, 2.0 * rows)
        }
        _ => (grid.shape.0 as f64 * 1.5, grid.shape.1 as f64 * 1.5),
    };
    let around = gap < 10.0;
    let count = |value: f64| (value.ceil().max(2.0) as usize).min(MOST);
    let (rows, columns) = (count(rows), count(columns));
    let (west, width) = if around { (0.0, 360.0) } else { (start, 360.0 - gap) };
    let steps = if around { columns } else { columns - 1 };
    if north - south < 1e-6 || width < 1e-6 {
        return Err(PlotError::Unfit(format!(
            "a map needs points that differ in latitude and longitude: {grid}"
        )));
    }
    let lats =
        (0..rows).map(|at| south + (north - south) * at as f64 / (rows - 1) as f64).collect();
    let lons = (0..columns).map(|at| west + width * at as f64 / steps as f64).collect();
    Grid::rectilinear(lats, lons).map_err(|error| PlotError::Unfit(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn linear(grid: &Grid) -> Vec<f32> {
        (0..grid.len()).map(|at| (grid.at(at).0 * 2.0) as f32).collect()
    }

    #[test]
    fn values_between_points_go_around_and_over_the_poles() {
        for grid in [Grid::regular(19, 36), Grid::regular(18, 36), Grid::gaussian(18, 36)] {
            let values: Vec<f32> =
                (0..grid.len()).map(|at| grid.at(at).1.to_radians().cos() as f32).collect();
            let sampler = Sampler::new(&Arc::new(grid.clone()), &values).unwrap();
            for lon in [-180.0, -5.0, 0.0, 5.0, 355.0, 359.9, 360.0, 725.0_f64] {
                let want = lon.to_radians().cos() as f32;
                let linear = sampler.at(10.0, lon, Between::Linear);
                let cubic = sampler.at(10.0, lon, Between::Cubic);
                assert!(
                    (linear - want).abs() < 0.005 && (cubic - want).abs() < 0.001,
                    "{lon}: {linear} {cubic} {want}"
                );
            }
            let sampler = Sampler::new(&Arc::new(grid.clone()), &linear(&grid)).unwrap();
            assert!((sampler.at(44.0, 3.0, Between::Linear) - 88.0).abs() < 1e-3);
            assert!(
                sampler.at(90.0, 3.0, Between::Linear).is_finite() && sampler.extent().is_none()
            );
        }
    }

    #[test]
    fn outside_of_a_region_there_is_nothing_and_gaps_stay() {
        let lats = vec![30.0, 20.0, 10.0];
        let grid = Arc::new(Grid::rectilinear(lats, vec![170.0, 180.0, -170.0]).unwrap());
        let mut values = linear(&grid);
        values[4] = f32::NAN;
        let sampler = Sampler::new(&grid, &values).unwrap();
        assert_eq!(sampler.extent(), Some([10.0, 170.0, 30.0, 190.0]));
        assert!((sampler.at(29.0, -175.0, Between::Linear) - 60.0).abs() < 1e-3, "the nearest's");
        assert!(sampler.at(21.0, 179.0, Between::Cubic).is_nan());
        for (lat, lon) in [(31.0, 175.0), (20.0, 165.0), (20.0, -165.0), (20.0, 0.0)] {
            assert!(sampler.at(lat, lon, Between::Linear).is_nan(), "{lat} {lon}");
        }
    }

    #[test]
    fn scattered_points_are_laid_out() {
        let (mut lats, mut lons) = (Vec::new(), Vec::new());
        for row in 0..20 {
            for column in 0..30 {
                lats.push(20.0 + f64::from(row) + 0.02 * f64::from(column));
                lons.push(350.0 + f64::from(column) + 0.03 * f64::from(row));
            }
        }
        let kind = GridKind::Projected { projection: "lambert".to_owned() };
        let grid = Arc::new(Grid::scattered(kind, (20, 30), lats, lons).unwrap());
        let sampler = Sampler::new(&grid, &linear(&grid)).unwrap();
        let value = sampler.at(30.0, 5.0, Between::Linear);
        assert!((value - 60.0).abs() < 0.2, "{value}");
        assert!(sampler.extent().unwrap()[1] > 349.0);
    }
}
