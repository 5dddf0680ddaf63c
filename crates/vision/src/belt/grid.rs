//! The working picture: the region in grey, reduced, with the belt running down.

use super::{BeltConfig, Running};
use crate::geometry::{Point, Size};
use crate::image::Image;

/// The working picture is reduced to at most about this many pixels across and along.
const MAX_ACROSS: usize = 640;
const MAX_ALONG: usize = 400;
/// A region with fewer pixels than this on a side is not looked at.
const MIN_SIDE: usize = 32;

/// A grey picture; a place in it is `s` across the belt and `t` along it, in its own pixels.
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Grey values from 0 to 255, reduced by averaging and filtered by a 3 x 3 median.
    pub(super) data: Vec<u8>,
    /// Red less blue, from 128, filtered likewise: rubber and ground of one grey mostly differ in it.
    pub(super) tint: Vec<u8>,
    /// Pixels of the picture to one of the grid.
    factor: usize,
    left: usize,
    top: usize,
    running: Running,
    /// The region where it is a polygon, in the grid's coordinates.
    polygon: Vec<(f32, f32)>,
    pub(super) size: Size,
}

impl Grid {
    /// `None` when the region has too little in the picture.
    pub(super) fn new(image: &Image, config: &BeltConfig) -> Option<Self> {
        let size = image.size();
        let (width, height) = (size.width as usize, size.height as usize);
        let (mut x1, mut y1, mut x2, mut y2) = (0, 0, width, height);
        if config.region.len() >= 2 {
            let low = |v: f32, end: usize| (v.max(0.0).floor() as usize).min(end);
            let high = |v: f32, end: usize| (v.max(0.0).ceil() as usize).min(end);
            let fold = |f: fn(f32, f32) -> f32, of: fn(&Point) -> f32| {
                config.region.iter().map(of).reduce(f)
            };
            (x1, x2) =
                (low(fold(f32::min, |p| p.x)?, width), high(fold(f32::max, |p| p.x)?, width));
            (y1, y2) =
                (low(fold(f32::min, |p| p.y)?, height), high(fold(f32::max, |p| p.y)?, height));
        }
        let (wide, high) = (x2.checked_sub(x1)?, y2.checked_sub(y1)?);
        if wide < MIN_SIDE || high < MIN_SIDE {
            return None;
        }
        let (across, along) =
            if config.running == Running::Vertical { (wide, high) } else { (high, wide) };
        let factor = across.div_ceil(MAX_ACROSS).max(along.div_ceil(MAX_ALONG)).max(1);
        let (columns, rows) = (across / factor, along / factor);
        let mut grid = Self {
            columns,
            rows,
            data: Vec::new(),
            tint: Vec::new(),
            factor,
            left: x1,
            top: y1,
            running: config.running,
            polygon: Vec::new(),
            size,
        };
        if config.region.len() > 2 {
            grid.polygon = config.region.iter().map(|p| grid.to_grid(*p)).collect();
        }
        let (grey, tint) = grid.reduce(image);
        grid.data = median_3x3(&grey, columns, rows);
        grid.tint = median_3x3(&tint, columns, rows);
        Some(grid)
    }

