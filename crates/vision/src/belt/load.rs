//! What lies on the belt, and what hangs over its edges.
//!
//! Load is rougher than the rubber beside the edges, or of quite another shade. A smooth change of
//! shade across the belt, as a trough has it, is none.

use super::strip::{BELT, BESIDE, COLUMNS, Part, Strip, box_sums, parts};
use super::{BeltConfig, Load, Overflow, OverflowKind, Tear};
use crate::geometry::{BBox, Point};

/// A shade that differs by more than this is load even when it is smooth.
const OTHER_SHADE: f32 = 45.0;
/// The smallest heap, as a share of the belt.
const SMALLEST: f32 = 0.004;

/// The load on the strip.
pub(super) struct Found {
    heaps: Vec<Part>,
    /// True where load lies, on the belt and beside it.
    mask: Vec<bool>,
    pub(super) filled: f32,
    confidence: f32,
}

pub(super) fn find(strip: &Strip<'_>, tears: &[Tear]) -> Found {
    let rough = (3.0 * strip.surface_texture).max(6.0);
    let shade = (6.0 * strip.spread).max(OTHER_SHADE);
    let on_belt = |column: usize| (BESIDE..BESIDE + BELT).contains(&column);
    let mut raw = vec![0.0; strip.grey.len()];
    for (at, value) in raw.iter_mut().enumerate() {
        let column = at % COLUMNS;
        // The edge itself is rough: a belt's border is no load.
        let inner = (BESIDE + 3..BESIDE + BELT - 3).contains(&column);
        if !strip.seen[at] || !on_belt(column) {
            continue;
        }
        let off = (strip.grey[at] - strip.surface[at]).abs();
        if (inner && strip.texture[at] > rough) || off > shade {
            *value = 1.0;
        }
    }
    let boxes: Vec<BBox> = tears.iter().map(|t| t.bbox).collect();
    let in_tear = |at: usize| {
        let place = strip.to_image((at % COLUMNS) as f32 + 0.5, (at / COLUMNS) as f32 + 0.5);
        boxes.iter().any(|b| {
            let spare = 3.0 * strip.grid.scale();
            place.x > b.x1 - spare
                && place.x < b.x2 + spare
                && place.y > b.y1 - spare
                && place.y < b.y2 + spare
        })
    };
    if !boxes.is_empty() {
        (0..raw.len())
            .filter(|&at| raw[at] > 0.0 && in_tear(at))
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|at| raw[at] = 0.0);
    }
    // The majority of 7 x 7 neighbours closes gaps between lumps and takes specks away.
    let dense = box_sums(raw.iter().copied(), strip.rows, 3);
    let mut mask: Vec<bool> = dense
        .iter()
        .enumerate()
        .map(|(at, d)| {
            // Beside the border half of the neighbours lie off the belt.
            let column = at % COLUMNS;
            let border = !(BESIDE + 3..BESIDE + BELT - 3).contains(&column);
            on_belt(column) && *d > if border { 0.3 } else { 0.5 }
        })
        .collect();
    let smallest = (SMALLEST * (strip.rows * BELT) as f32) as usize;
    let (heaps, specks): (Vec<Part>, Vec<Part>) = parts(&mask, strip.rows)
        .into_iter()
        .partition(|part| part.places.len() >= smallest.max(12));
    specks.iter().flat_map(|p| &p.places).for_each(|&at| mask[at as usize] = false);
    let (mut covered, mut all, mut clear) = (0.0_f64, 0.0_f64, (0.0_f64, 0.0_f64));
    for (at, load) in
        mask.iter().enumerate().filter(|(at, _)| on_belt(at % COLUMNS) && strip.seen[*at])
    {
        let area = f64::from(strip.widths[at / COLUMNS]);
        all += area;
        if *load {
            covered += area;
            let how =
                (strip.texture[at] / rough).max((strip.grey[at] - strip.surface[at]).abs() / shade);
            clear = (clear.0 + f64::from((how - 0.5).clamp(0.0, 1.0)), clear.1 + 1.0);
        }
    }
    let filled = if all > 0.0 { (covered / all) as f32 } else { 0.0 };
    let confidence = if clear.1 > 0.0 {
        (clear.0 / clear.1) as f32
    } else {
        // An empty belt is sure when its own texture is low.
        1.0 / (1.0 + strip.surface_texture / 20.0)
    };
    Found { heaps, mask, filled, confidence }
}

