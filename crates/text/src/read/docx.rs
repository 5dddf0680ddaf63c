//! Word documents: paragraphs with their automatic numbers, headings by style or outline level, tables, text boxes,
//! footnotes; what was deleted under track changes is left out, as are headers, footers and tables of contents.

mod numbering;
mod styles;

use numbering::{Counters, Numbering};
use styles::Styles;

use super::archive::Archive;
use super::build::Builder;
use super::limits::ReadLimits;
use super::problem::Problem;
use super::table::{Cell, Table};
use super::xml::{self, Attributes, Xml};
use crate::document::Extract;

/// Reads a document.
pub(super) fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<Extract>, Problem> {
    let mut archive = Archive::open(bytes, limits)?;
    let depth = limits.depth;
    let styles = archive.with("word/styles.xml", |r| Styles::read(r, depth))?.unwrap_or_default();
    let numbering =
        archive.with("word/numbering.xml", |r| Numbering::read(r, depth))?.unwrap_or_default();
    let mut builder = Builder::new(limits);
    let main = archive.with("word/document.xml", |reader| {
        let mut body = Body::new(&mut builder, &styles, &numbering, limits);
        xml::walk(reader, depth, |event| body.see(event))
    })?;
    main.ok_or_else(|| Problem::damaged("it has no word/document.xml"))?;
    for notes in ["word/footnotes.xml", "word/endnotes.xml"] {
        archive.with(notes, |reader| {
            let mut body = Body::new(&mut builder, &styles, &numbering, limits);
            xml::walk(reader, depth, |event| body.see(event))
        })?;
    }
    Ok(builder.finish())
}

/// A paragraph in work.
#[derive(Default)]
struct Paragraph {
    text: String,
    style: Option<String>,
    outline: Option<u8>,
    number: Option<String>,
    level: Option<usize>,
}

/// A table in work, whole: whether cells go on below is known only when the next row is there.
#[derive(Default)]
struct Grid {
    rows: Vec<GridRow>,
}

#[derive(Default)]
struct GridRow {
    header: bool,
    cells: Vec<GridCell>,
}

#[derive(Default)]
struct GridCell {
    text: String,
    columns: usize,
    /// Goes on from the cell above.
    continues: bool,
}

struct Body<'a> {
    builder: &'a mut Builder,
    styles: &'a Styles,
    numbering: &'a Numbering,
    counters: Counters,
    /// Paragraphs around the one in work: a text box stands within a paragraph.
    paragraphs: Vec<Paragraph>,
    tables: Vec<Grid>,
    /// Elements whose contents are skipped, by depth.
    skipping: usize,
    /// Within `w:t`.
    in_text: bool,
    /// Within `w:pPr`, not counting that of a tracked change.
    in_properties: bool,
    /// Where the innermost text box's tables begin: its cells are not the outer table's.
    cells: usize,
    cell_limit: usize,
}

impl<'a> Body<'a> {
    fn new(
        builder: &'a mut Builder,
        styles: &'a Styles,
        numbering: &'a Numbering,
        limits: &ReadLimits,
    ) -> Self {
        Self {
            builder,
            styles,
            numbering,
            counters: Counters::default(),
            paragraphs: Vec::new(),
            tables: Vec::new(),
            skipping: 0,
            in_text: false,
            in_properties: false,
            cells: 0,
            cell_limit: limits.cells,
        }
    }

