//! Markdown: headings, paragraphs, list items with their numbers, tables, and front matter as declared values.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::build::Builder;
use super::encoding::decode;
use super::fields::{self, Value};
use super::html;
use super::limits::ReadLimits;
use super::problem::Problem;
use super::table::{Cell, Table};
use crate::document::{Extract, declared};

/// Reads a document.
pub(super) fn read(bytes: &[u8], limits: &ReadLimits) -> Result<Vec<Extract>, Problem> {
    let (text, notes) = decode(bytes, None);
    let mut builder = Builder::new(limits);
    notes.into_iter().for_each(|note| builder.note(note));
    let (front, body) = front_matter(&text);
    if !front.is_empty() {
        say(front, &mut builder)?;
    }
    let mut reading = Reading::new(&mut builder, limits);
    for event in Parser::new_ext(body, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        reading.see(event)?;
    }
    Ok(builder.finish())
}

/// The lines between two `---` at the start, and the rest.
fn front_matter(text: &str) -> (Vec<&str>, &str) {
    let Some(rest) = text.strip_prefix("---\n") else { return (Vec::new(), text) };
    let mut lines = Vec::new();
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end();
        if line == "---" || line == "..." {
            return (lines, &rest[at..]);
        }
        // A dashed line at the start of a text is no front matter when names do not follow.
        if !line.trim().is_empty()
            && !line.contains(':')
            && !line.contains('：')
            && !line.trim().starts_with(['-', '#'])
        {
            break;
        }
        lines.push(line);
    }
    (Vec::new(), text)
}

/// `name: value`, `name: [a, b]`, or a name and lines `- value` below it.
fn say(lines: Vec<&str>, builder: &mut Builder) -> Result<(), Problem> {
    let mut pairs: Vec<(String, Value)> = Vec::new();
    for line in lines {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some(item) = trimmed.strip_prefix("- ") {
            match pairs.last_mut() {
                Some((_, Value::List(items))) => items.push(unquoted(item)),
                Some((_, value @ Value::Nothing)) => *value = Value::List(vec![unquoted(item)]),
                _ => {}
            }
            continue;
        }
        let Some((name, value)) = trimmed.split_once([':', '：']) else { continue };
        let value = value.trim();
        // Something nested under a name is not read, and must not be taken for nothing.
        if line.starts_with(' ') {
            if let Some((_, value)) = pairs.last_mut() {
                *value = Value::Other;
            }
            continue;
        }
        let value = match value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
            Some(list) => Value::List(
                list.split([',', '，']).map(unquoted).filter(|item| !item.is_empty()).collect(),
            ),
            None if value.is_empty() => Value::Nothing,
            None => Value::Scalar(unquoted(value)),
        };
        pairs.push((name.trim().to_owned(), value));
    }
    // A text is needed for a record; the document has its own.
    pairs.retain(|(name, _)| {
        !fields::holds_records(std::iter::once(name.as_str())) || name == declared::QUESTION
    });
    pairs.push(("text".to_owned(), Value::Scalar("-".to_owned())));
    let about = fields::document(pairs)?;
    let target = builder.about();
    (target.id, target.title, target.declared) = (about.id, about.title, about.declared);
    Ok(())
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = |mark: char| text.strip_prefix(mark).and_then(|t| t.strip_suffix(mark));
    inner('"').or_else(|| inner('\'')).unwrap_or(text).to_owned()
}

struct Reading<'a> {
    builder: &'a mut Builder,
    line: String,
    heading: Option<u8>,
    lists: Vec<Option<u64>>,
    html: String,
    row: Vec<Cell>,
    rows: Vec<(Vec<Cell>, bool)>,
    cells: usize,
    cell_limit: usize,
}

impl<'a> Reading<'a> {
    fn see(&mut self, event: Event<'_>) -> Result<(), Problem> {
        match event {
            Event::Start(tag) => self.start(&tag)?,
            Event::End(tag) => self.end(tag)?,
            Event::Text(text) | Event::Code(text) => {
                // Of a block of code, each line is one.
                for (at, part) in text.split('\n').enumerate() {
                    if at > 0 {
                        self.line.push('\n');
                    }
                    self.line.push_str(part);
                }
            }
            // Laws are written a paragraph a line, often without an empty one between.
            Event::SoftBreak | Event::HardBreak => self.line.push('\n'),
            Event::Html(text) => self.html.push_str(&text),
            Event::InlineHtml(tag) if tag.starts_with("<br") => self.line.push('\n'),
            _ => {}
        }
        Ok(())
    }

