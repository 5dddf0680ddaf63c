//! Lows and highs of a field, their places between the points, and contours around them.

use super::sphere::{KM_PER_DEGREE, Place, wrapped};
use crate::grid::{Grid, unwrapped};

/// A grid's points with their neighbours on the sphere.
#[derive(Debug, Clone)]
pub struct Neighbourhood<'a> {
    grid: &'a Grid,
    periodic: bool,
    /// Rows at the north and the south end go on over the pole.
    global: bool,
    lons: Vec<f64>,
}

impl<'a> Neighbourhood<'a> {
    /// Of a rectilinear grid.
    #[must_use]
    pub fn new(grid: &'a Grid) -> Self {
        let (periodic, global) = (grid.is_periodic(), grid.is_global());
        Self { grid, periodic, global, lons: unwrapped(&grid.lons) }
    }

    /// The point that lies some rows down and columns to the right, around the globe and over the poles; none outside.
    fn beside(&self, at: usize, down: i64, right: i64) -> Option<usize> {
        let (rows, columns) = (self.grid.shape.0 as i64, self.grid.shape.1 as i64);
        let (mut row, mut column) = (at as i64 / columns + down, at as i64 % columns + right);
        if !(0..rows).contains(&row) {
            if !self.global {
                return None;
            }
            // A row at the pole is all one point, the row beyond it the one next to it.
            let first = if row < 0 { 0 } else { rows - 1 };
            let polar = self.grid.lats[first as usize].abs() > 90.0 - 1e-6;
            row = match (row < 0, polar) {
                (true, true) => -row,
                (true, false) => -row - 1,
                (false, true) => 2 * (rows - 1) - row,
                (false, false) => 2 * rows - 1 - row,
            };
            row = row.clamp(0, rows - 1);
            column += columns / 2;
        }
        if self.periodic {
            column = column.rem_euclid(columns);
        }
        (0..columns).contains(&column).then_some((row * columns + column) as usize)
    }

