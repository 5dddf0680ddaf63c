//! Weights from grids whose points each have their own latitude and longitude: projections and reduced grids.

use super::axis::{Axis, Line};
use super::search::{Tree, unit};
use crate::grid::{Grid, GridKind};

/// The nearest point of each target; for projections none where the target lies farther off than the points around it do.
pub(super) fn nearest(from: &Grid, to: &Grid) -> Axis {
    let tree = Tree::new(&from.lats, &from.lons);
    let mut axis = Axis::default();
    for target in 0..to.len() {
        let (lat, lon) = to.at(target);
        let found = tree
            .nearest(lat, lon)
            .filter(|(at, chord)| from.kind == GridKind::Points || *chord <= spacing(from, *at));
        axis.push(found.map(|(at, _)| (at as u32, 1.0)));
    }
    axis
}

/// The widest chord from a point of a projection to those beside it.
fn spacing(from: &Grid, at: usize) -> f64 {
    let here = unit(from.lats[at], from.lons[at]);
    neighbours(from, at)
        .map(|other| {
            let there = unit(from.lats[other], from.lons[other]);
            (0..3).map(|k| (here[k] - there[k]) * (here[k] - there[k])).sum::<f64>().sqrt()
        })
        .fold(0.0, f64::max)
}

fn neighbours(from: &Grid, at: usize) -> impl Iterator<Item = usize> {
    let (rows, columns) = from.shape;
    let (row, column) = ((at / columns) as i64, (at % columns) as i64);
    [(-1, 0), (1, 0), (0, -1), (0, 1)].into_iter().filter_map(move |(down, right)| {
        let (row, column) = (row + down, column + right);
        let inside = (0..rows as i64).contains(&row) && (0..columns as i64).contains(&column);
        inside.then(|| row as usize * columns + column as usize)
    })
}

/// Weights of the points around each target; none where the points lie in no rows.
pub(super) fn bilinear(from: &Grid, to: &Grid) -> Option<Axis> {
    if from.kind == GridKind::Points { rings(from, to) } else { Some(projected(from, to)) }
}

/// Reduced grids: linear along the two rows around, then between them; beyond the last row its mean stands for the pole.
fn rings(from: &Grid, to: &Grid) -> Option<Axis> {
    let mut starts: Vec<usize> = vec![0];
    starts.extend((1..from.len()).filter(|at| (from.lats[*at] - from.lats[at - 1]).abs() > 1e-6));
    let lats: Vec<f64> = starts.iter().map(|at| from.lats[*at]).collect();
    let ordered = lats.windows(2).all(|pair| pair[0] > pair[1])
        || lats.windows(2).all(|pair| pair[0] < pair[1]);
    starts.push(from.len());
    let mut lines = Vec::new();
    for range in starts.windows(2) {
        let lons = &from.lons[range[0]..range[1]];
        let step = 360.0 / lons.len() as f64;
        let closed = lons.len() > 2
            && lons
                .windows(2)
                .all(|pair| ((pair[1] - pair[0]).rem_euclid(360.0) - step).abs() < step * 0.05);
        if !closed {
            return None;
        }
        lines.push((Line::longitudes(lons, true), range[0] as u32, lons.len()));
    }
    if !ordered || lines.len() < 2 {
        return None;
    }
    let rows = Line::new(lats.clone(), 0.0);
    let (low, high) =
        lats.iter().fold((90.0_f64, -90.0_f64), |(low, high), lat| (low.min(*lat), high.max(*lat)));
    let step = (high - low) / (lats.len() - 1) as f64;
    let mut axis = Axis::default();
    for target in 0..to.len() {
        let (lat, lon) = to.at(target);
        let mut entries = Vec::new();
        let mut add = |row: u32, weight: f64| {
            let (line, start, _) = &lines[row as usize];
            let first = from.lons[*start as usize];
            let lon = first + (lon - first).rem_euclid(360.0);
            for (at, share) in line.around(lon).into_iter().flatten() {
                entries.push((start + at, share * weight));
            }
        };
        if let Some(around) = rows.around(lat) {
            around
                .into_iter()
                .filter(|(_, weight)| *weight > 0.0)
                .for_each(|(row, weight)| add(row, weight));
        } else {
            let (edge, pole) = if lat > high { (high, 90.0) } else { (low, -90.0) };
            if f64::abs(pole - edge) <= 1.5 * step {
                let row = lats.iter().position(|at| *at == edge)?;
                let share = ((lat - edge) / (pole - edge)).clamp(0.0, 1.0);
                add(row as u32, 1.0 - share);
                let (_, start, count) = lines[row];
                entries.extend((start..start + count as u32).map(|at| (at, share / count as f64)));
            }
        }
        axis.push(entries);
    }
    Some(axis)
}

