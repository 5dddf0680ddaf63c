//! Puts a document together from blocks: keeps places valid, cleans text, opens a new part where one gets too long.

use std::borrow::Cow;

use super::limits::ReadLimits;
use super::problem::{Problem, note};
use crate::document::{Block, BlockKind, Extract, Note, Page};
use crate::span::Span;

/// Key of [`Extract::declared`] with the number of a part of a document that was too long for one.
pub(super) const PART: &str = "part";

/// A document that grows block by block. A block is one line of the text.
pub(super) struct Builder {
    done: Vec<Extract>,
    current: Extract,
    page: Option<(u32, usize)>,
    /// Rows of the header of the table in work, to be repeated in the next part.
    header: Vec<String>,
    tables: u32,
    in_table: bool,
    written: usize,
    document_bytes: usize,
    text_bytes: usize,
}

impl Builder {
    pub(super) fn new(limits: &ReadLimits) -> Self {
        Self {
            done: Vec::new(),
            current: Extract::default(),
            page: None,
            header: Vec::new(),
            tables: 0,
            in_table: false,
            written: 0,
            document_bytes: limits.document_bytes.max(64),
            text_bytes: limits.text_bytes,
        }
    }

    /// What is known of the document beside its text; parts share it.
    pub(super) fn about(&mut self) -> &mut Extract {
        &mut self.current
    }

    pub(super) fn note(&mut self, note: Note) {
        // A page of garbage may have something to say about every byte.
        if self.current.notes.len() < 1_000 && !self.current.notes.contains(&note) {
            self.current.notes.push(note);
        }
    }

    pub(super) fn heading(&mut self, level: u8, text: &str) -> Result<(), Problem> {
        self.lines(BlockKind::Heading { level: level.clamp(1, 9) }, text)
    }

    pub(super) fn paragraph(&mut self, text: &str) -> Result<(), Problem> {
        self.lines(BlockKind::Paragraph, text)
    }