    fn around(&self, at: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        const EIGHT: [(i64, i64); 8] =
            [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)];
        EIGHT.into_iter().map(move |(down, right)| self.beside(at, down, right))
    }

    /// Where a point lies.
    #[must_use]
    pub fn place(&self, at: usize) -> Place {
        let (lat, lon) = self.grid.at(at);
        Place::new(lat, wrapped(lon))
    }

    /// Whether no point beside is lower, of equal ones none comes first, and one is higher; points at the edge of a region are
    /// no minima.
    fn is_minimum(&self, values: &[f32], at: usize) -> bool {
        let value = values[at];
        let mut rises = false;
        let low = self.around(at).all(|other| {
            let Some(other) = other else { return false };
            rises |= values[other] > value;
            values[other] > value || (values[other] == value && at <= other)
        });
        low && rises
    }

    /// Points that are lower than all beside them.
    #[must_use]
    pub fn minima(&self, values: &[f32]) -> Vec<usize> {
        let columns = self.grid.shape.1;
        (0..self.grid.len())
            .filter(|at| {
                let polar = self.grid.lats[at / columns].abs() > 90.0 - 1e-6;
                // The pole is one point, the first of its row; its neighbours are all of the next row.
                if polar && at % columns != 0 {
                    return false;
                }
                if polar && self.periodic {
                    return self.is_lowest_pole(values, *at);
                }
                self.is_minimum(values, *at)
            })
            .collect()
    }

    fn is_lowest_pole(&self, values: &[f32], at: usize) -> bool {
        let columns = self.grid.shape.1;
        let row = at / columns;
        let next = if row == 0 { 1 } else { row.saturating_sub(1) };
        next < self.grid.shape.0
            && values[next * columns..(next + 1) * columns].iter().all(|other| *other > values[at])
    }

    /// Whether no point beside is higher, and one is lower.
    #[must_use]
    pub fn is_peak(&self, values: &[f32], at: usize) -> bool {
        let mut falls = false;
        let level = self.around(at).all(|other| {
            let Some(other) = other else { return false };
            falls |= values[other] < values[at];
            values[other] <= values[at]
        });
        level && falls
    }

    /// Points within a distance in km of a place.
    pub fn within(&self, place: Place, km: f64) -> impl Iterator<Item = usize> + '_ {
        let columns = self.grid.shape.1;
        let reach = km / KM_PER_DEGREE + 1e-9;
        let rows = (0..self.grid.shape.0)
            .filter(move |row| (self.grid.lats[*row] - place.lat).abs() <= reach);
        rows.flat_map(move |row| {
            self.columns_within(row, place, km).map(move |column| row * columns + column)
        })
    }

    fn columns_within(
        &self,
        row: usize,
        place: Place,
        km: f64,
    ) -> impl Iterator<Item = usize> + '_ {
        let lat = self.grid.lats[row];
        // Haversine, solved for the difference of longitude.
        let sine = |x: f64| (x.to_radians() / 2.0).sin();
        let square = sine(km / KM_PER_DEGREE).powi(2) - sine(lat - place.lat).powi(2);
        let round = lat.to_radians().cos() * place.lat.to_radians().cos();
        let half = if km >= 180.0 * KM_PER_DEGREE || square >= round {
            180.0
        } else {
            2.0 * (square.max(0.0) / round).sqrt().asin().to_degrees()
        };
        (0..self.grid.shape.1)
            .filter(move |column| wrapped(self.lons[*column] - place.lon).abs() <= half + 1e-9)
    }

    /// Whether a field rises by `rise` from its point on every way out of a circle of `km` around it.
    #[must_use]
    pub fn is_closed(&self, values: &[f32], at: usize, rise: f32, km: f64) -> bool {
        let limit = values[at] + rise;
        let centre = self.place(at);
        let mut seen = std::collections::HashSet::from([at]);
        let mut ahead = vec![at];
        while let Some(point) = ahead.pop() {
            for other in self.around(point) {
                // The end of a region, or a missing point, may hide a way out.
                let Some(other) = other else { return false };
                let value = values[other];
                if value.is_nan() {
                    return false;
                }
                if value < limit && seen.insert(other) {
                    if self.place(other).distance(centre) > km {
                        return false;
                    }
                    ahead.push(other);
                }
            }
        }
        true
    }

    /// Place and value of the lowest point of the parabola through a minimum and the points beside it; the minimum itself
    /// where there is none.
    #[must_use]
    pub fn refined(&self, values: &[f32], at: usize) -> (Place, f64) {
        let centre = self.place(at);
        let here = f64::from(values[at]);
        self.parabola(values, at, here).unwrap_or((centre, here))
    }

    fn parabola(&self, values: &[f32], at: usize, here: f64) -> Option<(Place, f64)> {
        let columns = self.grid.shape.1;
        let row = at / columns;
        if row == 0 || row + 1 >= self.grid.shape.0 {
            return None;
        }
        let value = |down, right| self.beside(at, down, right).map(|at| f64::from(values[at]));
        let (north, south, west, east) = (value(-1, 0)?, value(1, 0)?, value(0, -1)?, value(0, 1)?);
        let (dx, dy) = ((east - west) / 2.0, (south - north) / 2.0);
        let (dxx, dyy) = (east - 2.0 * here + west, south - 2.0 * here + north);
        let dxy = (value(1, 1)? - value(1, -1)? - value(-1, 1)? + value(-1, -1)?) / 4.0;
        let mut det = dxx * dyy - dxy * dxy;
        let mut cross = dxy;
        if det <= 1e-3 * dxx * dyy {
            (det, cross) = (dxx * dyy, 0.0);
        }
        if !(dxx > 0.0 && dyy > 0.0 && det > 0.0) {
            return None;
        }
        let x = ((cross * dy - dyy * dx) / det).clamp(-0.6, 0.6);
        let y = ((cross * dx - dxx * dy) / det).clamp(-0.6, 0.6);
        let step = |lower: f64, upper: f64, share: f64, middle: f64| {
            if share < 0.0 { (middle - lower) * share } else { (upper - middle) * share }
        };
        let lats = &self.grid.lats;
        let lat = lats[row] + step(lats[row - 1], lats[row + 1], y, lats[row]);
        let lon_step = if self.lons.len() > 1 {
            (self.lons[self.lons.len() - 1] - self.lons[0]) / (self.lons.len() - 1) as f64
        } else {
            0.0
        };
        let lon = wrapped(self.lons[at % columns] + x * lon_step);
        let low = here + dx * x + dy * y + dxx * x * x / 2.0 + dyy * y * y / 2.0 + cross * x * y;
        Some((Place::new(lat, lon), low.min(here)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn bowl(grid: &Grid, centre: Place, depth: f64, width: f64) -> Vec<f32> {
        (0..grid.len())
            .map(|at| {
                let (lat, lon) = grid.at(at);
                let far = Place::new(lat, lon).distance(centre) / width;
                (101_000.0 - depth * (-far * far).exp()) as f32
            })
            .collect()
    }

    #[test]
    fn one_low_is_found_wherever_it_lies_and_between_the_points() {
        for grid in [Grid::regular(181, 360), Grid::regular(180, 360), Grid::gaussian(160, 320)] {
            let near = Neighbourhood::new(&grid);
            for centre in [
                Place::new(20.3, 130.4),
                Place::new(-15.2, 0.3),
                Place::new(-45.7, 179.6),
                Place::new(87.3, -60.2),
                Place::new(90.0, 0.0),
                Place::new(-88.9, 10.0),
            ] {
                let values = bowl(&grid, centre, 3000.0, 600.0);
                let minima = near.minima(&values);
                assert_eq!(minima.len(), 1, "{grid} {centre:?}: {minima:?}");
                assert!(near.place(minima[0]).distance(centre) < 100.0, "{grid} {centre:?}");
                let (place, value) = near.refined(&values, minima[0]);
                assert!(value <= f64::from(values[minima[0]]));
                if centre.lat.abs() < 80.0 {
                    assert!(place.distance(centre) < 2.0, "{grid} {centre:?} {place:?}");
                }
                assert!(near.is_closed(&values, minima[0], 200.0, 600.0), "{grid} {centre:?}");
                assert!(!near.is_closed(&values, minima[0], 2500.0, 300.0), "{grid} {centre:?}");
            }
        }
    }

    #[test]
    fn a_circle_holds_the_points_within_it() {
        for grid in [Grid::regular(91, 180), Grid::regular(90, 180)] {
            let near = Neighbourhood::new(&grid);
            for (lat, lon) in [(10.0, 0.0), (88.0, 33.0), (-90.0, 0.0), (-33.3, 179.9)] {
                let centre = Place::new(lat, lon);
                for km in [50.0, 445.0, 2000.0] {
                    let found: Vec<usize> = near.within(centre, km).collect();
                    let all: Vec<usize> = (0..grid.len())
                        .filter(|at| near.place(*at).distance(centre) <= km)
                        .collect();
                    assert_eq!(found, all, "{centre:?} {km}");
                }
            }
        }
    }
}