    /// Averages blocks of the picture's luma (BT.601) and of its tint, turned so that the belt runs down.
    fn reduce(&self, image: &Image) -> (Vec<u8>, Vec<u8>) {
        let vertical = self.running == Running::Vertical;
        let (wide, high) =
            if vertical { (self.columns, self.rows) } else { (self.rows, self.columns) };
        let area = (self.factor * self.factor) as u32;
        let (mut grey, mut tint) = (vec![0; wide * high], vec![0; wide * high]);
        let mut sums = vec![(0_u32, 0_i32); wide];
        for block in 0..high {
            sums.fill((0, 0));
            for line in 0..self.factor {
                let row = image.row((self.top + block * self.factor + line) as u32);
                let row = &row[self.left * 3..(self.left + wide * self.factor) * 3];
                for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(3 * self.factor)) {
                    for p in pixels.chunks_exact(3) {
                        sum.0 +=
                            77 * u32::from(p[0]) + 150 * u32::from(p[1]) + 29 * u32::from(p[2]);
                        sum.1 += i32::from(p[0]) - i32::from(p[2]);
                    }
                }
            }
            for (place, sum) in sums.iter().enumerate() {
                let at = if vertical { block * wide + place } else { place * high + block };
                grey[at] = (sum.0 / (area * 256)) as u8;
                tint[at] = (128 + sum.1 / area.cast_signed()).clamp(0, 255) as u8;
            }
        }
        (grey, tint)
    }

    /// Pixels of the picture to one of the grid.
    pub(super) fn scale(&self) -> f32 {
        self.factor as f32
    }

    /// Halfway along.
    pub(super) fn middle(&self) -> f32 {
        self.rows as f32 / 2.0
    }

    /// A place across, in pixels of the picture.
    pub(super) fn across(&self, s: f32) -> f32 {
        let start = if self.running == Running::Vertical { self.left } else { self.top };
        start as f32 + s * self.scale()
    }

    pub(super) fn to_image(&self, s: f32, t: f32) -> Point {
        let (x, y) = if self.running == Running::Vertical { (s, t) } else { (t, s) };
        Point { x: self.left as f32 + x * self.scale(), y: self.top as f32 + y * self.scale() }
    }

    pub(super) fn to_grid(&self, point: Point) -> (f32, f32) {
        let x = (point.x - self.left as f32) / self.scale();
        let y = (point.y - self.top as f32) / self.scale();
        if self.running == Running::Vertical { (x, y) } else { (y, x) }
    }

    /// Whether a place is in the region.
    pub(super) fn inside(&self, s: f32, t: f32) -> bool {
        if self.polygon.is_empty() {
            return s >= 0.0 && t >= 0.0 && s < self.columns as f32 && t < self.rows as f32;
        }
        let mut inside = false;
        let mut last = self.polygon[self.polygon.len() - 1];
        for &corner in &self.polygon {
            let (a, b) = (last, corner);
            if (a.1 > t) != (b.1 > t) && s < (b.0 - a.0) * (t - a.1) / (b.1 - a.1) + a.0 {
                inside = !inside;
            }
            last = corner;
        }
        inside
    }

    /// Tint of the nearest place of a row.
    pub(super) fn tint(&self, s: f32, row: usize) -> f32 {
        let column = (s.max(0.0) as usize).min(self.columns - 1);
        f32::from(self.tint[row.min(self.rows - 1) * self.columns + column])
    }

    /// Grey value between two columns of a row; the nearest outside.
    pub(super) fn sample(&self, s: f32, row: usize) -> f32 {
        let place = (s - 0.5).clamp(0.0, self.columns as f32 - 1.0);
        let column = place as usize;
        let base = row.min(self.rows - 1) * self.columns;
        let a = f32::from(self.data[base + column]);
        let b = f32::from(self.data[base + (column + 1).min(self.columns - 1)]);
        a + (b - a) * (place - column as f32)
    }
}

/// Median of 3 x 3 neighbours; the border stays as it is.
fn median_3x3(data: &[u8], columns: usize, rows: usize) -> Vec<u8> {
    let mut out = data.to_vec();
    let sort = |a: u8, b: u8, c: u8| {
        let (low, high) = (a.min(b), a.max(b));
        (low.min(c), low.max(high.min(c)), high.max(c))
    };
    for y in 1..rows - 1 {
        let (above, here, below) = (
            &data[(y - 1) * columns..y * columns],
            &data[y * columns..(y + 1) * columns],
            &data[(y + 1) * columns..],
        );
        let line = &mut out[y * columns..(y + 1) * columns];
        for x in 1..columns - 1 {
            // Paeth: the median of nine is that of the largest low, the middle middle, the least high.
            let (l1, m1, h1) = sort(above[x - 1], here[x - 1], below[x - 1]);
            let (l2, m2, h2) = sort(above[x], here[x], below[x]);
            let (l3, m3, h3) = sort(above[x + 1], here[x + 1], below[x + 1]);
            let (low, high) = (l1.max(l2).max(l3), h1.min(h2).min(h3));
            line[x] = sort(low, sort(m1, m2, m3).1, high).1;
        }
    }
    out
}