    /// A row of the table that was begun last.
    pub(super) fn row<S: AsRef<str>>(&mut self, header: bool, cells: &[S]) -> Result<(), Problem> {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                line.push('\t');
            }
            let cell = clean(cell.as_ref());
            for (at, word) in
                cell.split(['\n', '\t']).map(str::trim).filter(|w| !w.is_empty()).enumerate()
            {
                if at > 0 {
                    line.push(' ');
                }
                line.push_str(word);
            }
        }
        // Empty cells at the end say nothing; those in front keep the columns in their places.
        let line = line.trim_end_matches('\t');
        if line.trim().is_empty() {
            return Ok(());
        }
        if header {
            self.header.push(line.to_owned());
        }
        self.push(BlockKind::Row { table: self.tables.saturating_sub(1), header }, line)
    }

    pub(super) fn begin_table(&mut self) {
        self.tables += 1;
        self.in_table = true;
        self.header.clear();
    }

    pub(super) fn end_table(&mut self) {
        self.in_table = false;
        self.header.clear();
    }

    /// Begins a page; the one before ends.
    pub(super) fn page(&mut self, number: u32) {
        self.end_page();
        self.page = Some((number, self.current.text.len()));
    }

    /// Bytes of text so far, all parts.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Appends to the block before instead of beginning another: a paragraph that runs on over a page break.
    pub(super) fn continue_paragraph(&mut self, text: &str) -> Result<(), Problem> {
        let text = clean(text);
        let text = text.trim();
        let goes_on =
            matches!(self.current.blocks.last(), Some(block) if block.kind == BlockKind::Paragraph);
        if !goes_on
            || self.current.text.len() + text.len() > self.document_bytes
            || text.contains('\n')
        {
            return self.paragraph(text);
        }
        self.count(text.len())?;
        self.current.text.push_str(text);
        if let Some(last) = self.current.blocks.last_mut() {
            last.span.end = self.current.text.len();
        }
        Ok(())
    }

    fn lines(&mut self, kind: BlockKind, text: &str) -> Result<(), Problem> {
        let text = clean(text);
        for line in text.split('\n') {
            let line = line.trim();
            if !line.is_empty() {
                self.push(kind, line)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: BlockKind, mut line: &str) -> Result<(), Problem> {
        while line.len() > self.document_bytes {
            // Longer than a whole part: what fits, then the rest.
            let cut = line.floor_char_boundary(self.document_bytes);
            self.whole(kind, &line[..cut])?;
            line = &line[cut..];
        }
        self.whole(kind, line)
    }

    fn whole(&mut self, kind: BlockKind, line: &str) -> Result<(), Problem> {
        if !self.current.text.is_empty()
            && self.current.text.len() + line.len() + 1 > self.document_bytes
        {
            self.next_part(kind)?;
        }
        self.append(kind, line)
    }

    fn append(&mut self, kind: BlockKind, line: &str) -> Result<(), Problem> {
        self.count(line.len() + 1)?;
        if !self.current.text.is_empty() {
            self.current.text.push('\n');
        }
        let start = self.current.text.len();
        if let Some((_, at)) = &mut self.page
            && *at + 1 == start
        {
            // The page begins with its text, not with the line break in front of it.
            *at = start;
        }
        self.current.text.push_str(line);
        self.current.blocks.push(Block { kind, span: Span::new(start, self.current.text.len()) });
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), Problem> {
        self.written += bytes;
        if self.written > self.text_bytes {
            return Err(Problem::new(
                "too-large",
                format!(
                    "it has more than {} bytes of text; divide it, or raise the limit",
                    self.text_bytes
                ),
            ));
        }
        Ok(())
    }

    fn next_part(&mut self, kind: BlockKind) -> Result<(), Problem> {
        let page = self.page.map(|(number, _)| number);
        self.end_page();
        let about = Extract {
            id: self.current.id.clone(),
            title: self.current.title.clone(),
            declared: self.current.declared.clone(),
            ..Extract::default()
        };
        self.done.push(std::mem::replace(&mut self.current, about));
        self.page = page.map(|number| (number, 0));
        if let BlockKind::Row { table, header: false } = kind
            && self.in_table
        {
            for row in std::mem::take(&mut self.header) {
                self.append(BlockKind::Row { table, header: true }, &row)?;
                self.header.push(row);
            }
        }
        Ok(())
    }

    fn end_page(&mut self) {
        let end = self.current.text.len();
        if let Some((number, start)) = self.page.take() {
            self.current.pages.push(Page { number, span: Span::new(start.min(end), end) });
        }
    }

    /// The document, or its parts. Empty when nothing was written and nothing is to be said.
    pub(super) fn finish(mut self) -> Vec<Extract> {
        self.end_page();
        if !self.current.text.is_empty() || self.done.is_empty() {
            self.done.push(self.current);
        }
        number_parts(&mut self.done, self.document_bytes);
        self.done
    }
}

/// Says in each of several parts which it is.
fn number_parts(parts: &mut [Extract], limit: usize) {
    if parts.len() > 1 {
        let count = parts.len();
        for (at, part) in parts.iter_mut().enumerate() {
            mark_part(part, at + 1, Some(count), limit);
        }
    }
}

/// Says in a part of a long document which it is, and gives it an identifier of its own.
pub(super) fn mark_part(part: &mut Extract, number: usize, count: Option<usize>, limit: usize) {
    let of = count.map(|count| format!(" of {count}")).unwrap_or_default();
    part.notes.push(note(
        None,
        "split",
        format!("more than {limit} bytes of text: this is part {number}{of}, nothing is left out"),
    ));
    part.declared.insert(PART.to_owned(), number.to_string());
    if number > 1
        && let Some(id) = &mut part.id
    {
        id.push_str(&format!("#{number}"));
    }
}

/// Text without what no reader sees: control characters, zero-width marks; line ends are `\n`, fixed spaces are spaces.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let odd = |c: char| {
        matches!(c, '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
    };
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push('\n');
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{a0}' => out.push(' '),
            c if odd(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_lines_and_pages_hold_them() {
        let mut builder = Builder::new(&ReadLimits::default());
        builder.page(1);
        builder.heading(1, " 关于\u{200b}通知 ").unwrap();
        builder.paragraph("第一段。\r\n第二段。").unwrap();
        builder.page(2);
        builder.continue_paragraph("续文。").unwrap();
        builder.begin_table();
        builder.row(true, &["序号", "名称"]).unwrap();
        builder.row(false, &["1", "身份证\n复印件", ""]).unwrap();
        let [document] = builder.finish().try_into().unwrap();
        assert_eq!(
            document.text,
            "关于通知\n第一段。\n第二段。续文。\n序号\t名称\n1\t身份证 复印件"
        );
        let pages: Vec<_> =
            document.pages.iter().map(|p| p.span.of(&document.text).unwrap()).collect();
        assert_eq!(pages, ["关于通知\n第一段。\n第二段。", "续文。\n序号\t名称\n1\t身份证 复印件"]);
        assert_eq!(document.blocks.len(), 5);
        assert_eq!(document.blocks[4].kind, BlockKind::Row { table: 0, header: false });
    }

    #[test]
    fn long_documents_come_in_parts_that_repeat_the_header() {
        let limits = ReadLimits { document_bytes: 64, ..ReadLimits::default() };
        let mut builder = Builder::new(&limits);
        builder.about().id = Some("甲".to_owned());
        builder.begin_table();
        builder.row(true, &["名称", "电话"]).unwrap();
        for n in 0..10 {
            builder.row(false, &["某某办事大厅".to_owned(), format!("0{n}")]).unwrap();
        }
        let parts = builder.finish();
        assert!(parts.len() > 3);
        let rows: usize = parts.iter().map(|p| p.blocks.len() - 1).sum();
        assert_eq!(rows, 10);
        for (at, part) in parts.iter().enumerate() {
            assert!(
                part.text.starts_with("名称\t电话\n") && part.text.len() <= 64,
                "{:?}",
                part.text
            );
            assert_eq!(part.declared["part"], (at + 1).to_string());
        }
        assert_eq!(parts[1].id.as_deref(), Some("甲#2"));
    }

    #[test]
    fn text_is_bounded() {
        let limits = ReadLimits { text_bytes: 100, ..ReadLimits::default() };
        let mut builder = Builder::new(&limits);
        assert_eq!(builder.paragraph(&"字".repeat(40)).unwrap_err().code, "too-large");
    }
}
