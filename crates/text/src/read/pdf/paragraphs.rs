//! Lines to paragraphs, headings and rows, over the breaks of columns and pages.

use super::grid::Grid;
use super::lines::join;
use super::order::Line;
use crate::read::build::Builder;
use crate::read::problem::Problem;
use crate::read::table::{Cell, Table};

/// A page with its lines in order and its tables.
pub(super) struct PageText {
    pub(super) number: u32,
    pub(super) lines: Vec<Line>,
    pub(super) grids: Vec<Grid>,
}

/// Sizes of a document's text.
pub(super) struct Sizes {
    body: f32,
    /// Sizes of headings, the largest first.
    headings: Vec<f32>,
}

impl Sizes {
    /// The size of most characters, and those of short lines that are clearly larger.
    pub(super) fn of(pages: &[PageText]) -> Self {
        let lines =
            || pages.iter().flat_map(|page| &page.lines).filter(|line| line.table().is_none());
        let mut counts: std::collections::BTreeMap<i32, usize> = std::collections::BTreeMap::new();
        for line in lines() {
            *counts.entry(rounded(line.size)).or_default() += line.text().chars().count();
        }
        let body = counts.iter().max_by_key(|(_, count)| **count).map_or(0, |(size, _)| *size);
        let body = body as f32 / 2.0;
        let mut headings: Vec<i32> =
            lines().filter(|line| line.size > body * 1.12).map(|l| rounded(l.size)).collect();
        headings.sort_unstable_by(|a, b| b.cmp(a));
        headings.dedup();
        headings.truncate(6);
        Self { body, headings: headings.into_iter().map(|size| size as f32 / 2.0).collect() }
    }

    fn level(&self, line: &Line) -> Option<u8> {
        let text = line.text();
        let long = text.chars().count() > 60 || text.ends_with(['。', '；', '，', ';']);
        if line.size <= self.body * 1.12 || long {
            return None;
        }
        let at = self.headings.iter().position(|size| (size - line.size).abs() < 0.3)?;
        u8::try_from(at + 1).ok()
    }
}

/// Half points.
fn rounded(size: f32) -> i32 {
    (size * 2.0).round().clamp(0.0, 10_000.0) as i32
}

/// What was written last, for the line that may go on with it.
#[derive(Default)]
struct Open {
    text: String,
    level: Option<u8>,
    /// The last line reaches to the right end of its column.
    full: bool,
    size: f32,
    y: f32,
    /// Part of it is already in the document: a page ended within it.
    continued: bool,
}

