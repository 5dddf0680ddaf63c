//! Places that may be tears: narrow lines along the running direction, and breaks of a laser line.

use super::strip::{BELT, BESIDE, COLUMNS, Part, Strip, box_sums, parts};
use super::{BeltConfig, LaserColor, Tear, TearKind};
use crate::image::Image;

/// A tear is narrower than this share of the belt.
const WIDEST: usize = BELT * 8 / 100;
/// Tears lie further from the edges than this.
const FROM_EDGE: usize = BELT * 4 / 100;
const MIN_DIFFERENCE: f32 = 9.0;

/// Narrow lines along the belt, darker or lighter than the surface on both sides.
pub(super) fn find(strip: &Strip<'_>, config: &BeltConfig) -> Vec<Tear> {
    let difference = ridge(strip);
    let mut sizes: Vec<f32> = difference.iter().step_by(3).map(|d| d.abs()).collect();
    let noise = 1.48 * super::median(&mut sizes);
    let threshold = (4.0 * noise).max(MIN_DIFFERENCE);
    let shortest = ((strip.rows as f32 * config.min_tear) as usize).max(12);
    let mut found = Vec::new();
    for sign in [-1.0, 1.0] {
        let strong: Vec<bool> = difference.iter().map(|d| d * sign > threshold).collect();
        for part in parts(&strong, strip.rows) {
            found.extend(judge(strip, &part, &difference, threshold, shortest));
        }
    }
    found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    // A tear seen as a dark line between two light ones is one tear.
    let mut kept: Vec<Tear> = Vec::new();
    for tear in found {
        if kept.iter().all(|k| near(k, &tear) < 0.3) {
            kept.push(tear);
        }
    }
    kept
}

/// Share of the smaller tear's length at which both lie side by side.
fn near(a: &Tear, b: &Tear) -> f32 {
    let spare =
        0.5 * a.bbox.width().min(a.bbox.height()).max(b.bbox.width().min(b.bbox.height())) + 2.0;
    let (p, q) = (a.bbox, b.bbox);
    let wide = p.x2.min(q.x2) - p.x1.max(q.x1) + 2.0 * spare;
    let high = p.y2.min(q.y2) - p.y1.max(q.y1) + 2.0 * spare;
    if wide <= 0.0 || high <= 0.0 { 0.0 } else { wide.max(high) / a.length.min(b.length).max(1.0) }
}

/// Grey against the mean of both sides, smoothed along the belt; 0 where only one side differs.
fn ridge(strip: &Strip<'_>) -> Vec<f32> {
    let rows = strip.rows;
    let mut along = vec![0.0_f32; strip.grey.len()];
    // Means over seven rows: noise falls, a line along the belt stays.
    let reach = 3;
    let mut sums = vec![0.0_f32; COLUMNS];
    for row in 0..rows + reach {
        if row < rows {
            for (sum, g) in sums.iter_mut().zip(&strip.grey[row * COLUMNS..]) {
                *sum += g;
            }
        }
        if row > 2 * reach {
            for (sum, g) in sums.iter_mut().zip(&strip.grey[(row - 2 * reach - 1) * COLUMNS..]) {
                *sum -= g;
            }
        }
        if let Some(middle) = row.checked_sub(reach) {
            let count = (row.min(rows - 1) - row.saturating_sub(2 * reach) + 1) as f32;
            for (value, sum) in
                along[middle * COLUMNS..(middle + 1) * COLUMNS].iter_mut().zip(&sums)
            {
                *value = sum / count;
            }
        }
    }
    let mut out = vec![0.0; along.len()];
    let range = BESIDE + FROM_EDGE..BESIDE + BELT - FROM_EDGE;
    for (line, out) in along.chunks_exact(COLUMNS).zip(out.chunks_exact_mut(COLUMNS)) {
        for column in range.clone() {
            let side = |a: usize, b: usize| line[a..b].iter().sum::<f32>() / (b - a) as f32;
            let (left, right) = (
                line[column] - side(column - 6, column - 3),
                line[column] - side(column + 4, column + 7),
            );
            if left * right > 0.0 {
                out[column] = if left.abs() < right.abs() { left } else { right };
            }
        }
    }
    out
}

