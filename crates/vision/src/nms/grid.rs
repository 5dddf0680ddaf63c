//! The boxes kept so far, in a grid, so that a candidate meets only those near it.

use crate::geometry::BBox;

/// Boxes up to which comparing all with all is quicker than a grid.
const SMALL: usize = 64;
/// Most cells along an axis.
const MOST_CELLS: f32 = 64.0;
/// Boxes compared together, so that the compiler uses vector instructions.
const LANES: usize = 8;

/// Corners and areas of boxes, each in its own row of numbers, padded with boxes that overlap nothing.
#[derive(Default, Clone)]
struct Cell {
    chunks: Vec<Chunk>,
    count: usize,
}

#[derive(Clone, Copy)]
struct Chunk {
    x1: [f32; LANES],
    y1: [f32; LANES],
    x2: [f32; LANES],
    y2: [f32; LANES],
    area: [f32; LANES],
}

impl Chunk {
    /// Boxes far outside of everything, of no width: their shared area with any box is 0.
    const EMPTY: Self = Self {
        x1: [f32::MAX; LANES],
        y1: [f32::MAX; LANES],
        x2: [f32::MIN; LANES],
        y2: [f32::MIN; LANES],
        area: [1.0; LANES],
    };

    /// Whether one of the boxes overlaps by more than the threshold.
    fn covers(&self, bbox: &BBox, area: f32, iou: f32) -> bool {
        let mut any = false;
        for lane in 0..LANES {
            let width = lesser(bbox.x2, self.x2[lane]) - greater(bbox.x1, self.x1[lane]);
            let height = lesser(bbox.y2, self.y2[lane]) - greater(bbox.y1, self.y1[lane]);
            let shared = greater(width, 0.0) * greater(height, 0.0);
            // A division, as the reference does: a product would round otherwise at the threshold.
            any |= shared / (self.area[lane] + area - shared) > iou;
        }
        any
    }
}

// `f32::min` and `max` guard against NaN, which the caller has excluded, at the price of the vector forms.
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Cell {
    fn push(&mut self, bbox: &BBox, area: f32) {
        let lane = self.count % LANES;
        if lane == 0 {
            self.chunks.push(Chunk::EMPTY);
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.x1[lane] = bbox.x1;
            chunk.y1[lane] = bbox.y1;
            chunk.x2[lane] = bbox.x2;
            chunk.y2[lane] = bbox.y2;
            chunk.area[lane] = area;
        }
        self.count += 1;
    }
}

/// One axis of the grid: how far cells reach and how many there are.
struct Axis {
    start: f32,
    per_pixel: f32,
    cells: usize,
}

impl Axis {
    /// One cell for everything.
    const WHOLE: Self = Self { start: 0.0, per_pixel: 0.0, cells: 1 };

    /// Cells as wide as the boxes are on the mean, so that a box lies in two on the mean, but no more than
    /// the bound.
    fn new(edges: impl Iterator<Item = (f32, f32)> + Clone, count: usize) -> Self {
        let start = edges.clone().map(|(low, _)| low).fold(f32::INFINITY, f32::min);
        let end = edges.clone().map(|(_, high)| high).fold(f32::NEG_INFINITY, f32::max);
        let mean = edges.map(|(low, high)| (high - low).max(0.0)).sum::<f32>() / count as f32;
        let extent = end - start;
        let cells = (extent / mean).clamp(1.0, MOST_CELLS).floor();
        let per_pixel = cells / extent;
        if per_pixel.is_finite() && cells.is_finite() && extent.is_finite() {
            Self { start, per_pixel, cells: cells as usize }
        } else {
            Self::WHOLE
        }
    }

    /// First and last cell of an interval. Monotone in its argument, so that intervals that share a
    /// point share a cell.
    fn span(&self, low: f32, high: f32) -> (usize, usize) {
        let cell = |v: f32| (((v - self.start) * self.per_pixel) as usize).min(self.cells - 1);
        (cell(low), cell(high))
    }
}

/// The boxes kept so far.
pub(super) struct Kept {
    iou: f32,
    columns: Axis,
    rows: Axis,
    cells: Vec<Cell>,
}

impl Kept {
    /// None kept yet, of a set of boxes that will be offered.
    pub(super) fn new(boxes: &[BBox], iou: f32) -> Self {
        let (columns, rows) = if boxes.len() <= SMALL {
            (Axis::WHOLE, Axis::WHOLE)
        } else {
            (
                Axis::new(boxes.iter().map(|b| (b.x1, b.x2)), boxes.len()),
                Axis::new(boxes.iter().map(|b| (b.y1, b.y2)), boxes.len()),
            )
        };
        let cells = vec![Cell::default(); columns.cells * rows.cells];
        // Below 0 every pair would count, those that do not touch too.
        Self { iou: greater(iou, 0.0), columns, rows, cells }
    }

    /// Takes a box unless one already kept covers it, and says so.
    pub(super) fn offer(&mut self, bbox: &BBox) -> bool {
        let area = (bbox.x2 - bbox.x1) * (bbox.y2 - bbox.y1);
        let (left, right) = self.columns.span(bbox.x1, bbox.x2);
        let (upper, lower) = self.rows.span(bbox.y1, bbox.y2);
        let width = self.columns.cells;
        let near = |row: usize| row * width + left..=row * width + right;
        let covered = (upper..=lower)
            .flat_map(near)
            .any(|at| self.cells[at].chunks.iter().any(|chunk| chunk.covers(bbox, area, self.iou)));
        if !covered {
            for at in (upper..=lower).flat_map(near) {
                self.cells[at].push(bbox, area);
            }
        }
        !covered
    }
}
