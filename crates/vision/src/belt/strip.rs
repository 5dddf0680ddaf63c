//! The belt laid straight: each row of the working picture from the left edge to the right one, with a
//! little beside both.

use super::edges::Pair;
use super::grid::Grid;
use super::{Side, median};
use crate::geometry::{BBox, Point};

/// Columns between the edges, and beside each.
pub(super) const BELT: usize = 160;
pub(super) const BESIDE: usize = 16;
pub(super) const COLUMNS: usize = BELT + 2 * BESIDE;

/// A mask or a map over the strip has `COLUMNS * rows` places.
pub(super) struct Strip<'a> {
    pub(super) grid: &'a Grid,
    pair: &'a Pair,
    pub(super) rows: usize,
    pub(super) grey: Vec<f32>,
    /// False where the strip leaves the region.
    pub(super) seen: Vec<bool>,
    /// Standard deviation of grey in 5 x 5 neighbours.
    pub(super) texture: Vec<f32>,
    /// What the empty belt looks like: between the shades beside both edges.
    pub(super) surface: Vec<f32>,
    /// Spread of the surface's grey around that, and its texture.
    pub(super) spread: f32,
    pub(super) surface_texture: f32,
    /// Width of the belt in each row, in grid pixels.
    pub(super) widths: Vec<f32>,
}

/// Places beside the edges where the belt is mostly free, as shares of its width.
const MARGIN: (f32, f32) = (0.02, 0.09);

impl<'a> Strip<'a> {
    /// `hidden` is the edge that lies under load, if one does.
    pub(super) fn new(grid: &'a Grid, pair: &'a Pair, hidden: Option<Side>) -> Self {
        let rows = grid.rows;
        let mut grey = Vec::with_capacity(rows * COLUMNS);
        let mut seen = Vec::with_capacity(rows * COLUMNS);
        let mut widths = Vec::with_capacity(rows);
        for row in 0..rows {
            let t = row as f32 + 0.5;
            let (left, width) = (pair.left.at(t), pair.right.at(t) - pair.left.at(t));
            widths.push(width);
            for column in 0..COLUMNS {
                let s = left + width * share(column);
                grey.push(grid.sample(s, row));
                seen.push(grid.inside(s, t));
            }
        }
        let texture = deviation(&grey, rows);
        let mut strip = Self {
            grid,
            pair,
            rows,
            grey,
            seen,
            texture,
            surface: Vec::new(),
            spread: 0.0,
            surface_texture: 0.0,
            widths,
        };
        strip.take_surface(hidden);
        strip
    }

    /// Learns the surface from both margins, or from the one that is free.
    fn take_surface(&mut self, hidden: Option<Side>) {
        let columns = |side: usize| {
            let (from, to) = ((BELT as f32 * MARGIN.0) as usize, (BELT as f32 * MARGIN.1) as usize);
            if (side == 0 && hidden != Some(Side::Left)) || hidden == Some(Side::Right) {
                BESIDE + from..BESIDE + to
            } else {
                BESIDE + BELT - to..BESIDE + BELT - from
            }
        };
        let mut shades: [Vec<f32>; 2] = Default::default();
        for (side, shades) in shades.iter_mut().enumerate() {
            for row in 0..self.rows {
                let mut values = self.grey[row * COLUMNS..][columns(side)].to_vec();
                shades.push(median(&mut values));
            }
            // A margin under load in some rows is taken from the others.
            let usual = median(&mut shades.clone());
            let off = median(&mut shades.iter().map(|s| (s - usual).abs()).collect::<Vec<_>>());
            let reach = (6.0 * off).clamp(10.0, 30.0);
            shades
                .iter_mut()
                .for_each(|s| *s = if (*s - usual).abs() > reach { usual } else { *s });
            *shades = smoothed(shades, 7);
        }
        let [left, right] = &shades;
        for (a, b) in left.iter().zip(right) {
            self.surface.extend((0..COLUMNS).map(|c| a + (b - a) * share(c).clamp(0.0, 1.0)));
        }
        let (mut off, mut texture) = (Vec::new(), Vec::new());
        for row in (0..self.rows).step_by(2) {
            for at in columns(0).chain(columns(1)).map(|c| row * COLUMNS + c) {
                off.push((self.grey[at] - self.surface[at]).abs());
                texture.push(self.texture[at]);
            }
        }
        self.spread = 1.48 * median(&mut off);
        self.surface_texture = median(&mut texture);
    }

