//! What lies on a map: values of a field on its pixels, land, wind.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::barb::{Unit, arrow, barb};
use super::coast::coasts;
use super::colour::Scale;
use super::contour::Plane;
use super::frame::View;
use super::sample::{Between, Sampler};
use super::scene::{Colour, Item, Path, Scene};
use super::style::Style;

/// Pixels of a picture that a degree of a view takes, about.
fn pixels_per_degree(view: &View) -> f64 {
    f64::from(view.size.0) / (view.plane[2] - view.plane[0]).to_degrees()
}

/// How values are found between points: grids much coarser than the picture are drawn without kinks.
pub(super) fn fitting(view: &View, sampler: &Sampler) -> Between {
    let (lat, lon) = sampler.spacing();
    if lat.min(lon) * pixels_per_degree(view) > 4.0 { Between::Cubic } else { Between::Linear }
}

/// Values at every `step`th pixel of a view from `first` pixels off its corner, in the file's unit.
pub(super) fn values(view: &View, sampler: &Sampler, (first, step): (f64, f64)) -> Plane {
    let between = fitting(view, sampler);
    let count = |side: u32| {
        ((f64::from(side) - first) / step + 1e-9).floor() as usize + usize::from(first == 0.0)
    };
    let (width, height) = (count(view.size.0), count(view.size.1));
    let x = |column: usize| f64::from(view.corner.0) + first + column as f64 * step;
    let y = |row: usize| f64::from(view.corner.1) + first + row as f64 * step;
    let mut values = vec![f32::NAN; width * height];
    if view.projection.is_cylindrical() {
        let (middle_x, middle_y) = (x(width / 2), y(height / 2));
        let columns: Vec<Option<(u32, f32)>> = (0..width)
            .map(|at| view.place(x(at), middle_y).and_then(|place| sampler.column(place.1)))
            .collect();
        values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, line)| {
            let Some(row) = view.place(middle_x, y(row)).and_then(|place| sampler.row(place.0))
            else {
                return;
            };
            for (value, column) in line.iter_mut().zip(&columns) {
                if let Some(column) = column {
                    *value = sampler.between(row, *column, between);
                }
            }
        });
    } else {
        values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, line)| {
            for (column, value) in line.iter_mut().enumerate() {
                if let Some((lat, lon)) = view.place(x(column), y(row)) {
                    *value = sampler.at(lat, lon, between);
                }
            }
        });
    }
    Plane { width, height, values }
}

/// A field's colours.
pub(super) fn fill(
    scene: &mut Scene,
    view: &View,
    sampler: &Sampler,
    (style, scale): (&Style, &Scale),
) {
    let plane = values(view, sampler, (0.5, 1.0));
    let (width, height) = (plane.width, plane.height);
    let positions: Vec<f32> = plane
        .values
        .par_iter()
        .map(|value| if value.is_nan() { f32::NAN } else { scale.position(style.shown(*value)) })
        .collect();
    let mut rgba = vec![0; width * height * 4];
    rgba.par_chunks_mut((width * 4).max(1)).enumerate().for_each(|(row, line)| {
        let next = if row + 1 < height { row + 1 } else { row.saturating_sub(1) };
        let (here, beside) = (
            &positions[row * width..(row + 1) * width],
            &positions[next * width..(next + 1) * width],
        );
        for (column, pixel) in line.chunks_exact_mut(4).enumerate() {
            let position = here[column];
            if position.is_nan() {
                continue;
            }
            let right =
                here[if column + 1 < width { column + 1 } else { column.saturating_sub(1) }];
            let across = (right - position).abs().max((beside[column] - position).abs());
            pixel.copy_from_slice(&scale.colour(position, across));
        }
    });
    let (x, y) = view.corner;
    scene.items.push(Item::Image { x, y, width: width as u32, height: height as u32, rgba });
}

