//! What the tags of a page make: pieces of text with what they are, from which the article is chosen.

use crate::document::declared;
use crate::read::build::Builder;
use crate::read::fields::one_line;
use crate::read::problem::Problem;
use crate::read::table::{Cell, Table};

/// A piece of a page.
#[derive(Debug, Clone)]
struct Piece {
    kind: Kind,
    text: String,
    /// In what the page marks as its article.
    main: bool,
    /// Characters of links.
    linked: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    Heading(u8),
    Paragraph,
    Table(Vec<Row>),
}

#[derive(Debug, Clone, Default)]
struct Row {
    header: bool,
    cells: Vec<Inside>,
}

/// A cell with what is in it.
#[derive(Debug, Clone, Default)]
struct Inside {
    pieces: Vec<Piece>,
    columns: usize,
    rows: usize,
    header: bool,
}

/// A table in work.
#[derive(Debug, Default)]
struct Grid {
    rows: Vec<Row>,
    in_head: bool,
    /// It holds another table: it makes a layout.
    layout: bool,
}

/// Elements nested in themselves, counted until the outermost ends.
#[derive(Debug)]
struct Span {
    name: String,
    depth: usize,
}

/// A page in work.
#[derive(Debug, Default)]
pub(super) struct Page {
    pieces: Vec<Piece>,
    tables: Vec<Grid>,
    line: String,
    gap: Gap,
    linked: usize,
    in_link: bool,
    heading: Option<u8>,
    preformatted: usize,
    lists: Vec<Option<u32>>,
    skipped: Option<Span>,
    main: Option<Span>,
    in_title: bool,
    title: String,
    meta: Vec<(&'static str, String)>,
    stated_title: Option<String>,
}

/// White space before the next character.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    No,
    Space,
    Line,
}

/// Elements whose contents are no part of the text.
const SKIPPED: [&str; 16] = [
    "script", "style", "noscript", "template", "nav", "footer", "aside", "svg", "math", "iframe",
    "object", "select", "button", "textarea", "noembed", "noframes",
];
const VOID: [&str; 8] = ["br", "hr", "img", "input", "meta", "link", "area", "base"];
const BLOCKS: [&str; 38] = [
    "p",
    "div",
    "section",
    "article",
    "main",
    "header",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "td",
    "th",
    "caption",
    "br",
    "hr",
    "blockquote",
    "pre",
    "form",
    "fieldset",
    "figure",
    "figcaption",
    "address",
    "details",
    "summary",
    "body",
    "html",
    "center",
    "thead",
    "tbody",
    "tfoot",
    "h1",
    "h2",
    "h3",
    "title",
];

