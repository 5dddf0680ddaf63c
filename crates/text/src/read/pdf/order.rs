//! The order in which a page is read: columns one after the other, what stands across them in between.

use super::lines::Piece;

/// A line of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) pieces: Vec<Piece>,
    pub(super) y: f32,
    pub(super) size: f32,
    /// Left and right end of its column.
    pub(super) column: (f32, f32),
}

impl Line {
    /// Its left and right end.
    pub(super) fn x(&self) -> (f32, f32) {
        let left = self.pieces.iter().map(|p| p.x.0).fold(f32::INFINITY, f32::min);
        (left, self.pieces.iter().map(|p| p.x.1).fold(f32::NEG_INFINITY, f32::max))
    }

    /// Its text; pieces are separated by spaces.
    pub(super) fn text(&self) -> String {
        let texts: Vec<&str> = self.pieces.iter().map(|piece| piece.text.as_str()).collect();
        texts.join(" ")
    }

    pub(super) fn table(&self) -> Option<usize> {
        self.pieces.first().and_then(|piece| piece.table)
    }
}

/// The lines of a page in order of reading.
pub(super) fn lines(pieces: Vec<Piece>) -> Vec<Line> {
    let mut out = Vec::new();
    order(pieces, 0, &mut out);
    out
}

fn order(mut pieces: Vec<Piece>, depth: usize, out: &mut Vec<Line>) {
    let Some(gutter) = (depth < 3).then(|| gutter(&pieces)).flatten() else {
        return column(pieces, out);
    };
    pieces.sort_by(|a, b| b.y.total_cmp(&a.y));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let band = |left: &mut Vec<Piece>, right: &mut Vec<Piece>, out: &mut Vec<Line>| {
        order(std::mem::take(left), depth + 1, out);
        order(std::mem::take(right), depth + 1, out);
    };
    let mut across: Vec<Piece> = Vec::new();
    for piece in pieces {
        let crosses = side(&piece, gutter).is_none();
        if !crosses && !across.is_empty() {
            column(std::mem::take(&mut across), out);
        }
        match side(&piece, gutter) {
            Some(true) => left.push(piece),
            Some(false) => right.push(piece),
            None => {
                band(&mut left, &mut right, out);
                across.push(piece);
            }
        }
    }
    column(across, out);
    band(&mut left, &mut right, out);
}

/// Whether a piece is left of a gutter; `None` when it crosses it.
fn side(piece: &Piece, gutter: f32) -> Option<bool> {
    if piece.x.1 <= gutter + 1.0 {
        Some(true)
    } else if piece.x.0 >= gutter - 1.0 {
        Some(false)
    } else {
        None
    }
}

/// Where two columns of running text are separated.
fn gutter(pieces: &[Piece]) -> Option<f32> {
    if pieces.len() < 8 {
        return None;
    }
    let left = pieces.iter().map(|p| p.x.0).fold(f32::INFINITY, f32::min);
    let right = pieces.iter().map(|p| p.x.1).fold(f32::NEG_INFINITY, f32::max);
    let mut starts: Vec<f32> = pieces.iter().map(|p| p.x.0).collect();
    starts.sort_by(f32::total_cmp);
    starts.dedup_by(|b, a| *b - *a < 1.0);
    let middle = |x: &f32| (0.25..=0.75).contains(&((x - left) / (right - left).max(1.0)));
    let candidates = starts.into_iter().filter(middle).take(64);
    candidates
        .filter_map(|x| Some((columns(pieces, x)?, x)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, x)| x)
}

/// How good a gutter is: the share of text beside it. `None` where there are no two columns of running text.
fn columns(pieces: &[Piece], gutter: f32) -> Option<f32> {
    let (mut left, mut right, mut crossing, mut all) = (Vec::new(), Vec::new(), 0.0, 0.0);
    for piece in pieces {
        let width = piece.x.1 - piece.x.0;
        all += width;
        match side(piece, gutter) {
            Some(true) => left.push(piece),
            Some(false) => right.push(piece),
            None => crossing += width,
        }
    }
    if left.len() < 4 || right.len() < 4 || crossing > all * 0.3 {
        return None;
    }
    let range = |side: &[&Piece]| {
        let low = side.iter().map(|p| p.y).fold(f32::INFINITY, f32::min);
        (low, side.iter().map(|p| p.y).fold(f32::NEG_INFINITY, f32::max))
    };
    let (a, b) = (range(&left), range(&right));
    let shared = a.1.min(b.1) - a.0.max(b.0);
    if shared < 0.4 * (a.1 - a.0).min(b.1 - b.0) {
        return None;
    }
    // Lines of running text fill their column; cells of a table do not.
    let fill = |side: &[&Piece]| {
        let widest = side.iter().map(|p| p.x.1 - p.x.0).fold(1.0, f32::max);
        let full = side
            .iter()
            .filter(|p| p.x.1 - p.x.0 > 0.75 * widest && p.text.chars().count() >= 8)
            .count();
        full as f32 / side.len() as f32
    };
    (fill(&left) > 0.4 && fill(&right) > 0.4).then_some(1.0 - crossing / all.max(1.0))
}

/// Pieces of one column to lines, from the top.
fn column(mut pieces: Vec<Piece>, out: &mut Vec<Line>) {
    if pieces.is_empty() {
        return;
    }
    let left = pieces.iter().map(|p| p.x.0).fold(f32::INFINITY, f32::min);
    let right = pieces.iter().map(|p| p.x.1).fold(f32::NEG_INFINITY, f32::max);
    pieces.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x.0.total_cmp(&b.x.0)));
    let mut line: Option<Line> = None;
    for piece in pieces {
        match &mut line {
            Some(line)
                if piece.table.is_none()
                    && line.table().is_none()
                    && line.y - piece.y <= 0.5 * line.size.min(piece.size) =>
            {
                line.size = line.size.max(piece.size);
                line.pieces.push(piece);
            }
            _ => {
                let new = Line {
                    y: piece.y,
                    size: piece.size,
                    column: (left, right),
                    pieces: vec![piece],
                };
                out.extend(line.replace(new));
            }
        }
    }
    out.extend(line);
    // Pieces of a line came by their base lines; they are read from the left.
    out.iter_mut().for_each(|line| line.pieces.sort_by(|a, b| a.x.0.total_cmp(&b.x.0)));
}