/// Land and sea, for maps of no field.
pub(super) fn land(scene: &mut Scene, view: &View) {
    const LAND: Colour = [232, 228, 218, 255];
    const SEA: Colour = [222, 233, 241, 255];
    // As fine as the picture, within bounds.
    let rows = (pixels_per_degree(view) * 180.0).clamp(360.0, 4320.0) as usize;
    let columns = rows * 2;
    let mask = coasts().mask(rows, columns);
    let (width, height) = (view.size.0 as usize, view.size.1 as usize);
    let mut rgba = vec![0; width * height * 4];
    rgba.par_chunks_mut((width * 4).max(1)).enumerate().for_each(|(row, line)| {
        for (column, pixel) in line.chunks_exact_mut(4).enumerate() {
            let (x, y) = (
                f64::from(view.corner.0) + column as f64 + 0.5,
                f64::from(view.corner.1) + row as f64 + 0.5,
            );
            if let Some((lat, lon)) = view.place(x, y) {
                let down = (((lat + 90.0) / 180.0 * rows as f64) as usize).min(rows - 1);
                let across = ((lon + 180.0).rem_euclid(360.0) / 360.0 * columns as f64) as usize;
                let land = mask[down * columns + across.min(columns - 1)];
                pixel.copy_from_slice(if land { &LAND } else { &SEA });
            }
        }
    });
    let (x, y) = view.corner;
    scene.items.push(Item::Image { x, y, width: width as u32, height: height as u32, rgba });
}

/// How wind is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WindKind {
    /// Barbs.
    Barbs(Unit),
    /// Arrows, the longest as fast as the number, in m/s.
    Arrows(f32),
}

/// Wind at even places of the picture: `u` and `v` in m/s.
pub(super) fn wind(
    scene: &mut Scene,
    view: &View,
    (u, v): (&Sampler, &Sampler),
    kind: WindKind,
    size: f32,
) {
    let between = fitting(view, u);
    let spacing = size * 1.7;
    let [left, top, right, bottom] = view.rect();
    let counts = (((right - left) / spacing) as usize, ((bottom - top) / spacing) as usize);
    let mut lines = Path::default();
    let mut fills = Path::default();
    for row in 0..counts.1 {
        for column in 0..counts.0 {
            // Every other row stands between the columns of the last.
            let shift = if row % 2 == 0 { 0.25 } else { 0.75 };
            let at = (left + (column as f32 + shift) * spacing, top + (row as f32 + 0.5) * spacing);
            let Some((lat, lon)) = view.place(f64::from(at.0), f64::from(at.1)) else { continue };
            let (east, north) = (u.at(lat, lon, between), v.at(lat, lon, between));
            let speed = east.hypot(north);
            let Some((e, n)) = view.compass(lat, lon).filter(|_| speed.is_finite()) else {
                continue;
            };
            let (x, y) = (e.0 * east + n.0 * north, e.1 * east + n.1 * north);
            let length = x.hypot(y);
            let downwind = if length > 0.0 { (x / length, y / length) } else { (1.0, 0.0) };
            // What would stick out of the frame, or beyond the rim of a globe, is left out.
            let tip = (at.0 - downwind.0 * size * 1.2, at.1 - downwind.1 * size * 1.2);
            let within = tip.0 > left && tip.0 < right && tip.1 > top && tip.1 < bottom;
            if !within || view.place(f64::from(tip.0), f64::from(tip.1)).is_none() {
                continue;
            }
            match kind {
                WindKind::Barbs(unit) => {
                    let shapes = barb(at, downwind, speed, lat < 0.0, (size, unit));
                    lines.lines.extend(shapes.lines.lines);
                    fills.lines.extend(shapes.fills.lines);
                }
                WindKind::Arrows(fastest) => {
                    let long = size * 1.6 * (speed / fastest).min(1.2);
                    if long > 1.5 {
                        lines.lines.extend(arrow(at, downwind, long).lines);
                    }
                }
            }
        }
    }
    let ink: Colour = [24, 26, 60, 255];
    scene.stroke(lines.clone(), [255, 255, 255, 130], size * 0.13);
    scene.stroke(lines, ink, (size * 0.045).max(0.8));
    if !fills.is_empty() {
        scene.fill(fills, ink);
    }
}

/// Cells of a lattice along a side of the blocks in which extremes are looked for.
const BLOCK: usize = 4;

