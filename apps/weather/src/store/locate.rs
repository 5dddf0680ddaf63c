//! A place among the points of a grid: linear in latitude and in longitude, the same as `strata_earth::regrid`'s bilinear. A
//! globe without a row at a pole has one there: the mean of the nearest row.

use strata_earth::grid::{Grid, unwrapped};

/// A point of the grid, or a pole beyond its last row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Corner {
    /// A point, by its place in the grid.
    Point(usize),
    /// The pole next to a row.
    Pole {
        /// The row.
        row: usize,
        /// Which pole.
        north: bool,
    },
}

/// Points around a place, with their weights, which sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Spot {
    /// Points and weights.
    pub corners: Vec<(Corner, f64)>,
    /// Longitude of the place, in degrees.
    pub lon: f64,
}

impl Spot {
    /// The nearest of the points alone.
    #[must_use]
    pub fn nearest(&self) -> Self {
        let points = self.corners.iter().filter(|(corner, _)| matches!(corner, Corner::Point(_)));
        let best = points.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(corner, _)| (*corner, 1.0));
        Self { corners: best.into_iter().collect(), lon: self.lon }
    }
}

/// Finds places in a grid of rows and columns.
#[derive(Debug)]
pub struct Locator {
    /// Latitudes, ascending, with their rows.
    rows: Vec<(f64, usize)>,
    /// Longitudes, ascending within a turn, with their columns.
    columns: Vec<(f64, usize)>,
    periodic: bool,
    global: bool,
}

const NEAR: f64 = 1e-6;

impl Locator {
    /// Of a grid; none where it has no rows and columns.
    #[must_use]
    pub fn new(grid: &Grid) -> Option<Self> {
        if !grid.is_rectilinear() || grid.is_empty() {
            return None;
        }
        let line = |values: Vec<f64>| {
            let mut line: Vec<(f64, usize)> = values.into_iter().zip(0..).collect();
            line.sort_by(|a, b| a.0.total_cmp(&b.0));
            line
        };
        Some(Self {
            rows: line(grid.lats.clone()),
            columns: line(unwrapped(&grid.lons)),
            periodic: grid.is_periodic(),
            global: grid.is_global(),
        })
    }

    /// The points around a place; none outside of the grid.
    #[must_use]
    pub fn at(&self, lat: f64, lon: f64) -> Option<Spot> {
        let columns = self.columns_of(lon)?;
        let width = self.columns.len();
        let mut corners = Vec::with_capacity(4);
        for (row, share) in self.rows_of(lat)? {
            match row {
                Row::At(row) => {
                    for (column, part) in &columns {
                        corners.push((Corner::Point(row * width + column), share * part));
                    }
                }
                Row::Pole { row, north } => corners.push((Corner::Pole { row, north }, share)),
            }
        }
        corners.retain(|(_, weight)| *weight > 0.0);
        Some(Spot { corners, lon })
    }

    fn rows_of(&self, lat: f64) -> Option<Vec<(Row, f64)>> {
        let (first, last) = (self.rows.first()?, self.rows.last()?);
        let beyond = |edge: &(f64, usize), pole: f64| {
            if (lat - edge.0).abs() < NEAR {
                return Some(vec![(Row::At(edge.1), 1.0)]);
            }
            // A row nearer to the pole than rounding is the pole's.
            if !self.global || (pole - edge.0).abs() < NEAR {
                return None;
            }
            let share = ((lat - edge.0) / (pole - edge.0)).clamp(0.0, 1.0);
            let pole = Row::Pole { row: edge.1, north: pole > 0.0 };
            Some(vec![(Row::At(edge.1), 1.0 - share), (pole, share)])
        };
        if lat >= last.0 {
            return beyond(last, 90.0);
        }
        if lat <= first.0 {
            return beyond(first, -90.0);
        }
        let next = self.rows.partition_point(|(at, _)| *at <= lat);
        let (low, high) = (self.rows[next - 1], self.rows[next]);
        let share = (lat - low.0) / (high.0 - low.0);
        Some(vec![(Row::At(low.1), 1.0 - share), (Row::At(high.1), share)])
    }

    fn columns_of(&self, lon: f64) -> Option<Vec<(usize, f64)>> {
        let (first, last) = (*self.columns.first()?, *self.columns.last()?);
        let mut lon = first.0 + (lon - first.0).rem_euclid(360.0);
        if !self.periodic && lon > last.0 + NEAR && lon - 360.0 >= first.0 - NEAR {
            lon -= 360.0;
        }
        let next = self.columns.partition_point(|(at, _)| *at <= lon);
        let (low, high) = match next {
            0 => return ((lon - first.0).abs() < NEAR).then(|| vec![(first.1, 1.0)]),
            next if next < self.columns.len() => (self.columns[next - 1], self.columns[next]),
            _ if self.periodic => (last, (first.0 + 360.0, first.1)),
            _ => return (lon - last.0 < NEAR).then(|| vec![(last.1, 1.0)]),
        };
        let share = (lon - low.0) / (high.0 - low.0);
        Some(vec![(low.1, 1.0 - share), (high.1, share)])
    }
}

enum Row {
    At(usize),
    Pole { row: usize, north: bool },
}
