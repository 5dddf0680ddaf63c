//! Tables from their ruled lines: which lines belong together, the cells between them, and the text in each.

use super::content::{Glyph, Rule};
use super::lines::{join, pieces};
use crate::read::table::Cell;

/// Lines nearer than this many points are one.
const NEAR: f32 = 3.0;
/// Most lines in one direction of one table.
const LINES: usize = 300;

/// A table of a page.
#[derive(Debug)]
pub(super) struct Grid {
    /// Left and right edge.
    pub(super) x: (f32, f32),
    /// Lower and upper edge.
    pub(super) y: (f32, f32),
    /// Rows from the top.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// An upright (`at` is x) or level (`at` is y) line.
#[derive(Debug, Clone, Copy)]
struct Line {
    at: f32,
    from: f32,
    to: f32,
}

/// Takes the characters of tables out of a page.
pub(super) fn tables(rules: &[Rule], glyphs: &mut Vec<Glyph>) -> Vec<Grid> {
    let (mut level, mut upright) = (Vec::new(), Vec::new());
    for Rule { from, to } in rules {
        let (dx, dy) = ((from.0 - to.0).abs(), (from.1 - to.1).abs());
        if !(dx + dy).is_finite() {
            continue;
        }
        if dx >= dy {
            level.push(Line {
                at: (from.1 + to.1) / 2.0,
                from: from.0.min(to.0),
                to: from.0.max(to.0),
            });
        } else {
            upright.push(Line {
                at: (from.0 + to.0) / 2.0,
                from: from.1.min(to.1),
                to: from.1.max(to.1),
            });
        }
    }
    let (level, upright) = (merged(level), merged(upright));
    if level.len() < 3 || upright.len() < 3 || level.len() > 2_000 || upright.len() > 2_000 {
        return Vec::new();
    }
    connected(&level, &upright)
        .into_iter()
        .filter_map(|(level, upright)| grid(&level, &upright, glyphs))
        .collect()
}

/// Pieces of one line put together: makers draw a line cell by cell, and twice.
fn merged(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.from.total_cmp(&b.from)));
    let mut out: Vec<Line> = Vec::new();
    let mut row: Vec<Line> = Vec::new();
    for line in lines {
        if row.first().is_some_and(|first| line.at - first.at > NEAR) {
            flush(&mut row, &mut out);
        }
        row.push(line);
    }
    flush(&mut row, &mut out);
    out
}

fn flush(row: &mut Vec<Line>, out: &mut Vec<Line>) {
    row.sort_by(|a, b| a.from.total_cmp(&b.from));
    let mut last: Option<Line> = None;
    for line in row.drain(..) {
        match &mut last {
            Some(last) if line.from <= last.to + NEAR => last.to = last.to.max(line.to),
            _ => out.extend(last.replace(line)),
        }
    }
    out.extend(last);
}

/// Lines that cross or touch, in groups.
fn connected(level: &[Line], upright: &[Line]) -> Vec<(Vec<Line>, Vec<Line>)> {
    let mut group: Vec<usize> = (0..level.len() + upright.len()).collect();
    fn root(group: &mut [usize], mut at: usize) -> usize {
        while group[at] != at {
            group[at] = group[group[at]];
            at = group[at];
        }
        at
    }
    for (i, h) in level.iter().enumerate() {
        for (j, v) in upright.iter().enumerate() {
            let touch = h.from - NEAR <= v.at
                && v.at <= h.to + NEAR
                && v.from - NEAR <= h.at
                && h.at <= v.to + NEAR;
            if touch {
                let (a, b) = (root(&mut group, i), root(&mut group, level.len() + j));
                group[a] = b;
            }
        }
    }
    let mut out: std::collections::BTreeMap<usize, (Vec<Line>, Vec<Line>)> =
        std::collections::BTreeMap::new();
    for at in 0..group.len() {
        let entry = out.entry(root(&mut group, at)).or_default();
        match level.get(at) {
            Some(line) => entry.0.push(*line),
            None => entry.1.extend(upright.get(at - level.len())),
        }
    }
    out.into_values().filter(|(level, upright)| level.len() >= 3 && upright.len() >= 3).collect()
}