impl Page {
    pub(super) fn text(&mut self, text: &str) {
        if self.skipped.is_some() {
            return;
        }
        if self.in_title {
            self.title.push_str(text);
            return;
        }
        if self.preformatted > 0 {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.flush();
                }
                self.line.push_str(line);
            }
            return;
        }
        for c in text.chars() {
            if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
                self.gap = self.gap.max(if c == '\n' { Gap::Line } else { Gap::Space });
                continue;
            }
            // White space of the source is one space; a line break between Han characters is none.
            let last = self.line.chars().next_back();
            let wrapped =
                self.gap == Gap::Line && !c.is_ascii() && last.is_some_and(|last| !last.is_ascii());
            if self.gap != Gap::No && last.is_some_and(|last| last != ' ') && !wrapped {
                self.line.push(' ');
            }
            self.gap = Gap::No;
            self.linked += usize::from(self.in_link);
            self.line.push(c);
        }
    }

    pub(super) fn start(
        &mut self,
        name: &str,
        attribute: &dyn Fn(&str) -> Option<String>,
        closed: bool,
    ) {
        if let Some(skipped) = &mut self.skipped {
            skipped.depth += usize::from(skipped.name == name && !closed);
            return;
        }
        let void = closed || VOID.contains(&name);
        if !void && (SKIPPED.contains(&name) || hidden(name, attribute)) {
            self.flush();
            self.skipped = Some(Span { name: name.to_owned(), depth: 1 });
            return;
        }
        match &mut self.main {
            Some(main) => main.depth += usize::from(main.name == name && !void),
            None if !void && is_main(name, attribute) => {
                self.flush();
                self.main = Some(Span { name: name.to_owned(), depth: 1 });
            }
            None => {}
        }
        if BLOCKS.contains(&name) || level(name).is_some() {
            self.flush();
        }
        self.open(name, attribute);
    }

    fn open(&mut self, name: &str, attribute: &dyn Fn(&str) -> Option<String>) {
        match name {
            "title" => self.in_title = self.title.is_empty(),
            "a" => self.in_link = true,
            "pre" => self.preformatted += 1,
            "ul" => self.lists.push(None),
            "ol" => self
                .lists
                .push(Some(attribute("start").and_then(|n| n.trim().parse().ok()).unwrap_or(1))),
            "li" => {
                if let Some(Some(next)) = self.lists.last_mut() {
                    self.line = format!("{next}. ");
                    *next = next.saturating_add(1);
                }
            }
            "meta" => self.meta(attribute),
            "table" => self.tables.push(Grid::default()),
            "thead" => self.with_grid(|grid| grid.in_head = true),
            "tbody" | "tfoot" => self.with_grid(|grid| grid.in_head = false),
            "tr" => self
                .with_grid(|grid| grid.rows.push(Row { header: grid.in_head, cells: Vec::new() })),
            "td" | "th" => {
                let span = |name| {
                    attribute(name)
                        .and_then(|n| n.trim().parse().ok())
                        .unwrap_or(1usize)
                        .clamp(1, 1000)
                };
                let cell = Inside {
                    pieces: Vec::new(),
                    columns: span("colspan"),
                    rows: span("rowspan"),
                    header: name == "th",
                };
                self.with_grid(|grid| {
                    if grid.rows.is_empty() {
                        grid.rows.push(Row::default());
                    }
                    if let Some(row) = grid.rows.last_mut() {
                        row.cells.push(cell);
                    }
                });
            }
            _ => {
                if let Some(level) = level(name) {
                    self.heading = Some(level);
                }
            }
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some(skipped) = &mut self.skipped {
            skipped.depth -= usize::from(skipped.name == name);
            if skipped.depth == 0 {
                self.skipped = None;
            }
            return;
        }
        if BLOCKS.contains(&name) || level(name).is_some() {
            self.flush();
        }
        match name {
            "title" => self.in_title = false,
            "a" => self.in_link = false,
            "pre" => self.preformatted = self.preformatted.saturating_sub(1),
            "ul" | "ol" => drop(self.lists.pop()),
            "table" => self.close_table(),
            _ if level(name).is_some() => self.heading = None,
            _ => {}
        }
        if let Some(main) = &mut self.main
            && main.name == name
        {
            main.depth -= 1;
            if main.depth == 0 {
                self.flush();
                self.main = None;
            }
        }
    }

    /// `<meta name="ArticleTitle">` and its fellows, which government sites have to carry.
    fn meta(&mut self, attribute: &dyn Fn(&str) -> Option<String>) {
        let (Some(name), Some(content)) = (attribute("name"), attribute("content")) else { return };
        let content = one_line(&content);
        if content.is_empty() {
            return;
        }
        match name.to_ascii_lowercase().as_str() {
            "articletitle" => self.stated_title = Some(content),
            "pubdate" => {
                let day = content.split(' ').next().unwrap_or_default().to_owned();
                self.meta.push((declared::PUBLISHED, day));
            }
            "contentsource" => self.meta.push(("source", content)),
            "author" => self.meta.push(("author", content)),
            _ => {}
        }
    }

    fn flush(&mut self) {
        let line = std::mem::take(&mut self.line);
        let linked = std::mem::take(&mut self.linked);
        self.gap = Gap::No;
        if line.trim().is_empty() {
            return;
        }
        let kind = self.heading.map_or(Kind::Paragraph, Kind::Heading);
        self.piece(Piece { kind, text: line, main: self.main.is_some(), linked });
    }

    /// Puts a piece where it belongs: into the cell in work, else onto the page.
    fn piece(&mut self, piece: Piece) {
        let grid = self.tables.last_mut();
        match grid.and_then(|grid| grid.rows.last_mut()).and_then(|row| row.cells.last_mut()) {
            Some(cell) => cell.pieces.push(piece),
            None => self.pieces.push(piece),
        }
    }

    fn with_grid(&mut self, change: impl FnOnce(&mut Grid)) {
        if let Some(grid) = self.tables.last_mut() {
            change(grid);
        }
    }

    fn close_table(&mut self) {
        let Some(grid) = self.tables.pop() else { return };
        if grid.layout || !is_table(&grid.rows) {
            let pieces =
                grid.rows.into_iter().flat_map(|row| row.cells).flat_map(|cell| cell.pieces);
            pieces.collect::<Vec<_>>().into_iter().for_each(|piece| self.piece(piece));
            return;
        }
        self.with_grid(|outer| outer.layout = true);
        let main = self.main.is_some();
        self.piece(Piece { kind: Kind::Table(grid.rows), text: String::new(), main, linked: 0 });
    }

    /// Writes what is the article, or everything that is not navigation.
    pub(super) fn write(mut self, builder: &mut Builder, whole: bool) -> Result<(), Problem> {
        self.flush();
        while !self.tables.is_empty() {
            self.close_table();
        }
        if whole {
            self.say(builder);
        }
        let size =
            |pieces: &mut dyn Iterator<Item = &Piece>| pieces.map(Piece::size).sum::<usize>();
        let article = size(&mut self.pieces.iter().filter(|piece| piece.main));
        let chosen = whole && (article >= 200 || article * 3 >= size(&mut self.pieces.iter()));
        for piece in self.pieces {
            let navigation =
                whole && !piece.main && piece.linked * 5 > piece.text.chars().count() * 3;
            if navigation && matches!(piece.kind, Kind::Paragraph)
                || chosen && !piece.main && !piece.is_title()
            {
                continue;
            }
            piece.write(builder)?;
        }
        Ok(())
    }

    /// What the head says of the page.
    fn say(&mut self, builder: &mut Builder) {
        let first =
            self.pieces.iter().find(|piece| piece.is_title()).map(|piece| one_line(&piece.text));
        let title = one_line(&self.title);
        let title = match (self.stated_title.take(), first) {
            (Some(stated), _) => stated,
            (None, Some(first)) if title.is_empty() || title.contains(&first) => first,
            _ => without_site(&title).to_owned(),
        };
        let about = builder.about();
        about.title = (!title.is_empty()).then_some(title);
        for (key, value) in self.meta.drain(..) {
            about.declared.entry(key.to_owned()).or_insert(value);
        }
    }
}

