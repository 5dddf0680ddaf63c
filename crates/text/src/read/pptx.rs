//! PowerPoint slides in their order, each a page: its title, its text, its tables, and the speaker's notes.

use super::archive::Archive;
use super::build::Builder;
use super::limits::ReadLimits;
use super::problem::{Problem, note};
use super::table::{Cell, Table};
use super::xml::{self, Xml};
use crate::document::Extract;

const MAIN: &str = "ppt/presentation.xml";

/// Reads a presentation.
pub(super) fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<Extract>, Problem> {
    let mut archive = Archive::open(bytes, limits)?;
    let mut order = Vec::new();
    let found = archive.with(MAIN, |reader| {
        xml::walk(reader, limits.depth, |event| {
            if let Xml::Start("sldId", attributes) = event
                && let Some(id) = attributes.qualified("r:id").or_else(|| attributes.get("id"))
            {
                order.push(id);
            }
            Ok(())
        })
    })?;
    found.ok_or_else(|| Problem::damaged(format!("it has no {MAIN}")))?;
    let relations = xml::relations(&mut archive, MAIN, limits.depth)?;
    let mut builder = Builder::new(limits);
    let slides: Vec<&String> = order.iter().filter_map(|id| relations.get(id)).collect();
    for (at, part) in slides.iter().enumerate() {
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        if at >= limits.pages {
            let message =
                format!("only the first {} slides were read; raise the limit", limits.pages);
            builder.note(note(Some(number), "truncated", message));
            break;
        }
        builder.page(number);
        slide(&mut archive, part, false, limits, &mut builder)?;
        let notes = xml::relations(&mut archive, part, limits.depth)?;
        if let Some(notes) = notes.values().find(|target| target.contains("notesSlide")) {
            slide(&mut archive, notes, true, limits, &mut builder)?;
        }
    }
    Ok(builder.finish())
}

/// What is collected of a slide.
#[derive(Default)]
struct Slide {
    /// Paragraphs of the shape in work.
    shape: Vec<String>,
    /// The shape's place in the layout: `title`, `body`, `sldNum` …
    placeholder: String,
    line: String,
    in_text: bool,
    /// Rows of the table in work.
    rows: Vec<Vec<Cell>>,
    in_table: bool,
    /// A cell that another one covers.
    covered: bool,
    skipping: usize,
    cells: usize,
}

fn slide(
    archive: &mut Archive<'_>,
    part: &str,
    notes: bool,
    limits: &ReadLimits,
    builder: &mut Builder,
) -> Result<(), Problem> {
    let mut slide = Slide::default();
    archive.with(part, |reader| {
        xml::walk(reader, limits.depth, |event| {
            match event {
                Xml::Start("Fallback", _) => slide.skipping += 1,
                Xml::End("Fallback") => slide.skipping = slide.skipping.saturating_sub(1),
                _ if slide.skipping > 0 => {}
                Xml::Start("sp", _) => {
                    slide.shape.clear();
                    slide.placeholder.clear();
                }
                Xml::Start("ph", attributes) => {
                    slide.placeholder = attributes.get("type").unwrap_or_else(|| "body".to_owned());
                }
                Xml::Start("t", _) => slide.in_text = true,
                Xml::End("t") => slide.in_text = false,
                Xml::Text(text) if slide.in_text => slide.line.push_str(text),
                Xml::Start("br", _) => slide.line.push('\n'),
                Xml::End("p") => slide.paragraph(),
                Xml::End("sp") => slide.shape(notes, builder)?,
                Xml::Start("tbl", _) => slide.in_table = true,
                Xml::Start("tr", _) => slide.rows.push(Vec::new()),
                Xml::Start("tc", attributes) => {
                    slide.cells += 1;
                    if slide.cells > limits.cells {
                        return Err(Problem::new(
                            "too-large",
                            format!("more than {} cells", limits.cells),
                        ));
                    }
                    let merged =
                        |name| attributes.get(name).is_some_and(|v| v == "1" || v == "true");
                    slide.covered = merged("hMerge") || merged("vMerge");
                    if !slide.covered
                        && let Some(row) = slide.rows.last_mut()
                    {
                        let columns = attributes.number("gridSpan").unwrap_or(1).max(1);
                        let rows = attributes.number("rowSpan").unwrap_or(1).max(1);
                        row.push(Cell { text: String::new(), columns, rows });
                    }
                }
                Xml::End("tbl") => slide.table(builder)?,
                _ => {}
            }
            Ok(())
        })
    })?;
    Ok(())
}

impl Slide {
    fn paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.trim().is_empty() {
            return;
        }
        if !self.in_table {
            self.shape.push(line);
        } else if let Some(cell) =
            self.rows.last_mut().and_then(|row| row.last_mut()).filter(|_| !self.covered)
        {
            if !cell.text.is_empty() {
                cell.text.push('\n');
            }
            cell.text.push_str(&line);
        }
    }

    fn shape(&mut self, notes: bool, builder: &mut Builder) -> Result<(), Problem> {
        let lines = std::mem::take(&mut self.shape);
        match self.placeholder.as_str() {
            "sldNum" | "dt" | "ftr" | "hdr" => Ok(()),
            // Notes repeat nothing but their own text.
            "body" if notes => {
                lines.iter().try_for_each(|line| builder.paragraph(&format!("备注：{line}")))
            }
            _ if notes => Ok(()),
            "title" | "ctrTitle" => {
                let title = super::fields::one_line(&lines.join(" "));
                let level = if self.placeholder == "ctrTitle" { 1 } else { 2 };
                builder.heading(level, &title)
            }
            _ => lines.iter().try_for_each(|line| builder.paragraph(line)),
        }
    }

    fn table(&mut self, builder: &mut Builder) -> Result<(), Problem> {
        self.in_table = false;
        let mut table = Table::new(builder);
        for row in std::mem::take(&mut self.rows) {
            table.row(&row, false)?;
        }
        table.finish()
    }
}
