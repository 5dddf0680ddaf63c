//! Characters to pieces of lines: a piece ends where a gap is wider than any between words.

use std::collections::HashSet;

use super::content::{Glyph, Rule, Shown};

/// A piece of a line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Left and right end.
    pub(super) x: (f32, f32),
    /// Base line; of a table its upper edge.
    pub(super) y: f32,
    pub(super) size: f32,
    /// It stands for this table of the page.
    pub(super) table: Option<usize>,
}

/// A gap of so many sizes ends a piece.
const GAP: f32 = 1.5;

/// Turns a page so that most of its text runs to the right, and leaves the rest out (watermarks, stamps). Gives how many
/// characters were left out that are neither.
pub(super) fn upright(shown: &mut Shown) -> usize {
    let mut counts = [0usize; 6];
    for glyph in &shown.glyphs {
        counts[usize::from(glyph.direction.min(5))] += 1;
    }
    let most =
        (0u8..6).filter(|&d| d != 4).max_by_key(|&d| (counts[usize::from(d)], 5 - d)).unwrap_or(0);
    shown.glyphs.retain(|glyph| glyph.direction == most);
    let turn = |(x, y): (f32, f32)| match most {
        1 => (y, -x),
        2 => (-x, -y),
        3 | 5 => (-y, x),
        _ => (x, y),
    };
    if most != 0 {
        for glyph in &mut shown.glyphs {
            (glyph.x, glyph.y) = turn((glyph.x, glyph.y));
            if most == 5 {
                glyph.width = glyph.size;
            }
        }
        for Rule { from, to } in &mut shown.rules {
            (*from, *to) = (turn(*from), turn(*to));
        }
    }
    counts
        .iter()
        .enumerate()
        .filter(|&(d, _)| d != usize::from(most) && d != 4)
        .map(|(_, count)| count)
        .sum()
}

/// Leaves out what is drawn again at nearly the same place, as makers do for bold.
pub(super) fn once(glyphs: &mut Vec<Glyph>) {
    let mut seen: HashSet<(char, i32, i32)> = HashSet::with_capacity(glyphs.len());
    glyphs.retain(|glyph| {
        let step = (glyph.size * 0.3).max(0.1);
        let (x, y) = ((glyph.x / step).round() as i32, (glyph.y / step).round() as i32);
        let near = (-1..=1).any(|dx| {
            (-1..=1).any(|dy| seen.contains(&(glyph.c, x.saturating_add(dx), y.saturating_add(dy))))
        });
        if !near {
            seen.insert((glyph.c, x, y));
        }
        // Leaders of dots stand closer than that.
        !near || matches!(glyph.c, '.' | '·' | '…' | '-' | '_' | ' ')
    });
}

/// The pieces of lines, from the top, those of a line from the left.
pub(super) fn pieces(glyphs: &mut [Glyph]) -> Vec<Piece> {
    glyphs.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.x.total_cmp(&b.x)));
    let (mut out, mut from) = (Vec::new(), 0);
    while let Some(first) = glyphs.get(from) {
        let near = |glyph: &Glyph| {
            first.y - glyph.y <= 0.5 * first.size.max(glyph.size).min(first.size * 2.0)
        };
        let to = from + glyphs[from..].iter().take_while(|glyph| near(glyph)).count().max(1);
        line(&mut glyphs[from..to], &mut out);
        from = to;
    }
    out
}

fn line(glyphs: &mut [Glyph], out: &mut Vec<Piece>) {
    glyphs.sort_by(|a, b| a.x.total_cmp(&b.x));
    let mut piece: Option<(Piece, f32)> = None;
    for glyph in glyphs.iter() {
        let end = glyph.x + glyph.width.max(0.0);
        match &mut piece {
            Some((piece, spaces)) if glyph.x - piece.x.1 <= GAP * piece.size.max(glyph.size) => {
                space(piece, glyph);
                if is_blank(glyph.c) {
                    *spaces += glyph.width;
                    // Blanks as wide as a gap are one.
                    if *spaces > 4.0 * piece.size {
                        continue;
                    }
                } else {
                    *spaces = 0.0;
                    piece.size = piece.size.max(glyph.size);
                    piece.x.1 = piece.x.1.max(end);
                }
                piece.text.push(glyph.c);
            }
            _ if is_blank(glyph.c) => {}
            _ => {
                let new = Piece {
                    text: glyph.c.to_string(),
                    x: (glyph.x, end),
                    y: glyph.y,
                    size: glyph.size,
                    table: None,
                };
                finish(piece.replace((new, 0.0)), out);
            }
        }
    }
    finish(piece, out);
}

fn finish(piece: Option<(Piece, f32)>, out: &mut Vec<Piece>) {
    if let Some((mut piece, _)) = piece {
        piece.text.truncate(piece.text.trim_end().len());
        if !piece.text.is_empty() {
            out.push(piece);
        }
    }
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\u{3000}' || c == '\u{a0}' || c == '\t'
}

/// A gap that is seen becomes a space where none was written.
fn space(piece: &mut Piece, next: &Glyph) {
    let Some(last) = piece.text.chars().next_back() else { return };
    if is_blank(last) || is_blank(next.c) {
        return;
    }
    let gap = (next.x - piece.x.1) / next.size.max(0.1);
    let western = last.is_ascii() && next.c.is_ascii();
    if gap > if western { 0.2 } else { 0.8 } {
        piece.text.push(' ');
    }
}

/// Lines of one paragraph or cell together: nothing between Han characters, a space between Western words.
pub(super) fn join(text: &mut String, next: &str) {
    let (last, first) = (text.chars().next_back(), next.chars().next());
    if let (Some(last), Some(first)) = (last, first)
        && last.is_ascii_graphic()
        && first.is_ascii_graphic()
    {
        if last == '-' && first.is_ascii_lowercase() {
            text.pop();
        } else {
            text.push(' ');
        }
    }
    text.push_str(next);
}