    fn start(&mut self, tag: &Tag<'_>) -> Result<(), Problem> {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush()?;
                self.heading = Some(number(*level));
            }
            Tag::List(first) => {
                self.flush()?;
                self.lists.push(*first);
            }
            Tag::Item => {
                self.flush()?;
                if let Some(Some(next)) = self.lists.last_mut() {
                    self.line = format!("{next}. ");
                    *next = next.saturating_add(1);
                }
            }
            Tag::CodeBlock(_) | Tag::Table(_) | Tag::HtmlBlock => self.flush()?,
            Tag::TableCell => self.line.clear(),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, tag: TagEnd) -> Result<(), Problem> {
        match tag {
            TagEnd::Paragraph | TagEnd::Item | TagEnd::CodeBlock => self.flush(),
            TagEnd::Heading(_) => {
                self.flush()?;
                self.heading = None;
                Ok(())
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.flush()
            }
            TagEnd::HtmlBlock => html::fragment(&std::mem::take(&mut self.html), self.builder),
            TagEnd::TableCell => {
                self.cells += 1;
                if self.cells > self.cell_limit {
                    return Err(Problem::new(
                        "too-large",
                        format!("more than {} cells", self.cell_limit),
                    ));
                }
                self.row.push(Cell::of(std::mem::take(&mut self.line)));
                Ok(())
            }
            TagEnd::TableHead | TagEnd::TableRow => {
                let header = matches!(tag, TagEnd::TableHead);
                self.rows.push((std::mem::take(&mut self.row), header));
                Ok(())
            }
            TagEnd::Table => {
                let mut table = Table::new(self.builder);
                for (row, header) in std::mem::take(&mut self.rows) {
                    table.row(&row, header)?;
                }
                table.finish()
            }
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), Problem> {
        let line = std::mem::take(&mut self.line);
        match self.heading {
            Some(level) => self.builder.heading(level, &line),
            None => self.builder.paragraph(&line),
        }
    }

    fn new(builder: &'a mut Builder, limits: &ReadLimits) -> Self {
        Self {
            builder,
            line: String::new(),
            heading: None,
            lists: Vec::new(),
            html: String::new(),
            row: Vec::new(),
            rows: Vec::new(),
            cells: 0,
            cell_limit: limits.cells,
        }
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::BlockKind;

    #[test]
    fn a_law_with_front_matter() {
        let text = "---\ntitle: 临江市养犬管理办法\n文号: 临政令第5号\nlabels:\n  - 公安局\n  - \"城管局\"\nregion: 临江市\n---\n\
            # 临江市养犬管理办法\n\n## 第一章 总则\n**第一条** 为了规范养犬，制定本办法。\n（一）登记；\n（二）免疫。\n\n\
            1. 甲\n2. 乙\n   - 丙\n\n| 项目 | 金额 |\n|---|---|\n| 登记 | 100 |\n\n<table><tr><td>A</td><td>B</td></tr><tr><td>1</td><td>2</td></tr></table>\n";
        let [document] = read(text.as_bytes(), &ReadLimits::default()).unwrap().try_into().unwrap();
        assert_eq!(document.title.as_deref(), Some("临江市养犬管理办法"));
        assert_eq!(document.declared["labels"], "公安局,城管局");
        assert_eq!(document.declared["number"], "临政令第5号");
        let lines: Vec<&str> = document.text.lines().collect();
        assert_eq!(
            lines,
            [
                "临江市养犬管理办法",
                "第一章 总则",
                "第一条 为了规范养犬，制定本办法。",
                "（一）登记；",
                "（二）免疫。",
                "1. 甲",
                "2. 乙",
                "丙",
                "项目\t金额",
                "登记\t100",
                "A\tB",
                "1\t2"
            ]
        );
        assert_eq!(document.blocks[1].kind, BlockKind::Heading { level: 2 });
        assert_eq!(document.blocks[8].kind, BlockKind::Row { table: 0, header: true });
    }

    #[test]
    fn dashes_that_are_no_front_matter() {
        let [document] = read("---\n第一条 目的。\n---\n".as_bytes(), &ReadLimits::default())
            .unwrap()
            .try_into()
            .unwrap();
        assert!(document.text.contains("第一条 目的。") && document.declared.is_empty());
    }

    #[test]
    fn nested_labels_are_refused() {
        let text = "---\nlabels:\n  who: 公安局\n---\n正文";
        assert_eq!(read(text.as_bytes(), &ReadLimits::default()).unwrap_err().code, "bad-labels");
    }
}