impl Piece {
    fn size(&self) -> usize {
        match &self.kind {
            Kind::Table(rows) => rows
                .iter()
                .flat_map(|row| &row.cells)
                .flat_map(|cell| &cell.pieces)
                .map(|p| p.text.len())
                .sum(),
            _ => self.text.len(),
        }
    }

    fn is_title(&self) -> bool {
        matches!(self.kind, Kind::Heading(1))
    }

    fn write(self, builder: &mut Builder) -> Result<(), Problem> {
        match self.kind {
            Kind::Heading(level) => builder.heading(level, &self.text),
            Kind::Paragraph => builder.paragraph(&self.text),
            Kind::Table(rows) => {
                let mut table = Table::new(builder);
                for row in rows {
                    let header = row.header || row.cells.iter().all(|cell| cell.header);
                    let cells: Vec<Cell> = row.cells.into_iter().map(Inside::cell).collect();
                    table.row(&cells, header && !cells.is_empty())?;
                }
                table.finish()
            }
        }
    }
}

impl Inside {
    fn cell(self) -> Cell {
        let lines: Vec<String> = self.pieces.into_iter().map(|piece| piece.text).collect();
        Cell { text: lines.join("\n"), columns: self.columns, rows: self.rows }
    }
}

/// Rows and columns of short texts; a single row or column, or a cell with a whole article, makes a layout.
fn is_table(rows: &[Row]) -> bool {
    let filled =
        rows.iter().filter(|row| row.cells.iter().any(|cell| !cell.pieces.is_empty())).count();
    let wide = rows.iter().any(|row| row.cells.len() > 1);
    let article = |cell: &Inside| {
        cell.pieces.len() > 30
            || cell.pieces.iter().map(|piece| piece.text.len()).sum::<usize>() > 6_000
    };
    filled > 1 && wide && !rows.iter().flat_map(|row| &row.cells).any(article)
}

fn level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// Of elements that have to be closed: where an end tag may be missing, all that follows would be hidden.
fn hidden(name: &str, attribute: &dyn Fn(&str) -> Option<String>) -> bool {
    const CLOSED: [&str; 8] = ["div", "span", "section", "table", "ul", "ol", "a", "form"];
    CLOSED.contains(&name)
        && (attribute("hidden").is_some()
            || attribute("style").is_some_and(|style| {
                style.replace(' ', "").to_ascii_lowercase().contains("display:none")
            }))
}

/// Names by which content systems of government sites mark the article.
fn is_main(name: &str, attribute: &dyn Fn(&str) -> Option<String>) -> bool {
    const MARKS: [&str; 12] = [
        "trs_editor",
        "ucap-content",
        "pages_content",
        "trs_ueditor",
        "article-content",
        "article_content",
        "articlecontent",
        "content_body",
        "zoom",
        "js_content",
        "article-body",
        "con_text",
    ];
    if matches!(name, "article" | "main") {
        return true;
    }
    let marked = |value: String| {
        value.to_ascii_lowercase().split_whitespace().any(|word| MARKS.contains(&word))
    };
    matches!(name, "div" | "section" | "td")
        && (attribute("id").is_some_and(marked) || attribute("class").is_some_and(marked))
}

/// A title without the name of the site behind it.
fn without_site(title: &str) -> &str {
    const SITES: [&str; 9] = ["政府", "网", "局", "厅", "委员会", "门户", "中心", "办公室", "部"];
    for mark in ["_", " - ", " | ", "|", "－"] {
        if let Some((front, site)) = title.rsplit_once(mark)
            && SITES.iter().any(|end| site.trim().ends_with(end))
            && !front.trim().is_empty()
        {
            return without_site(front.trim());
        }
    }
    title
}

#[cfg(test)]
mod tests;