    /// A place on the strip, in the picture.
    pub(super) fn to_image(&self, column: f32, row: f32) -> Point {
        let (left, right) = (self.pair.left.at(row), self.pair.right.at(row));
        let u = (column - BESIDE as f32) / BELT as f32;
        self.grid.to_image(left + (right - left) * u, row)
    }

    /// The box in the picture around a part of the strip; ends are exclusive.
    pub(super) fn bbox(&self, part: &Part) -> BBox {
        let (x1, x2) = (part.columns.0 as f32, part.columns.1 as f32);
        let (y1, y2) = (part.rows.0 as f32, part.rows.1 as f32);
        let corners = [(x1, y1), (x2, y1), (x1, y2), (x2, y2)].map(|(c, r)| self.to_image(c, r));
        super::around(corners, self.grid.size)
    }
}

/// A column's place across the belt: 0 at the left edge, 1 at the right.
pub(super) fn share(column: usize) -> f32 {
    (column as f32 + 0.5 - BESIDE as f32) / BELT as f32
}

/// A connected part of a mask.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// First column and the one behind the last.
    pub(super) columns: (usize, usize),
    pub(super) rows: (usize, usize),
    /// Places in the mask.
    pub(super) places: Vec<u32>,
}

/// The 8-connected parts of a mask.
pub(super) fn parts(mask: &[bool], rows: usize) -> Vec<Part> {
    let mut left = mask.to_vec();
    let mut found = Vec::new();
    let mut stack = Vec::new();
    for start in 0..mask.len() {
        if !std::mem::replace(&mut left[start], false) {
            continue;
        }
        let mut part = Part { columns: (COLUMNS, 0), rows: (rows, 0), places: Vec::new() };
        stack.push(start);
        while let Some(at) = stack.pop() {
            let (row, column) = (at / COLUMNS, at % COLUMNS);
            part.columns = (part.columns.0.min(column), part.columns.1.max(column + 1));
            part.rows = (part.rows.0.min(row), part.rows.1.max(row + 1));
            part.places.push(at as u32);
            for y in row.saturating_sub(1)..(row + 2).min(rows) {
                for x in column.saturating_sub(1)..(column + 2).min(COLUMNS) {
                    if std::mem::replace(&mut left[y * COLUMNS + x], false) {
                        stack.push(y * COLUMNS + x);
                    }
                }
            }
        }
        found.push(part);
    }
    found
}

/// Sums over boxes of `2 * reach + 1` places square, clipped at the borders, and their areas.
pub(super) fn box_sums(values: impl Iterator<Item = f32>, rows: usize, reach: usize) -> Vec<f32> {
    let wide = COLUMNS + 1;
    // Summed in f64: squares of grey over a strip have more digits than an f32.
    let mut table = vec![0.0_f64; wide * (rows + 1)];
    let mut row_sum = 0.0;
    for (at, value) in values.enumerate() {
        let (row, column) = (at / COLUMNS, at % COLUMNS);
        row_sum = if column == 0 { f64::from(value) } else { row_sum + f64::from(value) };
        table[(row + 1) * wide + column + 1] = table[row * wide + column + 1] + row_sum;
    }
    let mut out = Vec::with_capacity(rows * COLUMNS);
    for row in 0..rows {
        let (y1, y2) = (row.saturating_sub(reach), (row + reach + 1).min(rows));
        for column in 0..COLUMNS {
            let (x1, x2) = (column.saturating_sub(reach), (column + reach + 1).min(COLUMNS));
            let sum = table[y2 * wide + x2] - table[y1 * wide + x2] - table[y2 * wide + x1]
                + table[y1 * wide + x1];
            out.push((sum / ((y2 - y1) * (x2 - x1)) as f64) as f32);
        }
    }
    out
}

/// Standard deviation in 5 x 5 neighbours.
fn deviation(grey: &[f32], rows: usize) -> Vec<f32> {
    let mean = box_sums(grey.iter().copied(), rows, 2);
    let squares = box_sums(grey.iter().map(|g| g * g), rows, 2);
    mean.iter().zip(squares).map(|(m, s)| (s - m * m).max(0.0).sqrt()).collect()
}

/// Running means over `2 * reach + 1` values, fewer at the ends.
fn smoothed(values: &[f32], reach: usize) -> Vec<f32> {
    (0..values.len())
        .map(|n| {
            let window = &values[n.saturating_sub(reach)..(n + reach + 1).min(values.len())];
            window.iter().sum::<f32>() / window.len() as f32
        })
        .collect()
}