impl Found {
    pub(super) fn report(&self, strip: &Strip<'_>) -> Load {
        let outlines: Vec<Vec<Point>> =
            self.heaps.iter().map(|heap| outline(heap, strip)).collect();
        let bbox = (!outlines.is_empty())
            .then(|| super::around(outlines.iter().flatten().copied(), strip.grid.size));
        Load { filled: self.filled, outlines, bbox, confidence: self.confidence }
    }
}

/// Down the left side of a heap and up the right one, a point every few rows.
fn outline(heap: &Part, strip: &Strip<'_>) -> Vec<Point> {
    let (top, bottom) = heap.rows;
    let mut ends = vec![(COLUMNS, 0); bottom - top];
    for &at in &heap.places {
        let (row, column) = (at as usize / COLUMNS - top, at as usize % COLUMNS);
        ends[row] = (ends[row].0.min(column), ends[row].1.max(column + 1));
    }
    let step = ((bottom - top) / 48).max(1);
    let chosen: Vec<usize> =
        (0..ends.len()).filter(|n| n % step == 0 || n + 1 == ends.len()).collect();
    // A heap of one row is closed along its lower side.
    let low = |n: usize| (top + n) as f32 + if n + 1 == ends.len() { 1.0 } else { 0.0 };
    let down = chosen.iter().map(|&n| strip.to_image(ends[n].0 as f32, low(n)));
    let up = chosen.iter().rev().map(|&n| strip.to_image(ends[n].1 as f32, low(n)));
    down.chain(up).collect()
}

/// Where there is too much.
pub(super) fn overflow(strip: &Strip<'_>, load: &Found, config: &BeltConfig) -> Vec<Overflow> {
    let mut found = Vec::new();
    if load.filled > config.max_filled {
        let all =
            Part { columns: (BESIDE, BESIDE + BELT), rows: (0, strip.rows), places: Vec::new() };
        found.push(Overflow {
            kind: OverflowKind::Overfull,
            bbox: strip.bbox(&all),
            confidence: load.confidence,
        });
    }
    found.extend(over_edge(strip, load, OverflowKind::OverLeft));
    found.extend(over_edge(strip, load, OverflowKind::OverRight));
    found
}

/// Rows in which load lies at the edge and what is beside it is not what is beside it elsewhere.
fn over_edge(strip: &Strip<'_>, load: &Found, kind: OverflowKind) -> Vec<Overflow> {
    let left = kind == OverflowKind::OverLeft;
    // Columns beside the belt, and the belt's outermost.
    let (beside, border) = if left {
        (2..BESIDE - 1, BESIDE..BESIDE + 8)
    } else {
        (BESIDE + BELT + 1..COLUMNS - 2, BESIDE + BELT - 8..BESIDE + BELT)
    };
    let mean = |row: usize, columns: std::ops::Range<usize>| {
        let count = columns.len() as f32;
        strip.grey[row * COLUMNS..][columns].iter().sum::<f32>() / count
    };
    let visible = |row: usize| beside.clone().all(|c| strip.seen[row * COLUMNS + c]);
    let loaded = |row: usize| {
        border.clone().filter(|c| load.mask[row * COLUMNS + c]).count() * 2 >= border.len()
    };
    let rows: Vec<usize> = (0..strip.rows).filter(|&r| visible(r)).collect();
    let free: Vec<usize> = rows.iter().copied().filter(|&r| !loaded(r)).collect();
    if free.len() * 5 < rows.len() || free.len() < 10 {
        // Nowhere is the edge free: there is nothing to compare with.
        return Vec::new();
    }
    let mut usual: Vec<f32> = free.iter().map(|&r| mean(r, beside.clone())).collect();
    let level = super::median(&mut usual);
    let spread =
        1.48 * super::median(&mut usual.iter().map(|v| (v - level).abs()).collect::<Vec<_>>());
    let reach = (4.0 * spread).max(14.0);
    let off: Vec<f32> = (0..strip.rows)
        .map(|r| {
            if visible(r) && loaded(r) {
                (mean(r, beside.clone()) - level).abs() / reach
            } else {
                0.0
            }
        })
        .collect();
    let mut found = Vec::new();
    let mut row = 0;
    while row < off.len() {
        let length = off[row..].iter().take_while(|o| **o > 1.0).count();
        if length >= (strip.rows / 50).max(4) {
            let strength = off[row..row + length].iter().sum::<f32>() / length as f32;
            let part = Part {
                columns: (beside.start.min(border.start), beside.end.max(border.end)),
                rows: (row, row + length),
                places: Vec::new(),
            };
            let confidence = (1.0 - 1.0 / (1.0 + strength)).clamp(0.0, 1.0);
            found.push(Overflow { kind, bbox: strip.bbox(&part), confidence });
        }
        row += length.max(1);
    }
    found
}