/// Extremes of a lattice: places (column, row) that are greater, or less, than all others within about `reach` columns and rows,
/// and than the mean around them by `least`.
pub(super) fn extremes(plane: &Plane, reach: usize, least: f32) -> Vec<(usize, usize, bool)> {
    let (width, height) = (plane.width.div_ceil(BLOCK), plane.height.div_ceil(BLOCK));
    let reach = (reach / BLOCK).max(1);
    let mut found = BTreeMap::new();
    for high in [true, false] {
        let sign = if high { 1.0 } else { -1.0 };
        // The extreme of each block, and where in the lattice it is.
        let mut blocks = vec![(f32::NEG_INFINITY, 0); width * height];
        for (at, value) in plane.values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            let block = at / plane.width / BLOCK * width + at % plane.width / BLOCK;
            if value * sign > blocks[block].0 {
                blocks[block] = (value * sign, at);
            }
        }
        let rows = greatest_near(
            &blocks.iter().map(|block| block.0).collect::<Vec<_>>(),
            (1, width),
            |at| at % width,
            reach,
        );
        let both = greatest_near(&rows, (width, height), |at| at / width, reach);
        for ((value, at), most) in blocks.iter().zip(&both) {
            let (column, row) = (at % plane.width, at / plane.width);
            let margin = reach * BLOCK / 4 + 1;
            let inside = (margin..plane.width.saturating_sub(margin)).contains(&column)
                && (margin..plane.height.saturating_sub(margin)).contains(&row);
            // A plain has no extreme, nor has the edge of what is there.
            let around =
                |step: usize| [plane.values[at - step] * sign, plane.values[at + step] * sign];
            if inside && value == most && value.is_finite() {
                let near = [around(1), around(plane.width)].concat();
                let reach = reach * BLOCK;
                let outstanding = around_mean(plane, (column, row), reach)
                    .is_some_and(|mean| value - mean * sign >= least);
                // Of several that are alike the first counts.
                let alike = found.iter().any(|((r, c), kind): (&(usize, usize), &bool)| {
                    *kind == high && row.abs_diff(*r) <= reach && column.abs_diff(*c) <= reach
                });
                if near.iter().all(|other| other.is_finite()) && outstanding && !alike {
                    found.insert((row, column), high);
                }
            }
        }
    }
    found.into_iter().map(|((row, column), high)| (column, row, high)).collect()
}

/// The mean of the values at some places on a circle; none where most are missing.
fn around_mean(plane: &Plane, (column, row): (usize, usize), reach: usize) -> Option<f32> {
    let value = |at: usize| {
        let (sine, cosine) = (at as f32 / 16.0 * std::f32::consts::TAU).sin_cos();
        let (x, y) = (column as f32 + cosine * reach as f32, row as f32 + sine * reach as f32);
        let inside = x >= 0.0 && y >= 0.0 && x < plane.width as f32 && y < plane.height as f32;
        let value = inside.then(|| plane.values[y as usize * plane.width + x as usize]);
        value.filter(|value| value.is_finite())
    };
    let values: Vec<f32> = (0..16).filter_map(value).collect();
    (values.len() >= 6).then(|| values.iter().sum::<f32>() / values.len() as f32)
}

/// The greatest of the values within reach along one direction, given by the step between neighbours and their count.
fn greatest_near(
    values: &[f32],
    (step, count): (usize, usize),
    index: impl Fn(usize) -> usize,
    reach: usize,
) -> Vec<f32> {
    let greatest = |at: usize| {
        let here = index(at);
        let (low, last) = (here.saturating_sub(reach), (here + reach).min(count - 1));
        (low..=last)
            .map(|other| values[at + other * step - here * step])
            .fold(f32::NEG_INFINITY, f32::max)
    };
    (0..values.len()).map(greatest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_high_and_a_low_are_found_and_slopes_and_gaps_have_none() {
        let (width, height) = (120, 90);
        let hill = |x: f32, y: f32, at: (f32, f32)| {
            (-((x - at.0).powi(2) + (y - at.1).powi(2)) / 100.0).exp()
        };
        let value = |at: usize| {
            let (x, y) = ((at % width) as f32, (at / width) as f32);
            0.002 * x + hill(x, y, (30.0, 40.0)) - hill(x, y, (85.0, 50.0))
        };
        let mut plane = Plane { width, height, values: (0..width * height).map(value).collect() };
        assert_eq!(extremes(&plane, 24, 0.2), [(30, 40, true), (85, 50, false)]);
        plane.values[50 * width + 86] = f32::NAN;
        assert_eq!(extremes(&plane, 24, 0.2), [(30, 40, true)]);
        plane.values.fill(3.0);
        assert!(extremes(&plane, 24, 0.2).is_empty());
    }
}