/// Writes pages into a document.
pub(super) struct Writer<'a> {
    builder: &'a mut Builder,
    sizes: Sizes,
    open: Option<Open>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(builder: &'a mut Builder, sizes: Sizes) -> Self {
        Self { builder, sizes, open: None }
    }

    pub(super) fn builder(&mut self) -> &mut Builder {
        self.builder
    }

    /// Writes a page; a paragraph at its end may go on in the next.
    pub(super) fn page(&mut self, page: &PageText) -> Result<(), Problem> {
        let goes_on = self.open.take_if(|open| open.full && open.level.is_none());
        self.flush()?;
        if let Some(open) = goes_on {
            let (text, continued) = (open.text.clone(), open.continued);
            self.write(&text, None, continued)?;
            self.open =
                Some(Open { text: String::new(), continued: true, y: f32::INFINITY, ..open });
        }
        self.builder.page(page.number);
        let mut at = 0;
        while let Some(line) = page.lines.get(at) {
            if let Some(table) = line.table() {
                self.flush()?;
                if let Some(grid) = page.grids.get(table) {
                    self.rows(grid.rows.iter().map(Vec::as_slice))?;
                }
                at += 1;
                continue;
            }
            let aligned = aligned(&page.lines[at..]);
            if aligned > 0 {
                self.flush()?;
                let cells = |line: &Line| {
                    line.pieces.iter().map(|piece| Cell::of(piece.text.as_str())).collect()
                };
                let rows: Vec<Vec<Cell>> = page.lines[at..at + aligned].iter().map(cells).collect();
                self.rows(rows.iter().map(Vec::as_slice))?;
                at += aligned;
                continue;
            }
            self.line(line)?;
            at += 1;
        }
        Ok(())
    }

    fn rows<'c>(&mut self, rows: impl Iterator<Item = &'c [Cell]>) -> Result<(), Problem> {
        let mut table = Table::new(self.builder);
        for row in rows {
            table.row(row, false)?;
        }
        table.finish()
    }

    fn line(&mut self, line: &Line) -> Result<(), Problem> {
        let level = self.sizes.level(line);
        let text = line.text();
        let (left, right) = line.x();
        let full = right >= line.column.1 - 2.0 * line.size;
        let indented = left > line.column.0 + 0.8 * line.size;
        if let Some(open) = &mut self.open {
            let same =
                (open.size - line.size).abs() < 0.1 * line.size.max(1.0) && open.level == level;
            let close = open.y < line.y || open.y - line.y < 2.6 * line.size || open.continued;
            let heading = level.is_some() && open.text.chars().count() < 60 && !begins(&text);
            let body = level.is_none() && open.full && !indented && !begins(&text);
            if same && close && (heading || body) {
                if open.text.is_empty() {
                    open.text.push_str(&text);
                } else {
                    join(&mut open.text, &text);
                }
                (open.full, open.y) = (full, line.y);
                return Ok(());
            }
        }
        self.flush()?;
        self.open = Some(Open { text, level, full, size: line.size, y: line.y, continued: false });
        Ok(())
    }

    fn write(&mut self, text: &str, level: Option<u8>, continued: bool) -> Result<(), Problem> {
        match level {
            Some(level) => self.builder.heading(level, text),
            None if continued && !text.is_empty() => self.builder.continue_paragraph(text),
            None => self.builder.paragraph(text),
        }
    }

    /// Writes what is open.
    pub(super) fn flush(&mut self) -> Result<(), Problem> {
        match self.open.take() {
            Some(open) => self.write(&open.text, open.level, open.continued),
            None => Ok(()),
        }
    }
}

/// How many lines from here on make a table without rules: as many pieces each, below each other.
fn aligned(lines: &[Line]) -> usize {
    let Some(first) = lines.first().filter(|line| line.pieces.len() > 1 && line.table().is_none())
    else {
        return 0;
    };
    let below = |line: &&Line| {
        line.table().is_none()
            && line.pieces.len() == first.pieces.len()
            && line.pieces.iter().zip(&first.pieces).all(|(a, b)| {
                let near = |a: f32, b: f32| (a - b).abs() < 1.2 * line.size;
                near(a.x.0, b.x.0) || near(a.x.1, b.x.1) || near(a.x.0 + a.x.1, b.x.0 + b.x.1)
            })
    };
    let count = lines.iter().take_while(below).count();
    if count >= 3 || (count == 2 && first.pieces.len() > 2) { count } else { 0 }
}

/// Whether a line begins as a new paragraph does, indented or not: `第一条`, `一、`, `（一）`, `1.`.
fn begins(text: &str) -> bool {
    const NUMERALS: &str = "一二三四五六七八九十百千零〇0123456789０１２３４５６７８９";
    let text = text.trim_start();
    let mut chars = text.chars();
    let numerals = |chars: &mut std::str::Chars<'_>| {
        let rest = chars.as_str().trim_start_matches(|c| NUMERALS.contains(c));
        let count = chars.as_str().len() - rest.len();
        *chars = rest.chars();
        count
    };
    match chars.next() {
        Some('第') => {
            numerals(&mut chars) > 0 && chars.next().is_some_and(|c| "编章节条款".contains(c))
        }
        Some('（' | '(') => numerals(&mut chars) > 0 && matches!(chars.next(), Some('）' | ')')),
        Some(c) if NUMERALS.contains(c) => {
            numerals(&mut chars);
            match chars.next() {
                Some('、' | '．') => true,
                // Not the decimals of a number that was cut by the end of a line.
                Some('.') => chars.next().is_some_and(|c| !c.is_ascii_digit()),
                _ => false,
            }
        }
        _ => false,
    }
}