    fn see(&mut self, event: Xml<'_>) -> Result<(), Problem> {
        // A drawing has an old form beside the new one; phonetic guides repeat the text; a change keeps what was.
        const SKIPPED: [&str; 6] =
            ["Fallback", "rt", "pPrChange", "rPrChange", "tblPrChange", "moveFrom"];
        match event {
            Xml::Start(name, _) if SKIPPED.contains(&name) => self.skipping += 1,
            Xml::End(name) if SKIPPED.contains(&name) => {
                self.skipping = self.skipping.saturating_sub(1);
            }
            _ if self.skipping > 0 => {}
            Xml::Start(name, attributes) => self.start(name, &attributes)?,
            Xml::Text(text) if self.in_text => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.text.push_str(text);
                }
            }
            Xml::Text(_) => {}
            Xml::End(name) => self.end(name)?,
        }
        Ok(())
    }

    fn start(&mut self, name: &str, attributes: &Attributes<'_>) -> Result<(), Problem> {
        match name {
            "p" => self.paragraphs.push(Paragraph::default()),
            "pPr" => self.in_properties = true,
            "t" => self.in_text = true,
            "tbl" => self.tables.push(Grid::default()),
            "tr" => self.with_grid(|grid| grid.rows.push(GridRow::default())),
            "tc" => {
                self.cells += 1;
                if self.cells > self.cell_limit {
                    return Err(Problem::new(
                        "too-large",
                        format!("more than {} cells", self.cell_limit),
                    ));
                }
                self.with_row(|row| row.cells.push(GridCell { columns: 1, ..GridCell::default() }));
            }
            "tblHeader" => {
                let on = !matches!(attributes.get("val").as_deref(), Some("0" | "false" | "off"));
                self.with_row(|row| row.header = on);
            }
            "gridSpan" => {
                let columns = attributes.number("val").unwrap_or(1).clamp(1, 512);
                self.with_cell(|cell| cell.columns = columns);
            }
            "vMerge" => {
                let continues = attributes.get("val").is_none_or(|val| val != "restart");
                self.with_cell(|cell| cell.continues = continues);
            }
            _ => self.inline(name, attributes),
        }
        Ok(())
    }

    /// What stands in a paragraph.
    fn inline(&mut self, name: &str, attributes: &Attributes<'_>) {
        let properties = self.in_properties;
        let Some(paragraph) = self.paragraphs.last_mut() else { return };
        match name {
            "pStyle" => paragraph.style = attributes.get("val"),
            "outlineLvl" if properties => {
                paragraph.outline = attributes.number("val").and_then(|n| u8::try_from(n).ok());
            }
            "numId" if properties => paragraph.number = attributes.get("val"),
            "ilvl" if properties => paragraph.level = attributes.number("val"),
            "tab" if !properties => paragraph.text.push(' '),
            "br" if attributes.get("type").is_none() => paragraph.text.push('\n'),
            "cr" => paragraph.text.push('\n'),
            "noBreakHyphen" => paragraph.text.push('-'),
            _ => {}
        }
    }

    fn end(&mut self, name: &str) -> Result<(), Problem> {
        match name {
            "t" => self.in_text = false,
            "pPr" => self.in_properties = false,
            "p" => self.paragraph()?,
            "tbl" => {
                if let Some(grid) = self.tables.pop() {
                    self.table(&grid)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn paragraph(&mut self) -> Result<(), Problem> {
        let Some(paragraph) = self.paragraphs.pop() else { return Ok(()) };
        let style = paragraph.style.as_deref().and_then(|id| self.styles.get(id));
        let number = paragraph.number.as_deref().or(style.and_then(|s| s.number.as_deref()));
        let level = paragraph.level.or(style.and_then(|s| s.level)).unwrap_or(0);
        let prefix =
            number.and_then(|id| self.counters.next(self.numbering, id, level)).unwrap_or_default();
        // An empty paragraph counts, but there is nothing to read.
        if style.is_some_and(|style| style.contents) || paragraph.text.trim().is_empty() {
            return Ok(());
        }
        let text = format!("{prefix}{}", paragraph.text.trim());
        if !self.tables.is_empty() {
            self.with_cell(|cell| {
                if !cell.text.is_empty() {
                    cell.text.push('\n');
                }
                cell.text.push_str(&text);
            });
            return Ok(());
        }
        let outline = paragraph.outline.filter(|&level| level < 9).map(|level| level + 1);
        match outline.or(style.and_then(|style| style.heading)) {
            Some(level) if text.chars().count() <= 120 => self.builder.heading(level, &text),
            _ => self.builder.paragraph(&text),
        }
    }

    fn table(&mut self, grid: &Grid) -> Result<(), Problem> {
        if !self.tables.is_empty() {
            // A table in a cell is text of that cell.
            let text: Vec<String> = grid
                .rows
                .iter()
                .map(|row| row.cells.iter().map(|c| c.text.as_str()).collect::<Vec<_>>().join(" "))
                .collect();
            self.with_cell(|cell| {
                cell.text.push('\n');
                cell.text.push_str(&text.join("\n"));
            });
            return Ok(());
        }
        if let [GridRow { cells, .. }] = grid.rows.as_slice()
            && let [cell] = cells.as_slice()
        {
            // A frame around text.
            return self.builder.paragraph(&cell.text);
        }
        let rows = merged(grid);
        let mut table = Table::new(self.builder);
        for (cells, row) in rows.iter().zip(&grid.rows) {
            table.row(cells, row.header)?;
        }
        table.finish()
    }

    fn with_grid(&mut self, change: impl FnOnce(&mut Grid)) {
        if let Some(grid) = self.tables.last_mut() {
            change(grid);
        }
    }

    fn with_row(&mut self, change: impl FnOnce(&mut GridRow)) {
        self.with_grid(|grid| {
            if let Some(row) = grid.rows.last_mut() {
                change(row);
            }
        });
    }

    fn with_cell(&mut self, change: impl FnOnce(&mut GridCell)) {
        self.with_row(|row| {
            if let Some(cell) = row.cells.last_mut() {
                change(cell);
            }
        });
    }
}

/// The rows of a table with cells that know how many rows they take; those that only go on are left out.
fn merged(grid: &Grid) -> Vec<Vec<Cell>> {
    let mut rows: Vec<Vec<Cell>> = Vec::with_capacity(grid.rows.len());
    // Where, by column, the cell is that would go on: row and place in it.
    let mut open: Vec<Option<(usize, usize)>> = Vec::new();
    for (at, row) in grid.rows.iter().enumerate() {
        let (mut out, mut column) = (Vec::new(), 0);
        for cell in &row.cells {
            let end = (column + cell.columns).min(4096);
            if open.len() < end {
                open.resize(end, None);
            }
            let above = open.get(column).copied().flatten().filter(|_| cell.continues);
            if let Some((r, c)) = above
                && let Some(cell) = rows.get_mut(r).and_then(|row| row.get_mut(c))
            {
                cell.rows = at - r + 1;
            } else {
                let place = Some((at, out.len()));
                open.iter_mut().take(end).skip(column).for_each(|slot| *slot = place);
                out.push(Cell { text: cell.text.clone(), columns: cell.columns, rows: 1 });
            }
            column = end;
        }
        rows.push(out);
    }
    rows
}
