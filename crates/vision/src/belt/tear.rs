//! Places that may be tears: narrow lines along the running direction, and breaks of a laser line.

use super::strip::{BELT, BESIDE, COLUMNS, Part, Strip, box_sums, parts};
use super::{BeltConfig, LaserColor, Tear, TearKind};
use crate::image::Image;

/// A tear is narrower than this share of the belt.
const WIDEST: usize = BELT * 8 / 100;
/// Tears lie further from the edges than this.
const FROM_EDGE: usize = BELT * 4 / 100;
const MIN_DIFFERENCE: f32 = 9.0;
/// Both sides of a cut fall off within two columns by at least this share of its depth; streaks of wear and soft shadows slope.
const SHARP: f32 = 0.6;
/// A tear is this many times as deep as nine tenths of the lines that the rubber has anyway.
const STREAKS: f32 = 2.5;
/// What is beside a tear is rubber: of its shade, up to this many grey levels or spreads of the surface.
const SAME_SHADE: f32 = 30.0;
const SAME_SPREAD: f32 = 5.0;

/// Narrow lines along the belt, darker or lighter than the surface on both sides.
pub(super) fn find(strip: &Strip<'_>, config: &BeltConfig) -> Vec<Tear> {
    let (along, difference) = ridge(strip);
    let mut sizes: Vec<f32> = difference.iter().step_by(3).map(|d| d.abs()).collect();
    let noise = 1.48 * super::median(&mut sizes);
    let threshold = (4.0 * noise).max(STREAKS * streaks(strip, &difference)).max(MIN_DIFFERENCE);
    let shortest = ((strip.rows as f32 * config.min_tear) as usize).max(12);
    let mut found = Vec::new();
    for sign in [-1.0, 1.0] {
        let strong: Vec<bool> = difference.iter().map(|d| d * sign > threshold).collect();
        for part in parts(&strong, strip.rows) {
            let long = part.rows.1 - part.rows.0 >= shortest;
            if long && sharpness(&part, &along, &difference) >= SHARP {
                found.extend(judge(strip, &part, &difference, threshold, shortest));
            }
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

/// Grey smoothed along the belt, and the same against the mean of both sides; 0 where only one side differs.
fn ridge(strip: &Strip<'_>) -> (Vec<f32>, Vec<f32>) {
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
    (along, out)
}

/// How deep the lines of the bare rubber are: nine tenths are less.
fn streaks(strip: &Strip<'_>, difference: &[f32]) -> f32 {
    let rough = (3.0 * strip.surface_texture).max(6.0);
    let smooth = difference.iter().zip(&strip.texture).skip(1).step_by(3);
    let mut depths: Vec<f32> =
        smooth.filter(|(d, t)| **d != 0.0 && **t <= rough).map(|(d, _)| d.abs()).collect();
    if depths.is_empty() {
        return 0.0;
    }
    let place = depths.len() * 9 / 10;
    *depths.select_nth_unstable_by(place, f32::total_cmp).1
}

/// How steep a line's sides are: the steepest change over two columns as a share of the line's depth, of the gentler side, in the
/// middle one of its rows.
fn sharpness(part: &Part, along: &[f32], difference: &[f32]) -> f32 {
    let top = part.rows.0;
    let mut rows = vec![(COLUMNS, 0, 0.0_f32); part.rows.1 - top];
    for &at in &part.places {
        let (row, column) = (at as usize / COLUMNS - top, at as usize % COLUMNS);
        let (first, last, depth) = &mut rows[row];
        (*first, *last) = ((*first).min(column), (*last).max(column));
        *depth = depth.max(difference[at as usize].abs());
    }
    let sharp = |(n, &(first, last, depth)): (usize, &(usize, usize, f32))| {
        let line = along.get((top + n) * COLUMNS..(top + n + 1) * COLUMNS)?;
        let middle = usize::midpoint(first, last);
        let steepest = |from: usize, to: usize| {
            let steps = line.get(from..to)?.windows(3).map(|w| (w[2] - w[0]).abs());
            steps.reduce(f32::max)
        };
        let left = steepest(first.saturating_sub(3), middle + 1)?;
        let right = steepest(middle, (last + 4).min(COLUMNS))?;
        (depth > 0.0).then_some(left.min(right) / depth)
    };
    let mut all: Vec<f32> = rows.iter().enumerate().filter_map(sharp).collect();
    super::median(&mut all)
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
    let mut shades = [Vec::new(), Vec::new()];
    for &at in &part.places {
        let at = at as usize;
        strength += difference[at].abs();
        let column = at % COLUMNS;
        let places = [column.checked_sub(thick + 8), Some(column + thick + 8)];
        for ((flank, shade), place) in flanks.iter_mut().zip(&mut shades).zip(places) {
            if let Some(place) = place.filter(|p| (BESIDE..BESIDE + BELT).contains(p)) {
                let at = at - column + place;
                flank.push(strip.texture[at]);
                shade.push((strip.grey[at] - strip.surface[at]).abs());
            }
        }
    }
    let rough = (3.0 * strip.surface_texture).max(6.0);
    // Between lumps, and where load begins, one side at least is rough.
    if flanks.iter_mut().any(|flank| super::median(flank) > rough) {
        return None;
    }
    let other = (SAME_SPREAD * strip.spread).max(SAME_SHADE);
    if shades.iter_mut().any(|shade| super::median(shade) > other) {
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