/// The places of lines, each once, in order.
fn places(lines: &[Line]) -> Vec<f32> {
    let mut at: Vec<f32> = lines.iter().map(|line| line.at).collect();
    at.sort_by(f32::total_cmp);
    at.dedup_by(|b, a| *b - *a <= NEAR);
    at.truncate(LINES);
    at
}

fn grid(level: &[Line], upright: &[Line], glyphs: &mut Vec<Glyph>) -> Option<Grid> {
    let (xs, mut ys) = (places(upright), places(level));
    ys.reverse();
    if xs.len() < 3 || ys.len() < 3 {
        return None;
    }
    let (columns, rows) = (xs.len() - 1, ys.len() - 1);
    let x = (*xs.first()?, *xs.last()?);
    let y = (*ys.last()?, *ys.first()?);
    // Whether a line is drawn on the right of a column, or below a row, beside a cell.
    let drawn = |lines: &[Line], at: f32, beside: f32| {
        lines
            .iter()
            .any(|line| (line.at - at).abs() <= NEAR && line.from <= beside && beside <= line.to)
    };
    let middle = |a: f32, b: f32| (a + b) / 2.0;
    // The cell that each place of the grid belongs to, by its first place.
    let mut owner: Vec<usize> = (0..rows * columns).collect();
    for row in 0..rows {
        for column in 0..columns {
            let here = row * columns + column;
            if column > 0 && !drawn(upright, xs[column], middle(ys[row], ys[row + 1])) {
                owner[here] = owner[here - 1];
            } else if row > 0 && !drawn(level, ys[row], middle(xs[column], xs[column + 1])) {
                owner[here] = owner[here - columns];
            }
        }
    }
    let mut inside: Vec<Vec<Glyph>> = vec![Vec::new(); rows * columns];
    let mut taken = 0;
    let (mut kept, all) = (Vec::with_capacity(glyphs.len()), glyphs.len());
    for glyph in glyphs.drain(..) {
        let (gx, gy) = (glyph.x + glyph.width / 2.0, glyph.y + glyph.size * 0.3);
        if gx < x.0 || gx > x.1 || gy < y.0 || gy > y.1 {
            kept.push(glyph);
            continue;
        }
        let column = xs.partition_point(|&edge| edge <= gx).clamp(1, columns) - 1;
        let row = ys.partition_point(|&edge| edge >= gy).clamp(1, rows) - 1;
        inside[owner[row * columns + column]].push(glyph);
        taken += 1;
    }
    let filled = inside.iter().filter(|cell| !cell.is_empty()).count();
    if filled < 3 || taken == 0 {
        // A frame or a drawing around text is no table.
        kept.extend(inside.into_iter().flatten());
        *glyphs = kept;
        return None;
    }
    debug_assert_eq!(kept.len() + taken, all);
    *glyphs = kept;
    Some(Grid { x, y, rows: cells(&owner, &mut inside, rows, columns) })
}

fn cells(
    owner: &[usize],
    inside: &mut [Vec<Glyph>],
    rows: usize,
    columns: usize,
) -> Vec<Vec<Cell>> {
    let mut out = vec![Vec::new(); rows];
    for (row, cells) in out.iter_mut().enumerate() {
        for column in 0..columns {
            let here = row * columns + column;
            if owner[here] != here {
                continue;
            }
            let wide = (column..columns).take_while(|&c| owner[row * columns + c] == here).count();
            let high = (row..rows).take_while(|&r| owner[r * columns + column] == here).count();
            cells.push(Cell { text: text(&mut inside[here]), columns: wide, rows: high });
        }
    }
    out
}

fn text(glyphs: &mut [Glyph]) -> String {
    let mut out = String::new();
    let mut y = f32::NAN;
    for piece in pieces(glyphs) {
        if piece.y == y {
            out.push(' ');
            out.push_str(&piece.text);
        } else {
            join(&mut out, &piece.text);
        }
        y = piece.y;
    }
    out
}
