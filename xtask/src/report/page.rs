//! A page as blocks, written as Markdown and as HTML: both say the same, since they are made of the same.

use super::targets::Status;

/// A page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

/// A part of a page.
#[derive(Debug)]
pub(super) enum Block {
    /// A heading of level 2 or 3; those of level 2 are in the list of contents.
    Heading(usize, String),
    Text(Vec<Span>),
    Table {
        head: Vec<String>,
        rows: Vec<Vec<Vec<Span>>>,
    },
    /// A drawing and what it shows; Markdown has no place for it.
    Plot {
        svg: String,
        caption: String,
        /// It shares its line with another.
        half: bool,
    },
}

/// Words.
#[derive(Debug, Clone)]
pub(super) enum Span {
    Plain(String),
    Code(String),
    /// Words and where they lead, relative to the folder `docs`.
    Link(String, String),
    Verdict(Status),
    /// A new line within a cell.
    Break,
}

/// Plain words.
pub(super) fn plain(text: impl Into<String>) -> Vec<Span> {
    vec![Span::Plain(text.into())]
}

/// Words in which backticks mark code.
pub(super) fn rich(text: &str) -> Vec<Span> {
    let parts = text.split('`').enumerate();
    let spans = parts.map(|(i, part)| match i % 2 {
        0 => Span::Plain(part.to_owned()),
        _ => Span::Code(part.to_owned()),
    });
    spans.collect()
}

impl Page {
    pub(super) fn heading(&mut self, level: usize, text: impl Into<String>) {
        self.blocks.push(Block::Heading(level, text.into()));
    }

    pub(super) fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(plain(text)));
    }

    pub(super) fn table(&mut self, head: &[&str], rows: Vec<Vec<Vec<Span>>>) {
        if !rows.is_empty() {
            let head = head.iter().map(|&name| name.to_owned()).collect();
            self.blocks.push(Block::Table { head, rows });
        }
    }

    pub(super) fn plot(&mut self, svg: Option<String>, caption: impl Into<String>) {
        if let Some(svg) = svg {
            self.blocks.push(Block::Plot { svg, caption: caption.into(), half: false });
        }
    }

    /// A drawing that shares its line with another.
    pub(super) fn half_plot(&mut self, svg: Option<String>, caption: impl Into<String>) {
        if let Some(svg) = svg {
            self.blocks.push(Block::Plot { svg, caption: caption.into(), half: true });
        }
    }

    /// The page as Markdown, without its drawings.
    pub(super) fn markdown(&self) -> String {
        let mut out = format!("# {}\n", self.title);
        for block in &self.blocks {
            match block {
                Block::Heading(level, text) => out += &format!("\n{} {text}\n", "#".repeat(*level)),
                Block::Text(spans) => out += &format!("\n{}\n", markdown(spans, false)),
                Block::Table { head, rows } => out += &format!("\n{}", table_markdown(head, rows)),
                Block::Plot { .. } => {}
            }
        }
        out
    }

    /// The page as one file of HTML that asks for nothing else.
    pub(super) fn html(&self) -> String {
        let mut contents = String::new();
        let mut body = String::new();
        let mut headings = 0;
        for block in &self.blocks {
            match block {
                Block::Heading(level, text) => {
                    let text = escape(text);
                    headings += 1;
                    if *level == 2 {
                        contents += &format!("<a href=\"#s{headings}\">{text}</a>\n");
                    }
                    body += &format!("<h{level} id=\"s{headings}\">{text}</h{level}>\n");
                }
                Block::Text(spans) => body += &format!("<p>{}</p>\n", html(spans)),
                Block::Table { head, rows } => body += &table_html(head, rows),
                Block::Plot { svg, caption, half } => {
                    let class = if *half { " class=\"half\"" } else { "" };
                    let caption = escape(caption);
                    body += &format!(
                        "<figure{class}>\n{svg}<figcaption>{caption}</figcaption>\n</figure>\n"
                    );
                }
            }
        }
        let title = escape(&self.title);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<header><h1>{title}</h1>\n\
             <nav aria-label=\"Contents\">\n{contents}</nav></header>\n<main>\n{body}</main>\n</body>\n</html>\n",
            include_str!("style.css")
        )
    }
}

/// A table as Markdown.
pub(super) fn table_markdown(head: &[String], rows: &[Vec<Vec<Span>>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut out = line(head) + &line(&vec!["---".to_owned(); head.len()]);
    for row in rows {
        out += &line(&row.iter().map(|cell| markdown(cell, true)).collect::<Vec<_>>());
    }
    out
}

fn markdown(spans: &[Span], cell: bool) -> String {
    let text = |text: &str| if cell { text.replace('|', "\\|") } else { text.to_owned() };
    let one = |span: &Span| match span {
        Span::Plain(words) => text(words),
        Span::Code(words) => format!("`{words}`"),
        Span::Link(words, to) => format!("[{}]({to})", text(words)),
        Span::Verdict(Status::Met) => Status::Met.word().to_owned(),
        Span::Verdict(status) => format!("**{}**", status.word()),
        Span::Break => "<br>".to_owned(),
    };
    spans.iter().map(one).collect()
}

fn table_html(head: &[String], rows: &[Vec<Vec<Span>>]) -> String {
    let head: String = head.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let mut out =
        format!("<div class=\"table\"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n");
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", html(cell))).collect();
        out += &format!("<tr>{cells}</tr>\n");
    }
    out + "</tbody></table></div>\n"
}

fn html(spans: &[Span]) -> String {
    let one = |span: &Span| match span {
        Span::Plain(words) => escape(words),
        Span::Code(words) => {
            // Long names of tests break at their parts, not in the middle of a word.
            format!(
                "<code>{}</code>",
                escape(words)
                    .replace('/', "/<wbr>")
                    .replace("::", "::<wbr>")
                    .replace('_', "_<wbr>")
            )
        }
        Span::Link(words, to) => format!("<a href=\"{}\">{}</a>", escape(to), escape(words)),
        Span::Verdict(status) => {
            let class = format!("{status:?}").to_lowercase();
            format!("<span class=\"verdict {class}\">{}</span>", status.word())
        }
        Span::Break => "<br>".to_owned(),
    };
    spans.iter().map(one).collect()
}

/// Words as text of HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_and_neither_breaks() {
        let mut page = Page { title: "A & B".to_owned(), ..Page::default() };
        page.heading(2, "First");
        let cell = vec![Span::Plain("x | <y>".into()), Span::Break, Span::Code("a_b".into())];
        page.table(&["h"], vec![vec![cell]]);
        page.plot(Some("<svg></svg>\n".into()), "a drawing");
        page.table(&["nothing"], Vec::new());
        let text = page.markdown();
        assert_eq!(text, "# A & B\n\n## First\n\n| h |\n| --- |\n| x \\| <y><br>`a_b` |\n");
        let html = page.html();
        assert!(html.contains("<a href=\"#s1\">First</a>") && html.contains("x | &lt;y&gt;<br>"));
        assert!(html.contains("<svg></svg>") && html.contains("A &amp; B"));
        assert!(!html.contains("src=") && !html.contains("http"), "nothing is asked of anybody");
    }
}