/// Whether a part is long, narrow, and has a smooth surface on both sides.
fn judge(
    strip: &Strip<'_>,
    part: &Part,
    difference: &[f32],
    threshold: f32,
    shortest: usize,
) -> Option<Tear> {
    let length = part.rows.1 - part.rows.0;
    if length < shortest || part.places.iter().any(|&at| !strip.seen[at as usize]) {
        return None;
    }
    // Width of the line itself, not of the box: a tear may run aslant.
    let thick = part.places.len() / length;
    if thick > WIDEST || length < 3 * thick.max(1) {
        return None;
    }
    let (mut flanks, mut strength) = ([Vec::new(), Vec::new()], 0.0);
    for &at in &part.places {
        let at = at as usize;
        strength += difference[at].abs();
        let column = at % COLUMNS;
        let places = [column.checked_sub(thick + 8), Some(column + thick + 8)];
        for (flank, place) in flanks.iter_mut().zip(places) {
            if let Some(place) = place.filter(|p| (BESIDE..BESIDE + BELT).contains(p)) {
                flank.push(strip.texture[at - column + place]);
            }
        }
    }
    let rough = (3.0 * strip.surface_texture).max(6.0);
    // Between lumps, and where load begins, one side at least is rough.
    if flanks.iter_mut().any(|flank| super::median(flank) > rough) {
        return None;
    }
    let strength = strength / part.places.len() as f32 / threshold;
    let lasting = (length as f32 / (3.0 * shortest as f32)).min(1.0);
    let confidence = ((1.0 - 1.0 / (1.0 + strength)) * (0.6 + 0.6 * lasting)).clamp(0.0, 1.0);
    Some(Tear {
        kind: TearKind::Texture,
        bbox: strip.bbox(part),
        length: length as f32 * strip.grid.scale(),
        confidence,
    })
}

/// Breaks of a laser line across the belt; `None` when no such line is seen.
pub(super) fn laser(image: &Image, strip: &Strip<'_>, color: LaserColor) -> Option<Vec<Tear>> {
    let (own, others) = match color {
        LaserColor::Red => (0, [1, 2]),
        LaserColor::Green => (1, [0, 2]),
    };
    // How much of the laser's colour is in each place; the grid has none.
    let mut glow = vec![0.0_f32; strip.rows * COLUMNS];
    for (at, value) in glow.iter_mut().enumerate() {
        let place = strip.to_image((at % COLUMNS) as f32 + 0.5, (at / COLUMNS) as f32 + 0.5);
        if place.x >= 0.0
            && place.y >= 0.0
            && let Some(pixel) = image.pixel(place.x as u32, place.y as u32)
        {
            let [a, b] = others.map(|c| f32::from(pixel[c]));
            *value = (f32::from(pixel[own]) - a.max(b)).max(0.0);
        }
    }
    let glow = box_sums(glow.iter().copied(), strip.rows, 1);
    let mut peaks: Vec<(usize, f32, f32)> = Vec::new();
    for column in BESIDE + 2..BESIDE + BELT - 2 {
        let best = (0..strip.rows)
            .map(|row| (row, glow[row * COLUMNS + column]))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((row, value)) = best {
            peaks.push((column, row as f32, value));
        }
    }
    let level = super::median(&mut peaks.iter().map(|p| p.2).collect::<Vec<_>>());
    if level < 15.0 {
        return None;
    }
    let bright = |value: f32| value > 0.4 * level;
    // The line is smooth: a column far from the median of its neighbours is broken.
    let reach = 10;
    let broken: Vec<bool> = (0..peaks.len())
        .map(|n| {
            let window = &peaks[n.saturating_sub(reach)..(n + reach + 1).min(peaks.len())];
            let mut rows: Vec<f32> = window.iter().filter(|p| bright(p.2)).map(|p| p.1).collect();
            let usual = super::median(&mut rows);
            !bright(peaks[n].2) || (peaks[n].1 - usual).abs() > (strip.rows as f32 * 0.015).max(3.0)
        })
        .collect();
    let mut found = Vec::new();
    let mut n = 0;
    while n < broken.len() {
        let length = broken[n..].iter().take_while(|b| **b).count();
        if length >= 2 {
            let rows = peaks[n.saturating_sub(2)..(n + length + 2).min(peaks.len())]
                .iter()
                .filter(|p| bright(p.2));
            let (low, high) = rows.fold((f32::MAX, 0.0_f32), |(l, h), p| (l.min(p.1), h.max(p.1)));
            let low = low.min(high);
            let part = Part {
                columns: (peaks[n].0, peaks[n].0 + length),
                rows: ((low as usize).saturating_sub(4), (high as usize + 5).min(strip.rows)),
                places: Vec::new(),
            };
            let middle = ((low + high) / 2.0) as usize;
            let width = strip.widths[middle.min(strip.rows - 1)] * length as f32 / BELT as f32;
            found.push(Tear {
                kind: TearKind::Laser,
                bbox: strip.bbox(&part),
                length: width * strip.grid.scale(),
                confidence: (0.4 + 0.1 * length as f32).min(1.0),
            });
        }
        n += length.max(1);
    }
    Some(found)
}
