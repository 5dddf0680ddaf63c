//! Weights along one axis: between sorted coordinates, periodic or not.

use super::Method;
use crate::grid::{Grid, unwrapped};

/// For each target, sources and their weights, which sum to 1 where all of the target lies inside the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Axis {
    ends: Vec<u32>,
    pub(super) at: Vec<u32>,
    weights: Vec<f64>,
}

impl Axis {
    pub(super) fn push(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) {
        let from = self.at.len();
        for (at, weight) in entries {
            if weight > 0.0 {
                self.at.push(at);
                self.weights.push(weight);
            }
        }
        // Sums that miss 1 by rounding are made 1: constants are kept.
        let sum: f64 = self.weights[from..].iter().sum();
        if (sum - 1.0).abs() < 1e-9 {
            self.weights[from..].iter_mut().for_each(|weight| *weight /= sum);
        }
        self.ends.push(u32::try_from(self.at.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn of(&self, target: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let from = target.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        let range = from..self.ends[target] as usize;
        let at = self.at[range.clone()].iter().map(|at| *at as usize);
        at.zip(self.weights[range].iter().copied())
    }
}

/// Coordinates in ascending order, with their places.
#[derive(Debug, Clone)]
pub(super) struct Line {
    values: Vec<f64>,
    at: Vec<u32>,
    /// 360 where it closes on itself, else 0.
    turn: f64,
}

impl Line {
    pub(super) fn new(values: Vec<f64>, turn: f64) -> Self {
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let mut line = Self { values, at: (0..count).collect(), turn };
        if line.values.first() > line.values.last() {
            line.values.reverse();
            line.at.reverse();
        }
        line
    }

    pub(super) fn longitudes(lons: &[f64], periodic: bool) -> Self {
        Self::new(unwrapped(lons), if periodic { 360.0 } else { 0.0 })
    }

    /// A longitude in this line's own turn, closest to the line where it lies outside.
    fn turned(&self, lon: f64) -> f64 {
        let (first, last) = (self.values[0], self.values[self.values.len() - 1]);
        let lon = first + (lon - first).rem_euclid(360.0);
        // Past the end the other side may be nearer; rounding puts the first point a turn away.
        if self.turn == 0.0 && lon - last > first - (lon - 360.0) || lon - first > 360.0 - 1e-9 {
            lon - 360.0
        } else {
            lon
        }
    }

    /// The two places around a coordinate and the share of the second; none outside.
    pub(super) fn around(&self, value: f64) -> Option<[(u32, f64); 2]> {
        let count = self.values.len();
        let next = self.values.partition_point(|at| *at <= value);
        let (low, high) = match (next, self.turn > 0.0) {
            (0, true) => (self.values[count - 1] - self.turn, self.values[0]),
            (next, true) if next == count => (self.values[count - 1], self.values[0] + self.turn),
            (0, false) if self.values[0] - value < 1e-6 => {
                return Some([(self.at[0], 1.0), (self.at[0], 0.0)]);
            }
            (next, false) if next == count && value - self.values[count - 1] < 1e-6 => {
                return Some([(self.at[count - 1], 1.0), (self.at[count - 1], 0.0)]);
            }
            (0, false) => return None,
            (next, false) if next == count => return None,
            (next, _) => (self.values[next - 1], self.values[next]),
        };
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        let before = self.at[(next + count - 1) % count];
        Some([(before, 1.0 - share), (self.at[next % count], share)])
    }

    /// The nearest place; none where it is farther than half a step beyond the ends.
    fn nearest(&self, value: f64) -> Option<u32> {
        let count = self.values.len();
        if let Some([(first, weight), (second, _)]) = self.around(value) {
            return Some(if weight >= 0.5 { first } else { second });
        }
        let half = |a: usize, b: usize| {
            if count < 2 { 180.0 } else { (self.values[a] - self.values[b]).abs() / 2.0 }
        };
        let (below, above) = (self.values[0] - value, value - self.values[count - 1]);
        if below > 0.0 {
            (below <= half(0, 1.min(count - 1)) + 1e-6).then_some(self.at[0])
        } else {
            (above <= half(count - 1, count.saturating_sub(2)) + 1e-6).then_some(self.at[count - 1])
        }
    }

    /// Edges of the cells: midpoints, and half a step beyond the ends, no farther than `limits`.
    fn edges(&self, limits: (f64, f64)) -> Vec<f64> {
        let values = &self.values;
        let count = values.len();
        let mut edges: Vec<f64> =
            values.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
        let (low, high) = if self.turn > 0.0 {
            let join = f64::midpoint(values[count - 1], values[0] + self.turn);
            (join - self.turn, join)
        } else if count > 1 {
            let step = |a: usize, b: usize| (values[a] - values[b]) / 2.0;
            (values[0] - step(1, 0), values[count - 1] + step(count - 1, count - 2))
        } else {
            (limits.0.max(values[0] - 0.5), limits.1.min(values[0] + 0.5))
        };
        edges.insert(0, low.max(limits.0));
        edges.push(high.min(limits.1));
        edges
    }
}

/// Weights of rows and of columns for lists of latitudes and longitudes (of a rectilinear target, or one pair a point). Rows
/// beyond the source's number are its poles, north then south.
pub(super) fn between(from: &Grid, lats: &[f64], lons: &[f64], method: Method) -> (Axis, Axis) {
    let latitudes = Line::new(from.lats.clone(), 0.0);
    let longitudes = Line::longitudes(&from.lons, from.is_periodic());
    let (mut rows, mut columns) = (Axis::default(), Axis::default());
    match method {
        Method::Nearest => {
            let global = from.is_global();
            for lat in lats {
                let inside = if global { clamped(&latitudes, *lat) } else { *lat };
                rows.push(latitudes.nearest(inside).map(|at| (at, 1.0)));
            }
            for lon in lons {
                columns.push(longitudes.nearest(longitudes.turned(*lon)).map(|at| (at, 1.0)));
            }
        }
        Method::Bilinear => {
            let global = from.is_global();
            let count = u32::try_from(from.shape.0).unwrap_or(u32::MAX - 2);
            for lat in lats {
                rows.push(row_around(&latitudes, *lat, global, count).into_iter().flatten());
            }
            for lon in lons {
                columns.push(longitudes.around(longitudes.turned(*lon)).into_iter().flatten());
            }
        }
        Method::Conservative => {
            let global = |lats: &[f64], lons: &[f64]| {
                Grid::rectilinear(lats.to_vec(), lons.to_vec()).is_ok_and(|grid| grid.is_global())
            };
            let target_global = global(lats, lons);
            let sines = |line: &Line, global: bool| -> Vec<f64> {
                let mut edges = line.edges((-90.0, 90.0));
                if global {
                    let last = edges.len() - 1;
                    (edges[0], edges[last]) = (-90.0, 90.0);
                }
                edges.iter().map(|edge| edge.to_radians().sin()).collect()
            };
            let target = Line::new(lats.to_vec(), 0.0);
            let source = sines(&latitudes, from.is_global());
            rows = overlaps(&latitudes, &source, &target, &sines(&target, target_global), 0.0);
            let periodic =
                Grid::rectilinear(vec![0.0], lons.to_vec()).is_ok_and(|grid| grid.is_periodic());
            let target = Line::longitudes(lons, periodic);
            let everywhere = (f64::NEG_INFINITY, f64::INFINITY);
            let (source, edges) = (longitudes.edges(everywhere), target.edges(everywhere));
            columns = overlaps(&longitudes, &source, &target, &edges, 360.0);
        }
    }
    (rows, columns)
}

fn clamped(line: &Line, value: f64) -> f64 {
    value.clamp(line.values[0], line.values[line.values.len() - 1])
}

fn row_around(line: &Line, lat: f64, global: bool, count: u32) -> Option<[(u32, f64); 2]> {
    let (south, north) = (line.values[0], line.values[line.values.len() - 1]);
    if !global || (south..=north).contains(&lat) {
        return line.around(lat);
    }
    let (edge, row, pole, at) = if lat > north {
        (north, line.at[line.at.len() - 1], 90.0, count)
    } else {
        (south, line.at[0], -90.0, count + 1)
    };
    // A row at the pole but for rounding.
    if f64::abs(pole - edge) < 1e-6 {
        return Some([(row, 1.0), (row, 0.0)]);
    }
    let share = ((lat - edge) / (pole - edge)).clamp(0.0, 1.0);
    Some([(row, 1.0 - share), (at, share)])
}

/// Shares of the target's cells that the source's cells cover; both ascending, `turn` apart repeated where it is not 0.
fn overlaps(source: &Line, from: &[f64], target: &Line, to: &[f64], turn: f64) -> Axis {
    let count = target.at.len();
    let mut lists = vec![Vec::new(); count];
    for cell in 0..count {
        let (low, high) = (to[cell], to[cell + 1]);
        let list = &mut lists[target.at[cell] as usize];
        let (first, last) = if turn > 0.0 {
            let (start, end) = (from[0], from[from.len() - 1]);
            (((low - end) / turn).floor() as i64, ((high - start) / turn).ceil() as i64)
        } else {
            (0, 0)
        };
        for wrap in first..=last {
            let shift = wrap as f64 * turn;
            let begin = from.partition_point(|edge| edge + shift <= low).saturating_sub(1);
            for at in begin..from.len() - 1 {
                let (left, right) = (from[at] + shift, from[at + 1] + shift);
                if left >= high {
                    break;
                }
                let share = (right.min(high) - left.max(low)) / (high - low);
                if share > 1e-12 {
                    list.push((source.at[at], share));
                }
            }
        }
    }
    let mut axis = Axis::default();
    lists.into_iter().for_each(|list| axis.push(list));
    axis
}

/// The product of each pair of rows and columns, as places in the source of `width` columns.
pub(super) fn zipped(rows: &Axis, columns: &Axis, width: u32) -> Axis {
    let mut axis = Axis::default();
    for target in 0..rows.ends.len() {
        let pairs = rows.of(target).flat_map(|(row, of_row)| {
            columns.of(target).map(move |(column, of_column)| {
                (row as u32 * width + column as u32, of_row * of_column)
            })
        });
        axis.push(pairs.collect::<Vec<_>>());
    }
    axis
}