/// Projections: the cell of four points around the target, seen from the target (gnomonic: great circles are straight).
fn projected(from: &Grid, to: &Grid) -> Axis {
    let tree = Tree::new(&from.lats, &from.lons);
    let (rows, columns) = from.shape;
    let mut axis = Axis::default();
    for target in 0..to.len() {
        let (lat, lon) = to.at(target);
        let found = tree.nearest(lat, lon).and_then(|(at, chord)| {
            let (row, column) = (at / columns, at % columns);
            let cells = [(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().filter_map(|(up, left)| {
                let (row, column) = (row.checked_sub(up)?, column.checked_sub(left)?);
                (row + 1 < rows && column + 1 < columns).then_some(row * columns + column)
            });
            let corners = |at: usize| [at, at + 1, at + columns, at + columns + 1];
            let inside = cells.filter_map(|cell| {
                let corners = corners(cell);
                let seen = corners.map(|at| gnomonic((lat, lon), (from.lats[at], from.lons[at])));
                let [Some(a), Some(b), Some(c), Some(d)] = seen else { return None };
                inverse([a, b, c, d]).map(|(s, t)| {
                    let weights = [(1.0 - s) * (1.0 - t), s * (1.0 - t), (1.0 - s) * t, s * t];
                    [0, 1, 2, 3].map(|k| (corners[k] as u32, weights[k]))
                })
            });
            let mut inside = inside;
            inside.next().or_else(|| {
                (chord < 1e-7).then(|| [(at as u32, 1.0); 4].map(|(at, w)| (at, w / 4.0)))
            })
        });
        axis.push(found.into_iter().flatten());
    }
    axis
}

/// Place in the plane that touches the sphere at `centre`, x east and y north; none on the other half of the sphere.
fn gnomonic(centre: (f64, f64), point: (f64, f64)) -> Option<[f64; 2]> {
    let (lat0, lat) = (centre.0.to_radians(), point.0.to_radians());
    let lon = (point.1 - centre.1).to_radians();
    let depth = lat0.sin() * lat.sin() + lat0.cos() * lat.cos() * lon.cos();
    (depth > 1e-6).then(|| {
        let north = lat0.cos() * lat.sin() - lat0.sin() * lat.cos() * lon.cos();
        [lat.cos() * lon.sin() / depth, north / depth]
    })
}

/// Where the origin lies in a cell: shares along its first and its second side, by Newton's method; none outside.
fn inverse([a, b, c, d]: [[f64; 2]; 4]) -> Option<(f64, f64)> {
    let (mut s, mut t) = (0.5_f64, 0.5_f64);
    for _ in 0..20 {
        let at = |k: usize| {
            a[k] * (1.0 - s) * (1.0 - t)
                + b[k] * s * (1.0 - t)
                + c[k] * (1.0 - s) * t
                + d[k] * s * t
        };
        let by_s = |k: usize| (b[k] - a[k]) * (1.0 - t) + (d[k] - c[k]) * t;
        let by_t = |k: usize| (c[k] - a[k]) * (1.0 - s) + (d[k] - b[k]) * s;
        let area = by_s(0) * by_t(1) - by_s(1) * by_t(0);
        if area.abs() < 1e-18 {
            return None;
        }
        let step_s = (at(0) * by_t(1) - at(1) * by_t(0)) / area;
        let step_t = (by_s(0) * at(1) - by_s(1) * at(0)) / area;
        s -= step_s;
        t -= step_t;
        if step_s.abs().max(step_t.abs()) < 1e-12 {
            break;
        }
    }
    let inside = |share: f64| (-1e-6..=1.0 + 1e-6).contains(&share);
    (inside(s) && inside(t)).then(|| (s.clamp(0.0, 1.0), t.clamp(0.0, 1.0)))
}
